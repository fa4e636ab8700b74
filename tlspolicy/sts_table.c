/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"

#define TEXT_MAX 255
#define SAMPLE 16 /* entries that eviction chooses from */

/* ---- policies ----------------------------------------------------------- */

static size_t
held_size(struct str id, struct str text)
{
	return sizeof(struct sts_held) + id.n + text.n;
}

struct sts_held *
sts_held_new(struct str id, struct str text, enum sts_mode mode,
    int64_t fetched, int64_t expires)
{
	struct sts_held *h = malloc(held_size(id, text));
	char *at;

	if (!h)
		return NULL;
	at = (char *)(h + 1);
	*h = (struct sts_held){
	    .mode = mode, .fetched = fetched, .expires = expires};
	atomic_init(&h->refs, 1);
	h->id = (struct str){at, id.n};
	h->text = (struct str){at + id.n, text.n};
	if (id.n)
		memcpy(at, id.p, id.n);
	if (text.n)
		memcpy(at + id.n, text.p, text.n);
	return h;
}

struct sts_held *
sts_held_ref(struct sts_held *h)
{
	if (h)
		atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
	return h;
}

void
sts_held_unref(struct sts_held *h)
{
	if (h &&
	    atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) == 1)
		free(h);
}

/* ---- the table ---------------------------------------------------------- */

int
sts_table_init(struct sts_table *t, size_t most, size_t most_octets)
{
	*t = (struct sts_table){
	    .n_buckets = 64, .most = most, .most_octets = most_octets};
	if (getentropy(&t->seed, sizeof(t->seed)) != 0)
		return AVER_IO;
	while (t->n_buckets < most)
		t->n_buckets *= 2;
	t->buckets = calloc(t->n_buckets, sizeof(struct sts_entry *));
	return t->buckets ? 0 : AVER_NOMEM;
}

struct str
sts_entry_domain(const struct sts_entry *e)
{
	return (struct str){e->domain, e->len};
}

bool
sts_entry_in_force(const struct sts_entry *e, int64_t now)
{
	return e->policy && now < e->policy->expires;
}

bool
sts_entry_rests(const struct sts_entry *e, int64_t now)
{
	return e->next_try > now && e->next_try - now <= STS_BACKOFF;
}

static struct sts_entry **
place_of(const struct sts_table *t, struct str domain, uint64_t hash)
{
	struct sts_entry **at = &t->buckets[hash & (t->n_buckets - 1)];

	while (*at &&
	       ((*at)->hash != hash || !str_eq(sts_entry_domain(*at), domain)))
		at = &(*at)->next;
	return at;
}

struct sts_entry *
sts_table_find(const struct sts_table *t, struct str domain)
{
	return *place_of(t, domain, str_hash(domain, t->seed));
}

static size_t
entry_size(const struct sts_entry *e)
{
	return sizeof(*e) + e->len;
}

void
sts_table_set_policy(
    struct sts_table *t, struct sts_entry *e, struct sts_held *policy)
{
	if (e->policy) {
		t->octets -= held_size(e->policy->id, e->policy->text);
		t->policies--;
		sts_held_unref(e->policy);
	}
	e->policy = policy;
	e->is_copied = false;
	if (policy) {
		t->octets += held_size(policy->id, policy->text);
		t->policies++;
		t->recent[t->n_recent++ % STS_TABLE_RECENT] =
		    e->hash & (t->n_buckets - 1);
	}
}

static void
set_text(struct sts_table *t, char **to, struct str text)
{
	if (*to)
		t->octets -= strlen(*to) + 1;
	free(*to);
	*to = NULL;
	text = str_head(text, TEXT_MAX);
	if (text.n == 0 || memchr(text.p, '\0', text.n))
		return;
	*to = malloc(text.n + 1);
	if (!*to)
		return;
	memcpy(*to, text.p, text.n);
	(*to)[text.n] = '\0';
	t->octets += text.n + 1;
}

void
sts_table_set_failure(struct sts_table *t, struct sts_entry *e,
    struct str failed_id, struct str detail)
{
	set_text(t, &e->failed_id, failed_id);
	set_text(t, &e->detail, detail);
}

void
sts_table_drop(struct sts_table *t, struct sts_entry *e)
{
	struct sts_entry **at = place_of(t, sts_entry_domain(e), e->hash);

	*at = e->next;
	sts_table_set_policy(t, e, NULL);
	sts_table_set_failure(t, e, STR_NONE, STR_NONE);
	t->octets -= entry_size(e);
	t->count--;
	free(e);
}

/* a is worth less than b */
static bool
is_worth_less(const struct sts_entry *a, const struct sts_entry *b, int64_t now)
{
	bool x = sts_entry_in_force(a, now), y = sts_entry_in_force(b, now);

	if (x != y)
		return y;
	return a->last_used < b->last_used;
}

/* Drops the least of a sample; false when there is nothing to drop. */
static bool
evict(struct sts_table *t, int64_t now)
{
	struct sts_entry *worst = NULL;
	size_t seen = 0;

	for (size_t i = 0; i < t->n_buckets && seen < SAMPLE; i++) {
		struct sts_entry *e = t->buckets[t->hand];

		for (; e; e = e->next) {
			if (e->is_dirty || e->flight)
				continue;
			seen++;
			if (!worst || is_worth_less(e, worst, now))
				worst = e;
		}
		t->hand = (t->hand + 1) & (t->n_buckets - 1);
	}
	if (!worst)
		return false;
	sts_table_drop(t, worst);
	t->evicted++;
	return true;
}

struct sts_entry *
sts_table_add(struct sts_table *t, struct str domain, int64_t now)
{
	struct sts_entry *e, **at;

	while (t->count >= t->most || t->octets >= t->most_octets)
		if (!evict(t, now))
			return NULL;
	if (domain.n > UINT8_MAX || !(e = malloc(sizeof(*e) + domain.n)))
		return NULL;
	*e = (struct sts_entry){.hash = str_hash(domain, t->seed),
	    .last_used = now,
	    .failure = TLSRPT_SUCCESS,
	    .len = (uint8_t)domain.n};
	memcpy(e->domain, domain.p, domain.n);
	at = place_of(t, domain, e->hash);
	e->next = *at;
	*at = e;
	t->count++;
	t->octets += entry_size(e);
	return e;
}

void
sts_table_fini(struct sts_table *t)
{
	for (size_t i = 0; t->buckets && i < t->n_buckets; i++)
		while (t->buckets[i])
			sts_table_drop(t, t->buckets[i]);
	free(t->buckets);
	t->buckets = NULL;
}
