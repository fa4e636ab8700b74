/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/policy/policy_action.h"

#include "lib/base/name.h"

#define BIT(situation) (1u << (situation))
#define DMARC_FAILS                                                \
	(BIT(POLICY_DMARC_REJECT) | BIT(POLICY_DMARC_QUARANTINE) | \
	    BIT(POLICY_DMARC_NONE))
/* What a forwarder or mailing list breaks. */
#define BROKEN_BY_FORWARDING \
	(DMARC_FAILS | BIT(POLICY_SPF_FAIL) | BIT(POLICY_DKIM_POLICY))

static const char *const action_names[POLICY_ACTION_COUNT] = {
    [POLICY_ACCEPT] = "accept",
    [POLICY_HEADER] = "header",
    [POLICY_QUARANTINE] = "quarantine",
    [POLICY_TEMPFAIL] = "tempfail",
    [POLICY_REJECT] = "reject",
};

static const char *const situation_names[POLICY_SITUATION_COUNT] = {
    [POLICY_DMARC_REJECT] = "dmarc_reject",
    [POLICY_DMARC_QUARANTINE] = "dmarc_quarantine",
    [POLICY_DMARC_NONE] = "dmarc_none",
    [POLICY_DMARC_PERMERROR] = "dmarc_permerror",
    [POLICY_DMARC_TEMPERROR] = "dmarc_temperror",
    [POLICY_FROM_INVALID] = "from_invalid",
    [POLICY_SPF_FAIL] = "spf_fail",
    [POLICY_DKIM_POLICY] = "dkim_policy",
    [POLICY_BUDGET] = "budget",
};

const char *
policy_action_name(enum policy_action a)
{
	return name_of(action_names, POLICY_ACTION_COUNT, (int)a);
}

const char *
policy_situation_name(enum policy_situation s)
{
	return name_of(situation_names, POLICY_SITUATION_COUNT, (int)s);
}

static enum policy_situation
situation_of_fail(enum dmarc_policy p)
{
	switch (p) {
	case DMARC_POLICY_NONE:
		return POLICY_DMARC_NONE;
	case DMARC_POLICY_QUARANTINE:
		return POLICY_DMARC_QUARANTINE;
	case DMARC_POLICY_REJECT:
	case DMARC_POLICY_COUNT:
		break;
	}
	return POLICY_DMARC_REJECT;
}

static unsigned
dmarc_situation(enum dmarc_result result, enum dmarc_policy effective)
{
	switch (result) {
	case DMARC_FAIL:
		return BIT(situation_of_fail(effective));
	case DMARC_PERMERROR:
		return BIT(POLICY_DMARC_PERMERROR);
	case DMARC_TEMPERROR:
		return BIT(POLICY_DMARC_TEMPERROR);
	case DMARC_NONE:
	case DMARC_PASS:
	case DMARC_RESULT_COUNT:
		break;
	}
	return 0;
}

/*
 * RFC 9989 section 7.1: where there is a DMARC policy it decides, not SPF
 * alone. With permerror DMARC is not applied, so there is none.
 */
static unsigned
situations_of(const struct policy_results *r, enum dmarc_policy effective)
{
	bool no_policy = r->dmarc == DMARC_NONE || r->dmarc == DMARC_PERMERROR;
	unsigned set = dmarc_situation(r->dmarc, effective);

	/* permerror is what an invalid From field gives by itself */
	if (r->from_invalid) {
		set &= ~BIT(POLICY_DMARC_PERMERROR);
		set |= BIT(POLICY_FROM_INVALID);
	}
	if (r->spf_fail && no_policy)
		set |= BIT(POLICY_SPF_FAIL);
	if (r->dkim_unacceptable && no_policy)
		set |= BIT(POLICY_DKIM_POLICY);
	if (r->over_budget)
		set |= BIT(POLICY_BUDGET);
	return set;
}

static enum dmarc_policy
within(enum dmarc_policy p, const struct policy_decision *d)
{
	if (p < d->floor)
		return d->floor;
	return p > d->ceiling ? d->ceiling : p;
}

static void
take_strictest(const struct policy_actions *actions, unsigned set,
    struct policy_outcome *out)
{
	out->action = POLICY_ACCEPT;
	out->situation = POLICY_SITUATION_COUNT;
	for (int s = 0; s < POLICY_SITUATION_COUNT; s++) {
		if (!(set & BIT(s)))
			continue;
		if (out->situation < POLICY_SITUATION_COUNT &&
		    actions->by[s] <= out->action)
			continue;
		out->action = actions->by[s];
		out->situation = (enum policy_situation)s;
	}
}

static enum dmarc_policy
policy_done(enum policy_action a)
{
	switch (a) {
	case POLICY_ACCEPT:
	case POLICY_HEADER:
		return DMARC_POLICY_NONE;
	case POLICY_QUARANTINE:
		return DMARC_POLICY_QUARANTINE;
	case POLICY_TEMPFAIL:
	case POLICY_REJECT:
	case POLICY_ACTION_COUNT:
		break;
	}
	return DMARC_POLICY_REJECT;
}

static struct str
local_comment(const struct policy_outcome *out)
{
	switch (out->situation) {
	case POLICY_DMARC_REJECT:
		if (out->action == POLICY_QUARANTINE &&
		    out->asked == DMARC_POLICY_REJECT)
			return STR("quarantined: RFC 9989 section 7.4");
		break;
	case POLICY_FROM_INVALID:
		return STR("invalid From field");
	case POLICY_SPF_FAIL:
		return STR("SPF fail");
	case POLICY_DKIM_POLICY:
		return STR("no acceptable signature");
	case POLICY_BUDGET:
		return STR("a limit was reached");
	case POLICY_DMARC_PERMERROR:
		return STR("DMARC permerror");
	case POLICY_DMARC_TEMPERROR:
		return STR("DMARC temperror");
	case POLICY_DMARC_QUARANTINE:
	case POLICY_DMARC_NONE:
	case POLICY_SITUATION_COUNT:
		break;
	}
	return STR_NONE;
}

/* Nothing is said twice. */
static void
add_reason(
    struct policy_outcome *out, enum eval_override type, struct str comment)
{
	for (size_t i = 0; i < out->n_reasons; i++)
		if (out->reasons[i].type == type &&
		    str_eq(out->reasons[i].comment, comment))
			return;
	out->reasons[out->n_reasons++] = (struct eval_reason){type, comment};
}

/*
 * RFC 9990 section 3.1.6. The test mode is not our departure, but explains why
 * less than the published policy was asked for; RFC 7489's pct is of the same
 * kind and has no word of its own any more.
 */
static void
note_departures(const struct policy_results *r, enum dmarc_policy effective,
    const struct policy_decision *d, struct policy_outcome *out)
{
	enum dmarc_policy done = policy_done(out->action);
	bool fixed = d->kind == POLICY_FIXED && out->excepted;

	if (r->dmarc == DMARC_FAIL && r->disposition < r->policy &&
	    done <= r->disposition) {
		if (r->testing)
			add_reason(out, EVAL_POLICY_TEST_MODE, STR_NONE);
		else
			add_reason(out, EVAL_OTHER,
			    STR("not in the sample of pct (RFC 7489)"));
	}
	if (done == out->asked)
		return;
	if (fixed || effective != out->asked)
		add_reason(out, d->type, d->comment);
	if (!fixed && done != effective)
		add_reason(out, EVAL_LOCAL_POLICY, local_comment(out));
}

void
policy_apply(const struct policy_actions *actions,
    const struct policy_results *r, const struct policy_decision *d,
    struct policy_outcome *out)
{
	enum dmarc_policy effective;
	unsigned set;

	*out = (struct policy_outcome){.asked = DMARC_POLICY_NONE};
	if (r->dmarc == DMARC_FAIL)
		out->asked = r->disposition;
	effective = out->asked;
	if (r->dmarc == DMARC_FAIL && d->kind == POLICY_BOUNDS)
		effective = within(effective, d);
	out->excepted = effective != out->asked;
	out->situations = situations_of(r, out->asked);
	set = situations_of(r, effective);
	if (d->kind == POLICY_EXEMPT && (set & BROKEN_BY_FORWARDING)) {
		set &= ~BROKEN_BY_FORWARDING;
		effective = DMARC_POLICY_NONE;
		out->excepted = true;
	}
	take_strictest(actions, set, out);
	if (d->kind == POLICY_FIXED && set) {
		out->action = d->action;
		out->excepted = true;
	}
	note_departures(r, effective, d, out);
}
