/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A bump allocator with a hard cap. Everything taken from an arena lives until
 * arena_reset() or arena_fini(); nothing is freed singly. One arena a message
 * bounds the memory of that message whatever it holds.
 *
 * Both "the cap is reached" and "malloc failed" give NULL; arena_failed()
 * stays true from then on until the reset, so that a caller may check once at
 * the end. An arena belongs to one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/str.h"

struct arena_chunk;
struct arena_cleanup;

struct arena {
	char *at, *end;
	struct arena_chunk *chunks; /* newest first */
	struct arena_cleanup *cleanups;
	size_t taken; /* octets of all chunks */
	size_t cap;
	bool failed;
};

/* cap: most octets the arena may take from the system, first included. */
void arena_init(struct arena *a, size_t cap);
/* Runs the cleanups, newest first, and gives all memory back. */
void arena_fini(struct arena *a);
/* The same, but keeps the first chunk for the next use. */
void arena_reset(struct arena *a);
bool arena_failed(const struct arena *a);

/* n octets, aligned for any object, not zeroed. n = 0 is allowed. */
void *arena_alloc(struct arena *a, size_t n);
/* count * size octets, zeroed; NULL when the product overflows. */
void *arena_calloc(struct arena *a, size_t count, size_t size);
/*
 * Makes the block of old octets at p (the newest block grows in place) one of
 * new octets; the content is kept. p may be NULL with old = 0.
 */
void *arena_grow(struct arena *a, void *p, size_t old, size_t new_size);
/* A copy of s; {NULL, 0} on failure and for an empty s. */
struct str arena_dup(struct arena *a, struct str s);
/* A copy in ASCII lower case. */
struct str arena_lower(struct arena *a, struct str s);
/* a followed by b. */
struct str arena_cat(struct arena *a, struct str x, struct str y);
/* A NUL-terminated copy; NULL when s holds a NUL or memory is out. */
char *arena_z(struct arena *a, struct str s);

/*
 * Calls fn(p) at reset or fini. On failure calls fn(p) at once and returns
 * false: either way the arena owns p from now on.
 */
bool arena_on_free(struct arena *a, void (*fn)(void *), void *p);

#define ARENA_NEW(a, type) ((type *)arena_calloc((a), 1, sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))

#endif
