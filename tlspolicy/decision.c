/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/decision.h"

#include "lib/base/chars.h"
#include "lib/base/name.h"
#include "tlspolicy/sts_match.h"

#define SHOWN_HOSTS 20
#define SHOWN_OCTETS 256 /* of a value */

static const char *const kind_names[TLS_KIND_COUNT] = {
    [TLS_NONE] = "none",
    [TLS_MAY] = "may",
    [TLS_DANE] = "dane",
    [TLS_DANE_ONLY] = "dane-only",
    [TLS_STS_ENFORCE] = "sts-enforce",
    [TLS_STS_TESTING] = "sts-testing",
    [TLS_FIXED] = "fixed",
    [TLS_UNVERIFIABLE] = "unverifiable",
    [TLS_TEMP] = "temp",
};

static const char *const why_texts[TLS_WHY_COUNT] = {
    [TLS_WHY_NO_POLICY] = "no TLSA records and no MTA-STS policy",
    [TLS_WHY_LITERAL] = "an address has no policy",
    [TLS_WHY_PARENT] = "parent domains are not looked up",
    [TLS_WHY_BAD_KEY] = "not a destination",
    [TLS_WHY_NO_DOMAIN] = "the domain does not exist",
    [TLS_WHY_NULL_MX] = "the domain takes no mail",
    [TLS_WHY_TABLE] = "tls_policy_table says so",
    [TLS_WHY_NO_DANE] = "tls_policy_table excludes DANE",
    [TLS_WHY_DANE_ALL] = "usable TLSA records for every host",
    [TLS_WHY_DANE_SOME] = "TLSA records for some hosts, or unusable ones",
    [TLS_WHY_DANE_STRICT] =
	("TLSA records for some hosts, and MTA-STS with mode "
	 "enforce for the others"),
    [TLS_WHY_DANE_INSECURE_MX] = "TLSA records, but MX records without DNSSEC",
    [TLS_WHY_TLSA_FAILED] = "a TLSA lookup failed",
    [TLS_WHY_MX_FAILED] = "the MX lookup failed",
    [TLS_WHY_ADDRESS_FAILED] = "the address lookups of all hosts failed",
    [TLS_WHY_STS_ENFORCE] = "MTA-STS policy with mode enforce",
    [TLS_WHY_STS_TESTING] = "MTA-STS policy with mode testing",
    [TLS_WHY_STS_NONE] = "MTA-STS policy with mode none",
    [TLS_WHY_STS_FAILED] = "MTA-STS record, but no policy could be had",
    [TLS_WHY_FAIL_OPEN] = "tls_policy_table lets mail flow in spite of trouble",
    [TLS_WHY_REQUIRED] = "tls_policy_table requires verified TLS",
    [TLS_WHY_TROUBLE] = "no decision is possible",
};

const char *
tls_kind_name(enum tls_kind kind)
{
	return name_of(kind_names, TLS_KIND_COUNT, (int)kind);
}

const char *
tls_why_text(enum tls_why why)
{
	return name_of(why_texts, TLS_WHY_COUNT, (int)why);
}

static void
set(struct tls_decision *d, enum tls_kind kind, enum tls_why why,
    struct str detail)
{
	d->kind = kind;
	d->why = why;
	d->detail = detail;
}

static unsigned
rule_flags(const struct tls_facts *f)
{
	return f->rule ? f->rule->flags : 0;
}

/* The policy in force, unless the table excludes it. */
static const struct sts_policy *
policy_of(const struct tls_facts *f)
{
	return rule_flags(f) & TLS_RULE_NO_STS ? NULL : f->sts.policy;
}

static bool
is_enforced(const struct tls_facts *f)
{
	const struct sts_policy *p = policy_of(f);

	return p && p->mode == STS_ENFORCE;
}

/* Where no TLSA record stands in the way; RFC 8461 section 5. */
static void
decide_sts(struct tls_decision *d)
{
	const struct tls_facts *f = &d->facts;
	const struct sts_policy *p = policy_of(f);
	enum tls_why none = TLS_WHY_NO_POLICY;

	if (p && p->mode == STS_ENFORCE) {
		set(d, TLS_STS_ENFORCE, TLS_WHY_STS_ENFORCE, STR_NONE);
		return;
	}
	if (p && p->mode == STS_TESTING) {
		set(d, TLS_STS_TESTING, TLS_WHY_STS_TESTING, STR_NONE);
		return;
	}
	if (f->mx == DANE_MX_NO_DOMAIN)
		none = TLS_WHY_NO_DOMAIN;
	else if (f->mx == DANE_MX_NULL)
		none = TLS_WHY_NULL_MX;
	if (p) {
		set(d, TLS_NONE, TLS_WHY_STS_NONE, STR_NONE);
	} else if (f->sts.failure != TLSRPT_SUCCESS &&
		   !(rule_flags(f) & TLS_RULE_NO_STS)) {
		/* RFC 8461 section 3.3: as if there were no MTA-STS */
		set(d, TLS_NONE, TLS_WHY_STS_FAILED, f->sts.failure_detail);
	} else if (rule_flags(f) & TLS_RULE_NO_DANE) {
		/* the MTA must not do by itself what the table excludes */
		set(d, TLS_MAY, TLS_WHY_NO_DANE, STR_NONE);
	} else {
		set(d, TLS_NONE, none, STR_NONE);
	}
}

static void
decide_temp(struct tls_decision *d, enum tls_why why, struct str detail)
{
	const struct tls_facts *f = &d->facts;

	if (f->is_lenient && !is_enforced(f))
		set(d, TLS_NONE, why, detail);
	else
		set(d, TLS_TEMP, why, detail);
	d->is_short_lived = true;
}

/*
 * Signed MX records, and TLSA records for some hosts. Level "dane" asks nothing
 * of the others, and nothing of a certificate where records are unusable, so
 * with an enforced policy it would let an attacker through who blocks the hosts
 * that have records (RFC 8461 section 5). The MTA knows one level for all of
 * them: those that DANE authenticates are used, or MTA-STS where none is.
 */
static void
decide_some(struct tls_decision *d, struct str why)
{
	const struct dane_verdict *v = &d->dane;

	if (!is_enforced(&d->facts))
		set(d, TLS_DANE, TLS_WHY_DANE_SOME, why);
	else if (v->usable)
		set(d, TLS_DANE_ONLY, TLS_WHY_DANE_STRICT, why);
	else if (v->failed)
		set(d, TLS_TEMP, TLS_WHY_TLSA_FAILED, why);
	else
		decide_sts(d);
}

/*
 * RFC 8461 section 2: MTA-STS must not override a failing DANE validation, so
 * it is looked at only where the outcome is that there is no DANE. RFC 7672
 * section 2.1.2: a lookup that fails is no reason to do without.
 */
static void
decide_dane(struct tls_decision *d)
{
	const struct tls_facts *f = &d->facts;
	const struct dane_verdict *v = &d->dane;
	struct str why = v->culprit ? v->culprit->why : STR_NONE;

	d->is_short_lived = v->is_shaky;
	switch (v->outcome) {
	case DANE_OUT_ONLY:
		set(d, TLS_DANE_ONLY, TLS_WHY_DANE_ALL, STR_NONE);
		return;
	case DANE_OUT_SOME:
		if (f->mx == DANE_MX_SECURE)
			decide_some(d, why);
		else if (is_enforced(f))
			/* who forges the MX forges the TLSA's owner as well:
			 * what binds the domain is the policy */
			decide_sts(d);
		else
			set(d, TLS_DANE, TLS_WHY_DANE_INSECURE_MX, why);
		return;
	case DANE_OUT_UNSURE:
		/* hosts that are proven to have no records may be used */
		if (v->absent && !is_enforced(f))
			set(d, TLS_DANE, TLS_WHY_TLSA_FAILED, why);
		else
			set(d, TLS_TEMP, TLS_WHY_TLSA_FAILED, why);
		return;
	case DANE_OUT_TEMP:
		decide_temp(d,
		    f->mx == DANE_MX_FAILED ? TLS_WHY_MX_FAILED
					    : TLS_WHY_ADDRESS_FAILED,
		    why);
		return;
	case DANE_OUT_NONE:
	case DANE_OUT_COUNT:
		decide_sts(d);
		return;
	}
}

/* RFC 8461 section 5.1: no trouble ends a policy that is in force. */
static void
fail_open(struct tls_decision *d)
{
	bool is_held = is_enforced(&d->facts);

	d->kind = is_held ? TLS_STS_ENFORCE : TLS_MAY;
	d->detail = str_from_z(tls_why_text(d->why));
	d->why = is_held ? TLS_WHY_STS_ENFORCE : TLS_WHY_FAIL_OPEN;
	d->is_short_lived = true;
}

/* What the table wants of a decision that is made. */
static void
apply_rule(struct tls_decision *d)
{
	unsigned flags = rule_flags(&d->facts);

	if (d->kind == TLS_TEMP && (flags & TLS_RULE_FAIL_OPEN))
		fail_open(d);
	if (!(flags & TLS_RULE_VERIFIED) || d->kind == TLS_TEMP ||
	    tls_decision_is_verified(d))
		return;
	d->detail = str_from_z(tls_why_text(d->why));
	d->why = TLS_WHY_REQUIRED;
	d->kind = tls_decision_strict(d);
}

static void
count_unmatched(struct tls_decision *d)
{
	const struct tls_facts *f = &d->facts;
	const struct sts_policy *p = policy_of(f);

	if (!p || p->mode == STS_NONE)
		return;
	for (size_t i = 0; i < f->n_hosts; i++)
		d->sts_unmatched += !sts_policy_match(p, f->hosts[i].name);
}

static bool
has_no_policy(struct tls_decision *d)
{
	switch (d->facts.nexthop->kind) {
	case NEXTHOP_PARENT:
		/* RFC 8461 section 3.4: no policy of a parent is used */
		set(d, TLS_NONE, TLS_WHY_PARENT, STR_NONE);
		return true;
	case NEXTHOP_INVALID:
	case NEXTHOP_KIND_COUNT:
		set(d, TLS_NONE, TLS_WHY_BAD_KEY, STR_NONE);
		return true;
	case NEXTHOP_DOMAIN:
	case NEXTHOP_HOST:
	case NEXTHOP_LITERAL:
		break;
	}
	return false;
}

void
tls_decide(const struct tls_facts *f, struct tls_decision *out)
{
	*out = (struct tls_decision){.facts = *f, .domain = f->nexthop->domain};
	if (has_no_policy(out))
		return;
	if (f->rule && f->rule->fixed.n) {
		set(out, TLS_FIXED, TLS_WHY_TABLE, STR_NONE);
		return;
	}
	if (f->nexthop->kind == NEXTHOP_LITERAL) {
		set(out, TLS_NONE, TLS_WHY_LITERAL, STR_NONE);
		apply_rule(out);
		return;
	}
	dane_decide(rule_flags(f) & TLS_RULE_NO_DANE ? DANE_MX_UNASKED : f->mx,
	    f->hosts, f->n_hosts, &out->dane);
	count_unmatched(out);
	if (f->trouble.n) {
		set(out, TLS_TEMP, TLS_WHY_TROUBLE, f->trouble);
		out->is_short_lived = true;
	} else {
		decide_dane(out);
		out->is_short_lived |= f->sts_unknown;
	}
	apply_rule(out);
}

static bool
fixed_is_verified(struct str text)
{
	static const struct str levels[] = {STR_INIT("dane-only"),
	    STR_INIT("fingerprint"), STR_INIT("verify"), STR_INIT("secure")};
	size_t end = 0;

	while (end < text.n && !chars_is(text.p[end], CH_FWS) &&
	       text.p[end] != ',')
		end++;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (str_eq_ci(str_head(text, end), levels[i]))
			return true;
	return false;
}

bool
tls_decision_is_verified(const struct tls_decision *d)
{
	return d->kind == TLS_DANE_ONLY || d->kind == TLS_STS_ENFORCE ||
	       (d->kind == TLS_FIXED &&
		   fixed_is_verified(d->facts.rule->fixed));
}

enum tls_kind
tls_decision_strict(const struct tls_decision *d)
{
	const struct sts_policy *p = policy_of(&d->facts);
	bool is_signed = d->facts.mx == DANE_MX_SECURE;

	if (tls_decision_is_verified(d))
		return d->kind;
	if (d->kind == TLS_STS_TESTING)
		return TLS_STS_ENFORCE;
	if (d->kind != TLS_DANE)
		return TLS_UNVERIFIABLE;
	if (is_signed && d->dane.usable)
		return TLS_DANE_ONLY;
	/* as where the policy is enforced, see decide_dane() */
	if (p && p->mode == STS_TESTING && !(is_signed && d->dane.failed))
		return TLS_STS_ENFORCE;
	return TLS_UNVERIFIABLE;
}

/* " key=value", in quotes where it has to be; printable ASCII only. */
static void
add(struct buf *b, const char *key, struct str value)
{
	bool quote = value.n == 0 || str_chr(value, ' ') < value.n;

	buf_addf(b, "%s%s=%s", b->n ? " " : "", key, quote ? "\"" : "");
	for (size_t i = 0; i < value.n && i < SHOWN_OCTETS; i++)
		buf_add_c(b, chars_is(value.p[i], CH_PRINT) && value.p[i] != '"'
				 ? value.p[i]
				 : '?');
	if (quote)
		buf_add_c(b, '"');
}

static void
add_z(struct buf *b, const char *key, const char *value)
{
	add(b, key, str_from_z(value));
}

static void
print_hosts(struct buf *b, const struct tls_facts *f)
{
	const struct sts_policy *p = policy_of(f);

	for (size_t i = 0; i < f->n_hosts && i < SHOWN_HOSTS; i++) {
		const struct dane_host *h = &f->hosts[i];

		add(b, "host", h->name);
		add_z(b, "tlsa", dane_state_name(h->state));
		if (h->why.n)
			add(b, "reason", h->why);
		if (p && p->mode != STS_NONE)
			add_z(b, "sts_match",
			    sts_policy_match(p, h->name) ? "yes" : "no");
	}
}

void
tls_decision_print(struct buf *b, const struct tls_decision *d)
{
	const struct tls_facts *f = &d->facts;
	struct buf line;

	/* a part of its own, so that no separator depends on what is there */
	buf_init(&line, NULL, 16384);
	add_z(&line, "kind", tls_kind_name(d->kind));
	add_z(&line, "why", tls_why_text(d->why));
	if (d->detail.n)
		add(&line, "detail", d->detail);
	if (d->domain.n)
		add(&line, "domain", d->domain);
	add_z(&line, "mx", dane_mx_name(f->mx));
	add_z(&line, "dane", dane_outcome_name(d->dane.outcome));
	if (f->sts.policy) {
		add_z(&line, "sts", sts_mode_name(f->sts.policy->mode));
		add(&line, "sts_id", f->sts.id);
	}
	if (f->sts.failure != TLSRPT_SUCCESS) {
		add_z(&line, "sts_failure", tlsrpt_result_name(f->sts.failure));
		add(&line, "sts_reason", f->sts.failure_detail);
	}
	print_hosts(&line, f);
	buf_add(b, buf_str(&line));
	buf_fini(&line);
}
