/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/date.h"

#include <stdbool.h>

#define DAY 86400
#define ERA_DAYS 146097 /* of 400 years */

static const char weekdays[7][4] = {
    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t
divide_down(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/*
 * Years that begin in March have their leap day at the end, so the months
 * before it are always of the same lengths: 153 days in each five.
 */
void
date_of(int64_t t, struct date *out)
{
	int64_t days = divide_down(t, DAY);
	int64_t second = (t % DAY + DAY) % DAY;
	int64_t shifted = days + 719468; /* since 1 March of the year 0 */
	int64_t era = divide_down(shifted, ERA_DAYS);
	int64_t of_era = shifted - era * ERA_DAYS;
	int64_t year =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* 0: March */
	bool early = month >= 10; /* January, February */

	out->day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
	out->month = (unsigned)(early ? month - 9 : month + 3);
	out->year = year + era * 400 + early;
	out->hour = (unsigned)(second / 3600);
	out->minute = (unsigned)(second / 60 % 60);
	out->second = (unsigned)(second % 60);
	out->weekday =
	    (unsigned)(days + 4 - divide_down(days + 4, 7) * 7); /* Thursday */
}

int64_t
date_seconds(const struct date *d)
{
	int64_t year = d->year - (d->month <= 2);
	int64_t era = divide_down(year, 400), of_era = year - era * 400;
	int64_t month = d->month > 2 ? d->month - 3 : d->month + 9;
	int64_t of_year = (153 * month + 2) / 5 + d->day - 1;
	int64_t days = era * ERA_DAYS + of_era * 365 + of_era / 4 -
		       of_era / 100 + of_year - 719468;

	return days * DAY + d->hour * 3600 + d->minute * 60 + d->second;
}

void
date_print(struct buf *b, int64_t t)
{
	struct date d;

	date_of(t, &d);
	buf_addf(b, "%s, %u %s %04lld %02u:%02u:%02u +0000",
	    weekdays[d.weekday], d.day, months[d.month - 1], (long long)d.year,
	    d.hour, d.minute, d.second);
}

void
date_print_3339(struct buf *b, int64_t t)
{
	struct date d;

	date_of(t, &d);
	buf_addf(b, "%04lld-%02u-%02uT%02u:%02u:%02uZ", (long long)d.year,
	    d.month, d.day, d.hour, d.minute, d.second);
}
