/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/from_parse.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/mail/addr.h"
#include "lib/mail/encword.h"
#include "lib/mail/from.h"
#include "lib/mail/utf8.h"

/* Nothing longer converts to a name of 253 octets. */
#define DOMAIN_OCTETS ((size_t)1024)

bool
from_set_add(struct from_set *set, struct str raw)
{
	struct str d;
	int err;

	for (size_t i = 0; i < set->n; i++)
		if (str_eq_ci(set->v[i], raw))
			return true;
	if (set->truncated || set->nomem)
		return true;
	if (set->work++ == FROM_WORK_MAX) {
		set->truncated = true;
		return true;
	}
	err = domain_to_ascii(set->a, raw, &d);
	if (err == AVER_NOMEM)
		set->nomem = true;
	if (err)
		return false;
	if (set->searching && domain_labels(d) < 2)
		return true;
	for (size_t i = 0; i < set->n; i++)
		if (str_eq(set->v[i], d))
			return true;
	if (set->n == FROM_DOMAINS_MAX) {
		set->truncated = true;
		return true;
	}
	set->v[set->n++] = d;
	return true;
}

/* Refuses; the first reason stays. Returns false. */
static bool
refuse(struct from_parse *p, const char *why)
{
	if (!p->why) {
		p->why = why;
		p->at = scan_offset(&p->s);
	}
	return false;
}

/*
 * One comment or quoted-string, the cursor on its first octet, to which close
 * belongs. Comments nest without a limit: depth is only a number. *special is
 * set when a reader that does not know this construct could find an address
 * or a part of a domain in it. A quoted-pair that hides a delimiter, with an
 * "@" behind it, refuses: a reader that stops at the delimiter sees another
 * address.
 */
static bool
skip_hidden(struct from_parse *p, char close, bool *special)
{
	char open = *p->s.p++;
	bool escaped = false;
	size_t depth = 1;

	while (!scan_done(&p->s)) {
		char c = *p->s.p++;

		if (c == '\\') {
			if (scan_done(&p->s))
				break;
			c = *p->s.p++;
			escaped |= c == open || c == close;
		} else if (c == close) {
			if (--depth == 0)
				return true;
		} else if (c == open) {
			depth++;
		}
		*special |= c == '@' || c == '.' || c == '<' || c == '>';
		if (c == '@' && escaped)
			return refuse(p, "address behind a quoted-pair");
	}
	return refuse(p, close == ')' ? "comment does not end"
				      : "quoted-string does not end");
}

/* [CFWS]; *special as above, for its comments. */
static bool
cfws(struct from_parse *p, bool *special)
{
	for (;;) {
		scan_skip(&p->s, CH_FWS);
		if (scan_peek(&p->s) != '(')
			return true;
		if (!skip_hidden(p, ')', special))
			return false;
	}
}

/* [CFWS] where a comment cannot be taken for a part of an address. */
static bool
outer_cfws(struct from_parse *p)
{
	bool special = false;

	return cfws(p, &special);
}

/* [CFWS] inside an address. */
static bool
inner_cfws(struct from_parse *p)
{
	bool special = false;

	if (!cfws(p, &special))
		return false;
	if (special && !p->searching)
		return refuse(p, "comment inside an address");
	return true;
}

/* RFC 5322 section 3.4.1: domain-literal, which names no domain. */
static bool
literal(struct from_parse *p)
{
	p->s.p++;
	while (!scan_done(&p->s)) {
		char c = *p->s.p++;

		if (c == ']') {
			p->literal = true;
			return true;
		}
		if (c == '[' || c == '\\' || c == '@')
			break;
	}
	return refuse(p, "bad address literal");
}

/*
 * What may stand after a label: [CFWS], then "." when the domain goes on. A
 * comment that touches the domain or stands inside of it must be harmless.
 */
static bool
after_label(struct from_parse *p)
{
	bool special = false, touches = scan_peek(&p->s) == '(';

	if (!cfws(p, &special))
		return false;
	if (special && !p->searching && (touches || scan_peek(&p->s) == '.'))
		return refuse(p, "comment inside a domain");
	return true;
}

bool
from_parse_domain(struct from_parse *p)
{
	char text[DOMAIN_OCTETS];
	struct str label;
	size_t n = 0;

	if (!inner_cfws(p))
		return false;
	if (scan_peek(&p->s) == '[')
		return literal(p);
	for (;;) {
		if (!scan_many(&p->s, CH_ATEXT | CH_HIGH, &label)) {
			if (n == 0)
				return refuse(p, "no domain after \"@\"");
			p->lax = "domain ends in a dot";
			n--;
			break;
		}
		if (label.n + 1 > sizeof(text) - n)
			return refuse(p, "domain too long");
		memcpy(text + n, label.p, label.n);
		n += label.n;
		if (!after_label(p))
			return false;
		if (!scan_char(&p->s, '.'))
			break;
		text[n++] = '.';
		if (!inner_cfws(p))
			return false;
	}
	if (!from_set_add(p->set, (struct str){text, n}))
		return refuse(p, "not a domain name");
	return true;
}

/* The words before "<", "@", ":", or what local-part consists of. */
struct words {
	size_t n; /* words and dots */
	size_t units; /* runs of words joined by dots */
	bool after_word; /* the last one was a word */
	bool hides_angle; /* a quoted-string holds "<" */
	bool hides_at; /* or "@" */
};

static bool
quoted(struct from_parse *p, struct words *w)
{
	const char *from = p->s.p;
	bool special = false;
	struct str text;

	if (!skip_hidden(p, '"', &special))
		return false;
	text = (struct str){from, (size_t)(p->s.p - from)};
	w->hides_angle |= str_chr(text, '<') < text.n;
	w->hides_at |= str_chr(text, '@') < text.n;
	return true;
}

/* One word or dot; false without one (why is then not set) or on refusal. */
static bool
word(struct from_parse *p, struct words *w)
{
	if (scan_char(&p->s, '.')) {
		w->units += w->n == 0;
		w->after_word = false;
		w->n++;
		return true;
	}
	if (!scan_skip(&p->s, CH_ATEXT | CH_HIGH) &&
	    (scan_peek(&p->s) != '"' || !quoted(p, w)))
		return false;
	if (w->after_word || w->n == 0)
		w->units++;
	w->after_word = true;
	w->n++;
	return true;
}

/* An encoded-word stands between from and the cursor. */
static bool
encoded_since(const struct from_parse *p, const char *from)
{
	return encword_in((struct str){from, (size_t)(p->s.p - from)});
}

/* RFC 5322 section 3.4: angle-addr, the cursor behind its "<". */
static bool
angle(struct from_parse *p)
{
	const char *from = p->s.p;
	struct words w = {0};

	if (!inner_cfws(p))
		return false;
	/* section 4.4, obs-route: readers disagree which domain counts */
	if (scan_peek(&p->s) == '@')
		return refuse(p, "source route or no local-part");
	while (word(p, &w))
		if (!inner_cfws(p))
			return false;
	if (p->why)
		return false;
	if (w.units != 1)
		return refuse(p, "bad local-part");
	/* RFC 2047 section 5: never inside an addr-spec */
	if (encoded_since(p, from))
		return refuse(p, "encoded-word in an address");
	if (!scan_char(&p->s, '@'))
		return refuse(p, "no \"@\" between \"<\" and \">\"");
	if (!from_parse_domain(p) || !inner_cfws(p))
		return false;
	if (!scan_char(&p->s, '>'))
		return refuse(p, "no \">\" after the domain");
	return true;
}

/*
 * addr-spec without brackets, the cursor behind its "@". Words before the
 * local-part are outside the grammar: readers take them for a display name
 * unless they could be an address themselves.
 */
static bool
bare(struct from_parse *p, const struct words *w)
{
	if (w->units == 0)
		return refuse(p, "no local-part before \"@\"");
	if (w->units > 1) {
		if (w->hides_angle)
			return refuse(p, "two addresses without brackets");
		p->lax = "display name without brackets";
	}
	return from_parse_domain(p);
}

static bool address_list(struct from_parse *p, bool in_group);

/* mailbox or, unless in_group, group; the cursor on no CFWS. */
static bool
address(struct from_parse *p, bool in_group)
{
	const char *from = p->s.p;
	struct words w = {0};

	while (word(p, &w))
		if (!outer_cfws(p))
			return false;
	if (p->why)
		return false;
	if (scan_char(&p->s, '<'))
		return angle(p);
	if (scan_peek(&p->s) == '@' && encoded_since(p, from))
		return refuse(p, "encoded-word in an address");
	if (scan_char(&p->s, '@'))
		return bare(p, &w);
	if (in_group || w.n == 0 || !scan_char(&p->s, ':'))
		return refuse(
		    p, w.n ? "words without an address" : "unexpected octet");
	/* RFC 6854 section 2: a reader may show the group's name as author */
	if (w.hides_at || encoded_since(p, from))
		return refuse(p, "address in the name of a group");
	return address_list(p, true);
}

/*
 * The list at top level, or (one level deeper and no more) the members of a
 * group and its ";".
 */
static bool
address_list(struct from_parse *p, bool in_group)
{
	while (!p->set->truncated && !p->set->nomem) {
		if (!outer_cfws(p))
			return false;
		if (scan_done(&p->s))
			return !in_group || refuse(p, "group does not end");
		if (in_group && scan_char(&p->s, ';'))
			return true;
		/* section 4.4: empty elements are allowed */
		if (scan_char(&p->s, ','))
			continue;
		if (!address(p, in_group) || !outer_cfws(p))
			return false;
		if (!scan_done(&p->s) && scan_peek(&p->s) != ',' &&
		    !(in_group && scan_peek(&p->s) == ';'))
			return refuse(p, "text after an address");
	}
	return true;
}

bool
from_parse_list(struct from_parse *p, struct str value, struct from_set *set)
{
	*p = (struct from_parse){.s = scan_of(value), .set = set};
	return address_list(p, false);
}

/* What stands before "<" in the lax form; the cursor stops there. */
static bool
lax_name(struct from_parse *p)
{
	struct words w = {0};

	while (!scan_done(&p->s)) {
		switch (scan_peek(&p->s)) {
		case '<':
			return true;
		case '>':
			return false;
		case '"':
			if (!quoted(p, &w))
				return false;
			break;
		case '(':
			if (!outer_cfws(p))
				return false;
			break;
		default:
			p->s.p++;
		}
	}
	return false;
}

bool
from_parse_lax(struct str value, struct from_set *set)
{
	struct from_parse p = {.s = scan_of(value), .set = set};
	const char *from;

	if (!lax_name(&p))
		return false;
	from = p.s.p++;
	if (!angle(&p) || p.literal ||
	    !utf8_ok((struct str){from, (size_t)(p.s.p - from)}))
		return false;
	do {
		if (!outer_cfws(&p))
			return false;
	} while (scan_char(&p.s, ',') || scan_char(&p.s, ';'));
	return scan_done(&p.s);
}
