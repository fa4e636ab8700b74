/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/store_export.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "ctl/portable_file.h"
#include "lib/store/take.h"

#define MEMORY ((size_t)64 << 20) /* a report with its body */
#define NAMES 64 /* policy domains of a page */

struct export
{
	struct store *s;
	struct portable_writer w;
	struct store_exported *out;
	struct diag *d;
	struct arena arena; /* of one report, or a page of names */
	uint64_t reports; /* a digest of their ids */
};

static int
put(struct export *x, const struct portable *p)
{
	int err = portable_write(&x->w, p, x->d);

	if (!err)
		x->out->lines[p->kind]++;
	return err;
}

static int
put_source(void *arg, struct str name, uint64_t seq)
{
	struct portable p = {.kind = PORTABLE_SOURCE};

	p.u.source.name = name;
	p.u.source.seq = seq;
	return put(arg, &p);
}

static int
put_secrets(struct export *x)
{
	uint8_t secret[STORE_SECRET];
	int err = 0;

	for (unsigned i = 0; store_secret_name(i) && !err; i++) {
		struct portable p = {.kind = PORTABLE_SECRET};

		p.u.secret.name = str_from_z(store_secret_name(i));
		p.u.secret.octets =
		    (struct str){(const char *)secret, sizeof(secret)};
		err = store_secret(x->s, p.u.secret.name, secret, x->d);
		if (!err)
			err = put(x, &p);
		else if (err == AVER_NOTFOUND)
			err = 0;
	}
	return err;
}

static int
put_known(void *arg, const struct store_known *known)
{
	const struct portable p = {.kind = PORTABLE_KNOWN, .u.known = *known};

	return put(arg, &p);
}

static int
put_suppression(void *arg, const struct store_suppression *sup)
{
	const struct portable p = {
	    .kind = PORTABLE_SUPPRESSION, .u.suppression = *sup};

	return put(arg, &p);
}

static int
put_policy(void *arg, const struct store_sts *sts)
{
	const struct portable p = {.kind = PORTABLE_POLICY, .u.policy = *sts};

	return put(arg, &p);
}

static int
put_destination(void *arg, const struct store_destination *dest)
{
	const struct portable p = {
	    .kind = PORTABLE_DESTINATION, .u.destination = *dest};

	return put(arg, &p);
}

/* --- what is recorded */

/*
 * One policy domain. Its rows come by the hour or day; the one that was counted
 * last there is kept back until the others have been written.
 */
struct rows {
	struct export *x;
	enum ledger_kind kind;
	struct str domain;
	uint64_t sum; /* what its rows count */
	bool begun;
	int64_t time; /* of the rows that are being written */
	struct arena arena; /* of the hour */
	struct store_take_row last; /* of the hour; time is wrong: not known */
	struct portable kept; /* PORTABLE_KIND_COUNT: none */
};

static int
end_hour(struct rows *r)
{
	int err = 0;

	if (r->kept.kind != PORTABLE_KIND_COUNT)
		err = put(r->x, &r->kept);
	r->kept.kind = PORTABLE_KIND_COUNT;
	arena_reset(&r->arena);
	return err;
}

static int
begin_hour(struct rows *r, int64_t time)
{
	int64_t unit = r->kind == LEDGER_TLS ? 86400 : 3600;
	int err;

	if (r->begun && r->time == time)
		return 0;
	err = end_hour(r);
	if (err)
		return err;
	r->begun = true;
	r->time = time;
	err = store_last_row(r->x->s, r->kind, r->domain, time, time + unit,
	    &r->arena, &r->last, r->x->d);
	if (err)
		r->last = (struct store_take_row){.time = time - 1};
	return err == AVER_NOTFOUND ? 0 : err;
}

static bool
keep(struct rows *r, struct str *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str copy = arena_dup(&r->arena, *texts[i]);

		if (copy.n != texts[i]->n)
			return false;
		*texts[i] = copy;
	}
	return true;
}

static int
put_evaluation(void *arg, const struct store_evaluation *row)
{
	struct rows *r = arg;
	struct portable p = {.kind = PORTABLE_EVALUATION};
	int err = begin_hour(r, row->hour);

	if (err)
		return err;
	r->sum += row->count;
	r->x->out->messages += row->count;
	p.u.evaluation.row = *row;
	p.u.evaluation.last = r->last.time == row->hour &&
			      str_eq(r->last.octets, row->octets) &&
			      (r->last.wanted > 0) == !row->optional;
	if (!p.u.evaluation.last)
		return put(r->x, &p);
	if (r->kept.kind == PORTABLE_KIND_COUNT) {
		p.u.evaluation.row.policy_domain = r->domain;
		p.u.evaluation.row.octets = r->last.octets;
		r->kept = p;
	} else {
		/* the same in two parts, as while a report is made of one */
		r->kept.u.evaluation.row.count += row->count;
	}
	return 0;
}

static int
put_tls_result(void *arg, const struct store_tls_result *row)
{
	struct rows *r = arg;
	struct portable p = {.kind = PORTABLE_TLS_RESULT};
	int err = begin_hour(r, row->day);

	if (err)
		return err;
	r->sum += row->success + row->failure;
	r->x->out->sessions += row->success + row->failure;
	p.u.tls_result.row = *row;
	p.u.tls_result.last =
	    r->last.time == row->day && str_eq(r->last.octets, row->policy) &&
	    str_eq(r->last.recipient_domain, row->recipient_domain) &&
	    str_eq(r->last.detail, row->detail) &&
	    (r->last.wanted > 0) == row->wanted;
	if (!p.u.tls_result.last)
		return put(r->x, &p);
	if (r->kept.kind != PORTABLE_KIND_COUNT) {
		r->kept.u.tls_result.row.success += row->success;
		r->kept.u.tls_result.row.failure += row->failure;
		return 0;
	}
	p.u.tls_result.row.policy_domain = r->domain;
	if (!keep(r,
		(struct str *[]){&p.u.tls_result.row.recipient_domain,
		    &p.u.tls_result.row.policy, &p.u.tls_result.row.detail},
		3))
		return diag_set(r->x->d, AVER_NOMEM, 0, "out of memory");
	r->kept = p;
	return 0;
}

static int
put_incident(void *arg, const struct store_incident *row)
{
	struct rows *r = arg;
	const struct portable p = {
	    .kind = PORTABLE_INCIDENT, .u.incident = *row};

	r->sum++;
	return put(r->x, &p);
}

/* What the store says that the domain's rows count. */
static int
ask_sum(
    struct export *x, enum ledger_kind kind, struct str domain, uint64_t *out)
{
	struct store_due due = {.messages = 0};
	struct arena a;
	int err;

	arena_init(&a, 1 << 16);
	err = store_get_due(x->s, kind, domain, INT64_MAX, &a, &due, x->d);
	*out = due.messages;
	arena_fini(&a);
	return err == AVER_NOTFOUND ? 0 : err;
}

static int
put_domain(struct export *x, enum ledger_kind kind, const struct store_due *due)
{
	struct rows r = {.x = x,
	    .kind = kind,
	    .domain = due->policy_domain,
	    .kept.kind = PORTABLE_KIND_COUNT};
	uint64_t after = 0;
	int err = 0;

	arena_init(&r.arena, MEMORY);
	switch (kind) {
	case LEDGER_DMARC:
		err = store_each_evaluation(x->s, r.domain, INT64_MIN,
		    INT64_MAX, put_evaluation, &r, x->d);
		break;
	case LEDGER_TLS:
		err = store_each_tls_result(x->s, r.domain, INT64_MIN,
		    INT64_MAX, put_tls_result, &r, x->d);
		break;
	case LEDGER_FAILURE:
	case LEDGER_KIND_COUNT:
		err =
		    store_each_incident(x->s, r.domain, put_incident, &r, x->d);
	}
	if (!err)
		err = end_hour(&r);
	arena_fini(&r.arena);
	if (!err)
		err = ask_sum(x, kind, r.domain, &after);
	/* there may be more of them by now, but none less, and none twice */
	if (!err && (r.sum < due->messages || r.sum > after))
		err = diag_set(x->d, AVER_TEMP, 0,
		    "a report was made while the export ran");
	return err;
}

struct page {
	struct arena *arena;
	struct store_due list[NAMES];
	size_t n;
};

static int
note_due(void *arg, const struct store_due *due)
{
	struct page *p = arg;
	struct store_due *copy = &p->list[p->n++];

	*copy = *due;
	copy->policy_domain = arena_dup(p->arena, due->policy_domain);
	return p->n == NAMES;
}

/* Domain after domain, a page of names at a time. */
static int
put_rows(struct export *x, enum ledger_kind kind)
{
	struct page p = {.arena = &x->arena};
	struct buf after;
	int err;

	buf_init(&after, NULL, 1 << 16);
	do {
		arena_reset(&x->arena);
		p.n = 0;
		err = store_each_due(
		    x->s, kind, buf_str(&after), INT64_MAX, note_due, &p, x->d);
		if (err > 0)
			err = 0;
		if (!err && arena_failed(&x->arena))
			err = diag_set(x->d, AVER_NOMEM, 0, "out of memory");
		for (size_t i = 0; i < p.n && !err; i++)
			err = put_domain(x, kind, &p.list[i]);
		buf_clear(&after);
		if (p.n)
			buf_add(&after, p.list[p.n - 1].policy_domain);
	} while (!err && p.n == NAMES);
	buf_fini(&after);
	return err;
}

/* --- what could not be read */

struct bad {
	struct arena *arena;
	struct store_bad_datagram list[STORE_BAD_MAX];
	size_t n;
};

static int
note_bad(void *arg, const struct store_bad_datagram *bad)
{
	struct bad *b = arg;

	if (b->n == STORE_BAD_MAX)
		return 0;
	b->list[b->n++] = (struct store_bad_datagram){bad->time,
	    arena_dup(b->arena, bad->why), arena_dup(b->arena, bad->octets)};
	return 0;
}

/* Oldest first, as they came. */
static int
put_bad(struct export *x)
{
	struct bad b = {.arena = &x->arena};
	struct portable p = {.kind = PORTABLE_BAD_DATAGRAMS};
	int err;

	arena_reset(&x->arena);
	err = store_each_bad_datagram(
	    x->s, &p.u.bad_datagrams.total, note_bad, &b, x->d);
	if (!err && arena_failed(&x->arena))
		err = diag_set(x->d, AVER_NOMEM, 0, "out of memory");
	if (!err && p.u.bad_datagrams.total)
		err = put(x, &p);
	while (b.n && !err) {
		p = (struct portable){.kind = PORTABLE_BAD_DATAGRAM,
		    .u.bad_datagram = b.list[--b.n]};
		err = put(x, &p);
	}
	return err;
}

/* --- reports */

struct subs {
	struct arena *arena;
	struct ledger_submission list[LEDGER_SUBMISSIONS_MAX];
	size_t n;
};

static int
note_sub(void *arg, const struct ledger_submission *sub)
{
	struct subs *x = arg;
	struct ledger_submission *copy = &x->list[x->n];

	if (x->n == LEDGER_SUBMISSIONS_MAX)
		return 0;
	x->n++;
	*copy = *sub;
	copy->uri = arena_dup(x->arena, sub->uri);
	copy->destination = arena_dup(x->arena, sub->destination);
	copy->detail = arena_dup(x->arena, sub->detail);
	return 0;
}

static int
put_report(struct export *x, struct str id)
{
	struct subs subs = {.arena = &x->arena};
	struct portable p = {.kind = PORTABLE_REPORT};
	struct str body;
	int err;

	arena_reset(&x->arena);
	err = store_get_report(x->s, id, true, &x->arena, &p.u.report.r, x->d);
	if (!err)
		err = store_each_submission(x->s, id, note_sub, &subs, x->d);
	if (!err && arena_failed(&x->arena))
		err = diag_set(x->d, AVER_NOMEM, 0, "out of memory");
	if (err)
		return err == AVER_NOTFOUND ? diag_set(x->d, AVER_TEMP, 0,
						  "a report was forgotten "
						  "while the export ran")
					    : err;
	body = p.u.report.r.body;
	p.u.report.r.body_size = body.n;
	p.u.report.subs = subs.list;
	p.u.report.n_subs = subs.n;
	err = put(x, &p);
	while (body.n && !err) {
		struct portable part = {.kind = PORTABLE_BODY};

		part.u.body.octets = str_head(body, PORTABLE_BODY_PART);
		err = put(x, &part);
		body = str_from(body, PORTABLE_BODY_PART);
	}
	return err;
}

static int
sum_report(void *arg, const struct ledger_report *r)
{
	*(uint64_t *)arg += str_hash(r->id, 0x5deece66d);
	return 0;
}

static int
note_id(void *arg, const struct ledger_report *r)
{
	buf_add(arg, r->id);
	buf_add_c(arg, '\n');
	return 0;
}

static int
put_reports(struct export *x)
{
	struct buf ids;
	struct str rest;
	uint64_t sum = 0;
	int err;

	buf_init(&ids, NULL, (size_t)256 << 20);
	err = store_each_report(x->s, NULL, note_id, &ids, x->d);
	if (!err && !buf_ok(&ids))
		err = diag_set(x->d, AVER_NOMEM, 0, "out of memory");
	rest = buf_str(&ids);
	while (rest.n && !err) {
		struct str id = str_cut(rest, '\n', &rest);

		sum += str_hash(id, 0x5deece66d);
		err = put_report(x, id);
	}
	buf_fini(&ids);
	if (!err && sum != x->reports)
		err = diag_set(x->d, AVER_TEMP, 0,
		    "reports were made or forgotten while the export ran");
	return err;
}

static int
put_all(struct export *x)
{
	struct portable first = {.kind = PORTABLE_STORE};
	int err;

	first.u.store.version = PORTABLE_VERSION;
	first.u.store.created = clock_now();
	err = put(x, &first);
	if (!err)
		err = store_each_report(
		    x->s, NULL, sum_report, &x->reports, x->d);
	if (!err)
		err = store_each_source(x->s, put_source, x, x->d);
	if (!err)
		err = put_secrets(x);
	if (!err)
		err = store_each_known(x->s, put_known, x, x->d);
	if (!err)
		err = store_each_suppression(
		    x->s, SUPPRESS_KIND_COUNT, put_suppression, x, x->d);
	if (!err)
		err = store_each_sts(x->s, STR_NONE, put_policy, x, x->d);
	if (!err)
		err = store_each_destination(
		    x->s, STR_NONE, STR_NONE, put_destination, x, x->d);
	if (!err)
		err = put_rows(x, LEDGER_DMARC);
	if (!err)
		err = put_rows(x, LEDGER_TLS);
	if (!err)
		err = put_rows(x, LEDGER_FAILURE);
	if (!err)
		err = put_bad(x);
	if (!err)
		err = put_reports(x);
	return err ? err : portable_write_end(&x->w, x->d);
}

int
store_export(
    struct store *s, FILE *f, struct store_exported *out, struct diag *d)
{
	struct export x = {.s = s, .out = out, .d = d};
	int err = store_freeze(s, d);

	memset(out, 0, sizeof(*out));
	if (err && err != AVER_NOTFOUND)
		return err;
	arena_init(&x.arena, MEMORY);
	err = portable_writer_init(&x.w, f);
	if (err)
		diag_set(d, err, 0, "out of memory");
	else
		err = put_all(&x);
	portable_writer_fini(&x.w);
	arena_fini(&x.arena);
	return err;
}
