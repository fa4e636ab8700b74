/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <inttypes.h>

#include "ctl/cell.h"
#include "ctl/report_print.h"
#include "lib/base/err.h"

#define LINE_MAX_OCTETS ((size_t)1 << 22)
#define LABEL 12 /* width of what stands before a value */

void
report_print_init(struct report_print *p, FILE *out)
{
	*p = (struct report_print){.out = out};
	buf_init(&p->line, NULL, LINE_MAX_OCTETS);
}

void
report_print_fini(struct report_print *p)
{
	buf_fini(&p->line);
}

/* --- lines */

static int
put_line(struct report_print *p)
{
	int err = p->line.err;

	if (!err)
		fprintf(p->out, "%s\n", buf_z(&p->line));
	buf_clear(&p->line);
	if (!err && ferror(p->out))
		err = AVER_IO;
	return err;
}

/* A label, and then as much as the caller adds. */
static struct buf *
start(struct report_print *p, const char *label)
{
	buf_clear(&p->line);
	buf_addf(&p->line, "%-*s", LABEL, label);
	return &p->line;
}

/* A line for a value that is there. */
static void
value(struct report_print *p, const char *label, struct str s)
{
	if (!s.n)
		return;
	cell_escape(start(p, label), s);
	put_line(p);
}

static void
word(struct buf *b, const char *name, struct str s)
{
	if (!s.n)
		return;
	buf_addf(b, " %s=", name);
	cell_add(b, s);
}

/* --- every report */

static int
begin(void *arg, enum report_kind kind, struct str name)
{
	struct report_print *p = arg;

	if (p->reports++)
		fputc('\n', p->out);
	p->kind = kind;
	p->rows = 0;
	value(p, "File", p->file);
	value(p, "Attachment", name);
	return ferror(p->out) ? AVER_IO : 0;
}

static int
end(void *arg, const struct report_result *r)
{
	struct report_print *p = arg;
	struct buf *b;

	if (p->kind == REPORT_AGGREGATE && (r->records || r->err == 0)) {
		b = start(p, "Total");
		buf_addf(b, "%" PRIu64 " messages in %" PRIu64 " records%s",
		    r->messages, r->records, r->err ? " so far" : "");
		put_line(p);
	}
	if (r->err)
		value(p, "Error", r->why);
	return ferror(p->out) ? AVER_IO : 0;
}

/* --- aggregate reports */

static void
period(struct report_print *p, const struct aggregate_report *r)
{
	struct buf *b = start(p, "Period");

	if (r->begin) {
		cell_time(b, r->begin);
		buf_add_z(b, " to ");
		cell_time(b, r->end);
	} else {
		cell_add(b, r->begin_text);
		buf_add_z(b, " to ");
		cell_add(b, r->end_text);
	}
	put_line(p);
}

static void
policy(struct report_print *p, const struct aggregate_report *r)
{
	struct buf *b = start(p, "Policy");

	cell_add(b, r->domain);
	word(b, "p", r->p);
	word(b, "sp", r->sp);
	word(b, "np", r->np);
	word(b, "adkim", r->adkim);
	word(b, "aspf", r->aspf);
	word(b, "pct", r->pct);
	word(b, "fo", r->fo);
	word(b, "testing", r->testing);
	word(b, "discovery", r->discovery_method);
	put_line(p);
}

static int
head(void *arg, const struct aggregate_report *r)
{
	struct report_print *p = arg;

	value(p, "Report", r->report_id);
	value(p, "From", r->org_name);
	value(p, "Email", r->email);
	value(p, "Contact", r->extra_contact_info);
	value(p, "Generator", r->generator);
	value(p, "Namespace", r->ns);
	value(p, "Version", r->version);
	period(p, r);
	policy(p, r);
	for (size_t i = 0; i < r->n_errors; i++)
		value(p, "Problem", r->errors[i]);
	return ferror(p->out) ? AVER_IO : 0;
}

static void
titles(struct report_print *p)
{
	struct buf *b = &p->line;

	buf_clear(b);
	buf_add_z(b, "\nCOUNT");
	cell_column(b, 9);
	buf_add_z(b, "SOURCE_IP");
	cell_column(b, 35);
	buf_add_z(b, "DISPOSITION");
	cell_column(b, 48);
	buf_add_z(b, "DKIM");
	cell_column(b, 54);
	buf_add_z(b, "SPF");
	cell_column(b, 60);
	buf_add_z(b, "HEADER_FROM  ENVELOPE_FROM  ENVELOPE_TO  DKIM_RESULTS  "
		     "SPF_RESULTS  REASONS");
	put_line(p);
}

static void
add_results(struct buf *b, const struct aggregate_auth *a, size_t n, bool dkim)
{
	cell_column(b, 0);
	for (size_t i = 0; i < n; i++) {
		struct str more = dkim ? a[i].selector : a[i].scope;

		buf_add_z(b, i ? "," : "");
		cell_add(b, a[i].domain);
		if (more.n) {
			buf_add_c(b, dkim ? '/' : ':');
			cell_add(b, more);
		}
		buf_add_c(b, '=');
		cell_add(b, a[i].result);
		if (a[i].human_result.n) {
			buf_add_z(b, " (");
			cell_escape(b, a[i].human_result);
			buf_add_c(b, ')');
		}
	}
	if (!n)
		buf_add_c(b, '-');
}

static void
add_reasons(struct buf *b, const struct aggregate_record *r)
{
	cell_column(b, 0);
	for (size_t i = 0; i < r->n_reasons; i++) {
		buf_add_z(b, i ? "; " : "");
		cell_add(b, r->reasons[i].type);
		if (r->reasons[i].comment.n) {
			buf_add_z(b, " (");
			cell_escape(b, r->reasons[i].comment);
			buf_add_c(b, ')');
		}
	}
	if (!r->n_reasons)
		buf_add_c(b, '-');
}

static void
add_cell_at(struct buf *b, size_t column, struct str s)
{
	cell_column(b, column);
	cell_add(b, s);
}

static int
record(void *arg, const struct aggregate_record *r)
{
	struct report_print *p = arg;
	struct buf *b = &p->line;

	if (p->rows++ == 0)
		titles(p);
	buf_clear(b);
	buf_addf(b, "%" PRIu64, r->count);
	add_cell_at(b, 8, r->source_ip);
	add_cell_at(b, 34, r->disposition);
	add_cell_at(b, 47, r->dkim);
	add_cell_at(b, 53, r->spf);
	add_cell_at(b, 59, r->header_from);
	add_cell_at(b, 0, r->envelope_from);
	add_cell_at(b, 0, r->envelope_to);
	add_results(b, r->dkim_results, r->n_dkim_results, true);
	add_results(b, r->spf_results, r->n_spf_results, false);
	add_reasons(b, r);
	return put_line(p);
}

/* --- TLS reports */

static void
tls_failure(struct report_print *p, const struct tlsrpt_failure *f)
{
	struct buf *b = start(p, "  Failure");

	buf_addf(b, "%" PRIu64 " ", f->failed_sessions);
	cell_add(b, f->result_type);
	word(b, "sending-mta-ip", f->sending_mta_ip);
	word(b, "receiving-mx-hostname", f->receiving_mx_hostname);
	word(b, "receiving-mx-helo", f->receiving_mx_helo);
	word(b, "receiving-ip", f->receiving_ip);
	word(b, "reason", f->reason_code);
	word(b, "information", f->additional_information);
	put_line(p);
}

static void
tls_policy(struct report_print *p, const struct tlsrpt_policy *t)
{
	struct buf *b;

	fputc('\n', p->out);
	b = start(p, "Policy");
	cell_add(b, t->domain);
	buf_add_c(b, ' ');
	cell_add(b, t->type);
	put_line(p);
	for (size_t i = 0; i < t->n_strings; i++)
		value(p, "  String", t->strings[i]);
	for (size_t i = 0; i < t->n_mx_hosts; i++)
		value(p, "  MX host", t->mx_hosts[i]);
	b = start(p, "  Sessions");
	buf_addf(b, "%" PRIu64 " successful, %" PRIu64 " failed", t->successful,
	    t->failed);
	put_line(p);
	for (size_t i = 0; i < t->n_failures; i++)
		tls_failure(p, &t->failures[i]);
}

static int
tls(void *arg, const struct tlsrpt_report *r)
{
	struct report_print *p = arg;
	struct buf *b;

	value(p, "Report", r->report_id);
	value(p, "From", r->organization_name);
	value(p, "Contact", r->contact_info);
	b = start(p, "Period");
	cell_add(b, r->start);
	buf_add_z(b, " to ");
	cell_add(b, r->end);
	put_line(p);
	for (size_t i = 0; i < r->n_policies; i++)
		tls_policy(p, &r->policies[i]);
	return ferror(p->out) ? AVER_IO : 0;
}

/* --- failure reports */

/* The fields as they stand, line by line. */
static int
failure(void *arg, struct str fields)
{
	struct report_print *p = arg;

	while (fields.p) {
		struct str line = str_cut(fields, '\n', &fields);

		value(p, "Failure", str_trim(line, "\r\n"));
	}
	return ferror(p->out) ? AVER_IO : 0;
}

const struct report_visitor report_print_text = {
    .begin = begin,
    .aggregate = {head, record},
    .tls = tls,
    .failure = failure,
    .end = end,
};
