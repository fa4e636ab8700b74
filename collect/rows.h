/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What is kept of a TLS session, however it was learnt: rows of
 * lib/store/tls_result.h, and sightings for the memory of destinations.
 *
 * policy_domain is the domain a report about the row goes to. What was done
 * under MTA-STS or without a policy is recorded for the recipient domain. What
 * was done under DANE is recorded twice, for the recipient domain and for the
 * TLSA base domain (RFC 8460 section 1.1), with the same policy octets, whose
 * domain is the TLSA base domain: a report to the recipient domain tells of
 * its mail hosts too. Rows of the recipient domain are those whose
 * policy_domain is their recipient_domain.
 *
 * policy: tlsrpt_policy_encode(); detail: tlsrpt_failure_encode(), empty for
 * sessions that went well and for failures of which nothing is known.
 */
#ifndef COLLECT_ROWS_H
#define COLLECT_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/tally.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/tlsrpt/postfix_log.h"
#include "lib/tlsrpt/tlsrpt_datagram.h"
#include "lib/tlsrpt/tlsrpt_report.h"
#include "lib/tlsrpt/tlsrpt_result.h"

/* Failures of one policy in one session that are kept. */
#define ROWS_FAILURES_MAX ((size_t)16)

/* Where rows go; arena: for the octets on the way, the caller's to reset. */
struct rows {
	struct tally *tally;
	struct arena *arena;
	int64_t time; /* of the session, seconds since the epoch */
	bool wanted; /* see store_tls_result */
	uint64_t cut; /* failures and rows that had no room; counted up */
};

/*
 * A name that reports and keys can hold: labels of letters, digits, hyphens
 * and underscores in lower case, 253 octets in all.
 */
bool rows_is_name(struct str s);

/* AVER_SYNTAX: its domain is no name, and nothing was added. */
int rows_of_datagram(struct rows *r, const struct tlsrpt_datagram *d);

/*
 * A session, policy or offer out of a log. p: the policy in force; its counts
 * and failures are not looked at. What tells nothing that a report could hold
 * (a session in clear without a policy) is left out. Returns the number of
 * sessions counted, 0 or 1.
 */
unsigned rows_of_event(struct rows *r, const struct postfix_event *e,
    const struct tlsrpt_policy *p);

/* A failure that came to light without a session. */
struct rows_finding {
	struct str recipient_domain;
	enum tlsrpt_result result;
	struct str mx; /* the host it is about, or empty */
	struct str reason; /* of any octets, or empty */
};

void rows_of_finding(struct rows *r, const struct rows_finding *f,
    const struct tlsrpt_policy *p);

#endif
