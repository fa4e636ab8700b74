/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_body.h"

#include "lib/base/err.h"

void
dkim_bodies_init(struct dkim_bodies *b, struct arena *a,
    const struct dkim_engine *engine, unsigned max)
{
	*b = (struct dkim_bodies){.arena = a, .engine = engine, .max = max};
}

static void
hash_some(struct dkim_body_hash *h, const char *p, size_t n)
{
	if (n > h->left) {
		n = (size_t)h->left;
		h->over = true;
	}
	if (n && EVP_DigestUpdate(h->md, p, n) != 1)
		h->failed = true;
	h->left -= n;
}

static void
write_to_hashes(void *to, const char *p, size_t n)
{
	for (struct dkim_body_hash *h = *(struct dkim_body_hash **)to; h;
	     h = h->next)
		hash_some(h, p, n);
}

/* The canonicalizer of that form, made when it is first wanted. */
static bool
start(struct dkim_bodies *b, enum dkim_canon c)
{
	if (b->by[c].body)
		return true;
	/* not calloc: most of it is a buffer */
	b->by[c].body = arena_alloc(b->arena, sizeof(*b->by[c].body));
	if (!b->by[c].body)
		return false;
	dkim_canon_body_init(
	    b->by[c].body, c, write_to_hashes, &b->by[c].hashes);
	return true;
}

int
dkim_bodies_want(struct dkim_bodies *b, enum dkim_canon c, uint64_t limit,
    struct dkim_body_hash **out)
{
	struct dkim_body_hash *h = b->by[c].hashes;

	while (h && h->limit != limit)
		h = h->next;
	if (h) {
		*out = h;
		return 0;
	}
	if (b->n == b->max)
		return AVER_LIMIT;
	h = ARENA_NEW(b->arena, struct dkim_body_hash);
	if (!h || !start(b, c) || !(h->md = dkim_engine_md_ctx(b->arena)))
		return AVER_NOMEM;
	if (EVP_DigestInit_ex2(h->md, b->engine->sha256, NULL) != 1)
		return AVER_CRYPTO;
	h->limit = h->left = limit;
	h->next = b->by[c].hashes;
	b->by[c].hashes = h;
	b->n++;
	*out = h;
	return 0;
}

static bool
is_full(const struct dkim_body_hash *h)
{
	while (h && h->over)
		h = h->next;
	return !h;
}

void
dkim_bodies_add(struct dkim_bodies *b, struct str chunk)
{
	for (int c = 0; c < DKIM_CANON_COUNT; c++) {
		if (!b->by[c].body || b->by[c].full)
			continue;
		dkim_canon_body_add(b->by[c].body, chunk);
		b->by[c].full = is_full(b->by[c].hashes);
	}
}

static void
finish(struct dkim_bodies *b, struct dkim_body_hash *h)
{
	char *p = arena_alloc(b->arena, DKIM_HASH_SIZE);

	if (!p || h->failed ||
	    EVP_DigestFinal_ex(h->md, (unsigned char *)p, NULL) != 1) {
		h->failed = true;
		return;
	}
	h->digest = (struct str){p, DKIM_HASH_SIZE};
}

void
dkim_bodies_end(struct dkim_bodies *b)
{
	for (int c = 0; c < DKIM_CANON_COUNT; c++) {
		if (!b->by[c].body)
			continue;
		dkim_canon_body_end(b->by[c].body);
		for (struct dkim_body_hash *h = b->by[c].hashes; h; h = h->next)
			finish(b, h);
	}
}
