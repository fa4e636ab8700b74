/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dmarc/dmarc.h"

#include "lib/dmarc/dmarc_discover.h"
#include "lib/mail/addr.h"

enum alignment {
	ALIGNED,
	UNALIGNED,
	UNDECIDED, /* a lookup failed that it depends on */
};

struct eval {
	struct dmarc_finder finder;
	const struct dmarc_input *in;
	const struct dmarc_record *record;
	/* of the author domain, once it was needed */
	enum { ORG_UNASKED, ORG_KNOWN, ORG_FAILED } org_state;
	struct dmarc_org org;
	/* an identifier that passed would align if lookups had worked */
	bool undecided;
};

static bool
author_org(struct eval *e)
{
	if (e->org_state == ORG_UNASKED)
		e->org_state =
		    dmarc_org_of(&e->finder, e->in->from_domain, &e->org)
			? ORG_KNOWN
			: ORG_FAILED;
	return e->org_state == ORG_KNOWN;
}

static bool
share_a_suffix(struct str x, struct str y)
{
	return str_eq_ci(domain_tail(x, 1), domain_tail(y, 1));
}

/*
 * RFC 9989 section 4.4: strict is the same name, relaxed the same
 * organizational domain. An organizational domain is the name itself or above
 * it, so an identifier outside that of the author needs no walk of its own.
 * That also keeps lookups away from domains a sender can pick at will.
 */
static enum alignment
align(struct eval *e, enum dmarc_align mode, struct str domain)
{
	struct str from = e->in->from_domain;
	struct dmarc_org org;
	bool known;

	if (!domain.n)
		return UNALIGNED;
	if (str_eq_ci(domain, from))
		return ALIGNED;
	if (mode == DMARC_STRICT || !share_a_suffix(domain, from))
		return UNALIGNED;
	known = author_org(e);
	if (known && !domain_is_below(domain, e->org.name))
		return UNALIGNED;
	if (!dmarc_org_of(&e->finder, domain, &org))
		return UNDECIDED;
	if (!domain_is_below(from, org.name))
		return UNALIGNED;
	if (!known)
		return UNDECIDED;
	return str_eq_ci(org.name, e->org.name) ? ALIGNED : UNALIGNED;
}

/* Notes what an identifier that passed is worth; true when it is aligned. */
static bool
passes(struct eval *e, enum dmarc_align mode, struct str domain)
{
	enum alignment a = align(e, mode, domain);

	if (a == UNDECIDED)
		e->undecided = true;
	return a == ALIGNED;
}

/* Only the MAIL FROM identity counts: RFC 9989 section 4.4.2. */
static bool
spf_result_is(const struct spf_verdict *spf, enum spf_result r)
{
	return spf && spf->scope == SPF_SCOPE_MFROM && spf->result == r;
}

static bool
spf_passes(struct eval *e)
{
	const struct spf_verdict *spf = e->in->spf;

	return spf_result_is(spf, SPF_PASS) &&
	       passes(e, e->record->aspf, spf->domain);
}

static bool
dkim_passes(struct eval *e)
{
	const struct dmarc_input *in = e->in;

	/* the author's own signature needs no walk: look for one first */
	for (size_t i = 0; i < in->n_dkim; i++)
		if (in->dkim[i].result == DKIM_PASS &&
		    str_eq_ci(in->dkim[i].domain, in->from_domain))
			return true;
	for (size_t i = 0; i < in->n_dkim; i++)
		if (in->dkim[i].result == DKIM_PASS &&
		    passes(e, e->record->adkim, in->dkim[i].domain))
			return true;
	return false;
}

static void
fails_to_decide(
    struct dmarc_verdict *out, enum dmarc_reason why, struct str detail)
{
	out->result = DMARC_TEMPERROR;
	out->reason = why;
	out->detail = detail;
}

/*
 * RFC 9989 section 5.3.6: a failed lookup forbids both pass and fail. That
 * is so only if the identifier it belongs to could be aligned: nobody gets
 * out of a policy by a broken key record of a domain of his own.
 */
static bool
blocked_by_errors(struct eval *e, struct dmarc_verdict *out)
{
	const struct dmarc_input *in = e->in;
	const struct spf_verdict *spf = in->spf;

	if (e->undecided) {
		fails_to_decide(out, e->finder.why, e->finder.detail);
		return true;
	}
	if (spf_result_is(spf, SPF_TEMPERROR) &&
	    align(e, e->record->aspf, spf->domain) != UNALIGNED) {
		fails_to_decide(out, DMARC_WHY_SPF_TEMP, spf->domain);
		return true;
	}
	for (size_t i = 0; i < in->n_dkim; i++) {
		const struct dkim_verdict *sig = &in->dkim[i];

		/* What a sender put beyond our limits is not evaluated
		 * (section 11.5) and does not open a way around a policy:
		 * many signatures, the last with d= of the author. */
		if (sig->result != DKIM_TEMPERROR ||
		    sig->reason == DKIM_WHY_BUDGET ||
		    align(e, e->record->adkim, sig->domain) == UNALIGNED)
			continue;
		fails_to_decide(out, DMARC_WHY_DKIM_TEMP, sig->domain);
		return true;
	}
	return false;
}

/* RFC 9989 section 4.7: np falls back to sp, sp to p. */
static void
choose_policy(struct dmarc_verdict *out, bool exists)
{
	const struct dmarc_record *r = out->record;

	out->policy = r->p;
	out->policy_tag = DMARC_FROM_P;
	/* section 4.10.1: at the name of the record itself only p counts */
	if (str_eq(out->policy_domain, out->from_domain))
		return;
	if (r->has_sp) {
		out->policy = r->sp;
		out->policy_tag = DMARC_FROM_SP;
	}
	if (!exists && r->has_np) {
		out->policy = r->np;
		out->policy_tag = DMARC_FROM_NP;
	}
}

static enum dmarc_policy
one_less(enum dmarc_policy p)
{
	return p == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE
					: DMARC_POLICY_NONE;
}

static bool
np_matters(const struct eval *e, const struct dmarc_verdict *out)
{
	return e->in->discovery == DMARC_TREEWALK && e->record->has_np &&
	       e->record->np != e->record->sp &&
	       !str_eq(out->policy_domain, out->from_domain);
}

static void
fail(struct eval *e, struct dmarc_verdict *out)
{
	const struct dmarc_record *r = e->record;

	if (np_matters(e, out)) {
		enum dmarc_existence ex;

		/* what failed before did not matter */
		e->finder.why = DMARC_WHY_NONE;
		ex = dmarc_existence_of(&e->finder, out->from_domain);
		if (ex == DMARC_EXISTENCE_UNKNOWN) {
			fails_to_decide(out, e->finder.why, e->finder.detail);
			return;
		}
		choose_policy(out, ex == DMARC_EXISTS);
	}
	out->result = DMARC_FAIL;
	out->disposition = out->policy;
	/* RFC 9989 section 4.7: t=y; RFC 7489 section 6.6.4: pct */
	if (r->testing ||
	    (e->in->discovery == DMARC_PSL && e->in->sample >= r->pct))
		out->disposition = one_less(out->policy);
}

static void
judge(struct eval *e, struct dmarc_verdict *out)
{
	out->spf_aligned = spf_passes(e);
	out->dkim_aligned = dkim_passes(e);
	if (out->spf_aligned || out->dkim_aligned)
		out->result = DMARC_PASS;
	else if (!blocked_by_errors(e, out))
		fail(e, out);
}

/* No record; BAD_RECORD when a name had several and so none. */
static void
no_policy(struct eval *e, struct dmarc_verdict *out)
{
	const struct dmarc_finder *f = &e->finder;

	out->result = DMARC_NONE;
	out->reason = DMARC_WHY_NO_RECORD;
	out->detail = out->from_domain;
	for (size_t i = 0; i < f->n; i++)
		if (f->nodes[i].state == DMARC_NODE_SEVERAL) {
			out->reason = DMARC_WHY_BAD_RECORD;
			out->detail = f->nodes[i].name;
			return;
		}
}

static void
apply(struct eval *e, const struct dmarc_node *at, struct dmarc_verdict *out)
{
	out->policy_domain = at->name;
	out->record = at->record;
	e->record = at->record;
	choose_policy(out, true);
	if (!at->usable) {
		out->result = DMARC_PERMERROR;
		out->reason = DMARC_WHY_BAD_RECORD;
		out->detail = at->name;
		return;
	}
	judge(e, out);
}

static void
evaluate(struct eval *e, struct dmarc_verdict *out)
{
	const struct dmarc_input *in = e->in;
	const struct dmarc_node *at;

	switch (dmarc_find_policy(&e->finder, in->from_domain, &at)) {
	case DMARC_FOUND:
	case DMARC_FOUND_BAD:
		/* RFC 9989 section 4.10.2: no walk is made just to tell the
		 * name, but one was made when the record is elsewhere */
		if (in->discovery == DMARC_PSL ||
		    !str_eq(at->name, in->from_domain))
			author_org(e);
		apply(e, at, out);
		break;
	case DMARC_FOUND_NOTHING:
		author_org(e);
		no_policy(e, out);
		break;
	case DMARC_FOUND_ERROR:
	case DMARC_FOUND_COUNT:
		fails_to_decide(out, e->finder.why, e->finder.detail);
		break;
	}
}

/*
 * The questions of an evaluation have a bound of their own: what a sender made
 * SPF and DKIM ask must not keep us from the author's policy.
 */
static void
reserve_questions(struct dns *dns)
{
	unsigned want = dns->questions + DMARC_QUESTIONS_MAX;

	if (dns->max_questions < want)
		dns->max_questions = want;
}

void
dmarc_eval(struct dns *dns, struct arena *a, const struct dmarc_input *in,
    struct dmarc_verdict *out)
{
	unsigned max_questions = dns->max_questions;
	struct eval e;

	(void)a; /* every string of *out is a view of the input */
	dmarc_finder_init(&e.finder, dns, in->discovery, in->psl);
	e.in = in;
	e.record = NULL;
	e.org_state = ORG_UNASKED;
	e.undecided = false;
	*out = (struct dmarc_verdict){
	    .from_domain = in->from_domain, .discovery = in->discovery};
	reserve_questions(dns);
	evaluate(&e, out);
	dns->max_questions = max_questions;
	if (e.org_state == ORG_KNOWN)
		out->org_domain = e.org.name;
	out->secure = out->record && e.finder.secure;
}
