/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/str.h"

#include <string.h>

#include "lib/base/chars.h"

struct str
str_from_z(const char *z)
{
	return (struct str){z, z ? strlen(z) : 0};
}

bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_eq_ci(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (chars_lower(a.p[i]) != chars_lower(b.p[i]))
			return false;
	return true;
}

bool
str_is_ascii(struct str s)
{
	unsigned char all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return all < 0x80;
}

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	if (d)
		return d;
	return (a.n > b.n) - (a.n < b.n);
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_head(s, prefix.n), prefix);
}

bool
str_starts_ci(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq_ci(str_head(s, prefix.n), prefix);
}

bool
str_ends_ci(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       str_eq_ci(str_from(s, s.n - suffix.n), suffix);
}

bool
str_contains_ci(struct str s, struct str needle)
{
	for (; s.n >= needle.n; s.p++, s.n--) {
		if (str_eq_ci(str_head(s, needle.n), needle))
			return true;
		if (s.n == 0)
			break;
	}
	return false;
}

size_t
str_chr(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t
str_rchr(struct str s, char c)
{
	for (size_t i = s.n; i-- > 0;)
		if (s.p[i] == c)
			return i;
	return s.n;
}

struct str
str_from(struct str s, size_t from)
{
	if (from >= s.n)
		return (struct str){s.n ? s.p + s.n : s.p, 0};
	return (struct str){s.p + from, s.n - from};
}

struct str
str_head(struct str s, size_t n)
{
	return (struct str){s.p, n < s.n ? n : s.n};
}

static bool
in_set(char c, const char *set)
{
	return c && strchr(set, c);
}

struct str
str_trim(struct str s, const char *set)
{
	while (s.n && in_set(s.p[0], set)) {
		s.p++;
		s.n--;
	}
	while (s.n && in_set(s.p[s.n - 1], set))
		s.n--;
	return s;
}

struct str
str_trim_fws(struct str s)
{
	while (s.n && chars_is(s.p[0], CH_FWS)) {
		s.p++;
		s.n--;
	}
	while (s.n && chars_is(s.p[s.n - 1], CH_FWS))
		s.n--;
	return s;
}

struct str
str_cut(struct str s, char sep, struct str *rest)
{
	size_t at = str_chr(s, sep);

	if (at == s.n) {
		*rest = STR_NONE;
		return s;
	}
	*rest = (struct str){s.p + at + 1, s.n - at - 1};
	return str_head(s, at);
}

bool
str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 20)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t d = (uint64_t)(unsigned char)s.p[i] - '0';

		if (d > 9 || v > (max - d) / 10 || d > max)
			return false;
		v = v * 10 + d;
	}
	*out = v;
	return true;
}

/* FNV-1a with a seed and a final mix. */
uint64_t
str_hash(struct str s, uint64_t seed)
{
	uint64_t h = 0xcbf29ce484222325u ^ seed;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}
