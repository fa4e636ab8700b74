/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/inbound/inbound_dmarc.h"

#include "lib/inbound/inbound_policy.h"

static struct str
author_problem(enum from_status status)
{
	switch (status) {
	case FROM_MISSING:
		return STR("no From field");
	case FROM_REPEATED:
		return STR("several From fields");
	case FROM_MULTIPLE:
		return STR("authors of several domains");
	case FROM_NO_DOMAIN:
		return STR("no author domain");
	case FROM_INVALID:
		return STR("malformed From field");
	case FROM_OK:
	case FROM_STATUS_COUNT:
		break;
	}
	return STR_NONE;
}

static void
evaluate_domain(
    struct inbound *in, struct str domain, struct dmarc_verdict *out)
{
	struct dmarc_input input = {
	    .from_domain = domain,
	    .spf = &in->spf,
	    .dkim = in->dkim,
	    .n_dkim = in->n_dkim,
	    .discovery = in->opt->discovery,
	    .psl = in->opt->psl,
	    .sample = in->facts.sample,
	};

	dmarc_eval(in->dns, in->arena, &input, out);
}

/* Does the domain ask for more than reports? */
static bool
is_enforcing(const struct dmarc_verdict *v)
{
	return v->record && v->policy != DMARC_POLICY_NONE;
}

/*
 * A domain beyond the cap, or in a field that no budget was left for, may be
 * one that enforces: nobody gets around its policy by naming others first.
 */
static bool
leaves_some_out(const struct inbound *in, size_t evaluated)
{
	return in->from.truncated || in->from.n_domains > evaluated ||
	       in->over != INBOUND_WITHIN;
}

/* A failing domain with a stricter wish outweighs any other. */
static bool
is_worse(const struct dmarc_verdict *a, const struct dmarc_verdict *than)
{
	if (a->result != DMARC_FAIL)
		return false;
	return than->result != DMARC_FAIL || a->disposition > than->disposition;
}

static void
take(struct inbound *in, const struct inbound_judgement *j)
{
	in->dmarc = j->dmarc;
	in->outcome = j->outcome;
	in->exception = j->exception;
}

/*
 * RFC 9989 section 5.3.1: a message whose author cannot be told is outside
 * the protocol; the receiver may go on. Going on means here: such a message
 * never passes, and the strictest outcome of any domain that a reader could
 * show applies (section 11.5).
 */
static void
evaluate_ambiguous(struct inbound *in)
{
	size_t n = in->from.n_domains < INBOUND_AUTHORS_MAX
		       ? in->from.n_domains
		       : INBOUND_AUTHORS_MAX;
	struct inbound_judgement j[INBOUND_AUTHORS_MAX + 1];
	struct dmarc_verdict *all[INBOUND_AUTHORS_MAX];
	struct inbound_judgement *worst;
	bool enforcing = leaves_some_out(in, n);

	for (size_t i = 0; i < n; i++) {
		all[i] = &j[i].dmarc;
		evaluate_domain(in, in->from.domains[i], all[i]);
		enforcing = enforcing || is_enforcing(all[i]);
		/* one domain's pass says nothing of the others */
		if (all[i]->result == DMARC_PASS ||
		    all[i]->result == DMARC_NONE)
			all[i]->result = DMARC_PERMERROR;
	}
	if (n == 0)
		j[n++].dmarc = (struct dmarc_verdict){
		    .result = DMARC_PERMERROR, .discovery = in->opt->discovery};
	worst = &j[0];
	for (size_t i = 0; i < n; i++) {
		inbound_judge(in, true, enforcing, &j[i]);
		if (j[i].outcome.action > worst->outcome.action ||
		    (j[i].outcome.action == worst->outcome.action &&
			is_worse(&j[i].dmarc, &worst->dmarc)))
			worst = &j[i];
	}
	take(in, worst);
	in->dmarc_why = author_problem(in->from.status);
}

void
inbound_dmarc(struct inbound *in)
{
	struct inbound_judgement j;

	if (in->from.status == FROM_OK && in->from.n_domains == 1) {
		evaluate_domain(in, in->from.domains[0], &j.dmarc);
		inbound_judge(in, false, false, &j);
		take(in, &j);
		in->dmarc_why = str_from_z(dmarc_reason_name(in->dmarc.reason));
	} else {
		evaluate_ambiguous(in);
	}
	inbound_conclude(in);
}
