/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/smtp_text.h"

#include <string.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"

/* RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.3 (256 with the brackets). */
#define LOCAL_MAX 64
#define PATH_MAX_OCTETS 254
#define HELO_MAX 255

static bool
is_dot_string(struct str s)
{
	bool dot = true; /* an atom has to follow */

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			if (dot)
				return false;
			dot = true;
		} else if (chars_is(s.p[i], CH_ATEXT | CH_HIGH)) {
			dot = false;
		} else {
			return false;
		}
	}
	return !dot;
}

static bool
is_quoted_string(struct str s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i < s.n - 1; i++) {
		if (s.p[i] == '"')
			return false;
		if (s.p[i] == '\\' &&
		    (++i == s.n - 1 || !chars_is(s.p[i], CH_PRINT)))
			return false;
		if (!chars_is(s.p[i], CH_PRINT | CH_HIGH))
			return false;
	}
	return true;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3) */
static bool
is_literal(struct str s)
{
	static const struct str v6 = STR_INIT("IPv6:");
	struct ip ip;

	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = str_head(str_from(s, 1), s.n - 2);
	if (str_starts_ci(s, v6))
		return ip_parse(str_from(s, v6.n), &ip) && ip.family == IP_V6;
	return ip_parse(s, &ip) && ip.family == IP_V4;
}

int
smtp_mailbox(struct arena *a, struct str addr, struct str *out, bool *utf8)
{
	struct str local, domain, ascii;
	int err;

	if (addr.n == 0) {
		*out = STR_NONE;
		*utf8 = false;
		return 0;
	}
	if (!utf8_ok(addr))
		return AVER_SYNTAX;
	addr_split(addr, &local, &domain);
	if (domain.n == 0 || local.n > LOCAL_MAX ||
	    (!is_dot_string(local) && !is_quoted_string(local)))
		return AVER_SYNTAX;
	if (is_literal(domain)) {
		ascii = domain;
	} else {
		err = domain_to_ascii(a, domain, &ascii);
		if (err)
			return err;
	}
	if (local.n + 1 + ascii.n > PATH_MAX_OCTETS)
		return AVER_SYNTAX;
	*out = arena_cat(a, arena_cat(a, local, STR("@")), ascii);
	*utf8 = !str_is_ascii(local);
	return out->n ? 0 : AVER_NOMEM;
}

bool
smtp_helo_valid(struct str name)
{
	struct str rest = name, label;

	if (is_literal(name))
		return true;
	if (name.n == 0 || name.n > HELO_MAX)
		return false;
	do {
		label = str_cut(rest, '.', &rest);
		for (size_t i = 0; i < label.n; i++)
			if (!chars_is(label.p[i], CH_LDH) && label.p[i] != '_')
				return false;
		if (label.n == 0 || label.n > 63)
			return false;
	} while (rest.p);
	return true;
}

/* One line without its end; the header ends with an empty one. */
static void
scan_line(struct str line, bool *header, struct smtp_text *out)
{
	bool high = !str_is_ascii(line);

	out->size += line.n + 2;
	out->eight_bit |= high;
	out->utf8 |= high && *header;
	if (line.n == 0)
		*header = false;
	/* A CR or NUL is no part of a line (RFC 5321 section 2.3.8): some
	 * servers end a line there and others do not. */
	if (line.n && memchr(line.p, '\r', line.n))
		out->wrong = "a CR without LF in the message";
	else if (line.n && memchr(line.p, '\0', line.n))
		out->wrong = "a NUL in the message";
	else if (line.n > SMTP_TEXT_LINE_MAX)
		out->wrong = "a line of the message is too long";
}

void
smtp_text_scan(struct str octets, struct smtp_text *out)
{
	struct str rest = octets, line;
	bool header = true;

	memset(out, 0, sizeof(*out));
	while (rest.n && !out->wrong) {
		line = str_cut(rest, '\n', &rest);
		if (rest.p && line.n && line.p[line.n - 1] == '\r')
			line.n--;
		scan_line(line, &header, out);
	}
}

void
smtp_dots_init(struct smtp_dots *d, struct str octets)
{
	d->rest = octets;
	d->last = '\n';
	d->ended = false;
}

/* The octets up to the next that needs care. */
static size_t
plain_run(struct str s, size_t most)
{
	size_t n = s.n < most ? s.n : most;
	const char *lf = n ? memchr(s.p, '\n', n) : NULL;

	return lf ? (size_t)(lf - s.p) : n;
}

size_t
smtp_dots_take(struct smtp_dots *d, char *out, size_t size)
{
	size_t n = 0, run;

	while (d->rest.n && size - n >= 4) {
		if (d->last == '\n' && d->rest.p[0] == '.')
			out[n++] = '.';
		run = plain_run(d->rest, size - n - 2);
		if (run) {
			memcpy(out + n, d->rest.p, run);
			n += run;
			d->last = d->rest.p[run - 1];
			d->rest = str_from(d->rest, run);
		} else if (d->rest.p[0] == '\n') {
			if (d->last != '\r')
				out[n++] = '\r';
			out[n++] = '\n';
			d->last = '\n';
			d->rest = str_from(d->rest, 1);
		}
	}
	if (d->rest.n || d->ended || size - n < 5)
		return n;
	if (d->last != '\n') {
		out[n++] = '\r';
		out[n++] = '\n';
	}
	memcpy(out + n, ".\r\n", 3);
	d->ended = true;
	return n + 3;
}
