/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/eval_json.h"

#include "lib/base/chars.h"
#include "lib/dns/rdata.h"

#define AUTHRES_MAX ((size_t)64 * 1024)

json_t *
eval_json_str(struct str s)
{
	json_t *j = json_stringn(s.n ? s.p : "", s.n);
	struct buf b;

	if (j)
		return j;
	buf_init(&b, NULL, s.n * 4 + 1);
	for (size_t i = 0; i < s.n; i++) {
		if (chars_is(s.p[i], CH_PRINT))
			buf_add_c(&b, s.p[i]);
		else
			buf_addf(&b, "\\x%02x", (unsigned char)s.p[i]);
	}
	j = json_stringn(buf_z(&b), b.n);
	buf_fini(&b);
	return j;
}

static json_t *
str_or_null(struct str s)
{
	return s.n ? eval_json_str(s) : json_null();
}

static void
set_str(json_t *o, const char *key, struct str s)
{
	json_object_set_new(o, key, eval_json_str(s));
}

static json_t *
spf_json(const struct spf_verdict *v)
{
	json_t *o = json_object();

	json_object_set_new(
	    o, "result", json_string(spf_result_name(v->result)));
	set_str(o, "domain", v->domain);
	json_object_set_new(o, "scope",
	    json_string(v->used_helo ? "helo" : spf_scope_name(v->scope)));
	json_object_set_new(o, "explanation", str_or_null(v->explanation));
	json_object_set_new(o, "mechanism", str_or_null(v->mechanism));
	json_object_set_new(
	    o, "reason", str_or_null(str_from_z(spf_reason_name(v->reason))));
	json_object_set_new(o, "detail", str_or_null(v->detail));
	json_object_set_new(o, "lookups", json_integer(v->lookups));
	json_object_set_new(o, "dnssec", json_boolean(v->secure));
	return o;
}

static json_t *
dkim_json(const struct dkim_verdict *v)
{
	json_t *o = json_object();

	/* as the signature has them; U-labels stay */
	set_str(o, "domain", v->domain_text);
	set_str(o, "selector", v->selector_text);
	json_object_set_new(
	    o, "algorithm", json_string(dkim_algorithm_name(v->algorithm)));
	json_object_set_new(
	    o, "result", json_string(dkim_result_name(v->result)));
	json_object_set_new(
	    o, "reason", str_or_null(str_from_z(dkim_reason_name(v->reason))));
	json_object_set_new(o, "key_bits", json_integer(v->key_bits));
	json_object_set_new(o, "testing", json_boolean(v->testing));
	json_object_set_new(o, "dnssec", json_boolean(v->secure));
	return o;
}

static json_t *
reasons_json(const struct inbound *in)
{
	json_t *list = json_array();

	for (size_t i = 0; i < in->outcome.n_reasons; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "type",
		    json_string(
			eval_override_name(in->outcome.reasons[i].type)));
		json_object_set_new(
		    o, "comment", str_or_null(in->outcome.reasons[i].comment));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
dmarc_json(const struct inbound *in)
{
	const struct dmarc_verdict *v = &in->dmarc;
	json_t *o = json_object();

	json_object_set_new(
	    o, "result", json_string(dmarc_result_name(v->result)));
	json_object_set_new(o, "policy",
	    v->record ? json_string(dmarc_policy_name(v->record->p))
		      : json_null());
	json_object_set_new(o, "applied_policy",
	    v->record ? json_string(dmarc_policy_name(v->policy))
		      : json_null());
	json_object_set_new(
	    o, "disposition", json_string(dmarc_policy_name(v->disposition)));
	set_str(o, "from_domain", v->from_domain);
	json_object_set_new(o, "org_domain", str_or_null(v->org_domain));
	json_object_set_new(o, "policy_domain", str_or_null(v->policy_domain));
	json_object_set_new(
	    o, "discovery", json_string(dmarc_discovery_name(v->discovery)));
	json_object_set_new(o, "spf_aligned", json_boolean(v->spf_aligned));
	json_object_set_new(o, "dkim_aligned", json_boolean(v->dkim_aligned));
	json_object_set_new(o, "reason", str_or_null(in->dmarc_why));
	json_object_set_new(o, "detail", str_or_null(v->detail));
	json_object_set_new(o, "dnssec", json_boolean(v->secure));
	json_object_set_new(o, "override", reasons_json(in));
	return o;
}

static json_t *
question_json(struct arena *a, const struct dns_question *q)
{
	json_t *o = json_object(), *records = json_array();
	struct buf b;

	buf_init(&b, a, 4096);
	dname_print(&b, &q->name);
	set_str(o, "name", buf_str(&b));
	json_object_set_new(o, "type", json_string(dns_type_name(q->type)));
	json_object_set_new(
	    o, "status", json_string(dns_status_name(q->answer->status)));
	json_object_set_new(o, "dnssec", json_boolean(q->answer->secure));
	json_object_set_new(o, "ttl", json_integer(q->answer->ttl));
	if (q->answer->why && *q->answer->why)
		set_str(o, "why", str_from_z(q->answer->why));
	for (size_t i = 0; i < q->answer->n; i++) {
		struct buf text;

		buf_init(&text, a, (size_t)1 << 20);
		rdata_print(&text, q->type, q->answer->rdata[i]);
		json_array_append_new(records, eval_json_str(buf_str(&text)));
	}
	json_object_set_new(o, "records", records);
	return o;
}

static json_t *
questions_json(struct eval_state *st)
{
	json_t *list = json_array();

	/* the log has the newest first */
	for (const struct dns_question *q = st->dns.log; q; q = q->next)
		json_array_insert_new(list, 0, question_json(&st->arena, q));
	return list;
}

static json_t *
verdict_json(const struct inbound *in)
{
	json_t *o = json_object();

	json_object_set_new(
	    o, "action", json_string(policy_action_name(in->action)));
	json_object_set_new(o, "reply", str_or_null(in->reply));
	json_object_set_new(
	    o, "would", json_string(policy_action_name(in->would)));
	if (in->outcome.situation < POLICY_SITUATION_COUNT)
		json_object_set_new(o, "cause",
		    json_string(policy_situation_name(in->outcome.situation)));
	if (in->exception.line)
		json_object_set_new(
		    o, "rule", json_integer(in->exception.line));
	return o;
}

static json_t *
arc_json(const struct inbound *in)
{
	json_t *o = json_object();

	json_object_set_new(
	    o, "result", json_string(arc_result_name(in->arc.result)));
	json_object_set_new(o, "reason", str_or_null(in->arc.detail));
	json_object_set_new(o, "instances", json_integer(in->arc.instances));
	return o;
}

static json_t *
iprev_json(const struct inbound *in)
{
	json_t *o = json_object();

	json_object_set_new(
	    o, "result", json_string(iprev_result_name(in->iprev.result)));
	json_object_set_new(o, "name", str_or_null(in->iprev.name));
	return o;
}

static json_t *
authres_json(struct eval_state *st)
{
	struct buf b;

	buf_init(&b, &st->arena, AUTHRES_MAX);
	inbound_authres(&st->inbound, &b, "\r\n");
	return eval_json_str(str_trim_fws(buf_str(&b)));
}

static void
set_helo(json_t *o, const struct inbound *in)
{
	if (in->has_helo)
		json_object_set_new(o, "helo", spf_json(&in->helo));
}

json_t *
eval_json(struct eval_state *st)
{
	const struct inbound *in = &st->inbound;
	json_t *o = json_object(), *dkim = json_array();

	for (size_t i = 0; i < in->n_dkim; i++)
		json_array_append_new(dkim, dkim_json(&in->dkim[i]));
	if (st->options.methods & INBOUND_SPF) {
		json_object_set_new(o, "spf", spf_json(&in->spf));
		set_helo(o, in);
	}
	json_object_set_new(o, "dkim", dkim);
	if (st->options.methods & INBOUND_ARC)
		json_object_set_new(o, "arc", arc_json(in));
	if (in->has_iprev)
		json_object_set_new(o, "iprev", iprev_json(in));
	if (st->options.methods & INBOUND_DMARC) {
		json_object_set_new(o, "dmarc", dmarc_json(in));
		json_object_set_new(o, "verdict", verdict_json(in));
		json_object_set_new(
		    o, "authentication_results", authres_json(st));
	}
	if (in->over != INBOUND_WITHIN)
		json_object_set_new(
		    o, "budget", json_string(inbound_budget_name(in->over)));
	if (st->dns.keep_log)
		json_object_set_new(o, "dns", questions_json(st));
	return o;
}

static void
print_questions(struct eval_state *st, FILE *out)
{
	json_t *list = questions_json(st), *q;
	size_t i, k;

	fprintf(out, "\nDNS questions:\n");
	json_array_foreach(list, i, q)
	{
		json_t *rr, *records = json_object_get(q, "records");

		fprintf(out, "  %s %s: %s%s\n",
		    json_string_value(json_object_get(q, "name")),
		    json_string_value(json_object_get(q, "type")),
		    json_string_value(json_object_get(q, "status")),
		    json_is_true(json_object_get(q, "dnssec")) ? ", dnssec"
							       : "");
		json_array_foreach(records, k, rr)
		    fprintf(out, "    %s\n", json_string_value(rr));
	}
	json_decref(list);
}

void
eval_print(struct eval_state *st, FILE *out)
{
	const struct inbound *in = &st->inbound;
	struct buf b;

	buf_init(&b, &st->arena, AUTHRES_MAX);
	inbound_authres(in, &b, "\n");
	fprintf(out, "Authentication-Results:%s\n\n", buf_z(&b));
	fprintf(out, "action: %s\n", policy_action_name(in->action));
	if (in->would != in->action)
		fprintf(out, "without test_mode: %s\n",
		    policy_action_name(in->would));
	if (in->exception.line)
		fprintf(out, "rule: line %u of the policy table\n",
		    in->exception.line);
	if (in->reply.n)
		fprintf(out, "reply: %.*s\n", STRF(in->reply));
	if (in->dmarc.record)
		fprintf(out, "policy: %s, found at %.*s\n",
		    dmarc_policy_name(in->dmarc.policy),
		    STRF(in->dmarc.policy_domain));
	if (in->dmarc.org_domain.n)
		fprintf(out, "organizational domain: %.*s\n",
		    STRF(in->dmarc.org_domain));
	if (in->spf.explanation.n)
		fprintf(out, "%.*s explains: %.*s\n", STRF(in->spf.domain),
		    STRF(in->spf.explanation));
	if (in->over != INBOUND_WITHIN)
		fprintf(
		    out, "budget spent: %s\n", inbound_budget_name(in->over));
	if (st->dns.keep_log)
		print_questions(st, out);
}
