/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_zone.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/name.h"
#include "lib/base/scan.h"
#include "lib/dns/dns_zonedb.h"

#define RDATA_MAX 65535
#define STRING_MAX 255

static const char *const mark_names[ZONEDB_MARK_COUNT] = {
    [ZONEDB_SERVFAIL] = "SERVFAIL",
    [ZONEDB_TIMEOUT] = "TIMEOUT",
    [ZONEDB_NXDOMAIN] = "NXDOMAIN",
    [ZONEDB_NODATA] = "NODATA",
    [ZONEDB_SECURE] = "SECURE",
    [ZONEDB_INSECURE] = "INSECURE",
    [ZONEDB_BOGUS] = "BOGUS",
};

/* ---- tokens ------------------------------------------------- */

struct token {
	struct str text; /* with its escapes, without its quotes */
	bool quoted;
};

struct parser {
	struct scan s;
	struct zonedb *zone;
	struct diag *d;
	size_t line; /* of the entry */
	size_t next_line; /* of the cursor */
	size_t at; /* offset of the entry */
	struct token *tok; /* of the entry */
	size_t n, cap;
	size_t used; /* tokens taken */
	bool indented; /* the entry begins with white space */
	bool has_owner;
	uint32_t ttl;
	struct dname origin, owner;
	struct buf rdata;
};

static int
bad(const struct parser *p, const char *what)
{
	return diag_set(
	    p->d, AVER_SYNTAX, p->at, "line %zu: %s", p->line, what);
}

static int
add_token(struct parser *p, struct str text, bool quoted)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct token *tok = arena_grow(zonedb_arena(p->zone), p->tok,
		    p->cap * sizeof(*tok), cap * sizeof(*tok));

		if (!tok)
			return AVER_NOMEM;
		p->tok = tok;
		p->cap = cap;
	}
	p->tok[p->n++] = (struct token){text, quoted};
	return 0;
}

static bool
ends_word(int c)
{
	return c < 0 || (c && strchr(" \t\r\n;()\"", c));
}

/* A word or a quoted string at the cursor. */
static int
read_token(struct parser *p)
{
	bool quoted = scan_char(&p->s, '"');
	const char *from = p->s.p;
	struct str text;

	for (;;) {
		int c = scan_peek(&p->s);

		if (quoted ? c == '"' : ends_word(c))
			break;
		if (c < 0 || c == '\n')
			return bad(p, "a quoted string does not end");
		p->s.p++;
		if (c == '\\' && scan_peek(&p->s) >= 0 &&
		    scan_peek(&p->s) != '\n')
			p->s.p++;
	}
	text = (struct str){from, (size_t)(p->s.p - from)};
	if (quoted)
		p->s.p++;
	return add_token(p, text, quoted);
}

/* Skips white space and comments; true at the end of a line. */
static bool
at_line_end(struct parser *p)
{
	while (scan_peek(&p->s) == ' ' || scan_peek(&p->s) == '\t' ||
	       scan_peek(&p->s) == '\r')
		p->s.p++;
	if (scan_peek(&p->s) == ';')
		(void)scan_until(&p->s, '\n');
	if (!scan_char(&p->s, '\n'))
		return false;
	p->next_line++;
	return true;
}

/* The tokens of one entry, which parentheses extend over several lines. */
static int
read_entry(struct parser *p)
{
	bool open = false;
	int c, err;

	p->line = p->next_line;
	p->at = scan_offset(&p->s);
	p->n = p->used = 0;
	c = scan_peek(&p->s);
	p->indented = c == ' ' || c == '\t';
	for (;;) {
		if (at_line_end(p)) {
			if (!open)
				return 0;
			continue;
		}
		c = scan_peek(&p->s);
		if (c < 0)
			return open ? bad(p, "\"(\" without \")\"") : 0;
		if (c == '(' || c == ')') {
			if ((c == '(') == open)
				return bad(p, "misplaced parenthesis");
			open = !open;
			p->s.p++;
		} else if ((err = read_token(p))) {
			return err;
		}
	}
}

/* The next token of the entry, NULL when there is none. */
static const struct token *
take(struct parser *p)
{
	return p->used < p->n ? &p->tok[p->used++] : NULL;
}

/*
 * One octet off the front of text, \X and \DDD resolved; *plain: it was no
 * escape. False at the end and for a bad escape.
 */
static bool
take_octet(struct str *text, uint8_t *out, bool *plain)
{
	uint64_t v;

	if (text->n == 0)
		return false;
	*plain = text->p[0] != '\\';
	if (*plain) {
		*out = (uint8_t)text->p[0];
		*text = str_from(*text, 1);
		return true;
	}
	if (text->n < 2)
		return false;
	if (!chars_is(text->p[1], CH_DIGIT)) {
		*out = (uint8_t)text->p[1];
		*text = str_from(*text, 2);
		return true;
	}
	if (text->n < 4 || !str_to_u64((struct str){text->p + 1, 3}, 255, &v))
		return false;
	*out = (uint8_t)v;
	*text = str_from(*text, 4);
	return true;
}

/* ---- fields ------------------------------------------------- */

static bool
add_label(struct dname *out, size_t *label, const struct dname *origin)
{
	size_t n = out->len - *label - 1;

	if (n == 0 || n > 63)
		return false;
	out->wire[*label] = (uint8_t)n;
	*label = out->len;
	/* room for what follows: at least the root */
	if (out->len + (origin ? origin->len : 1) > DNAME_MAX)
		return false;
	out->len++;
	return true;
}

/* A name, relative to the origin unless it ends in a dot. */
static bool
parse_name(const struct parser *p, struct str text, struct dname *out)
{
	struct dname made = {.len = 1};
	size_t label = 0;
	uint8_t c;
	bool plain, absolute = false;

	if (str_eq(text, STR("@"))) {
		*out = p->origin;
		return true;
	}
	if (str_eq(text, STR("."))) {
		*out = (struct dname){.len = 1};
		return true;
	}
	while (text.n) {
		if (!take_octet(&text, &c, &plain))
			return false;
		absolute = plain && c == '.';
		if (absolute) {
			if (!add_label(&made, &label, NULL))
				return false;
			continue;
		}
		if (made.len == DNAME_MAX)
			return false;
		made.wire[made.len++] = (uint8_t)chars_lower((char)c);
	}
	if (absolute) {
		made.wire[label] = 0;
	} else {
		if (!add_label(&made, &label, &p->origin))
			return false;
		memcpy(made.wire + label, p->origin.wire, p->origin.len);
		made.len = (uint8_t)(label + p->origin.len);
	}
	*out = made;
	return true;
}

static bool
take_name(struct parser *p, struct dname *out)
{
	const struct token *t = take(p);

	return t && !t->quoted && parse_name(p, t->text, out);
}

static bool
take_number(struct parser *p, uint64_t max, uint64_t *out)
{
	const struct token *t = take(p);

	return t && !t->quoted && str_to_u64(t->text, max, out);
}

static void
put(struct parser *p, uint64_t v, int octets)
{
	while (octets-- > 0)
		buf_add_c(&p->rdata, (char)(v >> (8 * octets)));
}

static bool
put_number(struct parser *p, int octets)
{
	uint64_t v;

	if (!take_number(p,
		octets == 1   ? UINT8_MAX
		: octets == 2 ? UINT16_MAX
			      : UINT32_MAX,
		&v))
		return false;
	put(p, v, octets);
	return true;
}

static bool
put_name(struct parser *p)
{
	struct dname name;

	if (!take_name(p, &name))
		return false;
	buf_add(&p->rdata, (struct str){(const char *)name.wire, name.len});
	return true;
}

/* The rest of the entry as hexadecimal digits. */
static bool
put_hex(struct parser *p)
{
	const struct token *t;
	int high = -1;

	while ((t = take(p))) {
		for (size_t i = 0; i < t->text.n; i++) {
			int v = chars_hex(t->text.p[i]);

			if (v < 0)
				return false;
			if (high < 0) {
				high = v;
			} else {
				put(p, (uint64_t)(high << 4 | v), 1);
				high = -1;
			}
		}
	}
	return high < 0;
}

static bool
put_string(struct parser *p, struct str text)
{
	char part[STRING_MAX];
	bool plain;

	do {
		size_t n = 0;
		uint8_t c;

		while (n < sizeof(part) && text.n) {
			if (!take_octet(&text, &c, &plain))
				return false;
			part[n++] = (char)c;
		}
		put(p, n, 1);
		buf_add(&p->rdata, (struct str){part, n});
	} while (text.n);
	return true;
}

static bool
put_strings(struct parser *p)
{
	const struct token *t = take(p);

	if (!t)
		return false;
	for (; t; t = take(p))
		if (!put_string(p, t->text))
			return false;
	return true;
}

static bool
put_addr(struct parser *p, enum ip_family family)
{
	const struct token *t = take(p);
	struct ip ip;

	if (!t || !ip_parse(t->text, &ip) || ip.family != family)
		return false;
	buf_add(&p->rdata,
	    (struct str){(const char *)ip.a, family == IP_V4 ? 4 : 16});
	return true;
}

static bool
put_soa(struct parser *p)
{
	if (!put_name(p) || !put_name(p))
		return false;
	for (int i = 0; i < 5; i++)
		if (!put_number(p, 4))
			return false;
	return true;
}

/* RFC 3597 section 5: \# LENGTH HEX */
static bool
put_generic(struct parser *p)
{
	uint64_t n;

	return take_number(p, RDATA_MAX, &n) && put_hex(p) &&
	       buf_ok(&p->rdata) && p->rdata.n == n;
}

static bool
put_rdata(struct parser *p, uint16_t type)
{
	if (p->used < p->n && !p->tok[p->used].quoted &&
	    str_eq(p->tok[p->used].text, STR("\\#"))) {
		p->used++;
		return put_generic(p);
	}
	switch (type) {
	case DNS_A:
		return put_addr(p, IP_V4);
	case DNS_AAAA:
		return put_addr(p, IP_V6);
	case DNS_MX:
		return put_number(p, 2) && put_name(p);
	case DNS_TXT:
		return put_strings(p);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return put_name(p);
	case DNS_SOA:
		return put_soa(p);
	case DNS_TLSA:
		return put_number(p, 1) && put_number(p, 1) &&
		       put_number(p, 1) && put_hex(p);
	}
	return false;
}

static bool
type_of(struct str word, uint16_t *out)
{
	static const uint16_t known[] = {DNS_A, DNS_NS, DNS_CNAME, DNS_SOA,
	    DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA};
	uint64_t v;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (str_eq_ci(word, str_from_z(dns_type_name(known[i])))) {
			*out = known[i];
			return true;
		}
	}
	if (!str_starts_ci(word, STR("TYPE")) ||
	    !str_to_u64(str_from(word, 4), UINT16_MAX, &v) || v == 0)
		return false;
	*out = (uint16_t)v;
	return true;
}

/* ---- entries ------------------------------------------------ */

static int
add_mark(struct parser *p, enum zonedb_mark kind)
{
	const struct token *t = take(p);
	uint16_t type = 0;

	if (t && !type_of(t->text, &type))
		return bad(p, "unknown type after a pseudo type");
	return zonedb_add_mark(p->zone, &p->owner, kind, type);
}

static int
add_alias(struct parser *p)
{
	const struct token *t = take(p);
	struct dname canonical;
	uint16_t type;

	if (!t || !type_of(t->text, &type) || !take_name(p, &canonical))
		return bad(p, "ALIAS wants a type and a name");
	return zonedb_add_alias(p->zone, &p->owner, type, &canonical);
}

static int
add_record(struct parser *p, uint16_t type, uint32_t ttl)
{
	buf_clear(&p->rdata);
	if (!put_rdata(p, type))
		return bad(p, "bad data for the type");
	if (!buf_ok(&p->rdata))
		return p->rdata.err == AVER_LIMIT
			   ? bad(p, "data above 65535 octets")
			   : AVER_NOMEM;
	return zonedb_add_record(
	    p->zone, &p->owner, type, ttl, buf_str(&p->rdata));
}

static int
directive(struct parser *p)
{
	const struct token *t = take(p);
	uint64_t ttl;

	if (str_eq_ci(t->text, STR("$ORIGIN"))) {
		if (!take_name(p, &p->origin))
			return bad(p, "bad name after $ORIGIN");
	} else if (str_eq_ci(t->text, STR("$TTL"))) {
		if (!take_number(p, INT32_MAX, &ttl))
			return bad(p, "bad number after $TTL");
		p->ttl = (uint32_t)ttl;
	} else {
		return bad(p, "unknown directive");
	}
	return 0;
}

/* [TTL] [IN] in any order, then the type. */
static const struct token *
take_type(struct parser *p, uint32_t *ttl)
{
	const struct token *t;
	bool has_class = false, has_ttl = false;
	uint64_t v;

	while ((t = take(p))) {
		if (!has_class && str_eq_ci(t->text, STR("IN"))) {
			has_class = true;
		} else if (!has_ttl && str_to_u64(t->text, INT32_MAX, &v)) {
			has_ttl = true;
			*ttl = (uint32_t)v;
		} else {
			break;
		}
	}
	return t;
}

static int
entry(struct parser *p)
{
	uint32_t ttl = p->ttl;
	const struct token *t;
	uint16_t type;
	int kind;

	if (!p->indented && p->tok[0].text.n && p->tok[0].text.p[0] == '$')
		return directive(p);
	if (!p->indented) {
		if (!take_name(p, &p->owner))
			return bad(p, "bad name");
		p->has_owner = true;
	} else if (!p->has_owner) {
		return bad(p, "no name yet");
	}
	t = take_type(p, &ttl);
	if (!t)
		return bad(p, "a type is missing");
	kind = name_find(mark_names, ZONEDB_MARK_COUNT, t->text);
	if (kind >= 0)
		return add_mark(p, (enum zonedb_mark)kind);
	if (str_eq_ci(t->text, STR("ALIAS")))
		return add_alias(p);
	if (!type_of(t->text, &type))
		return bad(p, "unknown type");
	return add_record(p, type, ttl);
}

static int
parse_all(struct parser *p)
{
	int err;

	while (!scan_done(&p->s)) {
		if ((err = read_entry(p)))
			return err;
		if (p->n == 0)
			continue;
		if ((err = entry(p)))
			return err;
		if (p->used < p->n)
			return bad(p, "more than was expected");
	}
	return 0;
}

int
dns_zone_parse(struct str text, struct dns_source **out, struct diag *d)
{
	struct zonedb *z = zonedb_new();
	struct parser p = {.s = scan_of(text),
	    .zone = z,
	    .d = d,
	    .next_line = 1,
	    .ttl = ZONEDB_TTL,
	    .origin = {.len = 1}};
	int err;

	if (!z)
		return AVER_NOMEM;
	buf_init(&p.rdata, zonedb_arena(z), RDATA_MAX);
	err = parse_all(&p);
	if (err) {
		dns_source_close(zonedb_source(z));
		return err;
	}
	*out = zonedb_source(z);
	return 0;
}
