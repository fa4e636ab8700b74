/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * SPF (RFC 7208): check_host() for one identity. Values and a resolver in, a
 * verdict out; reads no clock, does no I/O of its own, never logs.
 */
#ifndef SPF_SPF_H
#define SPF_SPF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"

/* RFC 7208 section 2.6 */
enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
	SPF_RESULT_COUNT
};

/* "none", "neutral", "pass", ... (RFC 8601 section 2.7.2) */
const char *spf_result_name(enum spf_result r);

/* RFC 7208 sections 2.3 and 2.4 */
enum spf_scope { SPF_SCOPE_MFROM, SPF_SCOPE_HELO, SPF_SCOPE_COUNT };

const char *spf_scope_name(enum spf_scope s); /* "mfrom", "helo" */

/* Why a result that is no policy statement came about. */
enum spf_reason {
	SPF_WHY_NONE, /* the record decided */
	SPF_WHY_NO_DOMAIN, /* identity is no multi-label domain (4.3) */
	SPF_WHY_NO_RECORD, /* no v=spf1 record, or NXDOMAIN */
	SPF_WHY_SEVERAL, /* several v=spf1 records (4.5) */
	SPF_WHY_SYNTAX, /* record syntax (4.6) */
	SPF_WHY_LOOKUPS, /* more than max_lookups terms (4.6.4) */
	SPF_WHY_VOID, /* void lookups in more than max_void terms (4.6.4) */
	SPF_WHY_NAMES, /* more than max_names MX names (4.6.4) */
	SPF_WHY_INCLUDE_NONE, /* include or redirect to no record (5.2, 6.1) */
	SPF_WHY_DNS, /* a lookup failed (2.6.6) */
	SPF_WHY_BOGUS, /* DNSSEC validation failed */
	SPF_WHY_BUDGET, /* the message's DNS budget or memory is spent */
	SPF_REASON_COUNT
};

/* A short phrase for logs and comments, "" for SPF_WHY_NONE. */
const char *spf_reason_name(enum spf_reason r);

/*
 * RFC 7208 section 4.6.4, over the whole evaluation. Whatever max_lookups is,
 * includes nest at most 20 deep.
 */
struct spf_limits {
	unsigned max_lookups; /* terms that cause lookups; RFC: 10 */
	unsigned max_void; /* terms with a void lookup; RFC: 2 */
	unsigned max_names; /* MX or PTR names a term; RFC: 10 */
};

#define SPF_LIMITS_DEFAULT ((struct spf_limits){10, 2, 10})

struct spf_input {
	struct ip ip; /* client; IPv4-mapped is treated as IPv4 */
	enum spf_scope scope;
	/*
	 * The reverse-path without brackets; empty for the null one, for
	 * which the identity is postmaster@helo (section 2.4). Ignored for
	 * SPF_SCOPE_HELO.
	 */
	struct str mail_from;
	struct str helo;
	struct str receiver; /* our host name, for %{r}; may be empty */
	int64_t now; /* for %{t} */
	bool want_explanation; /* fetch exp= on fail (section 6.2) */
	struct spf_limits limits;
};

struct spf_verdict {
	enum spf_result result;
	enum spf_scope scope;
	bool used_helo; /* null reverse-path: helo was the identity */
	/* the <domain> checked in lower-case A-labels; empty if none */
	struct str domain;
	/* the directive that matched as in the record, "default" if none */
	struct str mechanism;
	/* of the domain's owner: printable ASCII, empty if there is none */
	struct str explanation;
	enum spf_reason reason;
	/* the term or name the reason is about; printable ASCII or empty */
	struct str detail;
	/* every answer the result rests on was validated; false if none */
	bool secure;
	unsigned lookups, voids;
};

/*
 * Evaluates one identity. Strings of *out live in the arena. Always fills
 * *out: memory or budget trouble is SPF_TEMPERROR with SPF_WHY_BUDGET.
 */
void spf_eval(struct dns *dns, struct arena *a, const struct spf_input *in,
    struct spf_verdict *out);

/*
 * Appends the value of a Received-SPF field (RFC 7208 section 9.1), without
 * "Received-SPF:", beginning with a space. It is safe whatever the client
 * sent: values are dot-atoms or quoted-strings of printable ASCII, other octets
 * become "?", each is cut to 255 octets. Folds at newline + tab; newline is
 * "\r\n", or "\n" for libmilter. in: the input that gave v.
 */
void spf_received(struct buf *b, const struct spf_input *in,
    const struct spf_verdict *v, const char *newline);

/*
 * The domain spf_eval() would ask first (to prefetch its TXT record); false
 * when there is none.
 */
bool
spf_first_name(struct arena *a, const struct spf_input *in, struct dname *out);

#endif
