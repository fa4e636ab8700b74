/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_fleet.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/sts.h"
#include "tlspolicy/sts_load.h"

#define ARENA_MAX ((size_t)1 << 20)
#define STEP_MS 10 /* from one look at the store to the next, at first */
#define STEP_MAX_MS 100

struct sts_fleet {
	struct sts_core *core;
	struct sts_opener opener;
	struct sts_patience patience;
	atomic_bool is_up;
	pthread_mutex_t lock; /* of store; never with the core's */
	struct store *store; /* NULL: not opened yet */
	int64_t began; /* clock_mono_ms() of the call under way */
	unsigned slow; /* calls in a row */
	int64_t rests_until; /* it was slow */
};

bool
sts_store_is_away(int err)
{
	return err == AVER_TEMP || err == AVER_IO || err == AVER_CONF;
}

struct sts_fleet *
sts_fleet_new(struct sts_core *core, const struct sts_opener *opener,
    struct sts_patience patience)
{
	struct sts_fleet *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->core = core;
	f->opener = *opener;
	f->patience = patience;
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void
sts_fleet_free(struct sts_fleet *f)
{
	if (!f)
		return;
	store_close(f->store);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

bool
sts_fleet_is_up(const struct sts_fleet *f)
{
	return f && atomic_load(&f->is_up);
}

void
sts_fleet_set(struct sts_fleet *f, bool is_up)
{
	if (f)
		atomic_store(&f->is_up, is_up);
}

/* ---- asking ------------------------------------------------------------- */

/* The store to ask, with its lock; NULL, without: it is away. */
static struct store *
take_store(struct sts_fleet *f)
{
	if (!sts_fleet_is_up(f))
		return NULL;
	pthread_mutex_lock(&f->lock);
	/* who had it before may have found it gone, or slow */
	if (clock_mono_ms() >= f->rests_until && sts_fleet_is_up(f)) {
		if (f->store ||
		    f->opener.open(f->opener.arg, &f->store, NULL) == 0) {
			f->began = clock_mono_ms();
			return f->store;
		}
		sts_fleet_set(f, false);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void
leave_store(struct sts_fleet *f, int err)
{
	int64_t now = clock_mono_ms();

	f->slow = now - f->began >= f->patience.slow_ms ? f->slow + 1 : 0;
	if (f->slow >= STS_SLOW_CALLS) {
		f->rests_until = now + STS_SLOW_REST_MS;
		f->slow = 0;
	}
	pthread_mutex_unlock(&f->lock);
	if (!err || err == AVER_NOTFOUND)
		return;
	sts_fleet_set(f, false);
	pthread_mutex_lock(&f->core->lock);
	f->core->counts.store_errors++;
	pthread_mutex_unlock(&f->core->lock);
}

static void
keep_fence(struct sts_core *c, struct str domain, uint64_t fence)
{
	struct sts_entry *e;

	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, domain);
	if (e)
		e->fence = fence;
	pthread_mutex_unlock(&c->lock);
}

/* One look at the store. */
static enum sts_fleet_say
ask(struct sts_fleet *f, const struct store_sts_claim *claim, bool waits)
{
	struct store_sts_claimed got = {.fence = 0};
	enum sts_fleet_say say = STS_FLEET_FETCH;
	struct store *s = take_store(f);
	struct arena a;
	int err;

	if (!s)
		return STS_FLEET_FETCH;
	arena_init(&a, ARENA_MAX);
	err = store_claim_sts(s, claim, &a, &got, NULL);
	leave_store(f, err);
	if (!err && got.is_there) {
		sts_load_row(f->core, &got.sts, waits);
		say = STS_FLEET_TAKEN;
	} else if (!err && got.fence) {
		keep_fence(f->core, claim->domain, got.fence);
	} else if (!err) {
		say = STS_FLEET_BUSY;
	}
	arena_fini(&a);
	return say;
}

enum sts_fleet_say
sts_fleet_claim(struct sts_fleet *f, struct str domain, struct str id,
    int64_t newer, int64_t wait_ms)
{
	struct store_sts_claim claim = {.domain = domain,
	    .id = id,
	    .newer = newer,
	    .lease_ms = f->patience.lease_ms};
	int64_t until;
	int step = STEP_MS;
	enum sts_fleet_say say;

	if (wait_ms > f->patience.lease_ms)
		wait_ms = f->patience.lease_ms;
	until = clock_mono_ms() + wait_ms;
	for (;;) {
		claim.now = f->core->now();
		say = ask(f, &claim, wait_ms > 0);
		if (say != STS_FLEET_BUSY || wait_ms <= 0)
			return say;
		/* it takes too long: each for itself */
		if (clock_mono_ms() + step > until)
			return STS_FLEET_FETCH;
		poll(NULL, 0, step);
		step = step * 2 < STEP_MAX_MS ? step * 2 : STEP_MAX_MS;
	}
}

bool
sts_fleet_get(struct sts_fleet *f, struct str domain)
{
	struct store *s = take_store(f);
	struct store_sts row;
	struct arena a;
	int err;

	if (!s)
		return false;
	arena_init(&a, ARENA_MAX);
	err = store_get_sts(s, domain, &a, &row, NULL);
	leave_store(f, err);
	if (!err)
		sts_load_row(f->core, &row, true);
	arena_fini(&a);
	return !err || err == AVER_NOTFOUND;
}
