/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/span.h"

#include "lib/base/scan.h"

#define DAY 86400
#define SPAN_MAX ((uint64_t)100 * 365 * DAY)

bool
span_parse(struct str text, int64_t *out)
{
	static const struct {
		char unit;
		unsigned seconds;
	} units[] = {
	    {'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY}, {'w', 7 * DAY}};
	struct scan s = scan_of(text);
	uint64_t n;

	if (!scan_u64(&s, SPAN_MAX, &n) || n == 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!scan_char(&s, units[i].unit))
			continue;
		if (!scan_done(&s) || n > SPAN_MAX / units[i].seconds)
			return false;
		*out = (int64_t)n * units[i].seconds;
		return true;
	}
	return false;
}
