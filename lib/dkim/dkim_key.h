/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Key records (RFC 6376 section 3.6.1, RFC 8463 section 4) and the public keys
 * in them. The parsed form is kept with the DNS answer, so that a key is
 * decoded once for each time it is fetched; it does not change afterwards and
 * any number of threads may verify with it.
 */
#ifndef DKIM_DKIM_KEY_H
#define DKIM_DKIM_KEY_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim.h"
#include "lib/dkim/dkim_engine.h"
#include "lib/dns/dns.h"

/* Text of one record that is looked at; a 16384-bit key needs 2800. */
#define DKIM_KEY_TEXT_MAX ((size_t)8192)
/* Records of one answer that are tried (RFC 6376 section 6.1.2 step 4). */
#define DKIM_KEYS_MAX 5

enum dkim_key_type {
	DKIM_KEY_OTHER, /* k= that we do not know: to be ignored */
	DKIM_KEY_RSA,
	DKIM_KEY_ED25519,
	DKIM_KEY_TYPE_COUNT
};

struct dkim_key {
	/*
	 * What is wrong with the record, whatever it is used for:
	 * DKIM_WHY_KEY_SYNTAX, DKIM_WHY_REVOKED, DKIM_WHY_KEY_TYPE (k=),
	 * DKIM_WHY_KEY_SMALL (below 1024 bits), DKIM_WHY_KEY_LARGE (beyond
	 * what OpenSSL takes), else DKIM_WHY_NONE. The key is there only with
	 * the last.
	 */
	enum dkim_reason why;
	enum dkim_key_type type;
	struct str k; /* as it stands, "rsa" when absent */
	struct str flags; /* t= as it stands: dkim_list_next() */
	bool testing; /* t=y */
	bool strict; /* t=s: i= may not be below d= */
	bool sha256; /* h= is absent or has it */
	bool email; /* s= is absent or has "*" or "email" */
	unsigned bits; /* of the RSA modulus; 256 for Ed25519 */
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx; /* RSA: set up, to be copied */
};

struct dkim_keyset {
	size_t n; /* records looked at, bad ones too */
	struct dkim_key key[DKIM_KEYS_MAX];
};

/*
 * Reads the text of one record; the strings of *out are views of it, the
 * OpenSSL objects live in the arena. Returns 0 also for a revoked key and an
 * unknown k= (see why), AVER_SYNTAX when it is no key record, with d filled
 * (may be NULL), AVER_NOMEM, AVER_CRYPTO.
 */
int dkim_key_parse(struct arena *a, const struct dkim_engine *e,
    struct str text, struct dkim_key *out, struct diag *d);

/* "rsa", "ed25519", "other" */
const char *dkim_key_type_name(enum dkim_key_type t);

/*
 * The keys of a TXT answer whose status is DNS_OK, from its memo or parsed
 * now. Valid as long as rr. NULL when memory is out.
 */
const struct dkim_keyset *
dkim_keyset_of(const struct dns_rrset *rr, const struct dkim_engine *e);

/*
 * True when sig is that key's signature of the 32 octets at sha256: PKCS#1
 * v1.5 (RFC 6376 section 3.3.2) or PureEdDSA of these octets (RFC 8463
 * section 3). key->why must be DKIM_WHY_NONE.
 */
bool dkim_key_verify(
    const struct dkim_key *key, const unsigned char *sha256, struct str sig);

#endif
