/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the builders of all kinds of reports share: IDs, submissions, the
 * end of a take. */
#ifndef REPORTS_PART_H
#define REPORTS_PART_H

#include "lib/report/report_id.h"
#include "lib/store/take.h"
#include "reports/plan.h"
#include "reports/reporter.h"

/*
 * The first ID, from name->part on, that is not in the ledger; a is for a
 * moment. AVER_LIMIT: all below most are there. Or what the store said with d.
 */
int part_choose_id(struct reporter *r, struct report_name *name, unsigned most,
    struct arena *a, char id[REPORT_ID_OCTETS], struct diag *d);

struct part_submissions {
	struct ledger_submission v[LEDGER_SUBMISSIONS_MAX];
	size_t n;
};

/*
 * Appends the submission to t of the report id, made at now, whose moment is
 * in the spread seconds from then on; to one that is suppressed as such. Not
 * when t is skipped for another reason, nor beyond LEDGER_SUBMISSIONS_MAX.
 */
void part_submit(struct part_submissions *s, const struct plan_target *t,
    struct str id, int64_t now, int64_t spread);

/* Commits the take; or aborts it when err says so, and returns err. */
int part_end(struct store_take *take, int err, struct diag *d);

/*
 * Drops what is recorded of the domain before that time, in a take of its own,
 * if it is what due says. AVER_NOTFOUND: nothing is there. AVER_TEMP: more has
 * come since, of which nobody knows whether it would cause a report: all of it
 * stays; or as store_take_begin() and store_take_commit().
 */
int part_drop(struct reporter *r, enum ledger_kind kind,
    const struct store_due *due, int64_t before, int64_t now, struct diag *d);

#endif
