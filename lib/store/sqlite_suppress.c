/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/sqlite_parts.h"

#include "lib/base/err.h"

static struct store_suppression
read_entry(struct sqlite_store *s, enum statement st)
{
	return (struct store_suppression){
	    .kind = (enum suppress_kind)db_int(s, st, 0),
	    .value = db_str(s, st, 1),
	    .since = db_int(s, st, 2),
	    .until = db_int(s, st, 3),
	    .strikes = (unsigned)db_int(s, st, 4),
	    .manual = db_int(s, st, 5) != 0,
	    .comment = db_str(s, st, 6)};
}

static void
put_key(struct sqlite_store *s, enum statement st, enum suppress_kind kind,
    struct str value)
{
	db_put_int(s, st, 1, (int64_t)kind);
	db_put_text(s, st, 2, value);
}

/* In the transaction that is open. */
static int
put_entry(struct sqlite_store *s, const struct store_suppression *sup)
{
	const enum statement st = ST_SUPPRESS;

	put_key(s, st, sup->kind, sup->value);
	db_put_int(s, st, 3, sup->since);
	db_put_int(s, st, 4, sup->until);
	db_put_int(s, st, 5, (int64_t)sup->strikes);
	db_put_int(s, st, 6, sup->manual);
	db_put_blob(s, st, 7, str_head(sup->comment, SUPPRESS_COMMENT_MAX));
	return db_run(s, st);
}

static int
put(struct store *base, const struct store_suppression *sup, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, false, d);

	return err ? err : db_finish(s, put_entry(s, sup), d);
}

static int
remove_entry(struct store *base, enum suppress_kind kind, struct str value,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc, err = db_begin(s, false, d);

	if (err)
		return err;
	put_key(s, ST_SUPPRESS_REMOVE, kind, value);
	rc = db_run(s, ST_SUPPRESS_REMOVE);
	if (rc == DB_OK && db_changes(s) == 0) {
		db_rollback(s);
		return diag_set(d, AVER_NOTFOUND, 0, "it is not listed");
	}
	return db_finish(s, rc, d);
}

static int
each(struct store *base, enum suppress_kind kind,
    int (*fn)(void *arg, const struct store_suppression *sup), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc, stop = 0;

	s->walking++;
	db_put_int(s, ST_SUPPRESS_EACH, 1,
	    kind == SUPPRESS_KIND_COUNT ? -1 : (int64_t)kind);
	while ((rc = db_step(s, ST_SUPPRESS_EACH)) == DB_ROW && !stop) {
		struct store_suppression sup = read_entry(s, ST_SUPPRESS_EACH);

		stop = fn(arg, &sup);
	}
	return db_walked(s, ST_SUPPRESS_EACH, rc, stop, d);
}

static int
get(struct store *base, enum suppress_kind kind, struct str value,
    struct arena *arena, struct store_suppression *out, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct store_suppression sup;
	int rc, err = 0;

	put_key(s, ST_SUPPRESS_GET, kind, value);
	rc = db_step(s, ST_SUPPRESS_GET);
	if (rc == DB_ROW) {
		sup = read_entry(s, ST_SUPPRESS_GET);
		if (db_dup(
			arena, (struct str *[]){&sup.value, &sup.comment}, 2))
			*out = sup;
		else
			err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	} else if (rc == DB_DONE) {
		err = diag_set(d, AVER_NOTFOUND, 0, "it is not listed");
	} else {
		err = db_failed(s, d, rc);
	}
	db_reset(s, ST_SUPPRESS_GET);
	return err;
}

static int
change(struct store *base, enum suppress_kind kind, struct str value,
    void (*next)(void *arg, const struct store_suppression *old,
	struct store_suppression *out),
    void *arg, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct store_suppression old, new;
	int rc, err = db_begin(s, false, d);

	if (err)
		return err;
	put_key(s, ST_SUPPRESS_GET, kind, value);
	rc = db_step(s, ST_SUPPRESS_GET);
	if (rc == DB_ROW || rc == DB_DONE) {
		if (rc == DB_ROW)
			old = read_entry(s, ST_SUPPRESS_GET);
		next(arg, rc == DB_ROW ? &old : NULL, &new);
		/* its comment may be the old one's */
		rc = put_entry(s, &new);
	}
	db_reset(s, ST_SUPPRESS_GET);
	return db_finish(s, rc, d);
}

static int
forget(struct store *base, int64_t before, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, true, d);

	if (err)
		return err;
	db_put_int(s, ST_SUPPRESS_FORGET, 1, before);
	return db_finish(s, db_run(s, ST_SUPPRESS_FORGET), d);
}

const struct store_suppress_ops sqlite_suppress_ops = {
    .put = put,
    .remove = remove_entry,
    .each = each,
    .get = get,
    .change = change,
    .forget = forget,
};
