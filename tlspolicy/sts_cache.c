/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_cache.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tlspolicy/sts_keeper.h"

struct sts_cache {
	struct sts_core core;
	struct sts_keeper *keeper;
	struct sts_fleet *fleet; /* NULL: each for itself */
	struct sts_copy *copy; /* with fleet, perhaps */
	int64_t patience_ms;
};

/* ---- answers ------------------------------------------------------------ */

/* What an entry says, copied out from under the lock. */
struct view {
	struct sts_held *held; /* in force; a reference, or NULL */
	enum tlsrpt_result failure;
	char detail[256];
	int64_t next_try; /* 0, or in the future */
};

static void
look(struct sts_core *c, struct str domain, int64_t now, struct view *out)
{
	struct sts_entry *e = sts_table_find(&c->table, domain);

	*out = (struct view){.failure = TLSRPT_SUCCESS};
	if (!e)
		return;
	e->last_used = now;
	if (sts_entry_in_force(e, now))
		out->held = sts_held_ref(e->policy);
	out->failure = e->failure;
	snprintf(
	    out->detail, sizeof(out->detail), "%s", e->detail ? e->detail : "");
	if (sts_entry_rests(e, now))
		out->next_try = e->next_try;
}

/*
 * RFC 8461 section 3.3: a new id, or nothing in force, means a fetch, but not
 * within five minutes after one for the same id has failed.
 */
static bool
wants_fetch(struct sts_core *c, const struct sts_question *q, int64_t now)
{
	const struct sts_entry *e = sts_table_find(&c->table, q->domain);
	struct str failed;

	if (!q->dns)
		return false;
	if (q->refetch)
		return true;
	if (q->found != STS_FOUND)
		return false;
	if (!e)
		return true;
	if (sts_entry_in_force(e, now) && str_eq(e->policy->id, q->id))
		return false;
	failed = str_from_z(e->failed_id);
	return !sts_entry_rests(e, now) || (failed.n && !str_eq(failed, q->id));
}

/*
 * The flight that the caller leads: with what another host has fetched, or
 * else by a fetch. No lock is held.
 */
static void
lead(struct sts_cache *cache, struct sts_flight *fl,
    const struct sts_question *q, struct str id)
{
	/* time is left for a fetch */
	int64_t wait = (q->deadline - clock_mono_ms()) / 3;

	/* a record without an id cannot tell which policy would do */
	if (cache->fleet && !q->refetch && id.n && wait > 0 &&
	    sts_fleet_claim(cache->fleet, q->domain, id, -1, wait) ==
		STS_FLEET_TAKEN &&
	    sts_flight_take(fl, -1))
		return;
	sts_flight_run(fl, q->dns);
}

/*
 * Whether the store could not be asked about the domain: what is there is not
 * known then. The lock is held.
 */
static void
note_unsure(struct sts_core *c, struct str domain, bool is_unsure)
{
	struct sts_entry *e = sts_table_find(&c->table, domain);

	if (e)
		e->is_unsure = is_unsure;
}

/*
 * Fetches, or waits for who does. False: it is not known how that went. unsure:
 * others who ask meanwhile have to know it, for the entry is new perhaps.
 */
static bool
fetch(struct sts_cache *cache, const struct sts_question *q, bool unsure,
    struct sts_held **held)
{
	struct sts_core *c = &cache->core;
	struct str id = q->found == STS_FOUND ? q->id : STR_NONE;
	int64_t until = q->deadline;
	struct sts_flight *fl;
	bool leads;

	fl = sts_flight_join(c, q->domain, id, false, &leads);
	if (!fl)
		return false;
	if (unsure)
		note_unsure(c, q->domain, true);
	if (leads) {
		pthread_mutex_unlock(&c->lock);
		lead(cache, fl, q, id);
		pthread_mutex_lock(&c->lock);
	}
	if (!q->is_patient && until > clock_mono_ms() + cache->patience_ms)
		until = clock_mono_ms() + cache->patience_ms;
	return sts_flight_wait(fl, until, held);
}

static bool
fill_policy(struct sts_held *held, struct arena *arena, struct tls_sts *out)
{
	struct str text = arena_dup(arena, held->text);
	struct str id = arena_dup(arena, held->id);
	struct sts_policy *p = ARENA_NEW(arena, struct sts_policy);

	if (!p || text.n != held->text.n || id.n != held->id.n ||
	    sts_policy_parse(arena, text, p, NULL))
		return false;
	out->policy = p;
	out->id = id;
	out->fetched = held->fetched;
	out->expires = held->expires;
	return true;
}

static void
fill(struct view *v, const struct sts_question *q, bool known, int64_t now,
    struct arena *arena, struct sts_answer *out)
{
	out->valid = INT32_MAX;
	/* without record and policy an old failure is of no interest */
	if (!v->held && known && q->found != STS_FOUND && !q->refetch)
		return;
	out->sts.failure = v->failure;
	out->sts.failure_detail = arena_dup(arena, str_from_z(v->detail));
	out->valid = v->next_try ? v->next_try - now : INT32_MAX;
	if (v->held) {
		if (!fill_policy(v->held, arena, &out->sts))
			out->trouble = STR("out of memory");
		if (v->held->expires - now < out->valid)
			out->valid = v->held->expires - now;
		out->is_stale = v->failure != TLSRPT_SUCCESS || !known;
	} else if (!known) {
		out->trouble = STR("the policy could not be fetched in time");
	}
	if (out->trouble.n || !known)
		out->valid = 0;
}

static bool
is_known(struct sts_core *c, struct str domain)
{
	struct sts_entry *e;
	bool known;

	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, domain);
	known = e && !e->is_unsure;
	pthread_mutex_unlock(&c->lock);
	return known;
}

void
sts_cache_ask(struct sts_cache *cache, const struct sts_question *q,
    struct arena *arena, struct sts_answer *out)
{
	struct sts_core *c = &cache->core;
	bool known = true, unsure = false, asked;
	struct view v;

	*out = (struct sts_answer){.sts.failure = TLSRPT_SUCCESS};
	asked = !is_known(c, q->domain);
	if (asked)
		unsure = !sts_keeper_fetch(cache->keeper, q->domain);
	pthread_mutex_lock(&c->lock);
	look(c, q->domain, c->now(), &v);
	if (wants_fetch(c, q, c->now())) {
		struct sts_held *held = v.held;

		out->has_waited = true;
		known = fetch(cache, q, unsure, &held);
		look(c, q->domain, c->now(), &v);
		if (!v.held && held && c->now() < held->expires)
			v.held = sts_held_ref(held);
		sts_held_unref(held);
	}
	if (asked)
		note_unsure(c, q->domain, unsure);
	pthread_mutex_unlock(&c->lock);
	fill(&v, q, known, c->now(), arena, out);
	/*
	 * A host that started alone answers alone. But where there is a record
	 * and no policy to be had, the store may have one that is in force.
	 */
	if (unsure && !v.held && q->found == STS_FOUND) {
		out->trouble = STR("neither the policy can be fetched nor the "
				   "store be read");
		out->valid = 0;
	}
	sts_held_unref(v.held);
}

/* ---- the cache ---------------------------------------------------------- */

static int
core_init(struct sts_core *c, const struct sts_cache_config *cfg)
{
	*c = (struct sts_core){.fetcher = cfg->fetcher,
	    .allow = cfg->allow,
	    .has_store = (cfg->store || cfg->opener.open) && !cfg->read_only,
	    .is_shared = cfg->is_shared,
	    .refresh_time = cfg->refresh_time,
	    .now = cfg->now,
	    .failed = cfg->failed,
	    .failed_arg = cfg->failed_arg,
	    .note_arg = cfg->note_arg,
	    .changed = cfg->changed,
	    .note = cfg->note};
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&c->monotonic);
	pthread_condattr_setclock(&c->monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->work, &c->monotonic);
	pthread_cond_init(&c->idle, &c->monotonic);
	return sts_table_init(&c->table, cfg->entries, cfg->octets);
}

static void
core_fini(struct sts_core *c)
{
	sts_table_fini(&c->table);
	pthread_cond_destroy(&c->work);
	pthread_cond_destroy(&c->idle);
	pthread_condattr_destroy(&c->monotonic);
	pthread_mutex_destroy(&c->lock);
}

/* The store and the fetcher are taken over, whatever happens. */
static int
open_keeper(
    struct sts_cache *c, const struct sts_cache_config *cfg, struct diag *d)
{
	struct sts_keeper_config kc = {.core = &c->core,
	    .store = cfg->store,
	    .opener = cfg->opener,
	    .read_only = cfg->read_only,
	    .refresh = cfg->refresh,
	    .dns = cfg->dns,
	    .unused_time = cfg->unused_time};

	/* commands fetch for themselves */
	if (cfg->is_shared && cfg->refresh && cfg->opener.open) {
		c->fleet = sts_fleet_new(&c->core, &cfg->opener,
		    cfg->with_hosts.lease_ms
			? cfg->with_hosts
			: (struct sts_patience){STS_LEASE_MS, STS_SLOW_MS});
		if (cfg->copy)
			c->copy = sts_copy_new(&c->core, cfg->copy);
		if (!c->fleet || (cfg->copy && !c->copy)) {
			store_close(cfg->store);
			return diag_set(d, AVER_NOMEM, 0, "out of memory");
		}
	}
	kc.fleet = c->fleet;
	kc.copy = c->copy;
	return sts_keeper_open(&kc, &c->keeper, d);
}

int
sts_cache_open(
    const struct sts_cache_config *cfg, struct sts_cache **out, struct diag *d)
{
	struct sts_cache *c = calloc(1, sizeof(*c));
	int err = c ? core_init(&c->core, cfg) : AVER_NOMEM;

	if (err) {
		diag_set(d, err, 0, "the policy cache cannot start");
		store_close(cfg->store);
	} else {
		c->patience_ms = cfg->patience_ms;
		err = open_keeper(c, cfg, d);
	}
	if (err) {
		cfg->fetcher->ops->close(cfg->fetcher);
		if (c) {
			sts_copy_free(c->copy);
			sts_fleet_free(c->fleet);
			core_fini(&c->core);
		}
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

void
sts_cache_close(struct sts_cache *c)
{
	if (!c)
		return;
	sts_keeper_stop(c->keeper);
	/* every flight ends, so that its result is written below */
	c->core.fetcher->ops->close(c->core.fetcher);
	sts_keeper_close(c->keeper);
	sts_copy_free(c->copy);
	sts_fleet_free(c->fleet);
	core_fini(&c->core);
	free(c);
}

int
sts_cache_reload(struct sts_cache *c, struct diag *d)
{
	return sts_keeper_reload(c->keeper, d);
}

void
sts_cache_stats(struct sts_cache *cache, struct sts_cache_stats *out)
{
	struct sts_core *c = &cache->core;

	pthread_mutex_lock(&c->lock);
	*out = (struct sts_cache_stats){.counts = c->counts,
	    .policies = c->table.policies,
	    .entries = c->table.count,
	    .octets = c->table.octets,
	    .fetching = c->in_flight,
	    .is_away = c->has_store && !sts_keeper_is_up(cache->keeper)};
	pthread_mutex_unlock(&c->lock);
}

bool
sts_cache_has_store(struct sts_cache *c)
{
	return sts_keeper_is_up(c->keeper);
}
