/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/answer_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHARDS_MAX 64
#define SHARD_ENTRIES 1024 /* with fewer, a shard is not worth it */
#define BUCKETS_MIN ((size_t)16) /* of a shard */
#define BUCKETS_MAX ((size_t)1 << 18)
/* what malloc(3) and the table need beside */
#define OVERHEAD ((size_t)24)
/* entries looked at for each one that comes, to drop the expired */
#define SWEEP 2
/* entries looked at, at most, for one to be evicted */
#define LOOKS 16
#define REPLY_MAX ((uint32_t)INT32_MAX)
/* processors take lines of so many octets from each other */
#define LINE 64

struct entry {
	struct entry *chain; /* of its bucket */
	struct entry *older, *newer;
	int64_t until;
	uint32_t hash, generation, tag;
	uint32_t used : 1; /* since it became the newest */
	uint32_t n_reply : 31;
	uint16_t n_request;
	char octets[]; /* request, reply */
};

struct shard {
	_Alignas(LINE) pthread_mutex_t lock;
	struct entry **buckets;
	size_t mask; /* their number - 1 */
	size_t entries;
	struct entry *oldest, *newest;
};

struct answer_cache {
	struct shard *shards;
	unsigned n_shards; /* a power of 2 */
	size_t max_entries, max_octets;
	uint64_t seed;
	/* changed with each put only */
	_Alignas(LINE) atomic_uint hand; /* the next shard to give room */
	_Atomic size_t entries, octets;
	_Atomic uint64_t evicted;
};

#define READ(p) atomic_load_explicit((p), memory_order_relaxed)
#define ADD(p, n) atomic_fetch_add_explicit((p), (n), memory_order_relaxed)
#define SUB(p, n) atomic_fetch_sub_explicit((p), (n), memory_order_relaxed)

static bool
shard_init(struct shard *s)
{
	s->buckets = calloc(BUCKETS_MIN, sizeof(struct entry *));
	s->mask = BUCKETS_MIN - 1;
	if (s->buckets)
		pthread_mutex_init(&s->lock, NULL);
	return s->buckets != NULL;
}

static bool
open_shards(struct answer_cache *c)
{
	c->shards = aligned_alloc(LINE, c->n_shards * sizeof(*c->shards));
	if (!c->shards)
		return false;
	memset(c->shards, 0, c->n_shards * sizeof(*c->shards));
	for (unsigned i = 0; i < c->n_shards; i++)
		if (!shard_init(&c->shards[i]))
			return false;
	return true;
}

struct answer_cache *
answer_cache_new(size_t entries, size_t octets)
{
	struct answer_cache *c = aligned_alloc(LINE, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct answer_cache){
	    .n_shards = 1,
	    .max_entries = entries ? entries : 1,
	    .max_octets = octets,
	};
	while (c->n_shards < SHARDS_MAX &&
	       entries / c->n_shards >= 2 * SHARD_ENTRIES)
		c->n_shards *= 2;
	/* strangers choose the domains that are asked for */
	if (getentropy(&c->seed, sizeof(c->seed)) == 0 && open_shards(c))
		return c;
	answer_cache_free(c);
	return NULL;
}

static size_t
weight(size_t n_request, size_t n_reply)
{
	return offsetof(struct entry, octets) + n_request + n_reply + OVERHEAD;
}

static struct str
request_of(const struct entry *e)
{
	return (struct str){e->octets, e->n_request};
}

/* The shard is chosen by other bits than the bucket within. */
static struct shard *
shard_of(struct answer_cache *c, uint64_t hash)
{
	return &c->shards[(hash >> 32) & (c->n_shards - 1)];
}

/* ---- the order of age, under the shard's lock --------------------------- */

static void
age_remove(struct shard *s, struct entry *e)
{
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
}

static void
age_append(struct shard *s, struct entry *e)
{
	e->newer = NULL;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

/* ---- entries, under the shard's lock ------------------------------------ */

static struct entry **
find(struct shard *s, struct str request, uint32_t hash)
{
	struct entry **at = &s->buckets[hash & s->mask];

	while (
	    *at && ((*at)->hash != hash || !str_eq(request_of(*at), request)))
		at = &(*at)->chain;
	return at;
}

static void
drop_at(struct answer_cache *c, struct shard *s, struct entry **at)
{
	struct entry *e = *at;

	*at = e->chain;
	age_remove(s, e);
	s->entries--;
	SUB(&c->entries, 1);
	SUB(&c->octets, weight(e->n_request, e->n_reply));
	free(e);
}

static void
drop(struct answer_cache *c, struct shard *s, struct entry *e)
{
	struct entry **at = &s->buckets[e->hash & s->mask];

	while (*at != e)
		at = &(*at)->chain;
	drop_at(c, s, at);
}

static bool
is_good(const struct entry *e, int64_t now, uint32_t generation)
{
	return e->until > now && e->generation == generation;
}

/* Twice the buckets, if there is memory for them. */
static void
grow(struct shard *s)
{
	size_t n = 2 * (s->mask + 1);
	struct entry **buckets = calloc(n, sizeof(struct entry *));

	if (!buckets)
		return;
	for (struct entry *e = s->oldest; e; e = e->newer) {
		e->chain = buckets[e->hash & (n - 1)];
		buckets[e->hash & (n - 1)] = e;
	}
	free(s->buckets);
	s->buckets = buckets;
	s->mask = n - 1;
}

static void
insert(struct answer_cache *c, struct shard *s, struct entry *e)
{
	struct entry **at;

	if (s->entries > s->mask && s->mask + 1 < BUCKETS_MAX)
		grow(s);
	at = &s->buckets[e->hash & s->mask];
	e->chain = *at;
	*at = e;
	age_append(s, e);
	s->entries++;
	ADD(&c->entries, 1);
	ADD(&c->octets, weight(e->n_request, e->n_reply));
}

void
answer_cache_free(struct answer_cache *c)
{
	if (!c)
		return;
	for (unsigned i = 0; c->shards && i < c->n_shards; i++) {
		struct shard *s = &c->shards[i];

		if (!s->buckets)
			break;
		while (s->oldest)
			drop(c, s, s->oldest);
		free(s->buckets);
		pthread_mutex_destroy(&s->lock);
	}
	free(c->shards);
	free(c);
}

/* ---- lookups ------------------------------------------------------------ */

bool
answer_cache_get(struct answer_cache *c, struct str request, int64_t now,
    uint32_t generation, struct buf *reply, uint32_t *tag)
{
	uint64_t hash = str_hash(request, c->seed);
	struct shard *s = shard_of(c, hash);
	struct entry **at, *e;
	bool found = false;

	buf_clear(reply);
	pthread_mutex_lock(&s->lock);
	at = find(s, request, (uint32_t)hash);
	e = *at;
	if (e && is_good(e, now, generation)) {
		/* the line stays with both processors where nothing changes */
		if (!e->used)
			e->used = 1;
		buf_add(
		    reply, (struct str){e->octets + e->n_request, e->n_reply});
		*tag = e->tag;
		found = buf_ok(reply);
	} else if (e) {
		drop_at(c, s, at);
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* ---- room --------------------------------------------------------------- */

static void
sweep(struct answer_cache *c, struct shard *s, int64_t now, uint32_t generation)
{
	for (int i = 0; i < SWEEP && s->oldest; i++) {
		if (is_good(s->oldest, now, generation))
			return;
		drop(c, s, s->oldest);
	}
}

/*
 * Drops one: what is bad, or was not asked for since its last turn. Of many
 * that were, the last that is looked at goes.
 */
static bool
evict(struct answer_cache *c, struct shard *s, int64_t now, uint32_t generation)
{
	unsigned looks = LOOKS;
	struct entry *e;
	bool good = false;

	pthread_mutex_lock(&s->lock);
	while ((e = s->oldest)) {
		good = is_good(e, now, generation);
		if (!good || !e->used || --looks == 0)
			break;
		e->used = 0;
		age_remove(s, e);
		age_append(s, e);
	}
	if (e)
		drop(c, s, e);
	pthread_mutex_unlock(&s->lock);
	if (e && good)
		ADD(&c->evicted, 1);
	return e != NULL;
}

static bool
is_over(const struct answer_cache *c, size_t more)
{
	return READ(&c->entries) >= c->max_entries ||
	       READ(&c->octets) + more > c->max_octets;
}

/*
 * The shards take turns, so that an entry has about as long whatever its hash.
 * Others put at the same time: the bounds hold but for one entry of each.
 */
static void
make_room(
    struct answer_cache *c, size_t octets, int64_t now, uint32_t generation)
{
	unsigned empty = 0;

	while (is_over(c, octets) && empty < c->n_shards) {
		struct shard *s =
		    &c->shards[ADD(&c->hand, 1) & (c->n_shards - 1)];

		empty = evict(c, s, now, generation) ? 0 : empty + 1;
	}
}

static struct entry *
entry_new(const struct answer *a, uint64_t hash)
{
	struct entry *e =
	    malloc(offsetof(struct entry, octets) + a->request.n + a->reply.n);

	if (!e)
		return NULL;
	*e = (struct entry){
	    .hash = (uint32_t)hash,
	    .generation = a->generation,
	    .until = a->until,
	    .n_request = (uint16_t)a->request.n,
	    .n_reply = a->reply.n & REPLY_MAX,
	    .tag = a->tag,
	};
	if (a->request.n)
		memcpy(e->octets, a->request.p, a->request.n);
	if (a->reply.n)
		memcpy(e->octets + a->request.n, a->reply.p, a->reply.n);
	return e;
}

void
answer_cache_put(struct answer_cache *c, const struct answer *a, int64_t now)
{
	uint64_t hash = str_hash(a->request, c->seed);
	struct shard *s = shard_of(c, hash);
	size_t octets = weight(a->request.n, a->reply.n);
	struct entry *e = NULL, **old;

	if (a->until > now && octets <= c->max_octets &&
	    a->request.n <= UINT16_MAX && a->reply.n <= REPLY_MAX)
		e = entry_new(a, hash);
	pthread_mutex_lock(&s->lock);
	old = find(s, a->request, (uint32_t)hash);
	if (*old)
		drop_at(c, s, old);
	sweep(c, s, now, a->generation);
	pthread_mutex_unlock(&s->lock);
	if (!e)
		return;
	make_room(c, octets, now, a->generation);
	pthread_mutex_lock(&s->lock);
	/* another thread may have put it meanwhile */
	old = find(s, a->request, (uint32_t)hash);
	if (*old)
		drop_at(c, s, old);
	insert(c, s, e);
	pthread_mutex_unlock(&s->lock);
}

void
answer_cache_stats(const struct answer_cache *c, struct answer_cache_stats *out)
{
	out->entries = READ(&c->entries);
	out->octets = READ(&c->octets);
	out->evicted = READ(&c->evicted);
}
