/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A cursor over octets. Every primitive answers "was it there?" and advances
 * only when it was; none touches an octet outside [p, end). Productions of a
 * grammar are compositions of these.
 */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/chars.h"
#include "lib/base/str.h"

struct scan {
	const char *p, *end, *start;
};

static inline struct scan
scan_of(struct str s)
{
	return (struct scan){s.p, s.n ? s.p + s.n : s.p, s.p};
}

static inline bool
scan_done(const struct scan *s)
{
	return s->p == s->end;
}

static inline size_t
scan_offset(const struct scan *s)
{
	return (size_t)(s->p - s->start);
}

static inline struct str
scan_rest(const struct scan *s)
{
	return (struct str){s->p, (size_t)(s->end - s->p)};
}

/* The octet at the cursor as 0..255, -1 at the end; does not advance. */
static inline int
scan_peek(const struct scan *s)
{
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

/* One octet c. */
bool scan_char(struct scan *s, char c);
/* One octet of any class in mask. */
bool scan_class(struct scan *s, unsigned mask);
/* 1 or more octets of the classes in mask; *out is what was read. */
bool scan_many(struct scan *s, unsigned mask, struct str *out);
/* 0 or more octets of the classes in mask; returns how many. */
size_t scan_skip(struct scan *s, unsigned mask);
/* The literal, without or with regard to ASCII case. */
bool scan_lit(struct scan *s, struct str lit);
bool scan_lit_ci(struct scan *s, struct str lit);
/* 1 to 20 digits with a value up to max. */
bool scan_u64(struct scan *s, uint64_t max, uint64_t *out);
/* Everything up to and without c (or the end); returns it and stops at c. */
struct str scan_until(struct scan *s, char c);
/*
 * [CFWS] of RFC 5322 section 3.2.2: white space and nested comments with
 * quoted-pairs. At most 32 levels. False (cursor unmoved) when a comment does
 * not end or is nested deeper; true otherwise, also when there was nothing.
 */
bool scan_cfws(struct scan *s);

#endif
