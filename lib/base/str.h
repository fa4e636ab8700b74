/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * struct str is the one string type of lib/: a view of bytes that somebody
 * else owns (an arena, a literal, libmilter for the length of a callback).
 * It may hold any octet, NUL included, and is not NUL-terminated. It is passed
 * by value. A view of zero length may have a NULL pointer.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
/* clang-format off */
#define STR_INIT(lit) {(lit), sizeof(lit) - 1}
/* clang-format on */
#define STR_NONE ((struct str){0, 0})
/* for printf("%.*s", STRF(s)) */
#define STRF(s) (int)(s).n, (s).p ? (s).p : ""

/* A view of a NUL-terminated string; NULL gives an empty view. */
struct str str_from_z(const char *z);

bool str_eq(struct str a, struct str b);
/* Equal when ASCII letters are compared without case. */
bool str_eq_ci(struct str a, struct str b);
bool str_is_ascii(struct str s); /* no octet above 0x7f */
/* <0, 0, >0 by octets, the shorter first. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_starts_ci(struct str s, struct str prefix);
bool str_ends_ci(struct str s, struct str suffix);
/* True when needle is anywhere in s, ASCII letters compared without case. */
bool str_contains_ci(struct str s, struct str needle);

/* Index of the first or last octet c, or s.n when there is none. */
size_t str_chr(struct str s, char c);
size_t str_rchr(struct str s, char c);

/* The part from octet `from` on; empty when from is past the end. */
struct str str_from(struct str s, size_t from);
/* The first n octets, or all when there are fewer. */
struct str str_head(struct str s, size_t n);
/* Without the octets of the set (a NUL-terminated list) at both ends. */
struct str str_trim(struct str s, const char *set);
/* Without leading and trailing space, tab, CR and LF. */
struct str str_trim_fws(struct str s);

/*
 * Cuts s at the first sep: returns what is before it and leaves in *rest what
 * is after it. Without sep returns all of s and *rest has a NULL pointer.
 */
struct str str_cut(struct str s, char sep, struct str *rest);

/*
 * Reads an unsigned decimal number of 1 to 20 digits that is all of s.
 * False when s is anything else or the value is above max; *out is then
 * untouched. Leading zeros are allowed.
 */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

/* A hash for tables that hold no adversarial keys unseeded: give a seed. */
uint64_t str_hash(struct str s, uint64_t seed);

#endif
