/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/chars.h"

#define CHUNK_SIZE ((size_t)8192)
#define ALIGN _Alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of the payload */
	_Alignas(max_align_t) char data[];
};

struct arena_cleanup {
	struct arena_cleanup *next;
	void (*fn)(void *);
	void *p;
};

void
arena_init(struct arena *a, size_t cap)
{
	*a = (struct arena){.cap = cap};
}

static void
run_cleanups(struct arena *a)
{
	struct arena_cleanup *c = a->cleanups;

	a->cleanups = NULL;
	for (; c; c = c->next)
		c->fn(c->p);
}

void
arena_fini(struct arena *a)
{
	run_cleanups(a);
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	arena_init(a, a->cap);
}

void
arena_reset(struct arena *a)
{
	run_cleanups(a);
	while (a->chunks && a->chunks->next) {
		struct arena_chunk *next = a->chunks->next;

		a->taken -= a->chunks->size;
		free(a->chunks);
		a->chunks = next;
	}
	a->failed = false;
	if (a->chunks) {
		a->at = a->chunks->data;
		a->end = a->at + a->chunks->size;
	}
}

bool
arena_failed(const struct arena *a)
{
	return a->failed;
}

static bool
add_chunk(struct arena *a, size_t need)
{
	size_t size = need > CHUNK_SIZE ? need : CHUNK_SIZE;
	struct arena_chunk *c;

	if (size > a->cap - a->taken && need <= a->cap - a->taken)
		size = a->cap - a->taken;
	if (size > a->cap - a->taken || size > SIZE_MAX - sizeof(*c))
		return false;
	c = malloc(sizeof(*c) + size);
	if (!c)
		return false;
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	a->taken += size;
	a->at = c->data;
	a->end = a->at + size;
	return true;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t need, room = a->chunks ? (size_t)(a->end - a->at) : 0;
	void *p;

	if (n > SIZE_MAX - ALIGN)
		goto fail;
	need = (n + ALIGN - 1) & ~(ALIGN - 1);
	/* an arena that was never used has no chunk: n = 0 needs one too */
	if ((room < need || !a->chunks) && !add_chunk(a, need))
		goto fail;
	p = a->at;
	a->at += need;
	return p;
fail:
	a->failed = true;
	return NULL;
}

void *
arena_calloc(struct arena *a, size_t count, size_t size)
{
	void *p;

	if (size && count > SIZE_MAX / size) {
		a->failed = true;
		return NULL;
	}
	p = arena_alloc(a, count * size);
	if (p)
		memset(p, 0, count * size);
	return p;
}

void *
arena_grow(struct arena *a, void *p, size_t old, size_t new_size)
{
	size_t had = (old + ALIGN - 1) & ~(ALIGN - 1);
	void *q;

	if (new_size <= old)
		return p;
	if (p && (char *)p + had == a->at &&
	    new_size - old <= (size_t)(a->end - a->at)) {
		size_t need = (new_size + ALIGN - 1) & ~(ALIGN - 1);

		if (need <= (size_t)(a->end - (char *)p)) {
			a->at = (char *)p + need;
			return p;
		}
	}
	q = arena_alloc(a, new_size);
	if (q && old)
		memcpy(q, p, old);
	return q;
}

struct str
arena_dup(struct arena *a, struct str s)
{
	char *p;

	if (s.n == 0 || !(p = arena_alloc(a, s.n)))
		return STR_NONE;
	memcpy(p, s.p, s.n);
	return (struct str){p, s.n};
}

struct str
arena_lower(struct arena *a, struct str s)
{
	char *p;

	if (s.n == 0 || !(p = arena_alloc(a, s.n)))
		return STR_NONE;
	for (size_t i = 0; i < s.n; i++)
		p[i] = chars_lower(s.p[i]);
	return (struct str){p, s.n};
}

struct str
arena_cat(struct arena *a, struct str x, struct str y)
{
	char *p = arena_alloc(a, x.n + y.n);

	if (!p)
		return STR_NONE;
	if (x.n)
		memcpy(p, x.p, x.n);
	if (y.n)
		memcpy(p + x.n, y.p, y.n);
	return (struct str){p, x.n + y.n};
}

char *
arena_z(struct arena *a, struct str s)
{
	char *p;

	if (s.n && memchr(s.p, '\0', s.n))
		return NULL;
	p = arena_alloc(a, s.n + 1);
	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

bool
arena_on_free(struct arena *a, void (*fn)(void *), void *p)
{
	struct arena_cleanup *c = arena_alloc(a, sizeof(*c));

	if (!c) {
		fn(p);
		return false;
	}
	*c = (struct arena_cleanup){a->cleanups, fn, p};
	a->cleanups = c;
	return true;
}
