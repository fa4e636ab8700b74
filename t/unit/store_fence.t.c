/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The contract of fences: of processes that record under one name the last one
 * that asked for the number counts, whatever comes of the others and whenever.
 */
#include "lib/store/upkeep.h"
#include "t/unit/store_backend.h"

#define HOUR 3600
#define EVER ((int64_t)1 << 40)

static int
add_up(void *arg, const struct store_evaluation *row)
{
	*(uint64_t *)arg += row->count;
	return 0;
}

static void
is_sum(struct store *s, struct str domain, uint64_t want, const char *name)
{
	uint64_t sum = 0;

	is_int(store_each_evaluation(s, domain, 0, EVER, add_up, &sum, NULL), 0,
	    "a walk");
	is_int((int64_t)sum, (int64_t)want, name);
}

/* Adds as many messages as it has numbers. */
static int
add(struct store *s, const char *source, const struct store_fence *fence,
    uint64_t after, uint64_t seq)
{
	const struct store_evaluation row = {.hour = HOUR,
	    .policy_domain = str_from_z(source),
	    .octets = STR("x"),
	    .count = seq - after};
	const struct store_batch b = {.source = str_from_z(source),
	    .seq = seq,
	    .fence = fence,
	    .after = after,
	    .rows = &row,
	    .n_rows = 1};

	return store_add_batch(s, &b, NULL);
}

static void
is_fence(struct store *s, const char *source, struct store_fence *fence,
    uint64_t number, uint64_t seq)
{
	uint64_t got = 77;

	is_int(store_fence_source(s, str_from_z(source), fence, &got, NULL), 0,
	    "a fence");
	is_int((int64_t)fence->number, (int64_t)number, "its number");
	is_int((int64_t)got, (int64_t)seq, "how far the source is");
}

static void
is_committed(struct store *s, const char *source, uint64_t want)
{
	uint64_t seq = 77;

	is_int(store_committed(s, str_from_z(source), &seq, NULL), 0,
	    "a question");
	is_int((int64_t)seq, (int64_t)want, "the number");
}

static void
late(struct store *s)
{
	struct store_fence first = {1, 0}, second = {UINT64_MAX, 0};
	uint64_t seq;

	is_fence(s, "late", &first, 1, 0);
	is_int(add(s, "late", &first, 0, 10), 0, "a batch");
	is_fence(s, "late", &first, 1, 10);
	is_fence(s, "late", &second, 2, 10);
	is_int(add(s, "late", &first, 10, 30), AVER_NOTFOUND,
	    "a batch that arrives after the successor's question");
	is_sum(s, STR("late"), 10, "is not counted");
	is_committed(s, "late", 10);
	is_int(add(s, "late", &second, 10, 20), 0, "the successor's");
	is_int(add(s, "late", &first, 10, 30), AVER_NOTFOUND, "late again");
	is_int(add(s, "late", &first, 10, 20), AVER_NOTFOUND,
	    "with the successor's number");
	is_int(add(s, "late", &second, 20, 30), 0, "the successor's next");
	is_sum(s, STR("late"), 30, "each is counted once");
	seq = 5;
	is_int(store_fence_source(s, STR("late"), &first, &seq, NULL),
	    AVER_NOTFOUND, "the first one does not get it back");
	is_int((int64_t)seq, 5, "nothing is said then");
	is_fence(s, "late", &second, 2, 30);
}

/* It was counted, the reply was lost, and then somebody else came. */
static void
counted_before(struct store *s)
{
	struct store_fence first = {7, 0}, second = {8, 0}, third = {9, 0};

	is_fence(s, "before", &first, 1, 0);
	is_int(add(s, "before", &first, 0, 10), 0, "a batch");
	is_fence(s, "before", &second, 2, 10);
	is_int(add(s, "before", &second, 10, 30), 0, "the successor's");
	is_int(add(s, "before", &first, 0, 10), 0, "it was counted");
	is_int(add(s, "before", &first, 10, 20), AVER_NOTFOUND,
	    "this one was not, though its number is below");
	is_sum(s, STR("before"), 30, "each is counted once");
	is_fence(s, "before", &third, 3, 30);
	is_int(add(s, "before", &second, 10, 30), 0, "it was counted too");
	is_int(add(s, "before", &first, 10, 20), AVER_NOTFOUND, "never");
	is_int(add(s, "before", &third, 30, 40), 0, "the third");
	is_sum(s, STR("before"), 40, "each is counted once");
}

/* Somebody without a fence has moved the number. */
static void
part(struct store *s)
{
	struct store_fence first = {3, 0};

	is_fence(s, "part", &first, 1, 0);
	is_int(add(s, "part", NULL, 0, 15), 0, "a batch without a fence");
	is_int(add(s, "part", &first, 0, 20), AVER_IO,
	    "of a batch that goes beyond it nothing is counted");
	is_int(add(s, "part", &first, 0, 12), 0, "a smaller one was counted");
	is_fence(s, "part", &first, 1, 15);
	is_int(add(s, "part", &first, 15, 20), 0, "what was missing");
	is_sum(s, STR("part"), 20, "each is counted once");
}

/*
 * A store that has lost the fence and some numbers, as a replica that had not
 * got them; and one of an older version, which knows no fences.
 */
static void
lost(struct store *s)
{
	struct store_fence old = {11, 3}, mine = {12, 4}, next = {13, 0};

	is_int(add(s, "lost", NULL, 0, 10), 0, "a number without a fence");
	is_int(add(s, "lost", &mine, 30, 40), 0,
	    "who had a fence once goes on, what is lost is lost");
	is_committed(s, "lost", 40);
	is_int(add(s, "lost", &old, 40, 50), AVER_NOTFOUND,
	    "and the fence is back");
	is_fence(s, "lost", &mine, 4, 40);
	is_sum(s, STR("lost"), 20, "each is counted once");
	is_fence(s, "lost", &next, 5, 40);
	mine.number = 9;
	is_fence(s, "lost", &mine, 9, 40);
	is_int(add(s, "lost", &next, 40, 50), AVER_NOTFOUND,
	    "or when its owner asks");
	next = (struct store_fence){14, 9};
	is_int(add(s, "lost", &next, 40, 50), AVER_NOTFOUND,
	    "two that got the same number: the one that is there counts");
}

static int
no_name(void *arg, struct str name, uint64_t seq)
{
	(void)seq;
	*(bool *)arg |= str_eq(name, STR("bare"));
	return 0;
}

static void
beside(struct store *s)
{
	struct store_fence a = {21, 0}, b = {22, 0};
	bool there = false;

	is_fence(s, "bare", &a, 1, 0);
	is_int(store_each_source(s, no_name, &there, NULL), 0, "sources");
	ok(!there, "one without a number is none");
	is_fence(s, "bare", &b, 2, 0);
	is_int(add(s, "bare", &a, 0, 5), AVER_NOTFOUND, "refused");
	is_int(add(s, "other", &a, 0, 0), 0, "what has no number needs none");
	is_fence(s, "other", &a, 1, 0);
	is_int(add(s, "other", &a, 0, 5), 0, "names do not touch each other");
	is_sum(s, STR("bare"), 0, "nothing");
}

static void
contract(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);

	late(s);
	counted_before(s);
	part(s);
	lost(s);
	beside(s);
	store_close(s);
}

int
main(void)
{
	on_each_backend("fence", contract);
	return tap_done();
}
