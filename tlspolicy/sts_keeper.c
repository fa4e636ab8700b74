/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_keeper_int.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/sts.h"
#include "tlspolicy/seen.h"
#include "tlspolicy/sts_load.h"

#define SLICE ((size_t)4096) /* buckets looked at in a tick, at least */
#define WRITE_EVERY_MS 50 /* so that many a batch has more than one */
#define ROUND 60 /* ticks for all of them, at most */
#define REFRESHES 32 /* started in a tick */
#define TOUCHES 256 /* written in a tick */
#define TOUCH_AFTER 3600 /* how exact last_used is in the store */
#define KEEP_FAILURE 3600
#define FORGET_EVERY 3600
#define PUT_OFF 60 /* a refresh that another host does */
#define REFRESH_QUESTIONS 8
#define REFRESH_MS 8000 /* to find a policy host */
#define ARENA_MAX ((size_t)1 << 20)

bool
sts_keeper_is_up(const struct sts_keeper *k)
{
	return atomic_load(&k->is_up);
}

/* why: what the store said, when it is not up. */
static void
set_up(struct sts_keeper *k, bool is_up, const char *why)
{
	struct sts_core *c = k->core;
	bool was_up = atomic_exchange(&k->is_up, is_up);

	sts_fleet_set(k->fleet, is_up);
	if (!is_up) {
		pthread_mutex_lock(&c->lock);
		c->counts.store_errors++;
		pthread_mutex_unlock(&c->lock);
	}
	if (c->note && was_up != is_up)
		c->note(c->note_arg, STR_NONE,
		    is_up ? "the store is there again" : why);
}

/* ---- from the store ----------------------------------------------------- */

static int
load_row(void *arg, const struct store_sts *s)
{
	sts_load_row(arg, s, false);
	return 0;
}

static int
load_change(void *arg, struct str domain, const struct store_sts *s)
{
	struct sts_keeper *k = arg;

	if (s) {
		sts_load_row(k->core, s, false);
	} else {
		sts_load_removal(k->core, domain);
		sts_copy_remove(k->copy, domain);
	}
	return 0;
}

bool
sts_keeper_fetch(struct sts_keeper *k, struct str domain)
{
	struct sts_core *c = k->core;
	struct store_sts s;
	struct arena a;
	bool complete;
	int err;

	pthread_mutex_lock(&c->lock);
	complete = k->is_complete && c->table.evicted == 0;
	pthread_mutex_unlock(&c->lock);
	if (complete)
		return true;
	if (k->fleet && sts_fleet_get(k->fleet, domain))
		return true;
	if (k->fleet) {
		sts_copy_get(k->copy, domain);
		return false;
	}
	if (!k->store)
		return true;
	arena_init(&a, ARENA_MAX);
	pthread_mutex_lock(&k->store_lock);
	err = store_get_sts(k->store, domain, &a, &s, NULL);
	pthread_mutex_unlock(&k->store_lock);
	if (!err) {
		sts_load_row(c, &s, true);
	} else if (err != AVER_NOTFOUND) {
		pthread_mutex_lock(&c->lock);
		c->counts.store_errors++;
		pthread_mutex_unlock(&c->lock);
	}
	arena_fini(&a);
	return !err || err == AVER_NOTFOUND;
}

/*
 * Reads all of the store. That something is not there says nothing: only a
 * removal ends a policy. The store's lock is held.
 */
static int
load_all(struct sts_keeper *k, struct diag *d)
{
	struct sts_core *c = k->core;
	int64_t mark = 0;
	int err = store_mark_sts(k->store, &mark, d);

	if (err)
		return err;
	pthread_mutex_lock(&c->lock);
	sts_load_forget_seen(c);
	pthread_mutex_unlock(&c->lock);
	err = store_each_sts(k->store, STR_NONE, load_row, c, d);
	if (err)
		return err;
	pthread_mutex_lock(&c->lock);
	sts_load_write_back(c);
	k->is_complete = true;
	pthread_mutex_unlock(&c->lock);
	k->mark = mark;
	return 0;
}

/* Reads what is new. The store's lock is held. */
static int
follow(struct sts_keeper *k, struct diag *d)
{
	int err = AVER_NOTFOUND;

	if (!k->store && k->opener.open(k->opener.arg, &k->store, d))
		return AVER_TEMP;
	if (k->mark >= 0)
		err = store_each_sts_change(
		    k->store, &k->mark, load_change, k, d);
	return err == AVER_NOTFOUND ? load_all(k, d) : err;
}

/* What is new there; whether the store is there is noted. */
static int
follow_store(struct sts_keeper *k, struct diag *d)
{
	struct diag why = {{0}, 0};
	int err;

	if (!k->has_store)
		return 0;
	pthread_mutex_lock(&k->store_lock);
	err = follow(k, &why);
	pthread_mutex_unlock(&k->store_lock);
	set_up(k, err == 0, why.text);
	if (err && d)
		*d = why;
	return err;
}

int
sts_keeper_reload(struct sts_keeper *k, struct diag *d)
{
	return follow_store(k, d);
}

/* ---- the round ---------------------------------------------------------- */

struct work {
	size_t n_refresh, n_touch;
	char refresh[REFRESHES][STS_KEEPER_DOMAIN_SIZE];
	char touch[TOUCHES][STS_KEEPER_DOMAIN_SIZE];
	int64_t used[TOUCHES];
};

static bool
wants_refresh(
    const struct sts_keeper *k, const struct sts_entry *e, int64_t now)
{
	/*
	 * RFC 8461 section 10.2. A policy of mode none protects nothing, and
	 * one that nobody uses may come to its end. One of a clock that was
	 * ahead would live too long.
	 */
	return k->refresh && sts_entry_in_force(e, now) && !e->flight &&
	       e->policy->mode != STS_NONE &&
	       (e->refresh_at <= now ||
		   (e->policy->fetched > now + STORE_STS_SKEW &&
		       !sts_entry_rests(e, now))) &&
	       e->last_used >= now - k->unused_time;
}

static bool
is_garbage(const struct sts_entry *e, int64_t now)
{
	if (e->is_dirty || e->flight)
		return false;
	return !sts_entry_in_force(e, now) && !sts_entry_rests(e, now) &&
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
		snprintf(w->refresh[w->n_refresh++], STS_KEEPER_DOMAIN_SIZE,
		    "%.*s", STRF(domain));
	if (e->is_stored && e->last_used > e->stored_use + TOUCH_AFTER &&
	    w->n_touch < TOUCHES) {
		e->stored_use = e->last_used;
		w->used[w->n_touch] = e->last_used;
		snprintf(w->touch[w->n_touch++], STS_KEEPER_DOMAIN_SIZE, "%.*s",
		    STRF(domain));
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
put_off(struct sts_core *c, struct str domain)
{
	struct sts_entry *e;

	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, domain);
	if (e && e->refresh_at < c->now() + PUT_OFF)
		e->refresh_at = c->now() + PUT_OFF;
	pthread_mutex_unlock(&c->lock);
}

/* One host refreshes for all; what it fetched comes with the next tick. */
static void
lead_refresh(struct sts_keeper *k, struct sts_flight *fl, struct str domain,
    struct str id, int64_t newer, struct dns *d)
{
	switch (k->fleet ? sts_fleet_claim(k->fleet, domain, id, newer, 0)
			 : STS_FLEET_FETCH) {
	case STS_FLEET_BUSY:
		put_off(k->core, domain);
		sts_flight_give_up(fl);
		return;
	case STS_FLEET_TAKEN:
		if (sts_flight_take(fl, newer))
			return;
		break;
	case STS_FLEET_FETCH:
		break;
	}
	sts_flight_run(fl, d);
}

static void
refresh_one(struct sts_keeper *k, struct str domain)
{
	struct sts_core *c = k->core;
	struct sts_entry *e;
	int64_t newer = -1;
	struct sts_flight *fl = NULL;
	struct arena a;
	struct dns d;
	struct str id;
	bool leads = false;

	arena_init(&a, ARENA_MAX);
	dns_init(
	    &d, k->dns, &a, clock_mono_ms() + REFRESH_MS, REFRESH_QUESTIONS);
	id = current_id(&d, &a, domain);
	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, domain);
	/* another host may have refreshed it meanwhile */
	if (e && wants_refresh(k, e, c->now())) {
		newer = e->policy->fetched;
		fl = sts_flight_join(c, domain, id, true, &leads);
	}
	pthread_mutex_unlock(&c->lock);
	if (leads)
		lead_refresh(k, fl, domain, id, newer, &d);
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
		sts_keeper_write(k);
	}
}

/* Once in a while; also after the clock was set back. */
static bool
is_due(int64_t now, int64_t *last)
{
	bool due = now < *last || now - *last >= FORGET_EVERY;

	if (due)
		*last = now;
	return due;
}

static void
do_store_work(struct sts_keeper *k, const struct work *w)
{
	struct store_sts_use use[TOUCHES];
	int64_t now = k->core->now();
	int64_t unused = now - k->unused_time - STS_MAX_AGE;
	int64_t expired = now - KEEP_FAILURE;
	int err = 0;

	for (size_t i = 0; i < w->n_touch; i++)
		use[i] =
		    (struct store_sts_use){str_from_z(w->touch[i]), w->used[i]};
	sts_copy_touch(k->copy, use, w->n_touch);
	if (is_due(now, &k->copy_forgot))
		sts_copy_forget(k->copy, unused, expired);
	if (!k->has_store || k->read_only || !sts_keeper_is_up(k))
		return;
	pthread_mutex_lock(&k->store_lock);
	if (w->n_touch)
		err = store_touch_sts(k->store, use, w->n_touch, NULL);
	if (!err && is_due(now, &k->forgot)) {
		err = store_forget_sts(k->store, unused, expired, NULL);
		if (!err)
			err = seen_forget(k->store, now);
	}
	pthread_mutex_unlock(&k->store_lock);
	if (err) {
		pthread_mutex_lock(&k->core->lock);
		k->core->counts.store_errors++;
		pthread_mutex_unlock(&k->core->lock);
	}
}

static struct timespec
time_of(int64_t ms)
{
	return (struct timespec){.tv_sec = (time_t)(ms / 1000),
	    .tv_nsec = (long)(ms % 1000) * 1000000};
}

/*
 * Until something is dirty, or a tick is over; false: the end. What becomes
 * dirty soon after the last was written waits for more.
 */
static bool
wait_for_work(struct sts_keeper *k, int64_t until)
{
	struct sts_core *c = k->core;
	struct timespec tick = time_of(until);
	struct timespec next = time_of(k->last_write + WRITE_EVERY_MS);
	int err = 0;
	bool goes_on;

	pthread_mutex_lock(&c->lock);
	while (
	    !c->closing && !(c->dirty && sts_keeper_may_write(k)) && err == 0)
		err = pthread_cond_timedwait(&c->work, &c->lock, &tick);
	/* where a store is shared, other hosts wait for it */
	err = k->fleet != NULL;
	while (!c->closing && c->dirty && err == 0)
		err = pthread_cond_timedwait(&c->work, &c->lock, &next);
	goes_on = !c->closing;
	pthread_mutex_unlock(&c->lock);
	return goes_on;
}

/* True: the cache closes. */
static bool
sleep_until(struct sts_keeper *k, int64_t until)
{
	struct sts_core *c = k->core;
	struct timespec ts = time_of(until);
	bool closing;

	pthread_mutex_lock(&c->lock);
	while (
	    !c->closing && pthread_cond_timedwait(&k->ends, &c->lock, &ts) == 0)
		;
	closing = c->closing;
	pthread_mutex_unlock(&c->lock);
	return closing;
}

/* Beside the rounds, for to look up the hosts of refreshes may take long. */
static void *
run_follower(void *arg)
{
	struct sts_keeper *k = arg;

	while (!sleep_until(k, clock_mono_ms() + STS_FOLLOW_MS))
		follow_store(k, NULL);
	return NULL;
}

static void *
run(void *arg)
{
	struct sts_keeper *k = arg;
	struct work *w = malloc(sizeof(*w));
	int64_t tick = clock_mono_ms() + STS_FOLLOW_MS;

	while (wait_for_work(k, tick)) {
		sts_keeper_write(k);
		if (clock_mono_ms() < tick)
			continue;
		tick = clock_mono_ms() + STS_FOLLOW_MS;
		if (!k->refresh)
			set_up(k, k->has_store, "");
		sts_keeper_write(k);
		sts_copy_some(k->copy);
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
start_threads(struct sts_keeper *k)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	k->runs = pthread_create(&k->thread, NULL, run, k) == 0;
	if (k->runs && k->refresh && k->has_store)
		k->follows =
		    pthread_create(&k->follower, NULL, run_follower, k) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return k->runs && k->follows == (k->refresh && k->has_store);
}

static void
keeper_free(struct sts_keeper *k)
{
	store_close(k->store);
	pthread_mutex_destroy(&k->store_lock);
	pthread_cond_destroy(&k->ends);
	free(k);
}

/*
 * The first look at the store. One that several hosts share may be away: the
 * keeper goes on trying.
 */
static int
first_look(struct sts_keeper *k, struct diag *d)
{
	int err = 0;

	if (k->refresh)
		err = follow_store(k, d);
	else if (k->store)
		err = store_mark_sts(k->store, &k->mark, d);
	if (!err && k->store)
		atomic_store(&k->is_up, true);
	return k->opener.open && sts_store_is_away(err) ? 0 : err;
}

int
sts_keeper_open(const struct sts_keeper_config *cfg, struct sts_keeper **out,
    struct diag *d)
{
	struct sts_keeper *k = calloc(1, sizeof(*k));
	int err;

	if (!k) {
		store_close(cfg->store);
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	k->core = cfg->core;
	k->store = cfg->store;
	k->opener = cfg->opener;
	k->fleet = cfg->fleet;
	k->copy = cfg->copy;
	k->read_only = cfg->read_only;
	k->refresh = cfg->refresh;
	k->dns = cfg->dns;
	k->unused_time = cfg->unused_time;
	k->forgot = k->copy_forgot = cfg->core->now();
	k->mark = -1;
	atomic_init(&k->is_up, k->store != NULL);
	pthread_mutex_init(&k->store_lock, NULL);
	pthread_cond_init(&k->ends, &k->core->monotonic);
	k->has_store = k->store || k->opener.open;
	err = first_look(k, d);
	if (!err && !start_threads(k))
		err = diag_set(d, AVER_NOMEM, 0, "no thread for the policies");
	if (err) {
		sts_keeper_stop(k);
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
	pthread_cond_signal(&k->ends);
	pthread_mutex_unlock(&k->core->lock);
	pthread_join(k->thread, NULL);
	if (k->follows)
		pthread_join(k->follower, NULL);
	k->runs = k->follows = false;
}

void
sts_keeper_close(struct sts_keeper *k)
{
	if (!k)
		return;
	k->write_at = 0;
	sts_keeper_write(k);
	sts_copy_all(k->copy);
	keeper_free(k);
}
