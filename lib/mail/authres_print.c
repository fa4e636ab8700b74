/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The writer of Authentication-Results. Everything that may hold octets of a
 * stranger goes through scrub() and then out as a comment, a token or a
 * quoted-string; a line end is written by fold() alone.
 */
#include "lib/mail/authres.h"

#include <string.h>

#include "lib/base/chars.h"
#include "lib/mail/utf8.h"

#define LINE_OCTETS ((size_t)78)
#define COMMENT_OCTETS ((size_t)200)
#define VALUE_OCTETS ((size_t)255)

/* Where a text is cut: what remains is no prefix that means something. */
#define CUT STR("...")

/* Text of a stranger after scrub(). */
struct clean {
	char p[VALUE_OCTETS];
	size_t n;
};

/* RFC 8601 section 2.2 and RFC 6532: C0, DEL and U+0080 to U+009F. */
static bool
is_control(struct str unit)
{
	if (unit.n == 2)
		return unit.p[0] == '\xc2' && (unsigned char)unit.p[1] < 0xa0;
	return unit.n == 1 && chars_is(unit.p[0], CH_CTL);
}

/*
 * text without controls; what is not ASCII becomes "?", octet for octet where
 * it is no UTF-8, else character for character unless utf8 is true. At most
 * max octets, CUT the last of them when text was longer.
 */
static struct clean
scrub(struct str text, size_t max, bool utf8)
{
	struct clean c;
	size_t mark; /* the longest prefix that leaves room for CUT */

	c.n = 0;
	/* nearly always all of it is short and printable */
	while (c.n < text.n && c.n < max && chars_is(text.p[c.n], CH_PRINT)) {
		c.p[c.n] = text.p[c.n];
		c.n++;
	}
	mark = c.n + CUT.n <= max ? c.n : max - CUT.n;
	text = str_from(text, c.n);
	while (text.n) {
		size_t n = utf8_len(text);
		struct str unit = str_head(text, n ? n : 1);

		text = str_from(text, unit.n);
		if (is_control(unit))
			continue;
		if (n != 1 && (n == 0 || !utf8))
			unit = STR("?");
		if (c.n + unit.n > max) {
			memcpy(c.p + mark, CUT.p, CUT.n);
			c.n = mark + CUT.n;
			break;
		}
		memcpy(c.p + c.n, unit.p, unit.n);
		c.n += unit.n;
		if (c.n + CUT.n <= max)
			mark = c.n;
	}
	return c;
}

static struct str
clean_str(const struct clean *c)
{
	return (struct str){c->p, c->n};
}

static void
put(struct authres_writer *w, struct str s)
{
	buf_add(w->out, s);
	w->col += s.n;
}

static void
fold(struct authres_writer *w)
{
	buf_add_z(w->out, w->newline);
	w->col = 0;
}

/*
 * White space before a piece of n octets that must not be broken: a line end
 * and tab when it does not fit, with room for a ";" behind it.
 */
static void
space(struct authres_writer *w, size_t n)
{
	if (w->col + n + 2 <= LINE_OCTETS) {
		put(w, STR(" "));
		return;
	}
	fold(w);
	put(w, STR("\t"));
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_TOKEN))
			return false;
	return s.n > 0;
}

static bool
needs_pair(char c)
{
	return c == '"' || c == '\\';
}

/* Octets of s[from..] up to the next space, as they are written. */
static size_t
run_length(struct str s, size_t from)
{
	size_t n = 0;

	while (from < s.n && s.p[from] != ' ')
		n += 1 + needs_pair(s.p[from++]);
	return n;
}

/* Octets up to the next that is written with a backslash, or space. */
static size_t
plain_length(struct str s, size_t from)
{
	size_t i = from;

	while (i < s.n && s.p[i] != ' ' && !needs_pair(s.p[i]))
		i++;
	return i - from;
}

/*
 * RFC 5322 section 3.2.4: quoted-string. Folded only before a space of its
 * own that has text behind it, so that unfolding gives s again.
 */
static void
put_quoted(struct authres_writer *w, struct str s)
{
	size_t i = 0;

	put(w, STR("\""));
	while (i < s.n) {
		size_t next = s.p[i] == ' ' ? run_length(s, i + 1) : 0;
		size_t n = plain_length(s, i);

		if (next && w->col + next + 3 > LINE_OCTETS)
			fold(w);
		if (needs_pair(s.p[i]))
			put(w, STR("\\"));
		n += n == 0;
		put(w, (struct str){s.p + i, n});
		i += n;
	}
	put(w, STR("\""));
}

/* The octets that put_quoted() writes up to the first space in s. */
static size_t
quoted_head(struct str s)
{
	return run_length(s, 0) + (str_chr(s, ' ') == s.n ? 2 : 1);
}

static void
put_value(struct authres_writer *w, struct str value)
{
	if (is_token(value))
		put(w, value);
	else
		put_quoted(w, value);
}

static void
put_pair(struct authres_writer *w, struct str name, struct str value)
{
	space(w, name.n + 1 + (is_token(value) ? value.n : quoted_head(value)));
	put(w, name);
	put(w, STR("="));
	put_value(w, value);
}

void
authres_begin(struct authres_writer *w, struct buf *out, struct str id,
    const char *newline)
{
	struct clean c = scrub(id, VALUE_OCTETS, true);

	*w = (struct authres_writer){.out = out,
	    .newline = newline,
	    .col = STR("Authentication-Results:").n};
	put(w, STR(" "));
	put_value(w, clean_str(&c));
}

void
authres_result(struct authres_writer *w, const char *method, const char *result)
{
	put(w, STR(";"));
	fold(w);
	put(w, STR("\t"));
	put(w, str_from_z(method));
	put(w, STR("="));
	put(w, str_from_z(result));
	w->results++;
}

/*
 * The octets by which a reader without a notion of comments would leave this
 * one. Comments are for humans: another octet does as well.
 */
static char
tame(char c)
{
	static const char from[] = "()\\\";", to[] = "[]/',";
	const char *at = memchr(from, c, sizeof(from) - 1);

	return at ? to[at - from] : c;
}

void
authres_comment(struct authres_writer *w, struct str text)
{
	struct clean c = scrub(text, COMMENT_OCTETS, false);
	struct str rest = str_trim(clean_str(&c), " ");
	struct str part;
	bool first = true;

	for (size_t i = 0; i < c.n; i++)
		c.p[i] = tame(c.p[i]);
	while (rest.n) {
		part = str_cut(rest, ' ', &rest);
		if (part.n == 0)
			continue;
		space(w, part.n + 2);
		if (first)
			put(w, STR("("));
		put(w, part);
		first = false;
	}
	if (!first)
		put(w, STR(")"));
}

void
authres_reason(struct authres_writer *w, struct str text)
{
	struct clean c = scrub(text, VALUE_OCTETS, false);

	if (c.n)
		put_pair(w, STR("reason"), clean_str(&c));
}

void
authres_prop(
    struct authres_writer *w, const char *name, struct str value, bool utf8)
{
	struct clean c = scrub(value, VALUE_OCTETS, utf8);

	put_pair(w, str_from_z(name), clean_str(&c));
}

/* RFC 5322 section 3.2.3, RFC 6532 section 3.2: dot-atom-text. */
static bool
is_dot_atom(struct str s, unsigned mask)
{
	bool dot = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !dot)
			dot = true;
		else if (chars_is(s.p[i], mask))
			dot = false;
		else
			return false;
	}
	return s.n > 0 && !dot;
}

/* RFC 5321 section 4.1.2: Quoted-string, as it came in the envelope. */
static bool
is_quoted(struct str s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '"')
			return false;
		if (s.p[i] == '\\' && ++i + 1 == s.n)
			return false;
	}
	return true;
}

void
authres_prop_addr(
    struct authres_writer *w, const char *name, struct str value, bool utf8)
{
	struct clean c = scrub(value, VALUE_OCTETS, utf8);
	struct str all = clean_str(&c), local, domain, z = str_from_z(name);
	size_t at = str_rchr(all, '@');
	bool atom;

	local = str_head(all, at);
	domain = str_from(all, at + 1);
	/* RFC 8601 section 2.2: [ [ local-part ] "@" ] domain-name */
	if (at == all.n ||
	    !is_dot_atom(domain, CH_LDH | CH_TAGNAME | CH_HIGH)) {
		put_pair(w, z, all);
		return;
	}
	atom = local.n == 0 || is_quoted(local) ||
	       is_dot_atom(local, CH_ATEXT | CH_HIGH);
	space(w, z.n + 1 + (atom ? all.n : quoted_head(local) + domain.n + 1));
	put(w, z);
	put(w, STR("="));
	if (atom)
		put(w, local);
	else
		put_quoted(w, local);
	put(w, STR("@"));
	put(w, domain);
}

void
authres_end(struct authres_writer *w)
{
	if (w->results)
		return;
	put(w, STR(";"));
	space(w, STR("none").n);
	put(w, STR("none"));
}
