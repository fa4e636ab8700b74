/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/spf/spf_record.h"

#include "lib/base/err.h"
#include "lib/base/scan.h"

/* RFC 7208 section 5; lookup: section 4.6.4. */
const struct spf_mech_def spf_mech_defs[SPF_MECH_COUNT] = {
    [SPF_MECH_ALL] = {STR_INIT("all"), false, SPF_ARG_NONE, SPF_CIDR_NONE},
    [SPF_MECH_INCLUDE] = {STR_INIT("include"), true, SPF_ARG_DOMAIN,
	SPF_CIDR_NONE},
    [SPF_MECH_A] = {STR_INIT("a"), true, SPF_ARG_MAY_DOMAIN, SPF_CIDR_DUAL},
    [SPF_MECH_MX] = {STR_INIT("mx"), true, SPF_ARG_MAY_DOMAIN, SPF_CIDR_DUAL},
    [SPF_MECH_PTR] = {STR_INIT("ptr"), true, SPF_ARG_MAY_DOMAIN, SPF_CIDR_NONE},
    [SPF_MECH_IP4] = {STR_INIT("ip4"), false, SPF_ARG_IP4, SPF_CIDR_ONE},
    [SPF_MECH_IP6] = {STR_INIT("ip6"), false, SPF_ARG_IP6, SPF_CIDR_ONE},
    [SPF_MECH_EXISTS] = {STR_INIT("exists"), true, SPF_ARG_DOMAIN,
	SPF_CIDR_NONE},
};

/* One term being read. */
struct term_text {
	struct str all; /* with the qualifier */
	struct str name;
	struct str rest; /* what follows the name */
	size_t offset; /* of the term in the record */
};

static int
bad(const struct term_text *t, const char *why, struct diag *d)
{
	return diag_set(d, AVER_SYNTAX, t->offset, "\"%.*s\": %s",
	    STRF(str_head(t->all, 80)), why);
}

/*
 * Takes a prefix length with its slashes off the end of *s: one slash for
 * IPv4, two for IPv6. A macro-literal may hold "/", so this reads from the
 * right. True when there was none.
 */
static bool
take_cidr(struct str *s, size_t slashes, unsigned max, uint8_t *bits)
{
	size_t at = str_rchr(*s, '/');
	struct str digits = str_from(*s, at + 1);
	uint64_t v;

	if (at == s->n || at + 1 < slashes)
		return true;
	for (size_t i = 0; i < digits.n; i++)
		if (!chars_is(digits.p[i], CH_DIGIT))
			return true;
	for (size_t i = 1; i < slashes; i++)
		if (s->p[at - i] != '/')
			return true;
	/* RFC 7208 section 12: no leading zeros */
	if ((digits.n > 1 && digits.p[0] == '0') ||
	    !str_to_u64(digits, max, &v))
		return false;
	*bits = (uint8_t)v;
	s->n = at + 1 - slashes;
	return true;
}

static int
parse_ip(const struct term_text *t, struct str arg, struct spf_term *out,
    struct diag *d)
{
	bool v4 = out->mech == SPF_MECH_IP4;

	if (!take_cidr(&arg, 1, v4 ? 32 : 128, v4 ? &out->bits4 : &out->bits6))
		return bad(t, "bad prefix length", d);
	if (!ip_parse(arg, &out->ip) || out->ip.family != (v4 ? IP_V4 : IP_V6))
		return bad(t, "bad address", d);
	return 0;
}

/* A domain-spec into *out, in the arena. */
static int
parse_spec(struct arena *a, const struct term_text *t, struct str text,
    const struct spf_macro **out, struct diag *d)
{
	struct spf_macro *m = ARENA_NEW(a, struct spf_macro);
	int err;

	if (!m)
		return AVER_NOMEM;
	err = spf_macro_parse(a, text, SPF_MACRO_DOMAIN, m);
	if (err == AVER_SYNTAX)
		return bad(t, "bad domain or macro", d);
	if (err == 0)
		*out = m;
	return err;
}

/* [":" domain-spec] [dual-cidr] */
static int
parse_domain_arg(struct arena *a, const struct term_text *t,
    const struct spf_mech_def *def, struct spf_term *out, struct diag *d)
{
	struct str arg = t->rest;

	if (def->cidr == SPF_CIDR_DUAL &&
	    (!take_cidr(&arg, 2, 128, &out->bits6) ||
		!take_cidr(&arg, 1, 32, &out->bits4)))
		return bad(t, "bad prefix length", d);
	if (arg.n == 0 && def->arg == SPF_ARG_MAY_DOMAIN)
		return 0;
	if (arg.n == 0 || arg.p[0] != ':')
		return bad(t, "a domain is missing", d);
	return parse_spec(a, t, str_from(arg, 1), &out->spec, d);
}

static int
parse_arg(struct arena *a, const struct term_text *t, struct spf_term *out,
    struct diag *d)
{
	const struct spf_mech_def *def = &spf_mech_defs[out->mech];

	switch (def->arg) {
	case SPF_ARG_NONE:
		return t->rest.n ? bad(t, "takes no argument", d) : 0;
	case SPF_ARG_IP4:
	case SPF_ARG_IP6:
		if (t->rest.n == 0 || t->rest.p[0] != ':')
			return bad(t, "an address is missing", d);
		return parse_ip(t, str_from(t->rest, 1), out, d);
	case SPF_ARG_MAY_DOMAIN:
	case SPF_ARG_DOMAIN:
		break;
	}
	return parse_domain_arg(a, t, def, out, d);
}

static bool
parse_qualifier(struct scan *s, enum spf_result *out)
{
	static const struct {
		char c;
		enum spf_result result;
	} table[] = {
	    {'+', SPF_PASS},
	    {'-', SPF_FAIL},
	    {'~', SPF_SOFTFAIL},
	    {'?', SPF_NEUTRAL},
	};

	*out = SPF_PASS;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (scan_char(s, table[i].c)) {
			*out = table[i].result;
			return true;
		}
	}
	return false;
}

static int
parse_directive(struct arena *a, const struct term_text *t,
    enum spf_result result, struct spf_record *r, struct diag *d)
{
	struct spf_term *out = &r->terms[r->n];
	int mech = 0;
	int err;

	while (mech < SPF_MECH_COUNT &&
	       !str_eq_ci(t->name, spf_mech_defs[mech].name))
		mech++;
	if (mech == SPF_MECH_COUNT)
		return bad(t, "no such mechanism", d);
	*out = (struct spf_term){.text = t->all,
	    .mech = (enum spf_mech)mech,
	    .result = result,
	    .bits4 = 32,
	    .bits6 = 128};
	if ((err = parse_arg(a, t, out, d)))
		return err;
	r->has_all |= mech == SPF_MECH_ALL;
	r->n++;
	return 0;
}

/* t->rest begins with "=". */
static int
parse_modifier(struct arena *a, const struct term_text *t, struct spf_record *r,
    struct diag *d)
{
	struct str value = str_from(t->rest, 1);
	const struct spf_macro **to = NULL;

	if (str_eq_ci(t->name, STR("redirect")))
		to = &r->redirect;
	else if (str_eq_ci(t->name, STR("exp")))
		to = &r->exp;
	/* RFC 7208 section 6: others are ignored, yet have to be well-formed */
	if (!to && spf_macro_parse(a, value, SPF_MACRO_VALUE, NULL))
		return bad(t, "bad macro", d);
	if (!to)
		return 0;
	if (*to)
		return bad(t, "stands twice", d);
	return parse_spec(a, t, value, to, d);
}

static int
parse_term(struct arena *a, struct str text, size_t offset,
    struct spf_record *r, struct diag *d)
{
	struct scan s = scan_of(text);
	struct term_text t = {.all = text, .offset = offset};
	enum spf_result result;
	bool qualified = parse_qualifier(&s, &result);
	const char *from = s.p;

	if (!scan_class(&s, CH_ALPHA))
		return bad(&t, "no mechanism or modifier", d);
	while (scan_class(&s, CH_LDH | CH_TAGNAME) || scan_char(&s, '.'))
		;
	t.name = (struct str){from, (size_t)(s.p - from)};
	t.rest = scan_rest(&s);
	if (!qualified && scan_peek(&s) == '=')
		return parse_modifier(a, &t, r, d);
	return parse_directive(a, &t, result, r, d);
}

struct sizes {
	size_t terms, percents;
};

/* Upper bounds; a term begins after a space. */
static struct sizes
measure(struct str text)
{
	struct sizes n = {0, 0};

	for (size_t i = 0; i < text.n; i++) {
		n.terms += i > 0 && text.p[i - 1] == ' ' && text.p[i] != ' ';
		n.percents += text.p[i] == '%';
	}
	return n;
}

static bool
is_above_bounds(struct str text, struct sizes n)
{
	return text.n > SPF_RECORD_OCTETS_MAX ||
	       n.terms > SPF_RECORD_TERMS_MAX ||
	       n.percents > SPF_RECORD_PERCENTS_MAX;
}

size_t
spf_record_memory(struct str rdata)
{
	struct sizes n = measure(rdata);
	size_t term = sizeof(struct spf_term) + sizeof(struct spf_macro) +
		      _Alignof(max_align_t);

	if (rdata.n > 2 * SPF_RECORD_OCTETS_MAX ||
	    n.terms > 2 * SPF_RECORD_TERMS_MAX ||
	    n.percents > 2 * SPF_RECORD_PERCENTS_MAX)
		return 0;
	return n.terms * (term + spf_macro_memory(0)) +
	       2 * n.percents * sizeof(struct spf_macro_item) + 64;
}

int
spf_record_parse(
    struct arena *a, struct str text, struct spf_record *out, struct diag *d)
{
	struct spf_record r = {0};
	struct sizes n = measure(text);
	struct scan s = scan_of(text);
	int err;

	if (is_above_bounds(text, n))
		return diag_set(d, AVER_SYNTAX, 0,
		    "too large: %zu octets, %zu terms", text.n, n.terms);
	/* RFC 7208 section 4.5: exactly "v=spf1", then a space or the end */
	if (!scan_lit_ci(&s, STR("v=spf1")) ||
	    (!scan_done(&s) && scan_peek(&s) != ' '))
		return diag_set(
		    d, AVER_SYNTAX, 0, "does not begin with v=spf1");
	r.terms = ARENA_ARRAY(a, struct spf_term, n.terms);
	if (!r.terms)
		return AVER_NOMEM;
	for (;;) {
		size_t offset;
		struct str term;

		while (scan_char(&s, ' '))
			;
		if (scan_done(&s))
			break;
		offset = scan_offset(&s);
		term = scan_until(&s, ' ');
		if ((err = parse_term(a, term, offset, &r, d)))
			return err;
	}
	*out = r;
	return 0;
}

int
spf_record_check(struct arena *a, struct str text, struct diag *d)
{
	struct spf_record r;

	return spf_record_parse(a, text, &r, d);
}
