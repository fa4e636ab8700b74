/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * directory: a file for each message, complete or not there at all. Two header
 * fields in front of the message hold the envelope, X-Sender and X-Receiver, as
 * pickup folders of other mail servers have it; the message itself follows
 * octet for octet.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/b64.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/compat/compat.h"
#include "lib/smtp/transport_ops.h"

#define UNIQUE_OCTETS 12
#define FILE_MODE 0640
#define SYNC_MS 250
#define FILE_NAME 64
#define TEMP_NAME (FILE_NAME + 8)
/* s: nobody writes a message for so long, or keeps one that is staged */
#define STALE 86400

struct folder {
	int fd;
	bool renamed; /* since the last fsync() of the folder */
	int64_t synced; /* when that was, clock_mono_ms() */
};

static int
folder_open(
    struct transport *t, const struct transport_config *config, struct diag *d)
{
	struct folder *f = ARENA_NEW(&t->arena, struct folder);

	(void)config;
	if (!f)
		return AVER_NOMEM;
	f->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		return diag_set(
		    d, AVER_CONF, 0, "%s: %s", t->path, strerror(errno));
	t->state = f;
	if (faccessat(f->fd, ".", W_OK | X_OK, AT_EACCESS))
		return diag_set(
		    d, AVER_CONF, 0, "%s: %s", t->path, strerror(errno));
	return 0;
}

static void
folder_close(struct transport *t)
{
	struct folder *f = t->state;

	if (f->renamed)
		(void)fsync(f->fd);
	close(f->fd);
}

/*
 * A name has to last too, but each fsync() is a commit of the file system, and
 * the one for the next message's octets brings this name along as a rule. So
 * one for the folder each SYNC_MS and at the end is enough.
 */
static bool
sync_names(struct folder *f)
{
	int64_t now = clock_mono_ms();

	f->renamed = true;
	if (now - f->synced < SYNC_MS)
		return true;
	if (fsync(f->fd))
		return false;
	f->renamed = false;
	f->synced = now;
	return true;
}

static bool
write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		s = str_from(s, (size_t)n);
	}
	return true;
}

/* SECONDS.RANDOM.eml: sorts by time, and no other writer has it. */
static bool
unique_name(char name[FILE_NAME])
{
	unsigned char octets[UNIQUE_OCTETS];
	struct buf b;
	bool ok = RAND_bytes(octets, sizeof(octets)) == 1;

	buf_init(&b, NULL, FILE_NAME - 1);
	buf_addf(&b, "%lld.", (long long)clock_now());
	hex_encode(&b, (struct str){(const char *)octets, sizeof(octets)});
	buf_add_z(&b, ".eml");
	ok = ok && buf_ok(&b);
	if (ok)
		snprintf(name, FILE_NAME, "%s", buf_z(&b));
	buf_fini(&b);
	return ok;
}

/* Every message has two names: this one is hidden until it is complete. */
static void
temporary(char temp[TEMP_NAME], const char *name)
{
	snprintf(temp, TEMP_NAME, ".%s.tmp", name);
}

static bool
write_file(int fd, const struct transport_message *m, bool sync)
{
	struct buf head;
	bool ok;

	buf_init(&head, NULL, 2048);
	buf_addf(&head, "X-Sender: <%.*s>\r\nX-Receiver: <%.*s>\r\n",
	    STRF(m->envelope_from), STRF(m->rcpt));
	ok = buf_ok(&head) && write_all(fd, buf_str(&head)) &&
	     write_all(fd, m->message) && (!sync || fsync(fd) == 0);
	buf_fini(&head);
	return ok;
}

/* With errno when it fails; nothing is left then. */
static bool
make_file(struct folder *f, const char *name, const struct transport_message *m,
    bool sync)
{
	char temp[TEMP_NAME];
	bool ok;
	int fd, saved;

	temporary(temp, name);
	fd = openat(f->fd, temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return false;
	ok = write_file(fd, m, sync);
	saved = errno;
	if (close(fd) && ok) {
		ok = false;
		saved = errno;
	}
	if (!ok)
		unlinkat(f->fd, temp, 0);
	errno = saved;
	return ok;
}

static void
trouble(struct transport *t, struct transport_reply *out)
{
	transport_answer(out, TRANSPORT_TEMP, "4.3.0", 0, "%s: %s", t->path,
	    strerror(errno));
	out->transport_down = true;
}

static void
folder_drop(struct transport *t, const char *name)
{
	struct folder *f = t->state;
	char temp[TEMP_NAME];

	temporary(temp, name);
	unlinkat(f->fd, temp, 0);
}

static void
folder_deliver(
    struct transport *t, const char *name, struct transport_reply *out)
{
	struct folder *f = t->state;
	char temp[TEMP_NAME];

	temporary(temp, name);
	if (renameat(f->fd, temp, f->fd, name)) {
		trouble(t, out);
		folder_drop(t, name);
	} else if (!sync_names(f)) {
		trouble(t, out);
		out->in_doubt = true;
	} else {
		transport_answer(out, TRANSPORT_SENT, "2.0.0", 0, "%s", name);
	}
}

/* The file under its hidden name; false with the answer. */
static bool
prepare(struct transport *t, const struct transport_message *m, bool sync,
    char name[FILE_NAME], struct transport_reply *out)
{
	if (m->flags & TRANSPORT_REQUIRETLS) {
		transport_answer(out, TRANSPORT_PERM, "5.7.30", 0,
		    "a directory cannot promise REQUIRETLS");
		return false;
	}
	if (!unique_name(name)) {
		transport_answer(
		    out, TRANSPORT_TEMP, "4.3.0", 0, "no random numbers");
		return false;
	}
	if (!make_file(t->state, name, m, sync)) {
		trouble(t, out);
		return false;
	}
	return true;
}

static void
folder_send(struct transport *t, const struct transport_message *m,
    struct transport_reply *out)
{
	char name[FILE_NAME];

	if (prepare(t, m, true, name, out))
		folder_deliver(t, name, out);
}

static void
folder_stage(struct transport *t, const struct transport_message *m,
    struct transport_stage *stage, struct transport_reply *out)
{
	char name[FILE_NAME];

	if (!prepare(t, m, !compat_syncs_file_systems, name, out))
		return;
	snprintf(stage->name, sizeof(stage->name), "%s", name);
	transport_answer(out, TRANSPORT_SENT, "2.0.0", 0, "%s", name);
}

/* It brings along the names that messages have got since the last time. */
static void
folder_sync(struct transport *t, struct transport_reply *out)
{
	struct folder *f = t->state;

	if (compat_syncs_file_systems) {
		if (!compat_sync_file_system(f->fd)) {
			trouble(t, out);
			return;
		}
		f->renamed = false;
		f->synced = clock_mono_ms();
	}
	transport_answer(out, TRANSPORT_SENT, "2.0.0", 0, "%s", t->path);
}

/* ---- what a program that was killed left behind --------------------- */

/* .SECONDS.RANDOM.eml.tmp */
static bool
is_temporary(struct str name)
{
	struct str rest, seconds, octets;
	uint64_t n;

	if (name.n == 0 || name.p[0] != '.')
		return false;
	seconds = str_cut(str_from(name, 1), '.', &rest);
	octets = str_cut(rest, '.', &rest);
	if (!str_to_u64(seconds, INT64_MAX, &n) ||
	    octets.n != (size_t)2 * UNIQUE_OCTETS)
		return false;
	for (size_t i = 0; i < octets.n; i++)
		if (!strchr("0123456789abcdef", octets.p[i]))
			return false;
	return str_eq(rest, STR("eml.tmp"));
}

static bool
is_stale(int dir, const char *name)
{
	struct stat st;

	return is_temporary(str_from_z(name)) &&
	       fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       st.st_mtime < clock_now() - STALE;
}

static void
folder_tidy(struct transport *t)
{
	int fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (is_stale(fd, e->d_name))
			unlinkat(fd, e->d_name, 0);
	closedir(dir);
}

const struct transport_ops transport_directory = {
    .open = folder_open,
    .send = folder_send,
    .stage = folder_stage,
    .sync = folder_sync,
    .deliver = folder_deliver,
    .drop = folder_drop,
    .tidy = folder_tidy,
    .close = folder_close,
};
