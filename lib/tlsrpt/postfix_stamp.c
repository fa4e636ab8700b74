/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Times as syslog writes them. */

#include "lib/base/chars.h"
#include "lib/base/scan.h"
#include "lib/tlsrpt/postfix_line.h"

#define DAY 86400

static const struct str months[12] = {STR_INIT("Jan"), STR_INIT("Feb"),
    STR_INIT("Mar"), STR_INIT("Apr"), STR_INIT("May"), STR_INIT("Jun"),
    STR_INIT("Jul"), STR_INIT("Aug"), STR_INIT("Sep"), STR_INIT("Oct"),
    STR_INIT("Nov"), STR_INIT("Dec")};

/* Days from 1970-01-01 to the date; Gregorian, month 1 to 12. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year + day - 1 - 719468;
}

static bool
take_number(
    struct scan *s, unsigned digits, uint64_t low, uint64_t high, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < digits; i++) {
		int c = scan_peek(s);

		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (uint64_t)(c - '0');
		s->p++;
	}
	*out = v;
	return v >= low && v <= high;
}

/* HH:MM:SS */
static bool
take_clock(struct scan *s, int64_t *seconds)
{
	uint64_t h, m, sec;

	if (!take_number(s, 2, 0, 23, &h) || !scan_char(s, ':') ||
	    !take_number(s, 2, 0, 59, &m) || !scan_char(s, ':') ||
	    !take_number(s, 2, 0, 60, &sec))
		return false;
	*seconds = (int64_t)(h * 3600 + m * 60 + sec);
	return true;
}

/* "Z", "+01:00", "+0100"; offset stays as it is without any */
static bool
take_zone(struct scan *s, int *offset)
{
	bool west = scan_peek(s) == '-';
	uint64_t h, m;

	if (scan_done(s))
		return true;
	if (scan_char(s, 'Z')) {
		*offset = 0;
		return true;
	}
	if (!scan_char(s, '+') && !scan_char(s, '-'))
		return false;
	if (!take_number(s, 2, 0, 23, &h))
		return false;
	scan_char(s, ':');
	if (!take_number(s, 2, 0, 59, &m))
		return false;
	*offset = (int)(h * 3600 + m * 60) * (west ? -1 : 1);
	return true;
}

/* RFC 3339 section 5.6, as systemd and rsyslog write it */
static bool
read_iso(struct scan s, int offset, int64_t *out)
{
	uint64_t year, month, day;
	int64_t clock;

	if (!take_number(&s, 4, 1970, 9999, &year) || !scan_char(&s, '-') ||
	    !take_number(&s, 2, 1, 12, &month) || !scan_char(&s, '-') ||
	    !take_number(&s, 2, 1, 31, &day) || !scan_char(&s, 'T') ||
	    !take_clock(&s, &clock))
		return false;
	if (scan_char(&s, '.'))
		scan_skip(&s, CH_DIGIT);
	if (!take_zone(&s, &offset) || !scan_done(&s))
		return false;
	*out = days_of((int64_t)year, (int64_t)month, (int64_t)day) * DAY +
	       clock - offset;
	return true;
}

/* "Nov  1 22:41:43" */
static bool
read_old(struct scan s, int64_t now, int offset, int64_t *out)
{
	int64_t clock, best = INT64_MAX,
		       year = 1970 + now / (DAY * 365 + 20926);
	uint64_t day;
	int month = 0;

	while (month < 12 && !scan_lit(&s, months[month]))
		month++;
	if (month == 12 || scan_skip(&s, CH_WSP) == 0)
		return false;
	if (!take_number(&s, 1, 0, 9, &day))
		return false;
	if (chars_is(scan_peek(&s) < 0 ? ' ' : *s.p, CH_DIGIT)) {
		day = day * 10 + (uint64_t)(*s.p - '0');
		s.p++;
	}
	if (day < 1 || day > 31 || !scan_char(&s, ' ') ||
	    !take_clock(&s, &clock) || !scan_done(&s))
		return false;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t t =
		    days_of(y, month + 1, (int64_t)day) * DAY + clock - offset;
		int64_t far = t > now ? t - now : now - t;

		if (far < best) {
			best = far;
			*out = t;
		}
	}
	return true;
}

bool
postfix_stamp_time(struct str stamp, int64_t now, int offset, int64_t *out)
{
	struct scan s = scan_of(stamp);

	return read_iso(s, offset, out) || read_old(s, now, offset, out);
}
