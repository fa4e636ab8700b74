/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/spf/spf.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/dns/rdata.h"
#include "lib/mail/addr.h"
#include "lib/spf/spf_ctx.h"
#include "lib/spf/spf_policy.h"
#include "lib/spf/spf_value.h"

/*
 * Nested includes. max_lookups ends a recursion at 10 by default; this bounds
 * the stack whatever the limits are set to.
 */
#define DEPTH_MAX 20u

/* RFC 7208 section 6.2 leaves the lengths to us: of the result, of the TXT. */
#define EXPLANATION_MAX ((size_t)500)
#define EXPLANATION_SOURCE_MAX ((size_t)4096)

/* RFC 7208 section 5.3: is the client an address of name? */
static enum spf_match
match_addresses(
    struct spf_ctx *c, const struct dname *name, const struct spf_term *t)
{
	unsigned bits = c->ip.family == IP_V4 ? t->bits4 : t->bits6;
	uint16_t type = spf_ctx_addr_type(c);
	const struct dns_rrset *rr = spf_ctx_ask(c, name, type);

	switch (rr->status) {
	case DNS_OK:
		return spf_ctx_holds_client(c, rr, bits) ? SPF_MATCH_YES
							 : SPF_MATCH_NO;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return spf_ctx_void(c);
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		break;
	}
	return spf_ctx_fail_dns(c, rr, name, type);
}

enum target { TARGET_OK, TARGET_ILLEGAL, TARGET_NEVER, TARGET_ERROR };

/* RFC 7208 section 4.8: the <target-name> of a domain-spec. */
static enum target
expand(struct spf_ctx *c, const struct spf_macro *spec, struct spf_host *out)
{
	struct spf_macro_source src = {spf_value, c};

	/* RFC 8616 section 4: s and l are of no use in the DNS then */
	if (spec->local && !c->ascii_local)
		return TARGET_NEVER;
	/*
	 * RFC 7208 section 4.8 leaves to us what a malformed name does. One
	 * that cannot be well-formed whatever the client is a mistake in the
	 * record.
	 */
	if (spec->no_name) {
		if (!c->explaining)
			spf_ctx_fail_term(c, SPF_WHY_SYNTAX);
		return TARGET_ERROR;
	}
	spf_macro_name(spec, &src, &out->name);
	if (c->failed)
		return TARGET_ERROR;
	return dname_from_text(out->name.text, &out->dname) ? TARGET_OK
							    : TARGET_ILLEGAL;
}

static enum spf_result check_host(struct spf_ctx *, const struct spf_host *);

/* RFC 7208 section 5.2 */
static enum spf_match
match_include(
    struct spf_ctx *c, const struct spf_term *t, const struct spf_host *target)
{
	const struct spf_host *outer = c->host;
	enum spf_result r;

	if (c->depth == DEPTH_MAX)
		return spf_ctx_fail_term(c, SPF_WHY_LOOKUPS);
	c->depth++;
	r = check_host(c, target);
	c->depth--;
	c->host = outer;
	c->term = t;
	switch (r) {
	case SPF_PASS:
		return SPF_MATCH_YES;
	case SPF_FAIL:
	case SPF_SOFTFAIL:
	case SPF_NEUTRAL:
		return SPF_MATCH_NO;
	case SPF_NONE:
		return spf_ctx_fail_term(c, SPF_WHY_INCLUDE_NONE);
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
	case SPF_RESULT_COUNT:
		break;
	}
	return SPF_MATCH_ERROR;
}

/* False for the null MX of RFC 7505 too: "." is no host. */
static bool
mx_host(struct str rdata, struct dname *out)
{
	uint16_t preference;

	return rdata_mx(rdata, &preference, out) && dname_labels(out) > 0;
}

/* RFC 7208 section 5.4; there is no implicit MX. */
static enum spf_match
match_mx(
    struct spf_ctx *c, const struct dname *target, const struct spf_term *t)
{
	const struct dns_rrset *rr = spf_ctx_ask(c, target, DNS_MX);
	const struct str *v;
	struct dname name;
	size_t n;

	if (rr->status == DNS_NODATA || rr->status == DNS_NXDOMAIN)
		return spf_ctx_void(c);
	if (rr->status != DNS_OK)
		return spf_ctx_fail_dns(c, rr, target, DNS_MX);
	v = spf_ctx_pick(c, rr, c->in->limits.max_names, &n);
	if (!v)
		return spf_ctx_fail(
		    c, SPF_TEMPERROR, SPF_WHY_BUDGET, STR("memory"));
	/* so that the answers come at once, not one after the other */
	for (size_t i = 0; n > 1 && i < n; i++)
		if (mx_host(v[i], &name))
			dns_prefetch(c->dns, &name, spf_ctx_addr_type(c));
	for (size_t i = 0; i < n; i++) {
		enum spf_match m;

		if (!mx_host(v[i], &name))
			continue;
		m = match_addresses(c, &name, t);
		if (m != SPF_MATCH_NO)
			return m;
	}
	/* RFC 7208 section 4.6.4: an eleventh name is a permerror */
	return n < rr->n ? spf_ctx_fail_term(c, SPF_WHY_NAMES) : SPF_MATCH_NO;
}

/* RFC 7208 section 5.7: type A for every client. */
static enum spf_match
match_exists(struct spf_ctx *c, const struct dname *target)
{
	const struct dns_rrset *rr = spf_ctx_ask(c, target, DNS_A);

	switch (rr->status) {
	case DNS_OK:
		return SPF_MATCH_YES;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return spf_ctx_void(c);
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		break;
	}
	return spf_ctx_fail_dns(c, rr, target, DNS_A);
}

static enum spf_match
match_with_target(
    struct spf_ctx *c, const struct spf_term *t, const struct spf_host *target)
{
	switch (t->mech) {
	case SPF_MECH_INCLUDE:
		return match_include(c, t, target);
	case SPF_MECH_A:
		return match_addresses(c, &target->dname, t);
	case SPF_MECH_MX:
		return match_mx(c, &target->dname, t);
	case SPF_MECH_PTR:
		return spf_match_ptr(c, &target->dname);
	case SPF_MECH_EXISTS:
		return match_exists(c, &target->dname);
	case SPF_MECH_ALL:
	case SPF_MECH_IP4:
	case SPF_MECH_IP6:
	case SPF_MECH_COUNT:
		break;
	}
	return SPF_MATCH_NO;
}

/* A term that asks the DNS. */
static enum spf_match
match_lookup(struct spf_ctx *c, const struct spf_term *t)
{
	struct spf_host target;

	c->term = t;
	c->term_void = false;
	if (++c->out->lookups > c->in->limits.max_lookups)
		return spf_ctx_fail_term(c, SPF_WHY_LOOKUPS);
	if (!t->spec)
		return match_with_target(c, t, c->host);
	switch (expand(c, t->spec, &target)) {
	case TARGET_OK:
		return match_with_target(c, t, &target);
	case TARGET_ILLEGAL:
		/* RFC 7208 section 4.8: no match; to include, section 4.3 */
		if (t->mech == SPF_MECH_INCLUDE)
			return spf_ctx_fail_term(c, SPF_WHY_INCLUDE_NONE);
		return SPF_MATCH_NO;
	case TARGET_NEVER:
		return SPF_MATCH_NO;
	case TARGET_ERROR:
		break;
	}
	return SPF_MATCH_ERROR;
}

static enum spf_match
match_term(struct spf_ctx *c, const struct spf_term *t)
{
	switch (t->mech) {
	case SPF_MECH_ALL:
		return SPF_MATCH_YES;
	case SPF_MECH_IP4:
		return ip_in(&c->ip, &t->ip, t->bits4) ? SPF_MATCH_YES
						       : SPF_MATCH_NO;
	case SPF_MECH_IP6:
		return ip_in(&c->ip, &t->ip, t->bits6) ? SPF_MATCH_YES
						       : SPF_MATCH_NO;
	case SPF_MECH_INCLUDE:
	case SPF_MECH_A:
	case SPF_MECH_MX:
	case SPF_MECH_PTR:
	case SPF_MECH_EXISTS:
	case SPF_MECH_COUNT:
		break;
	}
	return match_lookup(c, t);
}

/* Printable ASCII, as the RFC and every use of the text demand. */
static bool
is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_PRINT))
			return false;
	return true;
}

/*
 * RFC 7208 section 6.2. Every kind of trouble means that there is no
 * explanation; the lookups do not count (section 4.6.4).
 */
static void
explain(struct spf_ctx *c, const struct spf_macro *spec)
{
	struct spf_macro_source src = {spf_value, c};
	const struct dns_rrset *rr;
	struct spf_macro text;
	struct spf_host target;
	struct str raw;
	struct buf b;

	c->explaining = true;
	if (expand(c, spec, &target) != TARGET_OK)
		return;
	rr = spf_ctx_ask(c, &target.dname, DNS_TXT);
	if (rr->status != DNS_OK || rr->n != 1 ||
	    rr->rdata[0].n > EXPLANATION_SOURCE_MAX ||
	    !rdata_txt(c->arena, rr->rdata[0], &raw) ||
	    spf_macro_parse(c->arena, raw, SPF_MACRO_EXPLAIN, &text))
		return;
	buf_init(&b, c->arena, EXPLANATION_MAX);
	spf_macro_text(&text, &src, &b, EXPLANATION_MAX);
	if (is_printable(buf_str(&b)))
		c->out->explanation = buf_str(&b);
}

/* RFC 7208 sections 4.4 and 4.5; NULL with *r when there is none to use. */
static const struct spf_policy *
fetch_policy(struct spf_ctx *c, const struct spf_host *host, enum spf_result *r)
{
	const struct dns_rrset *rr = spf_ctx_ask(c, &host->dname, DNS_TXT);
	const struct spf_policy *policy;

	*r = SPF_NONE;
	switch (rr->status) {
	case DNS_OK:
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		/* the query of the topmost <domain> is no term's */
		if (c->term)
			spf_ctx_void(c);
		if (c->failed)
			*r = SPF_PERMERROR;
		return NULL;
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		spf_ctx_fail_dns(c, rr, &host->dname, DNS_TXT);
		*r = SPF_TEMPERROR;
		return NULL;
	}
	policy = spf_policy_of(rr);
	if (!policy) {
		spf_ctx_fail(c, SPF_TEMPERROR, SPF_WHY_BUDGET, STR("memory"));
		*r = SPF_TEMPERROR;
		return NULL;
	}
	if (policy->why == SPF_WHY_NONE)
		return policy;
	if (policy->why != SPF_WHY_NO_RECORD) {
		spf_ctx_fail(c, SPF_PERMERROR, policy->why,
		    policy->detail.n ? policy->detail : host->name.text);
		*r = SPF_PERMERROR;
	}
	return NULL;
}

/* The first match decides; SPF_NONE when there was none. */
static enum spf_result
run_terms(struct spf_ctx *c, const struct spf_record *record)
{
	for (size_t i = 0; i < record->n; i++) {
		const struct spf_term *t = &record->terms[i];

		switch (match_term(c, t)) {
		case SPF_MATCH_NO:
			continue;
		case SPF_MATCH_ERROR:
			return c->out->result;
		case SPF_MATCH_YES:
			break;
		}
		if (c->depth > 0)
			return t->result;
		c->out->mechanism = t->text;
		/* never that of an included record: RFC 7208 section 6.2 */
		if (t->result == SPF_FAIL && c->in->want_explanation &&
		    record->exp)
			explain(c, record->exp);
		return t->result;
	}
	return SPF_NONE;
}

/*
 * RFC 7208 section 6.1: the domain to go on with; false with *r when the
 * evaluation of the record is over.
 */
static bool
redirect(struct spf_ctx *c, const struct spf_record *record,
    struct spf_host *next, enum spf_result *r)
{
	*r = SPF_NEUTRAL;
	if (!record->redirect || record->has_all)
		return false;
	c->term = NULL;
	c->term_void = false;
	if (++c->out->lookups > c->in->limits.max_lookups) {
		spf_ctx_fail_term(c, SPF_WHY_LOOKUPS);
		*r = c->out->result;
		return false;
	}
	switch (expand(c, record->redirect, next)) {
	case TARGET_OK:
		return true;
	case TARGET_NEVER:
		return false;
	case TARGET_ILLEGAL:
		spf_ctx_fail_term(c, SPF_WHY_INCLUDE_NONE);
		break;
	case TARGET_ERROR:
		break;
	}
	*r = c->out->result;
	return false;
}

/*
 * RFC 7208 section 4. Every include and redirect adds to the lookups, which
 * bounds both the recursion and the loop.
 */
static enum spf_result
check_host(struct spf_ctx *c, const struct spf_host *host)
{
	struct spf_host room[2];
	bool redirected = false;
	unsigned i = 0;

	for (;;) {
		const struct spf_policy *policy;
		enum spf_result r;

		c->host = host;
		policy = fetch_policy(c, host, &r);
		if (!policy && redirected && r == SPF_NONE) {
			spf_ctx_fail_term(c, SPF_WHY_INCLUDE_NONE);
			return SPF_PERMERROR;
		}
		if (!policy)
			return r;
		r = run_terms(c, &policy->record);
		if (r != SPF_NONE)
			return r;
		/* the next name may be made of the current one: two rooms */
		if (!redirect(c, &policy->record, &room[i], &r))
			return r;
		host = &room[i];
		i = !i;
		redirected = true;
	}
}

static bool
is_helo_identity(const struct spf_input *in)
{
	return in->scope == SPF_SCOPE_HELO || in->mail_from.n == 0;
}

/* AVER_SYNTAX when there is no multi-label domain to check. */
static int
identify(struct arena *a, const struct spf_input *in, struct spf_identity *out)
{
	struct spf_identity id = {.local = STR_NONE};
	struct str domain = in->helo;
	int err;

	if (!is_helo_identity(in))
		addr_split(in->mail_from, &id.local, &domain);
	/* RFC 8616 section 4: HELO has A-labels, only a mailbox U-labels */
	else if (!str_is_ascii(domain))
		return AVER_SYNTAX;
	if (id.local.n == 0)
		id.local = STR("postmaster");
	err = domain_to_ascii(a, domain, &id.domain);
	if (err)
		return err;
	*out = id;
	return domain_labels(id.domain) >= 2 ? 0 : AVER_SYNTAX;
}

bool
spf_first_name(struct arena *a, const struct spf_input *in, struct dname *out)
{
	struct spf_identity id;

	return identify(a, in, &id) == 0 && dname_from_text(id.domain, out);
}

static void
eval_identity(struct spf_ctx *c)
{
	struct spf_verdict *out = c->out;
	struct spf_host host;
	enum spf_result r;

	out->domain = c->id.domain;
	host.name.text = c->id.domain;
	if (!dname_from_text(c->id.domain, &host.dname)) {
		out->reason = SPF_WHY_NO_DOMAIN;
		return;
	}
	r = check_host(c, &host);
	if (c->failed)
		return;
	out->result = r;
	if (r == SPF_NONE)
		out->reason = SPF_WHY_NO_RECORD;
}

void
spf_eval(struct dns *dns, struct arena *a, const struct spf_input *in,
    struct spf_verdict *out)
{
	struct spf_ctx c = {.dns = dns, .arena = a, .in = in, .out = out};
	bool failed = arena_failed(a);
	int err;

	/*
	 * Only what is refused from here on is trouble of ours: a sender who
	 * filled the arena before must not get a temperror for it.
	 */
	a->failed = false;
	*out = (struct spf_verdict){.result = SPF_NONE,
	    .scope = in->scope,
	    .mechanism = STR("default")};
	c.ip = ip_unmap(in->ip);
	err = identify(a, in, &c.id);
	out->used_helo = in->scope == SPF_SCOPE_MFROM && !in->mail_from.n;
	if (err == 0) {
		c.ascii_local = str_is_ascii(c.id.local);
		eval_identity(&c);
		out->mechanism = arena_dup(a, out->mechanism);
	} else {
		out->reason = SPF_WHY_NO_DOMAIN;
	}
	if (err == AVER_NOMEM || arena_failed(a)) {
		out->result = SPF_TEMPERROR;
		out->reason = SPF_WHY_BUDGET;
		out->detail = STR("memory");
		out->mechanism = STR("default");
		out->explanation = STR_NONE;
	}
	a->failed = a->failed || failed;
}
