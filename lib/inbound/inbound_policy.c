/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/inbound/inbound_policy.h"

#include "lib/mail/addr.h"
#include "lib/mail/authres.h"

#define DKIM_DOMAINS_MAX 32
#define ARC_COMMENT_SEALS 5

/* RFC 6376 section 6.3: a key server that does not answer proves nothing. */
static bool
is_unacceptable(const struct inbound *in)
{
	for (size_t i = 0; i < in->n_dkim; i++)
		if (in->dkim[i].result == DKIM_PASS ||
		    in->dkim[i].result == DKIM_TEMPERROR)
			return false;
	return in->n_dkim > 0;
}

static struct policy_results
results_of(
    const struct inbound *in, const struct dmarc_verdict *v, bool from_invalid)
{
	return (struct policy_results){
	    .dmarc = v->result,
	    .policy = v->policy,
	    .disposition = v->disposition,
	    .testing = v->record && v->record->testing,
	    .from_invalid = from_invalid,
	    .spf_fail = in->spf.result == SPF_FAIL,
	    .dkim_unacceptable = is_unacceptable(in),
	    .over_budget = in->over != INBOUND_WITHIN || in->dns->over_budget,
	};
}

static size_t
passing_domains(const struct inbound *in, struct str *out)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_dkim && n < DKIM_DOMAINS_MAX; i++)
		if (in->dkim[i].result == DKIM_PASS)
			out[n++] = in->dkim[i].domain;
	return n;
}

static void
ask_table(const struct inbound *in, struct str from_domain,
    struct policy_decision *out)
{
	struct str domains[DKIM_DOMAINS_MAX];
	struct policy_facts facts = {
	    .from_domain = from_domain,
	    .client = in->facts.ip,
	    .mail_from_domain = in->spf.used_helo ? STR_NONE : in->spf.domain,
	    .mail_from_passed = in->spf.result == SPF_PASS,
	    .rcpts = in->facts.rcpts,
	    .n_rcpts = in->facts.n_rcpts,
	    .rcpts_incomplete = in->facts.rcpts_incomplete,
	    .dkim_domains = domains,
	    .n_dkim_domains = passing_domains(in, domains),
	};

	policy_decide(in->opt->table, &facts, out);
}

static bool
is_trusted(const struct inbound_options *o, struct str domain)
{
	for (size_t i = 0; i < o->n_arc_trusted; i++)
		if (domain_is_below(domain, o->arc_trusted[i]))
			return true;
	return false;
}

/*
 * RFC 8617 section 9: a pass says who handled the message, not that what they
 * state is true. So the newest sealer has to be one that the operator trusts;
 * from there back over trusted ones, the oldest of them was the first we
 * believe, and if it says that DMARC failed there, nothing is to be saved.
 */
static bool
sealers_vouch(const struct inbound *in)
{
	const struct arc_verdict *arc = &in->arc;
	unsigned i = arc->instances;
	struct authres ar;

	if (arc->result != ARC_PASS || i == 0 ||
	    !is_trusted(in->opt, arc->seals[i - 1].domain))
		return false;
	while (i > 1 && is_trusted(in->opt, arc->seals[i - 2].domain))
		i--;
	if (authres_parse(in->arena, arc->seals[i - 1].results, &ar, NULL))
		return false;
	for (size_t k = 0; k < ar.n_entries; k++)
		if (str_eq_ci(ar.entries[k].method, STR("dmarc")) &&
		    str_eq_ci(ar.entries[k].result, STR("fail")))
			return false;
	return true;
}

/*
 * Where the message came from before the first seal, as the first sealer
 * states it; only what is an address is repeated.
 */
static void
add_first_source(const struct inbound *in, struct buf *b)
{
	struct authres ar;
	struct ip ip;

	if (authres_parse(in->arena, in->arc.seals[0].results, &ar, NULL))
		return;
	for (size_t i = 0; i < ar.n_entries; i++)
		for (size_t k = 0; k < ar.entries[i].n_props; k++) {
			const struct authres_property *p =
			    &ar.entries[i].props[k];

			if (!str_eq_ci(p->ptype, STR("smtp")) ||
			    !str_eq_ci(p->name, STR("remote-ip")) ||
			    !ip_parse(p->value, &ip))
				continue;
			buf_add_z(b, " remote-ip[1]=");
			ip_print(b, &ip);
			return;
		}
}

/* RFC 8617 section 7.2.2: status, sealers, and where the first came from. */
static struct str
arc_comment(const struct inbound *in)
{
	struct buf b;
	unsigned n = in->arc.instances, least = 0;

	buf_init(&b, in->arena, 1024);
	buf_add_z(&b, "arc=pass");
	if (n > ARC_COMMENT_SEALS)
		least = n - ARC_COMMENT_SEALS;
	for (unsigned i = n; i > least; i--) {
		const struct arc_seal *s = &in->arc.seals[i - 1];

		buf_addf(&b, " as[%u].d=%.*s as[%u].s=%.*s", i,
		    STRF(str_head(s->domain, 100)), i,
		    STRF(str_head(s->selector, 63)));
	}
	add_first_source(in, &b);
	return buf_ok(&b) ? buf_str(&b) : STR("arc=pass");
}

static void
find_exception(struct inbound *in, struct inbound_judgement *j)
{
	ask_table(in, j->dmarc.from_domain, &j->exception);
	if (j->exception.kind != POLICY_NO_RULE ||
	    j->dmarc.result != DMARC_FAIL || !sealers_vouch(in))
		return;
	j->exception = (struct policy_decision){
	    .kind = POLICY_EXEMPT,
	    .type = EVAL_LOCAL_POLICY,
	    .comment = arc_comment(in),
	};
}

void
inbound_judge(struct inbound *in, bool from_invalid, bool enforcing,
    struct inbound_judgement *j)
{
	struct policy_results results = results_of(in, &j->dmarc, from_invalid);
	struct policy_actions actions = in->opt->actions;

	if (in->opt->from_by_policy)
		actions.by[POLICY_FROM_INVALID] =
		    enforcing ? POLICY_REJECT : POLICY_HEADER;
	find_exception(in, j);
	policy_apply(&actions, &results, &j->exception, &j->outcome);
}

static struct str
reason_of(const struct inbound *in)
{
	if (in->exception.line && in->exception.comment.n)
		return in->exception.comment;
	if (in->dmarc_why.n)
		return in->dmarc_why;
	return str_from_z(policy_situation_name(in->outcome.situation));
}

/* RFC 9989 section 7.2: refused in the session, with words of the operator. */
static void
set_reply(struct inbound *in)
{
	const struct inbound_options *o = in->opt;
	const struct reply_template *t = &o->reject_reply;
	struct buf ip, out;
	struct str fields[REPLY_FIELD_COUNT];

	buf_init(&ip, in->arena, 64);
	ip_print(&ip, &in->facts.ip);
	fields[REPLY_DOMAIN] = in->dmarc.from_domain;
	fields[REPLY_POLICY] = str_from_z(dmarc_policy_name(in->dmarc.policy));
	fields[REPLY_POLICY_DOMAIN] = in->dmarc.policy_domain;
	fields[REPLY_REASON] = reason_of(in);
	fields[REPLY_IP] = buf_str(&ip);
	fields[REPLY_HELO] = in->facts.helo;
	fields[REPLY_MAILFROM] = in->facts.mail_from;
	fields[REPLY_QID] = in->facts.queue_id;
	fields[REPLY_HOST] = o->authserv_id;
	if (in->action == POLICY_TEMPFAIL)
		t = &o->tempfail_reply;
	else if (in->dmarc.result == DMARC_FAIL)
		t = &o->dmarc_reply;
	buf_init(&out, in->arena, 1024);
	reply_expand(t, fields, &out);
	in->reply = buf_str(&out);
}

void
inbound_conclude(struct inbound *in)
{
	struct policy_outcome *o = &in->outcome;

	in->would = in->action = o->action;
	if (in->opt->test_mode && o->action > POLICY_ACCEPT) {
		in->action = POLICY_ACCEPT;
		if (o->asked != DMARC_POLICY_NONE &&
		    o->n_reasons < POLICY_REASONS_MAX)
			o->reasons[o->n_reasons++] = (struct eval_reason){
			    EVAL_LOCAL_POLICY, STR("test mode of this site")};
	}
	if (in->action == POLICY_REJECT || in->action == POLICY_TEMPFAIL)
		set_reply(in);
}
