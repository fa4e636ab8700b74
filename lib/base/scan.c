/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/scan.h"

#define COMMENT_DEPTH 32

bool
scan_char(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

bool
scan_class(struct scan *s, unsigned mask)
{
	if (s->p == s->end || !chars_is(*s->p, mask))
		return false;
	s->p++;
	return true;
}

bool
scan_many(struct scan *s, unsigned mask, struct str *out)
{
	const char *from = s->p;
	size_t n = scan_skip(s, mask);

	if (n == 0)
		return false;
	*out = (struct str){from, n};
	return true;
}

size_t
scan_skip(struct scan *s, unsigned mask)
{
	const char *from = s->p;

	while (s->p < s->end && chars_is(*s->p, mask))
		s->p++;
	return (size_t)(s->p - from);
}

bool
scan_lit(struct scan *s, struct str lit)
{
	if (!str_starts(scan_rest(s), lit))
		return false;
	s->p = str_from(scan_rest(s), lit.n).p;
	return true;
}

bool
scan_lit_ci(struct scan *s, struct str lit)
{
	if (!str_starts_ci(scan_rest(s), lit))
		return false;
	s->p = str_from(scan_rest(s), lit.n).p;
	return true;
}

bool
scan_u64(struct scan *s, uint64_t max, uint64_t *out)
{
	struct scan t = *s;
	struct str digits;

	if (!scan_many(&t, CH_DIGIT, &digits) || !str_to_u64(digits, max, out))
		return false;
	*s = t;
	return true;
}

struct str
scan_until(struct scan *s, char c)
{
	struct str rest = scan_rest(s);
	size_t n = str_chr(rest, c);

	s->p = str_from(rest, n).p;
	return str_head(rest, n);
}

/* One comment, the cursor on its "(". */
static bool
skip_comment(struct scan *s)
{
	int depth = 0;

	while (s->p < s->end) {
		char c = *s->p++;

		if (c == '\\') {
			if (s->p == s->end)
				return false;
			s->p++;
		} else if (c == '(') {
			if (++depth > COMMENT_DEPTH)
				return false;
		} else if (c == ')') {
			if (--depth == 0)
				return true;
		}
	}
	return false;
}

bool
scan_cfws(struct scan *s)
{
	struct scan t = *s;

	for (;;) {
		scan_skip(&t, CH_FWS);
		if (scan_peek(&t) != '(')
			break;
		if (!skip_comment(&t))
			return false;
	}
	*s = t;
	return true;
}
