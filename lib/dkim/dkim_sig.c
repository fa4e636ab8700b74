/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_sig.h"

#include "lib/base/b64.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/dkim/dkim_body.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"

/* ---- lists -------------------------------------------------------------- */

bool
dkim_list_next(struct str *rest, struct str *item)
{
	if (!rest->p)
		return false;
	*item = str_trim_fws(str_cut(*rest, ':', rest));
	return true;
}

bool
dkim_list_has(struct str list, struct str item)
{
	struct str one;

	while (dkim_list_next(&list, &one))
		if (str_eq(one, item))
			return true;
	return false;
}

/* ---- values ------------------------------------------------------------- */

struct reader {
	struct arena *arena;
	struct dkim_sig *sig;
	enum dkim_sig_kind kind;
};

static enum dkim_reason
read_version(struct reader *r, const struct tag *t)
{
	(void)r;
	return str_eq(t->value, STR("1")) ? DKIM_WHY_NONE : DKIM_WHY_VERSION;
}

static enum dkim_reason
read_algorithm(struct reader *r, const struct tag *t)
{
	for (int i = DKIM_RSA_SHA1; i < DKIM_ALGORITHM_COUNT; i++)
		if (str_eq(t->value, str_from_z(dkim_algorithm_name(
					 (enum dkim_algorithm)i))))
			r->sig->algorithm = (enum dkim_algorithm)i;
	switch (r->sig->algorithm) {
	case DKIM_RSA_SHA256:
	case DKIM_ED25519_SHA256:
		return DKIM_WHY_NONE;
	case DKIM_RSA_SHA1:
		/* RFC 8301 section 3.1: permanently failed */
		return DKIM_WHY_SHA1;
	case DKIM_ALG_UNKNOWN:
	case DKIM_ALGORITHM_COUNT:
		break;
	}
	return DKIM_WHY_ALGORITHM;
}

static struct str
without_fws(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;

	if (!p)
		return STR_NONE;
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_FWS))
			p[n++] = s.p[i];
	return (struct str){p, n};
}

static enum dkim_reason
decode(struct reader *r, struct str text, struct str *out)
{
	struct str octets;
	int err = b64_decode(r->arena, text, &octets);

	if (err == AVER_NOMEM)
		return DKIM_WHY_BUDGET;
	if (err || octets.n == 0)
		return DKIM_WHY_SYNTAX;
	*out = octets;
	return DKIM_WHY_NONE;
}

static enum dkim_reason
read_b(struct reader *r, const struct tag *t)
{
	r->sig->b_raw = t->raw;
	r->sig->b = without_fws(r->arena, t->value);
	if (!r->sig->b.p)
		return DKIM_WHY_BUDGET;
	return decode(r, r->sig->b, &r->sig->signature);
}

/*
 * RFC 6376 section 6.1.1: what is inconsistent is a syntax error, as a hash of
 * another length than that of the algorithm is.
 */
static enum dkim_reason
read_bh(struct reader *r, const struct tag *t)
{
	enum dkim_reason why = decode(r, t->value, &r->sig->body_hash);

	if (!why && r->sig->body_hash.n != DKIM_HASH_SIZE &&
	    (r->sig->algorithm == DKIM_RSA_SHA256 ||
		r->sig->algorithm == DKIM_ED25519_SHA256))
		return DKIM_WHY_SYNTAX;
	return why;
}

static bool
canon_of(struct str s, enum dkim_canon *out)
{
	if (str_eq(s, STR("simple")))
		*out = DKIM_SIMPLE;
	else if (str_eq(s, STR("relaxed")))
		*out = DKIM_RELAXED;
	else
		return false;
	return true;
}

/* RFC 6376 section 3.5: one word is for the header, the body is simple. */
static enum dkim_reason
read_c(struct reader *r, const struct tag *t)
{
	struct str body, header = str_cut(t->value, '/', &body);

	if (!canon_of(header, &r->sig->header_canon) ||
	    (body.p && !canon_of(body, &r->sig->body_canon)))
		return DKIM_WHY_CANON;
	return DKIM_WHY_NONE;
}

static enum dkim_reason
read_name(struct reader *r, struct str text, struct str *out)
{
	int err;

	*out = text;
	/* sub-domain *("." sub-domain): no dot at the end */
	if (text.n == 0 || text.p[text.n - 1] == '.')
		return DKIM_WHY_DOMAIN;
	err = domain_to_ascii(r->arena, text, out);
	if (err == AVER_NOMEM)
		return DKIM_WHY_BUDGET;
	return err ? DKIM_WHY_DOMAIN : DKIM_WHY_NONE;
}

static enum dkim_reason
read_d(struct reader *r, const struct tag *t)
{
	enum dkim_reason why = read_name(r, t->value, &r->sig->domain);

	r->sig->domain_text = t->value;
	/* RFC 6376 section 3.5: domain-name has two labels or more */
	if (why == DKIM_WHY_NONE && domain_labels(r->sig->domain) < 2)
		return DKIM_WHY_DOMAIN;
	return why;
}

static enum dkim_reason
read_s(struct reader *r, const struct tag *t)
{
	r->sig->selector_text = t->value;
	return read_name(r, t->value, &r->sig->selector);
}

static bool
is_field_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_FTEXT))
			return false;
	return s.n > 0;
}

static enum dkim_reason
read_h(struct reader *r, const struct tag *t)
{
	struct str rest = t->value, name;
	bool from = false;

	while (dkim_list_next(&rest, &name)) {
		/* "from::to": sealers write that, and verifiers pass it */
		if (name.n == 0 && r->kind == DKIM_SIG_ARC_MESSAGE)
			continue;
		if (!is_field_name(name))
			return DKIM_WHY_SYNTAX;
		from = from || str_eq_ci(name, STR("from"));
	}
	r->sig->names = t->value;
	/* RFC 6376 section 6.1.1 */
	return from ? DKIM_WHY_NONE : DKIM_WHY_FROM;
}

/* RFC 6376 section 2.11: dkim-quoted-printable; FWS in it means nothing. */
static enum dkim_reason
decode_qp(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;

	if (!p)
		return DKIM_WHY_BUDGET;
	for (size_t i = 0; i < s.n; i++) {
		int hi, lo;

		if (chars_is(s.p[i], CH_FWS))
			continue;
		if (s.p[i] != '=') {
			p[n++] = s.p[i];
			continue;
		}
		hi = i + 2 < s.n ? chars_hex(s.p[i + 1]) : -1;
		lo = i + 2 < s.n ? chars_hex(s.p[i + 2]) : -1;
		if (hi < 0 || lo < 0)
			return DKIM_WHY_SYNTAX;
		p[n++] = (char)(hi << 4 | lo);
		i += 2;
	}
	*out = (struct str){p, n};
	return DKIM_WHY_NONE;
}

static enum dkim_reason
read_i(struct reader *r, const struct tag *t)
{
	enum dkim_reason why = decode_qp(r->arena, t->value, &r->sig->identity);
	struct str local, domain;

	if (why)
		return why;
	addr_split(r->sig->identity, &local, &domain);
	why = read_name(r, domain, &r->sig->identity_domain);
	if (why)
		return why;
	/* RFC 6376 section 3.5: the domain of d= or below it */
	return domain_is_below(r->sig->identity_domain, r->sig->domain)
		   ? DKIM_WHY_NONE
		   : DKIM_WHY_DOMAIN;
}

static bool
is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_DIGIT))
			return false;
	return s.n > 0;
}

static enum dkim_reason
read_l(struct reader *r, const struct tag *t)
{
	/* RFC 6376 section 3.5: 1*76DIGIT; no body is that long */
	if (!is_number(t->value) || t->value.n > 76)
		return DKIM_WHY_SYNTAX;
	if (!str_to_u64(t->value, DKIM_NO_LENGTH - 1, &r->sig->body_length))
		r->sig->body_length = DKIM_NO_LENGTH - 1;
	return DKIM_WHY_NONE;
}

static enum dkim_reason
read_q(struct reader *r, const struct tag *t)
{
	(void)r;
	return dkim_list_has(t->value, STR("dns/txt")) ? DKIM_WHY_NONE
						       : DKIM_WHY_QUERY;
}

/*
 * RFC 6376 section 3.5: 1*12DIGIT, and what is longer may be considered
 * infinite.
 */
static enum dkim_reason
read_time(struct str value, int64_t *out)
{
	uint64_t n = 0;

	if (!is_number(value))
		return DKIM_WHY_SYNTAX;
	*out =
	    str_to_u64(value, 999999999999u, &n) ? (int64_t)n : DKIM_TIME_NEVER;
	return DKIM_WHY_NONE;
}

static enum dkim_reason
read_t(struct reader *r, const struct tag *t)
{
	return read_time(t->value, &r->sig->signed_at);
}

static enum dkim_reason
read_x(struct reader *r, const struct tag *t)
{
	return read_time(t->value, &r->sig->expires);
}

/* ---- the field ---------------------------------------------------------- */

#define ALL (DKIM_SIG_DKIM | DKIM_SIG_ARC_MESSAGE | DKIM_SIG_ARC_SEAL)
#define MESSAGE (DKIM_SIG_DKIM | DKIM_SIG_ARC_MESSAGE)

/* d and s come first, so that a verdict can name them; i needs d. */
static const struct sig_tag {
	struct str name;
	unsigned read, required; /* masks of enum dkim_sig_kind */
	enum dkim_reason (*fn)(struct reader *, const struct tag *);
} sig_tags[] = {
    {STR_INIT("d"), ALL, ALL, read_d},
    {STR_INIT("s"), ALL, ALL, read_s},
    {STR_INIT("b"), ALL, ALL, read_b},
    {STR_INIT("a"), ALL, ALL, read_algorithm},
    {STR_INIT("v"), DKIM_SIG_DKIM, DKIM_SIG_DKIM, read_version},
    {STR_INIT("bh"), MESSAGE, MESSAGE, read_bh},
    {STR_INIT("c"), MESSAGE, 0, read_c},
    {STR_INIT("h"), MESSAGE, MESSAGE, read_h},
    {STR_INIT("i"), DKIM_SIG_DKIM, 0, read_i},
    {STR_INIT("l"), MESSAGE, 0, read_l},
    {STR_INIT("q"), MESSAGE, 0, read_q},
    {STR_INIT("t"), ALL, 0, read_t},
    {STR_INIT("x"), MESSAGE, 0, read_x},
};

/*
 * Which of two faults is told: memory, then what makes the field one of
 * another version, then the first.
 */
static enum dkim_reason
worse(enum dkim_reason first, enum dkim_reason next)
{
	if (first == DKIM_WHY_NONE || next == DKIM_WHY_BUDGET ||
	    next == DKIM_WHY_VERSION)
		return next;
	return first;
}

static enum dkim_reason
read_one(struct reader *r, const struct tag_list *tags,
    const struct sig_tag *st, enum dkim_sig_kind kind, struct diag *d)
{
	const struct tag *t = tag_find(tags, st->name);
	enum dkim_reason why = DKIM_WHY_NONE;

	if (t && st->read & kind)
		why = st->fn(r, t);
	else if (!t && st->required & kind)
		why = DKIM_WHY_MISSING;
	if (why)
		diag_set(d, 0, 0, "tag %.*s: %s", STRF(st->name),
		    dkim_reason_name(why));
	return why;
}

/* i= defaults to "@" d (RFC 6376 section 3.5). */
static bool
default_identity(struct arena *a, struct dkim_sig *sig)
{
	if (!sig->identity_domain.p)
		sig->identity_domain = sig->domain;
	if (sig->identity.p || !sig->domain.n)
		return true;
	sig->identity = arena_cat(a, STR("@"), sig->domain);
	return sig->identity.p;
}

enum dkim_reason
dkim_sig_read(struct arena *a, const struct tag_list *tags,
    enum dkim_sig_kind kind, struct dkim_sig *out, struct diag *d)
{
	struct reader r = {a, out, kind};
	enum dkim_reason why = DKIM_WHY_NONE;

	*out = (struct dkim_sig){
	    .body_length = DKIM_NO_LENGTH, .expires = DKIM_TIME_NEVER};
	if (kind == DKIM_SIG_ARC_SEAL)
		out->header_canon = DKIM_RELAXED;
	for (size_t i = 0; i < sizeof(sig_tags) / sizeof(*sig_tags); i++) {
		enum dkim_reason next =
		    read_one(&r, tags, &sig_tags[i], kind, why ? NULL : d);

		if (next)
			why = worse(why, next);
	}
	/* RFC 6376 section 3.5: x= MUST be greater than t= */
	if (!why && out->expires != DKIM_TIME_NEVER &&
	    out->expires <= out->signed_at)
		why = DKIM_WHY_FUTURE;
	if (!default_identity(a, out))
		why = DKIM_WHY_BUDGET;
	return why;
}

int
dkim_sig_tags(struct arena *a, struct str value, bool smtputf8,
    struct tag_list *out, struct diag *d)
{
	unsigned flags = 0;

	if (smtputf8 || (!str_is_ascii(value) && utf8_ok(value)))
		flags = TAG_HIGH;
	return tag_list_parse(a, value, flags, out, d);
}

enum dkim_reason
dkim_sig_parse(struct arena *a, const struct hdr *h, bool smtputf8,
    struct dkim_sig *out, struct diag *d)
{
	struct tag_list tags;
	int err = dkim_sig_tags(a, h->value, smtputf8, &tags, d);

	if (err) {
		*out = (struct dkim_sig){0};
		return err == AVER_NOMEM ? DKIM_WHY_BUDGET : DKIM_WHY_SYNTAX;
	}
	return dkim_sig_read(a, &tags, DKIM_SIG_DKIM, out, d);
}

enum dkim_reason
dkim_sig_time(const struct dkim_sig *sig, int64_t now, unsigned drift)
{
	/* the difference of two int64_t fits in uint64_t only */
	if (sig->signed_at > now &&
	    (uint64_t)sig->signed_at - (uint64_t)now > drift)
		return DKIM_WHY_FUTURE;
	if (sig->expires < now &&
	    (uint64_t)now - (uint64_t)sig->expires > drift)
		return DKIM_WHY_EXPIRED;
	return DKIM_WHY_NONE;
}
