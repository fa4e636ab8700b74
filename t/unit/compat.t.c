/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/compat/compat.h"

/* The test cannot go on. */
static void
bail(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

/* Runs fn in a process of its own; what it returns (0 to 99). */
static int
in_child(int (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 99;
	return WEXITSTATUS(status);
}

static int
second_lock(void)
{
	struct diag d = {{0}, 0};

	if (compat_pidfile("pid", &d) != AVER_CONF)
		return 1;
	return strcmp(d.text, "pid: locked; another process runs already");
}

static int
owner_is_parent(void)
{
	pid_t pid = 0;

	if (compat_pidfile_owner("pid", &pid, NULL) != 0)
		return 1;
	return pid == getppid() ? 0 : 2;
}

static void
test_pidfile(void)
{
	struct diag d = {{0}, 0};
	char text[32] = "", want[32];
	struct stat st;
	pid_t pid = 0;
	FILE *f;
	int fd;

	is_int(compat_pidfile_owner("pid", &pid, &d), AVER_NOTFOUND,
	    "no file, no owner");
	is_str(str_from_z(d.text), STR("pid: no such file"), "says so");
	f = fopen("pid", "w");
	if (!f || fputs("1234567890 and more\n", f) < 0 || fclose(f) != 0)
		bail("pid");
	is_int(compat_pidfile_owner("pid", &pid, &d), AVER_NOTFOUND,
	    "a stale file has no owner");
	is_str(str_from_z(d.text), STR("pid: no process holds it"), "says so");
	fd = compat_pidfile("pid", &d);
	ok(fd >= 0, "a stale file is taken over");
	is_int(in_child(second_lock), 0, "a second process is refused");
	is_int(in_child(owner_is_parent), 0, "others see the owner");
	snprintf(want, sizeof(want), "%ld\n", (long)getpid());
	ok(pread(fd, text, sizeof(text) - 1, 0) > 0, "the file is readable");
	is_str(str_from_z(text), str_from_z(want), "it holds the PID");
	ok(fstat(fd, &st) == 0 && (st.st_mode & 022) == 0,
	    "nobody else may write it");
	close(fd);
	ok(symlink("pid", "link") == 0 && compat_pidfile("link", &d) == AVER_IO,
	    "a symbolic link is refused");
	ok(link("pid", "hard") == 0 && compat_pidfile("hard", &d) == AVER_IO,
	    "a hard link is refused");
	is_int(
	    compat_pidfile("no/such/folder", &d), AVER_IO, "no folder for it");
	is_str(str_from_z(d.text),
	    STR("no/such/folder: No such file or directory"), "says so");
	unlink("link");
	unlink("hard");
	unlink("pid");
}

static int
listener(int family, int type, const struct sockaddr *sa, socklen_t n)
{
	int fd = socket(family, type, 0);

	if (fd >= 0 && (bind(fd, sa, n) < 0 || listen(fd, 1) < 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool
has_nodelay(int fd)
{
	int on = 0;
	socklen_t n = sizeof(on);

	return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n) == 0 && on;
}

static void
test_nodelay(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "sock"};
	socklen_t n = sizeof(in);
	int tcp, local, idle, client, accepted;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	is_int(compat_nodelay_listeners(), 0, "nobody listens");
	idle = socket(AF_INET, SOCK_STREAM, 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	tcp =
	    listener(AF_INET, SOCK_STREAM, (struct sockaddr *)&in, sizeof(in));
	local =
	    listener(AF_UNIX, SOCK_STREAM, (struct sockaddr *)&un, sizeof(un));
	ok(idle >= 0 && client >= 0 && tcp >= 0 && local >= 0, "sockets");
	is_int(compat_nodelay_listeners(), 1, "one listens on TCP");
	ok(has_nodelay(tcp), "the listener has it");
	ok(!has_nodelay(idle), "an idle socket does not");
	if (getsockname(tcp, (struct sockaddr *)&in, &n) < 0 ||
	    connect(client, (struct sockaddr *)&in, sizeof(in)) < 0)
		bail("connect");
	accepted = accept(tcp, NULL, NULL);
	ok(accepted >= 0 && has_nodelay(accepted), "a connection inherits it");
	close(accepted);
	close(client);
	close(idle);
	close(tcp);
	close(local);
	unlink("sock");
}

/* What arrives at the service manager's socket; empty if nothing does. */
static struct str
notified(int fd, const char *state, char *text, size_t size)
{
	ssize_t n;

	compat_notify(state);
	n = recv(fd, text, size, MSG_DONTWAIT);
	return (struct str){text, n > 0 ? (size_t)n : 0};
}

static int
bind_datagram(const char *name, size_t n)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(un.sun_path, name, n);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&un,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		bail("bind");
	return fd;
}

static void
test_notify(const char *dir)
{
	char path[64], text[256];
	struct str got;
	int fd;

	snprintf(path, sizeof(path), "%s/notify", dir);
	fd = bind_datagram(path, strlen(path));
	unsetenv("NOTIFY_SOCKET");
	is_int(notified(fd, "READY=1", text, sizeof(text)).n, 0, "no manager");
	setenv("NOTIFY_SOCKET", "relative", 1);
	is_int(notified(fd, "READY=1", text, sizeof(text)).n, 0,
	    "a relative path is no address");
	setenv("NOTIFY_SOCKET", path, 1);
	is_str(notified(fd, "READY=1", text, sizeof(text)), STR("READY=1"),
	    "ready");
	got = notified(fd, "RELOADING=1", text, sizeof(text));
	ok(str_starts(got, STR("RELOADING=1\nMONOTONIC_USEC=")) && got.n > 28,
	    "reloading, and since when");
	close(fd);
	unlink(path);
	snprintf(path, sizeof(path), "@aver-test-%ld", (long)getpid());
	setenv("NOTIFY_SOCKET", path, 1);
	path[0] = '\0';
	fd = bind_datagram(path, 1 + strlen(path + 1));
	is_str(notified(fd, "STOPPING=1", text, sizeof(text)),
	    STR("STOPPING=1"), "an abstract address");
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void
test_hostname(void)
{
	char name[256] = "", tiny[2] = "";

	compat_hostname(name, sizeof(name));
	ok(name[0] && strlen(name) < sizeof(name), "host name: %s", name);
	for (const char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			ok(false, "capitals in %s", name);
	compat_hostname(tiny, sizeof(tiny));
	ok(strlen(tiny) < sizeof(tiny), "a name never overflows");
}

static int
become_nobody(void)
{
	struct diag d = {{0}, 0};

	if (compat_drop_privileges("nobody", &d) != 0)
		return 1;
	if (getuid() == 0 || geteuid() == 0 || getgid() == 0)
		return 2;
	if (setuid(0) == 0)
		return 3;
	/* a second time, now that it is not root, is nothing to do */
	return compat_drop_privileges("root", &d) == 0 ? 0 : 4;
}

static void
drop_fails(const char *user, const char *want)
{
	struct diag d = {{0}, 0};

	is_int(compat_drop_privileges(user, &d), AVER_CONF, want);
	is_str(str_from_z(d.text), str_from_z(want), want);
}

static void
test_privileges(void)
{
	if (geteuid() != 0) {
		is_int(compat_drop_privileges("nobody", NULL), 0,
		    "not root: stays what it is");
		skip("the rest of dropping privileges", "not root");
		return;
	}
	is_int(in_child(become_nobody), 0, "becomes nobody, for good");
	drop_fails("", "parameter user: empty; expected the user to become, "
		       "as root started this process");
	drop_fails("root", "parameter user: \"root\" is root; expected one "
			   "without privileges");
	drop_fails("no-such-user-of-aver",
	    "parameter user: there is no user \"no-such-user-of-aver\"");
}

static void
test_access(void)
{
	struct diag d = {{0}, 0};
	struct stat st = {0};
	FILE *f = fopen("file", "w");

	if (!f || fclose(f) != 0)
		bail("file");
	is_int(compat_set_access("file", 0640, "", &d), 0, "mode only");
	ok(stat("file", &st) == 0 && (st.st_mode & 07777) == 0640, "mode");
	is_int(compat_set_access("file", 0640, "no-such-group-of-aver", &d),
	    AVER_CONF, "unknown group");
	is_str(str_from_z(d.text),
	    STR("file: there is no group \"no-such-group-of-aver\" to give it "
		"to"),
	    "says so");
	is_int(compat_set_access("missing", 0640, "", &d), AVER_IO,
	    "missing file");
	if (geteuid() == 0) {
		is_int(compat_set_access("file", 0660, "daemon", &d), 0,
		    "a group");
		ok(stat("file", &st) == 0 && st.st_gid != 0, "group");
	} else {
		skip("a group", "not root");
	}
	unlink("file");
}

int
main(void)
{
	char dir[] = "/tmp/aver-compat-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		bail("mkdtemp");
	test_pidfile();
	test_nodelay();
	test_notify(dir);
	test_hostname();
	test_privileges();
	test_access();
	ok(rmdir(dir) == 0, "no files are left");
	return tap_done();
}
