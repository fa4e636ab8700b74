/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

#define FIRST_CAP ((size_t)256)

void
buf_init(struct buf *b, struct arena *arena, size_t max)
{
	*b = (struct buf){.max = max, .arena = arena};
}

void
buf_fini(struct buf *b)
{
	if (!b->arena)
		free(b->p);
	buf_init(b, b->arena, b->max);
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->err = 0;
	if (b->p)
		b->p[0] = '\0';
}

bool
buf_ok(const struct buf *b)
{
	return b->err == 0;
}

static bool
resize(struct buf *b, size_t cap)
{
	char *p;

	if (b->arena)
		p = arena_grow(b->arena, b->p, b->cap, cap);
	else
		p = realloc(b->p, cap);
	if (!p) {
		b->err = AVER_NOMEM;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

/* True when add more octets and the NUL have room already, or never will. */
static bool
is_settled(struct buf *b, size_t add)
{
	if (!b->err && add > b->max - b->n)
		b->err = AVER_LIMIT;
	return b->err || b->n + add < b->cap;
}

/* Room for add more octets and the NUL. */
static bool
reserve(struct buf *b, size_t add)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;

	if (is_settled(b, add))
		return !b->err;
	while (cap <= b->n + add)
		cap *= 2;
	return resize(b, cap);
}

void
buf_reserve(struct buf *b, size_t n)
{
	if (!is_settled(b, n))
		resize(b, b->n + n + 1);
}

void
buf_add(struct buf *b, struct str s)
{
	if (s.n == 0 || !reserve(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = '\0';
}

void
buf_add_z(struct buf *b, const char *z)
{
	buf_add(b, str_from_z(z));
}

void
buf_add_c(struct buf *b, char c)
{
	if (!reserve(b, 1))
		return;
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

void
buf_add_u64(struct buf *b, uint64_t v)
{
	char d[20];
	size_t i = sizeof(d);

	do {
		d[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, (struct str){d + i, sizeof(d) - i});
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 && !b->err)
		b->err = AVER_LIMIT; /* the text is longer than an int says */
	if (n < 0 || !reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void
buf_cut(struct buf *b, size_t n)
{
	if (n >= b->n)
		return;
	b->n = n;
	b->p[n] = '\0';
}

struct str
buf_str(const struct buf *b)
{
	if (b->err || !b->p)
		return STR_NONE;
	return (struct str){b->p, b->n};
}

const char *
buf_z(const struct buf *b)
{
	return b->err || !b->p ? "" : b->p;
}
