/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/sqlite_parts.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"

static int
freeze(struct store *base, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int64_t ignored;
	int rc = db_run(s, ST_FREEZE);

	/* the first read decides what is seen */
	db_put_text(s, ST_COUNTER, 1, STR("stamp"));
	if (rc == DB_OK)
		rc = db_get(s, ST_COUNTER, &ignored, 1);
	return rc == DB_OK ? 0 : db_failed(s, d, rc);
}

static int
each_source(struct store *base,
    int (*fn)(void *arg, struct str name, uint64_t seq), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int rc, stop = 0;

	s->walking++;
	while ((rc = db_step(s, ST_SOURCE_EACH)) == DB_ROW && !stop)
		stop = fn(arg, db_str(s, ST_SOURCE_EACH, 0),
		    db_uint(s, ST_SOURCE_EACH, 1));
	return db_walked(s, ST_SOURCE_EACH, rc, stop, d);
}

static int
last_row(struct store *base, enum ledger_kind kind, struct str policy_domain,
    int64_t from, int64_t to, struct arena *arena, struct store_take_row *out,
    struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	enum statement st = kind == LEDGER_TLS ? ST_LAST_TLS : ST_LAST_DMARC;
	struct store_take_row row;
	int rc, err = 0;

	db_put_text(s, st, 1, policy_domain);
	db_put_int(s, st, 2, from);
	db_put_int(s, st, 3, to);
	rc = db_step(s, st);
	if (rc == DB_ROW) {
		row = (struct store_take_row){.octets = db_str(s, st, 0),
		    .wanted = db_uint(s, st, 2),
		    .recipient_domain = db_str(s, st, 3),
		    .detail = db_str(s, st, 4),
		    .time = db_int(s, st, 7)};
		if (db_dup(arena,
			(struct str *[]){
			    &row.octets, &row.recipient_domain, &row.detail},
			3))
			*out = row;
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

/* --- inspection */

struct inspection {
	struct sqlite_store *s;
	int (*fn)(void *arg, bool fault, struct str text);
	void *arg;
	struct diag *d;
};

/* The file itself: at most 20 things that are wrong. */
static int
integrity(struct inspection *x)
{
	struct sqlite_store *s = x->s;
	int rc, stop = 0;

	s->walking++;
	while ((rc = db_step(s, ST_INTEGRITY)) == DB_ROW && !stop) {
		struct str text = db_str(s, ST_INTEGRITY, 0);

		if (!str_eq(text, STR("ok")))
			stop = x->fn(x->arg, true, text);
	}
	/* what is too damaged to be read through is told as a fault as well */
	if ((rc & 0xff) == DB_CORRUPT) {
		s->walking--;
		db_reset(s, ST_INTEGRITY);
		return x->fn(x->arg, true, STR("the file is damaged"));
	}
	return db_walked(s, ST_INTEGRITY, rc, stop, x->d);
}

static int
orphans(struct inspection *x)
{
	struct buf text;
	int64_t n = 0;
	int rc = db_get(x->s, ST_ORPHANS, &n, 1), stop = 0;

	if (rc != DB_OK)
		return db_failed(x->s, x->d, rc);
	buf_init(&text, NULL, 128);
	buf_addf(&text, "%lld submissions belong to no report", (long long)n);
	if (n)
		stop = x->fn(x->arg, true, buf_str(&text));
	buf_fini(&text);
	return stop;
}

static int
inspect(struct store *base, uint64_t *looked,
    int (*fn)(void *arg, bool fault, struct str text), void *arg,
    struct diag *d)
{
	struct inspection x = {db_of(base), fn, arg, d};
	int64_t pages = 0;
	int rc = db_get(x.s, ST_PAGES, &pages, 1);
	int err = rc == DB_OK ? integrity(&x) : db_failed(x.s, d, rc);

	if (!err)
		err = orphans(&x);
	if (!err)
		*looked = (uint64_t)pages;
	return err;
}

const struct store_upkeep_ops sqlite_upkeep_ops = {
    .freeze = freeze,
    .each_source = each_source,
    .last_row = last_row,
    .inspect = inspect,
};
