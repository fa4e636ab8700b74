/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * When what is reported: periods, the moments to send at, retries. Only
 * arithmetic; all times are seconds since the epoch, UTC.
 */
#ifndef REPORTS_WINDOW_H
#define REPORTS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

/* begin <= t < end, both at the start of a period */
struct window {
	int64_t begin, end;
};

/* The start of the period that t is in. interval divides a day. */
int64_t window_floor(int64_t t, int64_t interval);

/*
 * What a report made at now covers when the oldest row is of first: all whole
 * periods from that one's to the last that is over. False when there is none.
 */
bool
window_due(int64_t now, int64_t interval, int64_t first, struct window *out);

/*
 * A moment in [0, spread) for what has that name: the same each time, and
 * spread evenly over many names. 0 when spread is 0.
 */
int64_t spread_offset(struct str name, int64_t spread);

#define RETRY_FIRST 600
#define RETRY_LONGEST (4 * 3600)
#define RETRY_GIVE_UP 86400 /* after the first moment to send at */

/* Seconds from the attempt of that number (from 1) to the next one. */
int64_t retry_delay(unsigned attempt);

/*
 * A point of time of the command line: seconds since the epoch, YYYY-MM-DD or
 * YYYY-MM-DDTHH:MM:SSZ (RFC 3339 section 5.6). False for anything else.
 */
bool time_parse(struct str text, int64_t *out);

#endif
