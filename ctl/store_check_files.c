/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What daemons have beside the store, read as it lies there: they may be
 * writing, so nothing is locked, and what is only half there now is no fault.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/cell.h"
#include "ctl/store_check.h"
#include "lib/base/err.h"
#include "lib/store/ring.h"
#include "lib/store/spool.h"

#define DAY 86400
#define RING_MOST (RING_DATA + ((size_t)128 << 20)) /* octets looked at */
#define WINDOW ((size_t)8 << 20) /* two blocks of a spool */
#define ALIGN 8 /* of blocks */
#define NAMES_MOST 64 /* files */

struct file {
	struct check *c;
	struct str name;
	int fd;
	uint64_t size;
	/* found so far */
	uint64_t records, damaged;
	uint64_t torn; /* behind the last whole block */
	int64_t oldest;
	struct ring_naming naming; /* of the ring, or of the spool's */
};

static int
fault(struct file *f, const char *text)
{
	check_about(f->c, f->name);
	buf_add_z(&f->c->text, text);
	return check_fault(f->c);
}

/* n octets from the place on, or fewer at the end. */
static size_t
read_at(const struct file *f, char *out, size_t n, uint64_t at)
{
	size_t have = 0;
	ssize_t got = 1;

	while (have < n && got > 0) {
		got = pread(f->fd, out + have, n - have, (off_t)(at + have));
		if (got > 0)
			have += (size_t)got;
	}
	return have;
}

/* How far the store has counted what comes from that ring. */
static int
counted(struct file *f, uint64_t source, uint64_t *seq)
{
	const struct ring_naming *x = &f->naming;
	bool renamed = x->name && x->source == source;
	struct check *c = f->c;
	char name[32];
	int n = snprintf(
	    name, sizeof(name), "ring-%016" PRIx64, renamed ? x->name : source);
	int err =
	    store_committed(c->s, (struct str){name, (size_t)n}, seq, c->d);

	if (!err && renamed && *seq < x->done)
		*seq = x->done;
	return err;
}

static int
tell_waiting(struct file *f, const char *where)
{
	struct check *c = f->c;

	if (f->records == 0)
		return 0;
	check_about(c, f->name);
	buf_addf(&c->text, "%" PRIu64 " %s wait for the store, the oldest of ",
	    f->records, where);
	cell_time(&c->text, f->oldest);
	/* the daemon would have brought them long ago */
	return f->oldest < c->now - DAY ? check_fault(c) : check_note(c);
}

/* --- rings */

static int
note_record(void *arg, const struct ring_entry *e)
{
	struct file *f = arg;

	if (!e)
		return 0;
	if (f->records == 0 || e->time < f->oldest)
		f->oldest = e->time;
	f->records++;
	return 0;
}

static int
check_image(struct file *f, const char *image, size_t n)
{
	struct ring_salvaged found;
	uint64_t seq = 0;
	int err = ring_salvage_image(image, n, note_record, f, &found);

	if (err)
		return diag_set(f->c->d, err, 0, "out of memory");
	if (!found.header)
		return fault(f, "is damaged, or of another version");
	f->naming = found.naming;
	err = counted(f, found.source, &seq);
	if (err)
		return err;
	if (seq > found.last_seq)
		return fault(f,
		    "is older than the store, which has counted more than it "
		    "ever held");
	return tell_waiting(f, "records");
}

static int
check_ring(struct file *f)
{
	char *image;
	size_t n;
	int err;

	if (f->size == 0)
		return 0; /* it is being made */
	if (f->size > RING_MOST) {
		check_about(f->c, f->name);
		buf_add_z(&f->c->text, "is too large to be looked at");
		return check_note(f->c);
	}
	image = malloc(f->size);
	if (!image)
		return diag_set(f->c->d, AVER_NOMEM, 0, "out of memory");
	n = read_at(f, image, f->size, 0);
	err = check_image(f, image, n);
	free(image);
	return err;
}

/* --- spools */

static void
note_block(struct file *f, struct spool_block *b, uint64_t done)
{
	struct store_evaluation row;
	enum record_kind kind;
	uint64_t seq;

	f->damaged += f->torn;
	f->torn = 0;
	while (spool_row_next(b, &row, &kind, &seq)) {
		if (seq <= done)
			continue;
		if (f->records == 0 || row.hour < f->oldest)
			f->oldest = row.hour;
		f->records += row.count;
	}
}

static int
check_window(struct file *f, struct str window, bool last, size_t *used)
{
	uint64_t source = 0, done = 0;
	bool known = false;
	size_t at = 0;

	/* a block is at most half of the window */
	while (at < window.n && (last || at < window.n / 2)) {
		struct spool_block b;

		if (!spool_block_parse(str_from(window, at), &b)) {
			at += ALIGN;
			f->torn += ALIGN;
			continue;
		}
		if (!known || b.source != source) {
			int err = counted(f, b.source, &done);

			if (err)
				return err;
			known = true;
			source = b.source;
		}
		at += b.size;
		note_block(f, &b, done);
	}
	*used = at < window.n ? at : window.n;
	return 0;
}

static int
check_spool(struct file *f)
{
	char *window = malloc(WINDOW);
	uint64_t at = 0;
	int err = 0;

	if (!window)
		return diag_set(f->c->d, AVER_NOMEM, 0, "out of memory");
	while (!err) {
		size_t n = read_at(f, window, WINDOW, at), used = 0;

		if (n == 0)
			break;
		err =
		    check_window(f, (struct str){window, n}, n < WINDOW, &used);
		at += used;
	}
	free(window);
	if (!err && f->damaged) {
		check_about(f->c, f->name);
		buf_addf(&f->c->text,
		    "%" PRIu64 " octets between its blocks are damaged",
		    f->damaged);
		err = check_fault(f->c);
	}
	/* it is being written, or was when its writer died: the ring has it */
	if (!err && f->torn) {
		check_about(f->c, f->name);
		buf_add_z(&f->c->text, "ends with half a block");
		err = check_note(f->c);
	}
	return err ? err : tell_waiting(f, "messages or sessions");
}

/* --- all files */

/* What the ring beside a spool says of names. */
static void
read_naming(struct file *f, int dir)
{
	size_t n = f->name.n - strlen(".spool");
	char name[256], head[4096];
	int fd = -1, len = snprintf(name, sizeof(name), "%.*s.ring",
			 STRF(str_head(f->name, n)));
	ssize_t got = 0;

	if (len > 0 && (size_t)len < sizeof(name))
		fd = openat(
		    dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0) {
		got = pread(fd, head, sizeof(head), 0);
		close(fd);
	}
	ring_naming_of(head, got > 0 ? (size_t)got : 0, &f->naming);
}

static bool
ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static int
check_file(struct check *c, int dir, const char *name)
{
	struct file f = {.c = c, .name = str_from_z(name)};
	struct stat st;
	int err;

	f.fd =
	    openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (f.fd < 0 || fstat(f.fd, &st) < 0) {
		check_about(c, f.name);
		buf_add_z(&c->text, strerror(errno));
		if (f.fd >= 0)
			close(f.fd);
		return check_note(c);
	}
	c->looked[c->part]++;
	f.size = st.st_size < 0 ? 0 : (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode)) {
		err = fault(&f, "is no file");
	} else if (ends(name, ".ring")) {
		err = check_ring(&f);
	} else {
		read_naming(&f, dir);
		err = check_spool(&f);
	}
	close(f.fd);
	return err;
}

int
check_files(struct check *c, const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *e;
	int err = 0;

	c->part = CHECK_FILES;
	if (!dir) {
		check_about(c, str_from_z(directory));
		buf_add_z(&c->text, strerror(errno));
		return check_note(c);
	}
	while (!err && c->looked[c->part] < NAMES_MOST && (e = readdir(dir)))
		if (ends(e->d_name, ".ring") || ends(e->d_name, ".spool"))
			err = check_file(c, dirfd(dir), e->d_name);
	closedir(dir);
	return err;
}
