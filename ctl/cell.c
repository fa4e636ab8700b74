/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/cell.h"

#include <time.h>

#include "lib/base/chars.h"

void
cell_escape(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (chars_is(s.p[i], CH_PRINT) && s.p[i] != '\\')
			buf_add_c(b, s.p[i]);
		else
			buf_addf(b, "\\x%02x", (unsigned char)s.p[i]);
	}
}

void
cell_add(struct buf *b, struct str s)
{
	struct str rest = s, word;

	while (rest.p) {
		word = str_cut(rest, ' ', &rest);
		cell_escape(b, word);
		if (rest.p)
			buf_add_z(b, "\\x20");
	}
	if (!s.n)
		buf_add_c(b, '-');
}

void
cell_column(struct buf *b, size_t at)
{
	do {
		buf_add_c(b, ' ');
	} while (buf_ok(b) && (b->n < 2 || b->n < at || b->p[b->n - 2] != ' '));
}

void
cell_time(struct buf *b, int64_t t)
{
	time_t seconds = (time_t)t;
	struct tm tm;
	char text[64];

	if (gmtime_r(&seconds, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf_add_z(b, text);
	else
		buf_add_c(b, '?');
}
