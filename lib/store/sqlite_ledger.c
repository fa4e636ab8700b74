/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/sqlite_parts.h"

#include <string.h>

#include <openssl/rand.h>

#include "lib/base/err.h"

static int
not_found(struct diag *d, const char *what)
{
	return diag_set(d, AVER_NOTFOUND, 0, "%s", what);
}

/* --- reports */

static struct ledger_report
read_report(struct sqlite_store *s, enum statement st)
{
	return (struct ledger_report){.id = db_str(s, st, 0),
	    .kind = (enum ledger_kind)db_int(s, st, 1),
	    .policy_domain = db_str(s, st, 2),
	    .begin = db_int(s, st, 3),
	    .end = db_int(s, st, 4),
	    .created = db_int(s, st, 5),
	    .rows = db_uint(s, st, 6),
	    .messages = db_uint(s, st, 7),
	    .body_size = db_uint(s, st, 8),
	    .file_name = db_str(s, st, 9),
	    .record = db_str(s, st, 10)};
}

static int
each_report(struct store *base, const struct ledger_filter *f,
    int (*fn)(void *arg, const struct ledger_report *r), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = (enum statement)(
	    (int)ST_REPORTS + f->newest_first + 2 * (f->policy_domain.n > 0));
	int rc, stop = 0;

	s->walking++;
	db_put_int(s, st, 1, f->has_kind ? (int64_t)f->kind : -1);
	db_put_int(s, st, 2, f->has_state ? (int64_t)f->state : -1);
	db_put_int(s, st, 3, f->since);
	db_put_int(s, st, 4, f->until ? f->until : INT64_MAX);
	if (f->policy_domain.n)
		db_put_text(s, st, 5, f->policy_domain);
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct ledger_report r = read_report(s, st);

		stop = fn(arg, &r);
	}
	return db_walked(s, st, rc, stop, d);
}

static int
get_report(struct store *base, struct str id, bool with_body,
    struct arena *arena, struct ledger_report *out, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = with_body ? ST_REPORT_BODY : ST_REPORT_GET;
	struct ledger_report r;
	int rc, err = 0;

	db_put_text(s, st, 1, id);
	rc = db_step(s, st);
	if (rc == DB_ROW) {
		r = read_report(s, st);
		if (with_body)
			r.body = db_str(s, st, 11);
		if (db_dup(arena,
			(struct str *[]){&r.id, &r.policy_domain, &r.file_name,
			    &r.record, &r.body},
			5))
			*out = r;
		else
			err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	} else if (rc == DB_DONE) {
		err = not_found(d, "there is no such report");
	} else {
		err = db_failed(s, d, rc);
	}
	db_reset(s, st);
	return err;
}

static int
add_submission(struct sqlite_store *s, int64_t report, unsigned number,
    const struct ledger_submission *sub)
{
	const enum statement st = ST_SUBMISSION_ADD;

	db_put_int(s, st, 1, report);
	db_put_int(s, st, 2, (int64_t)number);
	db_put_int(s, st, 3, (int64_t)sub->state);
	db_put_int(s, st, 4, sub->next_try);
	db_put_int(s, st, 5, sub->give_up);
	db_put_text(s, st, 6, sub->destination);
	db_put_blob(s, st, 7, sub->uri);
	db_put_blob(s, st, 8, str_head(sub->detail, LEDGER_DETAIL_MAX));
	db_put_int(s, st, 9, (int64_t)sub->attempts);
	db_put_int(s, st, 10, sub->last_try);
	return db_run(s, st);
}

static int
add_report(struct sqlite_store *s, const struct ledger_report *r, int64_t *seq)
{
	const enum statement st = ST_REPORT_ADD;

	db_put_text(s, st, 1, r->id);
	db_put_int(s, st, 2, (int64_t)r->kind);
	db_put_text(s, st, 3, r->policy_domain);
	db_put_int(s, st, 4, r->begin);
	db_put_int(s, st, 5, r->end);
	db_put_int(s, st, 6, r->created);
	db_put_int(s, st, 7, (int64_t)r->rows);
	db_put_int(s, st, 8, (int64_t)r->messages);
	db_put_int(s, st, 9, (int64_t)r->body.n);
	db_put_blob(s, st, 10, r->file_name);
	db_put_blob(s, st, 11, r->record);
	db_put_blob(s, st, 12, r->body);
	return db_get(s, st, seq, 1);
}

int
sqlite_add_report(struct sqlite_store *s, const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n, int *rc, struct diag *d)
{
	int64_t seq = -1;

	*rc = add_report(s, r, &seq);
	if (*rc == DB_OK && seq < 0)
		return diag_set(
		    d, AVER_LIMIT, 0, "there is a report with that id");
	for (size_t i = 0; i < n && *rc == DB_OK; i++) {
		unsigned number = subs[i].number;

		*rc = add_submission(
		    s, seq, number ? number : (unsigned)i + 1, &subs[i]);
	}
	return *rc == DB_OK ? 0 : db_failed(s, d, *rc);
}

static int
put(struct store *base, const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc = DB_OK, err = db_begin(s, true, d);

	if (err)
		return err;
	err = sqlite_add_report(s, r, subs, n, &rc, d);
	if (err) {
		db_rollback(s);
		return err;
	}
	return db_finish(s, DB_OK, d);
}

static int
forget(struct store *base, int64_t before, struct str id, uint64_t *forgotten,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	uint64_t n = 0;
	int rc, err = db_begin(s, true, d);

	if (err)
		return err;
	db_put_int(s, ST_SUBMISSION_FORGET, 1, before);
	db_put_int(s, ST_REPORT_FORGET, 1, before);
	db_put_text(s, ST_SUBMISSION_FORGET, 2, id);
	db_put_text(s, ST_REPORT_FORGET, 2, id);
	rc = db_run(s, ST_SUBMISSION_FORGET);
	if (rc == DB_OK) {
		rc = db_run(s, ST_REPORT_FORGET);
		n = db_changes(s);
	}
	err = db_finish(s, rc, d);
	if (!err && forgotten)
		*forgotten = n;
	return err;
}

/* --- submissions */

static struct ledger_submission
read_submission(struct sqlite_store *s, enum statement st)
{
	return (struct ledger_submission){.number = (unsigned)db_int(s, st, 0),
	    .state = (enum ledger_state)db_int(s, st, 1),
	    .attempts = (unsigned)db_int(s, st, 2),
	    .next_try = db_int(s, st, 3),
	    .last_try = db_int(s, st, 4),
	    .give_up = db_int(s, st, 5),
	    .fence = db_uint(s, st, 6),
	    .lease = db_int(s, st, 7),
	    .destination = db_str(s, st, 8),
	    .uri = db_str(s, st, 9),
	    .detail = db_str(s, st, 10),
	    .report_id = db_str(s, st, 11)};
}

static int
walk_submissions(struct sqlite_store *s, enum statement st,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	int rc, stop = 0;

	s->walking++;
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct ledger_submission sub = read_submission(s, st);

		stop = fn(arg, &sub);
	}
	return db_walked(s, st, rc, stop, d);
}

static int
each_submission(struct store *base, struct str report_id,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);

	db_put_text(s, ST_SUBMISSIONS, 1, report_id);
	return walk_submissions(s, ST_SUBMISSIONS, fn, arg, d);
}

static int
each_due(struct store *base, enum ledger_kind kind, int64_t now,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);

	db_put_int(s, ST_SUBMISSIONS_DUE, 1, now);
	db_put_int(s, ST_SUBMISSIONS_DUE, 2,
	    kind == LEDGER_KIND_COUNT ? -1 : (int64_t)kind);
	return walk_submissions(s, ST_SUBMISSIONS_DUE, fn, arg, d);
}

struct copy {
	struct arena *arena;
	struct ledger_submission *out;
	bool found, full;
};

static int
copy_submission(void *arg, const struct ledger_submission *sub)
{
	struct copy *c = arg;
	struct ledger_submission copy = *sub;

	c->found = true;
	c->full = !db_dup(c->arena,
	    (struct str *[]){
		&copy.report_id, &copy.uri, &copy.destination, &copy.detail},
	    4);
	if (!c->full)
		*c->out = copy;
	return 0;
}

static int
get_submission(struct store *base, struct str report_id, unsigned number,
    struct arena *arena, struct ledger_submission *out, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct copy c = {.arena = arena, .out = out};
	int err;

	db_put_text(s, ST_SUBMISSION_GET, 1, report_id);
	db_put_int(s, ST_SUBMISSION_GET, 2, (int64_t)number);
	err = walk_submissions(s, ST_SUBMISSION_GET, copy_submission, &c, d);
	if (err)
		return err;
	if (c.full)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	return c.found ? 0 : not_found(d, "there is no such submission");
}

static int
next_due(struct store *base, int64_t *out, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int64_t next = INT64_MIN;
	int rc = db_get(s, ST_NEXT_DUE, &next, 1);

	if (rc != DB_OK)
		return db_failed(s, d, rc);
	if (next == INT64_MIN)
		return not_found(d, "no submission is pending");
	*out = next;
	return 0;
}

static int
count(struct store *base, int64_t since, struct str destination, uint64_t *out,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = destination.n ? ST_TRIED : ST_TRIED_ANY;
	int64_t n = 0;
	int rc;

	db_put_int(s, st, 1, since);
	if (destination.n)
		db_put_text(s, st, 2, destination);
	rc = db_get(s, st, &n, 1);
	if (rc != DB_OK)
		return db_failed(s, d, rc);
	*out = (uint64_t)n;
	return 0;
}

/* --- claims */

static void
put_this(
    struct sqlite_store *s, enum statement st, struct str id, unsigned number)
{
	db_put_text(s, st, 1, id);
	db_put_int(s, st, 2, (int64_t)number);
}

static int
claim(struct store *base, struct ledger_claim *claims, size_t n, int64_t now,
    int64_t lease, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int64_t end = lease < INT64_MAX - now ? now + lease : INT64_MAX;
	int rc = DB_OK, err = db_begin(s, false, d);
	bool any = false;

	if (err)
		return err;
	for (size_t i = 0; i < n && rc == DB_OK; i++) {
		int64_t got = 0;

		put_this(s, ST_CLAIM, claims[i].report_id, claims[i].number);
		db_put_int(s, ST_CLAIM, 3, now);
		db_put_int(s, ST_CLAIM, 4, end);
		rc = db_get(s, ST_CLAIM, &got, 1);
		claims[i].fence = (uint64_t)got;
		any = any || got;
	}
	if (rc == DB_OK && !any) {
		db_rollback(s);
		return 0;
	}
	err = db_finish(s, rc, d);
	for (size_t i = 0; i < n && err; i++)
		claims[i].fence = 0;
	return err;
}

/* Executes what changes the claimed submission. */
static int
with_claim(struct sqlite_store *s, enum statement st, struct diag *d)
{
	int rc = db_run(s, st);

	if (rc == DB_OK && db_changes(s) == 0) {
		db_rollback(s);
		return not_found(d, "the claim has ended");
	}
	return db_finish(s, rc, d);
}

/* What sets one figure of a claimed submission. */
static int
set_claimed(struct store *base, enum statement st, struct str report_id,
    unsigned number, uint64_t fence, int64_t figure, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, true, d);

	if (err)
		return err;
	put_this(s, st, report_id, number);
	db_put_int(s, st, 3, (int64_t)fence);
	db_put_int(s, st, 4, figure);
	return with_claim(s, st, d);
}

static int
renew(struct store *base, struct str report_id, unsigned number, uint64_t fence,
    int64_t until, struct diag *d)
{
	return set_claimed(base, ST_RENEW, report_id, number, fence, until, d);
}

static int
release(struct store *base, struct str report_id, unsigned number,
    uint64_t fence, int64_t last_try, struct diag *d)
{
	return set_claimed(
	    base, ST_RELEASE, report_id, number, fence, last_try, d);
}

static int
finish(struct store *base, struct str report_id, unsigned number,
    uint64_t fence, enum ledger_state state, int64_t next_try,
    struct str detail, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, true, d);

	if (err)
		return err;
	put_this(s, ST_FINISH, report_id, number);
	db_put_int(s, ST_FINISH, 3, (int64_t)fence);
	db_put_int(s, ST_FINISH, 4, (int64_t)state);
	db_put_int(s, ST_FINISH, 5, next_try);
	db_put_blob(s, ST_FINISH, 6, str_head(detail, LEDGER_DETAIL_MAX));
	return with_claim(s, ST_FINISH, d);
}

static int
set(struct store *base, struct str report_id, unsigned number,
    const struct ledger_change *change, uint64_t *changed, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	uint64_t n = 0;
	int64_t there = 0;
	int rc, err = db_begin(s, false, d);

	if (err)
		return err;
	put_this(s, ST_SET_COUNT, report_id, number);
	rc = db_get(s, ST_SET_COUNT, &there, 1);
	if (rc == DB_OK && !there) {
		db_rollback(s);
		return not_found(d, "there is no such report or submission");
	}
	put_this(s, ST_SET, report_id, number);
	db_put_int(s, ST_SET, 3, (int64_t)change->state);
	db_put_int(s, ST_SET, 4, change->next_try);
	db_put_int(s, ST_SET, 5, change->give_up);
	db_put_blob(s, ST_SET, 6, str_head(change->detail, LEDGER_DETAIL_MAX));
	if (rc == DB_OK) {
		rc = db_run(s, ST_SET);
		n = db_changes(s);
	}
	err = db_finish(s, rc, d);
	if (!err && changed)
		*changed = n;
	return err;
}

/* --- secrets */

static int
get_secret(struct sqlite_store *s, struct str name, uint8_t out[STORE_SECRET],
    struct diag *d)
{
	int rc, err = 0;
	struct str v;

	db_put_text(s, ST_SECRET_GET, 1, name);
	rc = db_step(s, ST_SECRET_GET);
	if (rc == DB_ROW) {
		v = db_str(s, ST_SECRET_GET, 0);
		if (v.n == STORE_SECRET)
			memcpy(out, v.p, STORE_SECRET);
		else
			err = db_failed(s, d, DB_CORRUPT);
	} else if (rc == DB_DONE) {
		err = not_found(d, "there is no such secret");
	} else {
		err = db_failed(s, d, rc);
	}
	db_reset(s, ST_SECRET_GET);
	return err;
}

static int
secret(struct store *base, struct str name, const uint8_t given[STORE_SECRET],
    uint8_t out[STORE_SECRET], struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	uint8_t made[STORE_SECRET];
	int err = get_secret(s, name, out, d);

	if (err != AVER_NOTFOUND || s->read_only)
		return err;
	if (given)
		memcpy(made, given, sizeof(made));
	else if (RAND_priv_bytes(made, sizeof(made)) != 1)
		return diag_set(d, AVER_CRYPTO, 0, "no random octets");
	err = db_begin(s, false, d);
	if (err)
		return err;
	db_put_text(s, ST_SECRET_PUT, 1, name);
	db_put_blob(s, ST_SECRET_PUT, 2,
	    (struct str){(const char *)made, sizeof(made)});
	err = db_finish(s, db_run(s, ST_SECRET_PUT), d);
	/* somebody else may have been first */
	return err ? err : get_secret(s, name, out, d);
}

const struct store_ledger_ops sqlite_ledger_ops = {
    .each_report = each_report,
    .get_report = get_report,
    .each_submission = each_submission,
    .get_submission = get_submission,
    .each_due = each_due,
    .next_due = next_due,
    .count = count,
    .claim = claim,
    .renew = renew,
    .release = release,
    .finish = finish,
    .set = set,
    .put = put,
    .forget = forget,
    .secret = secret,
};
