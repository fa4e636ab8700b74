/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the plans of all kinds of reports share. */
#ifndef REPORTS_PLAN_H
#define REPORTS_PLAN_H

#include <stdbool.h>

#include "lib/aggregate/aggregate_write.h"
#include "lib/base/str.h"
#include "lib/dmarc/dmarc_rua.h"
#include "lib/store/suppress.h"
#include "reports/reporter.h"

enum plan_action {
	PLAN_REPORT,
	PLAN_WAIT, /* it is not its time, and that is as usual */
	PLAN_KEEP, /* try again in the next run */
	PLAN_DROP,
	PLAN_ACTION_COUNT
};

/* "report", "wait", "keep", "drop" */
const char *plan_action_name(enum plan_action a);

/* Where a report goes, or would. */
struct plan_target {
	const struct dmarc_dest *dest; /* NULL: not of a DMARC record */
	struct str uri; /* that is followed */
	/* the domain of the mailbox or the host; A-labels in lower case */
	struct str destination;
	const char *skip; /* why nothing goes there; NULL: it does */
	struct str skip_detail;
	bool suppressed; /* it is skipped for that */
	enum aggregate_format format; /* of aggregate reports */
};

/*
 * *out: value is suppressed at now; a is for a moment. Returns 0 or what the
 * store said with d.
 */
int plan_is_suppressed(struct reporter *r, enum suppress_kind kind,
    struct str value, int64_t now, struct arena *a, bool *out, struct diag *d);

#endif
