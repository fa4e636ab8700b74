/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Rows of a batch as the script wants them: by domain and hour, so that it
 * reads and writes each hash once; a row once in each group, and the one that
 * was counted last at the end. A group is the hash's CODE:DOMAIN, how many
 * rows, the rows with their flags, their counts. A row that depends on whether
 * its domain is known comes alone: -1, the day from which on it is, the row,
 * its count.
 */
#include "lib/store/redis_parts.h"

#include <stdlib.h>

#define GROUP 500 /* rows: so much fits on the stack of Lua */
#define DAY 86400

/* Order of groups; what is equal in it is one row. */
static int
compare(const struct redis_item *x, const struct redis_item *y, bool whole)
{
	int c;

	if (x->hour != y->hour)
		return x->hour < y->hour ? -1 : 1;
	c = str_cmp(x->domain, y->domain);
	if (c || !whole)
		return c;
	if (x->flag != y->flag)
		return x->flag - y->flag;
	return str_cmp(x->octets, y->octets);
}

static int
by_group(const void *a, const void *b)
{
	const struct redis_item *x = a, *y = b;
	int c = compare(x, y, true);

	if (c)
		return c;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Equal rows become the first of them; how many are left. */
static size_t
merge(struct redis_item *items, size_t n)
{
	size_t to = 0;

	for (size_t i = 1; i < n; i++) {
		if (compare(&items[to], &items[i], true) != 0) {
			items[++to] = items[i];
			continue;
		}
		items[to].a += items[i].a;
		items[to].b += items[i].b;
		items[to].place = items[i].place;
	}
	return n ? to + 1 : 0;
}

/* Puts the row that came last at the end. */
static void
put_last(struct redis_item *items, size_t n)
{
	size_t last = 0;
	struct redis_item x;

	for (size_t i = 1; i < n; i++)
		if (items[i].place > items[last].place)
			last = i;
	x = items[last];
	items[last] = items[n - 1];
	items[n - 1] = x;
}

static void
put_count(struct redis_conn *c, struct str kind, const struct redis_item *x)
{
	if (str_eq(kind, REDIS_TLS))
		redis_arg_two(c, x->a, x->b);
	else
		redis_arg_int(c, (int64_t)x->a);
}

static void
put_tail(struct redis_conn *c, const struct redis_item *x)
{
	char code[REDIS_CODE + 1];

	redis_code(code, x->hour);
	code[REDIS_CODE] = ':';
	redis_arg_cat(c, (struct str){code, sizeof(code)}, x->domain);
}

static void
put_group(
    struct redis_conn *c, struct str kind, struct redis_item *items, size_t n)
{
	put_last(items, n);
	put_tail(c, items);
	redis_arg_int(c, (int64_t)n);
	for (size_t i = 0; i < n; i++)
		redis_arg_cat(
		    c, (struct str){&items[i].flag, 1}, items[i].octets);
	for (size_t i = 0; i < n; i++)
		put_count(c, kind, &items[i]);
}

/* known_days: see store_add_batch(). */
static void
put_alone(struct redis_conn *c, struct str kind, const struct redis_item *x,
    unsigned known_days)
{
	int64_t day = redis_day(x->hour), back = (int64_t)known_days * DAY;

	put_tail(c, x);
	redis_arg_int(c, -1);
	redis_arg_int(c, day > back ? day - back : 0);
	redis_arg(c, x->octets);
	put_count(c, kind, x);
}

/* The end of the group that begins at i. */
static size_t
group_end(const struct redis_item *items, size_t n, size_t i)
{
	size_t end = i + 1;

	if (items[i].flag == 'k')
		return end;
	while (end < n && end - i < GROUP && items[end].flag != 'k' &&
	       compare(&items[i], &items[end], false) == 0)
		end++;
	return end;
}

size_t
redis_group(struct redis_item *items, size_t *n)
{
	size_t groups = 0;

	if (*n)
		qsort(items, *n, sizeof(*items), by_group);
	*n = merge(items, *n);
	for (size_t i = 0; i < *n; i = group_end(items, *n, i))
		groups++;
	return groups;
}

void
redis_group_args(struct redis_conn *c, struct str kind,
    struct redis_item *items, size_t n, unsigned known_days)
{
	for (size_t i = 0, end; i < n; i = end) {
		end = group_end(items, n, i);
		if (items[i].flag == 'k')
			put_alone(c, kind, &items[i], known_days);
		else
			put_group(c, kind, items + i, end - i);
	}
}
