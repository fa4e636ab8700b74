/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/span.h"
#include "reports/window.h"

#include "t/tap.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define H 3600
#define D 86400

static int64_t
at(const char *text)
{
	int64_t t = -1;

	if (!time_parse(str_from_z(text), &t))
		ok(false, "no time: %s", text);
	return t;
}

/* begin NULL: nothing is due */
static const struct {
	const char *now;
	int64_t interval;
	const char *first, *begin, *end;
} windows[] = {
    {"2026-11-25T00:00:00Z", D, "2026-11-24", "2026-11-24", "2026-11-25"},
    {"2026-11-25T00:10:00Z", D, "2026-11-24T23:00:00Z", "2026-11-24",
	"2026-11-25"},
    {"2026-11-25T23:59:59Z", D, "2026-11-24T00:00:00Z", "2026-11-24",
	"2026-11-25"},
    {"2026-11-24T23:59:59Z", D, "2026-11-24", NULL, NULL},
    {"2026-11-25T00:10:00Z", D, "2026-11-25", NULL, NULL},
    {"2026-11-25T00:10:00Z", D, "2026-11-26", NULL, NULL},
    /* what is left over lengthens the window to the past */
    {"2026-11-25T00:10:00Z", D, "2026-11-22T05:00:00Z", "2026-11-22",
	"2026-11-25"},
    {"2026-11-25T09:10:00Z", H, "2026-11-25T05:00:00Z", "2026-11-25T05:00:00Z",
	"2026-11-25T09:00:00Z"},
    /* ends of months and years, leap days */
    {"2026-12-01T00:10:00Z", D, "2026-11-30T01:00:00Z", "2026-11-30",
	"2026-12-01"},
    {"2027-01-01T00:00:00Z", D, "2026-12-31T23:00:00Z", "2026-12-31",
	"2027-01-01"},
    {"2028-02-29T12:00:00Z", D, "2028-02-28T23:00:00Z", "2028-02-28",
	"2028-02-29"},
    {"2028-03-01T00:00:00Z", D, "2028-02-29T00:00:00Z", "2028-02-29",
	"2028-03-01"},
    {"2027-03-01T00:00:00Z", D, "2027-02-28T22:00:00Z", "2027-02-28",
	"2027-03-01"},
    {"2100-03-01T01:00:00Z", D, "2100-02-28T01:00:00Z", "2100-02-28",
	"2100-03-01"},
    /* summer time changes nothing: a day has 24 hours */
    {"2026-03-30T00:00:00Z", D, "2026-03-29T00:00:00Z", "2026-03-29",
	"2026-03-30"},
    {"2026-10-26T00:00:00Z", D, "2026-10-25T23:00:00Z", "2026-10-25",
	"2026-10-26"},
    /* shorter periods begin at midnight too */
    {"2026-11-25T06:00:00Z", 6 * H, "2026-11-25T05:00:00Z", "2026-11-25",
	"2026-11-25T06:00:00Z"},
    {"2026-11-25T05:59:59Z", 6 * H, "2026-11-24T23:00:00Z",
	"2026-11-24T18:00:00Z", "2026-11-25T00:00:00Z"},
    {"2026-11-25T05:59:59Z", 6 * H, "2026-11-25T00:00:00Z", NULL, NULL},
    {"2026-11-25T23:59:59Z", 8 * H, "2026-11-25T08:00:00Z",
	"2026-11-25T08:00:00Z", "2026-11-25T16:00:00Z"},
    {"2026-11-25T13:00:00Z", H, "2026-11-25T12:00:00Z", "2026-11-25T12:00:00Z",
	"2026-11-25T13:00:00Z"},
    {"1970-01-02", D, "1970-01-01", "1970-01-01", "1970-01-02"},
};

static const struct {
	const char *text;
	int64_t want;
} times[] = {
    {"0", 0},
    {"1793491200", 1793491200},
    {"1970-01-01", 0},
    {"2026-11-01", 1793491200},
    {"2026-11-01T00:00:01Z", 1793491201},
    {"2028-02-29", 1835395200},
    {"2000-02-29T23:59:59Z", 951868799},
    {"9999-12-31T23:59:59Z", 253402300799},
};

static const char *const no_times[] = {"", " ", "now", "-1", "1.5",
    "99999999999999999999", "2026-11", "2026-11-1", "2026-13-01", "2026-00-10",
    "2026-11-00", "2026-11-31", "2026-02-29", "2100-02-29", "1969-12-31",
    "2026-11-01T", "2026-11-01T00:00", "2026-11-01T00:00:00",
    "2026-11-01T24:00:00Z", "2026-11-01T00:60:00Z", "2026-11-01T00:00:60Z",
    "2026-11-01T00:00:00+01:00", "2026-11-01 00:00:00Z",
    "2026-11-01T00:00:00Zx", "2026/11/01", "x2026-11-01"};

static const struct {
	const char *text;
	int64_t want; /* 0: refused */
} spans[] = {{"1s", 1}, {"90m", 5400}, {"12h", 43200}, {"30d", 30 * D},
    {"8w", 56 * D}, {"36500d", INT64_C(36500) * D}, {"36501d", 0}, {"0d", 0},
    {"", 0}, {"d", 0}, {"30", 0}, {"30D", 0}, {"30 d", 0}, {"30dd", 0},
    {"-1d", 0}, {"1y", 0}, {"99999999999999999999w", 0}, {"1.5d", 0}};

static void
check_window(size_t i)
{
	struct window w = {-7, -7};
	bool due = window_due(
	    at(windows[i].now), windows[i].interval, at(windows[i].first), &w);

	if (!windows[i].begin) {
		ok(!due && w.begin == -7 && w.end == -7,
		    "%s: nothing of %s is due", windows[i].now,
		    windows[i].first);
		return;
	}
	ok(due, "%s: %s is due", windows[i].now, windows[i].first);
	is_int(w.begin, at(windows[i].begin), windows[i].begin);
	is_int(w.end, at(windows[i].end), windows[i].end);
}

/* Every hour of 400 days is in one window, whenever the runs are. */
static void
check_no_gaps(int64_t interval, int64_t step)
{
	int64_t start = at("2027-12-20"), reported = start;
	struct window w;
	bool good = true;

	for (int64_t now = start; now < start + INT64_C(400) * D; now += step) {
		if (!window_due(now, interval, reported, &w))
			continue;
		good = good && w.begin == reported && w.end > w.begin &&
		       w.end <= now && now - w.end < interval &&
		       w.begin % interval == 0 && w.end % interval == 0;
		reported = w.end;
	}
	ok(good && reported > start + INT64_C(394) * D,
	    "windows of %d hours, a run each %d seconds: no gap, no overlap",
	    (int)(interval / H), (int)step);
}

static void
check_spread(int64_t spread, unsigned names)
{
	unsigned parts[10] = {0};
	bool good = true;

	for (unsigned i = 0; i < names; i++) {
		char name[32];
		int n = snprintf(name, sizeof(name), "report-%u/1", i);
		struct str s = {name, (size_t)n};
		int64_t t = spread_offset(s, spread);

		good = good && t >= 0 && t < spread &&
		       t == spread_offset(s, spread);
		parts[t * 10 / spread]++;
	}
	ok(good, "%u moments within %d seconds", names, (int)spread);
	for (int i = 0; i < 10; i++)
		good = good && parts[i] > names / 13 && parts[i] < names / 8;
	ok(good, "evenly: %u to %u in the first tenths", parts[0], parts[1]);
}

int
main(void)
{
	int64_t t, sum = 0;

	for (size_t i = 0; i < N(times); i++)
		is_int(at(times[i].text), times[i].want, times[i].text);
	for (size_t i = 0; i < N(no_times); i++) {
		t = -5;
		ok(!time_parse(str_from_z(no_times[i]), &t) && t == -5,
		    "no time: \"%s\"", no_times[i]);
	}
	for (size_t i = 0; i < N(spans); i++) {
		t = 0;
		is_int(span_parse(str_from_z(spans[i].text), &t) ? t : 0,
		    spans[i].want, spans[i].text);
	}
	for (size_t i = 0; i < N(windows); i++)
		check_window(i);
	check_no_gaps(D, H);
	check_no_gaps(D, 7 * H + 13);
	check_no_gaps(D, 5 * D);
	check_no_gaps(H, 1800);
	check_no_gaps(6 * H, 3700);
	check_no_gaps(8 * H, D);
	is_int(window_floor(-1, D), -D, "before 1970");
	check_spread(1800, 10000);
	check_spread(43200, 10000);
	is_int(spread_offset(STR("x"), 0), 0, "no spread");
	is_int(retry_delay(1), RETRY_FIRST, "the first retry");
	is_int(retry_delay(2), 2 * RETRY_FIRST, "the second");
	is_int(retry_delay(1000), RETRY_LONGEST, "a late one");
	for (unsigned i = 1; sum <= RETRY_GIVE_UP; i++)
		sum += retry_delay(i);
	ok(sum - RETRY_GIVE_UP < RETRY_LONGEST, "retries go on for a day");
	return tap_done();
}
