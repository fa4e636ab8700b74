/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A cache: a power failure may take back the last writes, so no commit here
 * waits for the disk.
 */
#include "lib/store/sqlite_parts.h"

#include "lib/base/err.h"

#define CHANGES 16384 /* that are kept, at least */
#define TRIM_EVERY 1024

static struct store_sts
read_sts(struct sqlite_store *s, enum statement st)
{
	return (struct store_sts){.domain = db_str(s, st, 0),
	    .id = db_str(s, st, 1),
	    .policy = db_str(s, st, 2),
	    .fetched = db_int(s, st, 3),
	    .expires = db_int(s, st, 4),
	    .last_used = db_int(s, st, 5),
	    .refreshed = db_int(s, st, 6),
	    .failed = db_int(s, st, 7),
	    .failure = (int)db_int(s, st, 8),
	    .failure_detail = db_str(s, st, 9),
	    .next_try = db_int(s, st, 10)};
}

/* --- changes */

/* What a transaction has changed: numbers in a row; 0: nothing yet. */
struct changes {
	int64_t first, last;
};

/* Takes note of the change that the statement before has made, if it has. */
static int
note_change(struct sqlite_store *s, int rc, struct str domain, bool removed,
    struct changes *c)
{
	int64_t number;

	if (rc != DB_OK || db_changes(s) == 0)
		return rc;
	db_put_text(s, ST_STS_CHANGED, 1, domain);
	db_put_int(s, ST_STS_CHANGED, 2, removed);
	rc = db_run(s, ST_STS_CHANGED);
	number = db_inserted(s);
	if (c->first == 0)
		c->first = number;
	c->last = number;
	if (rc != DB_OK || number % TRIM_EVERY || number <= CHANGES)
		return rc;
	db_put_int(s, ST_STS_CHANGES_TRIM, 1, number - CHANGES);
	return db_run(s, ST_STS_CHANGES_TRIM);
}

/* Ends the transaction. */
static int
finish_changes(
    struct sqlite_store *s, int rc, const struct changes *c, struct diag *d)
{
	int err = db_finish(s, rc, d);

	if (!err && c->last)
		store_sts_own_add(&s->sts_own, c->last, c->first - 1);
	return err;
}

static int
read_mark(struct sqlite_store *s, int64_t *first, int64_t *last, struct diag *d)
{
	int64_t v[2] = {1, 0};
	int rc = db_get(s, ST_STS_MARK, v, 2);

	if (rc != DB_OK)
		return db_failed(s, d, rc);
	*first = v[0];
	*last = v[1];
	return 0;
}

static int
mark_now(struct store *base, int64_t *mark, struct diag *d)
{
	int64_t first;

	return read_mark(db_of(base), &first, mark, d);
}

static int
each_change(struct store *base, int64_t *mark,
    int (*fn)(void *arg, struct str domain, const struct store_sts *sts),
    void *arg, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	const enum statement st = ST_STS_CHANGES;
	int64_t first = 1, last = 0;
	int rc, stop = 0, err = read_mark(s, &first, &last, d);

	if (err)
		return err;
	if (*mark < first - 1 || *mark > last)
		return diag_set(
		    d, AVER_NOTFOUND, 0, "the changes since are not known");
	*mark = store_sts_own_skip(&s->sts_own, *mark);
	if (*mark >= last)
		return 0;
	s->walking++;
	db_put_int(s, st, 1, *mark);
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct store_sts sts = read_sts(s, st);

		*mark = db_int(s, st, 13);
		if (sts.policy.n)
			stop = fn(arg, sts.domain, &sts);
		else if (db_int(s, st, 12))
			stop = fn(arg, db_str(s, st, 11), NULL);
	}
	return db_walked(s, st, rc, stop, d);
}

/* --- policies */

static int
put_row(struct sqlite_store *s, const struct store_sts *sts, struct changes *c)
{
	const enum statement st = ST_STS_PUT;

	db_put_text(s, st, 1, sts->domain);
	db_put_blob(s, st, 2, sts->id);
	db_put_blob(s, st, 3, sts->policy);
	db_put_int(s, st, 4, sts->fetched);
	db_put_int(s, st, 5, sts->expires);
	db_put_int(s, st, 6, sts->last_used);
	db_put_int(s, st, 7, sts->refreshed);
	db_put_int(s, st, 8, sts->next_try);
	db_put_int(s, st, 9, STORE_STS_SKEW);
	return note_change(s, db_run(s, st), sts->domain, false, c);
}

static int
put_many(
    struct store *base, const struct store_sts *sts, size_t n, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct changes c = {0, 0};
	int rc = DB_OK, err = db_begin(s, true, d);

	if (err)
		return err;
	for (size_t i = 0; rc == DB_OK && i < n; i++)
		rc = put_row(s, &sts[i], &c);
	return finish_changes(s, rc, &c, d);
}

static int
put(struct store *base, const struct store_sts *sts, struct diag *d)
{
	return put_many(base, sts, 1, d);
}

static int
fail(struct store *base, const struct store_sts *sts, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	const enum statement st = ST_STS_FAIL;
	int err = db_begin(s, true, d);

	if (err)
		return err;
	db_put_text(s, st, 1, sts->domain);
	db_put_int(s, st, 2, sts->failed);
	db_put_int(s, st, 3, sts->failure);
	db_put_blob(
	    s, st, 4, str_head(sts->failure_detail, STORE_STS_DETAIL_MAX));
	db_put_int(s, st, 5, sts->next_try);
	return db_finish(s, db_run(s, st), d);
}

static int
touch(struct store *base, const struct store_sts_use *use, size_t n,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc = DB_OK, err = db_begin(s, true, d);

	if (err)
		return err;
	for (size_t i = 0; i < n && rc == DB_OK; i++) {
		db_put_text(s, ST_STS_TOUCH, 1, use[i].domain);
		db_put_int(s, ST_STS_TOUCH, 2, use[i].last_used);
		rc = db_run(s, ST_STS_TOUCH);
	}
	return db_finish(s, rc, d);
}

static int
get(struct store *base, struct str domain, struct arena *arena,
    struct store_sts *out, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct store_sts sts;
	int rc, err = 0;

	db_put_text(s, ST_STS_GET, 1, domain);
	rc = db_step(s, ST_STS_GET);
	if (rc == DB_ROW) {
		sts = read_sts(s, ST_STS_GET);
		if (db_dup(arena,
			(struct str *[]){&sts.domain, &sts.id, &sts.policy,
			    &sts.failure_detail},
			4))
			*out = sts;
		else
			err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	} else if (rc == DB_DONE) {
		err = diag_set(d, AVER_NOTFOUND, 0, "there is no such policy");
	} else {
		err = db_failed(s, d, rc);
	}
	db_reset(s, ST_STS_GET);
	return err;
}

static int
each(struct store *base, struct str after,
    int (*fn)(void *arg, const struct store_sts *sts), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc, stop = 0;

	s->walking++;
	db_put_text(s, ST_STS_EACH, 1, after);
	while ((rc = db_step(s, ST_STS_EACH)) == DB_ROW && !stop) {
		struct store_sts sts = read_sts(s, ST_STS_EACH);

		stop = fn(arg, &sts);
	}
	return db_walked(s, ST_STS_EACH, rc, stop, d);
}

static int
remove_domain(struct store *base, struct str domain, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct changes c = {0, 0};
	int rc, err = db_begin(s, true, d);

	if (err)
		return err;
	db_put_text(s, ST_STS_REMOVE, 1, domain);
	rc = db_run(s, ST_STS_REMOVE);
	if (rc == DB_OK && db_changes(s) == 0) {
		db_rollback(s);
		return diag_set(d, AVER_NOTFOUND, 0, "there is no such policy");
	}
	rc = note_change(s, rc, domain, true, &c);
	return finish_changes(s, rc, &c, d);
}

static int
forget(struct store *base, int64_t unused, int64_t expired, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, true, d);

	if (err)
		return err;
	db_put_int(s, ST_STS_FORGET, 1, unused);
	db_put_int(s, ST_STS_FORGET, 2, expired);
	return db_finish(s, db_run(s, ST_STS_FORGET), d);
}

const struct store_sts_ops sqlite_sts_ops = {
    .put = put,
    .put_many = put_many,
    .fail = fail,
    .touch = touch,
    .get = get,
    .each = each,
    .remove = remove_domain,
    .mark = mark_now,
    .each_change = each_change,
    .forget = forget,
};
