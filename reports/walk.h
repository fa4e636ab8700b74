/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Every policy domain of which something is due, some at a time. */
#ifndef REPORTS_WALK_H
#define REPORTS_WALK_H

#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/take.h"
#include "reports/reporter.h"

/*
 * Calls fn for each domain with rows of that kind before that time, ordered by
 * name; fn may take them. It returns 0 to go on. Ends early when the program
 * has been told to stop. Returns 0, fn's value, or what the store said with d.
 */
int walk_due(struct reporter *r, enum ledger_kind kind, int64_t before,
    int (*fn)(void *arg, const struct store_due *due), void *arg,
    struct diag *d);

/*
 * The same for one domain, in whatever form it is written. It is told to the
 * log when nothing of it is due.
 */
int walk_one(struct reporter *r, enum ledger_kind kind, int64_t before,
    struct str domain, int (*fn)(void *arg, const struct store_due *due),
    void *arg, struct diag *d);

/*
 * What fn returns for a failure of a domain. Others choose what is in its rows
 * and records: whatever is wrong with them is logged, *later is set, the data
 * stay for another run, and the domains after it have their turn (0). Only the
 * store and the configuration are the same for all: then err.
 */
int walk_on(const struct store_due *due, int err, bool *later, struct diag *d);

#endif
