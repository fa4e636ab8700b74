/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What is to be done for a destination, and why. tls_decide() is pure: the
 * engine gathers the facts (table, DNS, policies), this weighs them, render.h
 * makes answers of the result. A decision holds views of the facts and lives
 * as long as they.
 */
#ifndef TLSPOLICY_DECISION_H
#define TLSPOLICY_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/tlsrpt/tlsrpt_result.h"
#include "tlspolicy/dane.h"
#include "tlspolicy/nexthop.h"
#include "tlspolicy/sts_policy.h"
#include "tlspolicy/tls_table.h"

enum tls_kind {
	TLS_NONE, /* nothing asks for more than the MTA does anyway */
	TLS_MAY, /* opportunistic TLS, whatever the MTA would do anyway */
	TLS_DANE, /* DANE where a host has records */
	TLS_DANE_ONLY, /* every host has to be authenticated by DANE */
	TLS_STS_ENFORCE,
	TLS_STS_TESTING,
	TLS_FIXED, /* what the table says */
	TLS_UNVERIFIABLE, /* verified TLS is a must, there is no way: defer */
	TLS_TEMP, /* not known: defer */
	TLS_KIND_COUNT
};

const char *tls_kind_name(enum tls_kind kind);

enum tls_why {
	TLS_WHY_NO_POLICY, /* neither TLSA records nor an MTA-STS policy */
	TLS_WHY_LITERAL, /* an address has no policy */
	TLS_WHY_PARENT, /* ".parent" keys are never answered */
	TLS_WHY_BAD_KEY, /* no destination */
	TLS_WHY_NO_DOMAIN, /* NXDOMAIN */
	TLS_WHY_NULL_MX,
	TLS_WHY_TABLE, /* a fixed answer */
	TLS_WHY_NO_DANE, /* the table excludes DANE, and nothing else is */
	TLS_WHY_DANE_ALL, /* usable TLSA records for every host */
	TLS_WHY_DANE_SOME, /* TLSA records for some, or unusable ones */
	TLS_WHY_DANE_STRICT, /* for some, and an enforced policy beside it */
	TLS_WHY_DANE_INSECURE_MX, /* TLSA records, but the MX is not signed */
	TLS_WHY_TLSA_FAILED, /* a TLSA lookup failed */
	TLS_WHY_MX_FAILED,
	TLS_WHY_ADDRESS_FAILED, /* of all hosts */
	TLS_WHY_STS_ENFORCE,
	TLS_WHY_STS_TESTING,
	TLS_WHY_STS_NONE, /* a policy of mode none */
	TLS_WHY_STS_FAILED, /* a record, but no policy could be had */
	TLS_WHY_FAIL_OPEN, /* would be TEMP, but the table lets mail flow */
	TLS_WHY_REQUIRED, /* verified TLS is required, see kind */
	TLS_WHY_TROUBLE, /* ours: time, memory, load; detail tells */
	TLS_WHY_COUNT
};

/* A short text for people, for logs and TEMP answers; printable ASCII. */
const char *tls_why_text(enum tls_why why);

/* What a destination was seen to do; from the memory of destinations. */
enum tls_seen { TLS_SEEN_UNKNOWN, TLS_SEEN_NO, TLS_SEEN_YES };

struct tls_known {
	/* of all its hosts that are remembered: YES when any host does */
	enum tls_seen starttls, requiretls;
};

/* An MTA-STS policy that is in force, and what is known beside it. */
struct tls_sts {
	/* not expired, of any mode; NULL: none */
	const struct sts_policy *policy;
	struct str id; /* of the record with which it was fetched */
	int64_t fetched, expires; /* seconds; 0 without policy */
	/*
	 * The last fetch or refresh: TLSRPT_SUCCESS, or
	 * TLSRPT_STS_POLICY_FETCH_ERROR, TLSRPT_STS_POLICY_INVALID,
	 * TLSRPT_STS_WEBPKI_INVALID.
	 */
	enum tlsrpt_result failure;
	struct str failure_detail; /* printable text */
};

/* All that a decision is made from. */
struct tls_facts {
	const struct nexthop *nexthop;
	const struct tls_rule *rule; /* of the table, or NULL */
	enum dane_mx mx;
	const struct dane_host *hosts; /* in order of preference */
	size_t n_hosts;
	struct tls_sts sts;
	struct tls_known known;
	bool sts_unknown; /* no policy is in force, and the record unknown */
	/*
	 * Where the DNS gives no answer at all and no policy is in force, then
	 * there is none; otherwise the mail is deferred.
	 */
	bool is_lenient;
	/* trouble of ours that kept facts from being gathered; empty: none */
	struct str trouble;
};

struct tls_decision {
	enum tls_kind kind;
	enum tls_why why;
	struct str domain; /* policy domain, A-labels */
	struct str detail; /* more about why: printable, may be empty */
	struct tls_facts facts;
	struct dane_verdict dane;
	/* hosts that no pattern of the policy matches, of n_hosts */
	size_t sts_unmatched;
	/* of TLS_TEMP and of shaky ones: to be asked again soon */
	bool is_short_lived;
};

/* The kind authenticates the server: DANE_ONLY, STS_ENFORCE, or FIXED so. */
bool tls_decision_is_verified(const struct tls_decision *d);

/*
 * The kind for mail that must not go without an authenticated server: that of d
 * if it is one; DANE_ONLY for signed MX records where some hosts have usable
 * TLSA records; STS_ENFORCE where a policy of mode testing is in force;
 * UNVERIFIABLE: there is no way.
 */
enum tls_kind tls_decision_strict(const struct tls_decision *d);

/*
 * Weighs f. In this order: keys without policy; a fixed answer; DANE; MTA-STS,
 * and that only where the DNS proves that no DANE is there. Never fails.
 */
void tls_decide(const struct tls_facts *f, struct tls_decision *out);

/*
 * Appends the decision and its grounds as "key=value" text for people, one
 * line: "kind=sts-enforce why=... mx=... host=...".
 */
void tls_decision_print(struct buf *b, const struct tls_decision *d);

#endif
