/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/query_print.h"

#include <inttypes.h>

#include "ctl/cell.h"
#include "lib/base/name.h"
#include "lib/dns/rdata.h"
#include "tlspolicy/sts_match.h"

#define TEXT_MAX ((size_t)4 << 20)

static const char *const record_names[] = {
    [STS_ABSENT] = "none",
    [STS_FOUND] = "found",
    [STS_INVALID] = "invalid",
    [STS_UNKNOWN] = "not known",
};

static const char *
record_name(enum sts_found f)
{
	return name_of(record_names, 4, (int)f);
}

/* The questions, the oldest first; *n of them, NULL without memory. */
static const struct dns_question **
questions(const struct query_result *r, size_t *n)
{
	const struct dns *dns = r->detail->dns;
	const struct dns_question **v;
	size_t count = 0;

	for (const struct dns_question *q = dns ? dns->log : NULL; q;
	     q = q->next)
		count++;
	v = ARENA_ARRAY(r->arena, const struct dns_question *, count);
	*n = v ? count : 0;
	for (const struct dns_question *q = v ? dns->log : NULL; q; q = q->next)
		v[--count] = q;
	return v;
}

static const char *
security(const struct dns_rrset *rr)
{
	if (rr->status == DNS_TEMP || rr->status == DNS_BOGUS)
		return "unknown";
	return rr->secure ? "secure" : "insecure";
}

static void
answer(const struct query_result *r, enum render_map map,
    struct render_answer *out)
{
	render(r->arena, r->render, map,
	    map == RENDER_STS ? r->for_sts : r->decision, out, NULL);
}

/* ---- text --------------------------------------------------------------- */

static void
print_tlsa(struct buf *b, const struct dane_host *h)
{
	for (size_t i = 0; i < h->n_tlsa; i++) {
		buf_add_z(b, "\n      ");
		tlsa_print(b, &h->tlsa[i]);
	}
}

static void
print_host(struct buf *b, const struct query_result *r, size_t i)
{
	const struct tls_facts *f = &r->decision->facts;
	const struct dane_host *h = &f->hosts[i];

	buf_addf(b, "  host %u ", h->preference);
	cell_add(b, h->name);
	buf_addf(b, ": DANE %s", dane_state_name(h->state));
	if (h->base.n && !str_eq(h->base, h->name)) {
		buf_add_z(b, " at ");
		cell_add(b, h->base);
	}
	if (h->why.n) {
		buf_add_z(b, " (");
		cell_escape(b, h->why);
		buf_add_c(b, ')');
	}
	if (f->sts.policy && f->sts.policy->mode != STS_NONE)
		buf_addf(b, ", MTA-STS %s",
		    sts_policy_match(f->sts.policy, h->name) ? "match"
							     : "no match");
	print_tlsa(b, h);
	buf_add_c(b, '\n');
}

static void
print_record(struct buf *b, const struct engine_detail *d)
{
	if (!d->sts_asked)
		return;
	buf_addf(b, "  MTA-STS record: %s", record_name(d->record));
	if (d->record == STS_FOUND) {
		buf_add_z(b, ", id ");
		cell_add(b, d->record_id);
	} else if (d->record_why.n) {
		buf_add_z(b, " (");
		cell_escape(b, d->record_why);
		buf_add_c(b, ')');
	}
	buf_add_c(b, '\n');
}

static void
print_policy(struct buf *b, const struct query_result *r)
{
	const struct tls_sts *s = &r->decision->facts.sts;

	if (s->policy) {
		buf_addf(
		    b, "  policy: %s, id ", sts_mode_name(s->policy->mode));
		cell_add(b, s->id);
		buf_addf(b, ", %s %" PRId64 " seconds ago at ",
		    r->detail->has_fetched ? "fetched" : "cached",
		    r->now - s->fetched);
		cell_time(b, s->fetched);
		buf_add_z(b, ", expires ");
		cell_time(b, s->expires);
		buf_add_c(b, '\n');
		for (size_t i = 0; i < s->policy->n_mx; i++) {
			buf_add_z(b, "    mx ");
			cell_add(b, s->policy->mx[i]);
			buf_add_c(b, '\n');
		}
	}
	if (s->failure != TLSRPT_SUCCESS) {
		buf_addf(
		    b, "  last fetch: %s: ", tlsrpt_result_name(s->failure));
		cell_escape(b, s->failure_detail);
		buf_add_c(b, '\n');
	}
}

static void
print_answers(struct buf *b, const struct query_result *r)
{
	buf_addf(b, "  answers to Postfix %s", r->postfix);
	if (!r->level)
		buf_add_z(b, " (smtp_tls_security_level is not known)");
	else if (*r->level)
		buf_addf(b, " (smtp_tls_security_level = %s)", r->level);
	buf_addf(b, ", for %" PRId64 " seconds:\n", r->detail->valid / 1000);
	for (int m = 0; m < RENDER_MAP_COUNT; m++) {
		struct render_answer a;

		answer(r, (enum render_map)m, &a);
		buf_addf(b, "    %-16s %s ",
		    render_map_name((enum render_map)m),
		    render_status_name(a.status));
		cell_escape(b, a.text);
		buf_add_c(b, '\n');
	}
}

static void
print_questions(struct buf *b, const struct query_result *r)
{
	const struct dns_question **v;
	size_t n;

	v = questions(r, &n);
	if (n)
		buf_add_z(b, "  DNS:\n");
	for (size_t i = 0; i < n; i++) {
		const struct dns_rrset *rr = v[i]->answer;

		buf_add_z(b, "    ");
		dname_print(b, &v[i]->name);
		buf_addf(b, " %s %s %s ttl %lu", dns_type_name(v[i]->type),
		    dns_status_name(rr->status), security(rr),
		    (unsigned long)rr->ttl);
		if (*rr->why) {
			buf_add_z(b, " (");
			cell_escape(b, str_from_z(rr->why));
			buf_add_c(b, ')');
		}
		buf_add_c(b, '\n');
		for (size_t k = 0; k < rr->n; k++) {
			buf_add_z(b, "      ");
			rdata_print(b, v[i]->type, rr->rdata[k]);
			buf_add_c(b, '\n');
		}
	}
}

void
query_print(const struct query_result *r, FILE *out)
{
	const struct tls_decision *d = r->decision;
	const struct tls_facts *f = &d->facts;
	struct buf b;

	buf_init(&b, NULL, TEXT_MAX);
	cell_add(&b, r->key);
	buf_addf(&b, ": %s: %s", tls_kind_name(d->kind), tls_why_text(d->why));
	if (d->detail.n) {
		buf_add_z(&b, ": ");
		cell_escape(&b, d->detail);
	}
	buf_add_c(&b, '\n');
	if (f->rule)
		buf_addf(&b, "  table: line %u\n", f->rule->line);
	if (f->nexthop->kind == NEXTHOP_HOST)
		buf_add_z(&b, "  MX: not looked up, the host is named\n");
	else if (f->mx != DANE_MX_UNASKED)
		buf_addf(&b, "  MX: %s\n", dane_mx_name(f->mx));
	for (size_t i = 0; i < f->n_hosts; i++)
		print_host(&b, r, i);
	print_record(&b, r->detail);
	print_policy(&b, r);
	print_answers(&b, r);
	print_questions(&b, r);
	if (buf_ok(&b))
		fputs(buf_z(&b), out);
	else
		fputs("aver: too much to print\n", stderr);
	buf_fini(&b);
}

/* ---- JSON --------------------------------------------------------------- */

static json_t *
text(struct str s)
{
	struct buf b;
	json_t *j;

	buf_init(&b, NULL, TEXT_MAX);
	cell_escape(&b, s);
	j = json_string(buf_z(&b));
	buf_fini(&b);
	return j;
}

static void
set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void
set_text(json_t *o, const char *key, struct str s)
{
	if (s.n)
		set(o, key, text(s));
}

static json_t *
hosts_json(const struct query_result *r)
{
	const struct tls_facts *f = &r->decision->facts;
	json_t *v = json_array();

	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct dane_host *h = &f->hosts[i];
		json_t *o = json_object(), *tlsa = json_array();

		set(o, "name", text(h->name));
		set(o, "preference", json_integer(h->preference));
		set(o, "dane", json_string(dane_state_name(h->state)));
		set(o, "secure", json_boolean(h->secure));
		set_text(o, "tlsa_base", h->base);
		set_text(o, "reason", h->why);
		if (f->sts.policy && f->sts.policy->mode != STS_NONE)
			set(o, "sts_match",
			    json_boolean(
				sts_policy_match(f->sts.policy, h->name)));
		for (size_t k = 0; k < h->n_tlsa; k++) {
			struct buf b;

			buf_init(&b, NULL, TEXT_MAX);
			tlsa_print(&b, &h->tlsa[k]);
			json_array_append_new(tlsa, text(buf_str(&b)));
			buf_fini(&b);
		}
		set(o, "tlsa", tlsa);
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *
sts_json(const struct query_result *r)
{
	const struct tls_sts *s = &r->decision->facts.sts;
	json_t *o = json_object(), *mx = json_array();

	if (r->detail->sts_asked)
		set(o, "record", json_string(record_name(r->detail->record)));
	set_text(o, "record_id", r->detail->record_id);
	set_text(o, "record_reason", r->detail->record_why);
	set(o, "fetched_now", json_boolean(r->detail->has_fetched));
	if (s->policy) {
		set(o, "mode", json_string(sts_mode_name(s->policy->mode)));
		set(o, "id", text(s->id));
		set(o, "fetched", json_integer(s->fetched));
		set(o, "expires", json_integer(s->expires));
		set(o, "age", json_integer(r->now - s->fetched));
		for (size_t i = 0; i < s->policy->n_mx; i++)
			json_array_append_new(mx, text(s->policy->mx[i]));
	}
	set(o, "mx", mx);
	if (s->failure != TLSRPT_SUCCESS) {
		set(o, "failure", json_string(tlsrpt_result_name(s->failure)));
		set_text(o, "failure_reason", s->failure_detail);
	}
	return o;
}

static json_t *
answers_json(const struct query_result *r)
{
	json_t *o = json_object();

	for (int m = 0; m < RENDER_MAP_COUNT; m++) {
		struct render_answer a;
		struct buf b;

		answer(r, (enum render_map)m, &a);
		buf_init(&b, NULL, TEXT_MAX);
		buf_addf(&b, "%s ", render_status_name(a.status));
		buf_add(&b, a.text);
		set(o, render_map_name((enum render_map)m), text(buf_str(&b)));
		buf_fini(&b);
	}
	return o;
}

static json_t *
question_json(const struct dns_question *q)
{
	const struct dns_rrset *rr = q->answer;
	json_t *o = json_object(), *v = json_array();
	struct buf b;

	buf_init(&b, NULL, TEXT_MAX);
	dname_print(&b, &q->name);
	set(o, "name", text(buf_str(&b)));
	set(o, "type", json_string(dns_type_name(q->type)));
	set(o, "status", json_string(dns_status_name(rr->status)));
	set(o, "security", json_string(security(rr)));
	set(o, "ttl", json_integer(rr->ttl));
	set_text(o, "reason", str_from_z(rr->why));
	for (size_t i = 0; i < rr->n; i++) {
		buf_clear(&b);
		rdata_print(&b, q->type, rr->rdata[i]);
		json_array_append_new(v, text(buf_str(&b)));
	}
	set(o, "data", v);
	buf_fini(&b);
	return o;
}

static json_t *
questions_json(const struct query_result *r)
{
	json_t *v = json_array();
	const struct dns_question **q;
	size_t n;

	q = questions(r, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(v, question_json(q[i]));
	return v;
}

json_t *
query_json(const struct query_result *r)
{
	const struct tls_decision *d = r->decision;
	json_t *o = json_object();

	set(o, "destination", text(r->key));
	set_text(o, "policy_domain", d->domain);
	set(o, "decision", json_string(tls_kind_name(d->kind)));
	set(o, "why", json_string(tls_why_text(d->why)));
	set_text(o, "detail", d->detail);
	set(o, "verified", json_boolean(tls_decision_is_verified(d)));
	if (d->facts.rule)
		set(o, "table_line", json_integer(d->facts.rule->line));
	set(o, "mx", json_string(dane_mx_name(d->facts.mx)));
	set(o, "dane", json_string(dane_outcome_name(d->dane.outcome)));
	set(o, "hosts", hosts_json(r));
	set(o, "mta_sts", sts_json(r));
	set(o, "postfix_version", json_string(r->postfix));
	set(o, "smtp_tls_security_level",
	    r->level ? json_string(r->level) : json_null());
	set(o, "answers", answers_json(r));
	set(o, "valid_ms", json_integer(r->detail->valid));
	set(o, "dns", questions_json(r));
	return o;
}
