/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * directory: a file for each message, complete or not there at all. Two header
 * fields in front of the message hold the envelope, X-Sender and X-Receiver, as
 * pickup folders of other mail servers have it; the message itself follows
 * octet for octet.
 */
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
#include "lib/smtp/transport_ops.h"

#define UNIQUE_OCTETS 12
#define FILE_MODE 0640
#define SYNC_MS 250

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
unique_name(struct buf *b)
{
	unsigned char octets[UNIQUE_OCTETS];

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	buf_addf(b, "%lld.", (long long)clock_now());
	hex_encode(b, (struct str){(const char *)octets, sizeof(octets)});
	buf_add_z(b, ".eml");
	return buf_ok(b);
}

static bool
write_file(int fd, const struct transport_message *m)
{
	struct buf head;
	bool ok;

	buf_init(&head, NULL, 2048);
	buf_addf(&head, "X-Sender: <%.*s>\r\nX-Receiver: <%.*s>\r\n",
	    STRF(m->envelope_from), STRF(m->rcpt));
	ok = buf_ok(&head) && write_all(fd, buf_str(&head)) &&
	     write_all(fd, m->message) && fsync(fd) == 0;
	buf_fini(&head);
	return ok;
}

enum delivery { DELIVERED, NOT_DELIVERED, NOT_SYNCED };

/* With errno unless delivered; nothing is left when it is not. */
static enum delivery
deliver(struct folder *f, const char *temp, const char *name,
    const struct transport_message *m)
{
	int fd = openat(f->fd, temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	bool ok;
	int saved;

	if (fd < 0)
		return NOT_DELIVERED;
	ok = write_file(fd, m);
	if (close(fd))
		ok = false;
	if (ok && renameat(f->fd, temp, f->fd, name) == 0)
		return sync_names(f) ? DELIVERED : NOT_SYNCED;
	saved = errno;
	unlinkat(f->fd, temp, 0);
	errno = saved;
	return NOT_DELIVERED;
}

static void
folder_send(struct transport *t, const struct transport_message *m,
    struct transport_reply *out)
{
	struct folder *f = t->state;
	enum delivery d;
	struct buf name;
	char temp[64];

	if (m->flags & TRANSPORT_REQUIRETLS) {
		transport_answer(out, TRANSPORT_PERM, "5.7.30", 0,
		    "a directory cannot promise REQUIRETLS");
		return;
	}
	buf_init(&name, NULL, sizeof(temp) - 8);
	if (!unique_name(&name)) {
		transport_answer(
		    out, TRANSPORT_TEMP, "4.3.0", 0, "no random numbers");
	} else {
		snprintf(temp, sizeof(temp), ".%s.tmp", buf_z(&name));
		d = deliver(f, temp, buf_z(&name), m);
		if (d == DELIVERED) {
			transport_answer(out, TRANSPORT_SENT, "2.0.0", 0, "%s",
			    buf_z(&name));
		} else {
			transport_answer(out, TRANSPORT_TEMP, "4.3.0", 0,
			    "%s: %s", t->path, strerror(errno));
			out->transport_down = true;
			out->in_doubt = d == NOT_SYNCED;
		}
	}
	buf_fini(&name);
}

const struct transport_ops transport_directory = {
    .open = folder_open,
    .send = folder_send,
    .close = folder_close,
};
