/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The power fails while one SQLite store moves into another: of both files
 * only that is there afterwards which SQLite had flushed. It fails after each
 * flush of either file, and the move is done again: nothing is lost, nothing
 * doubled, and what was to be sent is still to be sent.
 */
#include "lib/store/move.h"

#include <sys/wait.h>

#include <sqlite3.h>

#include "lib/store/take.h"
#include "t/unit/store_backend.h"
#include "t/unit/store_fill.h"

#define REPORTS 3
#define FILES 16
#define POWER_FAILED 7

/* --- a disk that forgets what was not flushed */

static struct {
	int (*open)(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
	    int flags, int *out);
	int (*sync)(sqlite3_file *file, int flags);
	sqlite3_vfs vfs;
	sqlite3_io_methods db, wal;
	struct {
		sqlite3_file *file;
		struct tmppath path;
	} files[FILES];
	unsigned n, flushes, last;
	void (*meanwhile)(void); /* once, at a flush of the second's log */
} disk;

static void
copy_file(const char *from, const char *to)
{
	static char block[65536];
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	size_t n;

	while (in && out && (n = fread(block, 1, sizeof(block), in)) > 0)
		fwrite(block, 1, n, out);
	if (in)
		fclose(in);
	if (out)
		fclose(out);
}

static void
flushed(const char *path)
{
	copy_file(path, tmp_beside(path, ".disk").z);
}

static int
sync_file(sqlite3_file *file, int flags)
{
	int rc = disk.sync(file, flags);

	for (unsigned i = 0; i < disk.n; i++)
		if (disk.files[i].file == file)
			flushed(disk.files[i].path.z);
	if (disk.meanwhile && file == disk.files[disk.n - 1].file) {
		disk.meanwhile();
		disk.meanwhile = NULL;
	}
	if (++disk.flushes == disk.last)
		_exit(POWER_FAILED);
	return rc;
}

static int
open_file(
    sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	int rc = disk.open(vfs, name, file, flags, out);
	sqlite3_io_methods *m = flags & SQLITE_OPEN_WAL ? &disk.wal : &disk.db;

	if (rc != SQLITE_OK || disk.n == FILES ||
	    !(flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)))
		return rc;
	disk.files[disk.n].file = file;
	disk.files[disk.n++].path = tmp_beside(name, "");
	*m = *file->pMethods;
	disk.sync = m->xSync;
	m->xSync = sync_file;
	file->pMethods = m;
	return rc;
}

static void
use_disk(unsigned last)
{
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	disk.last = last;
	disk.vfs = *real;
	disk.open = real->xOpen;
	disk.vfs.zName = "disk";
	disk.vfs.xOpen = open_file;
	sqlite3_vfs_register(&disk.vfs, 1);
}

static void
lose_power(const char *path)
{
	struct tmppath wal = tmp_beside(path, "-wal");
	struct tmppath kept = tmp_beside(wal.z, ".disk");

	unlink(tmp_beside(path, "-shm").z);
	unlink(wal.z);
	copy_file(tmp_beside(path, ".disk").z, path);
	if (access(kept.z, F_OK) == 0)
		copy_file(kept.z, wal.z);
}

/* --- what is there */

static int
sum_row(void *arg, const struct store_evaluation *r)
{
	*(uint64_t *)arg += r->count;
	return 0;
}

static int
sum_result(void *arg, const struct store_tls_result *r)
{
	*(uint64_t *)arg += 1000 * (r->success + r->failure);
	return 0;
}

static int
sum_incident(void *arg, const struct store_incident *x)
{
	(void)x;
	*(uint64_t *)arg += 1000000;
	return 0;
}

static uint64_t
sum_all(struct store *s)
{
	uint64_t n = 0;

	store_each_evaluation(s, STR_NONE, 0, INT64_MAX, sum_row, &n, NULL);
	store_each_tls_result(s, STR_NONE, 0, INT64_MAX, sum_result, &n, NULL);
	store_each_incident(s, STR_NONE, sum_incident, &n, NULL);
	return n;
}

static struct str
report_id(unsigned i)
{
	static const char *const ids[REPORTS] = {"p1", "p2", "p3"};

	return str_from_z(ids[i]);
}

static bool
is_pending(struct store *s, struct str id)
{
	struct ledger_submission sub;
	struct arena a;
	bool pending;

	arena_init(&a, 1 << 16);
	pending = store_get_submission(s, id, 1, &a, &sub, NULL) == 0 &&
		  sub.state == LEDGER_PENDING;
	arena_fini(&a);
	return pending;
}

static unsigned
count_pending(struct store *a, struct store *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < REPORTS; i++)
		n += is_pending(a, report_id(i)) || is_pending(b, report_id(i));
	return n;
}

/* --- the move */

static void
put_reports(struct store *s)
{
	const struct ledger_submission sub = {.uri = STR("mailto:x@y"),
	    .destination = STR("y"),
	    .next_try = 5,
	    .give_up = INT32_MAX};

	for (unsigned i = 0; i < REPORTS; i++) {
		const struct ledger_report r = {.id = report_id(i),
		    .kind = LEDGER_DMARC,
		    .policy_domain = STR("a.example"),
		    .begin = 1,
		    .end = 2,
		    .created = 100,
		    .file_name = STR("f"),
		    .body = STR("body"),
		    .record = STR("v=DMARC1")};

		if (store_put_report(s, &r, &sub, 1, NULL))
			ok(false, "put a report");
	}
}

/* True: the power failed before it was done. */
static bool
move_until(const char *from, const char *to, unsigned last)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct store *a = NULL, *b = NULL;
		struct store_moved n = {0};
		int err;

		use_disk(last);
		err = store_open(from, STORE_WRITE, &a, NULL);
		if (!err)
			err = store_open(to, STORE_WRITE, &b, NULL);
		if (!err)
			err = store_move(a, b, &n, NULL);
		_exit(err ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) ||
	    (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != POWER_FAILED))
		ok(false, "the move up to flush %u", last);
	return WIFEXITED(status) && WEXITSTATUS(status) == POWER_FAILED;
}

/* Done once the power no longer fails in time. */
static bool
fails_at(unsigned last)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath one = tmp_in(dir.path, "1"), two = tmp_in(dir.path, "2");
	struct store_moved n = {0};
	struct store_spec x, y;
	struct store *a, *b;
	uint64_t want;
	bool failed;

	snprintf(x.z, sizeof(x.z), "sqlite:%.700s", one.z);
	snprintf(y.z, sizeof(y.z), "sqlite:%.700s", two.z);
	a = store_now(x.z, STORE_WRITE);
	store_fill(a);
	put_reports(a);
	want = sum_all(a);
	store_close(a);
	store_close(store_now(y.z, STORE_WRITE));
	flushed(one.z);
	flushed(two.z);
	failed = move_until(x.z, y.z, last);
	lose_power(one.z);
	lose_power(two.z);
	a = store_now(x.z, STORE_WRITE);
	b = store_now(y.z, STORE_WRITE);
	printf("# power fails after flush %u\n", last);
	is_int(count_pending(a, b), REPORTS, "all is there to be sent");
	is_int(store_move(a, b, &n, NULL), 0, "it is moved then");
	is_int(sum_all(a), 0, "nothing stays");
	is_int(sum_all(b), want, "nothing is lost, nothing doubled");
	is_int(count_pending(a, b), REPORTS, "all is still to be sent");
	store_close(a);
	store_close(b);
	tmpdir_remove(dir.path);
	return failed;
}

/* --- two at once */

static struct store *third;

static void
other_run(void)
{
	store_put_part(third, "move-99-0");
}

/* One puts a part there after the other has looked for parts. */
static void
two_runs(void)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath one = tmp_in(dir.path, "1"), two = tmp_in(dir.path, "2");
	struct store_moved n = {0};
	struct store_spec x, y;
	struct store *a, *b;

	snprintf(x.z, sizeof(x.z), "sqlite:%.700s", one.z);
	snprintf(y.z, sizeof(y.z), "sqlite:%.700s", two.z);
	a = store_now(x.z, STORE_WRITE);
	store_put_part(a, "move-00-0");
	third = store_now(x.z, STORE_WRITE);
	use_disk(0);
	b = store_now(y.z, STORE_WRITE);
	is_int(store_flush(b, NULL), 0, "the second store has its log");
	disk.meanwhile = other_run;
	is_int(store_move(a, b, &n, NULL), 0, "a move beside another");
	ok(!disk.meanwhile, "which left a part meanwhile");
	is_int(store_move(a, b, &n, NULL), 0, "and again");
	is_int(sum_all(b), 2, "no part is lost");
	store_close(third);
	store_close(a);
	store_close(b);
	tmpdir_remove(dir.path);
}

int
main(void)
{
	unsigned last = 1;

	while (fails_at(last))
		last++;
	ok(last > 10, "%u flushes", last - 1);
	two_runs();
	return tap_done();
}
