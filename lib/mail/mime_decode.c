/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/b64.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/scan.h"
#include "lib/mail/encword.h"
#include "lib/mail/mime.h"

/* RFC 2231 section 3: pieces of one value that are put together */
#define PIECES_MAX 100

/* ---- transfer encodings ------------------------------------------------- */

/* RFC 2045 section 6.8: other octets are ignored; "=" ends it, but some put
 * one encoding behind another. */
static size_t
undo_base64(char *out, struct str in)
{
	unsigned bits = 0, n = 0;
	size_t at = 0;

	for (size_t i = 0; i < in.n; i++) {
		int v = b64_value(in.p[i]);

		if (in.p[i] == '=')
			bits = n = 0;
		if (v < 0)
			continue;
		bits = (bits << 6 | (unsigned)v) & 0xfff;
		n += 6;
		if (n >= 8) {
			n -= 8;
			out[at++] = (char)(bits >> n & 0xff);
		}
	}
	return at;
}

/*
 * True when s begins with white space, perhaps none, and then a line ends: at
 * CRLF, LF, or with s. *white: octets of the white space, *all: of both.
 */
static bool
ends_line(struct str s, size_t *white, size_t *all)
{
	size_t n = 0;

	while (n < s.n && chars_is(s.p[n], CH_WSP))
		n++;
	*white = n;
	if (str_starts(str_from(s, n), STR("\r\n")))
		n += 2;
	else if (n < s.n && s.p[n] == '\n')
		n++;
	else if (n < s.n)
		return false;
	*all = n;
	return true;
}

/* RFC 2045 section 6.7; what is no such encoding stays as it is. */
static size_t
undo_qp(char *out, struct str in)
{
	size_t at = 0, white, all;

	while (in.n) {
		char c = *in.p;
		size_t skip = 1;
		int hi = -1, lo = -1;

		if (c == '=' && in.n > 2) {
			hi = chars_hex(in.p[1]);
			lo = chars_hex(in.p[2]);
		}
		if (hi >= 0 && lo >= 0) {
			out[at++] = (char)(hi << 4 | lo);
			skip = 3;
		} else if (c == '=' &&
			   ends_line(str_from(in, 1), &white, &all)) {
			skip = 1 + all; /* a soft line break */
		} else if (chars_is(c, CH_WSP) && ends_line(in, &white, &all)) {
			skip = white; /* rule 3: it is none */
		} else {
			out[at++] = c;
		}
		in = str_from(in, skip);
	}
	return at;
}

int
mime_decode(struct arena *a, const struct mime_part *part, struct str *out)
{
	char *p;

	if (part->encoding == MIME_ENCODING_OTHER)
		return AVER_SYNTAX;
	if (part->encoding == MIME_IDENTITY) {
		*out = part->content;
		return 0;
	}
	if (!(p = arena_alloc(a, part->content.n)))
		return AVER_NOMEM;
	out->n = part->encoding == MIME_BASE64 ? undo_base64(p, part->content)
					       : undo_qp(p, part->content);
	out->p = p;
	return 0;
}

/* ---- parameters --------------------------------------------------------- */

struct param {
	struct str name; /* without section and "*" */
	struct str value; /* as it stands, without quotes */
	bool quoted; /* quoted-pairs are in it */
	bool section; /* name*N */
	bool extended; /* name*, name*N*: percent-encoded */
	uint64_t number;
};

static bool
take_quoted(struct scan *s, struct str *out)
{
	const char *start = ++s->p;

	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		s->p++;
	}
	*out = (struct str){start, (size_t)(s->p - start)};
	scan_char(s, '"');
	return true;
}

/* RFC 2231 section 7: attribute [ "*" number ] [ "*" ] */
static void
split_name(struct param *p)
{
	size_t star = str_chr(p->name, '*');
	struct str section = str_from(p->name, star + 1);

	p->extended = star < p->name.n;
	if (section.n) {
		p->extended = section.p[section.n - 1] == '*';
		if (p->extended)
			section.n--;
		p->section = str_to_u64(section, PIECES_MAX - 1, &p->number);
		if (!p->section)
			return; /* a name like any other */
	}
	p->name = str_head(p->name, star);
}

/* What comes before the first white space. */
static struct str
first_word(struct str s)
{
	size_t n = 0;

	while (n < s.n && !chars_is(s.p[n], CH_FWS))
		n++;
	return str_head(s, n);
}

/* The next parameter; skips what is none. */
static bool
next_param(struct scan *s, struct param *p)
{
	while (!scan_done(s)) {
		*p = (struct param){0};
		if (!scan_char(s, ';') && !scan_cfws(s))
			return false;
		scan_cfws(s);
		if (!scan_many(s, CH_TOKEN, &p->name)) {
			if (scan_peek(s) != ';' && !scan_done(s))
				s->p++;
			continue;
		}
		scan_cfws(s);
		if (!scan_char(s, '='))
			continue;
		scan_cfws(s);
		p->quoted = scan_peek(s) == '"';
		if (p->quoted) {
			take_quoted(s, &p->value);
		} else {
			p->value = first_word(scan_until(s, ';'));
		}
		split_name(p);
		return true;
	}
	return false;
}

/* Appends the value; an extended one has a charset and a language before it
 * in its first piece (RFC 2231 section 4). */
static size_t
put_value(char *out, const struct param *p)
{
	struct str v = p->value, rest;
	size_t at = 0;

	if (p->extended && p->number == 0) {
		str_cut(v, '\'', &rest);
		if (rest.p)
			str_cut(rest, '\'', &rest);
		if (rest.p)
			v = rest;
	}
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		int hi = -1, lo = -1;

		if (p->extended && c == '%' && i + 2 < v.n) {
			hi = chars_hex(v.p[i + 1]);
			lo = chars_hex(v.p[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			c = (char)(hi << 4 | lo);
			i += 2;
		} else if (p->quoted && c == '\\' && i + 1 < v.n) {
			c = v.p[++i];
		} else if (c == '\r' || c == '\n') {
			continue; /* a fold */
		}
		out[at++] = c;
	}
	return at;
}

int
mime_param_find(
    struct arena *a, struct str params, struct str name, struct str *out)
{
	struct param plain = {0}, best = {0}, p;
	struct param pieces[PIECES_MAX] = {0};
	struct scan s = scan_of(params);
	size_t at = 0;
	char *copy;

	while (next_param(&s, &p)) {
		if (!str_eq_ci(p.name, name))
			continue;
		/* of several the first counts, as for readers of mail */
		if (p.section && !pieces[p.number].name.p)
			pieces[p.number] = p;
		else if (!p.section && p.extended && !best.name.p)
			best = p;
		else if (!p.section && !p.extended && !plain.name.p)
			plain = p;
	}
	*out = STR_NONE;
	if (!(copy = arena_alloc(a, params.n)))
		return AVER_NOMEM;
	if (!best.name.p && !pieces[0].name.p)
		best = plain;
	if (best.name.p)
		at = put_value(copy, &best);
	else
		for (size_t i = 0; i < PIECES_MAX && pieces[i].name.p; i++)
			at += put_value(copy + at, &pieces[i]);
	*out = (struct str){copy, at};
	/* RFC 2047 section 5 forbids it here; many do it */
	return encword_in(*out) ? encword_decode(a, *out, out) : 0;
}
