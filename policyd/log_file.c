/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A log file that is followed by name: rotated by renaming, or by copying and
 * truncating. A file that was renamed is read to its end first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "policyd/log_source.h"

#define CHECK_OCTETS ((size_t)64)
#define SIBLINGS_MAX 10000 /* entries of the folder that are looked at */
/* a renamed file may still be written to for a moment */
#define SWITCH_MS 2000
#define PATH_OCTETS 1100

struct log_file {
	char *path;
	int fd; /* -1: none */
	uint64_t dev, ino;
	uint64_t offset; /* of buf[at] in the file */
	char *buf;
	size_t at, n;
	bool is_long; /* within a line that is passed over */
	int64_t replaced_at; /* since when another file has the name; 0 */
};

static int
io_error(struct diag *d, const char *path)
{
	return diag_set(d, AVER_IO, 0, "%s: %s", path, strerror(errno));
}

static void
drop(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->at = f->n = 0;
	f->offset = 0;
	f->is_long = false;
	f->replaced_at = 0;
}

static int
open_path(struct log_file *f, const char *path, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return io_error(d, path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return diag_set(d, AVER_IO, 0, "%s: this is no file", path);
	}
	drop(f);
	f->fd = fd;
	f->dev = (uint64_t)st.st_dev;
	f->ino = (uint64_t)st.st_ino;
	return 0;
}

/* ---- files beside it ---------------------------------------------------- */

/* What the search for a file beside ours wants. */
struct wanted {
	uint64_t dev, ino; /* that one; ino 0: the oldest after... */
	struct timespec after; /* ...this time that is not skip */
	uint64_t skip;
	char path[PATH_OCTETS];
	struct timespec best;
};

static bool
is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec
				      : a->tv_nsec < b->tv_nsec;
}

static bool
is_compressed(struct str name)
{
	return str_ends_ci(name, STR(".gz")) || str_ends_ci(name, STR(".xz")) ||
	       str_ends_ci(name, STR(".bz2")) || str_ends_ci(name, STR(".zst"));
}

/*
 * What rotation puts behind the name: ".1", "-20261126", "_2", ".old". Others
 * are logs of their own, as mail.info and mail.warn are beside mail.
 */
static bool
is_rotated(struct str suffix)
{
	if (suffix.n == 0 || str_eq(suffix, STR(".old")))
		return true;
	return suffix.n > 1 && str_chr(STR(".-_"), suffix.p[0]) < 3 &&
	       chars_is(suffix.p[1], CH_DIGIT);
}

/* True when the search is over. */
static bool
look_at(struct wanted *w, const char *path)
{
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_dev != w->dev)
		return false;
	if (w->ino) {
		if ((uint64_t)st.st_ino != w->ino)
			return false;
	} else if ((uint64_t)st.st_ino == w->skip ||
		   is_before(&st.st_mtim, &w->after) ||
		   (w->path[0] && !is_before(&st.st_mtim, &w->best))) {
		return false;
	}
	w->best = st.st_mtim;
	memcpy(w->path, path, strlen(path) + 1);
	return w->ino != 0;
}

/* The file itself and what it was renamed to: "mail.log.1". */
static void
search(const struct log_file *f, struct wanted *w)
{
	const char *slash = strrchr(f->path, '/');
	struct str name = str_from_z(slash ? slash + 1 : f->path);
	char path[PATH_OCTETS];
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	w->path[0] = '\0';
	snprintf(path, sizeof(path), "%.*s",
	    slash ? (int)(slash - f->path + 1) : 2, slash ? f->path : "./");
	dir = opendir(path);
	if (!dir)
		return;
	while (n++ < SIBLINGS_MAX && (e = readdir(dir))) {
		struct str is = str_from_z(e->d_name);

		if (!str_starts(is, name) || is_compressed(is) ||
		    (!w->ino && !is_rotated(str_from(is, name.n))))
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%.*s%s",
			slash ? (int)(slash - f->path + 1) : 0, f->path,
			e->d_name) < sizeof(path) &&
		    look_at(w, path))
			break;
	}
	closedir(dir);
}

/* ---- where to begin ----------------------------------------------------- */

static bool
is_same(const struct log_file *f, const struct log_mark *at)
{
	char was[CHECK_OCTETS];
	struct stat st;
	size_t n = (size_t)at->n_check;

	if (fstat(f->fd, &st) || (uint64_t)st.st_size < at->offset)
		return false;
	if (n == 0)
		return true;
	if (n > CHECK_OCTETS || n > at->offset ||
	    pread(f->fd, was, n, (off_t)(at->offset - n)) != (ssize_t)n)
		return false;
	return str_hash((struct str){was, n}, 0) == at->check;
}

static int
go_to(struct log_file *f, uint64_t offset, struct diag *d)
{
	if (lseek(f->fd, (off_t)offset, SEEK_SET) < 0)
		return io_error(d, f->path);
	f->at = f->n = 0;
	f->offset = offset;
	f->is_long = false;
	return 0;
}

static int
seek_end(struct log_file *f, struct diag *d)
{
	struct stat st;
	char last = '\n';
	int err = open_path(f, f->path, d);

	if (err)
		return err;
	if (fstat(f->fd, &st))
		return io_error(d, f->path);
	if (st.st_size > 0 && pread(f->fd, &last, 1, st.st_size - 1) != 1)
		return io_error(d, f->path);
	err = go_to(f, (uint64_t)st.st_size, d);
	/* the rest of a line that is being written is none */
	f->is_long = last != '\n';
	return err;
}

static int
file_seek(void *self, const struct log_mark *at, struct diag *d)
{
	struct wanted w = {.dev = at->dev, .ino = at->ino};
	struct log_file *f = self;
	int err;

	/* a file that comes later is new as a whole */
	if (!log_mark_is(at))
		return access(f->path, F_OK) && errno == ENOENT
			   ? 0
			   : seek_end(f, d);
	search(f, &w);
	if (w.path[0] && open_path(f, w.path, d) == 0 && is_same(f, at))
		return go_to(f, at->offset, d);
	err = open_path(f, f->path, d);
	return err ? err : AVER_NOTFOUND;
}

static void
file_here(void *self, struct log_mark *out)
{
	const struct log_file *f = self;

	*out = (struct log_mark){.dev = 0};
	if (f->fd >= 0)
		*out = (struct log_mark){
		    .dev = f->dev, .ino = f->ino, .offset = f->offset};
}

/* ---- reading ------------------------------------------------------------ */

/* Copied away and truncated: its new lines begin at 0. */
static bool
was_truncated(struct log_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) ||
	    (uint64_t)st.st_size >= f->offset + (f->n - f->at))
		return false;
	return go_to(f, 0, NULL) == 0;
}

/*
 * At the end of the file: whether another one has taken its name, and nobody
 * writes to this one any more. Then that is open.
 */
static bool
was_replaced(struct log_file *f)
{
	struct wanted w = {.dev = f->dev, .skip = f->ino};
	struct stat st, own;
	int64_t now = clock_mono_ms();

	if (stat(f->path, &st) || fstat(f->fd, &own) ||
	    (st.st_dev == own.st_dev && st.st_ino == own.st_ino)) {
		f->replaced_at = 0;
		return false;
	}
	if (f->replaced_at == 0)
		f->replaced_at = now;
	if (now - f->replaced_at < SWITCH_MS &&
	    clock_now() - own.st_mtim.tv_sec <= SWITCH_MS / 1000)
		return false;
	/* when we were away, there may be several in between */
	w.after = own.st_mtim;
	search(f, &w);
	return open_path(f, w.path[0] ? w.path : f->path, NULL) == 0;
}

/* A line that is complete in the buffer. */
static bool
take_line(struct log_file *f, struct str *line, struct log_mark *after)
{
	struct str rest = {f->buf + f->at, f->n - f->at};
	size_t end = str_chr(rest, '\n');
	bool is_good = !f->is_long;
	struct str tail;

	if (end == rest.n)
		return false;
	*line = str_head(rest, end);
	f->at += end + 1;
	f->offset += end + 1;
	f->is_long = false;
	tail = str_head(rest, end + 1);
	if (tail.n > CHECK_OCTETS)
		tail = str_from(tail, tail.n - CHECK_OCTETS);
	*after = (struct log_mark){.dev = f->dev,
	    .ino = f->ino,
	    .offset = f->offset,
	    .check = str_hash(tail, 0),
	    .n_check = tail.n};
	if (!is_good)
		*line = STR_NONE;
	return true;
}

/* Makes room for more. */
static void
shift(struct log_file *f)
{
	if (f->at == 0 && f->n == LOG_LINE_MAX) {
		f->is_long = true;
		f->offset += f->n;
		f->n = 0;
		return;
	}
	memmove(f->buf, f->buf + f->at, f->n - f->at);
	f->n -= f->at;
	f->at = 0;
}

static int
file_next(void *self, struct str *line, struct log_mark *after, struct diag *d)
{
	struct log_file *f = self;
	ssize_t n;

	if (f->fd < 0 && access(f->path, F_OK) && errno == ENOENT)
		return 0;
	if (f->fd < 0) {
		int err = open_path(f, f->path, d);

		if (err)
			return err;
	}
	for (;;) {
		if (take_line(f, line, after))
			return 1;
		shift(f);
		n = read(f->fd, f->buf + f->n, LOG_LINE_MAX - f->n);
		if (n < 0 && errno != EINTR)
			return io_error(d, f->path);
		if (n > 0)
			f->n += (size_t)n;
		if (n == 0 && !was_truncated(f) && !was_replaced(f))
			return 0;
	}
}

static int
file_fd(void *self)
{
	(void)self;
	return -1;
}

static uint64_t
file_lag(void *self)
{
	struct log_file *f = self;
	struct stat st;

	if (f->fd < 0 || fstat(f->fd, &st) || (uint64_t)st.st_size < f->offset)
		return 0;
	return (uint64_t)st.st_size - f->offset;
}

static void
file_close(void *self)
{
	struct log_file *f = self;

	if (!f)
		return;
	drop(f);
	free(f->buf);
	free(f->path);
	free(f);
}

int
log_source_file(const char *path, struct log_source *out)
{
	struct log_file *f = calloc(1, sizeof(*f));

	if (!f)
		return AVER_NOMEM;
	f->fd = -1;
	f->path = strdup(path);
	f->buf = malloc(LOG_LINE_MAX);
	if (!f->path || !f->buf) {
		file_close(f);
		return AVER_NOMEM;
	}
	*out = (struct log_source){
	    file_seek, file_here, file_next, file_fd, file_lag, file_close, f};
	return 0;
}
