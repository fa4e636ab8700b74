/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The socketmap (socketmap_table(5)): "MAP KEY" in a netstring, the answer of
 * the map for a next hop in another. Answers are kept by the octets of their
 * requests and given again from there.
 */
#ifndef POLICYD_SOCKETMAP_H
#define POLICYD_SOCKETMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/net/serve.h"
#include "policyd/answer_cache.h"
#include "tlspolicy/render.h"

/* socketmap_max_query_size of Postfix 3.12 */
#define SOCKETMAP_MAX ((size_t)10000)

struct service;
struct socketmap;

/* The maps of render.h, and none of them. */
enum { SOCKETMAP_UNKNOWN = RENDER_MAP_COUNT, SOCKETMAP_MAP_COUNT };

/* What a request asks for; views of it. */
struct socketmap_request {
	unsigned map; /* enum render_map, or SOCKETMAP_UNKNOWN */
	struct str name; /* of the map, as it was sent */
	struct str key;
};

/*
 * Cuts at the first space. A request without one has no key: its map is
 * SOCKETMAP_UNKNOWN.
 */
void socketmap_parse(struct str request, struct socketmap_request *out);

/* One poller's; the cache is the caller's. NULL when memory is out. */
struct socketmap *socketmap_new(struct service *s, struct answer_cache *cache);
void socketmap_free(struct socketmap *m); /* NULL allowed */
void socketmap_protocol(struct socketmap *m, struct serve_protocol *out);

struct socketmap_stats {
	uint64_t hits, misses;
	uint64_t answers[SOCKETMAP_MAP_COUNT][RENDER_STATUS_COUNT];
};

/* Any thread, any time. */
void socketmap_get_stats(struct socketmap *m, struct socketmap_stats *out);

#endif
