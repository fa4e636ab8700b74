/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Phase one of failure reports: the incidents of a policy domain become
 * reports in the ledger, in one transaction. Those that are alike share one
 * (Incidents, RFC 9991 section 8.1); what is beyond a number of reports is
 * dropped.
 */
#ifndef REPORTS_FAILURE_BUILD_H
#define REPORTS_FAILURE_BUILD_H

#include "lib/arf/arf.h"
#include "reports/dmarc_plan.h"

struct failure_built {
	unsigned reports;
	uint64_t incidents; /* in the reports */
	uint64_t dropped; /* beyond the number, or unreadable */
};

/*
 * Carries out a plan of dmarc_plan_failure() with PLAN_REPORT. o: all but
 * incidents. most: reports to make. Logs a line for each. Returns 0,
 * AVER_NOTFOUND when somebody else was faster, AVER_TEMP, AVER_IO, AVER_NOMEM
 * with d: then nothing has happened.
 */
int failure_report(struct reporter *r, const struct dmarc_plan *plan,
    struct str domain, int64_t now, const struct arf_options *o, unsigned most,
    struct failure_built *out, struct diag *d);

#endif
