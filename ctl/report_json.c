/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <jansson.h>

#include "ctl/report_print.h"
#include "lib/base/err.h"

/* --- members */

/* What was read is UTF-8 but for names of attachments. */
static json_t *
string(struct str s)
{
	json_t *j = json_stringn(s.n ? s.p : "", s.n);

	return j ? j : json_string("?");
}

static void
set(json_t *o, const char *key, struct str s)
{
	if (s.n)
		json_object_set_new(o, key, string(s));
}

static void
set_count(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)(n & INT64_MAX)));
}

static json_t *
list_of(const struct str *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, string(v[i]));
	return list;
}

/* --- printing piece by piece */

/* jansson leaves DEL, which stands in strings only, as it is. */
static int
put_text(const char *text, size_t n, void *arg)
{
	FILE *out = arg;

	for (size_t i = 0; i < n; i++)
		if (text[i] == 0x7f)
			fputs("\\u007f", out);
		else
			putc(text[i], out);
	return ferror(out) ? -1 : 0;
}

static int
put_value(struct report_print *p, json_t *j)
{
	int err = AVER_NOMEM;

	if (j && json_dump_callback(j, put_text, p->out,
		     JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) == 0)
		err = 0;
	json_decref(j);
	return err || !ferror(p->out) ? err : AVER_IO;
}

/* A member of the report's object; takes j. */
static int
put_member(struct report_print *p, const char *key, json_t *j)
{
	if (p->in_records)
		fputs("\n]", p->out);
	p->in_records = false;
	fprintf(p->out, ",\n\"%s\":", key);
	return put_value(p, j);
}

static int
begin(void *arg, enum report_kind kind, struct str name)
{
	struct report_print *p = arg;

	fputs(p->reports++ ? ",\n{" : "[{", p->out);
	p->kind = kind;
	p->rows = 0;
	p->in_records = false;
	fprintf(p->out, "\"kind\":\"%s\",\"file\":", report_kind_name(kind));
	put_value(p, string(p->file));
	return name.n ? put_member(p, "attachment", string(name)) : 0;
}

static int
end(void *arg, const struct report_result *r)
{
	struct report_print *p = arg;

	if (p->kind == REPORT_AGGREGATE) {
		json_t *total = json_object();

		set_count(total, "records", r->records);
		set_count(total, "messages", r->messages);
		put_member(p, "total", total);
	}
	if (r->err)
		put_member(p, "error", string(r->why));
	fputs("}", p->out);
	return ferror(p->out) ? AVER_IO : 0;
}

void
report_print_json_end(struct report_print *p)
{
	fputs(p->reports ? "]\n" : "[]\n", p->out);
}

/* --- aggregate reports: named as their elements are */

static int
head(void *arg, const struct aggregate_report *r)
{
	json_t *meta = json_object(), *policy = json_object();
	json_t *range = json_object();

	set(meta, "namespace", r->ns);
	set(meta, "version", r->version);
	set(meta, "org_name", r->org_name);
	set(meta, "email", r->email);
	set(meta, "extra_contact_info", r->extra_contact_info);
	set(meta, "report_id", r->report_id);
	set_count(range, "begin", (uint64_t)r->begin);
	set_count(range, "end", (uint64_t)r->end);
	json_object_set_new(meta, "date_range", range);
	set(meta, "generator", r->generator);
	json_object_set_new(meta, "error", list_of(r->errors, r->n_errors));
	set(policy, "domain", r->domain);
	set(policy, "p", r->p);
	set(policy, "sp", r->sp);
	set(policy, "np", r->np);
	set(policy, "adkim", r->adkim);
	set(policy, "aspf", r->aspf);
	set(policy, "pct", r->pct);
	set(policy, "fo", r->fo);
	set(policy, "testing", r->testing);
	set(policy, "discovery_method", r->discovery_method);
	put_member(arg, "report_metadata", meta);
	return put_member(arg, "policy_published", policy);
}

static json_t *
auth_list(const struct aggregate_auth *a, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		set(o, "domain", a[i].domain);
		set(o, "selector", a[i].selector);
		set(o, "scope", a[i].scope);
		set(o, "result", a[i].result);
		set(o, "human_result", a[i].human_result);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
reason_list(const struct aggregate_record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_reasons; i++) {
		json_t *o = json_object();

		set(o, "type", r->reasons[i].type);
		set(o, "comment", r->reasons[i].comment);
		json_array_append_new(list, o);
	}
	return list;
}

static int
record(void *arg, const struct aggregate_record *r)
{
	struct report_print *p = arg;
	json_t *o = json_object();

	if (p->rows++ == 0)
		fputs(",\n\"records\":[\n", p->out);
	else
		fputs(",\n", p->out);
	p->in_records = true;
	set(o, "source_ip", r->source_ip);
	set_count(o, "count", r->count);
	set(o, "disposition", r->disposition);
	set(o, "dkim", r->dkim);
	set(o, "spf", r->spf);
	json_object_set_new(o, "reasons", reason_list(r));
	set(o, "header_from", r->header_from);
	set(o, "envelope_from", r->envelope_from);
	set(o, "envelope_to", r->envelope_to);
	json_object_set_new(
	    o, "dkim_results", auth_list(r->dkim_results, r->n_dkim_results));
	json_object_set_new(
	    o, "spf_results", auth_list(r->spf_results, r->n_spf_results));
	return put_value(p, o);
}

/* --- TLS reports: RFC 8460 section 4.4, as it should have been written */

static json_t *
tls_failure(const struct tlsrpt_failure *f)
{
	json_t *o = json_object();

	set(o, "result-type", f->result_type);
	set(o, "sending-mta-ip", f->sending_mta_ip);
	set(o, "receiving-mx-hostname", f->receiving_mx_hostname);
	set(o, "receiving-mx-helo", f->receiving_mx_helo);
	set(o, "receiving-ip", f->receiving_ip);
	set_count(o, "failed-session-count", f->failed_sessions);
	set(o, "additional-information", f->additional_information);
	set(o, "failure-reason-code", f->reason_code);
	return o;
}

static json_t *
tls_policy(const struct tlsrpt_policy *t)
{
	json_t *o = json_object(), *policy = json_object();
	json_t *summary = json_object(), *failures = json_array();

	set(policy, "policy-type", t->type);
	json_object_set_new(
	    policy, "policy-string", list_of(t->strings, t->n_strings));
	set(policy, "policy-domain", t->domain);
	json_object_set_new(
	    policy, "mx-host", list_of(t->mx_hosts, t->n_mx_hosts));
	set_count(summary, "total-successful-session-count", t->successful);
	set_count(summary, "total-failure-session-count", t->failed);
	for (size_t i = 0; i < t->n_failures; i++)
		json_array_append_new(failures, tls_failure(&t->failures[i]));
	json_object_set_new(o, "policy", policy);
	json_object_set_new(o, "summary", summary);
	json_object_set_new(o, "failure-details", failures);
	return o;
}

static int
tls(void *arg, const struct tlsrpt_report *r)
{
	json_t *o = json_object(), *range = json_object();
	json_t *policies = json_array();

	set(o, "organization-name", r->organization_name);
	set(range, "start-datetime", r->start);
	set(range, "end-datetime", r->end);
	json_object_set_new(o, "date-range", range);
	set(o, "contact-info", r->contact_info);
	set(o, "report-id", r->report_id);
	for (size_t i = 0; i < r->n_policies; i++)
		json_array_append_new(policies, tls_policy(&r->policies[i]));
	json_object_set_new(o, "policies", policies);
	return put_member(arg, "report", o);
}

static int
failure(void *arg, struct str fields)
{
	return put_member(arg, "fields", string(fields));
}

const struct report_visitor report_print_json = {
    .begin = begin,
    .aggregate = {head, record},
    .tls = tls,
    .failure = failure,
    .end = end,
};
