/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Phase one of a report: what is recorded of a policy domain becomes documents
 * in the ledger, in one transaction.
 */
#ifndef REPORTS_DMARC_BUILD_H
#define REPORTS_DMARC_BUILD_H

#include "reports/dmarc_plan.h"

struct builder;

/* Serves any number of domains. NULL when memory is out. */
struct builder *builder_new(struct reporter *r);
void builder_free(struct builder *b); /* NULL too */

struct built {
	unsigned reports, submissions;
	uint64_t rows, messages;
	uint64_t unreadable; /* rows that nobody can decode: dropped */
};

/*
 * Carries out a plan with PLAN_REPORT. Logs a line for each report. Returns 0
 * (reports 0: nothing was left to report, and it is dropped), AVER_NOTFOUND
 * when somebody else was faster, AVER_TEMP, AVER_IO, AVER_NOMEM with d: then
 * nothing has happened.
 */
int builder_report(struct builder *b, const struct dmarc_plan *plan,
    struct str domain, int64_t now, struct built *out, struct diag *d);

#endif
