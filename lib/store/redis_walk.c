/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the parts share: reading replies, and walks, which ask for a page at a
 * time and hold no more than that. What changes between two pages may be seen
 * or not.
 */
#include "lib/store/redis_parts.h"

#include "lib/base/err.h"

#define NAMES 256
#define ROWS 512

int
redis_may_write(const struct redis_store *s, struct diag *d)
{
	if (!s->read_only && !s->walking && !s->taking)
		return 0;
	return diag_set(d, AVER_BUG, 0, "the store is not to be written %s",
	    s->read_only ? "by a reader"
	    : s->taking  ? "beside a take"
			 : "in a walk");
}

/* --- replies */

struct str
redis_text(const struct resp *r, bool *bad)
{
	if (r->type == RESP_BULK)
		return r->s;
	*bad = true;
	return STR_NONE;
}

int64_t
redis_int(const struct resp *r, bool *bad)
{
	bool minus = r->s.n > 0 && r->s.p[0] == '-';
	uint64_t v;

	if (r->type == RESP_INT)
		return r->number;
	if (r->type != RESP_BULK ||
	    !str_to_u64(str_from(r->s, minus), INT64_MAX, &v)) {
		*bad = true;
		return 0;
	}
	return minus ? -(int64_t)v : (int64_t)v;
}

uint64_t
redis_uint(const struct resp *r, bool *bad)
{
	int64_t v = redis_int(r, bad);

	if (v >= 0)
		return (uint64_t)v;
	*bad = true;
	return 0;
}

const struct resp *
redis_items(const struct resp *r, size_t n, bool *bad)
{
	if (r->type == RESP_ARRAY && (n == 0 || r->n == n))
		return r->items;
	*bad = true;
	return NULL;
}

int
redis_run_int(struct redis_store *s, bool again, int64_t *out, struct diag *d)
{
	struct arena a;
	struct resp r;
	bool bad = false;
	int64_t v = 0;
	int err;

	arena_init(&a, 1 << 16);
	err = redis_run(s->c, again, &a, &r, d);
	if (!err)
		v = redis_int(&r, &bad);
	arena_fini(&a);
	if (!err && bad)
		err = redis_odd(s->c, d);
	if (!err)
		*out = v;
	return err;
}

int
redis_run_ok(struct redis_store *s, bool again, struct diag *d)
{
	int64_t ignored;

	return redis_run_int(s, again, &ignored, d);
}

int
redis_dup(
    struct arena *arena, struct str *const *views, size_t n, struct diag *d)
{
	for (size_t i = 0; i < n; i++) {
		struct str copy = arena_dup(arena, *views[i]);

		if (views[i]->n && !copy.p)
			return diag_set(d, AVER_NOMEM, 0, "out of memory");
		*views[i] = copy;
	}
	return 0;
}

/* --- names and what is due */

/* Keeps the name where the next page begins. */
static void
remember(struct buf *after, struct str name)
{
	buf_clear(after);
	buf_add(after, name);
}

static bool
read_due(const struct resp *r, struct redis_due *due)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 7, &bad);

	if (bad)
		return false;
	*due = (struct redis_due){.domain = redis_text(&i[0], &bad),
	    .first = redis_int(&i[1], &bad),
	    .last = redis_int(&i[2], &bad),
	    .rows = redis_uint(&i[3], &bad),
	    .a = redis_uint(&i[4], &bad),
	    .b = redis_uint(&i[5], &bad),
	    .optional = redis_uint(&i[6], &bad)};
	return !bad;
}

/* *more: there may be another page. */
static int
due_page(struct redis_store *s, struct buf *after, const struct resp *r,
    bool *more, int (*fn)(void *arg, const struct redis_due *due), void *arg,
    struct diag *d)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 0, &bad);

	if (bad || r->n == 0)
		return redis_odd(s->c, d);
	remember(after, redis_text(&i[0], &bad));
	*more = after->n > 0;
	for (size_t k = 1; k < r->n && !bad; k++) {
		struct redis_due due;
		int stop;

		if (!read_due(&i[k], &due))
			return redis_odd(s->c, d);
		stop = fn(arg, &due);
		if (stop)
			return stop;
	}
	return bad ? redis_odd(s->c, d) : 0;
}

int
redis_each_due(struct redis_store *s, struct str kind, struct str after,
    int64_t to, bool exact, int (*fn)(void *arg, const struct redis_due *due),
    void *arg, struct diag *d)
{
	struct buf from;
	struct arena a;
	struct resp r;
	bool more = true;
	int err = 0;

	buf_init(&from, NULL, REDIS_REPLY_MAX);
	buf_add(&from, after);
	while (more && !err) {
		arena_init(&a, REDIS_ARENA);
		redis_begin(s->c, REDIS_DUE);
		redis_arg(s->c, kind);
		redis_arg_int(s->c, to);
		redis_arg(s->c, buf_str(&from));
		redis_arg_int(s->c, NAMES);
		redis_arg(s->c, exact ? STR("1") : STR("0"));
		err = redis_run(s->c, true, &a, &r, d);
		if (!err)
			err = due_page(s, &from, &r, &more, fn, arg, d);
		more = more && !exact;
		arena_fini(&a);
	}
	buf_fini(&from);
	return err;
}

int
redis_each_name(struct redis_store *s, const char *index, struct str after,
    int (*fn)(void *arg, struct str name), void *arg, struct diag *d)
{
	struct buf from;
	struct arena a;
	struct resp r = {.n = 1};
	bool bad = false;
	int err = 0;

	buf_init(&from, NULL, REDIS_REPLY_MAX);
	buf_add(&from, after);
	while (r.n > 0 && !err) {
		const struct resp *i;

		arena_init(&a, REDIS_ARENA);
		redis_begin(s->c, REDIS_NAMES);
		redis_arg(s->c, str_from_z(index));
		redis_arg(s->c, buf_str(&from));
		redis_arg_int(s->c, NAMES);
		err = redis_run(s->c, true, &a, &r, d);
		i = err ? NULL : redis_items(&r, 0, &bad);
		for (size_t k = 0; !err && !bad && k < r.n; k++) {
			struct str name = redis_text(&i[k], &bad);

			remember(&from, name);
			err = bad ? 0 : fn(arg, name);
		}
		if (bad)
			err = redis_odd(s->c, d);
		/* an empty name alone: there is none after it */
		if (from.n == 0)
			r.n = 0;
		arena_fini(&a);
	}
	buf_fini(&from);
	return err;
}

/* --- rows */

struct row_walk {
	struct redis_store *s;
	struct str kind;
	int64_t from, to;
	int (*fn)(void *arg, struct str domain, const struct redis_row *row);
	void *arg;
	struct diag *d;
};

/* One page of a set; *n: how many rows it had. */
static int
row_page(struct row_walk *w, struct str domain, const struct resp *set,
    size_t at, size_t *n, struct arena *a)
{
	size_t width = str_eq(w->kind, REDIS_TLS) ? 3 : 2;
	struct redis_row row = {.set = set[2].s.n ? set[2].s.p[0] : 0};
	const struct resp *i;
	struct resp r;
	bool bad = false;
	int err;

	row.hour = redis_int(&set[0], &bad);
	redis_begin(w->s->c, REDIS_PAGE);
	redis_arg(w->s->c, w->kind);
	redis_arg(w->s->c, set[1].s);
	redis_arg(w->s->c, set[0].s);
	redis_arg(w->s->c, set[2].s);
	redis_arg(w->s->c, domain);
	redis_arg_int(w->s->c, (int64_t)at);
	redis_arg_int(w->s->c, (int64_t)at + ROWS - 1);
	err = redis_run(w->s->c, true, a, &r, w->d);
	if (err)
		return err;
	i = redis_items(&r, 0, &bad);
	if (bad || r.n % width)
		return redis_odd(w->s->c, w->d);
	for (size_t k = 0; k < r.n; k += width) {
		row.octets = redis_text(&i[k], &bad);
		row.a = redis_uint(&i[k + 1], &bad);
		row.b = width == 3 ? redis_uint(&i[k + 2], &bad) : 0;
		if (bad)
			return redis_odd(w->s->c, w->d);
		err = w->fn(w->arg, domain, &row);
		if (err)
			return err;
	}
	*n = r.n / width;
	return 0;
}

static int
row_set(struct row_walk *w, struct str domain, const struct resp *set)
{
	size_t at = 0, n = ROWS;
	int err = 0;

	while (n == ROWS && !err) {
		struct arena a;

		arena_init(&a, REDIS_ARENA);
		err = row_page(w, domain, set, at, &n, &a);
		arena_fini(&a);
		at += n;
	}
	return err;
}

static int
rows_of(void *arg, struct str domain)
{
	struct row_walk *w = arg;
	const struct resp *sets, *set;
	struct arena a;
	struct resp r;
	bool bad = false;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(w->s->c, REDIS_SETS);
	redis_arg(w->s->c, w->kind);
	redis_arg(w->s->c, domain);
	redis_arg_int(w->s->c, w->from);
	redis_arg_int(w->s->c, w->to);
	err = redis_run(w->s->c, true, &a, &r, w->d);
	sets = err ? NULL : redis_items(&r, 0, &bad);
	for (size_t i = 0; !err && !bad && i < r.n; i++) {
		set = redis_items(&sets[i], 3, &bad);
		if (!bad)
			err = row_set(w, domain, set);
	}
	if (bad)
		err = redis_odd(w->s->c, w->d);
	arena_fini(&a);
	return err;
}

int
redis_each_row(struct redis_store *s, struct str kind, struct str domain,
    int64_t from, int64_t to,
    int (*fn)(void *arg, struct str domain, const struct redis_row *row),
    void *arg, struct diag *d)
{
	struct row_walk w = {s, kind, from, to, fn, arg, d};

	if (domain.n)
		return rows_of(&w, domain);
	return redis_each_name(
	    s, str_eq(kind, REDIS_TLS) ? "T" : "E", STR_NONE, rows_of, &w, d);
}

int
redis_remove_rows(struct redis_store *s, struct str kind, struct str domain,
    uint64_t *sum, struct diag *d)
{
	int64_t n = 0;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_REMOVE);
	redis_arg(s->c, kind);
	redis_arg(s->c, domain);
	err = redis_run_int(s, false, &n, d);
	if (!err)
		*sum = (uint64_t)n;
	return err;
}
