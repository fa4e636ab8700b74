/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The clocks of the programs. Evaluators never read one: they are given
 * `now` (seconds since the epoch, UTC) as a value.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Seconds since 1970-01-01T00:00:00Z. */
int64_t clock_now(void);
/* Milliseconds of a clock that never jumps; for deadlines and durations. */
int64_t clock_mono_ms(void);
/* Microseconds of the same clock; for latencies. */
int64_t clock_mono_us(void);

#endif
