/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Replies by the exact octets of their requests, each until a time of its own.
 * A hit costs one lookup in a hash table, takes no memory and no lock: the
 * cache belongs to one thread, a poller's.
 *
 * Both the number of entries and their octets are bounded. When room is
 * wanted, those go first that are expired, or were not asked for since their
 * last turn (second chance).
 */
#ifndef POLICYD_ANSWER_CACHE_H
#define POLICYD_ANSWER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"

struct answer_cache;

/* The bounds are at least 1 entry; NULL when memory is out. */
struct answer_cache *answer_cache_new(size_t entries, size_t octets);
void answer_cache_free(struct answer_cache *c); /* NULL allowed */

/*
 * now: of clock_mono_ms(). generation: of the configuration; entries of
 * another are as good as gone. *reply stays valid until the next call of
 * anything here; *tag is what came with it.
 */
bool answer_cache_get(struct answer_cache *c, struct str request, int64_t now,
    uint64_t generation, struct str *reply, unsigned *tag);
/*
 * Keeps copies until the time `until`, in place of what is there for request.
 * What does not fit at all, or has expired, is not kept.
 */
void
answer_cache_put(struct answer_cache *c, struct str request, struct str reply,
    unsigned tag, int64_t until, int64_t now, uint64_t generation);

struct answer_cache_stats {
	size_t entries, octets; /* now */
	uint64_t evicted; /* before their time */
};

/* Any thread, any time. */
void answer_cache_stats(
    const struct answer_cache *c, struct answer_cache_stats *out);

#endif
