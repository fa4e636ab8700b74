/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/compat/compat.h"

#define BACKLOG 4096 /* the kernel takes no more than its somaxconn */
#define FIRST_INHERITED 3 /* sd_listen_fds(3) */
#define HOST_MAX 256

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un file;
};

/* fcntl() and not SOCK_NONBLOCK, which POSIX.1-2008 lacks. */
bool
listen_set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static int
io_error(struct diag *d, const char *where, const char *what)
{
	return diag_set(d, AVER_IO, 0, "cannot listen on %s: %s: %s", where,
	    what, strerror(errno));
}

/* Closes fd and keeps errno. */
static int
drop(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

/* ---- TCP ---------------------------------------------------------------- */

static int
open_inet(const struct sockaddr *sa, socklen_t size, int backlog)
{
	int one = 1, fd = socket(sa->sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (!listen_set_flags(fd) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    /* accepted sockets inherit it */
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		return drop(fd);
	/* [::] means IPv6 whatever the system's default is */
	if (sa->sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		return drop(fd);
	if (bind(fd, sa, size) || listen(fd, backlog))
		return drop(fd);
	return fd;
}

int
listen_inet(const struct ip *ip, uint16_t port, int backlog)
{
	union address a;

	memset(&a, 0, sizeof(a));
	if (ip->family == IP_V4) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(port);
		memcpy(&a.v4.sin_addr, ip->a, 4);
		return open_inet(&a.sa, sizeof(a.v4), backlog);
	}
	a.v6.sin6_family = AF_INET6;
	a.v6.sin6_port = htons(port);
	memcpy(&a.v6.sin6_addr, ip->a, 16);
	return open_inet(&a.sa, sizeof(a.v6), backlog);
}

static struct listener *
add(struct listeners *l, int fd)
{
	struct listener *k = &l->v[l->n++];

	*k = (struct listener){.fd = fd};
	return k;
}

/* HOST:PORT with the brackets of an IPv6 address. */
static bool
split_host(struct str s, char *host, struct str *port)
{
	size_t colon = str_rchr(s, ':');
	struct str h = str_head(s, colon);

	*port = str_from(s, colon + 1);
	if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = (struct str){h.p + 1, h.n - 2};
	if (h.n == 0 || h.n >= HOST_MAX || port->n == 0)
		return false;
	memcpy(host, h.p, h.n);
	host[h.n] = '\0';
	return true;
}

static int
add_inet(struct listeners *l, const char *where, struct diag *d)
{
	struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *found = NULL;
	char host[HOST_MAX];
	struct str port;
	int err = 0, why;

	if (!split_host(str_from(str_from_z(where), 5), host, &port))
		return diag_set(
		    d, AVER_CONF, 0, "%s: expected inet:HOST:PORT", where);
	/* the port ends with the text */
	why = getaddrinfo(host, port.p, &hints, &found);
	if (why)
		return diag_set(d, AVER_CONF, 0, "cannot listen on %s: %s",
		    where, gai_strerror(why));
	for (struct addrinfo *a = found; a && !err; a = a->ai_next) {
		int fd;

		if (l->n == LISTENERS_MAX)
			err = diag_set(d, AVER_LIMIT, 0,
			    "%s: more than %d sockets to listen on", where,
			    LISTENERS_MAX);
		else if ((fd = open_inet(a->ai_addr, a->ai_addrlen, BACKLOG)) <
			 0)
			err = io_error(d, where, "bind");
		else
			add(l, fd);
	}
	freeaddrinfo(found);
	return err;
}

/* ---- socket files ------------------------------------------------------- */

/* A socket file whose process is gone. */
static bool
is_stale(const union address *a)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(a->file.sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return false;
	/* not blocking: a live one whose queue is full says EAGAIN */
	stale = listen_set_flags(fd) &&
		connect(fd, &a->sa, sizeof(a->file)) < 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int
bind_file(int fd, const union address *a)
{
	/* nobody until the mode is set */
	mode_t old = umask(0177);
	int done = bind(fd, &a->sa, sizeof(a->file));

	if (done < 0 && errno == EADDRINUSE) {
		if (is_stale(a) && unlink(a->file.sun_path) == 0)
			done = bind(fd, &a->sa, sizeof(a->file));
		else
			errno = EADDRINUSE;
	}
	umask(old);
	return done;
}

/* Before listen(2) nobody can connect, whatever the mode is for a moment. */
static int
open_file(int fd, const char *where, const union address *a,
    const struct listen_access *access, struct listener *k, struct diag *d)
{
	const char *path = a->file.sun_path;
	struct stat st;
	int err;

	if (!listen_set_flags(fd))
		return io_error(d, where, "fcntl");
	if (bind_file(fd, a) < 0)
		return errno == EADDRINUSE
			   ? diag_set(d, AVER_CONF, 0,
				 "cannot listen on %s: something is there that "
				 "is in use, or no socket",
				 where)
			   : io_error(d, where, "bind");
	err = compat_set_access(path, access->mode, access->group, d);
	if (!err && (lstat(path, &st) || listen(fd, BACKLOG)))
		err = io_error(d, where, "listen");
	if (err) {
		unlink(path);
		return err;
	}
	memcpy(k->path, path, strlen(path) + 1);
	k->dev = st.st_dev;
	k->ino = st.st_ino;
	return 0;
}

static int
add_file(struct listeners *l, const char *where,
    const struct listen_access *access, struct diag *d)
{
	struct str path = str_from(str_from_z(where), 5);
	struct listener k = {.fd = -1};
	union address a;
	int err;

	memset(&a, 0, sizeof(a));
	a.file.sun_family = AF_UNIX;
	if (path.n == 0 || path.n >= sizeof(a.file.sun_path))
		return diag_set(d, AVER_CONF, 0,
		    "%s: expected unix:PATH with a path of at most %zu octets",
		    where, sizeof(a.file.sun_path) - 1);
	memcpy(a.file.sun_path, path.p, path.n);
	if (l->n == LISTENERS_MAX)
		return diag_set(d, AVER_LIMIT, 0,
		    "%s: more than %d sockets to listen on", where,
		    LISTENERS_MAX);
	k.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (k.fd < 0)
		return io_error(d, where, "socket");
	err = open_file(k.fd, where, &a, access, &k, d);
	if (err) {
		close(k.fd);
		return err;
	}
	*add(l, k.fd) = k;
	return 0;
}

int
listen_add(struct listeners *l, const char *where,
    const struct listen_access *access, struct diag *d)
{
	if (str_starts(str_from_z(where), STR("unix:")))
		return add_file(l, where, access, d);
	if (str_starts(str_from_z(where), STR("inet:")))
		return add_inet(l, where, d);
	return diag_set(
	    d, AVER_CONF, 0, "%s: expected unix:PATH or inet:HOST:PORT", where);
}

/* ---- the service manager's ---------------------------------------------- */

static bool
number_of(const char *name, uint64_t *out)
{
	const char *z = getenv(name);

	return z && str_to_u64(str_from_z(z), INT32_MAX, out);
}

static bool
listens(int fd)
{
	int value = 0, one = 1;
	socklen_t n = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &n) || !value)
		return false;
	n = sizeof(value);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &n) ||
	    value != SOCK_STREAM)
		return false;
	/* only TCP has it */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return listen_set_flags(fd);
}

int
listen_inherit(struct listeners *l, struct diag *d)
{
	uint64_t pid, n = 0;
	bool ours = number_of("LISTEN_PID", &pid) && pid == (uint64_t)getpid();

	if (ours && !number_of("LISTEN_FDS", &n))
		n = 0;
	/* not for the programs that we start */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (n > LISTENERS_MAX - l->n)
		return diag_set(d, AVER_LIMIT, 0,
		    "the service manager passes more than %d sockets",
		    LISTENERS_MAX);
	for (int i = 0; i < (int)n; i++) {
		if (!listens(FIRST_INHERITED + i))
			return diag_set(d, AVER_CONF, 0,
			    "socket %d of the service manager: not one that "
			    "streams and listens",
			    i);
		add(l, FIRST_INHERITED + i);
	}
	return 0;
}

void
listen_hide(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct listener *k = &l->v[i];
		struct stat st;

		/* another process may have put its own there since */
		if (*k->path && lstat(k->path, &st) == 0 &&
		    st.st_dev == k->dev && st.st_ino == k->ino)
			unlink(k->path);
		k->path[0] = '\0';
	}
}

void
listen_close(struct listeners *l)
{
	listen_hide(l);
	for (size_t i = 0; i < l->n; i++)
		close(l->v[i].fd);
	l->n = 0;
}
