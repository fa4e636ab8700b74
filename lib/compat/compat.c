/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/compat/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

#define HOST_MAX 256
#define LISTENER_FD_MAX 1024
#define STATE_MAX 256

/* WHAT: the text of errno. */
static int
set_errno(struct diag *d, const char *what)
{
	int number = errno;
	char text[128];

	if (strerror_r(number, text, sizeof(text)) != 0)
		snprintf(text, sizeof(text), "error %d", number);
	return diag_set(d, AVER_IO, 0, "%s: %s", what, text);
}

/* All of it is gone and cannot be had back. */
static bool
is_dropped(uid_t uid, gid_t gid)
{
	return getuid() == uid && geteuid() == uid && getgid() == gid &&
	       getegid() == gid && setuid(0) < 0 && seteuid(0) < 0;
}

int
compat_drop_privileges(const char *user, struct diag *d)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return 0;
	if (!user[0])
		return diag_set(d, AVER_CONF, 0,
		    "parameter user: empty; expected the user to become, as "
		    "root started this process");
	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return diag_set(d, AVER_CONF, 0,
		    "parameter user: there is no user \"%s\"", user);
	if (pw->pw_uid == 0)
		return diag_set(d, AVER_CONF, 0,
		    "parameter user: \"%s\" is root; expected one without "
		    "privileges",
		    user);
	if (initgroups(pw->pw_name, pw->pw_gid) < 0)
		return set_errno(d, "initgroups");
	if (setgid(pw->pw_gid) < 0)
		return set_errno(d, "setgid");
	if (setuid(pw->pw_uid) < 0)
		return set_errno(d, "setuid");
	if (!is_dropped(pw->pw_uid, pw->pw_gid))
		return diag_set(
		    d, AVER_IO, 0, "privileges could not be dropped for good");
	return 0;
}

int
compat_set_access(
    const char *path, mode_t mode, const char *group, struct diag *d)
{
	const struct group *gr = NULL;

	if (group[0] && !(gr = getgrnam(group)))
		return diag_set(d, AVER_CONF, 0,
		    "%s: there is no group \"%s\" to give it to", path, group);
	/* the group first: a change of it may clear mode bits */
	if (gr && chown(path, (uid_t)-1, gr->gr_gid) < 0)
		return diag_set(d, AVER_IO, 0,
		    "%s cannot be given to the group \"%s\": %s; the user that "
		    "starts this program has to be a member of it",
		    path, group, strerror(errno));
	if (chmod(path, mode) < 0)
		return set_errno(d, path);
	return 0;
}

/* False, and out unchanged, when it does not fit. */
int
compat_make_directory(
    const char *path, mode_t mode, const char *user, struct diag *d)
{
	const struct passwd *pw;
	char what[160];

	if (mkdir(path, mode) < 0) {
		int number = errno;

		snprintf(what, sizeof(what),
		    "the directory %.90s cannot be made", path);
		errno = number;
		return number == EEXIST ? 0 : set_errno(d, what);
	}
	if (geteuid() != 0 || !user[0])
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return diag_set(d, AVER_CONF, 0,
		    "parameter user: there is no user \"%s\"", user);
	if (chown(path, pw->pw_uid, pw->pw_gid) < 0)
		return set_errno(d, path);
	return 0;
}

static bool
copy_lower(char *out, size_t size, const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= size)
		return false;
	for (size_t i = 0; i <= n; i++)
		out[i] = chars_lower(name[i]);
	return true;
}

void
compat_hostname(char *out, size_t size)
{
	struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_CANONNAME,
	};
	struct addrinfo *found = NULL;
	char name[HOST_MAX + 1] = "";
	bool done = false;

	if (gethostname(name, HOST_MAX) < 0)
		name[0] = '\0';
	if (name[0] && !strchr(name, '.') &&
	    getaddrinfo(name, NULL, &hints, &found) == 0) {
		done = found->ai_canonname &&
		       strchr(found->ai_canonname, '.') &&
		       copy_lower(out, size, found->ai_canonname);
		freeaddrinfo(found);
	}
	if (!done && !copy_lower(out, size, name))
		copy_lower(out, size, "localhost");
}

void
compat_hold_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			/* the lowest number that is free: this one */
			(void)!open("/dev/null",
			    fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void
compat_raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	/* what cannot be raised stays as it is */
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

/* sd_notify(3): "/path" or, with "@" for NUL, an abstract name. */
static socklen_t
notify_address(struct sockaddr_un *sa)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n > sizeof(sa->sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return 0;
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(sa->sun_path, path, n);
	if (path[0] == '@')
		sa->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

void
compat_notify(const char *state)
{
	struct sockaddr_un sa;
	socklen_t n = notify_address(&sa);
	char text[STATE_MAX];
	int fd, size;

	if (n == 0)
		return;
	/* Type=notify-reload wants to know when the reload began */
	if (strcmp(state, "RELOADING=1") == 0)
		size = snprintf(text, sizeof(text), "%s\nMONOTONIC_USEC=%lld",
		    state, (long long)clock_mono_us());
	else
		size = snprintf(text, sizeof(text), "%s", state);
	if (size < 0 || (size_t)size >= sizeof(text))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, (size_t)size, MSG_NOSIGNAL,
	    (const struct sockaddr *)&sa, n);
	close(fd);
}

static bool
listens_on_tcp(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(int);
	int listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 ||
	    !listening)
		return false;
	n = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
		return false;
	return sa.ss_family == AF_INET || sa.ss_family == AF_INET6;
}

unsigned
compat_nodelay_listeners(void)
{
	unsigned found = 0;

	/* descriptors are given lowest first, and a daemon that has just
	 * opened its sockets has few */
	for (int fd = 0; fd < LISTENER_FD_MAX; fd++) {
		int on = 1;

		if (listens_on_tcp(fd) &&
		    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ==
			0)
			found++;
	}
	return found;
}

/* A lock of the whole file. */
static struct flock
whole_file(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

int
compat_pidfile(const char *path, struct diag *d)
{
	struct flock lock = whole_file();
	struct stat st;
	char text[32];
	int n, fd;

	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return set_errno(d, path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
		close(fd);
		return diag_set(d, AVER_IO, 0,
		    "%s: not a file of its own (a link, a device)", path);
	}
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		int err =
		    errno == EACCES || errno == EAGAIN
			? diag_set(d, AVER_CONF, 0,
			      "%s: locked; another process runs already", path)
			: set_errno(d, path);

		close(fd);
		return err;
	}
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || write(fd, text, (size_t)n) != n) {
		int err = set_errno(d, path);

		close(fd);
		return err;
	}
	return fd;
}

int
compat_pidfile_owner(const char *path, pid_t *out, struct diag *d)
{
	struct flock lock = whole_file();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0 && errno == ENOENT)
		return diag_set(d, AVER_NOTFOUND, 0, "%s: no such file", path);
	if (fd < 0)
		return set_errno(d, path);
	if (fcntl(fd, F_GETLK, &lock) < 0)
		err = set_errno(d, path);
	else if (lock.l_type == F_UNLCK || lock.l_pid <= 0)
		err = diag_set(
		    d, AVER_NOTFOUND, 0, "%s: no process holds it", path);
	else
		*out = lock.l_pid;
	close(fd);
	return err;
}
