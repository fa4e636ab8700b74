/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Write-ahead log, so readers and the writer do not wait for each other;
 * synchronous = FULL: a crash of the program loses nothing that was committed,
 * and neither does a power failure. A relaxed commit is in the log and not
 * flushed: a power failure may undo it, but only together with all that came
 * after it, and the next commit that is not relaxed flushes both.
 */
#include "lib/store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "lib/base/err.h"

#define APPLICATION_ID 0x61766572 /* "aver" */
#define BUSY_MS 200
#define HEADER_SIZE 100 /* of a database file */

_Static_assert(DB_OK == SQLITE_OK && DB_NOMEM == SQLITE_NOMEM &&
		   DB_CORRUPT == SQLITE_CORRUPT && DB_ROW == SQLITE_ROW &&
		   DB_DONE == SQLITE_DONE,
    "the numbers are SQLite's");

struct sqlite_store *
db_of(struct store *s)
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

int
db_failed(struct sqlite_store *s, struct diag *d, int rc)
{
	const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
	int err = err_of(rc), system_errno = 0;

	if (err == AVER_CONF)
		text = "is no SQLite database";
	/* "unable to open database file" alone helps nobody */
	if (s->db &&
	    ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_IOERR))
		system_errno = sqlite3_system_errno(s->db);
	return diag_set(d, err, 0, "%s: %s%s%s", s->path, text,
	    system_errno ? ": " : "",
	    system_errno ? strerror(system_errno) : "");
}

/* --- statements */

void
db_put_int(struct sqlite_store *s, enum statement st, int i, int64_t v)
{
	sqlite3_bind_int64(s->st[st], i, v);
}

void
db_put_text(struct sqlite_store *s, enum statement st, int i, struct str v)
{
	/* a NULL pointer would bind NULL */
	sqlite3_bind_text(
	    s->st[st], i, v.p ? v.p : "", (int)v.n, SQLITE_STATIC);
}

void
db_put_blob(struct sqlite_store *s, enum statement st, int i, struct str v)
{
	sqlite3_bind_blob(
	    s->st[st], i, v.p ? v.p : "", (int)v.n, SQLITE_STATIC);
}

int
db_step(struct sqlite_store *s, enum statement st)
{
	return sqlite3_step(s->st[st]);
}

int64_t
db_int(struct sqlite_store *s, enum statement st, int i)
{
	return sqlite3_column_int64(s->st[st], i);
}

uint64_t
db_uint(struct sqlite_store *s, enum statement st, int i)
{
	int64_t v = sqlite3_column_int64(s->st[st], i);

	return v < 0 ? 0 : (uint64_t)v;
}

struct str
db_str(struct sqlite_store *s, enum statement st, int i)
{
	const void *p = sqlite3_column_blob(s->st[st], i);

	return (struct str){p, (size_t)sqlite3_column_bytes(s->st[st], i)};
}

void
db_reset(struct sqlite_store *s, enum statement st)
{
	sqlite3_reset(s->st[st]);
	sqlite3_clear_bindings(s->st[st]);
}

int
db_run(struct sqlite_store *s, enum statement st)
{
	int rc = sqlite3_step(s->st[st]);

	db_reset(s, st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
db_get(struct sqlite_store *s, enum statement st, int64_t *out, int n)
{
	int rc = sqlite3_step(s->st[st]);

	if (rc == SQLITE_ROW) {
		for (int i = 0; i < n; i++)
			out[i] = sqlite3_column_int64(s->st[st], i);
		/* RETURNING has done its work only at the end */
		rc = sqlite3_step(s->st[st]);
	}
	db_reset(s, st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int64_t
db_inserted(const struct sqlite_store *s)
{
	return sqlite3_last_insert_rowid(s->db);
}

uint64_t
db_changes(const struct sqlite_store *s)
{
	return (uint64_t)sqlite3_changes64(s->db);
}

int
db_walked(
    struct sqlite_store *s, enum statement st, int rc, int stop, struct diag *d)
{
	s->walking--;
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		stop = db_failed(s, d, rc);
	db_reset(s, st);
	return stop;
}

int
db_digest(struct sqlite_store *s, const struct str *parts, size_t n,
    unsigned char md[SQL_DIGEST_MAX])
{
	unsigned char whole[EVP_MAX_MD_SIZE];
	bool done = EVP_DigestInit_ex(s->digest, s->sha256, NULL);

	for (size_t i = 0; i < n && done; i++) {
		uint64_t len = parts[i].n;

		/* a single part needs no length to be told from others */
		done = (n == 1 ||
			   EVP_DigestUpdate(s->digest, &len, sizeof(len))) &&
		       EVP_DigestUpdate(s->digest, parts[i].p, parts[i].n);
	}
	if (!done || !EVP_DigestFinal_ex(s->digest, whole, NULL))
		return SQLITE_NOMEM;
	memcpy(md, whole, SQL_DIGEST_MAX);
	return SQLITE_OK;
}

int
db_add_digested(struct sqlite_store *s, enum statement st, int i,
    unsigned char md[SQL_DIGEST_MAX])
{
	const struct str digest = {(const char *)md, s->digest_octets};
	int rc = SQLITE_OK;
	bool taken = true;

	for (int tries = 0; tries < 256 && taken; tries++) {
		db_put_blob(s, st, i, digest);
		rc = sqlite3_step(s->st[st]);
		sqlite3_reset(s->st[st]);
		taken = rc == SQLITE_DONE && db_changes(s) == 0;
		md[s->digest_octets - 1]++;
	}
	if (rc == SQLITE_DONE)
		rc = taken ? SQLITE_CORRUPT : SQLITE_OK;
	db_reset(s, st);
	return rc;
}

bool
db_dup(struct arena *a, struct str *const *strs, size_t n)
{
	bool done = true;

	for (size_t i = 0; i < n; i++) {
		struct str copy = arena_dup(a, *strs[i]);

		done = done && copy.n == strs[i]->n;
		*strs[i] = copy;
	}
	return done;
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

/* --- transactions */

static int
check_file(const struct sqlite_store *s, struct diag *d)
{
	struct stat st;

	if (stat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		return 0;
	return diag_set(d, AVER_IO, 0, "%s: was removed or replaced", s->path);
}

/* This is no change of the file, and fails only inside a transaction. */
static int
set_relaxed(struct sqlite_store *s, bool relaxed)
{
	int rc;

	if (s->relaxed == relaxed)
		return SQLITE_OK;
	rc = execute(s, relaxed ? "PRAGMA synchronous = NORMAL"
				: "PRAGMA synchronous = FULL");
	if (rc == SQLITE_OK)
		s->relaxed = relaxed;
	return rc;
}

int
db_begin(struct sqlite_store *s, bool relaxed, struct diag *d)
{
	int rc, err;

	if (s->read_only || s->walking || s->taking)
		return diag_set(d, AVER_BUG, 0, "%s: not to be written %s",
		    s->path,
		    s->read_only ? "by a reader"
		    : s->taking  ? "beside a take"
				 : "by whom it is read to");
	err = check_file(s, d);
	if (err)
		return err;
	rc = set_relaxed(s, relaxed);
	if (rc == SQLITE_OK)
		rc = db_run(s, ST_BEGIN);
	return rc == SQLITE_OK ? 0 : db_failed(s, d, rc);
}

void
db_rollback(struct sqlite_store *s)
{
	if (db_inside(s))
		db_run(s, ST_ROLLBACK);
}

bool
db_inside(const struct sqlite_store *s)
{
	return !sqlite3_get_autocommit(s->db);
}

int
db_finish(struct sqlite_store *s, int rc, struct diag *d)
{
	int err;

	if (rc == SQLITE_OK)
		rc = db_run(s, ST_COMMIT);
	if (rc == SQLITE_OK) {
		s->unflushed = s->relaxed;
		return 0;
	}
	err = db_failed(s, d, rc);
	db_rollback(s);
	return err;
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
		return db_failed(s, d, rc);
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
		return db_failed(s, d, rc);
	/* again, now that nobody else can be doing the same */
	err = read_version(s, o->n_steps, &version, d);
	for (; !err && version < (int64_t)o->n_steps; version++) {
		rc = migrate_step(s, o->steps[version], version + 1);
		if (rc != SQLITE_OK)
			err = db_failed(s, d, rc);
	}
	if (!err) {
		rc = execute(s, "COMMIT");
		if (rc != SQLITE_OK)
			err = db_failed(s, d, rc);
	}
	if (err && !sqlite3_get_autocommit(s->db))
		execute(s, "ROLLBACK");
	return err;
}

static int
is_empty(const struct sqlite_store *s, struct diag *d)
{
	return diag_set(d, AVER_TEMP, 0,
	    "%s: is empty; nothing has been recorded yet", s->path);
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
		return is_empty(s, d);
	return diag_set(d, AVER_CONF, 0,
	    "%s: has schema version %lld; the milter migrates it to %zu when "
	    "it starts",
	    s->path, (long long)version, o->n_steps);
}

/*
 * A command of root's may be the first to write. The daemons have to be able to
 * open what it makes, and they own the folder.
 */
static bool
give_to_owner(const struct sqlite_store *s, int fd)
{
	const char *slash = strrchr(s->path, '/');
	size_t n = slash ? (size_t)(slash - s->path) + 1 : 0;
	struct stat st;
	char *folder;
	bool good;

	if (geteuid() != 0)
		return true;
	folder = strdup(slash ? s->path : ".");
	if (!folder)
		return false;
	if (slash)
		folder[n] = '\0';
	good = stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
	free(folder);
	return good;
}

/* SQLite would make it 0644; its other files take the mode of this one. */
static int
create_file(struct sqlite_store *s, struct diag *d)
{
	int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	bool good = fd >= 0 ? give_to_owner(s, fd) : errno == EEXIST;

	if (!good)
		diag_set(d, AVER_IO, 0, "%s: %s", s->path, strerror(errno));
	if (fd >= 0 && !good)
		unlink(s->path);
	if (fd >= 0)
		close(fd);
	return good ? 0 : AVER_IO;
}

static int
note_file(struct sqlite_store *s, struct diag *d)
{
	struct stat st;

	if (stat(s->path, &st) < 0)
		return diag_set(d, AVER_IO, 0, "%s: %s", s->path,
		    errno == ENOENT ? "nothing has been recorded yet, there is "
				      "no such file"
				    : strerror(errno));
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	/* what is shorter than a header SQLite takes for an empty file */
	if (st.st_size > 0 && st.st_size < HEADER_SIZE)
		return db_failed(s, d, SQLITE_NOTADB);
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
open_write(struct sqlite_store *s, bool makes,
    const struct store_sqlite_options *o, struct diag *d)
{
	int64_t version = 0;
	int rc, err = makes ? create_file(s, d) : 0;

	if (!err)
		err = note_file(s, d);
	if (err)
		return err;
	rc = open_db(s, s->path, SQLITE_OPEN_READWRITE);
	if (rc != SQLITE_OK)
		return db_failed(s, d, rc);
	/* before anything is written to what may be somebody else's */
	err = read_version(s, o->n_steps, &version, d);
	if (!err && version == 0 && !makes)
		err = is_empty(s, d);
	if (err)
		return err;
	rc = execute(s, "PRAGMA journal_mode = WAL");
	if (rc == SQLITE_OK)
		rc = execute(s, "PRAGMA synchronous = FULL");
	if (rc == SQLITE_OK)
		rc = execute(s, "PRAGMA journal_size_limit = 4194304");
	return rc == SQLITE_OK ? migrate(s, o, d) : db_failed(s, d, rc);
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
	return rc == SQLITE_OK ? check_read(s, o, d) : db_failed(s, d, rc);
}

static int
prepare(struct sqlite_store *s, struct diag *d)
{
	for (int i = 0; i < ST_COUNT; i++) {
		int rc = sqlite3_prepare_v3(s->db, sql_text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->st[i], NULL);

		if (rc != SQLITE_OK)
			return db_failed(s, d, rc);
	}
	return 0;
}

int
db_open(struct sqlite_store *s, enum store_mode mode,
    const struct store_sqlite_options *o, struct diag *d)
{
	int err;

	s->read_only = mode == STORE_READ;
	s->digest_octets = o->digest_octets;
	err = s->read_only ? open_read(s, o, d)
			   : open_write(s, mode == STORE_WRITE, o, d);
	return err ? err : prepare(s, d);
}

void
db_close(struct sqlite_store *s)
{
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(s->st[i]);
	/* without another connection the close flushes by itself */
	if (s->unflushed)
		(void)sqlite3_wal_checkpoint_v2(
		    s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	sqlite3_close(s->db);
}
