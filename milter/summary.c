/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "milter/summary.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#define LINE_MAX_OCTETS 1500
#define SIGNATURES_LOGGED 4

static void
add_dkim(struct buf *b, const struct inbound *in)
{
	if (in->n_dkim == 0)
		kv_z(b, "dkim", "none");
	for (size_t i = 0; i < in->n_dkim && i < SIGNATURES_LOGGED; i++) {
		const struct dkim_verdict *v = &in->dkim[i];

		kv_z(b, "dkim", dkim_result_name(v->result));
		kv_str(b, "d", v->domain);
		kv_str(b, "s", v->selector);
		if (v->reason != DKIM_WHY_NONE)
			kv_z(b, "why", dkim_reason_name(v->reason));
	}
	if (in->n_dkim > SIGNATURES_LOGGED)
		kv_i64(b, "signatures", (int64_t)in->n_dkim);
}

static void
add_dmarc(struct buf *b, const struct inbound *in)
{
	const struct dmarc_verdict *v = &in->dmarc;

	kv_z(b, "dmarc", dmarc_result_name(v->result));
	if (v->record) {
		kv_z(b, "policy", dmarc_policy_name(v->policy));
		kv_str(b, "policy_domain", v->policy_domain);
	}
	if (in->dmarc_why.n)
		kv_str(b, "why", in->dmarc_why);
	if (v->detail.n)
		kv_str(b, "name", v->detail);
	for (size_t i = 0; i < in->outcome.n_reasons; i++)
		kv_z(b, "override",
		    eval_override_name(in->outcome.reasons[i].type));
	if (in->exception.line)
		kv_i64(b, "rule", in->exception.line);
	if (in->outcome.situation < POLICY_SITUATION_COUNT)
		kv_z(b, "cause", policy_situation_name(in->outcome.situation));
	if (in->would != in->action)
		kv_z(b, "would", policy_action_name(in->would));
}

static void
add_results(struct buf *b, const struct inbound *in, int64_t us)
{
	if (in->from.n_domains)
		kv_str(b, "from", in->from.domains[0]);
	if (in->has_iprev)
		kv_z(b, "iprev", iprev_result_name(in->iprev.result));
	kv_z(b, "spf", spf_result_name(in->spf.result));
	if (in->spf.reason != SPF_WHY_NONE)
		kv_z(b, "why", spf_reason_name(in->spf.reason));
	if (in->has_helo)
		kv_z(b, "spf_helo", spf_result_name(in->helo.result));
	add_dkim(b, in);
	if (in->arc_verifier)
		kv_z(b, "arc", arc_result_name(in->arc.result));
	add_dmarc(b, in);
	if (in->over != INBOUND_WITHIN)
		kv_z(b, "budget", inbound_budget_name(in->over));
	else if (in->dns->over_budget)
		kv_z(b, "budget", "dns questions");
	else if (us >= in->opt->patience * 1000)
		kv_z(b, "budget", "deadline");
}

void
summary_log(struct session *s, const struct session_verdict *v)
{
	const struct inbound *in = &s->inbound;
	int64_t us = clock_mono_us() - s->eom_start;
	struct buf b, ip;

	if (!log_wants(LOG_LVL_INFO))
		return;
	buf_init(&b, &s->message, LINE_MAX_OCTETS);
	buf_init(&ip, &s->message, 64);
	ip_print(&ip, &s->ip);
	kv_str(&b, "qid", s->queue_id);
	kv_str(&b, "ip", buf_str(&ip));
	kv_str(&b, "helo", str_head(s->helo, 100));
	kv_str(&b, "mailfrom", str_head(in->facts.mail_from, 128));
	if (in->facts.auth_user.n)
		kv_str(&b, "auth", str_head(in->facts.auth_user, 64));
	if (in->facts.exempt)
		kv_z(&b, "exempt", "yes");
	else
		add_results(&b, in, us);
	if (*inbound_tls_wish(in))
		kv_z(&b, "tls", inbound_tls_wish(in));
	if (v->tls_mark)
		kv_z(&b, "mark", s->snapshot->conf->tls_required_header);
	if (s->forged.n)
		kv_i64(&b, "forged", (int64_t)s->forged.n);
	kv_z(&b, "action",
	    v->failed ? "tempfail" : policy_action_name(v->action));
	kv_i64(&b, "questions", s->dns.questions);
	kv_i64(&b, "us", us);
	if (!buf_ok(&b)) {
		/* never a message without a line */
		buf_clear(&b);
		kv_str(&b, "qid", s->queue_id);
		kv_z(&b, "dmarc", dmarc_result_name(in->dmarc.result));
		kv_z(&b, "action", policy_action_name(v->action));
		kv_z(&b, "log", "shortened");
	}
	log_line(LOG_LVL_INFO, &b);
}
