/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/window.h"

#include "lib/base/scan.h"
#include "lib/mail/date.h"

#define DAY 86400
#define TIME_MAX ((uint64_t)1000 * 366 * DAY)
#define SEED 0x61766572u

int64_t
window_floor(int64_t t, int64_t interval)
{
	int64_t rest = t % interval;

	return rest < 0 ? t - rest - interval : t - rest;
}

bool
window_due(int64_t now, int64_t interval, int64_t first, struct window *out)
{
	struct window w = {
	    window_floor(first, interval), window_floor(now, interval)};

	if (w.begin >= w.end)
		return false;
	*out = w;
	return true;
}

int64_t
spread_offset(struct str name, int64_t spread)
{
	if (spread <= 0)
		return 0;
	return (int64_t)(str_hash(name, SEED) % (uint64_t)spread);
}

int64_t
retry_delay(unsigned attempt)
{
	int64_t delay = RETRY_FIRST;

	while (attempt-- > 1 && delay < RETRY_LONGEST)
		delay *= 2;
	return delay < RETRY_LONGEST ? delay : RETRY_LONGEST;
}

/* n digits with a value from min to max */
static bool
digits(struct scan *s, unsigned n, unsigned min, unsigned max, unsigned *out)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++) {
		int c = scan_peek(s);

		if (!scan_class(s, CH_DIGIT))
			return false;
		v = v * 10 + (unsigned)(c - '0');
	}
	*out = v;
	return v >= min && v <= max;
}

static bool
parse_date(struct scan *s, struct date *d)
{
	unsigned year;

	if (!digits(s, 4, 1970, 9999, &year) || !scan_char(s, '-') ||
	    !digits(s, 2, 1, 12, &d->month) || !scan_char(s, '-') ||
	    !digits(s, 2, 1, 31, &d->day))
		return false;
	d->year = year;
	if (scan_done(s))
		return true;
	return scan_char(s, 'T') && digits(s, 2, 0, 23, &d->hour) &&
	       scan_char(s, ':') && digits(s, 2, 0, 59, &d->minute) &&
	       scan_char(s, ':') && digits(s, 2, 0, 59, &d->second) &&
	       scan_char(s, 'Z') && scan_done(s);
}

bool
time_parse(struct str text, int64_t *out)
{
	struct scan s = scan_of(text);
	struct date d = {0}, back;
	uint64_t seconds;

	if (str_to_u64(text, TIME_MAX, &seconds)) {
		*out = (int64_t)seconds;
		return true;
	}
	if (!parse_date(&s, &d))
		return false;
	/* there is no 30th of February */
	date_of(date_seconds(&d), &back);
	if (back.day != d.day)
		return false;
	*out = date_seconds(&d);
	return true;
}
