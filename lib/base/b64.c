/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/b64.h"

#include <stdint.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"

/* A digit's value + 1, from '+' on; 0: it is none. */
static const unsigned char values[] = {63, 0, 0, 0, 64, 53, 54, 55, 56, 57, 58,
    59, 60, 61, 62, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 0, 0, 0, 0, 0, 0,
    27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45,
    46, 47, 48, 49, 50, 51, 52};

static unsigned
value(unsigned char c)
{
	unsigned i = (unsigned)c - '+';

	return i < sizeof(values) ? values[i] : 0;
}

int
b64_value(char c)
{
	return (int)value((unsigned char)c) - 1;
}

/* Decodes groups of four digits with nothing in between; how many. */
static size_t
decode_groups(const unsigned char *in, size_t most, unsigned char *out)
{
	for (size_t i = 0; i < most; i++, in += 4, out += 3) {
		unsigned a = value(in[0]), b = value(in[1]);
		unsigned c = value(in[2]), d = value(in[3]);
		uint32_t acc;

		if (!a || !b || !c || !d)
			return i;
		acc = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		out[0] = (unsigned char)(acc >> 16);
		out[1] = (unsigned char)(acc >> 8);
		out[2] = (unsigned char)acc;
	}
	return most;
}

int
b64_decode(struct arena *a, struct str in, struct str *out)
{
	const unsigned char *from = (const unsigned char *)in.p;
	unsigned char *p = arena_alloc(a, in.n / 4 * 3 + 3);
	uint32_t acc = 0;
	size_t chars = 0, pad = 0, n = 0;

	if (!p)
		return AVER_NOMEM;
	for (size_t i = 0; i < in.n; i++) {
		if (chars % 4 == 0 && !pad) {
			size_t groups =
			    decode_groups(from + i, (in.n - i) / 4, p + n);

			i += groups * 4;
			n += groups * 3;
			if (i == in.n)
				break;
		}
		if (chars_is(in.p[i], CH_FWS))
			continue;
		if (in.p[i] == '=') {
			pad++;
			continue;
		}
		if (!value(from[i]) || pad)
			return AVER_SYNTAX;
		acc = acc << 6 | (uint32_t)(value(from[i]) - 1);
		if (++chars % 4 == 0) {
			p[n++] = (unsigned char)(acc >> 16);
			p[n++] = (unsigned char)(acc >> 8);
			p[n++] = (unsigned char)acc;
		}
	}
	if (chars % 4 == 1 || pad > 2 || (pad && (chars + pad) % 4))
		return AVER_SYNTAX;
	if (chars % 4 == 2) {
		p[n++] = (unsigned char)(acc >> 4);
	} else if (chars % 4 == 3) {
		p[n++] = (unsigned char)(acc >> 10);
		p[n++] = (unsigned char)(acc >> 2);
	}
	*out = (struct str){(char *)p, n};
	return 0;
}

void
b64_encode(struct buf *b, struct str in)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const unsigned char *p = (const unsigned char *)in.p;

	for (size_t i = 0; i < in.n; i += 3) {
		size_t left = in.n - i;
		uint32_t v = (uint32_t)p[i] << 16 |
			     (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);

		buf_add_c(b, digits[v >> 18]);
		buf_add_c(b, digits[v >> 12 & 63]);
		buf_add_c(b, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_add_c(b, left > 2 ? digits[v & 63] : '=');
	}
}

void
hex_encode(struct buf *b, struct str in)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];

		buf_add_c(b, "0123456789abcdef"[c >> 4]);
		buf_add_c(b, "0123456789abcdef"[c & 15]);
	}
}
