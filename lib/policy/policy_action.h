/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * From results to what happens to a message. Each thing that can be held
 * against a message is a situation, the operator maps every situation to an
 * action, and of several the strictest is taken. A rule of the policy table
 * (policy_table.h), or a trusted ARC chain, makes an exception; every departure
 * from what the domain owner asked for leaves as an override reason of RFC 9990
 * section 3.1.6.
 */
#ifndef POLICY_ACTION_H
#define POLICY_ACTION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/str.h"
#include "lib/dmarc/dmarc.h"
#include "lib/store/evaluation.h"

/* In the order of their strictness: compare with < and >. */
enum policy_action {
	POLICY_ACCEPT, /* delivered as if nothing were against it */
	POLICY_HEADER, /* delivered; a header field asks for care */
	POLICY_QUARANTINE,
	POLICY_TEMPFAIL, /* refused for now */
	POLICY_REJECT,
	POLICY_ACTION_COUNT
};

/* "accept", "header", "quarantine", "tempfail", "reject" */
const char *policy_action_name(enum policy_action a);

enum policy_situation {
	POLICY_DMARC_REJECT, /* DMARC fail, the policy that applies: reject */
	POLICY_DMARC_QUARANTINE,
	POLICY_DMARC_NONE,
	POLICY_DMARC_PERMERROR,
	POLICY_DMARC_TEMPERROR,
	POLICY_FROM_INVALID, /* not one From field with one author domain */
	POLICY_SPF_FAIL, /* SPF fail, and no DMARC policy to decide */
	POLICY_DKIM_POLICY, /* signed, no signature is acceptable, and no
	                       DMARC policy to decide */
	POLICY_BUDGET, /* a limit on work for the message was reached */
	POLICY_SITUATION_COUNT
};

/* "dmarc_reject", ... "budget": the parameters are these and "_action". */
const char *policy_situation_name(enum policy_situation s);

/* The operator's choice for each situation. */
struct policy_actions {
	enum policy_action by[POLICY_SITUATION_COUNT];
};

/* What the evaluators found, for one author domain. */
struct policy_results {
	enum dmarc_result dmarc;
	enum dmarc_policy policy; /* published: p, sp or np */
	enum dmarc_policy disposition; /* the same after t=y or pct */
	bool testing; /* t=y in the record */
	bool from_invalid;
	bool spf_fail; /* the result of MAIL FROM (or HELO) is fail */
	bool dkim_unacceptable; /* there are signatures, none passed */
	bool over_budget;
};

enum policy_kind {
	POLICY_NO_RULE, /* no line matches */
	POLICY_DEFAULT, /* one does, and says: nothing special */
	POLICY_BOUNDS, /* floor and ceiling */
	POLICY_FIXED, /* action */
	POLICY_EXEMPT, /* came through somebody trusted */
	POLICY_KIND_COUNT
};

/* An exception. All zero is none. */
struct policy_decision {
	enum policy_kind kind;
	/*
	 * POLICY_BOUNDS: a DMARC fail is treated as under a policy of at least
	 * floor and at most ceiling; floor <= ceiling.
	 */
	enum dmarc_policy floor, ceiling;
	enum policy_action action; /* POLICY_FIXED */
	/* not for NO_RULE and DEFAULT; comment may be empty */
	enum eval_override type;
	struct str comment; /* printable ASCII */
	unsigned line; /* of the policy table; 0: not from there */
};

#define POLICY_REASONS_MAX 3

struct policy_outcome {
	enum policy_action action;
	/* the one that gave the action; COUNT: nothing against the message */
	enum policy_situation situation;
	unsigned situations; /* bits 1 << enum policy_situation, all found */
	/* what the domain owner asked for; NONE unless DMARC fails */
	enum dmarc_policy asked;
	/* the exception changed what was considered or done */
	bool excepted;
	struct eval_reason reasons[POLICY_REASONS_MAX];
	size_t n_reasons;
};

/*
 * Always fills *out; comments are views of d's and of constants.
 *
 * An exception never touches a message that nothing is held against. Otherwise
 * POLICY_FIXED decides alone; POLICY_BOUNDS changes the policy of a DMARC fail
 * only; POLICY_EXEMPT takes away what forwarding breaks (a DMARC fail, SPF
 * fail, DKIM policy), not errors, an invalid From field or a spent budget.
 *
 * For a message with several author domains call this for each (with a
 * decision for each) and take the outcome with the strictest action.
 *
 * A reason is given only if what is done differs from what was asked. accept
 * and header count as "none", tempfail as "reject": the evaluation of a
 * message that was refused for now is better not recorded, as it comes again.
 */
void policy_apply(const struct policy_actions *actions,
    const struct policy_results *results, const struct policy_decision *d,
    struct policy_outcome *out);

#endif
