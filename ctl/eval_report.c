/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/eval_report.h"

#include "ctl/eval_json.h"
#include "ctl/report_file.h"

struct summary {
	enum report_kind want, kind;
	size_t found; /* reports of that kind */
	json_t *o; /* of the first */
	uint64_t records;
};

static bool
counts(const struct summary *s)
{
	return s->kind == s->want && s->found == 1;
}

static void
set(struct summary *s, const char *key, struct str text)
{
	if (text.n)
		json_object_set_new(s->o, key, eval_json_str(text));
}

static void
set_count(struct summary *s, const char *key, uint64_t n)
{
	json_object_set_new(
	    s->o, key, json_integer((json_int_t)(n & INT64_MAX)));
}

static int
begin(void *arg, enum report_kind kind, struct str name)
{
	struct summary *s = arg;

	(void)name;
	s->kind = kind;
	s->found += kind == s->want;
	return 0;
}

static int
head(void *arg, const struct aggregate_report *r)
{
	struct summary *s = arg;

	if (!counts(s))
		return 0;
	set(s, "org_name", r->org_name);
	set(s, "report_id", r->report_id);
	set(s, "begin", r->begin_text);
	set(s, "end", r->end_text);
	set(s, "domain", r->domain);
	set(s, "p", r->p);
	set(s, "namespace", r->ns);
	return 0;
}

static int
record(void *arg, const struct aggregate_record *r)
{
	struct summary *s = arg;

	if (counts(s) && s->records++ == 0)
		set(s, "first_ip", r->source_ip);
	return 0;
}

static int
tls(void *arg, const struct tlsrpt_report *r)
{
	struct summary *s = arg;
	uint64_t good = 0, bad = 0;

	if (!counts(s))
		return 0;
	for (size_t i = 0; i < r->n_policies; i++) {
		good += r->policies[i].successful;
		bad += r->policies[i].failed;
	}
	set(s, "organization-name", r->organization_name);
	set(s, "report-id", r->report_id);
	set_count(s, "policies", r->n_policies);
	set_count(s, "successful", good);
	set_count(s, "failure", bad);
	return 0;
}

static int
failure(void *arg, struct str fields)
{
	(void)arg, (void)fields;
	return 0;
}

static int
end(void *arg, const struct report_result *result)
{
	struct summary *s = arg;

	if (counts(s) && s->kind == REPORT_AGGREGATE) {
		set_count(s, "records", result->records);
		set_count(s, "messages", result->messages);
	}
	return 0;
}

static bool
kind_of(struct str what, enum report_kind *out)
{
	static const struct {
		const char *what;
		enum report_kind kind;
	} kinds[] = {{"report_aggregate", REPORT_AGGREGATE},
	    {"report_tlsrpt", REPORT_TLS}, {"report_failure", REPORT_FAILURE}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_eq(what, str_from_z(kinds[i].what))) {
			*out = kinds[i].kind;
			return true;
		}
	return false;
}

json_t *
eval_report(struct str what, FILE *f)
{
	static const struct report_visitor visitor = {
	    .begin = begin,
	    .aggregate = {head, record},
	    .tls = tls,
	    .failure = failure,
	    .end = end,
	};
	struct summary s = {.found = 0};
	struct diag d = {.text = "no such report in it"};
	json_t *o;
	int err;

	if (!kind_of(what, &s.want))
		return NULL;
	o = json_object();
	s.o = json_object();
	err = report_file_read(f, &visitor, &s, &d);
	json_object_set_new(o, "valid", json_boolean(!err && s.found));
	if (err || !s.found)
		json_object_set_new(
		    o, "reason", eval_json_str(str_from_z(d.text)));
	json_object_set_new(o, "summary", s.o);
	return o;
}
