/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/date.h"

#include "t/tap.h"

static const struct {
	int64_t t;
	const char *mail, *json;
} dates[] = {
    {0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z"},
    {-1, "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59Z"},
    {951782400, "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z"},
    {951868799, "Tue, 29 Feb 2000 23:59:59 +0000", "2000-02-29T23:59:59Z"},
    {951868800, "Wed, 1 Mar 2000 00:00:00 +0000", "2000-03-01T00:00:00Z"},
    {1709164800, "Thu, 29 Feb 2024 00:00:00 +0000", "2024-02-29T00:00:00Z"},
    {1740787199, "Fri, 28 Feb 2025 23:59:59 +0000", "2025-02-28T23:59:59Z"},
    {1793527200, "Sun, 1 Nov 2026 10:00:00 +0000", "2026-11-01T10:00:00Z"},
    {2147483648, "Tue, 19 Jan 2038 03:14:08 +0000", "2038-01-19T03:14:08Z"},
    {4107542400, "Mon, 1 Mar 2100 00:00:00 +0000", "2100-03-01T00:00:00Z"},
    {4107542399, "Sun, 28 Feb 2100 23:59:59 +0000", "2100-02-28T23:59:59Z"},
    {253402300799, "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z"},
};

static void
test_printing(void)
{
	struct buf b;

	buf_init(&b, NULL, 100);
	for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
		buf_clear(&b);
		date_print(&b, dates[i].t);
		is_str(buf_str(&b), str_from_z(dates[i].mail), dates[i].mail);
		buf_clear(&b);
		date_print_3339(&b, dates[i].t);
		is_str(buf_str(&b), str_from_z(dates[i].json), dates[i].json);
	}
	buf_fini(&b);
}

/* Each day of 1600 years: the next one, the next weekday, and back. */
static void
test_every_day(void)
{
	struct date last, d;
	long bad = 0, wrong = 0;

	date_of(-62135596800 - 86400, &last);
	for (int64_t t = -62135596800; t < 253402300800; t += 86400) {
		date_of(t, &d);
		if (d.weekday != (last.weekday + 1) % 7 ||
		    (d.day != last.day + 1 && d.day != 1) ||
		    (d.day == 1) == (d.month == last.month))
			bad++;
		if (date_seconds(&d) != t || d.hour || d.minute || d.second)
			wrong++;
		last = d;
	}
	is_int(bad, 0, "days follow each other");
	is_int(wrong, 0, "date_seconds is the inverse");
	ok(last.year == 9999 && last.month == 12 && last.day == 31,
	    "up to the last day of 9999");
}

static void
test_extremes(void)
{
	struct buf b;

	/* a forged time must not do more than look odd */
	buf_init(&b, NULL, 100);
	date_print(&b, INT64_MAX);
	date_print(&b, INT64_MIN);
	ok(buf_ok(&b), "far away years are printed");
	buf_fini(&b);
}

int
main(void)
{
	test_printing();
	test_every_day();
	test_extremes();
	return tap_done();
}
