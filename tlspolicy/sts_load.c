/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_load.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"

/* ---- a row by itself ---------------------------------------------------- */

static bool
is_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!chars_is(id.p[i], CH_ALPHA | CH_DIGIT))
			return false;
	return id.n <= STS_ID_MAX;
}

/* NULL, with the reason in d when the row should not be as it is. */
static struct sts_held *
held_of(const struct store_sts *s, int64_t now, struct diag *d)
{
	struct sts_held *h = NULL;
	int64_t from, expires;
	struct sts_policy p;
	struct arena a;

	if (!is_id(s->id)) {
		diag_set(d, AVER_SYNTAX, 0, "its id is none");
		return NULL;
	}
	if (s->fetched > now + STORE_STS_SKEW) {
		diag_set(d, AVER_SYNTAX, 0,
		    "it was fetched in the future: is a host's clock wrong?");
		return NULL;
	}
	arena_init(&a, STS_POLICY_MEMORY);
	if (sts_policy_parse(&a, s->policy, &p, d) == 0) {
		/* found current later, it lasts longer */
		from = s->fetched;
		if (s->refreshed > from && s->refreshed <= now + STORE_STS_SKEW)
			from = s->refreshed;
		expires = s->expires;
		if (expires > from + (int64_t)p.max_age)
			expires = from + (int64_t)p.max_age;
		h = sts_held_new(s->id, s->policy, p.mode, s->fetched, expires);
	}
	arena_fini(&a);
	return h;
}

/* ---- beside what is in memory ------------------------------------------- */

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
forget_failure(struct sts_core *c, struct sts_entry *e)
{
	e->failed = e->next_try = 0;
	e->failure = TLSRPT_SUCCESS;
	sts_table_set_failure(&c->table, e, STR_NONE, STR_NONE);
}

/*
 * Failures are each host's own: one whose network is broken must not keep the
 * others from trying for five minutes.
 */
static void
load_failure(struct sts_core *c, struct sts_entry *e, const struct store_sts *s)
{
	if (c->is_shared || s->failed == 0 || s->failed < e->failed ||
	    (e->policy && s->failed < e->policy->fetched))
		return;
	e->failed = s->failed;
	e->next_try = s->next_try;
	e->failure = s->failure > 0 && s->failure < TLSRPT_RESULT_COUNT
			 ? (enum tlsrpt_result)s->failure
			 : TLSRPT_STS_POLICY_FETCH_ERROR;
	sts_table_set_failure(&c->table, e, STR_NONE, s->failure_detail);
}

/* Is what is in force another one now? The lock is held. */
static bool
set_policy(struct sts_core *c, struct sts_entry *e, struct sts_held *h)
{
	int64_t now = c->now();
	bool was = sts_entry_in_force(e, now), is = h && now < h->expires;
	bool differs = was != is || (was && !str_eq(e->policy->text, h->text));

	sts_table_set_policy(&c->table, e, sts_held_ref(h));
	return differs;
}

/*
 * Of two in one second the one in the store is the later one, if ours was there
 * before.
 */
static bool
is_newer(const struct sts_entry *e, const struct store_sts *s)
{
	const struct sts_held *h = e ? e->policy : NULL;

	if (!h || h->fetched != s->fetched)
		return !h || h->fetched < s->fetched;
	return !e->is_new &&
	       !(str_eq(h->id, s->id) && str_eq(h->text, s->policy));
}

/* Is what is in force another one now? */
static bool
take_over(struct sts_core *c, const struct store_sts *s, struct sts_held *h)
{
	struct sts_entry *e;
	bool differs = false;

	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, s->domain);
	if (!e && (h || (!c->is_shared && s->next_try > c->now())))
		e = sts_table_add(&c->table, s->domain, s->last_used);
	if (e) {
		/* RFC 8461 section 5.1: else what is in force stays so */
		if (h && is_newer(e, s)) {
			differs = set_policy(c, e, h);
			e->is_new = false;
			e->refresh_at = first_refresh(c, h, e->hash);
			if (e->failed && e->failed <= h->fetched)
				forget_failure(c, e);
		}
		load_failure(c, e, s);
		e->is_stored = e->is_seen = true;
		e->is_unsure = false;
		if (e->stored_use < s->last_used)
			e->stored_use = s->last_used;
	}
	pthread_mutex_unlock(&c->lock);
	return differs;
}

static bool
wants_policy(struct sts_core *c, const struct store_sts *s)
{
	bool wants;

	if (s->policy.n == 0)
		return false;
	pthread_mutex_lock(&c->lock);
	wants = is_newer(sts_table_find(&c->table, s->domain), s);
	pthread_mutex_unlock(&c->lock);
	return wants;
}

static void
tell(struct sts_core *c, struct str domain, const char *what)
{
	if (c->note)
		c->note(c->note_arg, domain, what);
}

void
sts_load_row(struct sts_core *c, const struct store_sts *s, bool is_asked)
{
	struct diag d = {{0}, 0};
	struct sts_held *h = NULL;

	if (wants_policy(c, s))
		h = held_of(s, c->now(), &d);
	else if (s->policy.n == 0 && s->failed == 0)
		diag_set(&d, AVER_SYNTAX, 0, "it cannot be read");
	if (take_over(c, s, h) && c->changed && !is_asked)
		c->changed(c->note_arg, s->domain);
	sts_held_unref(h);
	if (d.text[0])
		tell(c, s->domain, d.text);
}

void
sts_load_removal(struct sts_core *c, struct str domain)
{
	struct sts_entry *e;
	bool differs = false;

	pthread_mutex_lock(&c->lock);
	e = sts_table_find(&c->table, domain);
	/* one that the store has not was not removed there */
	if (e && !e->is_new) {
		differs = set_policy(c, e, NULL);
		if (!e->flight && !e->is_dirty)
			sts_table_drop(&c->table, e);
		else
			forget_failure(c, e);
	}
	pthread_mutex_unlock(&c->lock);
	if (differs && c->changed)
		c->changed(c->note_arg, domain);
}

void
sts_load_write_back(struct sts_core *c)
{
	int64_t now = c->now();

	for (size_t i = 0; i < c->table.n_buckets; i++)
		for (struct sts_entry *e = c->table.buckets[i]; e; e = e->next)
			if (!e->is_seen && sts_entry_in_force(e, now)) {
				e->is_new = true;
				sts_mark_dirty(c, e);
			}
}

void
sts_load_forget_seen(struct sts_core *c)
{
	for (size_t i = 0; i < c->table.n_buckets; i++)
		for (struct sts_entry *e = c->table.buckets[i]; e; e = e->next)
			e->is_seen = false;
}
