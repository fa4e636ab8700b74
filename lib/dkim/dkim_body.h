/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The body hashes of one message: each canonicalization runs once, each
 * different (canonicalization, l=) pair is hashed once, whatever the number
 * of signatures.
 */
#ifndef DKIM_DKIM_BODY_H
#define DKIM_DKIM_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim_canon.h"
#include "lib/dkim/dkim_engine.h"

#define DKIM_NO_LENGTH UINT64_MAX
#define DKIM_HASH_SIZE 32

struct dkim_body_hash {
	uint64_t limit; /* octets of the canonical body; DKIM_NO_LENGTH */
	uint64_t left; /* of limit, not yet hashed */
	bool over; /* there were octets beyond limit */
	bool failed; /* OpenSSL refused */
	struct str digest; /* after dkim_bodies_end() */
	EVP_MD_CTX *md;
	struct dkim_body_hash *next;
};

struct dkim_bodies {
	struct arena *arena;
	const struct dkim_engine *engine;
	unsigned n, max;
	struct {
		struct dkim_canon_body *body; /* NULL: not wanted */
		struct dkim_body_hash *hashes;
		bool full; /* no hash takes any more */
	} by[DKIM_CANON_COUNT];
};

/* max: most hashes. */
void dkim_bodies_init(struct dkim_bodies *b, struct arena *a,
    const struct dkim_engine *engine, unsigned max);
/*
 * The hash for that pair, made when it is new; before the first octet. Returns
 * 0, AVER_LIMIT above max, AVER_NOMEM or AVER_CRYPTO.
 */
int dkim_bodies_want(struct dkim_bodies *b, enum dkim_canon c, uint64_t limit,
    struct dkim_body_hash **out);
void dkim_bodies_add(struct dkim_bodies *b, struct str chunk);
void dkim_bodies_end(struct dkim_bodies *b);

#endif
