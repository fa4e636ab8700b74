/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The database under the SQLite back end: the file, its schema, transactions
 * and prepared statements. The one place that knows the library.
 *
 * Results are DB_OK, DB_ROW, DB_DONE or another number of the library;
 * db_failed() makes an enum aver_err of it.
 */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/evp.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/backend.h"
#include "lib/store/sql.h"

#define DB_OK 0
#define DB_NOMEM 7
#define DB_CORRUPT 11
#define DB_ROW 100
#define DB_DONE 101

struct sqlite3;
struct sqlite3_stmt;

struct sqlite_store {
	struct store base;
	struct sqlite3 *db;
	char *path;
	dev_t dev;
	ino_t ino;
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	unsigned digest_octets;
	bool read_only;
	bool relaxed; /* the next commit need not be flushed */
	bool unflushed; /* one was not */
	bool taking; /* a take's transaction is open */
	unsigned walking; /* calls of each functions that are under way */
	struct store_sts_own sts_own;
	struct sqlite3_stmt *st[ST_COUNT];
};

struct sqlite_store *db_of(struct store *s);

int db_open(struct sqlite_store *s, enum store_mode mode,
    const struct store_sqlite_options *o, struct diag *d);
void db_close(struct sqlite_store *s);

int db_failed(struct sqlite_store *s, struct diag *d, int rc);

/*
 * Begins a transaction that writes. AVER_BUG in a take, in the callback of a
 * walk, and in a store that is only read; AVER_IO when the file was removed or
 * replaced, as writing on to it would lose it all. relaxed: the commit need
 * not be on the disk before the next that is.
 */
int db_begin(struct sqlite_store *s, bool relaxed, struct diag *d);
/* Commits if all went well so far (rc is DB_OK), else undoes it. */
int db_finish(struct sqlite_store *s, int rc, struct diag *d);
void db_rollback(struct sqlite_store *s);
/* Is a transaction open? Some errors end it. */
bool db_inside(const struct sqlite_store *s);

/* Parameters count from 1, columns from 0. Strings stay until db_reset(). */
void db_put_int(struct sqlite_store *s, enum statement st, int i, int64_t v);
void
db_put_text(struct sqlite_store *s, enum statement st, int i, struct str v);
void
db_put_blob(struct sqlite_store *s, enum statement st, int i, struct str v);
int db_step(struct sqlite_store *s, enum statement st);
int64_t db_int(struct sqlite_store *s, enum statement st, int i);
uint64_t db_uint(struct sqlite_store *s, enum statement st, int i);
/* A view until the next step. */
struct str db_str(struct sqlite_store *s, enum statement st, int i);
/* Ends the execution; the parameters are gone. */
void db_reset(struct sqlite_store *s, enum statement st);
/* Executes a statement that gives no rows; DB_OK when that is done. */
int db_run(struct sqlite_store *s, enum statement st);
/* The integers of the one row, untouched when there is none: DB_OK too. */
int db_get(struct sqlite_store *s, enum statement st, int64_t *out, int n);
/* The key of the row that was inserted last, where that is a number. */
int64_t db_inserted(const struct sqlite_store *s);
/* Rows that the last statement changed. */
uint64_t db_changes(const struct sqlite_store *s);

/*
 * The end of a walk over rows that began with s->walking++: resets; what stop
 * says, or what the last step's rc says when that is an error.
 */
int db_walked(struct sqlite_store *s, enum statement st, int rc, int stop,
    struct diag *d);

/* The digest that stands for octets in keys; DB_OK or DB_NOMEM. */
int db_digest(struct sqlite_store *s, const struct str *parts, size_t n,
    unsigned char md[SQL_DIGEST_MAX]);

/*
 * Executes a statement that adds a row or counts it, whose parameter i is the
 * row's digest. It changes nothing when that is taken by other octets: then
 * the next one is tried, for which md is counted up. With 16 octets of SHA-256
 * that is not expected to happen at all.
 */
int db_add_digested(struct sqlite_store *s, enum statement st, int i,
    unsigned char md[SQL_DIGEST_MAX]);

/* Copies to the arena in place; false when that is full. */
bool db_dup(struct arena *a, struct str *const *strs, size_t n);

#endif
