/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Evaluations and known domains. A row's key has a digest of the octets
 * instead of the octets, which may be 64 kB.
 */
#include "lib/store/sqlite_parts.h"

#include <stdlib.h>
#include <string.h>

#define DAY 86400

static int64_t
day_of(int64_t time)
{
	return time < 0 ? 0 : time - time % DAY;
}

static int
learn(struct sqlite_store *s, const struct store_known *known, size_t n)
{
	int rc = DB_OK;

	for (size_t i = 0; i < n && rc == DB_OK; i++) {
		db_put_text(s, ST_KNOW, 1, known[i].domain);
		db_put_int(s, ST_KNOW, 2, day_of(known[i].seen));
		rc = db_run(s, ST_KNOW);
	}
	return rc;
}

/* Whether the row counts as optional. */
static int
judge(struct sqlite_store *s, const struct store_evaluation *row,
    unsigned known_days, bool *optional)
{
	int64_t known = 0;
	int rc;

	*optional = row->optional;
	if (*optional || !row->if_known)
		return DB_OK;
	db_put_text(s, ST_IS_KNOWN, 1, row->policy_domain);
	db_put_int(
	    s, ST_IS_KNOWN, 2, day_of(row->hour) - (int64_t)known_days * DAY);
	rc = db_get(s, ST_IS_KNOWN, &known, 1);
	*optional = !known;
	return rc;
}

/* A row and the rest of its key. */
struct keyed {
	const struct store_evaluation *row;
	int64_t stamp;
	bool optional;
	unsigned char md[SQL_DIGEST_MAX];
};

static int
add_row(struct sqlite_store *s, struct keyed *k)
{
	db_put_text(s, ST_ADD, 1, k->row->policy_domain);
	db_put_int(s, ST_ADD, 2, k->row->hour);
	db_put_int(s, ST_ADD, 3, k->optional);
	db_put_int(s, ST_ADD, 5, (int64_t)k->row->count);
	db_put_blob(s, ST_ADD, 6, k->row->octets);
	db_put_int(s, ST_ADD, 7, k->stamp);
	return db_add_digested(s, ST_ADD, 4, k->md);
}

/* As the table has them; equal ones as they came. */
static int
by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int c = str_cmp(x->row->policy_domain, y->row->policy_domain);

	if (!c)
		c = (x->row->hour > y->row->hour) -
		    (x->row->hour < y->row->hour);
	if (!c)
		c = (int)x->optional - (int)y->optional;
	if (!c)
		c = memcmp(x->md, y->md, sizeof(x->md));
	return c ? c : (x->stamp > y->stamp) - (x->stamp < y->stamp);
}

static int
key_rows(struct sqlite_store *s, const struct store_batch *b, int64_t stamp,
    struct keyed *keys)
{
	int rc = DB_OK;

	for (size_t i = 0; i < b->n_rows && rc == DB_OK; i++) {
		struct keyed *k = &keys[i];

		k->row = &b->rows[i];
		k->stamp = stamp + (int64_t)i;
		rc = judge(s, k->row, b->known_days, &k->optional);
		if (rc == DB_OK)
			rc = db_digest(s, &k->row->octets, 1, k->md);
	}
	return rc;
}

/*
 * In the order of the table: a page that several rows belong to is read and
 * written once, however many the cache has not room for.
 */
static int
add_rows(struct sqlite_store *s, const struct store_batch *b, int64_t stamp)
{
	struct keyed *keys = calloc(b->n_rows, sizeof(*keys));
	int rc = keys ? key_rows(s, b, stamp, keys) : DB_NOMEM;

	if (rc == DB_OK)
		qsort(keys, b->n_rows, sizeof(*keys), by_key);
	for (size_t i = 0; i < b->n_rows && rc == DB_OK; i++)
		rc = add_row(s, &keys[i]);
	free(keys);
	return rc;
}

int
sqlite_add_evaluations(
    struct sqlite_store *s, const struct store_batch *b, int64_t stamp)
{
	int rc = learn(s, b->known, b->n_known);

	return rc == DB_OK && b->n_rows ? add_rows(s, b, stamp) : rc;
}

/*
 * The callbacks of these may call any function of the handle, so the walks
 * are not counted as such.
 */
static int
end_walk(
    struct sqlite_store *s, enum statement st, int rc, int stop, struct diag *d)
{
	s->walking++;
	return db_walked(s, st, rc, stop, d);
}

static int
each(struct store *base, struct str policy_domain, int64_t from, int64_t to,
    int (*fn)(void *arg, const struct store_evaluation *row), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = policy_domain.n ? ST_EACH : ST_EACH_ALL;
	int rc, stop = 0;

	db_put_int(s, st, 1, from);
	db_put_int(s, st, 2, to);
	if (policy_domain.n)
		db_put_text(s, st, 3, policy_domain);
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct store_evaluation row = {
		    .policy_domain = db_str(s, st, 0),
		    .hour = db_int(s, st, 1),
		    .optional = db_int(s, st, 2) != 0,
		    .count = db_uint(s, st, 3),
		    .octets = db_str(s, st, 4)};

		stop = fn(arg, &row);
	}
	return end_walk(s, st, rc, stop, d);
}

static int
each_domain(struct store *base,
    int (*fn)(void *arg, const struct store_domain *dom), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc, stop = 0;

	while ((rc = db_step(s, ST_DOMAINS)) == DB_ROW && !stop) {
		struct store_domain dom = {
		    .policy_domain = db_str(s, ST_DOMAINS, 0),
		    .first_hour = db_int(s, ST_DOMAINS, 1),
		    .last_hour = db_int(s, ST_DOMAINS, 2),
		    .rows = db_uint(s, ST_DOMAINS, 3),
		    .messages = db_uint(s, ST_DOMAINS, 4),
		    .optional_messages = db_uint(s, ST_DOMAINS, 5)};

		stop = fn(arg, &dom);
	}
	return end_walk(s, ST_DOMAINS, rc, stop, d);
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
	db_put_text(s, ST_SUM, 1, policy_domain);
	rc = db_get(s, ST_SUM, &sum, 1);
	db_put_text(s, ST_REMOVE, 1, policy_domain);
	if (rc == DB_OK)
		rc = db_run(s, ST_REMOVE);
	err = db_finish(s, rc, d);
	if (!err)
		*removed = (uint64_t)sum;
	return err;
}

/* --- known domains */

static int
know(struct store *base, const struct store_known *known, size_t n,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, false, d);

	return err ? err : db_finish(s, learn(s, known, n), d);
}

static int
forget(struct store *base, int64_t before, uint64_t most, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int64_t limit = most > INT64_MAX ? INT64_MAX : (int64_t)most;
	int rc, err = db_begin(s, false, d);

	if (err)
		return err;
	db_put_int(s, ST_FORGET_OLD, 1, day_of(before));
	rc = db_run(s, ST_FORGET_OLD);
	db_put_int(s, ST_FORGET_MOST, 1, limit);
	if (rc == DB_OK)
		rc = db_run(s, ST_FORGET_MOST);
	return db_finish(s, rc, d);
}

static int
each_known(struct store *base,
    int (*fn)(void *arg, const struct store_known *known), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc, stop = 0;

	while ((rc = db_step(s, ST_EACH_KNOWN)) == DB_ROW && !stop) {
		struct store_known known = {
		    .domain = db_str(s, ST_EACH_KNOWN, 0),
		    .seen = db_int(s, ST_EACH_KNOWN, 1)};

		stop = fn(arg, &known);
	}
	return end_walk(s, ST_EACH_KNOWN, rc, stop, d);
}

const struct store_evaluation_ops sqlite_evaluation_ops = {
    .each = each,
    .each_domain = each_domain,
    .remove = remove_domain,
    .know = know,
    .forget = forget,
    .each_known = each_known,
};
