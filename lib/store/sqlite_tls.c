/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Keys as those of evaluations: a digest stands for policy and detail. */
#include "lib/store/sqlite_parts.h"

#define DAY 86400

static int64_t
day_of(int64_t time)
{
	return time < 0 ? 0 : time - time % DAY;
}

static int
add_row(
    struct sqlite_store *s, const struct store_tls_result *row, int64_t stamp)
{
	const struct str parts[] = {row->policy, row->detail};
	const enum statement st = ST_TLS_ADD;
	unsigned char md[SQL_DIGEST_MAX];
	int rc = db_digest(s, parts, 2, md);

	if (rc != DB_OK)
		return rc;
	db_put_text(s, st, 1, row->policy_domain);
	db_put_int(s, st, 2, day_of(row->day));
	db_put_text(s, st, 3, row->recipient_domain);
	db_put_int(s, st, 4, row->wanted);
	db_put_int(s, st, 6, (int64_t)row->success);
	db_put_int(s, st, 7, (int64_t)row->failure);
	db_put_blob(s, st, 8, row->policy);
	db_put_blob(s, st, 9, row->detail);
	db_put_int(s, st, 10, stamp);
	return db_add_digested(s, st, 5, md);
}

int
sqlite_add_tls_results(
    struct sqlite_store *s, const struct store_batch *b, int64_t stamp)
{
	int rc = DB_OK;

	for (size_t i = 0; i < b->n_tls_results && rc == DB_OK; i++)
		rc = add_row(s, &b->tls_results[i], stamp + (int64_t)i);
	return rc;
}

static int
each(struct store *base, struct str policy_domain, int64_t from, int64_t to,
    int (*fn)(void *arg, const struct store_tls_result *row), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = policy_domain.n ? ST_TLS_EACH : ST_TLS_EACH_ALL;
	int rc, stop = 0;

	s->walking++;
	db_put_int(s, st, 1, from);
	db_put_int(s, st, 2, to);
	if (policy_domain.n)
		db_put_text(s, st, 3, policy_domain);
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct store_tls_result row = {
		    .policy_domain = db_str(s, st, 0),
		    .day = db_int(s, st, 1),
		    .recipient_domain = db_str(s, st, 2),
		    .wanted = db_int(s, st, 3) != 0,
		    .success = db_uint(s, st, 4),
		    .failure = db_uint(s, st, 5),
		    .policy = db_str(s, st, 6),
		    .detail = db_str(s, st, 7)};

		stop = fn(arg, &row);
	}
	return db_walked(s, st, rc, stop, d);
}

static int
each_domain(struct store *base,
    int (*fn)(void *arg, const struct store_tls_domain *dom), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	const enum statement st = ST_TLS_DOMAINS;
	int rc, stop = 0;

	s->walking++;
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct store_tls_domain dom = {
		    .policy_domain = db_str(s, st, 0),
		    .first_day = db_int(s, st, 1),
		    .last_day = db_int(s, st, 2),
		    .rows = db_uint(s, st, 3),
		    .success = db_uint(s, st, 4),
		    .failure = db_uint(s, st, 5),
		    .unwanted = db_uint(s, st, 6)};

		stop = fn(arg, &dom);
	}
	return db_walked(s, st, rc, stop, d);
}

static int
remove_domain(struct store *base, struct str policy_domain, uint64_t *removed,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int64_t sum = 0;
	int rc, err = db_begin(s, false, d);

	if (err)
		return err;
	db_put_text(s, ST_TLS_SUM, 1, policy_domain);
	rc = db_get(s, ST_TLS_SUM, &sum, 1);
	db_put_text(s, ST_TLS_REMOVE, 1, policy_domain);
	if (rc == DB_OK)
		rc = db_run(s, ST_TLS_REMOVE);
	err = db_finish(s, rc, d);
	if (!err && removed)
		*removed = (uint64_t)sum;
	return err;
}

/* --- what could not be read */

int
sqlite_add_bad_datagrams(struct sqlite_store *s,
    const struct store_bad_datagram *bad, size_t n, uint64_t more)
{
	/* the ones before would be gone by the end */
	size_t from = n > STORE_BAD_MAX ? n - STORE_BAD_MAX : 0;
	int rc = sqlite_count_up(s, STR("bad_datagrams"), n + more);

	for (size_t i = from; i < n && rc == DB_OK; i++) {
		db_put_int(s, ST_BAD_ADD, 1, bad[i].time);
		db_put_blob(
		    s, ST_BAD_ADD, 2, str_head(bad[i].why, STORE_BAD_WHY));
		db_put_blob(s, ST_BAD_ADD, 3,
		    str_head(bad[i].octets, STORE_BAD_OCTETS));
		rc = db_run(s, ST_BAD_ADD);
	}
	if (rc == DB_OK && n) {
		db_put_int(s, ST_BAD_CUT, 1, STORE_BAD_MAX);
		rc = db_run(s, ST_BAD_CUT);
	}
	return rc;
}

static int
add_bad(struct store *base, const struct store_bad_datagram *bad, size_t n,
    uint64_t more, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, true, d);

	if (err)
		return err;
	return db_finish(s, sqlite_add_bad_datagrams(s, bad, n, more), d);
}

static int
each_bad(struct store *base, uint64_t *total,
    int (*fn)(void *arg, const struct store_bad_datagram *bad), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int64_t n = 0;
	int rc, stop = 0;

	db_put_text(s, ST_COUNTER, 1, STR("bad_datagrams"));
	rc = db_get(s, ST_COUNTER, &n, 1);
	if (rc != DB_OK)
		return db_failed(s, d, rc);
	if (total)
		*total = (uint64_t)n;
	s->walking++;
	while ((rc = db_step(s, ST_BAD_EACH)) == DB_ROW && !stop) {
		struct store_bad_datagram bad = {
		    .time = db_int(s, ST_BAD_EACH, 0),
		    .why = db_str(s, ST_BAD_EACH, 1),
		    .octets = db_str(s, ST_BAD_EACH, 2)};

		stop = fn(arg, &bad);
	}
	return db_walked(s, ST_BAD_EACH, rc, stop, d);
}

const struct store_tls_ops sqlite_tls_ops = {
    .each = each,
    .each_domain = each_domain,
    .remove = remove_domain,
    .add_bad = add_bad,
    .each_bad = each_bad,
};
