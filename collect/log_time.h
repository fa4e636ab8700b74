/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * When a line of a log was written. Stamps without a zone are local time, by
 * what was in force here at that time: in a log of last summer it is summer.
 */
#ifndef COLLECT_LOG_TIME_H
#define COLLECT_LOG_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

/*
 * The stamp as postfix_stamp_time() reads it, in seconds since the epoch; now
 * likewise. False when it is none; *out is as it was then.
 */
bool log_time(struct str stamp, int64_t now, int64_t *out);

#endif
