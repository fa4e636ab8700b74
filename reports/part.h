/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the builders of all kinds of reports share: IDs and submissions. */
#ifndef REPORTS_PART_H
#define REPORTS_PART_H

#include "lib/report/report_id.h"
#include "reports/reporter.h"

/*
 * The first ID, from name->part on, that is not in the ledger; a is for a
 * moment. AVER_LIMIT: all below most are there. Or what the store said with d.
 */
int part_choose_id(struct reporter *r, struct report_name *name, unsigned most,
    struct arena *a, char id[REPORT_ID_OCTETS], struct diag *d);

/*
 * The submission of that number of the report id, made at now; its moment is
 * in the spread seconds from then on. suppressed: why nothing is sent, or NULL.
 */
struct ledger_submission
part_submission(struct str id, unsigned number, int64_t now, int64_t spread,
    struct str uri, struct str destination, const char *suppressed);

#endif
