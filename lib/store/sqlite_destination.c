/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/sqlite_parts.h"

#include "lib/base/err.h"

static int64_t
when(const struct store_sighting *x, enum store_offer is, enum store_offer want)
{
	return is == want && x->time > 0 ? x->time : 0;
}

int
sqlite_add_sightings(
    struct sqlite_store *s, const struct store_sighting *seen, size_t n)
{
	const enum statement st = ST_SEE;
	int rc = DB_OK;

	for (size_t i = 0; i < n && rc == DB_OK; i++) {
		const struct store_sighting *x = &seen[i];

		db_put_text(s, st, 1, x->domain);
		db_put_text(s, st, 2, x->mx);
		db_put_int(s, st, 3, when(x, x->starttls, STORE_OFFERED));
		db_put_int(s, st, 4, when(x, x->starttls, STORE_NOT_OFFERED));
		db_put_int(s, st, 5, when(x, x->requiretls, STORE_OFFERED));
		db_put_int(s, st, 6, when(x, x->requiretls, STORE_NOT_OFFERED));
		db_put_int(s, st, 7, x->time > 0 ? x->time : 0);
		rc = db_run(s, st);
	}
	return rc;
}

static int
see(struct store *base, const struct store_sighting *seen, size_t n,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, true, d);

	return err ? err : db_finish(s, sqlite_add_sightings(s, seen, n), d);
}

static int
each(struct store *base, struct str domain, struct str after,
    int (*fn)(void *arg, const struct store_destination *x), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = domain.n ? ST_DEST_GET : ST_DEST_EACH;
	int rc, stop = 0;

	s->walking++;
	db_put_text(s, st, 1, domain.n ? domain : after);
	while ((rc = db_step(s, st)) == DB_ROW && !stop) {
		struct store_destination x = {.domain = db_str(s, st, 0),
		    .mx = db_str(s, st, 1),
		    .starttls = db_int(s, st, 2),
		    .no_starttls = db_int(s, st, 3),
		    .requiretls = db_int(s, st, 4),
		    .no_requiretls = db_int(s, st, 5),
		    .seen = db_int(s, st, 6)};

		stop = fn(arg, &x);
	}
	return db_walked(s, st, rc, stop, d);
}

static int
remove_domain(struct store *base, struct str domain, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc, err = db_begin(s, false, d);

	if (err)
		return err;
	db_put_text(s, ST_DEST_REMOVE, 1, domain);
	rc = db_run(s, ST_DEST_REMOVE);
	if (rc == DB_OK && db_changes(s) == 0) {
		db_rollback(s);
		return diag_set(d, AVER_NOTFOUND, 0, "nothing is known of it");
	}
	return db_finish(s, rc, d);
}

static int
forget(struct store *base, int64_t before, uint64_t most, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int64_t limit = most > INT64_MAX ? INT64_MAX : (int64_t)most;
	int rc, err = db_begin(s, true, d);

	if (err)
		return err;
	db_put_int(s, ST_DEST_FORGET_OLD, 1, before);
	db_put_int(s, ST_DEST_FORGET_MOST, 1, limit);
	rc = db_run(s, ST_DEST_FORGET_OLD);
	if (rc == DB_OK)
		rc = db_run(s, ST_DEST_FORGET_MOST);
	return db_finish(s, rc, d);
}

const struct store_destination_ops sqlite_destination_ops = {
    .see = see,
    .each = each,
    .remove = remove_domain,
    .forget = forget,
};
