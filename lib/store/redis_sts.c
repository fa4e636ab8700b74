/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_parts.h"

#include "lib/base/err.h"

#define PAGE 64

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
	return redis_run_ok(s, true, d);
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
must_change(struct redis_store *s, bool again, struct diag *d)
{
	int64_t changed = 0;
	int err = redis_run_int(s, again, &changed, d);

	if (!err && !changed)
		err = diag_set(d, AVER_NOTFOUND, 0, "there is no such policy");
	return err;
}

static int
refresh(struct store *base, struct str domain, struct str id, int64_t refreshed,
    int64_t expires, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_STS_REFRESH);
	redis_arg(s->c, domain);
	redis_arg(s->c, id);
	redis_arg_int(s->c, refreshed);
	redis_arg_int(s->c, expires);
	return must_change(s, true, d);
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
	struct store_sts sts;
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(s->c, REDIS_STS_GET);
	redis_arg(s->c, domain);
	err = redis_run(s->c, true, &a, &r, d);
	if (!err && r.type == RESP_ARRAY && r.n == 0)
		err = diag_set(d, AVER_NOTFOUND, 0, "there is no such policy");
	else if (!err && (r.type != RESP_ARRAY || !read_sts(r.items, &sts)))
		err = redis_odd(s->c, d);
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
};

static int
give(void *arg, struct str name)
{
	struct walk *w = arg;
	struct store_sts sts;
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(w->s->c, REDIS_STS_GET);
	redis_arg(w->s->c, name);
	err = redis_run(w->s->c, true, &a, &r, w->d);
	if (!err && r.type != RESP_ARRAY)
		err = redis_odd(w->s->c, w->d);
	else if (!err && r.n == 1)
		err = read_sts(r.items, &sts) ? w->fn(w->arg, &sts)
					      : redis_odd(w->s->c, w->d);
	arena_fini(&a);
	return err;
}

static int
each(struct store *base, struct str after,
    int (*fn)(void *arg, const struct store_sts *sts), void *arg,
    struct diag *d)
{
	struct walk w = {redis_of(base), fn, arg, d};
	int err;

	w.s->walking++;
	err = redis_each_name(w.s, "M", after, give, &w, d);
	w.s->walking--;
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
	return must_change(s, false, d);
}

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
    .refresh = refresh,
    .touch = touch,
    .get = get,
    .each = each,
    .remove = remove_domain,
    .forget = forget,
};
