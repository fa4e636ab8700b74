/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/utf8.h"

/* RFC 3629 section 4: first octets and the range of the second. */
static const struct utf8_row {
	unsigned char first, last; /* of the first octet */
	unsigned char lo, hi; /* of the second */
	unsigned char n; /* octets in all */
} utf8_rows[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

#define ROWS (sizeof(utf8_rows) / sizeof(utf8_rows[0]))

static bool
is_tail(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t
utf8_len(struct str s)
{
	const struct utf8_row *r = utf8_rows;
	unsigned char c, d;

	if (s.n == 0)
		return 0;
	c = (unsigned char)s.p[0];
	if (c < 0x80)
		return 1;
	while (r < utf8_rows + ROWS && (c < r->first || c > r->last))
		r++;
	if (r == utf8_rows + ROWS || s.n < r->n)
		return 0;
	d = (unsigned char)s.p[1];
	if (d < r->lo || d > r->hi)
		return 0;
	for (size_t i = 2; i < r->n; i++)
		if (!is_tail(s.p[i]))
			return 0;
	return r->n;
}

bool
utf8_ok(struct str s)
{
	while (s.n) {
		size_t n = utf8_len(s);

		if (n == 0)
			return false;
		s = str_from(s, n);
	}
	return true;
}
