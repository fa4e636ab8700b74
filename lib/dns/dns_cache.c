/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

#define SHARDS_MAX 16
#define SHARD_MIN_ENTRIES 64
#define PENDING_BUCKETS 64
#define DEFAULT_OCTETS ((size_t)4096) /* an entry */

/* One answer. Its place in the slots of its shard is what the clock visits. */
struct entry {
	struct entry *next; /* of the bucket, or of a list to be freed */
	uint64_t hash;
	int64_t expires; /* clock_mono_ms() */
	struct dns_rrset *rr;
	size_t octets;
	size_t slot;
	uint16_t type;
	uint8_t name_len;
	bool used; /* hit since the clock's hand passed */
	uint8_t name[];
};

/*
 * One question in flight. References: one for the upstream until it answers,
 * one for each thread that waits; counted under the lock of the shard.
 */
struct request {
	struct request *next; /* of the pending bucket */
	struct cache *cache;
	struct shard *shard;
	uint64_t hash;
	int64_t started; /* clock_mono_us() */
	unsigned refs;
	bool done;
	struct dns_rrset *answer; /* once done */
	pthread_cond_t cond;
	uint16_t type;
	struct dname name;
};

struct shard {
	/* a cache line of its own: shards do not disturb each other */
	_Alignas(64) pthread_mutex_t lock;
	struct entry **buckets; /* mask + 1 of them */
	struct entry **slots; /* count used of max */
	size_t mask, count, max, hand;
	size_t octets, max_octets;
	struct request *pending[PENDING_BUCKETS];
	struct dns_stats stats; /* entries and octets are kept above */
};

struct cache {
	struct dns_source base;
	struct dns_upstream *up;
	struct dns_cache_config cfg;
	pthread_condattr_t monotonic;
	uint64_t seed;
	size_t n_shards; /* a power of two */
	struct shard *shards;
};

/* ---- entries; the lock of the shard is held ----------------------------- */

static uint64_t
hash_of(const struct cache *c, const struct dname *name, uint16_t type)
{
	struct str key = {(const char *)name->wire, name->len};

	return str_hash(key, c->seed + type);
}

/* The low bits choose the bucket, the high ones the shard. */
static struct shard *
shard_of(struct cache *c, uint64_t hash)
{
	return &c->shards[(hash >> 56) & (c->n_shards - 1)];
}

static struct entry *
find_entry(
    struct shard *s, uint64_t hash, const struct dname *name, uint16_t type)
{
	struct entry *e = s->buckets[hash & s->mask];

	while (e && (e->hash != hash || e->type != type ||
			e->name_len != name->len ||
			memcmp(e->name, name->wire, name->len) != 0))
		e = e->next;
	return e;
}

/* Takes e out of the tables and puts it on the list *gone. */
static void
remove_entry(struct shard *s, struct entry *e, struct entry **gone)
{
	struct entry **at = &s->buckets[e->hash & s->mask];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	s->slots[e->slot] = s->slots[--s->count];
	s->slots[e->slot]->slot = e->slot;
	s->octets -= e->octets;
	e->next = *gone;
	*gone = e;
}

/* Second chance: the hand passes what was used since it came by last. */
static void
evict_one(struct shard *s, int64_t now, struct entry **gone)
{
	for (;; s->hand++) {
		struct entry *e;

		if (s->hand >= s->count)
			s->hand = 0;
		e = s->slots[s->hand];
		if (!e->used || e->expires <= now) {
			s->stats.evicted += e->expires > now;
			remove_entry(s, e, gone);
			return;
		}
		e->used = false;
	}
}

/* Puts e in, in place of an older answer; what had to leave is in *gone. */
static void
insert_entry(struct shard *s, struct entry *e, const struct dname *name,
    int64_t now, struct entry **gone)
{
	struct entry *old = find_entry(s, e->hash, name, e->type);

	if (old)
		remove_entry(s, old, gone);
	if (e->octets > s->max_octets) {
		e->next = *gone;
		*gone = e;
		return;
	}
	while (s->count >= s->max || s->octets + e->octets > s->max_octets)
		evict_one(s, now, gone);
	e->slot = s->count;
	s->slots[s->count++] = e;
	s->octets += e->octets;
	e->next = s->buckets[e->hash & s->mask];
	s->buckets[e->hash & s->mask] = e;
}

static void
free_entries(struct entry *e)
{
	while (e) {
		struct entry *next = e->next;

		dns_rrset_unref(e->rr);
		free(e);
		e = next;
	}
}

static uint32_t
ttl_of(const struct cache *c, const struct dns_rrset *rr)
{
	uint32_t most = 0;

	switch (rr->status) {
	case DNS_OK:
		most = c->cfg.max_ttl;
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		most = c->cfg.max_negative_ttl;
		break;
	case DNS_TEMP:
	case DNS_BOGUS:
		most = DNS_CACHE_FAILURE_TTL;
		break;
	case DNS_STATUS_COUNT:
		break;
	}
	return rr->ttl < most ? rr->ttl : most;
}

/* An entry for the answer to rq, NULL when it is not to be kept. */
static struct entry *
new_entry(const struct request *rq, struct dns_rrset *rr, int64_t now)
{
	uint32_t ttl = ttl_of(rq->cache, rr);
	struct entry *e;

	if (ttl == 0 || !(e = malloc(sizeof(*e) + rq->name.len)))
		return NULL;
	*e = (struct entry){.hash = rq->hash,
	    .expires = now + (int64_t)ttl * 1000,
	    .rr = dns_rrset_ref(rr),
	    .octets = sizeof(*e) + rq->name.len + sizeof(*rr),
	    .type = rq->type,
	    .name_len = rq->name.len};
	for (size_t i = 0; i < rr->n; i++)
		e->octets += sizeof(rr->rdata[i]) + rr->rdata[i].n;
	memcpy(e->name, rq->name.wire, rq->name.len);
	return e;
}

/* ---- requests ----------------------------------------------------------- */

static struct request **
pending_bucket(struct shard *s, uint64_t hash)
{
	return &s->pending[hash % PENDING_BUCKETS];
}

static struct request *
find_request(
    struct shard *s, uint64_t hash, const struct dname *name, uint16_t type)
{
	struct request *rq = *pending_bucket(s, hash);

	while (rq && (rq->hash != hash || rq->type != type ||
			 !dname_eq(&rq->name, name)))
		rq = rq->next;
	return rq;
}

/* A pending request with the reference of the upstream; NULL: no memory. */
static struct request *
add_request(struct cache *c, struct shard *s, uint64_t hash,
    const struct dname *name, uint16_t type)
{
	struct request *rq = malloc(sizeof(*rq));
	struct request **bucket = pending_bucket(s, hash);

	if (!rq)
		return NULL;
	if (pthread_cond_init(&rq->cond, &c->monotonic)) {
		free(rq);
		return NULL;
	}
	rq->cache = c;
	rq->shard = s;
	rq->hash = hash;
	rq->started = clock_mono_us();
	rq->refs = 1;
	rq->done = false;
	rq->answer = NULL;
	rq->type = type;
	rq->name = *name;
	rq->next = *bucket;
	*bucket = rq;
	s->stats.in_flight++;
	return rq;
}

/* Drops one reference; the lock is held before and not after. */
static void
release_request(struct request *rq)
{
	bool last = --rq->refs == 0;

	pthread_mutex_unlock(&rq->shard->lock);
	if (!last)
		return;
	dns_rrset_unref(rq->answer);
	pthread_cond_destroy(&rq->cond);
	free(rq);
}

static void
count_answer(
    struct dns_stats *st, const struct request *rq, const struct dns_rrset *rr)
{
	st->answers++;
	st->failures += rr->status == DNS_TEMP;
	st->bogus += rr->status == DNS_BOGUS;
	st->latency_us += (uint64_t)(clock_mono_us() - rq->started);
}

/* Ends a request: wakes who waits and keeps the answer. Takes over rr. */
static void
finish(struct request *rq, struct dns_rrset *rr, bool refused)
{
	struct shard *s = rq->shard;
	struct request **at;
	struct entry *gone = NULL;
	int64_t now = clock_mono_ms();
	struct entry *e;

	/* nobody else has it yet; a static answer is never written to */
	if (atomic_load_explicit(&rr->refs, memory_order_relaxed) == 1)
		rr->until = now + (int64_t)ttl_of(rq->cache, rr) * 1000;
	e = new_entry(rq, rr, now);
	pthread_mutex_lock(&s->lock);
	for (at = pending_bucket(s, rq->hash); *at != rq; at = &(*at)->next)
		;
	*at = rq->next;
	s->stats.in_flight--;
	if (refused)
		s->stats.refused++;
	else
		count_answer(&s->stats, rq, rr);
	if (e)
		insert_entry(s, e, &rq->name, now, &gone);
	rq->answer = rr;
	rq->done = true;
	if (rq->refs > 1) {
		/* who wakes wants the lock at once */
		pthread_mutex_unlock(&s->lock);
		pthread_cond_broadcast(&rq->cond);
		pthread_mutex_lock(&s->lock);
	}
	release_request(rq);
	/* outside the lock: an answer may own parsed keys */
	free_entries(gone);
}

static void
on_answer(void *arg, struct dns_rrset *rr)
{
	finish(arg, rr, false);
}

/* Hands a new request to the upstream, without the lock. */
static void
start(struct request *rq, bool hint)
{
	struct dns_upstream *up = rq->cache->up;
	int err = up->ops->start(up, &rq->name, rq->type, hint, on_answer, rq);
	enum dns_fault fault = DNS_FAULT_RESOLVER;

	if (err == 0)
		return;
	if (err == AVER_LIMIT)
		fault = DNS_FAULT_BUSY;
	else if (err == AVER_NOMEM)
		fault = DNS_FAULT_NOMEM;
	finish(rq, dns_rrset_fault(fault), true);
}

/* Waits until rq is answered or clock_mono_ms() is until; drops its ref. */
static struct dns_rrset *
await(struct request *rq, int64_t until)
{
	struct timespec ts = {.tv_sec = (time_t)(until / 1000),
	    .tv_nsec = (long)(until % 1000) * 1000000};
	struct shard *s = rq->shard;
	struct dns_rrset *rr;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	while (!rq->done && err == 0)
		err = pthread_cond_timedwait(&rq->cond, &s->lock, &ts);
	if (rq->done) {
		rr = dns_rrset_ref(rq->answer);
	} else {
		rr = dns_rrset_fault(DNS_FAULT_TIMEOUT);
		s->stats.timeouts++;
	}
	release_request(rq);
	return rr;
}

/* ---- the source --------------------------------------------------------- */

static struct dns_rrset *
cache_resolve(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	struct cache *c = (struct cache *)src;
	uint64_t hash = hash_of(c, name, type);
	struct shard *s = shard_of(c, hash);
	int64_t now = clock_mono_ms();
	int64_t until = now + c->cfg.timeout_ms;
	struct request *rq;
	struct entry *e;
	bool joined;

	pthread_mutex_lock(&s->lock);
	e = find_entry(s, hash, name, type);
	if (e && e->expires > now) {
		struct dns_rrset *rr = dns_rrset_ref(e->rr);

		e->used = true;
		s->stats.hits++;
		pthread_mutex_unlock(&s->lock);
		return rr;
	}
	/*
	 * Only now: what is there takes no time, and a name whose servers are
	 * slow on purpose must not turn what was prefetched into trouble.
	 */
	if (now >= deadline) {
		pthread_mutex_unlock(&s->lock);
		return dns_rrset_fault(DNS_FAULT_TIMEOUT);
	}
	s->stats.misses++;
	rq = find_request(s, hash, name, type);
	joined = rq != NULL;
	s->stats.joined += joined;
	if (!rq)
		rq = add_request(c, s, hash, name, type);
	if (rq)
		rq->refs++;
	pthread_mutex_unlock(&s->lock);
	if (!rq)
		return dns_rrset_nomem();
	if (!joined)
		start(rq, false);
	return await(rq, until < deadline ? until : deadline);
}

static void
cache_prefetch(struct dns_source *src, const struct dname *name, uint16_t type)
{
	struct cache *c = (struct cache *)src;
	uint64_t hash = hash_of(c, name, type);
	struct shard *s = shard_of(c, hash);
	int64_t now = clock_mono_ms();
	struct request *rq = NULL;
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find_entry(s, hash, name, type);
	if ((!e || e->expires <= now) && !find_request(s, hash, name, type)) {
		rq = add_request(c, s, hash, name, type);
		s->stats.prefetches += rq != NULL;
	}
	pthread_mutex_unlock(&s->lock);
	if (rq)
		start(rq, true);
}

static void
cache_free(struct cache *c)
{
	for (size_t i = 0; i < c->n_shards; i++) {
		struct shard *s = &c->shards[i];

		for (size_t j = 0; j < s->count; j++) {
			s->slots[j]->next = NULL;
			free_entries(s->slots[j]);
		}
		free(s->buckets);
		free(s->slots);
		pthread_mutex_destroy(&s->lock);
	}
	free(c->shards);
	pthread_condattr_destroy(&c->monotonic);
	free(c);
}

static void
cache_close(struct dns_source *src)
{
	struct cache *c = (struct cache *)src;

	c->up->ops->close(c->up);
	cache_free(c);
}

static const struct dns_source_ops cache_ops = {
    cache_resolve, cache_prefetch, cache_close};

static bool
init_shard(struct shard *s, size_t entries, size_t octets)
{
	size_t buckets = 1;

	while (buckets < entries)
		buckets *= 2;
	s->mask = buckets - 1;
	s->max = entries;
	s->max_octets = octets;
	s->buckets = calloc(buckets, sizeof(struct entry *));
	s->slots = calloc(entries, sizeof(struct entry *));
	if (s->buckets && s->slots && !pthread_mutex_init(&s->lock, NULL))
		return true;
	free(s->buckets);
	free(s->slots);
	return false;
}

static bool
init_shards(struct cache *c)
{
	size_t entries = c->cfg.entries ? c->cfg.entries : 1;
	size_t octets =
	    c->cfg.octets ? c->cfg.octets : entries * DEFAULT_OCTETS;
	size_t n = 1;

	while (n < SHARDS_MAX && entries / (2 * n) >= SHARD_MIN_ENTRIES)
		n *= 2;
	c->shards =
	    aligned_alloc(_Alignof(struct shard), n * sizeof(*c->shards));
	if (!c->shards)
		return false;
	memset(c->shards, 0, n * sizeof(*c->shards));
	for (; c->n_shards < n; c->n_shards++)
		if (!init_shard(&c->shards[c->n_shards], (entries + n - 1) / n,
			octets / n))
			return false;
	return true;
}

int
dns_cache_open(const struct dns_cache_config *cfg, struct dns_upstream *up,
    struct dns_source **out)
{
	struct cache *c = calloc(1, sizeof(*c));
	int err = AVER_NOMEM;

	if (!c)
		goto fail;
	c->base.ops = &cache_ops;
	c->up = up;
	c->cfg = *cfg;
	if (pthread_condattr_init(&c->monotonic)) {
		free(c);
		goto fail;
	}
	pthread_condattr_setclock(&c->monotonic, CLOCK_MONOTONIC);
	if (getentropy(&c->seed, sizeof(c->seed)) != 0)
		err = AVER_IO;
	else if (init_shards(c))
		err = 0;
	if (err == 0) {
		*out = &c->base;
		return 0;
	}
	cache_free(c);
fail:
	up->ops->close(up);
	return err;
}

void
dns_cache_stats(struct dns_source *src, struct dns_stats *out)
{
	struct cache *c = (struct cache *)src;
	struct dns_stats sum = {0};

	for (size_t i = 0; i < c->n_shards; i++) {
		struct shard *s = &c->shards[i];

		pthread_mutex_lock(&s->lock);
		sum.hits += s->stats.hits;
		sum.misses += s->stats.misses;
		sum.joined += s->stats.joined;
		sum.prefetches += s->stats.prefetches;
		sum.refused += s->stats.refused;
		sum.timeouts += s->stats.timeouts;
		sum.answers += s->stats.answers;
		sum.failures += s->stats.failures;
		sum.bogus += s->stats.bogus;
		sum.latency_us += s->stats.latency_us;
		sum.evicted += s->stats.evicted;
		sum.in_flight += s->stats.in_flight;
		sum.entries += s->count;
		sum.octets += s->octets;
		pthread_mutex_unlock(&s->lock);
	}
	*out = sum;
}

struct dns_upstream *
dns_cache_upstream(struct dns_source *src)
{
	return ((struct cache *)src)->up;
}
