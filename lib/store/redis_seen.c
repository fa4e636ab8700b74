/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Destinations and incidents. */
#include "lib/store/redis_parts.h"

#include <stdlib.h>

#include "lib/base/err.h"

#define FORGET 500

/* --- destinations */

static void
put_time(struct redis_conn *c, const struct store_sighting *x,
    enum store_offer is, enum store_offer want)
{
	redis_arg_int(c, is == want && x->time > 0 ? x->time : 0);
}

void
redis_sighting_args(struct redis_conn *c, const struct store_sighting *x)
{
	redis_arg(c, x->domain);
	redis_arg(c, x->mx);
	put_time(c, x, x->starttls, STORE_OFFERED);
	put_time(c, x, x->starttls, STORE_NOT_OFFERED);
	put_time(c, x, x->requiretls, STORE_OFFERED);
	put_time(c, x, x->requiretls, STORE_NOT_OFFERED);
	redis_arg_int(c, x->time > 0 ? x->time : 0);
}

static int
see(struct store *base, const struct store_sighting *seen, size_t n,
    struct diag *d)
{
	const struct store_batch b = {.sightings = seen, .n_sightings = n};

	return redis_add(base, &b, d);
}

struct walk {
	struct redis_store *s;
	int (*fn)(void *arg, const struct store_destination *x);
	void *arg;
	struct diag *d;
};

static bool
read_times(struct str text, struct store_destination *x)
{
	int64_t *const times[] = {&x->starttls, &x->no_starttls, &x->requiretls,
	    &x->no_requiretls, &x->seen};
	bool bad = false;

	for (size_t i = 0; i < 5; i++) {
		struct resp word = {.type = RESP_BULK};

		word.s = str_cut(text, ' ', &text);
		*times[i] = redis_int(&word, &bad);
	}
	return !bad;
}

static int
by_mx(const void *a, const void *b)
{
	const struct store_destination *x = a, *y = b;

	return str_cmp(x->mx, y->mx);
}

static int
give_all(struct walk *w, struct store_destination *list, size_t n)
{
	int err = 0;

	qsort(list, n, sizeof(*list), by_mx);
	w->s->walking++;
	for (size_t i = 0; i < n && !err; i++)
		err = w->fn(w->arg, &list[i]);
	w->s->walking--;
	return err;
}

static int
hosts_of(void *arg, struct str domain)
{
	struct walk *w = arg;
	struct store_destination *list = NULL;
	const struct resp *i;
	struct arena a;
	struct resp r;
	bool bad = false;
	size_t n = 0;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(w->s->c, REDIS_SEEN);
	redis_arg(w->s->c, domain);
	err = redis_run(w->s->c, true, &a, &r, w->d);
	i = err ? NULL : redis_items(&r, 0, &bad);
	if (i)
		list = ARENA_ARRAY(&a, struct store_destination, r.n / 2 + 1);
	if (i && !list)
		err = diag_set(w->d, AVER_NOMEM, 0, "out of memory");
	for (size_t k = 0; list && k + 1 < r.n; k += 2, n++) {
		list[n].domain = domain;
		list[n].mx = redis_text(&i[k], &bad);
		bad = bad || !read_times(i[k + 1].s, &list[n]);
	}
	if (bad)
		err = redis_odd(w->s->c, w->d);
	if (!err && list)
		err = give_all(w, list, n);
	arena_fini(&a);
	return err;
}

static int
each(struct store *base, struct str domain, struct str after,
    int (*fn)(void *arg, const struct store_destination *x), void *arg,
    struct diag *d)
{
	struct walk w = {redis_of(base), fn, arg, d};

	if (domain.n)
		return hosts_of(&w, domain);
	return redis_each_name(w.s, "X", after, hosts_of, &w, d);
}

static int
remove_domain(struct store *base, struct str domain, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int64_t n = 0;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_SEEN_REMOVE);
	redis_arg(s->c, domain);
	err = redis_run_int(s, false, &n, d);
	if (!err && n == 0)
		err = diag_set(d, AVER_NOTFOUND, 0, "nothing is known of it");
	return err;
}

static int
forget(struct store *base, int64_t before, uint64_t most, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int64_t n = 1;
	int err = redis_may_write(s, d);

	while (!err && n > 0) {
		redis_begin(s->c, REDIS_SEEN_FORGET);
		redis_arg_int(s->c, before);
		redis_arg_int(
		    s->c, most > INT64_MAX ? INT64_MAX : (int64_t)most);
		redis_arg_int(s->c, FORGET);
		err = redis_run_int(s, true, &n, d);
	}
	return err;
}

const struct store_destination_ops redis_destination_ops = {
    .see = see,
    .each = each,
    .remove = remove_domain,
    .forget = forget,
};

/* --- incidents */

struct incidents {
	struct redis_store *s;
	int (*fn)(void *arg, const struct store_incident *row);
	void *arg;
	struct diag *d;
	int64_t before;
	uint64_t removed;
};

/* Before the octets: the number it came with. */
static bool
read_incident(const struct resp *r, struct str domain, struct store_incident *x)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 2, &bad);
	struct str octets;

	if (bad)
		return false;
	octets = redis_text(&i[0], &bad);
	*x = (struct store_incident){.policy_domain = domain,
	    .time = redis_int(&i[1], &bad),
	    .octets = str_from(octets, 16)};
	return !bad && octets.n >= 16;
}

static int
incidents_of(void *arg, struct str domain)
{
	struct incidents *w = arg;
	const struct resp *i;
	struct store_incident x;
	struct arena a;
	struct resp r;
	bool bad = false;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(w->s->c, REDIS_INCIDENTS);
	redis_arg(w->s->c, domain);
	err = redis_run(w->s->c, true, &a, &r, w->d);
	i = err ? NULL : redis_items(&r, 0, &bad);
	w->s->walking++;
	for (size_t k = 0; i && !err && k < r.n; k++)
		err = read_incident(&i[k], domain, &x)
			  ? w->fn(w->arg, &x)
			  : redis_odd(w->s->c, w->d);
	w->s->walking--;
	if (bad)
		err = redis_odd(w->s->c, w->d);
	arena_fini(&a);
	return err;
}

static int
each_incident(struct store *base, struct str policy_domain,
    int (*fn)(void *arg, const struct store_incident *row), void *arg,
    struct diag *d)
{
	struct incidents w = {redis_of(base), fn, arg, d, 0, 0};

	if (policy_domain.n)
		return incidents_of(&w, policy_domain);
	return redis_each_name(w.s, "F", STR_NONE, incidents_of, &w, d);
}

static int
remove_of(void *arg, struct str domain)
{
	struct incidents *w = arg;
	int64_t n = 0;
	int err;

	redis_begin(w->s->c, REDIS_INCIDENTS_REMOVE);
	redis_arg(w->s->c, domain);
	redis_arg_int(w->s->c, w->before);
	err = redis_run_int(w->s, false, &n, w->d);
	w->removed += (uint64_t)n;
	return err;
}

static int
remove_before(struct store *base, struct str policy_domain, int64_t before,
    uint64_t *removed, struct diag *d)
{
	struct incidents w = {redis_of(base), NULL, NULL, d, before, 0};
	int err = redis_may_write(w.s, d);

	if (err)
		return err;
	err = policy_domain.n
		  ? remove_of(&w, policy_domain)
		  : redis_each_name(w.s, "F", STR_NONE, remove_of, &w, d);
	if (!err && removed)
		*removed = w.removed;
	return err;
}

const struct store_failure_ops redis_failure_ops = {
    .each = each_incident,
    .remove = remove_before,
};
