/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Verification of an Authenticated Received Chain (RFC 8617), streaming like
 * lib/dkim/dkim.h: fields are taken when they arrive, the newest message
 * signature's body hash is made as the body arrives, keys and signatures are
 * checked at the end. Nothing is sealed here. RFC 8617 is an experiment: a
 * pass says who handled the message, not that what they state is true.
 *
 * The first thing wrong decides (section 5.2.1: all errors are permanent);
 * the fields after it are not looked at, so that a thousand of them cost
 * nothing.
 */
#ifndef ARC_ARC_H
#define ARC_ARC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim.h"
#include "lib/dkim/dkim_body.h"
#include "lib/dns/dns.h"
#include "lib/mail/hdr.h"

/* RFC 8617 section 4.4 */
enum arc_result { ARC_NONE, ARC_PASS, ARC_FAIL, ARC_RESULT_COUNT };

const char *arc_result_name(enum arc_result r);

enum arc_reason {
	ARC_WHY_NONE,
	ARC_WHY_SYNTAX, /* a field without i=, or that is no tag-list */
	ARC_WHY_INSTANCE, /* i= is not 1 to 50 */
	ARC_WHY_DUPLICATE, /* two fields of one kind and instance */
	ARC_WHY_INCOMPLETE, /* a gap, or a set without one of its fields */
	ARC_WHY_CHAIN, /* the newest seal says cv=fail */
	ARC_WHY_CV, /* cv= is not what the instance calls for */
	ARC_WHY_HEADERS, /* h= in a seal, or h= covers seals */
	ARC_WHY_MESSAGE, /* the newest message signature; see dkim */
	ARC_WHY_SEAL, /* a seal; see dkim */
	ARC_WHY_KEY, /* no usable key; see dkim */
	ARC_WHY_DNS, /* key lookup failed; see dkim */
	ARC_WHY_BUDGET, /* one of struct arc_limits, memory, questions */
	ARC_REASON_COUNT
};

/* A short phrase, "" for ARC_WHY_NONE. */
const char *arc_reason_name(enum arc_reason r);

/* RFC 8617 section 4.2.1 */
#define ARC_SETS_MAX 50

struct arc_limits {
	unsigned max_sets; /* 1 to ARC_SETS_MAX; longer chains fail */
	unsigned max_keys; /* different key records asked for */
	unsigned max_checks; /* signatures tried with a key */
	unsigned oldest_sets; /* message signatures before the newest that are
	                         verified for oldest_pass; 0: none */
	unsigned min_rsa_bits; /* not below 1024 */
	unsigned max_rsa_bits;
	unsigned max_body_hashes; /* different (c=, l=) pairs hashed, unless
	                               the hashes are shared */
	uint64_t max_header_octets; /* hashed for all signatures together */
	unsigned clock_drift; /* seconds allowed for x= */
};

#define ARC_LIMITS_DEFAULT \
	((struct arc_limits){50, 20, 64, 5, 1024, 4096, 4, 4u << 20, 300})

/* One set of a chain that passes or is at least well-formed. */
struct arc_seal {
	struct str domain; /* d= of the ARC-Seal, lower-case A-labels */
	struct str selector; /* s=, the same way */
	unsigned instance;
	/* authres-payload of the ARC-Authentication-Results: a view of the
	   message, and the word of the sealer only */
	struct str results;
};

struct arc_verdict {
	enum arc_result result;
	enum arc_reason reason;
	enum dkim_reason dkim; /* what is wrong with a signature or key */
	unsigned at; /* instance the reason is about, 0: none */
	struct str detail; /* all that in printable ASCII, "" for pass, none */
	unsigned instances; /* sets; 0 when they do not form a chain */
	const struct arc_seal *seals; /* that many, instance 1 first */
	/*
	 * RFC 8617 section 5.2 step 5, only with a pass: the oldest set whose
	 * message signature still verifies, 0 when all do.
	 */
	unsigned oldest_pass;
	bool oldest_known; /* false: oldest_sets or a budget ended the search */
	bool secure; /* a pass all of whose keys were validated by DNSSEC */
};

struct arc_verifier;

/*
 * engine: must live as long as the verifier. limits are copied. now: seconds
 * since the epoch, at reception. The verifier lives in the arena. NULL when
 * memory is out. A message without ARC fields needs none: its result is
 * ARC_NONE.
 */
struct arc_verifier *
arc_verifier_new(struct arena *a, const struct dkim_engine *engine,
    const struct arc_limits *limits, int64_t now, bool smtputf8);

/*
 * For every field, or at least every ARC one, from the top, when it arrives;
 * fields with other names are ignored. The text of h must live as long as
 * the verifier. Prefetches keys through dns (may be NULL).
 */
void arc_verifier_field(
    struct arc_verifier *v, struct dns *dns, const struct hdr *h);

/*
 * At the end of the header: checks the structure of the chain and fixes which
 * body hashes are needed. Returns true when the body is wanted. shared: the
 * hashes of the message's DKIM verifier, so that nothing is hashed twice: the
 * caller then feeds and ends them, before arc_verifier_finish(); NULL: the
 * verifier has its own.
 */
bool arc_verifier_eoh(
    struct arc_verifier *v, struct dns *dns, struct dkim_bodies *shared);

/*
 * Body octets with CRLF line ends, cut anywhere. Does nothing when the hashes
 * are shared.
 */
void arc_verifier_body(struct arc_verifier *v, struct str chunk);

/*
 * After the last body octet. headers: all fields of the message. Looks up the
 * keys: at most max_keys questions. *out is views of the message and of the
 * arena. Call once.
 */
void arc_verifier_finish(struct arc_verifier *v, struct dns *dns,
    const struct hdr_list *headers, struct arc_verdict *out);

#endif
