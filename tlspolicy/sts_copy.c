/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_copy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tlspolicy/sts_load.h"

#define BATCH 512 /* policies in one transaction */
#define SLICE ((size_t)4096) /* buckets that sts_copy_some() looks at */
#define REST_MS 60000 /* after a failure */
#define DOMAIN_SIZE 256
#define ARENA_MAX ((size_t)1 << 20)

struct pending {
	char domain[DOMAIN_SIZE];
	struct sts_held *policy;
	int64_t last_used;
};

struct sts_copy {
	struct sts_core *core;
	size_t at; /* bucket; only of those who write */
	uint64_t recent; /* of the table's; the same */
	struct pending pending[BATCH]; /* the same */
	struct store_sts rows[BATCH]; /* the same */

	pthread_mutex_t lock; /* of the rest; taken before the core's */
	struct store *store; /* NULL: not open */
	bool fails; /* the last time */
	int64_t rests_until; /* clock_mono_ms(): it failed */
	char spec[];
};

char *
sts_copy_spec(struct arena *arena, const char *directory)
{
	struct str s = str_from_z(directory);

	s = arena_cat(arena, STR("sqlite:"), s);
	return arena_z(arena, arena_cat(arena, s, STR("/policies.db")));
}

struct sts_copy *
sts_copy_new(struct sts_core *core, const char *spec)
{
	size_t n = strlen(spec) + 1;
	struct sts_copy *c = calloc(1, sizeof(*c) + n);

	if (!c)
		return NULL;
	c->core = core;
	memcpy(c->spec, spec, n);
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
sts_copy_free(struct sts_copy *c)
{
	if (!c)
		return;
	store_close(c->store);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- the file ----------------------------------------------------------- */

/* How it went is told when it changes. The lock is held. */
static void
used(struct sts_copy *c, int err, const struct diag *why)
{
	struct sts_core *core = c->core;
	struct diag d = {{0}, 0};

	if (err == AVER_NOTFOUND || err == AVER_LIMIT)
		err = 0;
	if (err) {
		/* the next one begins anew: the file may be another by then */
		store_close(c->store);
		c->store = NULL;
		c->rests_until = clock_mono_ms() + REST_MS;
		diag_set(&d, err, 0, "this host's copy: %s", why->text);
	}
	if (core->note && c->fails != (err != 0))
		core->note(core->note_arg, STR_NONE,
		    err ? d.text : "this host's copy can be used again");
	c->fails = err != 0;
}

/* Is what the file has of the policy what the table has? */
static int
note_row(void *arg, const struct store_sts *s)
{
	struct sts_core *core = arg;
	struct sts_entry *e;
	const struct sts_held *h;

	pthread_mutex_lock(&core->lock);
	e = sts_table_find(&core->table, s->domain);
	h = e ? e->policy : NULL;
	if (h && h->fetched == s->fetched && h->expires == s->expires &&
	    str_eq(h->id, s->id) && str_eq(h->text, s->policy))
		e->is_copied = true;
	pthread_mutex_unlock(&core->lock);
	return 0;
}

/* With the lock, which leave() gives back; NULL, without: not now. */
static struct store *
take(struct sts_copy *c)
{
	struct diag d = {{0}, 0};
	int err;

	pthread_mutex_lock(&c->lock);
	if (c->store)
		return c->store;
	if (!c->fails || clock_mono_ms() >= c->rests_until) {
		err = store_open(c->spec, STORE_WRITE, &c->store, &d);
		if (!err)
			/* after a restart little of it is to be written */
			err = store_each_sts(
			    c->store, STR_NONE, note_row, c->core, &d);
		if (!err)
			return c->store;
		used(c, err, &d);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void
leave(struct sts_copy *c, int err, const struct diag *why)
{
	used(c, err, why);
	pthread_mutex_unlock(&c->lock);
}

void
sts_copy_get(struct sts_copy *c, struct str domain)
{
	struct store *s = c ? take(c) : NULL;
	struct diag d = {{0}, 0};
	struct store_sts row;
	struct arena a;
	int err;

	if (!s)
		return;
	arena_init(&a, ARENA_MAX);
	err = store_get_sts(s, domain, &a, &row, &d);
	leave(c, err, &d);
	if (!err)
		sts_load_row(c->core, &row, true);
	arena_fini(&a);
}

void
sts_copy_remove(struct sts_copy *c, struct str domain)
{
	struct store *s = c ? take(c) : NULL;
	struct diag d = {{0}, 0};

	if (s)
		leave(c, store_remove_sts(s, domain, &d), &d);
}

void
sts_copy_touch(struct sts_copy *c, const struct store_sts_use *use, size_t n)
{
	struct store *s = c && n ? take(c) : NULL;
	struct diag d = {{0}, 0};

	if (s)
		leave(c, store_touch_sts(s, use, n, &d), &d);
}

void
sts_copy_forget(struct sts_copy *c, int64_t unused, int64_t expired)
{
	struct store *s = c ? take(c) : NULL;
	struct diag d = {{0}, 0};

	if (s)
		leave(c, store_forget_sts(s, unused, expired, &d), &d);
}

/* ---- from the table ----------------------------------------------------- */

/*
 * What is not copied yet counts as copied from now on, see give_back(). False:
 * there was no room for all. The core's lock is held.
 */
static bool
collect_bucket(struct sts_copy *c, size_t bucket, int64_t now, size_t *n)
{
	struct sts_entry *e = c->core->table.buckets[bucket];

	for (; e; e = e->next) {
		struct pending *p = &c->pending[*n];

		if (e->is_copied || !sts_entry_in_force(e, now))
			continue;
		if (*n == BATCH)
			return false;
		snprintf(p->domain, sizeof(p->domain), "%.*s",
		    STRF(sts_entry_domain(e)));
		p->policy = sts_held_ref(e->policy);
		p->last_used = e->last_used;
		e->is_copied = true;
		++*n;
	}
	return true;
}

/*
 * Policies that were set since the last time, then those of the next buckets,
 * for what was missed, or failed. True: there was room for all.
 */
static bool
collect(struct sts_copy *c, size_t buckets, size_t *n)
{
	struct sts_core *core = c->core;
	const struct sts_table *t = &core->table;
	int64_t now = core->now();
	bool fits = true;

	*n = 0;
	pthread_mutex_lock(&core->lock);
	if (c->recent + STS_TABLE_RECENT < t->n_recent)
		c->recent = t->n_recent - STS_TABLE_RECENT;
	while (fits && c->recent < t->n_recent) {
		fits = collect_bucket(
		    c, t->recent[c->recent % STS_TABLE_RECENT], now, n);
		c->recent += fits;
	}
	for (; fits && buckets; buckets--) {
		fits = collect_bucket(c, c->at, now, n);
		if (fits)
			c->at = (c->at + 1) & (t->n_buckets - 1);
	}
	pthread_mutex_unlock(&core->lock);
	return fits;
}

static int
put(struct sts_copy *c, struct store *s, size_t n, struct diag *d)
{
	int err;

	for (size_t i = 0; i < n; i++) {
		const struct pending *p = &c->pending[i];

		c->rows[i] = (struct store_sts){.domain = str_from_z(p->domain),
		    .id = p->policy->id,
		    .policy = p->policy->text,
		    .fetched = p->policy->fetched,
		    .refreshed = p->policy->fetched,
		    .expires = p->policy->expires,
		    .last_used = p->last_used};
	}
	err = store_put_sts_many(s, c->rows, n, d);
	if (err != AVER_LIMIT)
		return err;
	/* one that is too long will ever be: it is passed over */
	for (size_t i = 0; i < n && (!err || err == AVER_LIMIT); i++)
		err = store_put_sts(s, &c->rows[i], d);
	return err == AVER_LIMIT ? 0 : err;
}

/* They are to be written again. */
static void
give_back(struct sts_copy *c, size_t n)
{
	struct sts_core *core = c->core;

	pthread_mutex_lock(&core->lock);
	for (size_t i = 0; i < n; i++) {
		const struct pending *p = &c->pending[i];
		struct sts_entry *e =
		    sts_table_find(&core->table, str_from_z(p->domain));

		if (e && e->policy == p->policy)
			e->is_copied = false;
	}
	pthread_mutex_unlock(&core->lock);
}

/* Returns 0, or another value: not now. */
static int
write_batch(struct sts_copy *c, size_t n)
{
	struct store *s = n ? take(c) : NULL;
	struct diag d = {{0}, 0};
	int err = n ? AVER_TEMP : 0;

	if (s) {
		err = put(c, s, n, &d);
		leave(c, err, &d);
	}
	if (err)
		give_back(c, n);
	for (size_t i = 0; i < n; i++)
		sts_held_unref(c->pending[i].policy);
	return err;
}

void
sts_copy_some(struct sts_copy *c)
{
	size_t n;

	if (!c)
		return;
	n = c->core->table.n_buckets;
	(void)collect(c, n < SLICE ? n : SLICE, &n);
	(void)write_batch(c, n);
}

void
sts_copy_all(struct sts_copy *c)
{
	size_t n;
	bool goes_on = c != NULL;

	if (c)
		c->at = 0;
	while (goes_on) {
		goes_on = !collect(c, c->core->table.n_buckets - c->at, &n);
		if (write_batch(c, n))
			return;
	}
}
