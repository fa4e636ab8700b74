/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/clock.h"

#include <time.h>

static int64_t
read_clock(clockid_t id, int64_t per_second)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * per_second +
	       (int64_t)ts.tv_nsec / (1000000000 / per_second);
}

int64_t
clock_now(void)
{
	return read_clock(CLOCK_REALTIME, 1);
}

int64_t
clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000);
}

int64_t
clock_mono_us(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000000);
}
