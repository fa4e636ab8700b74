/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * DKIM verification (RFC 6376, 8301, 8463, 8616), streaming: signatures are
 * parsed when their fields arrive, the body is canonicalized and hashed as its
 * chunks arrive (once for each canonicalization and l= in use), keys and
 * signatures are checked at the end. Nothing buffers the body.
 */
#ifndef DKIM_DKIM_H
#define DKIM_DKIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"
#include "lib/mail/hdr.h"

/* RFC 8601 section 2.7.1 */
enum dkim_result {
	DKIM_NONE,
	DKIM_PASS,
	DKIM_FAIL,
	DKIM_POLICY,
	DKIM_NEUTRAL,
	DKIM_TEMPERROR,
	DKIM_PERMERROR,
	DKIM_RESULT_COUNT
};

const char *dkim_result_name(enum dkim_result r);

enum dkim_algorithm {
	DKIM_ALG_UNKNOWN,
	DKIM_RSA_SHA1, /* known only to be refused: RFC 8301 section 3.1 */
	DKIM_RSA_SHA256,
	DKIM_ED25519_SHA256,
	DKIM_ALGORITHM_COUNT
};

const char *dkim_algorithm_name(enum dkim_algorithm a); /* "rsa-sha256" */

enum dkim_reason {
	DKIM_WHY_NONE,
	DKIM_WHY_SYNTAX, /* the signature field */
	DKIM_WHY_VERSION, /* v= is not 1 */
	DKIM_WHY_MISSING, /* a required tag */
	DKIM_WHY_ALGORITHM, /* unknown a= */
	DKIM_WHY_SHA1, /* rsa-sha1 */
	DKIM_WHY_DOMAIN, /* d= or i= unusable or unrelated */
	DKIM_WHY_FROM, /* From not in h= */
	DKIM_WHY_EXPIRED, /* x= is past */
	DKIM_WHY_FUTURE, /* t= in the future, or x= not after t= */
	DKIM_WHY_QUERY, /* q= without dns/txt */
	DKIM_WHY_CANON, /* unknown c= */
	DKIM_WHY_NO_KEY, /* no record */
	DKIM_WHY_KEY_SYNTAX, /* no usable record */
	DKIM_WHY_REVOKED, /* empty p= */
	DKIM_WHY_KEY_TYPE, /* k= does not fit a=, or h=, or s= */
	DKIM_WHY_KEY_FLAG, /* t=s and i= below d= */
	DKIM_WHY_KEY_SMALL, /* RSA below the lower bound */
	DKIM_WHY_KEY_LARGE, /* RSA above the upper bound */
	DKIM_WHY_BODY_LENGTH, /* l= above the body */
	DKIM_WHY_BODY_HASH, /* bh= differs */
	DKIM_WHY_SIGNATURE, /* b= differs */
	DKIM_WHY_UNSIGNED, /* l= leaves body octets unsigned */
	DKIM_WHY_DNS, /* key lookup failed */
	DKIM_WHY_BOGUS, /* key's DNSSEC validation failed */
	DKIM_WHY_BUDGET, /* max_signatures, octets, memory, questions */
	DKIM_REASON_COUNT
};

/* A short phrase, "" for DKIM_WHY_NONE. */
const char *dkim_reason_name(enum dkim_reason r);

struct dkim_limits {
	unsigned max_signatures; /* evaluated; further ones are
	                            DKIM_PERMERROR with DKIM_WHY_BUDGET */
	unsigned min_rsa_bits; /* not below 1024 (RFC 8301 section 3.2) */
	unsigned max_rsa_bits;
	unsigned max_body_hashes; /* different (c=, l=) pairs hashed */
	uint64_t max_header_octets; /* hashed for all signatures together */
	unsigned clock_drift; /* seconds allowed for t= and x= */
	bool accept_partial; /* l= shorter than the body passes; else
	                            DKIM_POLICY */
};

#define DKIM_LIMITS_DEFAULT \
	((struct dkim_limits){10, 1024, 4096, 8, 16u << 20, 300, false})

/* The result of one DKIM-Signature field, in header order. */
struct dkim_verdict {
	enum dkim_result result;
	enum dkim_reason reason;
	struct str domain; /* d=, lower-case A-labels; as it stands if
	                         that fails; empty if there is none */
	struct str selector; /* s=, the same way */
	struct str identity; /* i=, decoded, or "@" d= */
	enum dkim_algorithm algorithm;
	struct str b; /* base64 of b= without white space */
	unsigned key_bits; /* 0 while unknown */
	bool testing; /* the key says t=y */
	bool secure; /* the key record was validated by DNSSEC */
	bool partial; /* l= left body octets unsigned */
	struct str domain_text; /* d= as it stands: U-labels, case */
	struct str selector_text; /* s= as it stands */
};

/*
 * What all verifiers share: fetched OpenSSL algorithms. One for the program,
 * made at its start; immutable afterwards, so any number of threads may use
 * it. It lives in the arena (of the program, not of a message). NULL when
 * memory is out or OpenSSL lacks SHA-256, RSA or Ed25519.
 */
struct dkim_engine;

struct dkim_engine *dkim_engine_new(struct arena *a);

struct dkim_verifier;

/*
 * engine: must live as long as the verifier. limits are copied. now: seconds
 * since the epoch, at reception. smtputf8: octets above 0x7E are allowed in a
 * signature even when they are no UTF-8 (UTF-8 always is; names in it are
 * converted, RFC 8616 section 5). The verifier lives in the arena (its OpenSSL
 * objects too, through arena_on_free). NULL when memory is out.
 */
struct dkim_verifier *
dkim_verifier_new(struct arena *a, const struct dkim_engine *engine,
    const struct dkim_limits *limits, int64_t now, bool smtputf8);

/*
 * For every DKIM-Signature field, from the top, when it arrives. h must live
 * as long as the verifier. Prefetches the key through dns (may be NULL).
 */
void dkim_verifier_field(
    struct dkim_verifier *v, struct dns *dns, const struct hdr *h);

/* At the end of the header: fixes which body hashes are needed. Returns true
 * when the body is wanted at all. */
bool dkim_verifier_eoh(struct dkim_verifier *v);

/*
 * The body hashes of this message (lib/dkim/dkim_body.h), so that a verifier
 * of another kind can want its own among them and nothing is hashed twice:
 * after dkim_verifier_eoh(), before the first octet. The body is then to be
 * fed here even if dkim_verifier_eoh() did not want it; the hashes are ready
 * after dkim_verifier_finish().
 */
struct dkim_bodies;

struct dkim_bodies *dkim_verifier_bodies(struct dkim_verifier *v);

/* Body octets with CRLF line ends, cut anywhere. After dkim_verifier_eoh(). */
void dkim_verifier_body(struct dkim_verifier *v, struct str chunk);

/*
 * After the last body octet. headers: all fields of the message; the
 * hdr.raw pointers given to dkim_verifier_field() must be among them. Looks
 * up the keys. *out has *n verdicts, one for each field given, in order;
 * it lives in the arena. When not even that fits, one DKIM_TEMPERROR stands
 * for all. Call once.
 */
void dkim_verifier_finish(struct dkim_verifier *v, struct dns *dns,
    const struct hdr_list *headers, const struct dkim_verdict **out, size_t *n);

#endif
