/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What causes no report is dropped, but not what came after that was found:
 * from a spool, or from another host.
 */
#include "reports/part.h"

#include "t/unit/store_backend.h"

#define HOUR 3600
#define DAY 86400

static void
add(struct store *s, uint64_t seq, int64_t hour, bool optional)
{
	const struct store_evaluation row = {.hour = hour,
	    .policy_domain = STR("a.example"),
	    .octets = STR("x"),
	    .count = 2,
	    .optional = optional};

	ok(store_add_evaluations(s, STR("s"), seq, &row, 1, NULL) == 0, "add");
}

static struct store_due
look(struct store *s, struct arena *a)
{
	struct store_due due = {.messages = 0};

	(void)store_get_due(
	    s, LEDGER_DMARC, STR("a.example"), DAY, a, &due, NULL);
	return due;
}

static void
contract(const char *spec)
{
	struct reporter r = {.store = store_now(spec, STORE_WRITE)};
	struct store_due due;
	struct diag d = {.text = ""};
	struct arena a;

	arena_init(&a, 1 << 16);
	add(r.store, 1, HOUR, true);
	due = look(r.store, &a);
	add(r.store, 2, DAY, false);
	is_int(part_drop(&r, LEDGER_DMARC, &due, DAY, DAY, &d), 0,
	    "optional ones are dropped");
	is_int(look(r.store, &a).messages, 0, "all of the window");
	is_int(part_drop(&r, LEDGER_DMARC, &due, DAY, DAY, &d), AVER_NOTFOUND,
	    "and no longer there");
	add(r.store, 3, HOUR, true);
	due = look(r.store, &a);
	add(r.store, 4, HOUR, false);
	is_int(part_drop(&r, LEDGER_DMARC, &due, DAY, DAY, &d), AVER_TEMP,
	    "one that causes a report has come meanwhile");
	due = look(r.store, &a);
	is_int(due.messages, 4, "it stays, with the others");
	is_int(due.optional, 2, "as they were");
	is_int(part_drop(&r, LEDGER_DMARC, &due, DAY, DAY, &d), 0,
	    "who has seen it may drop it");
	store_close(r.store);
	arena_fini(&a);
}

int
main(void)
{
	on_each_backend("drop", contract);
	return tap_done();
}
