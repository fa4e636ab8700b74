/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A struct dns_source that answers from memory and asks an asynchronous
 * upstream for the rest. Answers live for their TTL, within the caps of the
 * configuration; a question in flight is asked once however many wait for it.
 *
 * Who stops waiting does not cancel: the question goes on and its answer is
 * cached for the next one who asks, and the upstream's count of questions in
 * flight, which is bounded, stays exact.
 */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/dns/dns.h"

struct dns_upstream;

struct dns_upstream_ops {
	/*
	 * Asks. After 0 done(arg, answer) is called exactly once, from any
	 * thread, possibly before this returns; it takes over the reference.
	 * name lives until then.
	 * The answer's ttl says how long it may be kept, 0: not at all. After
	 * an error (AVER_LIMIT: too many in flight, AVER_NOMEM, AVER_TEMP) it
	 * is never called. hint: a prefetch, the first to be refused.
	 */
	int (*start)(struct dns_upstream *, const struct dname *, uint16_t type,
	    bool hint, void (*done)(void *, struct dns_rrset *), void *arg);
	/* Ends. What is in flight gets its done() before this returns. */
	void (*close)(struct dns_upstream *);
};

struct dns_upstream {
	const struct dns_upstream_ops *ops;
};

struct dns_cache_config {
	size_t entries; /* most answers kept, at least 1 */
	size_t octets; /* most octets of them; 0: 4096 an entry */
	uint32_t max_ttl, max_negative_ttl; /* seconds */
	int timeout_ms; /* longest wait for one answer */
};

/* Counts since the start, and the present state. */
struct dns_stats {
	uint64_t hits; /* answered from memory */
	uint64_t misses; /* had to wait, those who joined included */
	uint64_t joined; /* waited for a question another one had asked */
	uint64_t prefetches; /* questions asked ahead */
	uint64_t refused; /* not asked: too many in flight, no memory */
	uint64_t timeouts; /* waits that ended without an answer */
	uint64_t answers; /* of the upstream */
	uint64_t failures; /* of these DNS_TEMP */
	uint64_t bogus; /* of these DNS_BOGUS */
	uint64_t latency_us; /* of all these answers together */
	uint64_t evicted; /* dropped before their time, for room */
	size_t entries, octets, in_flight;
};

/*
 * The source owns up from now on, also on failure. Returns 0, AVER_NOMEM or
 * AVER_IO (no random seed).
 */
int dns_cache_open(const struct dns_cache_config *cfg, struct dns_upstream *up,
    struct dns_source **out);
/* Both: src made by dns_cache_open(). Any thread, any time. */
void dns_cache_stats(struct dns_source *src, struct dns_stats *out);
struct dns_upstream *dns_cache_upstream(struct dns_source *src);

#endif
