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

struct folder {
	int fd;
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

	close(f->fd);
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

/* False with errno; nothing is left then. */
static bool
deliver(int dir, const char *temp, const char *name,
    const struct transport_message *m)
{
	int fd = openat(dir, temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	bool ok;
	int saved;

	if (fd < 0)
		return false;
	ok = write_file(fd, m);
	if (close(fd))
		ok = false;
	if (ok && renameat(dir, temp, dir, name) == 0)
		/* the name has to last too */
		return fsync(dir) == 0;
	saved = errno;
	unlinkat(dir, temp, 0);
	errno = saved;
	return false;
}

static void
folder_send(struct transport *t, const struct transport_message *m,
    struct transport_reply *out)
{
	struct folder *f = t->state;
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
		if (deliver(f->fd, temp, buf_z(&name), m)) {
			transport_answer(out, TRANSPORT_SENT, "2.0.0", 0, "%s",
			    buf_z(&name));
		} else {
			transport_answer(out, TRANSPORT_TEMP, "4.3.0", 0,
			    "%s: %s", t->path, strerror(errno));
			out->transport_down = true;
		}
	}
	buf_fini(&name);
}

const struct transport_ops transport_directory = {
    .open = folder_open,
    .send = folder_send,
    .close = folder_close,
};
