/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What to do with the evaluations of one policy domain: report them and to
 * whom, keep them for a later run, or drop them. Asks the store and the DNS,
 * changes nothing.
 */
#ifndef REPORTS_DMARC_PLAN_H
#define REPORTS_DMARC_PLAN_H

#include "lib/base/arena.h"
#include "lib/store/ledger.h"
#include "lib/store/take.h"
#include "reports/plan.h"
#include "reports/reporter.h"
#include "reports/window.h"

struct dmarc_plan {
	enum plan_action action;
	const char *why; /* unless PLAN_REPORT: words */
	struct str detail;
	struct window window;
	struct str record; /* the DMARC record, as it is published */
	/* what was wrong with it (RFC 9990 section 3.1.5) */
	struct str errors[8];
	size_t n_errors;
	struct plan_target *targets; /* in the order of the record */
	size_t n_targets, n_used;
};

#define PLAN_MEMORY ((size_t)2 << 20) /* what its arena needs at most */

/*
 * due: of the domain, before the end of the last period that is over at now.
 * Returns 0, or what the store said with d; AVER_NOMEM. Strings are in the
 * arena or in due.
 */
int dmarc_plan_make(struct reporter *r, const struct store_due *due,
    int64_t now, struct arena *a, struct dmarc_plan *out, struct diag *d);

/*
 * The same for failure reports: ruf in place of rua. There are no periods, so
 * nothing waits for the end of one; the window is from the first incident to
 * now.
 */
int dmarc_plan_failure(struct reporter *r, const struct store_due *due,
    int64_t now, struct arena *a, struct dmarc_plan *out, struct diag *d);

/*
 * *out: a period of the domain that ends at end or later has been reported.
 * There is one report for each: what came late waits for the next period and
 * lengthens it. Returns 0 or what the store said.
 */
int dmarc_plan_reported(struct reporter *r, struct str domain, int64_t end,
    bool *out, struct diag *d);

#endif
