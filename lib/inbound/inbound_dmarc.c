/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/inbound/inbound_dmarc.h"

/* Author domains evaluated when a message names several: RFC 9989 section
 * 11.5 asks for a cap. */
#define AUTHORS_MAX 4

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

/* A failing domain with a stricter wish outweighs any other. */
static bool
is_worse(const struct dmarc_verdict *a, const struct dmarc_verdict *than)
{
	if (a->result != DMARC_FAIL)
		return false;
	return than->result != DMARC_FAIL || a->disposition > than->disposition;
}

/*
 * RFC 9989 section 5.3.1: a message whose author cannot be told is outside
 * the protocol; the receiver may go on. Going on means here: such a message
 * never passes, and when any domain a reader could show would fail, the
 * strictest of those policies applies (section 11.5).
 */
static void
evaluate_ambiguous(struct inbound *in)
{
	size_t n = in->from.n_domains;

	in->dmarc = (struct dmarc_verdict){
	    .result = DMARC_PERMERROR, .discovery = in->opt->discovery};
	if (n > 0)
		in->dmarc.from_domain = in->from.domains[0];
	for (size_t i = 0; i < n && i < AUTHORS_MAX; i++) {
		struct dmarc_verdict v;

		evaluate_domain(in, in->from.domains[i], &v);
		if (is_worse(&v, &in->dmarc))
			in->dmarc = v;
	}
	in->dmarc_why = author_problem(in->from.status);
}

static void
add_reason(struct inbound *in, enum eval_override type, struct str comment)
{
	if (in->n_reasons < EVAL_REASONS_MAX)
		in->reasons[in->n_reasons++] =
		    (struct eval_reason){type, comment};
}

static enum dmarc_policy
policy_of_action(enum inbound_action a)
{
	switch (a) {
	case INBOUND_ACCEPT:
		return DMARC_POLICY_NONE;
	case INBOUND_QUARANTINE:
		return DMARC_POLICY_QUARANTINE;
	case INBOUND_REJECT:
	case INBOUND_ACTION_COUNT:
		break;
	}
	return DMARC_POLICY_REJECT;
}

static enum inbound_action
action_for(const struct inbound *in)
{
	switch (in->dmarc.disposition) {
	case DMARC_POLICY_QUARANTINE:
		return in->opt->on_quarantine;
	case DMARC_POLICY_REJECT:
		return in->opt->on_reject;
	case DMARC_POLICY_NONE:
	case DMARC_POLICY_COUNT:
		break;
	}
	return INBOUND_ACCEPT;
}

/* RFC 9990 section 3.1.6: every departure from the published policy. */
static void
note_departures(struct inbound *in)
{
	enum dmarc_policy done = policy_of_action(in->action);

	if (in->dmarc.policy != in->dmarc.disposition) {
		if (in->dmarc.record && in->dmarc.record->testing)
			add_reason(in, EVAL_POLICY_TEST_MODE, STR_NONE);
		else /* RFC 7489 section 6.6.4, only with the list */
			add_reason(in, EVAL_OTHER, STR("sampled out by pct"));
	}
	if (done == in->dmarc.disposition)
		return;
	if (in->dmarc.disposition == DMARC_POLICY_REJECT &&
	    done == DMARC_POLICY_QUARANTINE)
		add_reason(in, EVAL_LOCAL_POLICY,
		    STR("quarantined: RFC 9989 section 7.4"));
	else
		add_reason(in, EVAL_LOCAL_POLICY, STR_NONE);
}

/* The text of RFC 9989 section 7.2's example. The domain consists of
 * letters, digits, "-", "_" and "." only (domain_to_ascii). */
static void
set_reply(struct inbound *in)
{
	struct str domain = in->dmarc.from_domain;
	struct buf b;

	buf_init(&b, in->arena, 512);
	buf_addf(&b, "550 5.7.1 Email rejected per DMARC policy for %.*s",
	    STRF(str_head(domain, 255)));
	in->reply = buf_ok(&b)
			? buf_str(&b)
			: STR("550 5.7.1 Email rejected per DMARC policy");
}

void
inbound_dmarc(struct inbound *in)
{
	if (in->from.status == FROM_OK && in->from.n_domains == 1) {
		evaluate_domain(in, in->from.domains[0], &in->dmarc);
		in->dmarc_why = str_from_z(dmarc_reason_name(in->dmarc.reason));
	} else {
		evaluate_ambiguous(in);
	}
	if (in->dmarc.result != DMARC_FAIL)
		return;
	in->action = action_for(in);
	note_departures(in);
	if (in->action == INBOUND_REJECT)
		set_reply(in);
}
