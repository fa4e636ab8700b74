/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/encword.h"

#include "lib/base/b64.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/scan.h"

/*
 * RFC 2047 section 2: "=?" charset "?" encoding "?" encoded-text "?=". White
 * space inside the text is forbidden; some readers decode it all the same.
 */
static bool
scan_encword(struct scan *s, char *encoding, struct str *text)
{
	struct scan t = *s;
	struct str charset;

	if (!scan_lit(&t, STR("=?")))
		return false;
	charset = scan_until(&t, '?');
	if (charset.n == 0 || charset.n > 64 || !scan_char(&t, '?'))
		return false;
	*encoding = chars_lower((char)(scan_done(&t) ? 0 : *t.p));
	if (*encoding != 'b' && *encoding != 'q')
		return false;
	t.p++;
	if (!scan_char(&t, '?'))
		return false;
	*text = scan_until(&t, '?');
	if (!scan_lit(&t, STR("?=")))
		return false;
	*s = t;
	return true;
}

bool
encword_in(struct str text)
{
	struct scan s = scan_of(text);
	struct str body;
	char encoding;

	while (scan_until(&s, '='), !scan_done(&s)) {
		struct scan t = s;

		if (scan_encword(&t, &encoding, &body))
			return true;
		s.p++;
	}
	return false;
}

/* Unlike b64_decode() never refuses: octets of no letter are skipped. */
static char *
put_b(char *at, struct str text)
{
	unsigned bits = 0, n = 0;

	for (size_t i = 0; i < text.n; i++) {
		int v = b64_value(text.p[i]);

		if (v < 0)
			continue;
		bits = (bits << 6 | (unsigned)v) & 0xfff;
		n += 6;
		if (n >= 8) {
			n -= 8;
			*at++ = (char)(bits >> n & 0xff);
		}
	}
	return at;
}

static char *
put_q(char *at, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		int hi = -1, lo = -1;

		if (c == '=' && i + 2 < text.n) {
			hi = chars_hex(text.p[i + 1]);
			lo = chars_hex(text.p[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			c = (char)(hi << 4 | lo);
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		*at++ = c;
	}
	return at;
}

int
encword_decode(struct arena *a, struct str text, struct str *out)
{
	struct scan s = scan_of(text);
	char *p = arena_alloc(a, text.n), *at = p;
	char *after = NULL; /* end of the last decoded word */
	struct str body;
	char encoding;

	if (!p)
		return AVER_NOMEM;
	while (!scan_done(&s)) {
		if (scan_encword(&s, &encoding, &body)) {
			if (after)
				at = after;
			at =
			    encoding == 'b' ? put_b(at, body) : put_q(at, body);
			after = at;
			continue;
		}
		if (!chars_is(*s.p, CH_FWS))
			after = NULL;
		*at++ = *s.p++;
	}
	*out = (struct str){p, (size_t)(at - p)};
	return 0;
}
