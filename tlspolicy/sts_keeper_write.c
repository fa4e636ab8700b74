/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* From the table to the store. */
#include "tlspolicy/sts_keeper_int.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/sts.h"

#define BATCH 32 /* written in one go */

/* What is to be written of an entry, copied out from under the lock. */
struct pending {
	char domain[STS_KEEPER_DOMAIN_SIZE];
	char detail[STS_KEEPER_DOMAIN_SIZE];
	struct sts_held *policy; /* NULL: none that is new */
	bool has_failed; /* since it was fetched */
	uint64_t fence;
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
	p->fence = e->fence;
	e->fence = 0;
	snprintf(
	    p->domain, sizeof(p->domain), "%.*s", STRF(sts_entry_domain(e)));
	snprintf(
	    p->detail, sizeof(p->detail), "%s", e->detail ? e->detail : "");
	p->policy = e->is_new ? sts_held_ref(e->policy) : NULL;
	p->has_failed = e->failed != 0;
	e->is_new = false;
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

/* The store's lock is held. is_put: its policy is there already. */
static int
write_one(
    struct sts_keeper *k, const struct pending *p, bool is_put, struct diag *d)
{
	int err = 0;

	if (p->policy && !is_put)
		err = store_put_sts(k->store, &p->row, d);
	if (!err && p->has_failed)
		err = store_fail_sts(k->store, &p->row, d);
	/* those who wait look again */
	if (!err && p->fence)
		err = store_unclaim_sts(k->store, p->row.domain, p->fence, d);
	return err;
}

/* One that is too long for the store will ever be: it is passed over. */
static int
write_each(struct sts_keeper *k, const struct pending *p, size_t n, bool all,
    struct diag *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		err = write_one(k, &p[i], !all && !p[i].fence, d);
		if (err == AVER_LIMIT)
			err = 0;
	}
	return err;
}

/* Policies that nobody waits for in one go, the others each by itself. */
static int
write_batch(
    struct sts_keeper *k, const struct pending *p, size_t n, struct diag *d)
{
	struct store_sts rows[BATCH];
	size_t together = 0;
	int err;

	if (!k->has_store || k->read_only)
		return 0;
	pthread_mutex_lock(&k->store_lock);
	for (size_t i = 0; i < n; i++)
		if (p[i].policy && !p[i].fence)
			rows[together++] = p[i].row;
	err = store_put_sts_many(k->store, rows, together, d);
	if (!err || err == AVER_LIMIT)
		err = write_each(k, p, n, err == AVER_LIMIT, d);
	pthread_mutex_unlock(&k->store_lock);
	return err;
}

/* It stays dirty and is tried again in the next tick. */
static void
write_failed(struct sts_core *c, const struct pending *p)
{
	struct sts_entry *e = sts_table_find(&c->table, p->row.domain);

	c->counts.store_errors++;
	if (!e)
		return;
	e->is_new |= p->policy && e->policy == p->policy;
	if (e->is_dirty)
		return;
	e->is_dirty = true;
	e->next_dirty = c->dirty;
	c->dirty = e;
}

bool
sts_keeper_may_write(const struct sts_keeper *k)
{
	return sts_keeper_is_up(k) && clock_mono_ms() >= k->write_at;
}

/* How it went is told when it changes; after a failure it rests a tick. */
static void
wrote(struct sts_keeper *k, int err, const char *why)
{
	struct sts_core *c = k->core;

	if (err)
		k->write_at = clock_mono_ms() + STS_FOLLOW_MS;
	if (c->note && k->write_fails != (err != 0))
		c->note(c->note_arg, STR_NONE,
		    err ? why : "policies can be written again");
	k->write_fails = err != 0;
}

void
sts_keeper_write(struct sts_keeper *k)
{
	struct sts_core *c = k->core;
	struct pending p[BATCH];
	struct diag d = {{0}, 0};
	bool any = false;
	size_t n;
	int err = 0;

	if (!sts_keeper_may_write(k))
		return;
	k->last_write = clock_mono_ms();
	pthread_mutex_lock(&c->lock);
	while (!err) {
		for (n = 0; n < BATCH && take_dirty(c, &p[n]); n++)
			;
		if (n == 0)
			break;
		pthread_mutex_unlock(&c->lock);
		any = true;
		err = write_batch(k, p, n, &d);
		pthread_mutex_lock(&c->lock);
		/* to write again what is written does no harm */
		for (size_t i = 0; err && i < n; i++)
			write_failed(c, &p[i]);
		for (size_t i = 0; i < n; i++)
			sts_held_unref(p[i].policy);
	}
	pthread_mutex_unlock(&c->lock);
	if (any)
		wrote(k, err, d.text);
}
