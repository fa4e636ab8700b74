/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A take is one transaction that writes, from begin to commit: nobody else
 * writes meanwhile, and a crash is its rollback.
 */
#include "lib/store/sqlite_parts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

struct sqlite_take {
	struct store_take base;
	enum ledger_kind kind;
	char *policy_domain;
	size_t n;
	int64_t from, to;
	bool broken; /* an error may have ended the transaction */
};

static struct sqlite_take *
take_of(struct store_take *t)
{
	return (struct sqlite_take *)t;
}

static struct sqlite_store *
store_of(const struct sqlite_take *t)
{
	return db_of(t->base.store);
}

/* The statement of the kind; first is the one of the first kind. */
static enum statement
by_kind(enum statement first, enum ledger_kind kind)
{
	return (enum statement)((int)first + (int)kind);
}

/* --- what is due */

static struct store_due
read_due(struct sqlite_store *s, enum statement st)
{
	return (struct store_due){.policy_domain = db_str(s, st, 0),
	    .first = db_int(s, st, 1),
	    .last = db_int(s, st, 2),
	    .rows = db_uint(s, st, 3),
	    .messages = db_uint(s, st, 4),
	    .optional = db_uint(s, st, 5)};
}

static int
each_due(struct store *base, enum ledger_kind kind, struct str after,
    int64_t to, int (*fn)(void *arg, const struct store_due *due), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = by_kind(ST_DUE_DMARC, kind);
	int rc, stop = 0;

	s->walking++;
	db_put_text(s, st, 1, after);
	db_put_int(s, st, 2, to);
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct store_due due = read_due(s, st);

		stop = fn(arg, &due);
	}
	return db_walked(s, st, rc, stop, d);
}

static int
get_due(struct store *base, enum ledger_kind kind, struct str policy_domain,
    int64_t to, struct arena *arena, struct store_due *out, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = by_kind(ST_DUE1_DMARC, kind);
	struct store_due due;
	int rc, err = 0;

	db_put_text(s, st, 1, policy_domain);
	db_put_int(s, st, 2, to);
	rc = db_step(s, st);
	if (rc == DB_ROW) {
		due = read_due(s, st);
		if (db_dup(arena, (struct str *[]){&due.policy_domain}, 1))
			*out = due;
		else
			err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	} else if (rc == DB_DONE) {
		err = diag_set(d, AVER_NOTFOUND, 0, "nothing is recorded");
	} else {
		err = db_failed(s, d, rc);
	}
	db_reset(s, st);
	return err;
}

/* --- take */

static void
put_window(const struct sqlite_take *t, enum statement st)
{
	struct sqlite_store *s = store_of(t);

	db_put_text(s, st, 1, (struct str){t->policy_domain, t->n});
	db_put_int(s, st, 2, t->from);
	db_put_int(s, st, 3, t->to);
}

static void
take_free(struct sqlite_take *t)
{
	free(t->policy_domain);
	free(t);
}

static struct sqlite_take *
take_new(struct store *base, enum ledger_kind kind, struct str policy_domain,
    int64_t from, int64_t to)
{
	struct sqlite_take *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->base.store = base;
	t->kind = kind;
	t->from = from;
	t->to = to;
	t->n = policy_domain.n;
	t->policy_domain = malloc(policy_domain.n + 1);
	if (!t->policy_domain) {
		free(t);
		return NULL;
	}
	if (t->n)
		memcpy(t->policy_domain, policy_domain.p, t->n);
	return t;
}

/* AVER_NOTFOUND when the window is empty. */
static int
look(const struct sqlite_take *t, struct diag *d)
{
	struct sqlite_store *s = store_of(t);
	enum statement st = by_kind(ST_ANY_DMARC, t->kind);
	int64_t any = 0;
	int rc;

	put_window(t, st);
	rc = db_get(s, st, &any, 1);
	if (rc != DB_OK)
		return db_failed(s, d, rc);
	return any ? 0 : diag_set(d, AVER_NOTFOUND, 0, "nothing is recorded");
}

static int
begin(struct store *base, enum ledger_kind kind, struct str policy_domain,
    int64_t from, int64_t to, int64_t now, struct store_take **out,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct sqlite_take *t = take_new(base, kind, policy_domain, from, to);
	int err;

	(void)now; /* a transaction ends with its process */
	if (!t)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	/* a claim of a submission flushes what is committed here */
	err = db_begin(s, true, d);
	if (!err) {
		err = look(t, d);
		if (err)
			db_rollback(s);
	}
	if (err) {
		take_free(t);
		return err;
	}
	s->taking = true;
	*out = &t->base;
	return 0;
}

static int
broken(struct sqlite_take *t, struct diag *d, int rc)
{
	t->broken = true;
	return db_failed(store_of(t), d, rc);
}

static struct store_take_row
read_row(struct sqlite_store *s, enum statement st)
{
	return (struct store_take_row){.octets = db_str(s, st, 0),
	    .count = db_uint(s, st, 1),
	    .wanted = db_uint(s, st, 2),
	    .recipient_domain = db_str(s, st, 3),
	    .detail = db_str(s, st, 4),
	    .success = db_uint(s, st, 5),
	    .failure = db_uint(s, st, 6),
	    .time = db_int(s, st, 7)};
}

static int
last(struct store_take *base, struct arena *arena, struct store_take_row *out,
    struct diag *d)
{
	struct sqlite_take *t = take_of(base);
	struct sqlite_store *s = store_of(t);
	enum statement st = by_kind(ST_LAST_DMARC, t->kind);
	struct store_take_row row;
	int rc, err = 0;

	put_window(t, st);
	rc = db_step(s, st);
	if (rc == DB_ROW) {
		row = read_row(s, st);
		if (db_dup(arena,
			(struct str *[]){
			    &row.octets, &row.recipient_domain, &row.detail},
			3))
			*out = row;
		else
			err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	} else {
		err = broken(t, d, rc == DB_DONE ? DB_CORRUPT : rc);
	}
	db_reset(s, st);
	return err;
}

static int
each(struct store_take *base,
    int (*fn)(void *arg, const struct store_take_row *row), void *arg,
    struct diag *d)
{
	struct sqlite_take *t = take_of(base);
	struct sqlite_store *s = store_of(t);
	enum statement st = by_kind(ST_TAKE_DMARC, t->kind);
	int rc, stop = 0;

	s->walking++;
	put_window(t, st);
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct store_take_row row = read_row(s, st);

		stop = fn(arg, &row);
	}
	if (rc != DB_ROW && rc != DB_DONE)
		t->broken = true;
	return db_walked(s, st, rc, stop, d);
}

static int
report(struct store_take *base, const struct ledger_report *r,
    const struct ledger_submission *submissions, size_t n, struct diag *d)
{
	struct sqlite_take *t = take_of(base);
	int rc = DB_OK;
	int err = sqlite_add_report(store_of(t), r, submissions, n, &rc, d);

	return rc == DB_OK ? err : broken(t, d, rc);
}

static void
end(struct sqlite_take *t)
{
	struct sqlite_store *s = store_of(t);

	db_rollback(s);
	s->taking = false;
	take_free(t);
}

static int
commit(struct store_take *base, struct diag *d)
{
	struct sqlite_take *t = take_of(base);
	struct sqlite_store *s = store_of(t);
	enum statement st = by_kind(ST_GONE_DMARC, t->kind);
	int err;

	if (t->broken || !db_inside(s)) {
		err = diag_set(d, AVER_TEMP, 0,
		    "%s: not committed after an error", s->path);
	} else {
		put_window(t, st);
		err = db_finish(s, db_run(s, st), d);
	}
	end(t);
	return err;
}

static void
abort_take(struct store_take *base)
{
	end(take_of(base));
}

const struct store_take_ops sqlite_take_ops = {
    .each_due = each_due,
    .get_due = get_due,
    .begin = begin,
    .last = last,
    .each = each,
    .report = report,
    .commit = commit,
    .abort = abort_take,
};
