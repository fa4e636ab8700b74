/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "collect/log_time.h"

#include <time.h>

#include "lib/tlsrpt/postfix_line.h"

/* Of local time at that time, in seconds east of UTC. */
static int
offset_at(int64_t when)
{
	time_t t = (time_t)when, back;
	struct tm here, there;

	if (!localtime_r(&t, &here) || !gmtime_r(&t, &there))
		return 0;
	there.tm_isdst = here.tm_isdst;
	back = mktime(&there);
	return back == (time_t)-1 ? 0 : (int)(t - back);
}

bool
log_time(struct str stamp, int64_t now, int64_t *out)
{
	int offset = offset_at(now), then;
	int64_t t;

	if (!postfix_stamp_time(stamp, now, offset, &t))
		return false;
	/* on the day that the clock is changed it may be an hour off */
	then = offset_at(t);
	if (then != offset && !postfix_stamp_time(stamp, now, then, &t))
		return false;
	*out = t;
	return true;
}
