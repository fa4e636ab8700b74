/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/reports.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/cell.h"
#include "ctl/listing.h"
#include "ctl/usage.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/mail/addr.h"
#include "lib/store/ledger.h"
#include "lib/zip/gz.h"

#define FAILED 1
#define MEMORY (LEDGER_BODY_MAX + ((size_t)1 << 20))
#define DOCUMENT_MAX ((uint64_t)4 << 30)
#define DAY 86400

enum verb { VERB_LIST, VERB_SHOW, VERB_RESEND, VERB_CANCEL };

struct command {
	enum verb verb;
	struct listing l;
	bool json, document;
	struct ledger_filter filter;
	struct str id;
	unsigned number; /* of a submission; 0: all */
	struct arena arena;
	struct store *store;
	struct diag d;
};

/* The submissions of one report, by state. */
struct tally {
	unsigned by[LEDGER_STATE_COUNT], n;
};

/* --- list */

static int
count_state(void *arg, const struct ledger_submission *sub)
{
	struct tally *t = arg;

	t->n++;
	if (sub->state < LEDGER_STATE_COUNT)
		t->by[sub->state]++;
	return 0;
}

static json_t *
report_json(const struct ledger_report *r)
{
	json_t *o = json_object();

	listing_set_text(o, "id", r->id);
	listing_set_word(o, "kind", ledger_kind_name(r->kind));
	listing_set_text(o, "policy_domain", r->policy_domain);
	listing_set_time(o, "begin", r->begin);
	listing_set_time(o, "end", r->end);
	listing_set_time(o, "created", r->created);
	listing_set_number(o, "rows", r->rows);
	listing_set_number(o, "messages", r->messages);
	listing_set_number(o, "size", r->body_size);
	return o;
}

static json_t *
tally_json(const struct tally *t)
{
	json_t *o = json_object();

	for (int i = 0; i < LEDGER_STATE_COUNT; i++)
		if (t->by[i])
			listing_set_number(o, ledger_state_name(i), t->by[i]);
	return o;
}

static void
add_tally(struct buf *b, const struct tally *t)
{
	const char *comma = "";

	for (int i = 0; i < LEDGER_STATE_COUNT; i++)
		if (t->by[i]) {
			buf_addf(b, "%s%s:%u", comma, ledger_state_name(i),
			    t->by[i]);
			comma = ",";
		}
	if (!t->n)
		buf_add_c(b, '-');
}

static void
report_text(struct buf *b, const struct ledger_report *r)
{
	cell_add(b, r->id);
	cell_column(b, 26);
	buf_add_z(b, ledger_kind_name(r->kind));
	cell_column(b, 35);
	cell_time(b, r->begin);
	cell_column(b, 57);
	cell_time(b, r->end);
	cell_column(b, 79);
	cell_add(b, r->policy_domain);
	cell_column(b, 105);
	buf_addf(b, "messages %" PRIu64, r->messages);
	cell_column(b, 0);
}

static int
list_report(void *arg, const struct ledger_report *r)
{
	struct command *k = arg;
	struct tally t = {.n = 0};
	json_t *o;
	int err =
	    store_each_submission(k->store, r->id, count_state, &t, &k->d);

	if (err)
		return err;
	if (k->json) {
		o = report_json(r);
		json_object_set_new(o, "submissions", tally_json(&t));
		return listing_put_json(&k->l, o);
	}
	buf_clear(&k->l.line);
	report_text(&k->l.line, r);
	add_tally(&k->l.line, &t);
	return listing_put(&k->l);
}

static int
run_list(struct command *k)
{
	int err =
	    store_each_report(k->store, &k->filter, list_report, k, &k->d);

	if (!err)
		listing_end_array(&k->l);
	return err;
}

/* --- show */

static json_t *
submission_json(const struct ledger_submission *sub)
{
	json_t *o = json_object();

	listing_set_number(o, "number", sub->number);
	listing_set_text(o, "uri", sub->uri);
	listing_set_word(o, "state", ledger_state_name(sub->state));
	listing_set_number(o, "attempts", sub->attempts);
	listing_set_time(
	    o, "next_try", sub->state == LEDGER_PENDING ? sub->next_try : 0);
	listing_set_time(o, "last_try", sub->last_try);
	listing_set_time(o, "give_up", sub->give_up);
	listing_set_text(o, "detail", sub->detail);
	return o;
}

struct show {
	struct command *k;
	json_t *list;
};

static int
show_submission(void *arg, const struct ledger_submission *sub)
{
	struct show *s = arg;
	struct buf *b = &s->k->l.line;

	if (s->list)
		return json_array_append_new(s->list, submission_json(sub))
			   ? AVER_NOMEM
			   : 0;
	buf_clear(b);
	buf_addf(b, "  %u. %s ", sub->number, ledger_state_name(sub->state));
	cell_add(b, sub->uri);
	buf_addf(b, " attempts %u", sub->attempts);
	if (sub->last_try) {
		buf_add_z(b, " last ");
		cell_time(b, sub->last_try);
	}
	if (sub->state == LEDGER_PENDING) {
		buf_add_z(b, " next ");
		cell_time(b, sub->next_try);
	}
	if (sub->detail.n) {
		buf_add_z(b, ": ");
		cell_escape(b, sub->detail);
	}
	return listing_put(&s->k->l);
}

static void
add_field(struct command *k, const char *name, struct str value)
{
	buf_clear(&k->l.line);
	buf_addf(&k->l.line, "%-14s", name);
	cell_escape(&k->l.line, value);
	listing_put(&k->l);
}

static void
add_time_field(struct command *k, const char *name, int64_t t)
{
	buf_clear(&k->l.line);
	buf_addf(&k->l.line, "%-14s", name);
	cell_time(&k->l.line, t);
	listing_put(&k->l);
}

static void
show_text(struct command *k, const struct ledger_report *r)
{
	add_field(k, "id", r->id);
	add_field(k, "kind", str_from_z(ledger_kind_name(r->kind)));
	add_field(k, "policy domain", r->policy_domain);
	add_time_field(k, "begin", r->begin);
	add_time_field(k, "end", r->end);
	add_time_field(k, "created", r->created);
	add_field(k, "file", r->file_name);
	buf_clear(&k->l.line);
	buf_addf(&k->l.line,
	    "%-14s%" PRIu64 " messages in %" PRIu64 " rows, %" PRIu64 " octets",
	    "content", r->messages, r->rows, r->body_size);
	listing_put(&k->l);
	if (r->record.n)
		add_field(k, "record", r->record);
}

static int
write_out(void *arg, struct str octets)
{
	FILE *f = arg;

	return fwrite(octets.p, 1, octets.n, f) == octets.n ? 0 : AVER_IO;
}

static int
show_document(struct command *k, const struct ledger_report *r)
{
	if (gz_is(r->body))
		return gz_inflate(
		    r->body, DOCUMENT_MAX, write_out, k->l.out, &k->d);
	return write_out(k->l.out, r->body);
}

static int
run_show(struct command *k)
{
	struct show s = {.k = k};
	struct ledger_report r;
	json_t *o = NULL;
	int err = store_get_report(
	    k->store, k->id, k->document, &k->arena, &r, &k->d);

	if (err)
		return err;
	if (k->document)
		return show_document(k, &r);
	if (k->json) {
		o = report_json(&r);
		listing_set_text(o, "file_name", r.file_name);
		listing_set_text(o, "record", r.record);
		s.list = json_array();
	} else {
		show_text(k, &r);
	}
	err =
	    store_each_submission(k->store, k->id, show_submission, &s, &k->d);
	if (!o)
		return err;
	json_object_set_new(o, "submissions", s.list);
	if (!err && json_dumpf(o, k->l.out, JSON_INDENT(2) | JSON_ENSURE_ASCII))
		err = AVER_IO;
	fputc('\n', k->l.out);
	json_decref(o);
	return err;
}

/* --- resend, cancel */

static int
run_change(struct command *k)
{
	int64_t now = clock_now();
	struct ledger_change change = {
	    .state = k->verb == VERB_RESEND ? LEDGER_PENDING : LEDGER_CANCELLED,
	    .next_try = now,
	    .give_up = now + DAY,
	    .detail = STR("by the operator")};
	const char *what = k->verb == VERB_RESEND ? "to be sent again with the "
						    "next run"
						  : "cancelled";
	uint64_t changed = 0;
	int err = store_set_submissions(
	    k->store, k->id, k->number, &change, &changed, &k->d);
	json_t *o;

	if (err)
		return err;
	if (!k->json) {
		fprintf(k->l.out, "%" PRIu64 " submission%s %s\n", changed,
		    changed == 1 ? "" : "s", what);
		return 0;
	}
	o = json_object();
	listing_set_text(o, "id", k->id);
	listing_set_number(o, "changed", changed);
	if (!o || json_dumpf(o, k->l.out, JSON_COMPACT | JSON_ENSURE_ASCII))
		err = AVER_IO;
	fputc('\n', k->l.out);
	json_decref(o);
	return err;
}

/* --- all */

static int
fail(const struct diag *d)
{
	fprintf(stderr, "aver reports: %s\n", d->text);
	return FAILED;
}

static int
run_verb(struct command *k)
{
	switch (k->verb) {
	case VERB_LIST:
		return run_list(k);
	case VERB_SHOW:
		return run_show(k);
	case VERB_RESEND:
	case VERB_CANCEL:
		break;
	}
	return run_change(k);
}

static int
run(struct command *k, const struct conf *c)
{
	bool writes = k->verb == VERB_RESEND || k->verb == VERB_CANCEL;
	int err = store_open(
	    c->store, writes ? STORE_CHANGE : STORE_READ, &k->store, &k->d);

	if (err)
		return fail(&k->d);
	err = run_verb(k);
	store_close(k->store);
	if (err == AVER_NOTFOUND)
		diag_set(&k->d, err, 0, "there is no such report: %.*s",
		    STRF(k->id));
	return err ? fail(&k->d) : 0;
}

/* --- arguments */

static bool
set_verb(struct command *k, const char *word)
{
	static const char *const verbs[] = {
	    [VERB_LIST] = "list",
	    [VERB_SHOW] = "show",
	    [VERB_RESEND] = "resend",
	    [VERB_CANCEL] = "cancel",
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word, verbs[i]) == 0) {
			k->verb = (enum verb)i;
			return true;
		}
	return false;
}

static bool
set_option(struct command *k, const char *name, const char *value)
{
	struct str v = str_from_z(value);
	struct ledger_filter *f = &k->filter;

	if (strcmp(name, "--domain") == 0) {
		/* the form in which it is stored, where it has one */
		if (domain_to_ascii(&k->arena, v, &f->policy_domain))
			f->policy_domain = v;
		return true;
	}
	if (strcmp(name, "--kind") == 0) {
		f->has_kind = true;
		return ledger_kind_from_name(v, &f->kind);
	}
	f->has_state = true;
	return strcmp(name, "--state") == 0 &&
	       ledger_state_from_name(v, &f->state);
}

static bool
set_word(struct command *k, unsigned place, const char *word)
{
	uint64_t n;

	if (place == 0)
		return set_verb(k, word);
	if (place == 1) {
		k->id = str_from_z(word);
		return true;
	}
	if (place > 2 ||
	    !str_to_u64(str_from_z(word), LEDGER_SUBMISSIONS_MAX, &n) || n == 0)
		return false;
	k->number = (unsigned)n;
	return true;
}

static bool
parse(int argc, char **argv, struct command *k)
{
	unsigned words = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			k->json = true;
		} else if (strcmp(argv[i], "--document") == 0) {
			k->document = true;
		} else if (argv[i][0] == '-') {
			if (i + 1 == argc ||
			    !set_option(k, argv[i], argv[i + 1]))
				return false;
			i++;
		} else if (!set_word(k, words++, argv[i])) {
			return false;
		}
	}
	if (words > 2 && k->verb != VERB_RESEND && k->verb != VERB_CANCEL)
		return false;
	return (k->verb == VERB_LIST) == (k->id.n == 0) &&
	       (!k->document || k->verb == VERB_SHOW);
}

int
cmd_reports(const struct conf *c, int argc, char **argv, FILE *out)
{
	struct command k = {.verb = VERB_LIST, .d = {"output failed", 0}};
	int status = FAILED;

	arena_init(&k.arena, MEMORY);
	if (!parse(argc, argv, &k)) {
		status = usage_fail(stderr, "reports", NULL);
	} else {
		listing_init(&k.l, k.json, out);
		status = run(&k, c);
		listing_fini(&k.l);
	}
	arena_fini(&k.arena);
	return status;
}
