/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/b64.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"

static int
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

int
b64_decode(struct arena *a, struct str in, struct str *out)
{
	unsigned char *p = arena_alloc(a, in.n / 4 * 3 + 3);
	uint32_t acc = 0;
	size_t chars = 0, pad = 0, n = 0;

	if (!p)
		return AVER_NOMEM;
	for (size_t i = 0; i < in.n; i++) {
		int v = value(in.p[i]);

		if (chars_is(in.p[i], CH_FWS))
			continue;
		if (in.p[i] == '=') {
			pad++;
			continue;
		}
		if (v < 0 || pad)
			return AVER_SYNTAX;
		acc = acc << 6 | (uint32_t)v;
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
