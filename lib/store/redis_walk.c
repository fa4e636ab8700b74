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
#define DUES 1000 /* hours of domains */

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
read_due(const struct resp *r, bool coded, struct redis_due *due)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 7, &bad);

	if (bad)
		return false;
	*due = (struct redis_due){.domain = redis_text(&i[0], &bad),
	    .rows = redis_uint(&i[3], &bad),
	    .a = redis_uint(&i[4], &bad),
	    .b = redis_uint(&i[5], &bad),
	    .optional = redis_uint(&i[6], &bad)};
	due->first = coded ? redis_uncode(redis_text(&i[1], &bad), &bad)
			   : redis_int(&i[1], &bad);
	due->last = coded ? redis_uncode(redis_text(&i[2], &bad), &bad)
			  : redis_int(&i[2], &bad);
	return !bad;
}

/* A domain's hours may be in two pages: it is given when the next one comes. */
struct due_walk {
	struct redis_store *s;
	bool coded;
	const struct str *exact; /* this domain alone */
	int (*fn)(void *arg, const struct redis_due *due);
	void *arg;
	struct redis_due due; /* its name is in name */
	struct buf name;
	bool any;
};

static int
give_due(struct due_walk *w)
{
	if (!w->any)
		return 0;
	w->any = false;
	w->due.domain = buf_str(&w->name);
	return w->fn(w->arg, &w->due);
}

static int
add_due(struct due_walk *w, const struct redis_due *x)
{
	int stop;

	if (w->exact && !str_eq(*w->exact, x->domain))
		return 0;
	if (w->any && str_eq(buf_str(&w->name), x->domain)) {
		w->due.last = x->last;
		w->due.rows += x->rows;
		w->due.a += x->a;
		w->due.b += x->b;
		w->due.optional += x->optional;
		return 0;
	}
	stop = give_due(w);
	if (stop)
		return stop;
	w->due = *x;
	remember(&w->name, x->domain);
	w->any = true;
	return buf_ok(&w->name) ? 0 : AVER_NOMEM;
}

/* min becomes the next page's, or empty. */
static int
due_page(
    struct due_walk *w, struct buf *min, const struct resp *r, struct diag *d)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 0, &bad);
	struct str last;

	if (bad || r->n == 0)
		return redis_odd(w->s->c, d);
	last = redis_text(&i[0], &bad);
	buf_clear(min);
	if (last.n) {
		buf_add_c(min, '(');
		buf_add(min, last);
	}
	for (size_t k = 1; k < r->n && !bad; k++) {
		struct redis_due due;
		int stop;

		if (!read_due(&i[k], w->coded, &due))
			return redis_odd(w->s->c, d);
		stop = add_due(w, &due);
		if (stop)
			return stop;
	}
	return bad || !buf_ok(min) ? redis_odd(w->s->c, d) : 0;
}

static void
due_bounds(
    struct buf *min, struct buf *max, struct str domain, bool coded, bool exact)
{
	if (!exact) {
		buf_add_c(max, '+');
		if (coded)
			redis_index_after(min, domain);
		else
			buf_add_c(min, domain.n ? '(' : '-');
		if (!coded)
			buf_add(min, domain);
		return;
	}
	buf_add_c(min, '[');
	buf_add(min, domain);
	buf_add_c(max, coded ? '(' : '[');
	buf_add(max, domain);
	if (coded) {
		buf_add_c(min, 0);
		buf_add_c(max, 1);
	}
}

int
redis_each_due(struct redis_store *s, struct str kind, struct str after,
    int64_t to, bool exact, int (*fn)(void *arg, const struct redis_due *due),
    void *arg, struct diag *d)
{
	struct due_walk w = {.s = s,
	    .coded = !str_eq(kind, REDIS_FAILURE),
	    .exact = exact ? &after : NULL,
	    .fn = fn,
	    .arg = arg};
	struct buf min, max;
	int err = 0;

	buf_init(&min, NULL, REDIS_REPLY_MAX);
	buf_init(&max, NULL, REDIS_REPLY_MAX);
	buf_init(&w.name, NULL, REDIS_REPLY_MAX);
	due_bounds(&min, &max, after, w.coded, exact);
	while (!err && min.n) {
		struct arena a;
		struct resp r;

		arena_init(&a, REDIS_ARENA);
		redis_begin(s->c, REDIS_DUE);
		redis_arg(s->c, kind);
		redis_arg(s->c, buf_str(&min));
		redis_arg(s->c, buf_str(&max));
		if (w.coded)
			redis_arg_code(s->c, to);
		else
			redis_arg_int(s->c, to);
		redis_arg_int(s->c, w.coded ? DUES : NAMES);
		err = redis_run(s->c, true, &a, &r, d);
		if (!err)
			err = due_page(&w, &min, &r, d);
		arena_fini(&a);
	}
	if (!err)
		err = give_due(&w);
	buf_fini(&min);
	buf_fini(&max);
	buf_fini(&w.name);
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
