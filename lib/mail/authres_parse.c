/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <string.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/scan.h"
#include "lib/mail/addr.h"
#include "lib/mail/authres.h"
#include "lib/mail/utf8.h"

#define VALUE_MAX ((size_t)65536)
#define RESULTS_MAX ((size_t)500)
#define PROPS_MAX ((size_t)100)

/* ptype, property, method, result: a Keyword of RFC 5321; "_" as in use. */
#define CH_KEYWORD (CH_LDH | CH_TAGNAME)

struct parse {
	struct scan s;
	struct arena *a;
	struct diag *d;
	size_t props_cap, entries_cap;
};

static int
bad(struct parse *p, const char *why)
{
	return diag_set(p->d, AVER_SYNTAX, scan_offset(&p->s), "%s", why);
}

static int
skip(struct parse *p)
{
	return scan_cfws(&p->s) ? 0 : bad(p, "comment does not end");
}

/* [CFWS] c [CFWS] */
static int
mark(struct parse *p, char c, const char *why)
{
	int err = skip(p);

	if (err)
		return err;
	if (!scan_char(&p->s, c))
		return bad(p, why);
	return skip(p);
}

/*
 * RFC 5322 section 3.2.4: quoted-string, the cursor on its first quote. Folds
 * and quoted-pairs are undone in a copy when there are any.
 */
static int
quoted(struct parse *p, struct str *out)
{
	const char *from = ++p->s.p;
	char *copy, *at;
	size_t n;

	while (!scan_done(&p->s) && *p->s.p != '"') {
		if (*p->s.p++ == '\\' && !scan_done(&p->s))
			p->s.p++;
	}
	n = (size_t)(p->s.p - from);
	if (!scan_char(&p->s, '"'))
		return bad(p, "quoted-string does not end");
	*out = (struct str){from, n};
	if (n == 0 || (!memchr(from, '\\', n) && !memchr(from, '\n', n) &&
			  !memchr(from, '\r', n)))
		return 0;
	copy = at = arena_alloc(p->a, n);
	if (!copy)
		return AVER_NOMEM;
	for (size_t i = 0; i < n; i++) {
		if (from[i] == '\\')
			*at++ = from[++i];
		else if (from[i] != '\r' && from[i] != '\n')
			*at++ = from[i];
	}
	*out = (struct str){copy, (size_t)(at - copy)};
	return 0;
}

/* RFC 8601 section 2.2: authserv-id and value are token or quoted-string. */
static int
value(struct parse *p, struct str *out)
{
	if (scan_peek(&p->s) == '"')
		return quoted(p, out);
	if (!scan_many(&p->s, CH_TOKEN | CH_HIGH, out))
		return bad(p, "neither token nor quoted-string");
	return 0;
}

/* Octets of a pvalue without quotes. */
static bool
is_plain(char c)
{
	/*
	 * Beyond the grammar (token, or local-part "@" domain) real fields
	 * have base64, IPv6 addresses and literals without quotes.
	 */
	return chars_is(c, CH_TOKEN | CH_ATEXT | CH_HIGH) ||
	       (c != '\0' && strchr("@.:/=[]", c));
}

static struct str
plain(struct parse *p)
{
	const char *from = p->s.p;

	while (!scan_done(&p->s) && is_plain(*p->s.p))
		p->s.p++;
	return (struct str){from, (size_t)(p->s.p - from)};
}

/* RFC 8601 section 2.2: pvalue without its CFWS. */
static int
pvalue(struct parse *p, struct str *out)
{
	struct str tail;
	int err;

	if (scan_peek(&p->s) != '"') {
		*out = plain(p);
		return out->n ? 0 : bad(p, "empty value of a property");
	}
	if ((err = quoted(p, out)))
		return err;
	if (scan_peek(&p->s) != '@')
		return 0;
	/* a quoted local-part */
	tail = plain(p);
	*out = arena_cat(p->a, *out, tail);
	return out->p ? 0 : AVER_NOMEM;
}

/* Room for one more; the new size in *cap. */
static void *
more(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? 2 * *cap : 4;

	if (n < *cap)
		return v;
	v = arena_grow(a, v, *cap * size, want * size);
	*cap = want;
	return v;
}

/* One propspec, the cursor on it. */
static int
property(struct parse *p, struct authres_entry *e)
{
	struct authres_property q;
	int err;

	if (!scan_many(&p->s, CH_KEYWORD, &q.ptype))
		return bad(p, "not a property");
	if ((err = mark(p, '.', "no \".\" after a property type")))
		return err;
	if (!scan_many(&p->s, CH_KEYWORD, &q.name))
		return bad(p, "no name of a property");
	if ((err = mark(p, '=', "no \"=\" after a property")))
		return err;
	if ((err = pvalue(p, &q.value)))
		return err;
	if (!scan_done(&p->s) && scan_peek(&p->s) != ';' &&
	    scan_peek(&p->s) != '(' && !chars_is(*p->s.p, CH_FWS))
		return bad(p, "unexpected octet in a value");
	if (e->n_props == PROPS_MAX)
		return diag_set(p->d, AVER_LIMIT, 0, "too many properties");
	e->props =
	    more(p->a, e->props, e->n_props, &p->props_cap, sizeof(*e->props));
	if (!e->props)
		return AVER_NOMEM;
	e->props[e->n_props++] = q;
	return 0;
}

/* RFC 8601 section 2.2: method [ "/" version ] "=" result. */
static int
methodspec(struct parse *p, struct authres_entry *e)
{
	uint64_t v = 1;
	int err;

	if (!scan_many(&p->s, CH_KEYWORD, &e->method))
		return bad(p, "no method");
	if ((err = skip(p)))
		return err;
	if (scan_char(&p->s, '/') &&
	    ((err = skip(p)) || (!scan_u64(&p->s, UINT16_MAX, &v) &&
				    (err = bad(p, "bad version of a method")))))
		return err;
	e->version = (unsigned)v;
	if ((err = mark(p, '=', "no \"=\" after a method")))
		return err;
	if (!scan_many(&p->s, CH_KEYWORD, &e->result))
		return bad(p, "no result");
	return 0;
}

/* "reason" "=" value; nothing when something else stands there. */
static int
reason(struct parse *p, struct authres_entry *e)
{
	struct parse t = *p;
	int err;

	if (!scan_lit_ci(&t.s, STR("reason")) || !scan_cfws(&t.s) ||
	    !scan_char(&t.s, '='))
		return 0;
	if ((err = skip(&t)) || (err = value(&t, &e->reason)))
		return err;
	p->s = t.s;
	return skip(p);
}

/* One resinfo behind its ";", up to the next ";" or the end. */
static int
entry(struct parse *p, struct authres_entry *e)
{
	int err;

	*e = (struct authres_entry){0};
	p->props_cap = 0;
	if ((err = methodspec(p, e)) || (err = skip(p)) || (err = reason(p, e)))
		return err;
	while (!scan_done(&p->s) && scan_peek(&p->s) != ';')
		if ((err = property(p, e)) || (err = skip(p)))
			return err;
	return 0;
}

/* [CFWS] authserv-id [ CFWS version ] [CFWS] */
static int
head(struct parse *p, struct authres *out)
{
	uint64_t version = 1;
	int err;

	if ((err = skip(p)) || (err = value(p, &out->id)) || (err = skip(p)))
		return err;
	if (chars_is((char)scan_peek(&p->s), CH_DIGIT) &&
	    !scan_u64(&p->s, UINT16_MAX, &version))
		return bad(p, "bad version");
	/* RFC 8601 section 2.6: an unknown version is not to be read */
	if (version != 1)
		return bad(p, "unknown version");
	out->version = (unsigned)version;
	return skip(p);
}

/* "none" and the end: RFC 8601 section 2.2, no-result. */
static bool
is_none(struct parse *p)
{
	struct scan t = p->s;

	if (!scan_lit_ci(&t, STR("none")) || !scan_cfws(&t))
		return false;
	/* a ";" at the end is tolerated everywhere */
	scan_char(&t, ';');
	return scan_cfws(&t) && scan_done(&t);
}

static int
entries(struct parse *p, struct authres *out)
{
	int err;

	while (scan_char(&p->s, ';')) {
		if ((err = skip(p)))
			return err;
		if (out->n_entries == 0 && is_none(p))
			return 0;
		if (out->n_entries && scan_done(&p->s))
			return 0;
		if (out->n_entries == RESULTS_MAX)
			return diag_set(
			    p->d, AVER_LIMIT, 0, "too many results");
		out->entries = more(p->a, out->entries, out->n_entries,
		    &p->entries_cap, sizeof(*out->entries));
		if (!out->entries)
			return AVER_NOMEM;
		if ((err = entry(p, &out->entries[out->n_entries])))
			return err;
		out->n_entries++;
	}
	if (!scan_done(&p->s))
		return bad(p, "text that is no result");
	return out->n_entries ? 0 : bad(p, "no results");
}

/* No octet that a field may not hold: folds only, no other controls. */
static bool
is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!chars_is(s.p[i], CH_CTL) || s.p[i] == '\t')
			continue;
		if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
			i++;
		if (s.p[i] != '\n' ||
		    (i + 1 < s.n && !chars_is(s.p[i + 1], CH_WSP)))
			return false;
	}
	return true;
}

int
authres_parse(
    struct arena *a, struct str text, struct authres *out, struct diag *d)
{
	struct parse p = {.s = scan_of(text), .a = a, .d = d};
	struct authres r = {0};
	int err;

	if (text.n > VALUE_MAX)
		return diag_set(d, AVER_LIMIT, 0, "field too long");
	if (!is_clean(text))
		return diag_set(d, AVER_SYNTAX, 0, "control octet");
	if ((err = head(&p, &r)) || (err = entries(&p, &r)))
		return err;
	*out = r;
	return 0;
}

/* The octets that a claim may be dressed in: [CFWS], quotes, controls. */
static bool
is_dress(char c)
{
	return chars_is(c, CH_FWS | CH_CTL) || c == '"' || c == '\\';
}

/* Octets looked at again for each of a value; no sane one needs two. */
#define LOOKS_EACH ((size_t)16)
#define LOOKS_LEAST ((size_t)4096)

static void
spend(size_t *left, size_t n)
{
	*left -= n < *left ? n : *left;
}

/* A comment at t that ends; what it took to know is spent. */
static bool
passes_comment(struct scan *t, size_t *left)
{
	const char *from = t->p;
	bool ends = scan_cfws(t);

	spend(left, (size_t)((ends ? t->p : t->end) - from));
	return ends;
}

/* id begins at t when dress (and, if wanted, comments) are skipped. */
static bool
begins_undressed(struct scan t, struct str id, bool comments, size_t *left)
{
	size_t i = 0;

	while (i < id.n && !scan_done(&t) && *left) {
		if (comments && i && *t.p == '(' && passes_comment(&t, left))
			continue;
		if (!is_dress(*t.p)) {
			if (chars_lower(*t.p) != chars_lower(id.p[i]))
				return false;
			i++;
		}
		t.p++;
		spend(left, 1);
	}
	return i == id.n;
}

/*
 * id stands somewhere in value, however dressed. A value made to cost the
 * square of its length is taken for a claim before it does.
 */
static bool
holds_undressed(struct str value, struct str id)
{
	size_t left = LOOKS_EACH * value.n + LOOKS_LEAST;

	for (struct scan s = scan_of(value); !scan_done(&s); s.p++) {
		if (is_dress(*s.p))
			continue;
		if (begins_undressed(s, id, false, &left) ||
		    begins_undressed(s, id, true, &left) || !left)
			return true;
	}
	return false;
}

#define ID_MAX ((size_t)512)

/*
 * A token, or U-labels (RFC 8601 section 2.5), perhaps with "/more" behind it.
 * Anything else was not written by a sane sender, whoever it names.
 */
static bool
is_id_text(struct str s)
{
	if (s.n == 0)
		return false;
	while (s.n) {
		size_t n = utf8_len(s);

		if (n == 0 ||
		    (n == 1 && !chars_is(s.p[0], CH_TOKEN) && s.p[0] != '/'))
			return false;
		s = str_from(s, n);
	}
	return true;
}

/*
 * What stands in the place of the authserv-id, without quotes, in room.
 * Other octets than the grammar's are read too. False when it is empty, does
 * not end, or is too long.
 */
static bool
claimed_id(struct scan *s, char room[ID_MAX], struct str *out)
{
	bool in_quotes = scan_char(s, '"');
	size_t n = 0;

	while (!scan_done(s)) {
		char c = *s->p;

		if (in_quotes ? c == '"'
			      : chars_is(c, CH_FWS) || c == ';' || c == '(')
			break;
		s->p++;
		if (c == '\\' && in_quotes && !scan_done(s))
			c = *s->p++;
		if (n == ID_MAX || c == '"')
			return false;
		if (!chars_is(c, CH_FWS))
			room[n++] = c;
	}
	*out = (struct str){room, n};
	if (in_quotes)
		return scan_char(s, '"') && n > 0;
	return is_id_text(*out);
}

static bool
same_id(struct str x, struct str id)
{
	struct str ascii_x, ascii_id;
	struct arena a;
	bool same;

	x = str_trim(x, ".");
	id = str_trim(id, ".");
	if (str_eq_ci(x, id))
		return true;
	/* RFC 8601 section 5: U-labels are compared as A-labels */
	arena_init(&a, 8192);
	same = domain_to_ascii(&a, x, &ascii_x) == 0 &&
	       domain_to_ascii(&a, id, &ascii_id) == 0 &&
	       str_eq(ascii_x, ascii_id);
	arena_fini(&a);
	return same;
}

bool
authres_names_id(struct str text, struct str id)
{
	struct scan s = scan_of(text);
	char room[ID_MAX];
	struct str claim;

	if (!is_clean(text) || !scan_cfws(&s) || !claimed_id(&s, room, &claim))
		return holds_undressed(text, id);
	/* nothing but U-labels has business around it, and id is ASCII */
	if (!str_is_ascii(claim) && str_contains_ci(claim, id))
		return true;
	/* RFC 8601 section 2.5: "id/anything" is a part of id's domain */
	if (same_id(claim, id) ||
	    same_id(str_head(claim, str_chr(claim, '/')), id))
		return true;
	/* another's, when the field goes on as one does */
	if (!scan_cfws(&s))
		return holds_undressed(text, id);
	if (scan_skip(&s, CH_DIGIT) && !scan_cfws(&s))
		return holds_undressed(text, id);
	if (scan_done(&s) || scan_peek(&s) == ';')
		return false;
	return holds_undressed(text, id);
}
