/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/answer_cache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUCKETS_MAX ((size_t)1 << 22)
/* what malloc(3) and the table need beside */
#define OVERHEAD ((size_t)24)
/* entries looked at for each one that comes, to drop the expired */
#define SWEEP 2

struct entry {
	struct entry *chain; /* of its bucket */
	struct entry *older, *newer;
	uint64_t hash, generation;
	int64_t until;
	uint32_t n_request, n_reply;
	unsigned tag;
	bool used; /* since it became the newest */
	char octets[]; /* request, reply */
};

struct answer_cache {
	struct entry **buckets;
	size_t mask;
	size_t max_entries, max_octets;
	uint64_t seed;
	struct entry *oldest, *newest;
	/* written by the owner alone, read by any thread */
	_Atomic size_t entries, octets;
	_Atomic uint64_t evicted;
};

#define READ(p) atomic_load_explicit((p), memory_order_relaxed)
#define WRITE(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)

struct answer_cache *
answer_cache_new(size_t entries, size_t octets)
{
	struct answer_cache *c = calloc(1, sizeof(*c));
	size_t n = 64;

	if (!c)
		return NULL;
	while (n < entries && n < BUCKETS_MAX)
		n *= 2;
	c->buckets = calloc(n, sizeof(struct entry *));
	/* strangers choose the domains that are asked for */
	if (!c->buckets || getentropy(&c->seed, sizeof(c->seed)) != 0) {
		free(c->buckets);
		free(c);
		return NULL;
	}
	c->mask = n - 1;
	c->max_entries = entries ? entries : 1;
	c->max_octets = octets;
	return c;
}

static size_t
weight(const struct entry *e)
{
	return sizeof(*e) + e->n_request + e->n_reply + OVERHEAD;
}

static struct str
request_of(const struct entry *e)
{
	return (struct str){e->octets, e->n_request};
}

/* ---- the order of age --------------------------------------------------- */

static void
age_remove(struct answer_cache *c, struct entry *e)
{
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
}

static void
age_append(struct answer_cache *c, struct entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

/* ---- entries ------------------------------------------------------------ */

static struct entry **
find(struct answer_cache *c, struct str request, uint64_t hash)
{
	struct entry **at = &c->buckets[hash & c->mask];

	while (
	    *at && ((*at)->hash != hash || !str_eq(request_of(*at), request)))
		at = &(*at)->chain;
	return at;
}

static void
drop_at(struct answer_cache *c, struct entry **at)
{
	struct entry *e = *at;

	*at = e->chain;
	age_remove(c, e);
	WRITE(&c->entries, READ(&c->entries) - 1);
	WRITE(&c->octets, READ(&c->octets) - weight(e));
	free(e);
}

static void
drop(struct answer_cache *c, struct entry *e)
{
	struct entry **at = &c->buckets[e->hash & c->mask];

	while (*at != e)
		at = &(*at)->chain;
	drop_at(c, at);
}

void
answer_cache_free(struct answer_cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		drop(c, c->oldest);
	free(c->buckets);
	free(c);
}

static bool
is_good(const struct entry *e, int64_t now, uint64_t generation)
{
	return e->until > now && e->generation == generation;
}

bool
answer_cache_get(struct answer_cache *c, struct str request, int64_t now,
    uint64_t generation, struct str *reply, unsigned *tag)
{
	struct entry **at = find(c, request, str_hash(request, c->seed));
	struct entry *e = *at;

	if (!e)
		return false;
	if (!is_good(e, now, generation)) {
		drop_at(c, at);
		return false;
	}
	e->used = true;
	*reply = (struct str){e->octets + e->n_request, e->n_reply};
	*tag = e->tag;
	return true;
}

/* Looks at the oldest: drops it, or gives it another turn. */
static bool
look_at_oldest(
    struct answer_cache *c, int64_t now, uint64_t generation, bool want_room)
{
	struct entry *e = c->oldest;

	if (!is_good(e, now, generation)) {
		drop(c, e);
		return true;
	}
	if (!want_room)
		return false;
	if (e->used) {
		e->used = false;
		age_remove(c, e);
		age_append(c, e);
		return true;
	}
	WRITE(&c->evicted, READ(&c->evicted) + 1);
	drop(c, e);
	return true;
}

static bool
is_over(const struct answer_cache *c, size_t more)
{
	return READ(&c->entries) >= c->max_entries ||
	       READ(&c->octets) + more > c->max_octets;
}

void
answer_cache_put(struct answer_cache *c, struct str request, struct str reply,
    unsigned tag, int64_t until, int64_t now, uint64_t generation)
{
	uint64_t hash = str_hash(request, c->seed);
	size_t n = request.n + reply.n, w = sizeof(struct entry) + n + OVERHEAD;
	struct entry **at = find(c, request, hash), *e;

	if (*at)
		drop_at(c, at);
	if (until <= now || w > c->max_octets || n > UINT32_MAX)
		return;
	for (int i = 0; i < SWEEP && c->oldest; i++)
		if (!look_at_oldest(c, now, generation, false))
			break;
	while (c->oldest && is_over(c, w))
		look_at_oldest(c, now, generation, true);
	e = malloc(sizeof(*e) + n);
	if (!e)
		return;
	*e = (struct entry){
	    .hash = hash,
	    .generation = generation,
	    .until = until,
	    .n_request = (uint32_t)request.n,
	    .n_reply = (uint32_t)reply.n,
	    .tag = tag,
	};
	memcpy(e->octets, request.p, request.n);
	memcpy(e->octets + request.n, reply.p, reply.n);
	e->chain = c->buckets[hash & c->mask];
	c->buckets[hash & c->mask] = e;
	age_append(c, e);
	WRITE(&c->entries, READ(&c->entries) + 1);
	WRITE(&c->octets, READ(&c->octets) + w);
}

void
answer_cache_stats(const struct answer_cache *c, struct answer_cache_stats *out)
{
	out->entries = READ(&c->entries);
	out->octets = READ(&c->octets);
	out->evicted = READ(&c->evicted);
}
