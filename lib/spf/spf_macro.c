/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/spf/spf_macro.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/scan.h"

static const char delimiters[] = ".-+,/_=";

#define DELIM_DOT 1u
#define KEEP_MAX UINT16_MAX

static unsigned
delim_bit(char c)
{
	const char *at = c ? strchr(delimiters, c) : NULL;

	return at ? 1u << (at - delimiters) : 0;
}

/* RFC 7208 section 7.2: c, r and t are allowed in explanations only. */
static bool
is_letter(char c, enum spf_macro_kind kind)
{
	return c &&
	       strchr(kind == SPF_MACRO_DOMAIN ? "slodiphv" : "slodiphvcrt", c);
}

/* *DIGIT: any count of digits, the value is held at KEEP_MAX. */
static bool
scan_keep(struct scan *s, uint16_t *out)
{
	struct str digits;
	unsigned v = 0;

	if (!scan_many(s, CH_DIGIT, &digits))
		return true;
	for (size_t i = 0; i < digits.n && v < KEEP_MAX; i++)
		v = v * 10 + (unsigned)(digits.p[i] - '0');
	*out = (uint16_t)(v < KEEP_MAX ? v : KEEP_MAX);
	/* RFC 7208 section 7.3: "the value MUST be nonzero" */
	return v > 0;
}

/* The rest of macro-expand after "%{". */
static bool
scan_expand(struct scan *s, enum spf_macro_kind kind, struct spf_macro_item *it)
{
	unsigned bit;

	if (s->p == s->end)
		return false;
	it->letter = chars_lower(*s->p);
	it->escape = it->letter != *s->p;
	if (!is_letter(it->letter, kind))
		return false;
	s->p++;
	if (!scan_keep(s, &it->keep))
		return false;
	it->reverse = scan_char(s, 'r') || scan_char(s, 'R');
	while (s->p < s->end && (bit = delim_bit(*s->p))) {
		it->delims |= (uint8_t)bit;
		s->p++;
	}
	if (!it->delims)
		it->delims = DELIM_DOT;
	return scan_char(s, '}');
}

static bool
scan_literal(struct scan *s, enum spf_macro_kind kind, struct str *out)
{
	const char *from = s->p;

	while (s->p < s->end && chars_is(*s->p, CH_PRINT) && *s->p != '%' &&
	       (*s->p != ' ' || kind == SPF_MACRO_EXPLAIN))
		s->p++;
	*out = (struct str){from, (size_t)(s->p - from)};
	return out->n > 0;
}

static bool
scan_item(struct scan *s, enum spf_macro_kind kind, struct spf_macro_item *it)
{
	*it = (struct spf_macro_item){0};
	if (!scan_char(s, '%'))
		return scan_literal(s, kind, &it->literal);
	if (scan_char(s, '{'))
		return scan_expand(s, kind, it);
	if (scan_char(s, '%'))
		it->literal = STR("%");
	else if (scan_char(s, '_'))
		it->literal = STR(" ");
	else if (scan_char(s, '-'))
		it->literal = STR("%20");
	return it->literal.n > 0;
}

/* toplabel: letters, digits and inner hyphens, not digits alone. */
static bool
is_toplabel(struct str s)
{
	bool only_digits = true;

	if (s.n == 0 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!chars_is(s.p[i], CH_LDH))
			return false;
		only_digits = only_digits && chars_is(s.p[i], CH_DIGIT);
	}
	return !only_digits;
}

/* domain-end, for a domain-spec whose last item is this literal. */
static bool
ends_in_toplabel(struct str literal)
{
	size_t dot;

	if (literal.n && literal.p[literal.n - 1] == '.')
		literal.n--;
	dot = str_rchr(literal, '.');
	return dot < literal.n && is_toplabel(str_from(literal, dot + 1));
}

/* Is text of its production? Counts its items. */
static bool
check(struct str text, enum spf_macro_kind kind, size_t *n)
{
	struct scan s = scan_of(text);
	struct str last = STR_NONE; /* the last item as it is written */

	for (*n = 0; !scan_done(&s); ++*n) {
		struct spf_macro_item it;
		const char *from = s.p;

		if (!scan_item(&s, kind, &it))
			return false;
		last = (struct str){from, (size_t)(s.p - from)};
	}
	if (kind != SPF_MACRO_DOMAIN)
		return true;
	return last.n && (last.p[0] == '%' || ends_in_toplabel(last));
}

int
spf_macro_parse(struct arena *a, struct str text, enum spf_macro_kind kind,
    struct spf_macro *out)
{
	struct spf_macro m = {.text = text};
	struct scan s = scan_of(text);

	if (!check(text, kind, &m.n))
		return AVER_SYNTAX;
	if (!out)
		return 0;
	if (str_chr(text, '%') == text.n) {
		m.n = 0;
		*out = m;
		return 0;
	}
	m.items = ARENA_ARRAY(a, struct spf_macro_item, m.n);
	if (!m.items)
		return AVER_NOMEM;
	for (size_t i = 0; i < m.n; i++) {
		if (!scan_item(&s, kind, &m.items[i]))
			return AVER_BUG;
		m.local |= m.items[i].letter == 's' || m.items[i].letter == 'l';
	}
	m.no_name = text.n >= 2 && text.p[text.n - 2] == '%';
	*out = m;
	return 0;
}

/* Each "%" makes at most one item and one literal after it. */
size_t
spf_macro_memory(size_t percents)
{
	return (2 * percents + 1) * sizeof(struct spf_macro_item) +
	       _Alignof(max_align_t);
}

/* Text that grows to the left; what does not fit is lost. */
struct tail {
	char *p;
	size_t room, n;
};

static bool
is_full(const struct tail *t)
{
	return t->n == t->room;
}

static void
prepend(struct tail *t, struct str s)
{
	size_t n = s.n < t->room - t->n ? s.n : t->room - t->n;

	t->n += n;
	if (n)
		memcpy(t->p + t->room - t->n, s.p + s.n - n, n);
}

/* RFC 7208 section 7.3: as RFC 3986 section 2.1, all but unreserved. */
static void
prepend_escaped(struct tail *t, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	while (s.n-- && !is_full(t)) {
		unsigned char c = (unsigned char)s.p[s.n];
		char esc[3] = {'%', hex[c >> 4], hex[c & 15]};

		if (chars_is(s.p[s.n], CH_URI))
			prepend(t, (struct str){s.p + s.n, 1});
		else
			prepend(t, (struct str){esc, 3});
	}
}

/*
 * Takes the first or last part off *v. Returns false when it was the only
 * one.
 */
static bool
take_part(struct str *v, const struct spf_macro_item *it, struct str *part)
{
	size_t i;

	if (it->reverse) {
		for (i = 0; i < v->n; i++)
			if (delim_bit(v->p[i]) & it->delims)
				break;
		*part = str_head(*v, i);
		if (i == v->n)
			return false;
		*v = str_from(*v, i + 1);
		return true;
	}
	for (i = v->n; i > 0; i--)
		if (delim_bit(v->p[i - 1]) & it->delims)
			break;
	*part = str_from(*v, i);
	if (i == 0)
		return false;
	*v = str_head(*v, i - 1);
	return true;
}

/*
 * RFC 7208 section 7.3: split, reverse, keep the rightmost, join with ".".
 * Written from the right: the rightmost part of the result is the last part
 * of the value, or its first one when it is reversed.
 */
static void
prepend_value(struct tail *t, const struct spf_macro_item *it, struct str v)
{
	size_t left = it->keep ? it->keep : SIZE_MAX;
	bool more = true;

	while (more && !is_full(t)) {
		struct str part;

		more = take_part(&v, it, &part);
		if (it->escape)
			prepend_escaped(t, part);
		else
			prepend(t, part);
		if (--left == 0)
			break;
		if (more)
			prepend(t, STR("."));
	}
}

static void
prepend_item(struct tail *t, const struct spf_macro_item *it,
    const struct spf_macro_source *src)
{
	if (it->letter)
		prepend_value(t, it, src->value(src->arg, it->letter));
	else
		prepend(t, it->literal);
}

/* RFC 7208 section 7.3: drop labels from the left until it is 253 octets. */
static struct str
cut_left(struct str name)
{
	while (name.n > SPF_NAME_MAX)
		name = str_from(name, str_chr(name, '.') + 1);
	return name;
}

void
spf_macro_name(const struct spf_macro *m, const struct spf_macro_source *src,
    struct spf_name *out)
{
	struct tail t = {out->room, sizeof(out->room), 0};

	if (!m->items) {
		out->text = m->text;
	} else {
		for (size_t i = m->n; i > 0 && !is_full(&t); i--)
			prepend_item(&t, &m->items[i - 1], src);
		out->text = (struct str){t.p + t.room - t.n, t.n};
	}
	if (out->text.n && out->text.p[out->text.n - 1] == '.')
		out->text.n--;
	out->text = cut_left(out->text);
}

void
spf_macro_text(const struct spf_macro *m, const struct spf_macro_source *src,
    struct buf *b, size_t max)
{
	char room[512];

	if (!m->items)
		buf_add(b, str_head(m->text, max));
	for (size_t i = 0; i < m->n && b->n < max; i++) {
		struct tail t = {room, sizeof(room), 0};
		struct str s = m->items[i].literal;

		if (m->items[i].letter) {
			prepend_item(&t, &m->items[i], src);
			/* its beginning is lost: nothing to go on with */
			if (is_full(&t))
				return;
			s = (struct str){t.p + t.room - t.n, t.n};
		}
		buf_add(b, str_head(s, max - b->n));
	}
}
