/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dmarc/dmarc_record.h"

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/scan.h"
#include "lib/dns/rdata.h"
#include "lib/tag/tag.h"

/*
 * RFC 9989 section 4.8:
 *
 *   record  = version *( sep tag ) [ sep ]
 *   version = "v" equals "DMARC1"       ; DMARC1 in this case only
 *   sep     = *WSP ";" *WSP
 *   equals  = *WSP "=" *WSP
 *   tag     = 1*ALPHA equals 1*( %x20-3A / %x3C-7E )
 */

/* octets of memory that one parsed answer may take */
#define ANSWER_CAP ((size_t)256 * 1024)

struct uris {
	struct str *v;
	size_t n;
};

struct draft {
	struct dmarc_record r;
	struct uris rua, ruf;
};

static int
parse_policy(struct arena *a, struct str value, void *field, struct diag *d)
{
	enum dmarc_policy *out = field;

	(void)a;
	(void)d;
	for (int i = 0; i < DMARC_POLICY_COUNT; i++)
		if (str_eq_ci(value, str_from_z(dmarc_policy_name(i)))) {
			*out = i;
			return 0;
		}
	return AVER_SYNTAX;
}

/* One of the letters of set; its index, -1 for anything else. */
static int
letter_of(struct str value, const char *set)
{
	size_t at;

	if (value.n != 1)
		return -1;
	at = str_chr(str_from_z(set), chars_lower(value.p[0]));
	return set[at] ? (int)at : -1;
}

static int
parse_align(struct arena *a, struct str value, void *field, struct diag *d)
{
	enum dmarc_align *out = field;
	int i = letter_of(value, "rs");

	(void)a;
	(void)d;
	if (i < 0)
		return AVER_SYNTAX;
	*out = i;
	return 0;
}

static int
parse_psd(struct arena *a, struct str value, void *field, struct diag *d)
{
	enum dmarc_psd *out = field;
	int i = letter_of(value, "uyn");

	(void)a;
	(void)d;
	if (i < 0)
		return AVER_SYNTAX;
	*out = i;
	return 0;
}

static int
parse_testing(struct arena *a, struct str value, void *field, struct diag *d)
{
	bool *out = field;
	int i = letter_of(value, "ny");

	(void)a;
	(void)d;
	if (i < 0)
		return AVER_SYNTAX;
	*out = i == 1;
	return 0;
}

/*
 * RFC 9989 section 4.7: letters joined by ":", each at most once. "0:1" is
 * against the grammar, which RFC 7489 section 6.4 allowed; as "1" asks for
 * all that "0" does, it is taken as it stands.
 */
static int
parse_fo(struct arena *a, struct str value, void *field, struct diag *d)
{
	unsigned *out = field, fo = 0;
	struct str rest = value;

	(void)a;
	(void)d;
	while (rest.p) {
		struct str one = str_cut(rest, ':', &rest);
		int i = letter_of(str_trim(one, " \t"), "01ds");

		if (i < 0 || fo & 1u << i)
			return AVER_SYNTAX;
		fo |= 1u << i;
	}
	if (!fo)
		return AVER_SYNTAX;
	*out = fo;
	return 0;
}

/* RFC 7489 section 6.3 */
static int
parse_pct(struct arena *a, struct str value, void *field, struct diag *d)
{
	unsigned *out = field;
	uint64_t v;

	(void)a;
	(void)d;
	if (value.n > 3 || !str_to_u64(value, 100, &v))
		return AVER_SYNTAX;
	*out = (unsigned)v;
	return 0;
}

/*
 * "!" 1*DIGIT [ "k" / "m" / "g" / "t" ], without the "!". RFC 7489 section 6.4:
 * the number MUST fit in 64 bits.
 */
static bool
is_size_limit(struct str s)
{
	struct scan sc = scan_of(s);
	struct str digits;
	uint64_t number;

	if (!scan_many(&sc, CH_DIGIT, &digits))
		return false;
	while (digits.n > 1 && digits.p[0] == '0')
		digits = str_from(digits, 1);
	if (!str_to_u64(digits, UINT64_MAX, &number))
		return false;
	if (scan_done(&sc))
		return true;
	return letter_of(scan_rest(&sc), "kmgt") >= 0;
}

/* The octets RFC 3986 section 2 allows; "!" and "," are escaped here. */
static bool
is_uri_text(struct str s)
{
	struct str reserved = STR(":/?#[]@$&'()*+=");

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			if (s.n - i < 3 || chars_hex(s.p[i + 1]) < 0 ||
			    chars_hex(s.p[i + 2]) < 0)
				return false;
			i += 2;
		} else if (!chars_is(s.p[i], CH_URI) &&
			   str_chr(reserved, s.p[i]) == reserved.n) {
			return false;
		}
	}
	return s.n > 0;
}

/* RFC 6068 section 2: mailto needs an addr-spec before any "?". */
static bool
has_mail_address(struct str s)
{
	struct str addr = str_head(s, str_chr(s, '?'));
	size_t at = str_rchr(addr, '@');

	return at > 0 && at + 1 < addr.n;
}

static bool
is_uri(struct str s)
{
	struct scan sc = scan_of(s);
	struct str scheme;

	if (s.n > DMARC_URI_MAX || !scan_class(&sc, CH_ALPHA))
		return false;
	while (scan_class(&sc, CH_ALNUM) || scan_char(&sc, '+') ||
	       scan_char(&sc, '-') || scan_char(&sc, '.'))
		;
	scheme = str_head(s, scan_offset(&sc));
	if (!scan_char(&sc, ':') || !is_uri_text(scan_rest(&sc)))
		return false;
	return !str_eq_ci(scheme, STR("mailto")) ||
	       has_mail_address(scan_rest(&sc));
}

static size_t
count_items(struct str s)
{
	size_t n = 1;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == ',';
	return n < DMARC_URIS_MAX ? n : DMARC_URIS_MAX;
}

/*
 * urilist = uri-item *( *WSP "," *WSP uri-item ). Items that are no URI are
 * left out; a list of none is a syntax error.
 */
static int
parse_uris(struct arena *a, struct str value, void *field, struct diag *d)
{
	struct uris u = {0}, *out = field;
	struct str rest = value;

	(void)d;
	u.v = ARENA_ARRAY(a, struct str, count_items(value));
	if (!u.v)
		return AVER_NOMEM;
	while (rest.p && u.n < DMARC_URIS_MAX) {
		struct str limit;
		struct str item = str_cut(rest, ',', &rest);
		struct str uri = str_cut(str_trim(item, " \t"), '!', &limit);

		/* RFC 9989 section 4.8: the limit is obsolete, and dropped */
		if (limit.p && !is_size_limit(limit))
			continue;
		if (is_uri(uri))
			u.v[u.n++] = uri;
	}
	if (!u.n)
		return AVER_SYNTAX;
	*out = u;
	return 0;
}

#define OFF(field) offsetof(struct draft, field)

enum { TAG_P, TAG_SP, TAG_NP, TAG_RUA, TAG_RUF };

/* RFC 9989 section 4.7, and pct of RFC 7489 section 6.3 */
static const struct tag_def defs[] = {
    [TAG_P] = {STR_INIT("p"), parse_policy, OFF(r.p), TAGDEF_LENIENT, NULL},
    [TAG_SP] = {STR_INIT("sp"), parse_policy, OFF(r.sp), TAGDEF_LENIENT, NULL},
    [TAG_NP] = {STR_INIT("np"), parse_policy, OFF(r.np), TAGDEF_LENIENT, NULL},
    [TAG_RUA] = {STR_INIT("rua"), parse_uris, OFF(rua), TAGDEF_LENIENT, NULL},
    [TAG_RUF] = {STR_INIT("ruf"), parse_uris, OFF(ruf), TAGDEF_LENIENT, NULL},
    {STR_INIT("adkim"), parse_align, OFF(r.adkim), TAGDEF_LENIENT, "r"},
    {STR_INIT("aspf"), parse_align, OFF(r.aspf), TAGDEF_LENIENT, "r"},
    {STR_INIT("psd"), parse_psd, OFF(r.psd), TAGDEF_LENIENT, "u"},
    {STR_INIT("t"), parse_testing, OFF(r.testing), TAGDEF_LENIENT, "n"},
    {STR_INIT("fo"), parse_fo, OFF(r.fo), TAGDEF_LENIENT, "0"},
    {STR_INIT("pct"), parse_pct, OFF(r.pct), TAGDEF_LENIENT, "100"},
};

#define N_DEFS (sizeof(defs) / sizeof(defs[0]))

static unsigned
bit_of(struct str name)
{
	for (size_t i = 0; i < N_DEFS; i++)
		if (str_eq_ci(name, defs[i].name))
			return 1u << i;
	return 0;
}

/* RFC 9989 section 4.8: "v" first, no white space before it. */
static bool
has_version(struct str text)
{
	struct scan s = scan_of(text);

	if (!scan_lit_ci(&s, STR("v")))
		return false;
	scan_skip(&s, CH_WSP);
	if (!scan_char(&s, '='))
		return false;
	scan_skip(&s, CH_WSP);
	if (!scan_lit(&s, STR("DMARC1")))
		return false;
	scan_skip(&s, CH_WSP);
	return scan_done(&s) || scan_peek(&s) == ';';
}

/* Octets that no part of a record may hold; CR and LF are among them. */
static bool
is_dirty(struct str part)
{
	for (size_t i = 0; i < part.n; i++)
		if (!chars_is(part.p[i], CH_PRINT | CH_WSP))
			return true;
	return false;
}

/* Bits of the tags of defs in the text, and of those it has spoiled. */
static void
survey(struct str text, unsigned *seen, unsigned *spoiled)
{
	struct str rest = text;

	*seen = *spoiled = 0;
	while (rest.p) {
		struct str part = str_cut(rest, ';', &rest);
		struct scan s = scan_of(part);
		struct str name;
		unsigned bit;

		scan_skip(&s, CH_FWS);
		if (!scan_many(&s, CH_TAGNAME, &name))
			continue;
		scan_skip(&s, CH_FWS);
		bit = scan_char(&s, '=') ? bit_of(name) : 0;
		/*
		 * RFC 6376 section 3.2, the model of the syntax, rules a list
		 * with a name repeated out; RFC 9989 section 4.8 wants an
		 * error kept to its tag. So both are dropped.
		 */
		if (*seen & bit || is_dirty(part))
			*spoiled |= bit;
		*seen |= bit;
	}
}

/* The tags of the text; a spoiled one has an empty value. */
static int
split(struct arena *a, struct str text, unsigned spoiled, struct tag_list *l,
    struct diag *d)
{
	int err = tag_list_parse(
	    a, text, TAG_FOLD_CASE | TAG_FIRST_WINS | TAG_SKIP_BAD, l, d);

	for (size_t i = 0; !err && i < l->n; i++)
		if (spoiled & bit_of(l->v[i].name))
			l->v[i].value = STR_NONE;
	return err;
}

/* RFC 9989 section 4.10.1; good: bits of the tags with a good value */
static void
settle_policy(struct dmarc_record *r, unsigned seen, unsigned good)
{
	unsigned bad = seen & ~good;

	r->has_p = good & 1u << TAG_P;
	r->has_sp = good & 1u << TAG_SP;
	r->has_np = good & 1u << TAG_NP;
	r->bad_policy = !r->has_p || bad & 1u << TAG_SP || bad & 1u << TAG_NP;
	if (r->bad_policy) {
		r->has_p = r->has_sp = r->has_np = false;
		r->p = DMARC_POLICY_NONE;
	}
	if (!r->has_sp)
		r->sp = r->p;
	if (!r->has_np)
		r->np = r->sp;
}

/*
 * A text that has_version(). Fills *out also when it returns AVER_SYNTAX for
 * want of a policy.
 */
static int
parse_text(struct arena *a, struct str text, enum dmarc_discovery mode,
    struct dmarc_record *out, struct diag *d)
{
	struct draft x = {.r.pct = 100};
	struct tag_list l;
	unsigned seen, spoiled, good;
	int err;

	survey(text, &seen, &spoiled);
	err = split(a, text, spoiled, &l, d);
	if (!err)
		err =
		    tag_apply(a, &l, defs, N_DEFS, TAG_FOLD_CASE, &x, &good, d);
	if (err) {
		*out = (struct dmarc_record){.bad_policy = true, .pct = 100};
		return err == AVER_LIMIT ? AVER_SYNTAX : err;
	}
	if (mode == DMARC_PSL) {
		/* RFC 7489 section 6.3: v and p come first, in this order */
		if (l.n < 2 || !str_eq_ci(l.v[1].name, defs[TAG_P].name))
			good &= ~(1u << TAG_P);
		seen &= ~(1u << TAG_NP);
		good &= ~(1u << TAG_NP);
		x.r.psd = DMARC_PSD_U;
		x.r.testing = false;
	} else {
		x.r.pct = 100;
	}
	settle_policy(&x.r, seen, good);
	x.r.rua = x.rua.v;
	x.r.n_rua = x.rua.n;
	x.r.ruf = x.ruf.v;
	x.r.n_ruf = x.ruf.n;
	*out = x.r;
	if (x.r.bad_policy && !x.r.n_rua)
		return diag_set(d, AVER_SYNTAX, 0,
		    "no valid policy and no rua to report it to");
	return 0;
}

int
dmarc_record_parse_mode(struct arena *a, struct str text,
    enum dmarc_discovery mode, struct dmarc_record *out, struct diag *d)
{
	struct dmarc_record r;
	int err;

	if (!has_version(text))
		return diag_set(
		    d, AVER_NOTFOUND, 0, "does not begin with v=DMARC1");
	err = parse_text(a, text, mode, &r, d);
	if (!err)
		*out = r;
	return err;
}

int
dmarc_record_parse(
    struct arena *a, struct str text, struct dmarc_record *out, struct diag *d)
{
	return dmarc_record_parse_mode(a, text, DMARC_TREEWALK, out, d);
}

int
dmarc_authorization_parse(
    struct arena *a, struct str text, struct dmarc_authorization *out)
{
	struct draft x = {.r.pct = 100};
	struct tag_list l;
	unsigned seen, spoiled;
	int err;

	if (!has_version(text))
		return AVER_NOTFOUND;
	survey(text, &seen, &spoiled);
	err = split(a, text, spoiled, &l, NULL);
	if (!err)
		err = tag_apply(
		    a, &l, defs, N_DEFS, TAG_FOLD_CASE, &x, NULL, NULL);
	if (err)
		return err == AVER_LIMIT ? AVER_SYNTAX : err;
	*out = (struct dmarc_authorization){
	    .has_rua = seen & 1u << TAG_RUA,
	    .has_ruf = seen & 1u << TAG_RUF,
	    .rua = x.rua.v,
	    .ruf = x.ruf.v,
	    .n_rua = x.rua.n,
	    .n_ruf = x.ruf.n,
	};
	return 0;
}

/*
 * RFC 9989 section 4.10: records without the version are discarded, and all
 * of them when several have it.
 */
static int
read_answer(struct arena *a, const struct dns_rrset *rr,
    enum dmarc_discovery mode, struct dmarc_answer *out)
{
	struct str only = STR_NONE;
	int err;

	for (size_t i = 0; i < rr->n && out->n < 2; i++) {
		struct str text;

		/* a record of broken rdata is none; no memory is trouble */
		if (!rdata_txt(a, rr->rdata[i], &text)) {
			if (arena_failed(a))
				return AVER_NOMEM;
			continue;
		}
		if (!has_version(text))
			continue;
		out->n++;
		only = text;
	}
	if (out->n != 1)
		return 0;
	out->text = only;
	err = parse_text(a, only, mode, &out->record, NULL);
	out->usable = err == 0;
	return err == AVER_NOMEM ? err : 0;
}

const struct dmarc_answer *
dmarc_answer_of(const struct dns_rrset *rr, enum dmarc_discovery mode)
{
	/* the addresses are the kinds */
	static const char kinds[DMARC_DISCOVERY_COUNT] = {0};
	const struct dmarc_answer *known = dns_memo_get(rr, &kinds[mode]);
	struct dmarc_answer *made;
	struct dns_memo *m;

	if (known)
		return known;
	m = dns_memo_new(&kinds[mode], ANSWER_CAP);
	if (!m)
		return NULL;
	made = ARENA_NEW(&m->arena, struct dmarc_answer);
	if (!made || read_answer(&m->arena, rr, mode, made)) {
		dns_memo_free(m);
		return NULL;
	}
	m->value = made;
	return dns_memo_add(rr, m);
}
