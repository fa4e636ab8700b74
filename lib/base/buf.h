/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Growable text with a hard maximum and a sticky error: after the first
 * failure every call is a no-op and buf_ok() is false. The octet past the end
 * is always NUL. Memory comes from an arena, or from malloc when arena is
 * NULL (then buf_fini() frees it).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	struct arena *arena;
	int err; /* 0, AVER_LIMIT or AVER_NOMEM */
};

/* max: most octets of content. */
void buf_init(struct buf *b, struct arena *arena, size_t max);
void buf_fini(struct buf *b);
/* Drops the content and the error, keeps the memory. */
void buf_clear(struct buf *b);
bool buf_ok(const struct buf *b);

void buf_add(struct buf *b, struct str s);
void buf_add_z(struct buf *b, const char *z);
void buf_add_c(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Room for n more octets at once, so that no more memory is taken than that. */
void buf_reserve(struct buf *b, size_t n);
/* Shortens the content to n octets. */
void buf_cut(struct buf *b, size_t n);

/* The content; valid until the next change. Empty after a failure. */
struct str buf_str(const struct buf *b);
/* The content, NUL-terminated; "" after a failure. */
const char *buf_z(const struct buf *b);

#endif
