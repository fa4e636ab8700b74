/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The breaker of loops in which two sites do nothing but report on each
 * other's reports. The evaluations that the milter knows as report traffic are
 * optional and cause none; this is for what it does not know, such as a
 * program that answers each report with a mail of its own.
 *
 * A domain that sent us, period after period and for LOOP_PERIODS of them, no
 * more messages than we sent reports about it is under suspicion: its
 * evaluations are kept for a period in which it gets no report. If it sends
 * mail then it is a domain with little mail, and all is reported together; if
 * not, its mail was the echo of our reports.
 */
#ifndef REPORTS_LOOP_H
#define REPORTS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"
#include "lib/store/take.h"
#include "reports/window.h"

#define LOOP_PERIODS 7

enum loop_verdict { LOOP_NONE, LOOP_SUSPECTED, LOOP_PROVEN, LOOP_COUNT };

/* Returns 0, or what the store said with d. */
int loop_check(struct store *s, const struct store_due *due,
    const struct window *w, enum loop_verdict *out, struct diag *d);

/*
 * The same for TLS reports, about a UTC day and wanted sessions in it. What is
 * recorded of a day stays of that day, so there is no waiting: *out is true
 * when each of the LOOP_PERIODS days before had a report about no more
 * sessions than mails were sent the day before, and so has this. It then gets
 * no report, and a loop ends; a domain that goes on has one the next day.
 */
int loop_check_day(struct store *s, struct str domain, int64_t day,
    uint64_t wanted, bool *out, struct diag *d);

#endif
