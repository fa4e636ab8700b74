/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_parts.h"

#include "lib/base/err.h"
#include "lib/store/bounds.h"

#define PAGE 64
#define TOGETHER 32 /* policies asked for at once */

/* --- changes */

/*
 * Runs a call that says the number of the change it made and that of the one
 * before, or zeros for none: AVER_NOTFOUND if it had to.
 */
static int
run_change(struct redis_store *s, bool must, bool again, struct diag *d)
{
	int64_t number = 0, before = 0;
	const struct resp *i;
	struct arena a;
	struct resp r;
	bool bad = false;
	int err;

	arena_init(&a, 1 << 16);
	err = redis_run(s->c, again, &a, &r, d);
	i = err ? NULL : redis_items(&r, 2, &bad);
	if (i) {
		number = redis_int(&i[0], &bad);
		before = redis_int(&i[1], &bad);
	}
	arena_fini(&a);
	if (bad)
		return redis_odd(s->c, d);
	if (!err && number)
		store_sts_own_add(&s->sts_own, number, before);
	else if (!err && must)
		err = diag_set(d, AVER_NOTFOUND, 0, "there is no such policy");
	return err;
}

static int
put(struct store *base, const struct store_sts *sts, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_STS_PUT);
	redis_arg(s->c, sts->domain);
	redis_arg(s->c, sts->id);
	redis_arg(s->c, sts->policy);
	redis_arg_int(s->c, sts->fetched);
	redis_arg_int(s->c, sts->expires);
	redis_arg_int(s->c, sts->last_used);
	redis_arg_int(s->c, sts->refreshed);
	redis_arg_int(s->c, sts->next_try);
	redis_arg_int(s->c, STORE_STS_SKEW);
	return run_change(s, false, true, d);
}

static int
fail(struct store *base, const struct store_sts *sts, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_STS_FAIL);
	redis_arg(s->c, sts->domain);
	redis_arg_int(s->c, sts->failed);
	redis_arg_int(s->c, sts->failure);
	redis_arg(s->c, str_head(sts->failure_detail, STORE_STS_DETAIL_MAX));
	redis_arg_int(s->c, sts->next_try);
	return redis_run_ok(s, true, d);
}

static int
touch(struct store *base, const struct store_sts_use *use, size_t n,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_STS_TOUCH);
	for (size_t i = 0; i < n; i++) {
		redis_arg(s->c, use[i].domain);
		redis_arg_int(s->c, use[i].last_used);
	}
	return redis_run_ok(s, true, d);
}

static bool
read_sts(const struct resp *r, struct store_sts *out)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 11, &bad);

	if (bad)
		return false;
	*out = (struct store_sts){.domain = redis_text(&i[0], &bad),
	    .id = redis_text(&i[1], &bad),
	    .policy = redis_text(&i[2], &bad),
	    .fetched = redis_int(&i[3], &bad),
	    .expires = redis_int(&i[4], &bad),
	    .last_used = redis_int(&i[5], &bad),
	    .refreshed = redis_int(&i[6], &bad),
	    .failed = redis_int(&i[7], &bad),
	    .failure = (int)redis_int(&i[8], &bad),
	    .failure_detail = redis_text(&i[9], &bad),
	    .next_try = redis_int(&i[10], &bad)};
	return !bad;
}

static int
get(struct store *base, struct str domain, struct arena *arena,
    struct store_sts *out, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct store_sts sts = {.fetched = 0};
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(s->c, REDIS_STS_GET);
	redis_arg(s->c, domain);
	err = redis_run(s->c, true, &a, &r, d);
	if (!err && r.type == RESP_ARRAY && r.n == 0)
		err = diag_set(d, AVER_NOTFOUND, 0, "there is no such policy");
	else if (!err && r.type != RESP_ARRAY)
		err = redis_odd(s->c, d);
	else if (!err && !read_sts(r.items, &sts))
		sts = (struct store_sts){.domain = domain};
	if (!err)
		err = redis_dup(arena,
		    (struct str *[]){
			&sts.domain, &sts.id, &sts.policy, &sts.failure_detail},
		    4, d);
	arena_fini(&a);
	if (!err)
		*out = sts;
	return err;
}

/* --- all */

struct walk {
	struct redis_store *s;
	int (*fn)(void *arg, const struct store_sts *sts);
	void *arg;
	struct diag *d;
	struct buf names; /* to be asked for, each behind its length */
	size_t n;
};

static int
give(struct walk *w, const struct resp *r)
{
	struct store_sts sts;
	bool bad = r->type != RESP_ARRAY || r->n == 0;

	if (bad || !read_sts(r, &sts)) {
		sts = (struct store_sts){.fetched = 0};
		if (!bad)
			sts.domain = redis_text(&r->items[0], &bad);
	}
	return bad ? redis_odd(w->s->c, w->d) : w->fn(w->arg, &sts);
}

/* Asks for those that have been gathered. */
static int
give_names(struct walk *w)
{
	struct str names = buf_str(&w->names);
	struct arena a;
	struct resp r;
	int err;

	if (w->n == 0)
		return 0;
	arena_init(&a, REDIS_ARENA);
	redis_begin(w->s->c, REDIS_STS_GET);
	while (names.n) {
		size_t n = (unsigned char)names.p[0];

		redis_arg(w->s->c, str_head(str_from(names, 1), n));
		names = str_from(names, n + 1);
	}
	err = redis_run(w->s->c, true, &a, &r, w->d);
	if (!err && (r.type != RESP_ARRAY || r.n > w->n))
		err = redis_odd(w->s->c, w->d);
	for (size_t i = 0; !err && i < r.n; i++)
		err = give(w, &r.items[i]);
	arena_fini(&a);
	buf_clear(&w->names);
	w->n = 0;
	return err;
}

static int
gather(void *arg, struct str name)
{
	struct walk *w = arg;

	if (!bounds_domain(name))
		return 0;
	buf_add_c(&w->names, (char)name.n);
	buf_add(&w->names, name);
	if (!buf_ok(&w->names))
		return diag_set(w->d, AVER_NOMEM, 0, "out of memory");
	return ++w->n < TOGETHER ? 0 : give_names(w);
}

static int
each(struct store *base, struct str after,
    int (*fn)(void *arg, const struct store_sts *sts), void *arg,
    struct diag *d)
{
	struct walk w = {redis_of(base), fn, arg, d, {0}, 0};
	int err;

	buf_init(&w.names, NULL, TOGETHER * 256);
	w.s->walking++;
	err = redis_each_name(w.s, "M", after, gather, &w, d);
	if (!err)
		err = give_names(&w);
	w.s->walking--;
	buf_fini(&w.names);
	return err;
}

static int
remove_domain(struct store *base, struct str domain, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_STS_REMOVE);
	redis_arg(s->c, domain);
	return run_change(s, true, false, d);
}

static int
mark_now(struct store *base, int64_t *mark, struct diag *d)
{
	struct redis_store *s = redis_of(base);

	redis_begin(s->c, REDIS_STS_MARK);
	return redis_run_int(s, true, mark, d);
}

struct changes {
	struct redis_store *s;
	int64_t *mark;
	int (*fn)(void *arg, struct str domain, const struct store_sts *sts);
	void *arg;
	struct diag *d;
};

/*
 * A number, the domain, and its policy, or nil when it was removed. One that is
 * gone without being removed has neither, and is passed over.
 */
static int
give_change(struct changes *w, const struct resp *r)
{
	struct store_sts sts = {.fetched = 0};
	struct str domain = STR_NONE;
	int64_t number = 0;
	bool bad = r->type != RESP_ARRAY || r->n < 2 || r->n > 3;

	if (!bad) {
		number = redis_int(&r->items[0], &bad);
		domain = redis_text(&r->items[1], &bad);
	}
	if (bad || number <= *w->mark)
		return redis_odd(w->s->c, w->d);
	*w->mark = number;
	if (r->n == 2)
		return 0;
	if (r->items[2].type == RESP_NIL)
		return w->fn(w->arg, domain, NULL);
	if (!read_sts(&r->items[2], &sts))
		sts = (struct store_sts){.domain = domain};
	return w->fn(w->arg, domain, &sts);
}

/* *n: how many it gave. */
static int
change_page(struct changes *w, size_t *n)
{
	struct arena a;
	struct resp r;
	int err;

	*n = 0;
	*w->mark = store_sts_own_skip(&w->s->sts_own, *w->mark);
	arena_init(&a, REDIS_ARENA);
	redis_begin(w->s->c, REDIS_STS_CHANGES);
	redis_arg_int(w->s->c, *w->mark);
	redis_arg_int(w->s->c, TOGETHER);
	err = redis_run(w->s->c, true, &a, &r, w->d);
	if (!err && r.type == RESP_NIL)
		err = diag_set(
		    w->d, AVER_NOTFOUND, 0, "the changes since are not known");
	else if (!err && r.type != RESP_ARRAY)
		err = redis_odd(w->s->c, w->d);
	for (; !err && *n < r.n; ++*n)
		err = give_change(w, &r.items[*n]);
	arena_fini(&a);
	return err;
}

static int
each_change(struct store *base, int64_t *mark,
    int (*fn)(void *arg, struct str domain, const struct store_sts *sts),
    void *arg, struct diag *d)
{
	struct changes w = {redis_of(base), mark, fn, arg, d};
	size_t n;
	int err;

	w.s->walking++;
	do {
		err = change_page(&w, &n);
	} while (!err && n == TOGETHER);
	w.s->walking--;
	return err;
}

/* --- claims */

static int
claim(struct store *base, const struct store_sts_claim *x, struct arena *arena,
    struct store_sts_claimed *out, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct store_sts_claimed got = {.is_there = false};
	struct store_sts *sts = &got.sts;
	int err = redis_may_write(s, d);
	struct arena a;
	struct resp r;
	bool bad = false;

	if (err)
		return err;
	arena_init(&a, REDIS_ARENA);
	redis_begin(s->c, REDIS_STS_CLAIM);
	redis_arg(s->c, x->domain);
	redis_arg(s->c, x->id);
	redis_arg_int(s->c, x->now);
	redis_arg_int(s->c, x->newer);
	redis_arg_int(s->c, x->lease_ms);
	redis_arg_int(s->c, STORE_STS_SKEW);
	/*
	 * Somebody waits, so not again: a claim whose reply was lost is
	 * nobody's until its lease ends.
	 */
	err = redis_run(s->c, false, &a, &r, d);
	if (!err && r.type == RESP_INT) {
		got.fence = redis_uint(&r, &bad);
	} else if (!err) {
		const struct resp *i = redis_items(&r, 1, &bad);

		got.is_there = i && read_sts(i, sts);
		bad = !got.is_there;
	}
	if (bad)
		err = redis_odd(s->c, d);
	else if (!err)
		err = redis_dup(arena,
		    (struct str *[]){&sts->domain, &sts->id, &sts->policy,
			&sts->failure_detail},
		    4, d);
	arena_fini(&a);
	if (!err)
		*out = got;
	return err;
}

static int
unclaim(struct store *base, struct str domain, uint64_t fence, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_STS_UNCLAIM);
	redis_arg(s->c, domain);
	redis_arg_int(s->c, (int64_t)fence);
	return redis_run_ok(s, true, d);
}

/* --- the end */

/* One page of names after that one, which becomes the last; empty: the end. */
static int
forget_page(struct redis_store *s, int64_t unused, int64_t expired,
    struct buf *after, struct diag *d)
{
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, 1 << 16);
	redis_begin(s->c, REDIS_STS_FORGET);
	redis_arg_int(s->c, unused);
	redis_arg_int(s->c, expired);
	redis_arg(s->c, buf_str(after));
	redis_arg_int(s->c, PAGE);
	err = redis_run(s->c, true, &a, &r, d);
	buf_clear(after);
	if (!err && r.type == RESP_BULK)
		buf_add(after, r.s);
	else if (!err && r.type != RESP_NIL)
		err = redis_odd(s->c, d);
	arena_fini(&a);
	return err;
}

static int
forget(struct store *base, int64_t unused, int64_t expired, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct buf after;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	buf_init(&after, NULL, 1 << 16);
	do {
		err = forget_page(s, unused, expired, &after, d);
	} while (!err && after.n > 0);
	buf_fini(&after);
	return err;
}

const struct store_sts_ops redis_sts_ops = {
    .put = put,
    .fail = fail,
    .touch = touch,
    .get = get,
    .each = each,
    .remove = remove_domain,
    .mark = mark_now,
    .each_change = each_change,
    .claim = claim,
    .unclaim = unclaim,
    .forget = forget,
};
