/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/plan.h"

#include "lib/base/err.h"
#include "lib/base/name.h"

static const char *const action_names[PLAN_ACTION_COUNT] = {
    [PLAN_REPORT] = "report",
    [PLAN_WAIT] = "wait",
    [PLAN_KEEP] = "keep",
    [PLAN_DROP] = "drop",
};

const char *
plan_action_name(enum plan_action a)
{
	return name_of(action_names, PLAN_ACTION_COUNT, (int)a);
}

int
plan_is_suppressed(struct reporter *r, enum suppress_kind kind,
    struct str value, int64_t now, struct arena *a, bool *out, struct diag *d)
{
	int err = store_suppressed(r->store, kind, value, now, a, NULL, d);

	*out = err == 0;
	return err == AVER_NOTFOUND ? 0 : err;
}
