/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/from.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/base/scan.h"
#include "lib/mail/encword.h"
#include "lib/mail/from_parse.h"
#include "lib/mail/utf8.h"

/* Of a value that the grammar refuses, so much is searched for addresses. */
#define SEARCH_MAX ((size_t)65536)
/* so many "@" of it, and so many octets behind each for folds and comments */
#define SEARCH_ADDRESSES ((size_t)256)
#define SEARCH_DOMAIN ((size_t)1024)

static const char *const from_status_names[FROM_STATUS_COUNT] = {
    [FROM_OK] = "ok",
    [FROM_MISSING] = "missing",
    [FROM_REPEATED] = "repeated",
    [FROM_MULTIPLE] = "multiple",
    [FROM_NO_DOMAIN] = "no-domain",
    [FROM_INVALID] = "invalid",
};

const char *
from_status_name(enum from_status st)
{
	return name_of(from_status_names, FROM_STATUS_COUNT, (int)st);
}

enum name_kind { NAME_OTHER, NAME_FROM, NAME_ODD };

/*
 * Readers drop, trim or stop at octets that no field name may hold (white
 * space, a fold, NUL, 8-bit): a name that is "From" without them is a From
 * field for some reader.
 */
static enum name_kind
kind_of(struct str name)
{
	static const char from[] = "from";
	size_t k = 0;

	for (size_t i = 0; i < name.n; i++) {
		if (!chars_is(name.p[i], CH_FTEXT))
			continue;
		if (k == 4 || chars_lower(name.p[i]) != from[k])
			return NAME_OTHER;
		k++;
	}
	if (k < 4)
		return NAME_OTHER;
	return name.n == 4 ? NAME_FROM : NAME_ODD;
}

bool
from_is_name(struct str name)
{
	return kind_of(name) != NAME_OTHER;
}

/* "From" and nothing else stands before the colon. */
static enum name_kind
kind_of_field(const struct hdr *h)
{
	enum name_kind kind = kind_of(h->name);

	if (kind == NAME_FROM && (h->raw.n < 5 || h->raw.p[4] != ':'))
		return NAME_ODD;
	return kind;
}

struct octets {
	bool control; /* other than tab and folds */
	bool garbage; /* 8-bit that is no UTF-8 */
};

/* RFC 5322 section 2.2.3: a fold is CRLF before white space; LF too here. */
static bool
is_fold(struct str s, size_t i)
{
	if (s.p[i] == '\r')
		i++;
	return i + 1 < s.n && s.p[i] == '\n' && chars_is(s.p[i + 1], CH_WSP);
}

static struct octets
look_at(struct str s)
{
	struct octets o = {0};

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (chars_is(c, CH_PRINT) || c == '\t')
			continue;
		if (chars_is(c, CH_HIGH)) {
			size_t n = utf8_len(str_from(s, i));

			o.garbage |= n == 0;
			i += n ? n - 1 : 0;
		} else if (!chars_is(c, CH_FWS) || !is_fold(s, i)) {
			o.control = true;
		} else if (c == '\r') {
			i++;
		}
	}
	return o;
}

/* A copy without controls and without octets that are no UTF-8. */
static int
without_dirt(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_alloc(a, s.n), *at = p;

	if (!p)
		return AVER_NOMEM;
	while (s.n) {
		size_t n = utf8_len(s);

		if (n == 0 || (n == 1 && chars_is(s.p[0], CH_CTL))) {
			s = str_from(s, 1);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			*at++ = s.p[i];
		s = str_from(s, n);
	}
	*out = (struct str){p, (size_t)(at - p)};
	return 0;
}

/* The octets of mask and dots that s begins with, without outer dots. */
static struct str
run_of(struct str s, unsigned mask)
{
	size_t n = 0;

	while (n < s.n && (chars_is(s.p[n], mask) || s.p[n] == '.'))
		n++;
	return str_trim(str_head(s, n), ".");
}

/*
 * Adds what any reader could take for the domain behind each "@": the octets
 * that follow at once, with or without the 8-bit ones, and the domain of the
 * grammar. Quotes and comments hide nothing here. False without "@".
 */
static bool
search(struct str text, struct from_set *set)
{
	size_t left = SEARCH_ADDRESSES, at;
	bool found = false;

	while ((at = str_chr(text, '@')) < text.n && !set->nomem) {
		struct from_parse p = {.set = set, .searching = true};
		struct str run;

		found = true;
		if (left-- == 0)
			set->truncated = true;
		if (set->truncated)
			break;
		text = str_from(text, at + 1);
		run = run_of(text, CH_LDH | CH_TAGNAME | CH_HIGH);
		if (run.n && !from_set_add(set, run)) {
			run = run_of(text, CH_LDH | CH_TAGNAME);
			if (run.n)
				from_set_add(set, run);
		}
		p.s = scan_of(str_head(text, SEARCH_DOMAIN));
		from_parse_domain(&p);
	}
	return found;
}

/* search() in text as it is and as readers who drop octets see it. */
static int
search_dirty(
    struct arena *a, struct str text, struct from_set *set, bool *found)
{
	struct octets o = look_at(text);
	struct str clean;
	int err;

	*found |= search(text, set);
	if (!o.control && !o.garbage)
		return 0;
	if ((err = without_dirt(a, text, &clean)))
		return err;
	*found |= search(clean, set);
	return 0;
}

/* All of that, also in the text that readers see who decode first. */
static int
search_all(struct arena *a, struct str text, struct from_set *set, bool *found)
{
	struct str part = str_head(text, SEARCH_MAX), decoded;
	int err;

	set->searching = true;
	if ((err = search_dirty(a, part, set, found)))
		return err;
	if (encword_in(part)) {
		if ((err = encword_decode(a, part, &decoded)) ||
		    (err = search_dirty(a, decoded, set, found)))
			return err;
	}
	set->searching = false;
	if (part.n < text.n)
		*found = set->truncated = true;
	return 0;
}

struct verdict {
	enum from_status status;
	const char *why; /* NULL when there is nothing to say */
	size_t at;
};

/* What a value of the grammar says. */
static struct verdict
judge_parsed(const struct from_parse *p, const struct from_set *set)
{
	struct verdict v = {.status = FROM_OK, .why = p->lax};

	if (set->truncated || set->n > 1) {
		v = (struct verdict){FROM_MULTIPLE, "several domains", 0};
	} else if (set->n == 0) {
		v.status = FROM_NO_DOMAIN;
		v.why = p->literal ? "address literal" : "no address";
	} else if (p->literal) {
		v.status = FROM_MULTIPLE;
		v.why = "a domain and an address literal";
	}
	return v;
}

/* One value; all its domains go to set. */
static int
judge_value(
    struct arena *a, struct str value, struct from_set *set, struct verdict *v)
{
	struct octets o = look_at(value);
	struct from_parse p = {0};
	size_t n = set->n;
	bool found = false;
	int err;

	if (o.control)
		p.why = "control octet";
	else if (o.garbage)
		p.why = "octets that are not UTF-8";
	else if (from_parse_list(&p, value, set) && !p.why) {
		*v = judge_parsed(&p, set);
		return 0;
	}
	*v = (struct verdict){FROM_INVALID, p.why, p.at};
	/* what was added before the refusal is found again */
	if (value.n <= SEARCH_MAX && !set->truncated)
		set->n = n;
	if ((err = search_all(a, value, set, &found)))
		return err;
	if (!found && !o.control)
		v->status = FROM_NO_DOMAIN;
	else if (!o.control && from_parse_lax(value, set) && set->n == 1 &&
		 !set->truncated)
		v->status = FROM_OK;
	return 0;
}

int
from_extract(struct arena *a, const struct hdr_list *headers, struct from *out)
{
	struct verdict v = {FROM_MISSING, "no From field", 0};
	struct from_set set = {.a = a};
	size_t fields = 0;
	int err;

	*out = (struct from){0};
	set.v = ARENA_ARRAY(a, struct str, FROM_DOMAINS_MAX);
	if (!set.v)
		return AVER_NOMEM;
	for (size_t i = 0; i < headers->n; i++) {
		enum name_kind kind = kind_of_field(&headers->v[i]);

		if (kind == NAME_OTHER)
			continue;
		err = judge_value(a, headers->v[i].value, &set, &v);
		if (err || set.nomem)
			return AVER_NOMEM;
		if (kind == NAME_ODD)
			v = (struct verdict){FROM_INVALID,
			    "octets between \"From\" and the colon", 0};
		if (++fields > 1 && set.truncated)
			break;
	}
	if (fields > 1)
		v = (struct verdict){
		    FROM_REPEATED, "more than one From field", 0};
	*out = (struct from){.status = v.status,
	    .domains = set.v,
	    .n_domains = set.n,
	    .truncated = set.truncated,
	    .lax = v.status == FROM_OK && v.why};
	if (v.why)
		diag_set(&out->why, 0, v.at, "%s", v.why);
	return 0;
}
