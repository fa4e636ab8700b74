/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Checking one signature over a message once its tags are read: what a
 * DKIM-Signature (RFC 6376 section 6.1) and an ARC-Message-Signature (RFC 8617
 * section 4.1.2) have in common.
 */
#ifndef DKIM_DKIM_CHECK_H
#define DKIM_DKIM_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/dkim/dkim_body.h"
#include "lib/dkim/dkim_canon.h"
#include "lib/dkim/dkim_engine.h"
#include "lib/dkim/dkim_index.h"
#include "lib/dkim/dkim_key.h"
#include "lib/dkim/dkim_sig.h"
#include "lib/dns/dname.h"

/* The name of the key record: s._domainkey.d; false when that is none. */
bool dkim_key_name(const struct dkim_sig *sig, struct dname *out);

/*
 * Everything about a key that needs no hash and holds for any signature with
 * that algorithm. min, max: bits of an RSA modulus; min is never taken to be
 * below 1024. Returns DKIM_WHY_NONE or one of DKIM_WHY_KEY_... and _REVOKED.
 */
enum dkim_reason dkim_key_fits(const struct dkim_key *k,
    enum dkim_algorithm algorithm, unsigned min, unsigned max);

/*
 * The body against bh= and l=; after dkim_bodies_end(). DKIM_WHY_NONE also
 * when octets follow those of l= (body->over).
 */
enum dkim_reason
dkim_body_fits(const struct dkim_sig *sig, const struct dkim_body_hash *body);

/* What it takes to hash the headers of one message, several times. */
struct dkim_hasher {
	const struct dkim_engine *engine;
	struct dkim_index index;
	uint64_t octets_left;
	bool failed; /* OpenSSL refused */
	EVP_MD_CTX *md;
	struct dkim_sink sink; /* into md */
};

/*
 * headers: all fields of the message, must outlive x. max_octets: of header
 * fields, for all signatures together. x may not be moved. Returns 0,
 * AVER_LIMIT or AVER_NOMEM.
 */
int dkim_hasher_init(struct dkim_hasher *x, struct arena *a,
    const struct dkim_engine *engine, const struct hdr_list *headers,
    uint64_t max_octets);
/* Begins a hash: what goes into x->sink from now on is part of it. */
bool dkim_hasher_begin(struct dkim_hasher *x);
/* Ends it; sha256 has DKIM_HASH_SIZE octets. */
bool dkim_hasher_end(struct dkim_hasher *x, unsigned char *sha256);
/* Takes n octets from those that are left; false when there are fewer. */
bool dkim_hasher_spend(struct dkim_hasher *x, size_t n);
/*
 * RFC 6376 section 3.7: the hash of the fields of h= and of the signature's
 * own field. Returns 0, AVER_LIMIT when the octets are used up, AVER_CRYPTO.
 */
int dkim_hasher_message(struct dkim_hasher *x, const struct dkim_sig *sig,
    const struct hdr *own, unsigned char *sha256);

#endif
