/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The store in one SQLite file. Write-ahead log, so readers and the writer do
 * not wait for each other; synchronous = FULL: a crash of the program loses
 * nothing that was committed, a power failure may undo the commits since the
 * last checkpoint or write-back, but leaves a sound file.
 *
 * Rows stand in the order they came, so a commit writes few pages; only the
 * index is spread. A row's key in it has a digest of the octets instead of the
 * octets, which may be 64 kB. Rows that share a digest but not the octets are
 * told apart by counting the digest up.
 */
#include "lib/store/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <sqlite3.h>

#include "lib/base/err.h"
#include "lib/store/sql.h"

#define APPLICATION_ID 0x61766572 /* "aver" */
#define BUSY_MS 200
#define HEADER_SIZE 100 /* of a database file */
#define SEQ_MAX ((uint64_t)1 << 62)
#define DAY 86400

struct sqlite_store {
	struct store base;
	sqlite3 *db;
	char *path;
	dev_t dev;
	ino_t ino;
	EVP_MD *sha256;
	unsigned digest_octets;
	sqlite3_stmt *st[ST_COUNT];
};

static struct sqlite_store *
self(struct store *s)
{
	return (struct sqlite_store *)s;
}

/* --- errors */

/* Every result code of SQLite has its primary code in the low octet. */
static int
err_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_PROTOCOL:
	case SQLITE_INTERRUPT:
	case SQLITE_SCHEMA:
		return AVER_TEMP;
	case SQLITE_NOMEM:
		return AVER_NOMEM;
	case SQLITE_NOTADB:
		return AVER_CONF;
	default:
		return AVER_IO;
	}
}

static int
failed(struct sqlite_store *s, struct diag *d, int rc)
{
	const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
	int err = err_of(rc);

	if (err == AVER_CONF)
		text = "is no SQLite database";
	return diag_set(d, err, 0, "%s: %s", s->path, text);
}

/* --- statements */

static int
run(struct sqlite_store *s, enum statement which)
{
	int rc = sqlite3_step(s->st[which]);

	sqlite3_reset(s->st[which]);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void
rollback(struct sqlite_store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		run(s, ST_ROLLBACK);
}

/* Commits if all went well so far, else undoes it. */
static int
finish(struct sqlite_store *s, int rc, struct diag *d)
{
	int err;

	if (rc == SQLITE_OK)
		rc = run(s, ST_COMMIT);
	if (rc == SQLITE_OK)
		return 0;
	err = failed(s, d, rc);
	rollback(s);
	return err;
}

static void
bind_text(sqlite3_stmt *st, int i, struct str v)
{
	/* a NULL pointer would bind NULL */
	sqlite3_bind_text(st, i, v.p ? v.p : "", (int)v.n, SQLITE_STATIC);
}

static struct str
column_str(sqlite3_stmt *st, int i)
{
	const void *p = sqlite3_column_blob(st, i);

	return (struct str){p, (size_t)sqlite3_column_bytes(st, i)};
}

/* The one integer of a query without rows. */
static int
query_int(struct sqlite_store *s, const char *sql, int64_t *out)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int
execute(struct sqlite_store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

/* --- open */

/*
 * The version of the file's schema, 0 for an empty file. AVER_CONF when it
 * belongs to something else.
 */
static int
read_version(struct sqlite_store *s, size_t known, int64_t *out, struct diag *d)
{
	int64_t id = 0, tables = 0;
	int rc = query_int(s, "PRAGMA application_id", &id);

	if (rc == SQLITE_OK)
		rc = query_int(s, "PRAGMA user_version", out);
	if (rc == SQLITE_OK)
		rc =
		    query_int(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (rc != SQLITE_OK)
		return failed(s, d, rc);
	if (id == 0 && *out == 0 && tables == 0)
		return 0;
	if (id != APPLICATION_ID || *out < 1)
		return diag_set(d, AVER_CONF, 0,
		    "%s: is a database of another program", s->path);
	if (*out > (int64_t)known)
		return diag_set(d, AVER_CONF, 0,
		    "%s: has schema version %lld, newer than this program's "
		    "%zu",
		    s->path, (long long)*out, known);
	return 0;
}

/* One step and its version number, in the transaction that is open. */
static int
migrate_step(struct sqlite_store *s, const char *step, int64_t version)
{
	char sql[96];
	int rc = execute(s, step);

	snprintf(sql, sizeof(sql),
	    "PRAGMA application_id = %d; PRAGMA user_version = %lld",
	    APPLICATION_ID, (long long)version);
	return rc == SQLITE_OK ? execute(s, sql) : rc;
}

static int
migrate(struct sqlite_store *s, const struct store_sqlite_options *o,
    struct diag *d)
{
	int64_t version = 0;
	int rc, err = read_version(s, o->n_steps, &version, d);

	if (err || version == (int64_t)o->n_steps)
		return err;
	rc = execute(s, "BEGIN IMMEDIATE");
	if (rc != SQLITE_OK)
		return failed(s, d, rc);
	/* again, now that nobody else can be doing the same */
	err = read_version(s, o->n_steps, &version, d);
	for (; !err && version < (int64_t)o->n_steps; version++) {
		rc = migrate_step(s, o->steps[version], version + 1);
		if (rc != SQLITE_OK)
			err = failed(s, d, rc);
	}
	if (!err) {
		rc = execute(s, "COMMIT");
		if (rc != SQLITE_OK)
			err = failed(s, d, rc);
	}
	if (err && !sqlite3_get_autocommit(s->db))
		execute(s, "ROLLBACK");
	return err;
}

static int
check_read(struct sqlite_store *s, const struct store_sqlite_options *o,
    struct diag *d)
{
	int64_t version = 0;
	int err = read_version(s, o->n_steps, &version, d);

	if (err || version == (int64_t)o->n_steps)
		return err;
	if (version == 0)
		return diag_set(d, AVER_TEMP, 0,
		    "%s: is empty; nothing has been recorded yet", s->path);
	return diag_set(d, AVER_CONF, 0,
	    "%s: has schema version %lld; the milter migrates it to %zu when "
	    "it starts",
	    s->path, (long long)version, o->n_steps);
}

/* SQLite would make it 0644; its other files take the mode of this one. */
static int
create_file(struct sqlite_store *s, struct diag *d)
{
	int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		return diag_set(
		    d, AVER_IO, 0, "%s: %s", s->path, strerror(errno));
	return 0;
}

static int
note_file(struct sqlite_store *s, struct diag *d)
{
	struct stat st;

	if (stat(s->path, &st) < 0)
		return diag_set(
		    d, AVER_IO, 0, "%s: %s", s->path, strerror(errno));
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	/* what is shorter than a header SQLite takes for an empty file */
	if (st.st_size > 0 && st.st_size < HEADER_SIZE)
		return failed(s, d, SQLITE_NOTADB);
	return 0;
}

static int
open_db(struct sqlite_store *s, const char *name, int flags)
{
	int rc;

	flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	rc = sqlite3_open_v2(name, &s->db, flags, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(s->db, BUSY_MS);
	return rc;
}

static int
open_write(struct sqlite_store *s, const struct store_sqlite_options *o,
    struct diag *d)
{
	int64_t version;
	int rc, err = create_file(s, d);

	if (!err)
		err = note_file(s, d);
	if (err)
		return err;
	rc = open_db(s, s->path, SQLITE_OPEN_READWRITE);
	if (rc != SQLITE_OK)
		return failed(s, d, rc);
	/* before anything is written to what may be somebody else's */
	err = read_version(s, o->n_steps, &version, d);
	if (err)
		return err;
	rc = execute(s, "PRAGMA journal_mode = WAL");
	if (rc == SQLITE_OK)
		rc = execute(s, "PRAGMA synchronous = FULL");
	if (rc == SQLITE_OK)
		rc = execute(s, "PRAGMA journal_size_limit = 4194304");
	return rc == SQLITE_OK ? migrate(s, o, d) : failed(s, d, rc);
}

/* PATH as a URI that promises SQLite that nobody writes. */
static char *
immutable_uri(const char *path)
{
	static const char hex[] = "0123456789ABCDEF";
	char *uri = malloc(strlen(path) * 3 + 32), *p = uri;

	if (!uri)
		return NULL;
	memcpy(p, "file:", 5);
	p += 5;
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		*p++ = '%';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	memcpy(p, "?immutable=1", 13);
	return uri;
}

/*
 * A reader needs the files beside the database that the writer has open. When
 * they are not there, nobody is writing; a reader that may not make them in
 * that folder can only read the file as it stands.
 */
static int
open_unshared(struct sqlite_store *s)
{
	char *uri = immutable_uri(s->path), *wal;
	size_t n = strlen(s->path);
	int rc = SQLITE_CANTOPEN;

	wal = malloc(n + 5);
	if (!uri || !wal) {
		free(uri);
		free(wal);
		return SQLITE_NOMEM;
	}
	memcpy(wal, s->path, n);
	memcpy(wal + n, "-wal", 5);
	sqlite3_close(s->db);
	s->db = NULL;
	if (access(wal, F_OK) < 0 && errno == ENOENT)
		rc = open_db(s, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
	free(uri);
	free(wal);
	return rc;
}

static int
open_read(struct sqlite_store *s, const struct store_sqlite_options *o,
    struct diag *d)
{
	int64_t ignored;
	int rc, err = note_file(s, d);

	if (err)
		return err;
	rc = open_db(s, s->path, SQLITE_OPEN_READONLY);
	if (rc == SQLITE_OK)
		rc = query_int(s, "PRAGMA user_version", &ignored);
	if ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY)
		rc = open_unshared(s);
	return rc == SQLITE_OK ? check_read(s, o, d) : failed(s, d, rc);
}

static int
prepare(struct sqlite_store *s, struct diag *d)
{
	for (int i = 0; i < ST_COUNT; i++) {
		int rc = sqlite3_prepare_v3(s->db, sql_text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->st[i], NULL);

		if (rc != SQLITE_OK)
			return failed(s, d, rc);
	}
	return 0;
}

static void
sqlite_close(struct store *base)
{
	struct sqlite_store *s = self(base);

	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	EVP_MD_free(s->sha256);
	free(s->path);
	free(s);
}

/* --- evaluations */

/* Writing on to a file that was removed or replaced would lose it all. */
static int
check_file(const struct sqlite_store *s, struct diag *d)
{
	struct stat st;

	if (stat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		return 0;
	return diag_set(d, AVER_IO, 0, "%s: was removed or replaced", s->path);
}

static int64_t
day_of(int64_t time)
{
	return time < 0 ? 0 : time - time % DAY;
}

static int
learn(struct sqlite_store *s, const struct store_known *known, size_t n)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
		bind_text(s->st[ST_KNOW], 1, known[i].domain);
		sqlite3_bind_int64(s->st[ST_KNOW], 2, day_of(known[i].seen));
		rc = run(s, ST_KNOW);
	}
	sqlite3_clear_bindings(s->st[ST_KNOW]);
	return rc;
}

/* Whether the row counts as optional. */
static int
judge(struct sqlite_store *s, const struct store_evaluation *row,
    unsigned known_days, bool *optional)
{
	sqlite3_stmt *st = s->st[ST_IS_KNOWN];
	int rc;

	*optional = row->optional;
	if (*optional || !row->if_known)
		return SQLITE_OK;
	bind_text(st, 1, row->policy_domain);
	sqlite3_bind_int64(
	    st, 2, day_of(row->hour) - (int64_t)known_days * DAY);
	rc = sqlite3_step(st);
	*optional = rc == SQLITE_DONE;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/*
 * A row whose digest is taken by other octets goes to the next one. With 16
 * octets of SHA-256 that is not expected to happen at all.
 */
static int
add_row(
    struct sqlite_store *s, const struct store_evaluation *row, bool optional)
{
	sqlite3_stmt *st = s->st[ST_ADD];
	unsigned char md[EVP_MAX_MD_SIZE];
	int rc = SQLITE_OK;

	if (!EVP_Digest(
		row->octets.p, row->octets.n, md, NULL, s->sha256, NULL))
		return SQLITE_NOMEM;
	bind_text(st, 1, row->policy_domain);
	sqlite3_bind_int64(st, 2, row->hour);
	sqlite3_bind_int(st, 3, optional);
	sqlite3_bind_int64(st, 5, (int64_t)row->count);
	sqlite3_bind_blob(st, 6, row->octets.p ? row->octets.p : "",
	    (int)row->octets.n, SQLITE_STATIC);
	for (int tries = 0; tries < 256; tries++) {
		sqlite3_bind_blob(
		    st, 4, md, (int)s->digest_octets, SQLITE_STATIC);
		rc = sqlite3_step(st);
		sqlite3_reset(st);
		if (rc != SQLITE_DONE)
			break;
		if (sqlite3_changes(s->db) > 0) {
			rc = SQLITE_OK;
			break;
		}
		rc = SQLITE_CORRUPT;
		md[s->digest_octets - 1]++;
	}
	sqlite3_clear_bindings(st);
	return rc;
}

static int
get_source(struct sqlite_store *s, struct str source, int64_t *seq)
{
	sqlite3_stmt *st = s->st[ST_SOURCE_GET];
	int rc;

	*seq = 0;
	bind_text(st, 1, source);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*seq = sqlite3_column_int64(st, 0);
		rc = SQLITE_DONE;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (*seq < 0 || (uint64_t)*seq > SEQ_MAX)
		return SQLITE_CORRUPT;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
put_source(struct sqlite_store *s, struct str source, uint64_t seq)
{
	sqlite3_stmt *st = s->st[ST_SOURCE_PUT];
	int rc;

	bind_text(st, 1, source);
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	rc = run(s, ST_SOURCE_PUT);
	sqlite3_clear_bindings(st);
	return rc;
}

/* In the transaction that is open. */
static int
add_batch(struct sqlite_store *s, const struct store_batch *b)
{
	bool optional = false;
	int rc = learn(s, b->known, b->n_known);

	for (size_t i = 0; i < b->n_rows && rc == SQLITE_OK; i++) {
		rc = judge(s, &b->rows[i], b->known_days, &optional);
		if (rc == SQLITE_OK)
			rc = add_row(s, &b->rows[i], optional);
	}
	return rc == SQLITE_OK ? put_source(s, b->source, b->seq) : rc;
}

static int
sqlite_add(struct store *base, const struct store_batch *b, struct diag *d)
{
	struct sqlite_store *s = self(base);
	int64_t before = 0;
	int rc, err = check_file(s, d);

	if (err)
		return err;
	if (b->seq > SEQ_MAX)
		return diag_set(
		    d, AVER_BUG, 0, "%s: impossible number", s->path);
	rc = run(s, ST_BEGIN);
	if (rc == SQLITE_OK)
		rc = get_source(s, b->source, &before);
	if (rc == SQLITE_OK && (uint64_t)before >= b->seq && b->seq > 0) {
		/* a commit that seemed to fail did not */
		rollback(s);
		return 0;
	}
	if (rc == SQLITE_OK)
		rc = add_batch(s, b);
	return finish(s, rc, d);
}

static int
sqlite_committed(
    struct store *base, struct str source, uint64_t *seq, struct diag *d)
{
	struct sqlite_store *s = self(base);
	int64_t v;
	int rc = get_source(s, source, &v);

	if (rc != SQLITE_OK)
		return failed(s, d, rc);
	*seq = (uint64_t)v;
	return 0;
}

static int
sqlite_each(struct store *base, struct str policy_domain, int64_t from,
    int64_t to, int (*fn)(void *arg, const struct store_evaluation *row),
    void *arg, struct diag *d)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[policy_domain.n ? ST_EACH : ST_EACH_ALL];
	int rc, stop = 0;

	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, to);
	if (policy_domain.n)
		bind_text(st, 3, policy_domain);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !stop) {
		struct store_evaluation row = {
		    .policy_domain = column_str(st, 0),
		    .hour = sqlite3_column_int64(st, 1),
		    .optional = sqlite3_column_int(st, 2) != 0,
		    .count = (uint64_t)sqlite3_column_int64(st, 3),
		    .octets = column_str(st, 4)};

		stop = fn(arg, &row);
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		stop = failed(s, d, rc);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return stop;
}

static int
sqlite_each_domain(struct store *base,
    int (*fn)(void *arg, const struct store_domain *dom), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_DOMAINS];
	int rc, stop = 0;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !stop) {
		struct store_domain dom = {.policy_domain = column_str(st, 0),
		    .first_hour = sqlite3_column_int64(st, 1),
		    .last_hour = sqlite3_column_int64(st, 2),
		    .rows = (uint64_t)sqlite3_column_int64(st, 3),
		    .messages = (uint64_t)sqlite3_column_int64(st, 4),
		    .optional_messages = (uint64_t)sqlite3_column_int64(st, 5)};

		stop = fn(arg, &dom);
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		stop = failed(s, d, rc);
	sqlite3_reset(st);
	return stop;
}

static int
remove_domain(struct sqlite_store *s, struct str policy_domain, int64_t *sum)
{
	int rc;

	bind_text(s->st[ST_SUM], 1, policy_domain);
	rc = sqlite3_step(s->st[ST_SUM]);
	if (rc == SQLITE_ROW) {
		*sum = sqlite3_column_int64(s->st[ST_SUM], 0);
		rc = SQLITE_OK;
	}
	sqlite3_reset(s->st[ST_SUM]);
	bind_text(s->st[ST_REMOVE], 1, policy_domain);
	if (rc == SQLITE_OK)
		rc = run(s, ST_REMOVE);
	sqlite3_clear_bindings(s->st[ST_SUM]);
	sqlite3_clear_bindings(s->st[ST_REMOVE]);
	return rc;
}

static int
sqlite_remove(struct store *base, struct str policy_domain, uint64_t *removed,
    struct diag *d)
{
	struct sqlite_store *s = self(base);
	int64_t sum = 0;
	int err, rc = run(s, ST_BEGIN);

	if (rc == SQLITE_OK)
		rc = remove_domain(s, policy_domain, &sum);
	err = finish(s, rc, d);
	if (!err)
		*removed = (uint64_t)sum;
	return err;
}

/* --- known domains */

static int
sqlite_know(struct store *base, const struct store_known *known, size_t n,
    struct diag *d)
{
	struct sqlite_store *s = self(base);
	int rc, err = check_file(s, d);

	if (err)
		return err;
	rc = run(s, ST_BEGIN);
	if (rc == SQLITE_OK)
		rc = learn(s, known, n);
	return finish(s, rc, d);
}

static int
sqlite_forget(struct store *base, int64_t before, uint64_t most, struct diag *d)
{
	struct sqlite_store *s = self(base);
	int64_t limit = most > INT64_MAX ? INT64_MAX : (int64_t)most;
	int rc = run(s, ST_BEGIN);

	sqlite3_bind_int64(s->st[ST_FORGET_OLD], 1, day_of(before));
	sqlite3_bind_int64(s->st[ST_FORGET_MOST], 1, limit);
	if (rc == SQLITE_OK)
		rc = run(s, ST_FORGET_OLD);
	if (rc == SQLITE_OK)
		rc = run(s, ST_FORGET_MOST);
	return finish(s, rc, d);
}

static int
sqlite_each_known(struct store *base,
    int (*fn)(void *arg, const struct store_known *known), void *arg,
    struct diag *d)
{
	struct sqlite_store *s = self(base);
	sqlite3_stmt *st = s->st[ST_EACH_KNOWN];
	int rc, stop = 0;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !stop) {
		struct store_known known = {.domain = column_str(st, 0),
		    .seen = sqlite3_column_int64(st, 1)};

		stop = fn(arg, &known);
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		stop = failed(s, d, rc);
	sqlite3_reset(st);
	return stop;
}

static const struct store_ops ops = {
    .close = sqlite_close,
    .add = sqlite_add,
    .committed = sqlite_committed,
    .each = sqlite_each,
    .each_domain = sqlite_each_domain,
    .remove = sqlite_remove,
    .know = sqlite_know,
    .forget = sqlite_forget,
    .each_known = sqlite_each_known,
};

int
store_sqlite_open(const char *path, enum store_mode mode,
    const struct store_sqlite_options *options, struct store **out,
    struct diag *d)
{
	const struct store_sqlite_options *o = options ? options : &sql_schema;
	struct sqlite_store *s = calloc(1, sizeof(*s));
	int err = 0;

	if (!s)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	s->base.ops = &ops;
	s->digest_octets = o->digest_octets;
	s->path = strdup(path);
	s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!s->path || !s->sha256)
		err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (!err)
		err = mode == STORE_WRITE ? open_write(s, o, d)
					  : open_read(s, o, d);
	if (!err)
		err = prepare(s, d);
	if (err) {
		sqlite_close(&s->base);
		return err;
	}
	*out = &s->base;
	return 0;
}
