/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/aggregate/aggregate_write.h"
#include "lib/mail/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* U+0000 to U+001F, U+007F to U+009F, U+FFFE, U+FFFF; s is one character. */
static bool
is_barred(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];

	switch (s.n) {
	case 1:
		return c < 0x20 || c == 0x7f;
	case 2:
		return c == 0xc2 && (unsigned char)s.p[1] < 0xa0;
	case 3:
		return str_starts(s, STR("\xef\xbf")) &&
		       (unsigned char)s.p[2] >= 0xbe;
	default:
		return false;
	}
}

void
aggregate_text(struct buf *b, struct str s)
{
	while (s.n) {
		size_t n = utf8_len(s);

		if (n == 0 || is_barred(str_head(s, n)))
			buf_add_z(b, REPLACEMENT);
		else
			buf_add(b, str_head(s, n));
		s = str_from(s, n ? n : 1);
	}
}
