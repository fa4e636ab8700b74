/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_keeper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/sts.h"

#define DOMAIN_SIZE 256
#define TICK_MS 1000
#define SLICE ((size_t)4096) /* buckets looked at in a tick, at least */
#define ROUND 60 /* ticks for all of them, at most */
#define REFRESHES 32 /* started in a tick */
#define TOUCHES 256 /* written in a tick */
#define TOUCH_AFTER 3600 /* how exact last_used is in the store */
#define KEEP_FAILURE 3600
#define FORGET_EVERY 3600
#define REFRESH_QUESTIONS 8
#define REFRESH_MS 8000 /* to find a policy host */
#define ARENA_MAX ((size_t)1 << 20)

struct sts_keeper {
	struct sts_core *core;
	struct dns_source *dns;
	int64_t unused_time;
	bool read_only, refresh;
	bool runs;
	pthread_t thread;
	size_t at; /* bucket where the next tick goes on */
	int64_t forgot; /* seconds */

	pthread_mutex_t store_lock; /* taken before the core's */
	struct store *store;
	bool is_complete; /* all of the store was loaded */
};

/* ---- from the store ----------------------------------------------------- */

static struct sts_held *
held_of(const struct store_sts *s)
{
	struct sts_policy p;
	struct sts_held *h = NULL;
	struct arena a;

	arena_init(&a, STS_POLICY_MEMORY);
	if (s->policy.n && s->id.n <= STS_ID_MAX &&
	    sts_policy_parse(&a, s->policy, &p, NULL) == 0)
		h = sts_held_new(
		    s->id, s->policy, p.mode, s->fetched, s->expires);
	arena_fini(&a);
	return h;
}

/* One overdue after a long stop is not refreshed at once with all others. */
static int64_t
first_refresh(const struct sts_core *c, const struct sts_held *h, uint64_t hash)
{
	int64_t at = sts_refresh_at(c, h, hash), now = c->now();
	int64_t spread = (h->expires - now) / 2;

	if (at > now || spread <= 0)
		return at;
	if (spread > 3600)
		spread = 3600;
	return now + (int64_t)(hash % (uint64_t)spread);
}

static void
load_failure(struct sts_core *c, struct sts_entry *e, const struct store_sts *s)
{
	if (s->failed == 0 || s->failed < e->failed ||
	    (e->policy && s->failed < e->policy->fetched))
		return;
	e->failed = s->failed;
	e->next_try = s->next_try;
	e->failure = s->failure > 0 && s->failure < TLSRPT_RESULT_COUNT
			 ? (enum tlsrpt_result)s->failure
			 : TLSRPT_STS_POLICY_FETCH_ERROR;
	e->failed_id[0] = '\0';
	sts_table_set_detail(&c->table, e, s->failure_detail);
}

/* Takes a row over unless what is in memory is newer. */
static void
load(struct sts_core *c, const struct store_sts *s)
{
	struct sts_held *h = held_of(s);
	struct sts_entry *e;

	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, s->domain);
	if (!e && (h || s->next_try > c->now()))
		e = sts_table_add(&c->table, s->domain, s->last_used);
	if (e) {
		if (h && (!e->policy || e->policy->fetched < h->fetched)) {
			sts_table_set_policy(&c->table, e, sts_held_ref(h));
			e->refresh_at = first_refresh(c, h, e->hash);
		}
		load_failure(c, e, s);
		e->is_stored = e->is_seen = true;
		if (e->stored_use < s->last_used)
			e->stored_use = s->last_used;
	}
	pthread_mutex_unlock(&c->lock);
	sts_held_unref(h);
}

static int
load_row(void *arg, const struct store_sts *s)
{
	load(arg, s);
	return 0;
}

void
sts_keeper_fetch(struct sts_keeper *k, struct str domain)
{
	struct sts_core *c = k->core;
	struct store_sts s;
	struct arena a;
	bool complete;

	if (!k->store)
		return;
	pthread_mutex_lock(&c->lock);
	complete = k->is_complete && c->table.evicted == 0;
	pthread_mutex_unlock(&c->lock);
	if (complete)
		return;
	arena_init(&a, ARENA_MAX);
	pthread_mutex_lock(&k->store_lock);
	switch (store_get_sts(k->store, domain, &a, &s, NULL)) {
	case 0:
		load(c, &s);
		break;
	case AVER_NOTFOUND:
		break;
	default:
		pthread_mutex_lock(&c->lock);
		c->counts.store_errors++;
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&k->store_lock);
	arena_fini(&a);
}

/* Drops what was in the store and is no more. */
static void
drop_unseen(struct sts_core *c)
{
	struct sts_entry *e, *next;

	for (size_t i = 0; i < c->table.n_buckets; i++) {
		for (e = c->table.buckets[i]; e; e = next) {
			next = e->next;
			if (e->is_stored && !e->is_seen && !e->is_dirty &&
			    !e->flight)
				sts_table_drop(&c->table, e);
		}
	}
}

static void
forget_seen(struct sts_core *c)
{
	for (size_t i = 0; i < c->table.n_buckets; i++)
		for (struct sts_entry *e = c->table.buckets[i]; e; e = e->next)
			e->is_seen = false;
}

int
sts_keeper_reload(struct sts_keeper *k, struct diag *d)
{
	struct sts_core *c = k->core;
	int err;

	if (!k->store)
		return 0;
	pthread_mutex_lock(&c->lock);
	forget_seen(c);
	pthread_mutex_unlock(&c->lock);
	pthread_mutex_lock(&k->store_lock);
	err = store_each_sts(k->store, STR_NONE, load_row, c, d);
	pthread_mutex_lock(&c->lock);
	if (!err)
		drop_unseen(c);
	pthread_mutex_unlock(&c->lock);
	pthread_mutex_unlock(&k->store_lock);
	return err;
}

/* ---- to the store ------------------------------------------------------- */

/* What is to be written of an entry, copied out from under the lock. */
struct pending {
	char domain[DOMAIN_SIZE];
	char detail[DOMAIN_SIZE];
	struct sts_held *policy; /* NULL: none that is new */
	struct store_sts row;
};

/* The next dirty entry; it counts as clean from now on. */
static bool
take_dirty(struct sts_core *c, struct pending *p)
{
	struct sts_entry *e = c->dirty;

	if (!e)
		return false;
	c->dirty = e->next_dirty;
	e->next_dirty = NULL;
	e->is_dirty = false;
	e->is_stored = true;
	e->stored_use = e->last_used;
	snprintf(
	    p->domain, sizeof(p->domain), "%.*s", STRF(sts_entry_domain(e)));
	snprintf(
	    p->detail, sizeof(p->detail), "%s", e->detail ? e->detail : "");
	p->policy = e->failed ? NULL : sts_held_ref(e->policy);
	p->row = (struct store_sts){.domain = str_from_z(p->domain),
	    .last_used = e->last_used,
	    .failed = e->failed,
	    .failure = (int)e->failure,
	    .failure_detail = str_from_z(p->detail),
	    .next_try = e->next_try};
	if (p->policy) {
		p->row.id = p->policy->id;
		p->row.policy = p->policy->text;
		p->row.fetched = p->row.refreshed = p->policy->fetched;
		p->row.expires = p->policy->expires;
	}
	return true;
}

static int
write_one(struct sts_keeper *k, const struct pending *p)
{
	int err;

	if (!k->store || k->read_only)
		return 0;
	pthread_mutex_lock(&k->store_lock);
	err = p->policy ? store_put_sts(k->store, &p->row, NULL)
			: store_fail_sts(k->store, &p->row, NULL);
	pthread_mutex_unlock(&k->store_lock);
	return err;
}

/* It stays dirty and is tried again in the next tick. */
static void
write_failed(struct sts_core *c, const struct pending *p)
{
	struct sts_entry *e = sts_table_find(&c->table, p->row.domain);

	c->counts.store_errors++;
	if (!e || e->is_dirty)
		return;
	e->is_dirty = true;
	e->next_dirty = c->dirty;
	c->dirty = e;
}

/* Writes what is dirty, up to the first failure. The lock is not held. */
static void
write_dirty(struct sts_keeper *k)
{
	struct sts_core *c = k->core;
	struct pending p;
	int err = 0;

	pthread_mutex_lock(&c->lock);
	while (!err && take_dirty(c, &p)) {
		pthread_mutex_unlock(&c->lock);
		err = write_one(k, &p);
		sts_held_unref(p.policy);
		pthread_mutex_lock(&c->lock);
		if (err)
			write_failed(c, &p);
	}
	pthread_mutex_unlock(&c->lock);
}

/* ---- the round ---------------------------------------------------------- */

struct work {
	size_t n_refresh, n_touch;
	char refresh[REFRESHES][DOMAIN_SIZE];
	char touch[TOUCHES][DOMAIN_SIZE];
	int64_t used[TOUCHES];
};

static bool
wants_refresh(
    const struct sts_keeper *k, const struct sts_entry *e, int64_t now)
{
	/*
	 * RFC 8461 section 10.2. A policy of mode none protects nothing, and
	 * one that nobody uses may come to its end.
	 */
	return k->refresh && sts_entry_in_force(e, now) && !e->flight &&
	       e->policy->mode != STS_NONE && e->refresh_at <= now &&
	       e->last_used >= now - k->unused_time;
}

static bool
is_garbage(const struct sts_entry *e, int64_t now)
{
	if (e->is_dirty || e->flight)
		return false;
	return !sts_entry_in_force(e, now) && e->next_try <= now &&
	       e->last_used < now - KEEP_FAILURE;
}

static void
look_at(struct sts_keeper *k, struct sts_entry *e, int64_t now, struct work *w)
{
	struct str domain = sts_entry_domain(e);

	if (is_garbage(e, now)) {
		sts_table_drop(&k->core->table, e);
		return;
	}
	if (wants_refresh(k, e, now) && w->n_refresh < REFRESHES)
		snprintf(w->refresh[w->n_refresh++], DOMAIN_SIZE, "%.*s",
		    STRF(domain));
	if (e->is_stored && e->last_used > e->stored_use + TOUCH_AFTER &&
	    w->n_touch < TOUCHES) {
		e->stored_use = e->last_used;
		w->used[w->n_touch] = e->last_used;
		snprintf(
		    w->touch[w->n_touch++], DOMAIN_SIZE, "%.*s", STRF(domain));
	}
}

/* The next slice of the table; the lock is held. */
static void
look_around(struct sts_keeper *k, struct work *w)
{
	struct sts_table *t = &k->core->table;
	size_t n = t->n_buckets / ROUND + 1;
	int64_t now = k->core->now();

	w->n_refresh = w->n_touch = 0;
	if (n < SLICE)
		n = SLICE < t->n_buckets ? SLICE : t->n_buckets;
	for (; n && w->n_refresh < REFRESHES && w->n_touch < TOUCHES; n--) {
		struct sts_entry *e = t->buckets[k->at], *next;

		for (; e; e = next) {
			next = e->next;
			look_at(k, e, now, w);
		}
		k->at = (k->at + 1) & (t->n_buckets - 1);
	}
}

static void
prefetch(struct sts_keeper *k, struct str domain)
{
	struct dname name, host;

	if (!k->dns->ops->prefetch || !dname_from_text(domain, &name))
		return;
	if (dname_prepend(STR("_mta-sts"), &name, &host))
		k->dns->ops->prefetch(k->dns, &host, DNS_TXT);
	if (dname_prepend(STR("mta-sts"), &name, &host)) {
		k->dns->ops->prefetch(k->dns, &host, DNS_A);
		k->dns->ops->prefetch(k->dns, &host, DNS_AAAA);
	}
}

/* The id that the record has now; the refresh does not depend on it. */
static struct str
current_id(struct dns *d, struct arena *a, struct str domain)
{
	struct sts_record rec;
	struct dname name, owner;

	if (!dname_from_text(domain, &name) ||
	    !dname_prepend(STR("_mta-sts"), &name, &owner) ||
	    sts_record_select(a, dns_lookup(d, &owner, DNS_TXT), &rec, NULL) !=
		STS_FOUND)
		return STR_NONE;
	return rec.id;
}

static void
refresh_one(struct sts_keeper *k, struct str domain)
{
	struct sts_core *c = k->core;
	struct sts_flight *fl;
	struct arena a;
	struct dns d;
	struct str id;
	bool leads = false;

	arena_init(&a, ARENA_MAX);
	dns_init(
	    &d, k->dns, &a, clock_mono_ms() + REFRESH_MS, REFRESH_QUESTIONS);
	id = current_id(&d, &a, domain);
	pthread_mutex_lock(&c->lock);
	fl = sts_table_find(&c->table, domain)
		 ? sts_flight_join(c, domain, id, true, &leads)
		 : NULL;
	pthread_mutex_unlock(&c->lock);
	if (leads)
		sts_flight_run(fl, &d);
	if (fl) {
		pthread_mutex_lock(&c->lock);
		sts_flight_leave(fl);
		pthread_mutex_unlock(&c->lock);
	}
	arena_fini(&a);
}

static bool
is_closing(struct sts_core *c)
{
	bool closing;

	pthread_mutex_lock(&c->lock);
	closing = c->closing;
	pthread_mutex_unlock(&c->lock);
	return closing;
}

static void
do_refreshes(struct sts_keeper *k, const struct work *w)
{
	for (size_t i = 0; i < w->n_refresh; i++)
		prefetch(k, str_from_z(w->refresh[i]));
	for (size_t i = 0; i < w->n_refresh && !is_closing(k->core); i++) {
		refresh_one(k, str_from_z(w->refresh[i]));
		/* a policy is not lost to a crash while names are looked up */
		write_dirty(k);
	}
}

static void
do_store_work(struct sts_keeper *k, const struct work *w)
{
	struct store_sts_use use[TOUCHES];
	int64_t now = k->core->now();
	int err = 0;

	if (!k->store || k->read_only)
		return;
	for (size_t i = 0; i < w->n_touch; i++)
		use[i] =
		    (struct store_sts_use){str_from_z(w->touch[i]), w->used[i]};
	pthread_mutex_lock(&k->store_lock);
	if (w->n_touch)
		err = store_touch_sts(k->store, use, w->n_touch, NULL);
	if (!err && now - k->forgot >= FORGET_EVERY) {
		k->forgot = now;
		err = store_forget_sts(k->store,
		    now - k->unused_time - STS_MAX_AGE, now - KEEP_FAILURE,
		    NULL);
	}
	pthread_mutex_unlock(&k->store_lock);
	if (err) {
		pthread_mutex_lock(&k->core->lock);
		k->core->counts.store_errors++;
		pthread_mutex_unlock(&k->core->lock);
	}
}

/* Until something is dirty, or a tick is over; false: the end. */
static bool
wait_for_work(struct sts_core *c, int64_t until)
{
	struct timespec ts = {.tv_sec = (time_t)(until / 1000),
	    .tv_nsec = (long)(until % 1000) * 1000000};
	int err = 0;
	bool goes_on;

	pthread_mutex_lock(&c->lock);
	while (!c->closing && !c->dirty && err == 0)
		err = pthread_cond_timedwait(&c->work, &c->lock, &ts);
	goes_on = !c->closing;
	pthread_mutex_unlock(&c->lock);
	return goes_on;
}

static void *
run(void *arg)
{
	struct sts_keeper *k = arg;
	struct work *w = malloc(sizeof(*w));
	int64_t tick = clock_mono_ms() + TICK_MS;

	while (wait_for_work(k->core, tick)) {
		write_dirty(k);
		if (clock_mono_ms() < tick)
			continue;
		tick = clock_mono_ms() + TICK_MS;
		if (!w && !(w = malloc(sizeof(*w))))
			continue;
		pthread_mutex_lock(&k->core->lock);
		look_around(k, w);
		pthread_mutex_unlock(&k->core->lock);
		do_store_work(k, w);
		do_refreshes(k, w);
	}
	free(w);
	return NULL;
}

/* ---- the keeper --------------------------------------------------------- */

static bool
start_thread(struct sts_keeper *k)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	k->runs = pthread_create(&k->thread, NULL, run, k) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return k->runs;
}

static void
keeper_free(struct sts_keeper *k)
{
	store_close(k->store);
	pthread_mutex_destroy(&k->store_lock);
	free(k);
}

int
sts_keeper_open(const struct sts_keeper_config *cfg, struct sts_keeper **out,
    struct diag *d)
{
	struct sts_keeper *k = calloc(1, sizeof(*k));
	int err = 0;

	if (!k) {
		store_close(cfg->store);
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	k->core = cfg->core;
	k->store = cfg->store;
	k->read_only = cfg->read_only;
	k->refresh = cfg->refresh;
	k->dns = cfg->dns;
	k->unused_time = cfg->unused_time;
	k->forgot = cfg->core->now();
	pthread_mutex_init(&k->store_lock, NULL);
	if (k->store && k->refresh) {
		err = sts_keeper_reload(k, d);
		k->is_complete = err == 0;
	}
	if (!err && !start_thread(k))
		err = diag_set(d, AVER_NOMEM, 0, "no thread for the policies");
	if (err) {
		keeper_free(k);
		return err;
	}
	*out = k;
	return 0;
}

void
sts_keeper_stop(struct sts_keeper *k)
{
	if (!k || !k->runs)
		return;
	pthread_mutex_lock(&k->core->lock);
	k->core->closing = true;
	pthread_cond_signal(&k->core->work);
	pthread_mutex_unlock(&k->core->lock);
	pthread_join(k->thread, NULL);
	k->runs = false;
}

void
sts_keeper_close(struct sts_keeper *k)
{
	if (!k)
		return;
	write_dirty(k);
	keeper_free(k);
}
