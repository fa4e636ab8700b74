/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Results of TLS sessions, counted for reports (RFC 8460). Equal ones of a UTC
 * day are one row. They leave the store by a take of kind LEDGER_TLS (take.h).
 * Domains are A-labels in lower case, 1 to 255 octets. Times are seconds since
 * the epoch. Errors, handles, threads and callbacks as in ledger.h.
 */
#ifndef STORE_TLS_RESULT_H
#define STORE_TLS_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

#define STORE_TLS_POLICY_MAX 32768 /* octets */
#define STORE_TLS_DETAIL_MAX 8192

struct store_tls_result {
	int64_t day; /* a multiple of 86400; a time is cut to its day */
	struct str policy_domain, recipient_domain;
	/*
	 * The caller's canonical octets of the policy, and of one failure's
	 * detail (empty: none, as of sessions that went well). What is equal is
	 * counted together.
	 */
	struct str policy, detail;
	uint64_t success, failure; /* to add */
	/*
	 * False: rides along in a report but never causes one, as what
	 * delivering reports came to.
	 */
	bool wanted;
};

/*
 * Adds the counts once for each source and seq as store_add_evaluations()
 * does; the numbers of a source are shared with everything it adds. seq 0:
 * always. AVER_LIMIT: a row is above its bounds; nothing was added. For
 * daemons: see also recorder.h.
 */
int store_add_tls_results(struct store *s, struct str source, uint64_t seq,
    const struct store_tls_result *rows, size_t n, struct diag *d);

/*
 * Rows of the policy domain (empty: of all) with from <= day < to, ordered by
 * policy domain, day, recipient domain.
 */
int
store_each_tls_result(struct store *s, struct str policy_domain, int64_t from,
    int64_t to, int (*fn)(void *arg, const struct store_tls_result *row),
    void *arg, struct diag *d);

struct store_tls_domain {
	struct str policy_domain;
	int64_t first_day, last_day;
	uint64_t rows, success, failure;
	uint64_t unwanted; /* sessions of rows that cause no report */
};

/* Ordered by name. */
int store_each_tls_domain(struct store *s,
    int (*fn)(void *arg, const struct store_tls_domain *dom), void *arg,
    struct diag *d);

/*
 * Removes a policy domain's rows; *removed (may be NULL): how many sessions
 * they counted. No error when there are none.
 */
int store_remove_tls_results(struct store *s, struct str policy_domain,
    uint64_t *removed, struct diag *d);

/* --- what could not be read */

#define STORE_BAD_MAX 100 /* kept */
#define STORE_BAD_OCTETS 4096 /* of one; more is cut off */
#define STORE_BAD_WHY 160 /* more is cut off */

struct store_bad_datagram {
	int64_t time;
	struct str why;
	struct str octets;
};

/*
 * Counts n + more bad ones and keeps the newest STORE_BAD_MAX of all. more:
 * such as were not kept by the caller.
 */
int
store_add_bad_datagrams(struct store *s, const struct store_bad_datagram *bad,
    size_t n, uint64_t more, struct diag *d);

/* Newest first. *total (may be NULL): how many there have ever been. */
int store_each_bad_datagram(struct store *s, uint64_t *total,
    int (*fn)(void *arg, const struct store_bad_datagram *bad), void *arg,
    struct diag *d);

#endif
