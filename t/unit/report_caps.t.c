/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/ledger.h"
#include "reports/caps.h"

#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define NOW INT64_C(1793491200)

static struct store *
open_store(const char *dir)
{
	struct store *s = NULL;
	char spec[1100];

	snprintf(spec, sizeof(spec), "sqlite:%s/a.db", dir);
	is_int(store_open(spec, STORE_WRITE, &s, NULL), 0, "a store");
	return s;
}

/* A report to n destinations of that domain, and the first k tried at then. */
static void
put(struct store *s, const char *id, const char *host, unsigned n, unsigned k,
    int64_t then)
{
	struct ledger_report r = {.id = str_from_z(id),
	    .policy_domain = STR("a.example"),
	    .end = 1,
	    .created = then,
	    .body = STR("x")};
	struct ledger_submission subs[8] = {0};
	uint64_t fence;

	for (unsigned i = 0; i < n; i++)
		subs[i] =
		    (struct ledger_submission){.uri = STR("mailto:r@a.example"),
			.destination = str_from_z(host),
			.give_up = then + 86400};
	is_int(store_put_report(s, &r, subs, n, NULL), 0, id);
	for (unsigned i = 1; i <= k; i++)
		is_int(
		    store_claim_submission(s, r.id, i, then, 60, &fence, NULL),
		    0, "tried");
}

static bool
full(struct caps *c, const char *host)
{
	bool out = false;

	if (caps_host(c, str_from_z(host), &out, NULL))
		ok(false, "the store fails");
	return out;
}

static void
check_counts(struct store *s)
{
	uint64_t limits[3] = {10, 7, 3};
	struct caps c;

	/* 2 to a.example within a day, 5 before that; 1 to b.example */
	is_int(caps_init(&c, s, limits, 42, NOW, NULL), 0, "counted");
	is_int(c.day_tried, 3, "tried within a day");
	ok(!caps_reached(&c), "more may be sent");
	ok(!full(&c, "a.example") && !full(&c, "b.example") &&
		!full(&c, "c.example"),
	    "to all of them");
	caps_count(&c, STR("a.example"));
	ok(full(&c, "a.example"), "the third is the last");
	ok(!full(&c, "b.example") && !full(&c, "c.example"), "of that one");
	caps_count(&c, STR("c.example"));
	caps_count(&c, STR("c.example"));
	ok(!full(&c, "c.example") && !caps_reached(&c), "six of seven");
	caps_count(&c, STR("d.example"));
	ok(caps_reached(&c), "seven of seven in the day");
	caps_fini(&c);
}

static void
check_run(struct store *s)
{
	uint64_t limits[3] = {2, 1000, 1000};
	struct caps c;

	caps_init(&c, s, limits, 42, NOW, NULL);
	caps_count(&c, STR("x.example"));
	ok(!caps_reached(&c), "one of two in the run");
	caps_count(&c, STR("y.example"));
	ok(caps_reached(&c), "two of two in the run");
	caps_fini(&c);
}

/* More names than the table has slots: it still counts what it knows. */
static void
check_many(struct store *s)
{
	uint64_t limits[3] = {1000000, 1000000, 2};
	unsigned wrong = 0;
	struct caps c;

	caps_init(&c, s, limits, 42, NOW, NULL);
	for (unsigned i = 0; i < CAPS_SLOTS + 100; i++) {
		char name[64];

		snprintf(name, sizeof(name), "h%u.example", i);
		wrong += full(&c, name);
		caps_count(&c, str_from_z(name));
		caps_count(&c, str_from_z(name));
		wrong += i < CAPS_SLOTS / 2 && !full(&c, name);
	}
	is_int(wrong, 0, "many destinations");
	ok(c.n <= CAPS_SLOTS / 2, "the table stays half empty");
	is_int(c.run_tried, 2 * (CAPS_SLOTS + 100), "all are counted");
	caps_fini(&c);
}

int
main(void)
{
	struct tmpdir dir = tmpdir_fast();
	struct store *s = open_store(dir.path);

	put(s, "r1", "a.example", 5, 5, NOW - 86401);
	put(s, "r2", "a.example", 5, 2, NOW - 86400);
	put(s, "r3", "b.example", 2, 1, NOW - 1);
	check_counts(s);
	check_run(s);
	check_many(s);
	store_close(s);
	tmpdir_remove(dir.path);
	return tap_done();
}
