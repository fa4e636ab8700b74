/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Replies by the exact octets of their requests, each until a time of its own;
 * one cache for all threads. It is cut into shards by the hash of the request,
 * each with a lock that is held for one lookup, so that threads hardly ever
 * meet; a hit costs that lock, the lookup and a copy of the reply.
 *
 * Both the number of entries and their octets are bounded. When room is
 * wanted, those go first that are expired, or were not asked for since they
 * were looked at last (second chance); no call looks at more than a few.
 */
#ifndef POLICYD_ANSWER_CACHE_H
#define POLICYD_ANSWER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

struct answer_cache;

/* The bounds are at least 1 entry; NULL when memory is out. */
struct answer_cache *answer_cache_new(size_t entries, size_t octets);
/* Nobody may be inside a call. NULL allowed. */
void answer_cache_free(struct answer_cache *c);

/*
 * now: of clock_mono_ms(). generation: of the configuration; entries of
 * another are as good as gone. *reply is cleared and filled, *tag is what came
 * with it. False also when there is no room in reply.
 */
bool answer_cache_get(struct answer_cache *c, struct str request, int64_t now,
    uint32_t generation, struct buf *reply, uint32_t *tag);

struct answer {
	struct str request, reply;
	uint32_t tag;
	uint32_t generation;
	int64_t until; /* of clock_mono_ms() */
};

/*
 * Keeps a copy of the answer, in place of what is there for its request. What
 * does not fit at all, or has expired, is not kept.
 */
void
answer_cache_put(struct answer_cache *c, const struct answer *a, int64_t now);

struct answer_cache_stats {
	size_t entries, octets; /* now */
	uint64_t evicted; /* before their time */
};

void answer_cache_stats(
    const struct answer_cache *c, struct answer_cache_stats *out);

#endif
