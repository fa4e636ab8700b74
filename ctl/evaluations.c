/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/evaluations.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "ctl/cell.h"
#include "ctl/listing.h"
#include "ctl/usage.h"
#include "lib/base/err.h"
#include "lib/mail/addr.h"
#include "lib/store/evaluation.h"
#include "lib/store/store.h"

#define FAILED 1
#define NAME_OCTETS ((size_t)64 * 1024) /* for the domain's other forms */

enum verb { VERB_LIST, VERB_SHOW, VERB_REMOVE, VERB_KNOWN };

struct command {
	enum verb verb;
	struct str domain;
	struct listing l;
};

/* --- list */

static json_t *
domain_json(const struct store_domain *d)
{
	json_t *o = json_object();

	json_object_set_new(
	    o, "policy_domain", listing_json_text(d->policy_domain));
	listing_set_number(o, "messages", d->messages);
	listing_set_number(o, "optional", d->optional_messages);
	listing_set_number(o, "rows", d->rows);
	json_object_set_new(o, "first_hour", listing_json_time(d->first_hour));
	json_object_set_new(o, "last_hour", listing_json_time(d->last_hour));
	return o;
}

static int
list_domain(void *arg, const struct store_domain *d)
{
	struct command *k = arg;
	struct buf *b = &k->l.line;

	if (k->l.json)
		return listing_put_json(&k->l, domain_json(d));
	buf_clear(b);
	cell_add(b, d->policy_domain);
	cell_column(b, 32);
	buf_addf(b, "messages %" PRIu64, d->messages);
	cell_column(b, 50);
	buf_addf(b, "rows %" PRIu64, d->rows);
	cell_column(b, 63);
	buf_addf(b, "optional %" PRIu64, d->optional_messages);
	cell_column(b, 80);
	cell_time(b, d->first_hour);
	cell_column(b, 102);
	cell_time(b, d->last_hour);
	return listing_put(&k->l);
}

/* --- show */

static void
policy_json(json_t *o, const struct evaluation *ev)
{
	json_t *p = json_object();

	listing_set_word(p, "p", dmarc_policy_name(ev->p));
	if (ev->has_sp)
		listing_set_word(p, "sp", dmarc_policy_name(ev->sp));
	if (ev->has_np)
		listing_set_word(p, "np", dmarc_policy_name(ev->np));
	listing_set_word(p, "adkim", dmarc_align_name(ev->adkim));
	listing_set_word(p, "aspf", dmarc_align_name(ev->aspf));
	json_object_set_new(p, "testing", json_boolean(ev->testing));
	listing_set_word(p, "discovery", dmarc_discovery_name(ev->discovery));
	json_object_set_new(o, "policy_published", p);
}

static void
results_json(json_t *o, const struct evaluation *ev)
{
	json_t *dkim = json_array(), *spf = json_null(), *e;

	for (size_t i = 0; i < ev->n_dkim; i++) {
		e = json_object();
		listing_set_text(e, "domain", ev->dkim[i].domain);
		listing_set_text(e, "selector", ev->dkim[i].selector);
		listing_set_word(
		    e, "result", dkim_result_name(ev->dkim[i].result));
		json_array_append_new(dkim, e);
	}
	if (ev->has_spf) {
		spf = json_object();
		listing_set_text(spf, "domain", ev->spf_domain);
		listing_set_word(
		    spf, "result", spf_result_name(ev->spf_result));
	}
	json_object_set_new(o, "dkim", dkim);
	json_object_set_new(o, "spf", spf);
}

static void
reasons_json(json_t *o, const struct evaluation *ev)
{
	json_t *reasons = json_array(), *e;

	for (size_t i = 0; i < ev->n_reasons; i++) {
		e = json_object();
		listing_set_word(
		    e, "type", eval_override_name(ev->reasons[i].type));
		listing_set_text(e, "comment", ev->reasons[i].comment);
		json_array_append_new(reasons, e);
	}
	json_object_set_new(o, "reasons", reasons);
}

static const char *
pass_or_fail(bool aligned)
{
	return aligned ? "pass" : "fail";
}

static void
evaluation_json(json_t *o, const struct evaluation *ev)
{
	struct buf ip;

	buf_init(&ip, NULL, 64);
	ip_print(&ip, &ev->source_ip);
	listing_set_text(o, "source_ip", buf_str(&ip));
	buf_fini(&ip);
	listing_set_word(
	    o, "disposition", eval_disposition_name(ev->disposition));
	listing_set_word(o, "dkim_aligned", pass_or_fail(ev->dkim_aligned));
	listing_set_word(o, "spf_aligned", pass_or_fail(ev->spf_aligned));
	listing_set_text(o, "header_from", ev->header_from);
	listing_set_text(o, "envelope_from", ev->envelope_from);
	listing_set_text(o, "envelope_to", ev->envelope_to);
	results_json(o, ev);
	reasons_json(o, ev);
	policy_json(o, ev);
}

static json_t *
row_json(const struct store_evaluation *row, const struct evaluation *ev)
{
	json_t *o = json_object();

	json_object_set_new(o, "hour", listing_json_time(row->hour));
	listing_set_number(o, "count", row->count);
	json_object_set_new(o, "optional", json_boolean(row->optional));
	if (ev)
		evaluation_json(o, ev);
	else
		listing_set_number(o, "undecodable_octets", row->octets.n);
	return o;
}

static void
add_dkim(struct buf *b, const struct evaluation *ev)
{
	for (size_t i = 0; i < ev->n_dkim; i++) {
		buf_add_z(b, i ? "," : "");
		cell_add(b, ev->dkim[i].domain);
		buf_add_c(b, '/');
		cell_add(b, ev->dkim[i].selector);
		buf_addf(b, "=%s", dkim_result_name(ev->dkim[i].result));
	}
	if (!ev->n_dkim)
		buf_add_c(b, '-');
}

static void
add_spf(struct buf *b, const struct evaluation *ev)
{
	if (!ev->has_spf) {
		buf_add_c(b, '-');
		return;
	}
	cell_add(b, ev->spf_domain);
	buf_addf(b, "=%s", spf_result_name(ev->spf_result));
}

static void
add_reasons(struct buf *b, const struct evaluation *ev)
{
	for (size_t i = 0; i < ev->n_reasons; i++) {
		buf_add_z(b, i ? "; " : "");
		buf_add_z(b, eval_override_name(ev->reasons[i].type));
		if (ev->reasons[i].comment.n) {
			buf_add_z(b, " (");
			cell_escape(b, ev->reasons[i].comment);
			buf_add_c(b, ')');
		}
	}
	if (!ev->n_reasons)
		buf_add_c(b, '-');
}

/* The columns, their titles in this order. */
static void
show_titles(struct command *k)
{
	buf_clear(&k->l.line);
	buf_add_z(&k->l.line, "HOUR");
	cell_column(&k->l.line, 22);
	buf_add_z(&k->l.line, "COUNT");
	cell_column(&k->l.line, 30);
	buf_add_z(&k->l.line, "SOURCE");
	cell_column(&k->l.line, 50);
	buf_add_z(&k->l.line, "DISPOSITION");
	cell_column(&k->l.line, 63);
	buf_add_z(&k->l.line, "DKIM");
	cell_column(&k->l.line, 69);
	buf_add_z(&k->l.line, "SPF");
	cell_column(&k->l.line, 75);
	buf_add_z(&k->l.line, "HEADER_FROM  ENVELOPE_FROM  DKIM_RESULTS  "
			      "SPF_RESULT  REASONS");
	listing_put(&k->l);
	k->l.n = 0;
}

static void
evaluation_text(struct buf *b, const struct evaluation *ev)
{
	ip_print(b, &ev->source_ip);
	cell_column(b, 50);
	buf_add_z(b, eval_disposition_name(ev->disposition));
	cell_column(b, 63);
	buf_add_z(b, pass_or_fail(ev->dkim_aligned));
	cell_column(b, 69);
	buf_add_z(b, pass_or_fail(ev->spf_aligned));
	cell_column(b, 75);
	cell_add(b, ev->header_from);
	cell_column(b, 0);
	cell_add(b, ev->envelope_from);
	cell_column(b, 0);
	add_dkim(b, ev);
	cell_column(b, 0);
	add_spf(b, ev);
	cell_column(b, 0);
	add_reasons(b, ev);
}

static int
show_row(void *arg, const struct store_evaluation *row)
{
	struct command *k = arg;
	struct buf *b = &k->l.line;
	struct evaluation ev;
	bool sound = evaluation_decode(row->octets, &ev) == 0;

	if (k->l.json)
		return listing_put_json(
		    &k->l, row_json(row, sound ? &ev : NULL));
	if (!k->l.n)
		show_titles(k);
	buf_clear(b);
	cell_time(b, row->hour);
	cell_column(b, 22);
	buf_addf(b, "%" PRIu64 "%s", row->count, row->optional ? "*" : "");
	cell_column(b, 30);
	if (sound)
		evaluation_text(b, &ev);
	else
		buf_addf(b, "(%zu octets that cannot be read)", row->octets.n);
	return listing_put(&k->l);
}

/* --- known */

static int
known_domain(void *arg, const struct store_known *known)
{
	struct command *k = arg;
	struct buf *b = &k->l.line;
	json_t *o;

	if (k->l.json) {
		o = json_object();
		json_object_set_new(
		    o, "domain", listing_json_text(known->domain));
		json_object_set_new(
		    o, "last_day", listing_json_time(known->seen));
		return listing_put_json(&k->l, o);
	}
	buf_clear(b);
	cell_add(b, known->domain);
	cell_column(b, 32);
	cell_time(b, known->seen);
	return listing_put(&k->l);
}

/* --- commands */

static int
fail(const struct diag *d)
{
	fprintf(stderr, "aver evaluations: %s\n", d->text);
	return FAILED;
}

static int
run_list(struct command *k, struct store *s, struct diag *d)
{
	int err = store_each_domain(s, list_domain, k, d);

	if (err)
		return fail(d);
	listing_end_array(&k->l);
	return 0;
}

static int
run_show(struct command *k, struct store *s, struct diag *d)
{
	int err =
	    store_each_evaluation(s, k->domain, 0, INT64_MAX, show_row, k, d);

	if (err)
		return fail(d);
	listing_end_array(&k->l);
	if (k->l.n)
		return 0;
	diag_set(d, 0, 0, "nothing is recorded for %.*s", STRF(k->domain));
	return fail(d);
}

static int
run_known(struct command *k, struct store *s, struct diag *d)
{
	int err = store_each_known(s, known_domain, k, d);

	if (err)
		return fail(d);
	listing_end_array(&k->l);
	return 0;
}

static int
run_remove(struct command *k, struct store *s, struct diag *d)
{
	uint64_t removed = 0;
	int err = store_remove_evaluations(s, k->domain, &removed, d);
	json_t *o;

	if (err)
		return fail(d);
	if (!k->l.json) {
		buf_clear(&k->l.line);
		cell_escape(&k->l.line, k->domain);
		fprintf(k->l.out, "removed %" PRIu64 " messages of %s\n",
		    removed, buf_z(&k->l.line));
		return 0;
	}
	o = json_object();
	json_object_set_new(o, "policy_domain", listing_json_text(k->domain));
	listing_set_number(o, "removed", removed);
	if (!o || json_dumpf(o, k->l.out, JSON_COMPACT | JSON_ENSURE_ASCII))
		diag_set(d, AVER_NOMEM, 0, "cannot print the result");
	fputc('\n', k->l.out);
	json_decref(o);
	return 0;
}

static int
run(struct command *k, const struct conf *c)
{
	struct diag d = {.text = "output failed"};
	struct store *s = NULL;
	int status = FAILED;
	int err = store_open(c->store,
	    k->verb == VERB_REMOVE ? STORE_CHANGE : STORE_READ, &s, &d);

	if (err)
		return fail(&d);
	switch (k->verb) {
	case VERB_LIST:
		status = run_list(k, s, &d);
		break;
	case VERB_SHOW:
		status = run_show(k, s, &d);
		break;
	case VERB_REMOVE:
		status = run_remove(k, s, &d);
		break;
	case VERB_KNOWN:
		status = run_known(k, s, &d);
		break;
	}
	store_close(s);
	return status;
}

/* --- arguments */

static bool
set_verb(struct command *k, const char *word)
{
	static const struct {
		const char *word;
		enum verb verb;
	} verbs[] = {{"list", VERB_LIST}, {"show", VERB_SHOW},
	    {"remove", VERB_REMOVE}, {"known", VERB_KNOWN}};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word, verbs[i].word) == 0) {
			k->verb = verbs[i].verb;
			return true;
		}
	return false;
}

static bool
parse(int argc, char **argv, struct command *k)
{
	unsigned words = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			k->l.json = true;
		} else if (argv[i][0] == '-' || words == 2) {
			return false;
		} else if (words++ == 0) {
			if (!set_verb(k, argv[i]))
				return false;
		} else {
			k->domain = str_from_z(argv[i]);
		}
	}
	return (k->verb == VERB_LIST || k->verb == VERB_KNOWN) ==
	       (k->domain.n == 0);
}

/*
 * The form in which the domain is stored: A-labels in lower case. What is no
 * domain name is looked for as it stands.
 */
static void
normalize(struct arena *a, struct str *domain)
{
	struct str ascii;

	if (domain->n && domain_to_ascii(a, *domain, &ascii) == 0)
		*domain = ascii;
}

int
cmd_evaluations(const struct conf *c, int argc, char **argv, FILE *out)
{
	struct command k = {.verb = VERB_LIST};
	struct arena names;
	int status = FAILED;

	if (!parse(argc, argv, &k))
		return usage_fail(stderr, "evaluations", NULL);
	arena_init(&names, NAME_OCTETS);
	normalize(&names, &k.domain);
	listing_init(&k.l, k.l.json, out);
	status = run(&k, c);
	listing_fini(&k.l);
	arena_fini(&names);
	return status;
}
