/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What to do with the TLS results of one policy domain: report them and to
 * whom, keep them for a later run, or drop them. Asks the store and the DNS,
 * changes nothing.
 */
#ifndef REPORTS_TLS_PLAN_H
#define REPORTS_TLS_PLAN_H

#include "lib/base/arena.h"
#include "lib/store/take.h"
#include "lib/tlsrpt/tlsrpt_record.h"
#include "reports/plan.h"
#include "reports/reporter.h"

#define TLS_DAY 86400
/* after midnight, until what was seen before is in the database */
#define TLS_SETTLE 300

struct tls_plan {
	enum plan_action action; /* never PLAN_WAIT */
	const char *why; /* unless PLAN_REPORT: words */
	struct str detail;
	struct tlsrpt_record record;
	struct plan_target *targets; /* in the order of the record */
	size_t n_targets, n_used;
};

/* Days that begin before it can be reported at now. */
int64_t tls_due_before(int64_t now);

/*
 * due: of the domain, before tls_due_before(now). Returns 0, or what the store
 * said with d; AVER_NOMEM. Strings are in the arena.
 */
int tls_plan_make(struct reporter *r, const struct store_due *due, int64_t now,
    struct arena *a, struct tls_plan *out, struct diag *d);

/* The URIs are the same, in whatever order; the scheme is one of a report. */
bool tls_same_rua(const struct tlsrpt_record *a, const struct tlsrpt_record *b);

#endif
