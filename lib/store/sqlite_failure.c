/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/sqlite_parts.h"

static int
add_row(struct sqlite_store *s, const struct store_incident *row, int64_t *all,
    uint64_t *dropped)
{
	int64_t here = 0;
	int rc = DB_OK;

	if (*all < STORE_INCIDENTS_MOST) {
		db_put_text(s, ST_INCIDENT_COUNT, 1, row->policy_domain);
		rc = db_get(s, ST_INCIDENT_COUNT, &here, 1);
	}
	if (*all >= STORE_INCIDENTS_MOST || here >= STORE_INCIDENTS_DOMAIN) {
		++*dropped;
		return rc;
	}
	db_put_text(s, ST_INCIDENT_ADD, 1, row->policy_domain);
	db_put_int(s, ST_INCIDENT_ADD, 2, row->time);
	db_put_blob(s, ST_INCIDENT_ADD, 3, row->octets);
	++*all;
	return rc == DB_OK ? db_run(s, ST_INCIDENT_ADD) : rc;
}

int
sqlite_add_incidents(struct sqlite_store *s, const struct store_batch *b)
{
	uint64_t dropped = 0;
	int64_t all = 0;
	int rc;

	if (b->n_incidents == 0)
		return DB_OK;
	rc = db_get(s, ST_INCIDENT_COUNT_ALL, &all, 1);
	for (size_t i = 0; i < b->n_incidents && rc == DB_OK; i++)
		rc = add_row(s, &b->incidents[i], &all, &dropped);
	if (rc == DB_OK)
		rc = sqlite_count_up(s, STR("incidents_dropped"), dropped);
	return rc;
}

static int
each(struct store *base, struct str policy_domain,
    int (*fn)(void *arg, const struct store_incident *row), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = policy_domain.n ? ST_INCIDENTS : ST_INCIDENTS_ALL;
	int rc, stop = 0;

	s->walking++;
	if (policy_domain.n)
		db_put_text(s, st, 1, policy_domain);
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct store_incident row = {.policy_domain = db_str(s, st, 0),
		    .time = db_int(s, st, 1),
		    .octets = db_str(s, st, 2)};

		stop = fn(arg, &row);
	}
	return db_walked(s, st, rc, stop, d);
}

static int
remove_before(struct store *base, struct str policy_domain, int64_t before,
    uint64_t *removed, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st =
	    policy_domain.n ? ST_INCIDENT_REMOVE : ST_INCIDENT_REMOVE_ALL;
	uint64_t n;
	int rc, err = db_begin(s, false, d);

	if (err)
		return err;
	if (policy_domain.n)
		db_put_text(s, st, 1, policy_domain);
	db_put_int(s, st, policy_domain.n ? 2 : 1, before);
	rc = db_run(s, st);
	n = db_changes(s);
	err = db_finish(s, rc, d);
	if (!err && removed)
		*removed = n;
	return err;
}

const struct store_failure_ops sqlite_failure_ops = {
    .each = each,
    .remove = remove_before,
};
