/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * From rows to reports, exactly once. A take is an exclusive hold on what is
 * recorded of one policy domain in a window. Its holder reads the rows, puts
 * the reports made of them and commits: at one instant the rows are gone and
 * the reports are in the ledger (ledger.h). An abort, a crash or a power
 * failure before it is as if nothing had happened; what is recorded for the
 * same window meanwhile or afterwards stays for a later take.
 *
 * While a take lasts, others may have to wait for the store (with SQLite
 * whoever writes: the milter spools): look up DNS before, no network inside.
 * One take at a time for a handle; inside it only the store_take_*()
 * functions and those that read may be called with that handle, anything else
 * is AVER_BUG. A commit need not be on the disk when it returns, but it is
 * before any claim of a submission is; so it costs no disk flush of its own.
 *
 * Kinds: LEDGER_DMARC takes evaluations, by the hour; LEDGER_TLS takes results
 * (tls_result.h), by the UTC day; LEDGER_FAILURE takes incidents (failure.h),
 * by the second. Times are seconds since the epoch, windows from <= t < to.
 * Errors, handles, threads and callbacks as in ledger.h.
 */
#ifndef STORE_TAKE_H
#define STORE_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/ledger.h"
#include "lib/store/store.h"

struct store_due {
	struct str policy_domain;
	int64_t first, last; /* hour, day or second of the rows before to */
	uint64_t rows;
	uint64_t messages; /* or sessions, or incidents */
	uint64_t optional; /* of these, such as do not cause a report */
};

/*
 * One call of fn for each policy domain after that name (empty: from the
 * first) with rows before to, ordered by name. For many domains: let fn stop
 * after so many, take them, go on after the last one's name.
 */
int store_each_due(struct store *s, enum ledger_kind kind, struct str after,
    int64_t to, int (*fn)(void *arg, const struct store_due *due), void *arg,
    struct diag *d);

/* The same of one domain. AVER_NOTFOUND: it has no rows before to. */
int
store_get_due(struct store *s, enum ledger_kind kind, struct str policy_domain,
    int64_t to, struct arena *arena, struct store_due *out, struct diag *d);

struct store_take;

/*
 * AVER_NOTFOUND: there are no rows (anymore). AVER_TEMP: somebody else holds
 * them or the store is busy; try again after a moment. now: the wall clock,
 * for back ends where a hold is a lease.
 */
int store_take_begin(struct store *s, enum ledger_kind kind,
    struct str policy_domain, int64_t from, int64_t to, int64_t now,
    struct store_take **out, struct diag *d);

/* A row of the report to be. */
struct store_take_row {
	/*
	 * LEDGER_DMARC: of evaluation_encode(). LEDGER_TLS: the policy.
	 * LEDGER_FAILURE: the incident.
	 */
	struct str octets;
	uint64_t count; /* messages; sessions good and bad; 1 */
	uint64_t wanted; /* of these, such as cause a report: not optional */
	/* LEDGER_TLS */
	struct str recipient_domain, detail;
	uint64_t success, failure;
	/* LEDGER_FAILURE: of the incident; else the first hour or day */
	int64_t time;
};

/*
 * The newest row: LEDGER_DMARC and LEDGER_TLS the one that was counted last in
 * the last hour or day, with the policy as it was then; LEDGER_FAILURE the
 * last incident. Strings in arena; count, wanted, success and failure of that
 * hour or day alone.
 */
int store_take_last(struct store_take *t, struct arena *arena,
    struct store_take_row *out, struct diag *d);

/*
 * What the window holds, rows with equal octets (LEDGER_TLS: octets, recipient
 * domain and detail) summed over the hours or days to one: ordered by these
 * octets, LEDGER_FAILURE by time. The memory it needs does not depend on the
 * number of rows. It may be called again and says the same. fn may call
 * store_take_report().
 */
int store_take_each(struct store_take *t,
    int (*fn)(void *arg, const struct store_take_row *row), void *arg,
    struct diag *d);

/*
 * Puts a finished report and its submissions (n may be 0), of which only
 * number (0: its place, from 1), uri, destination, state, attempts, next_try,
 * last_try, give_up and detail count. Several calls for the parts of one.
 * AVER_LIMIT: the id is in the ledger already, as when what came late for a
 * window is taken after the rest of it: choose another id; or something is
 * above its bound.
 */
int store_take_report(struct store_take *t, const struct ledger_report *report,
    const struct ledger_submission *submissions, size_t n, struct diag *d);

/*
 * The rows are gone, the reports are there; without any report the rows are
 * dropped. On failure nothing has happened, or (AVER_TEMP, AVER_IO with a
 * store behind a network) it is not known: the next store_take_begin() tells.
 * t is freed either way.
 */
int store_take_commit(struct store_take *t, struct diag *d);

/* Nothing has happened. Frees t; NULL allowed. */
void store_take_abort(struct store_take *t);

#endif
