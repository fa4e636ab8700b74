/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "reports/submit_int.h"

/* ms: a batch may grow while it takes less, and shrinks when it takes more */
#define BATCH_QUICK 1000
#define BATCH_SLOW 4000
/* s: what a lease has beyond the time one message may take, and half of it */
#define LEASE_SPARE 300
#define LEASE_OLD 150

/* --- hosts of HTTPS */

static bool
is_mute(const struct submit *s, bool https, struct str host)
{
	for (size_t i = 0; https && i < s->n_mute; i++)
		if (str_eq(str_from_z(s->mute[i]), host))
			return true;
	return false;
}

void
submit_mute(struct submit *s, struct str host)
{
	if (s->n_mute == MUTE_MAX || host.n > HTTP_HOST_MAX)
		return;
	memcpy(s->mute[s->n_mute], host.p, host.n);
	s->mute[s->n_mute++][host.n] = '\0';
}

/* How many submissions to it are in this state, from then on. */
static size_t
count_host(const struct submit *s, enum item_state from, struct str host)
{
	size_t n = 0;

	for (size_t i = 0; i < ITEMS; i++)
		n += s->items[i].state >= from && s->items[i].https &&
		     str_eq(s->items[i].destination, host);
	return n;
}

void
submit_release(struct submit *s, struct item *it)
{
	transport_drop(s->r->transport, &it->stage);
	/* if not, its lease ends by itself */
	if (it->fence)
		(void)store_release_submission(s->r->store, it->id, it->number,
		    it->fence, it->last_try, s->d);
	if (it->state != ITEM_NEW && !it->over)
		caps_uncount(&s->caps, it->destination);
	it->fence = 0;
	it->state = ITEM_FREE;
}

/* a reply and, with sendmail, an exit code: four times at most */
static int64_t
lease_of(const struct submit *s)
{
	return 4 * s->r->conf->report_timeout + LEASE_SPARE;
}

int
submit_keep_claim(struct submit *s, struct item *it)
{
	int64_t now = reporter_now(s->r);
	int err;

	if (now - it->claimed < LEASE_OLD)
		return 0;
	err = store_renew_submission(s->r->store, it->id, it->number, it->fence,
	    now + lease_of(s), s->d);
	if (!err)
		it->claimed = now;
	if (err != AVER_NOTFOUND)
		return err;
	it->fence = 0;
	submit_release(s, it);
	return 0;
}

bool
submit_stops(const struct submit *s)
{
	return s->result->down || reporter_stopped();
}

struct item *
submit_next(struct submit *s)
{
	for (size_t i = 0; i < ITEMS; i++) {
		struct item *it = &s->items[i];

		if (it->state != ITEM_WAITING)
			continue;
		if (is_mute(s, it->https, it->destination))
			submit_release(s, it);
		else if (!it->https ||
			 !count_host(s, ITEM_SENDING, it->destination))
			return it;
	}
	return NULL;
}

bool
submit_has_waiting(const struct submit *s)
{
	for (size_t i = 0; i < ITEMS; i++)
		if (s->items[i].state == ITEM_WAITING)
			return true;
	return false;
}

/* --- what is due */

static struct item *
find_free(struct submit *s)
{
	for (size_t i = 0; i < ITEMS; i++)
		if (s->items[i].state == ITEM_FREE)
			return &s->items[i];
	return NULL;
}

/* A claim of ours may be over while what it is of is still on its way. */
static bool
is_ours(const struct submit *s, const struct ledger_submission *sub)
{
	for (size_t i = 0; i < ITEMS; i++)
		if (s->items[i].state != ITEM_FREE &&
		    s->items[i].number == sub->number &&
		    str_eq(s->items[i].id, sub->report_id))
			return true;
	return false;
}

/* No host takes the place of others while it is slow. */
static bool
waits_for_host(struct submit *s, struct str host)
{
	size_t most = BATCH / (size_t)s->r->conf->report_senders;

	if (count_host(s, ITEM_NEW, host) < most)
		return false;
	s->skipped = true;
	return true;
}

static int
keep(
    struct item *it, const struct ledger_submission *sub, bool over, bool https)
{
	struct arena a = it->arena;

	arena_reset(&a);
	*it = (struct item){
	    .state = ITEM_NEW,
	    .id = arena_dup(&a, sub->report_id),
	    .uri = arena_dup(&a, sub->uri),
	    .destination = arena_dup(&a, sub->destination),
	    .number = sub->number,
	    .attempts = sub->attempts,
	    .last_try = sub->last_try,
	    .give_up = sub->give_up,
	    .over = over,
	    .https = https,
	};
	it->arena = a;
	if (!arena_failed(&a))
		return 0;
	it->state = ITEM_FREE;
	return AVER_NOMEM;
}

static int
collect(void *arg, const struct ledger_submission *sub)
{
	struct submit *s = arg;
	struct item *it = find_free(s);
	bool over = reporter_now(s->r) > sub->give_up, full = false;
	bool https =
	    s->kind->https_type && str_starts_ci(sub->uri, STR("https:"));

	if (!it)
		return 1;
	if (!over)
		s->err = caps_host(&s->caps, sub->destination, &full, s->d);
	if (s->err)
		return 1;
	if (full) {
		s->result->capped = true;
		return 0;
	}
	if (is_ours(s, sub) || is_mute(s, https, sub->destination) ||
	    (https && waits_for_host(s, sub->destination)))
		return 0;
	s->err = keep(it, sub, over, https);
	return s->err ? 1 : ++s->n_new == s->most;
}

static int
find_due(struct submit *s)
{
	int err;

	s->n_new = 0;
	s->skipped = false;
	s->err = 0;
	s->asked = reporter_now(s->r);
	err = store_each_due_submission(
	    s->r->store, s->kind->kind, s->asked, collect, s, s->d);
	return err < 0 ? err : s->err;
}

static bool
may_claim(struct submit *s)
{
	if (submit_stops(s))
		return false;
	if (!caps_reached(&s->caps))
		return true;
	s->result->capped = true;
	return false;
}

/* The new items that the caps allow, which are counted. */
static int
choose(
    struct submit *s, struct ledger_claim *claims, struct item **of, size_t *n)
{
	for (size_t i = 0; i < ITEMS && *n < BATCH && may_claim(s); i++) {
		struct item *it = &s->items[i];
		bool full = false;
		int err = 0;

		if (it->state != ITEM_NEW)
			continue;
		if (!it->over)
			err = caps_host(&s->caps, it->destination, &full, s->d);
		if (err)
			return err;
		if (full) {
			s->result->capped = true;
			continue;
		}
		if (!it->over)
			caps_count(&s->caps, it->destination);
		claims[*n] = (struct ledger_claim){
		    .report_id = it->id, .number = it->number};
		of[(*n)++] = it;
	}
	return 0;
}

static int
claim(struct submit *s)
{
	struct ledger_claim claims[BATCH];
	struct item *of[BATCH];
	size_t n = 0;
	int64_t now = reporter_now(s->r);
	int err = choose(s, claims, of, &n);

	if (!err)
		err = store_claim_submissions(
		    s->r->store, claims, n, now, lease_of(s), s->d);
	for (size_t i = 0; i < n; i++) {
		of[i]->state = ITEM_WAITING;
		of[i]->claimed = now;
		of[i]->fence = claims[i].fence;
		s->n_claimed += claims[i].fence > 0;
		/* somebody else sends it, and not in this run */
		if (!claims[i].fence)
			submit_release(s, of[i]);
	}
	for (size_t i = 0; i < ITEMS; i++)
		if (s->items[i].state == ITEM_NEW)
			s->items[i].state = ITEM_FREE;
	return err;
}

/* How many are claimed the next time: as many as do not wait for long. */
static void
adapt(struct submit *s, int64_t took)
{
	if (took > BATCH_SLOW && s->most > 1)
		s->most /= 2;
	else if (took < BATCH_QUICK && s->n_claimed == s->most)
		s->most = s->most * 2 < BATCH ? s->most * 2 : BATCH;
}

int
submit_claim(struct submit *s)
{
	int64_t now = clock_mono_ms();
	int err = 0;

	if (s->batch_begin)
		adapt(s, now - s->batch_begin);
	s->n_claimed = 0;
	if (may_claim(s))
		err = find_due(s);
	if (!err)
		err = claim(s);
	s->dry = !s->n_claimed;
	s->looked = now;
	s->batch_begin = s->dry ? 0 : now;
	return err;
}
