/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/store_import.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "ctl/portable_file.h"

#define BATCH_ROWS 1000
#define BATCH_OCTETS ((size_t)4 << 20)
#define MEMORY ((size_t)64 << 20) /* a line, or a report with its body */
#define SOURCE "export-" /* and the file's checksum */
#define TOTAL_MOST ((uint64_t)1 << 53) /* messages or sessions of a file */
#define LINE_FIRST 1 /* its batch is empty: this import has begun */

struct import {
	struct store *to;
	struct store_imported *out;
	char source[sizeof(SOURCE) + 64];
	uint64_t done; /* rows up to this line are in the store */
	/* a batch of one kind of rows, copied to arena */
	struct arena arena;
	enum portable_kind kind; /* PORTABLE_KIND_COUNT: it is empty */
	struct store_evaluation rows[BATCH_ROWS];
	struct store_tls_result tls_results[BATCH_ROWS];
	struct store_incident incidents[BATCH_ROWS];
	struct store_bad_datagram bad[BATCH_ROWS];
	uint64_t bad_before; /* such as are not kept */
	size_t n;
	uint64_t last; /* line of the last row */
	/* the report whose body is being read */
	struct arena report_arena;
	struct ledger_report report; /* id empty: none */
	struct ledger_submission subs[LEDGER_SUBMISSIONS_MAX];
	size_t n_subs;
	struct buf body;
};

/* --- the first time: is it sound? */

struct look {
	struct store_imported *out;
	char sha256[65];
	uint64_t body; /* octets that have to follow */
	enum portable_kind kind; /* of the line before */
	uint64_t bad_total; /* that there have been */
};

static int
unsound(struct diag *d, const char *what)
{
	return diag_set(d, AVER_SYNTAX, 0, "%s", what);
}

/* The octets of a report's body follow it at once, and are all there. */
static int
look_body(struct look *l, const struct portable *p, struct diag *d)
{
	if (p->kind == PORTABLE_BODY) {
		if (p->u.body.octets.n > l->body)
			return unsound(d, "a document is longer than it says");
		l->body -= p->u.body.octets.n;
	} else if (l->body) {
		return unsound(d, "the document before this is cut short");
	} else if (p->kind == PORTABLE_REPORT) {
		l->body = p->u.report.r.body_size;
	}
	return 0;
}

static int
look_line(void *arg, uint64_t line, const struct portable *p, struct diag *d)
{
	struct look *l = arg;
	int err = look_body(l, p, d);

	(void)line;
	if (err)
		return err;
	if (p->kind < l->kind &&
	    !(l->kind == PORTABLE_BODY && p->kind == PORTABLE_REPORT))
		return unsound(d, "this belongs before what is above it");
	l->kind = p->kind;
	l->out->lines[p->kind]++;
	if (p->kind == PORTABLE_EVALUATION)
		l->out->messages += p->u.evaluation.row.count;
	else if (p->kind == PORTABLE_TLS_RESULT)
		l->out->sessions +=
		    p->u.tls_result.row.success + p->u.tls_result.row.failure;
	else if (p->kind == PORTABLE_BAD_DATAGRAMS)
		l->bad_total = p->u.bad_datagrams.total;
	if (l->out->messages > TOTAL_MOST || l->out->sessions > TOTAL_MOST)
		return unsound(d, "it counts more than a store can");
	if (p->kind == PORTABLE_END)
		snprintf(l->sha256, sizeof(l->sha256), "%.*s",
		    STRF(p->u.end.sha256));
	return 0;
}

/* --- the second time: rows in batches */

static int
add_batch(struct import *x, struct diag *d)
{
	struct store_batch b = {
	    .source = str_from_z(x->source), .seq = x->last};
	int err;

	if (x->kind == PORTABLE_KIND_COUNT)
		return 0;
	b.rows = x->rows;
	b.n_rows = x->kind == PORTABLE_EVALUATION ? x->n : 0;
	b.tls_results = x->tls_results;
	b.n_tls_results = x->kind == PORTABLE_TLS_RESULT ? x->n : 0;
	b.incidents = x->incidents;
	b.n_incidents = x->kind == PORTABLE_INCIDENT ? x->n : 0;
	b.bad_datagrams = x->bad;
	b.n_bad_datagrams = x->kind == PORTABLE_BAD_DATAGRAM ? x->n : 0;
	b.more_bad_datagrams =
	    x->kind == PORTABLE_BAD_DATAGRAMS ? x->bad_before : 0;
	err = store_add_batch(x->to, &b, d);
	if (err)
		return err;
	x->done = x->last;
	x->kind = PORTABLE_KIND_COUNT;
	x->n = 0;
	arena_reset(&x->arena);
	return 0;
}

static bool
copy(struct arena *a, struct str *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str s = arena_dup(a, *texts[i]);

		if (s.n != texts[i]->n)
			return false;
		*texts[i] = s;
	}
	return true;
}

static bool
keep_row(struct import *x, const struct portable *p)
{
	struct store_evaluation *e = &x->rows[x->n];
	struct store_tls_result *t = &x->tls_results[x->n];
	struct store_incident *i = &x->incidents[x->n];
	struct store_bad_datagram *b = &x->bad[x->n];

	switch (p->kind) {
	case PORTABLE_EVALUATION:
		*e = p->u.evaluation.row;
		return copy(&x->arena,
		    (struct str *[]){&e->policy_domain, &e->octets}, 2);
	case PORTABLE_TLS_RESULT:
		*t = p->u.tls_result.row;
		return copy(&x->arena,
		    (struct str *[]){&t->policy_domain, &t->recipient_domain,
			&t->policy, &t->detail},
		    4);
	case PORTABLE_INCIDENT:
		*i = p->u.incident;
		return copy(&x->arena,
		    (struct str *[]){&i->policy_domain, &i->octets}, 2);
	case PORTABLE_BAD_DATAGRAM:
		*b = p->u.bad_datagram;
		return copy(
		    &x->arena, (struct str *[]){&b->why, &b->octets}, 2);
	case PORTABLE_STORE:
	case PORTABLE_SOURCE:
	case PORTABLE_SECRET:
	case PORTABLE_KNOWN:
	case PORTABLE_SUPPRESSION:
	case PORTABLE_POLICY:
	case PORTABLE_DESTINATION:
	case PORTABLE_BAD_DATAGRAMS:
	case PORTABLE_REPORT:
	case PORTABLE_BODY:
	case PORTABLE_END:
	case PORTABLE_KIND_COUNT:
		break;
	}
	return true;
}

/* Rows stay in their order: the one that was counted last is the last. */
static int
add_row(
    struct import *x, uint64_t line, const struct portable *p, struct diag *d)
{
	int err = 0;

	if (line <= x->done)
		return 0;
	if (x->kind != p->kind || x->n == BATCH_ROWS ||
	    x->arena.taken > BATCH_OCTETS)
		err = add_batch(x, d);
	if (err)
		return err;
	x->kind = p->kind;
	x->last = line;
	if (!keep_row(x, p))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	x->n++;
	return 0;
}

/* --- what has no number */

static int
add_source(struct import *x, struct str name, uint64_t seq, struct diag *d)
{
	struct store_batch b = {.source = name, .seq = seq};

	/* a number that is there already and higher stays */
	return seq ? store_add_batch(x->to, &b, d) : 0;
}

static int
add_policy(struct import *x, const struct store_sts *sts, struct diag *d)
{
	int err = 0;

	if (sts->policy.n)
		err = store_put_sts(x->to, sts, d);
	if (!err && sts->failed)
		err = store_fail_sts(x->to, sts, d);
	return err;
}

static int
add_destination(
    struct import *x, const struct store_destination *y, struct diag *d)
{
	const struct store_sighting seen[] = {
	    {y->domain, y->mx, y->starttls, STORE_OFFERED, 0},
	    {y->domain, y->mx, y->no_starttls, STORE_NOT_OFFERED, 0},
	    {y->domain, y->mx, y->requiretls, 0, STORE_OFFERED},
	    {y->domain, y->mx, y->no_requiretls, 0, STORE_NOT_OFFERED},
	    {y->domain, y->mx, y->seen, 0, 0},
	};

	return store_see_destinations(x->to, seen, 5, d);
}

static int
put_report(struct import *x, struct diag *d)
{
	int err;

	x->report.body = buf_str(&x->body);
	err = store_put_report(x->to, &x->report, x->subs, x->n_subs, d);
	x->report.id = STR_NONE;
	if (err != AVER_LIMIT)
		return err;
	x->out->there++;
	return 0;
}

/* Keeps it until its body is there too. */
static int
begin_report(struct import *x, const struct portable *p, struct diag *d)
{
	bool good;

	arena_reset(&x->report_arena);
	buf_clear(&x->body);
	x->report = p->u.report.r;
	x->n_subs = p->u.report.n_subs;
	good = copy(&x->report_arena,
	    (struct str *[]){&x->report.id, &x->report.policy_domain,
		&x->report.file_name, &x->report.record},
	    4);
	for (size_t i = 0; i < x->n_subs && good; i++) {
		struct ledger_submission *s = &x->subs[i];

		*s = p->u.report.subs[i];
		good = copy(&x->report_arena,
		    (struct str *[]){&s->uri, &s->destination, &s->detail}, 3);
	}
	if (!good)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	return x->report.body_size ? 0 : put_report(x, d);
}

static int
add_body(struct import *x, struct str octets, struct diag *d)
{
	buf_add(&x->body, octets);
	if (!buf_ok(&x->body))
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	return x->body.n == x->report.body_size ? put_report(x, d) : 0;
}

static int
add_line(void *arg, uint64_t line, const struct portable *p, struct diag *d)
{
	struct import *x = arg;

	switch (p->kind) {
	case PORTABLE_SOURCE:
		return add_source(x, p->u.source.name, p->u.source.seq, d);
	case PORTABLE_KNOWN:
		return store_know_domains(x->to, &p->u.known, 1, d);
	case PORTABLE_SUPPRESSION:
		return store_suppress(x->to, &p->u.suppression, d);
	case PORTABLE_POLICY:
		return add_policy(x, &p->u.policy, d);
	case PORTABLE_DESTINATION:
		return add_destination(x, &p->u.destination, d);
	case PORTABLE_EVALUATION:
	case PORTABLE_TLS_RESULT:
	case PORTABLE_INCIDENT:
	case PORTABLE_BAD_DATAGRAM:
	case PORTABLE_BAD_DATAGRAMS:
		return add_row(x, line, p, d);
	case PORTABLE_REPORT:
		return begin_report(x, p, d);
	case PORTABLE_BODY:
		return add_body(x, p->u.body.octets, d);
	case PORTABLE_END:
		return add_batch(x, d);
	case PORTABLE_STORE:
	case PORTABLE_SECRET: /* were put before */
	case PORTABLE_KIND_COUNT:
		break;
	}
	return 0;
}

/* --- all */

struct secrets {
	struct store *to;
};

/* Secrets come early in a file; 1: that was the last one. */
static int
add_secret(void *arg, uint64_t line, const struct portable *p, struct diag *d)
{
	struct secrets *x = arg;

	(void)line;
	if (p->kind > PORTABLE_SECRET)
		return 1;
	if (p->kind != PORTABLE_SECRET)
		return 0;
	return store_put_secret(
	    x->to, p->u.secret.name, (const uint8_t *)p->u.secret.octets.p, d);
}

static int
check_empty(struct import *x, bool add, struct diag *d)
{
	struct store_stats st;
	int err = store_committed(x->to, str_from_z(x->source), &x->done, d);

	if (err)
		return err;
	x->out->again = x->done > 0;
	if (x->out->again || add)
		return 0;
	err = store_stats(x->to, &st, d);
	if (!err && st.evaluations + st.known_domains + st.tls_results +
			    st.incidents + st.destinations + st.sts_policies +
			    st.suppressions + st.reports + st.bad_datagrams >
			0)
		err = diag_set(d, AVER_CONF, 0,
		    "the store is not empty, and has had no part of this "
		    "file");
	return err;
}

static int
rewound(FILE *f, const char *name, struct diag *d)
{
	if (fseek(f, 0, SEEK_SET) == 0)
		return 0;
	return diag_set(d, AVER_IO, 0,
	    "%.60s: is no file that can be read "
	    "twice",
	    name);
}

static int
add_all(struct import *x, FILE *f, const char *name, struct arena *lines,
    struct diag *d)
{
	const struct store_batch mark = {
	    .source = str_from_z(x->source), .seq = LINE_FIRST};
	struct secrets secrets = {x->to};
	int err = rewound(f, name, d);

	/* whoever has secrets of his own gets nothing */
	if (!err)
		err = portable_read(f, name, lines, add_secret, &secrets, d);
	if (err < 0)
		return err;
	err = store_add_batch(x->to, &mark, d);
	if (!err)
		err = rewound(f, name, d);
	if (!err)
		err = portable_read(f, name, lines, add_line, x, d);
	return err;
}

/* Out of the file's first reading. */
static void
set_source(struct import *x, const struct look *l)
{
	snprintf(x->source, sizeof(x->source), SOURCE "%s", l->sha256);
	x->bad_before =
	    l->bad_total > l->out->lines[PORTABLE_BAD_DATAGRAM]
		? l->bad_total - l->out->lines[PORTABLE_BAD_DATAGRAM]
		: 0;
}

int
store_import(struct store *to, FILE *f, const char *name, bool add,
    struct store_imported *out, struct diag *d)
{
	struct import *x = calloc(1, sizeof(*x));
	struct look look = {.out = out};
	struct arena lines;
	int err;

	memset(out, 0, sizeof(*out));
	if (!x)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	x->to = to;
	x->out = out;
	x->kind = PORTABLE_KIND_COUNT;
	arena_init(&lines, MEMORY);
	arena_init(&x->arena, MEMORY);
	arena_init(&x->report_arena, MEMORY);
	buf_init(&x->body, NULL, LEDGER_BODY_MAX);
	err = rewound(f, name, d);
	if (!err)
		err = portable_read(f, name, &lines, look_line, &look, d);
	if (!err) {
		set_source(x, &look);
		err = check_empty(x, add, d);
	}
	if (!err)
		err = add_all(x, f, name, &lines, d);
	/* the file may be removed now */
	if (!err)
		err = store_flush(to, d);
	out->done = x->done;
	buf_fini(&x->body);
	arena_fini(&x->report_arena);
	arena_fini(&x->arena);
	arena_fini(&lines);
	free(x);
	return err;
}
