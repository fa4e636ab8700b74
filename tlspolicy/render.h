/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Answers of the socketmap: from a decision to the octets that Postfix or
 * Sendmail reads. Every answer is checked against the full grammar of the
 * profile before it leaves; what fails the check becomes TEMP, never a weaker
 * answer.
 */
#ifndef TLSPOLICY_RENDER_H
#define TLSPOLICY_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "tlspolicy/decision.h"

/* Longest reply that Postfix reads, the status included. */
#define RENDER_REPLY_MAX ((size_t)100000)
/* Arena octets that are enough for any answer. */
#define RENDER_MEMORY ((size_t)1 << 20)

enum render_mta { RENDER_POSTFIX, RENDER_SENDMAIL };

/* The level that main.cf has by itself: smtp_tls_security_level. */
enum render_base {
	RENDER_BASE_MAY, /* or none */
	RENDER_BASE_DANE,
	RENDER_BASE_ENCRYPT,
	RENDER_BASE_DANE_ONLY,
	RENDER_BASE_PKIX, /* fingerprint, verify, secure */
	RENDER_BASE_UNKNOWN /* nobody could ask Postfix */
};

/*
 * level: the value of smtp_tls_security_level, in any case, empty for none.
 * RENDER_BASE_UNKNOWN for what is no level.
 */
enum render_base render_base_of(struct str level);

/* What the MTA understands. */
struct render_profile {
	enum render_mta mta;
	unsigned version; /* of Postfix: major * 10000 + minor * 100 + patch */
	bool servername; /* 3.4 */
	bool enable_rpk; /* 3.9 */
	bool policy; /* policy_type and so on, { name = value }: 3.10 */
	/* mx_host_pattern is enforced, not only reported: 3.10.5, 3.11 */
	bool mx_patterns;
	bool requiretls; /* 3.11 */
	/*
	 * A level that demands less than what the destination has to have must
	 * not be below what main.cf has: that of an answer with TLSRPT
	 * attributes about policies that demand nothing (testing, failed
	 * fetches), "dane" for hosts without TLSA records, "may" for a
	 * destination without DANE. Where it would be, nothing is said.
	 */
	enum render_base base;
};

/*
 * From "3.7", "3.7.11", "3.12-20260821", "3.11-RC1". A version above what is
 * known counts as the newest known. AVER_CONF with d below 3.4 or when it is
 * none. out->base becomes RENDER_BASE_MAY.
 */
int render_profile_postfix(
    struct str version, struct render_profile *out, struct diag *d);
/* The newest Postfix that is known; for answers that a table holds. */
void render_profile_newest(struct render_profile *out);
void render_profile_sendmail(struct render_profile *out);

/* The maps, by the name that a query has. */
enum render_map {
	RENDER_TLS, /* "tls", "postfix": what the version takes */
	RENDER_TLS_PLAIN, /* "QUERY": without TLSRPT attributes */
	RENDER_TLS_TLSRPT, /* "tls-tlsrpt", "QUERYwithTLSRPT": with them */
	RENDER_REQUIRETLS, /* "requiretls" */
	RENDER_VERIFIED, /* "verified" */
	RENDER_STS, /* "sts": the map of Sendmail's FEATURE(sts) */
	RENDER_MAP_COUNT
};

const char *render_map_name(enum render_map map);
/* False for an unknown name; names of maps are compared with case. */
bool render_map_find(struct str name, enum render_map *out);

enum render_status {
	RENDER_OK,
	RENDER_NOTFOUND,
	RENDER_TEMP,
	RENDER_PERM,
	RENDER_STATUS_COUNT
};

const char *render_status_name(enum render_status s);

/* What smtp_requiretls_policy is told. */
enum requiretls_default {
	REQUIRETLS_ENFORCE,
	REQUIRETLS_OPPORTUNISTIC_STARTTLS,
	REQUIRETLS_OPPORTUNISTIC,
	REQUIRETLS_DISABLE,
	REQUIRETLS_DEFAULT_COUNT
};

const char *requiretls_default_name(enum requiretls_default v);

struct render_config {
	struct render_profile profile;
	enum requiretls_default requiretls_policy;
};

struct render_answer {
	enum render_status status;
	struct str text; /* in the arena; may be empty */
	bool was_refused; /* the check found fault: TEMP, and d tells */
};

/*
 * The answer of a map for a decision. Never fails: trouble is RENDER_TEMP with
 * a text. d (may be NULL) tells what the check refused, or what was left out
 * for its length.
 */
void render(struct arena *a, const struct render_config *c, enum render_map map,
    const struct tls_decision *decision, struct render_answer *out,
    struct diag *d);

/*
 * An answer to what is no lookup: an unknown map, a bad request. The text is
 * made printable and cut.
 */
void render_fixed(struct arena *a, enum render_status status, struct str text,
    struct render_answer *out);

/* Appends the netstring: "LENGTH:STATUS text,". */
void render_reply(struct buf *b, const struct render_answer *answer);

/*
 * Is text a result of smtp_tls_policy_maps that this version takes as valid?
 * Returns 0, or AVER_SYNTAX with d filled.
 */
int
render_check(const struct render_profile *p, struct str text, struct diag *d);

#endif
