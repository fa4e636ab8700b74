/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/mailto.h"

#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/scan.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"

/* percent-encoded an address is at most three times as long */
#define TEXT_MAX ((size_t)4 * 1024)

/* RFC 3986 section 2.1 */
static int
decode(struct arena *a, struct str s, struct str *out)
{
	struct buf b;

	buf_init(&b, a, TEXT_MAX);
	for (size_t i = 0; i < s.n; i++) {
		int high, low;

		if (!chars_is(s.p[i], CH_PRINT) || s.p[i] == ' ')
			return AVER_SYNTAX;
		if (s.p[i] != '%') {
			buf_add_c(&b, s.p[i]);
			continue;
		}
		if (s.n - i < 3)
			return AVER_SYNTAX;
		high = chars_hex(s.p[i + 1]);
		low = chars_hex(s.p[i + 2]);
		if (high < 0 || low < 0)
			return AVER_SYNTAX;
		buf_add_c(&b, (char)(high << 4 | low));
		i += 2;
	}
	if (!buf_ok(&b))
		return b.err == AVER_LIMIT ? AVER_SYNTAX : AVER_NOMEM;
	*out = buf_str(&b);
	return 0;
}

/* RFC 5321 section 4.1.2: Quoted-string, of printable characters only */
static bool
is_quoted(struct str s)
{
	struct scan sc = scan_of(s);

	if (!scan_char(&sc, '"'))
		return false;
	while (!scan_char(&sc, '"')) {
		if (scan_char(&sc, '\\')) {
			if (!scan_class(&sc, CH_PRINT))
				return false;
		} else if (!scan_class(&sc, CH_PRINT | CH_HIGH)) {
			return false;
		}
	}
	return scan_done(&sc);
}

/* RFC 5321 section 4.1.2: Dot-string; RFC 6531 section 3.3 adds UTF-8 */
static bool
is_dot_string(struct str s)
{
	struct scan sc = scan_of(s);

	do {
		if (scan_skip(&sc, CH_ATEXT | CH_HIGH) == 0)
			return false;
	} while (scan_char(&sc, '.'));
	return scan_done(&sc);
}

static bool
is_local(struct str s)
{
	return s.n > 0 && s.n <= MAILTO_LOCAL_MAX && utf8_ok(s) &&
	       (is_dot_string(s) || is_quoted(s));
}

static struct str
join(struct arena *a, struct str local, struct str domain)
{
	struct buf b;

	buf_init(&b, a, MAILTO_ADDRESS_MAX);
	buf_add(&b, local);
	buf_add_c(&b, '@');
	buf_add(&b, domain);
	return buf_str(&b);
}

int
mailto_parse(
    struct arena *a, struct str uri, struct mailto *out, struct diag *d)
{
	static const struct str scheme = STR_INIT("mailto:");
	struct str to, text, local, domain;
	int err;

	if (!str_starts_ci(uri, scheme))
		return diag_set(d, AVER_NOTFOUND, 0, "is no mailto URI");
	to = str_from(uri, scheme.n);
	to = str_head(to, str_chr(to, '?'));
	to = str_head(to, str_chr(to, '#'));
	err = decode(a, to, &text);
	if (err == AVER_SYNTAX)
		return diag_set(d, err, scheme.n, "has a bad octet or escape");
	if (err)
		return err;
	addr_split(text, &local, &domain);
	if (!domain.p || !is_local(local))
		return diag_set(d, AVER_SYNTAX, scheme.n, "is no address");
	err = domain_to_ascii(a, domain, &domain);
	/* a name of one label would be a host nearby */
	if (err == AVER_SYNTAX || (!err && domain_labels(domain) < 2))
		return diag_set(
		    d, AVER_SYNTAX, scheme.n, "has no usable domain");
	if (err)
		return err;
	text = join(a, local, domain);
	if (!text.n)
		return AVER_NOMEM;
	*out = (struct mailto){
	    str_head(text, local.n), str_from(text, local.n + 1), text};
	return 0;
}
