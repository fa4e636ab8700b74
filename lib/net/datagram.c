/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/net/datagram.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/compat/compat.h"

#define QUEUE_LENGTH "/proc/sys/net/unix/max_dgram_qlen"

static int
io_error(struct diag *d, const char *path, const char *what)
{
	return diag_set(d, AVER_IO, 0, "cannot receive on %s: %s: %s", path,
	    what, strerror(errno));
}

/* A socket file whose process is gone. One that streams says EPROTOTYPE. */
static bool
is_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(sa->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int
bind_file(int fd, const struct sockaddr_un *sa)
{
	/* nobody until the mode is set */
	mode_t old = umask(0177);
	int done = bind(fd, (const struct sockaddr *)sa, sizeof(*sa));

	if (done < 0 && errno == EADDRINUSE) {
		if (is_stale(sa) && unlink(sa->sun_path) == 0)
			done =
			    bind(fd, (const struct sockaddr *)sa, sizeof(*sa));
		else
			errno = EADDRINUSE;
	}
	umask(old);
	return done;
}

static int
set_owner(const char *path, const char *owner, struct diag *d)
{
	const struct passwd *pw;

	if (!owner || !*owner)
		return 0;
	pw = getpwnam(owner);
	if (!pw)
		return diag_set(
		    d, AVER_CONF, 0, "%s: no such user: %s", path, owner);
	if (chown(path, pw->pw_uid, (gid_t)-1) < 0)
		return io_error(d, path, "chown");
	return 0;
}

static int
open_at(int fd, const struct sockaddr_un *sa,
    const struct datagram_access *access, struct listener *out, struct diag *d)
{
	const char *path = sa->sun_path;
	struct stat st;
	int err;

	if (!listen_set_flags(fd))
		return io_error(d, path, "fcntl");
	if (bind_file(fd, sa) < 0)
		return errno == EADDRINUSE
			   ? diag_set(d, AVER_CONF, 0,
				 "cannot receive on %s: something is there "
				 "that is in use, or no socket",
				 path)
			   : io_error(d, path, "bind");
	err = set_owner(path, access->owner, d);
	if (!err)
		err = compat_set_access(path, access->mode, access->group, d);
	if (!err && lstat(path, &st))
		err = io_error(d, path, "lstat");
	if (err) {
		unlink(path);
		return err;
	}
	memcpy(out->path, path, strlen(path) + 1);
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	return 0;
}

int
datagram_open(const char *path, const struct datagram_access *access,
    size_t buffer, struct listener *out, struct diag *d)
{
	int size = buffer < INT_MAX ? (int)buffer : INT_MAX;
	struct listener k = {.fd = -1};
	struct sockaddr_un sa;
	size_t n = strlen(path);
	int err;

	memset(&sa, 0, sizeof(sa));
	sa.sun_family = AF_UNIX;
	if (n == 0 || n >= sizeof(sa.sun_path))
		return diag_set(d, AVER_CONF, 0,
		    "cannot receive on %s: the path has more than %zu octets",
		    path, sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path, n);
	k.fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (k.fd < 0)
		return io_error(d, path, "socket");
	/* the kernel cuts it to what it allows */
	(void)setsockopt(k.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	err = open_at(k.fd, &sa, access, &k, d);
	if (err) {
		close(k.fd);
		return err;
	}
	*out = k;
	return 0;
}

void
datagram_close(struct listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	close(l->fd);
	l->fd = -1;
	if (*l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		unlink(l->path);
}

unsigned
datagram_queue_length(void)
{
	char text[32] = "";
	int fd = open(QUEUE_LENGTH, O_RDONLY | O_CLOEXEC);
	uint64_t v;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n <= 0 || !str_to_u64(str_trim_fws((struct str){text, (size_t)n}),
			  UINT_MAX, &v))
		return 0;
	return (unsigned)v;
}
