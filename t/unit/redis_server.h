/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A redis-server (or valkey-server) of a test's own, in a folder, on a socket
 * there. It dies with the test. AVER_REDIS names the folder of another version
 * than the installed one.
 */
#ifndef UNIT_REDIS_SERVER_H
#define UNIT_REDIS_SERVER_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct redis_server {
	pid_t pid; /* 0: there is no such program */
	char path[600]; /* of the socket */
};

__attribute__((unused)) static bool
redis_server_answers(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char reply[8] = "";
	bool up = false;

	if (strlen(path) < sizeof(un.sun_path))
		memcpy(un.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 &&
	    write(fd, "PING\r\n", 6) == 6 && read(fd, reply, 5) == 5)
		up = memcmp(reply, "+PONG", 5) == 0;
	close(fd);
	return up;
}

/* Of who stands between a client and the server: listens, or is connected. */
__attribute__((unused)) static int
unix_socket(const char *path, bool server)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

	if (strlen(path) >= sizeof(un.sun_path)) {
		printf("Bail out! %s is too long\n", path);
		exit(99);
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	ret = server ? bind(fd, (struct sockaddr *)&un, sizeof(un))
		     : connect(fd, (struct sockaddr *)&un, sizeof(un));
	if (ret != 0 || (server && listen(fd, 8) != 0)) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(99);
	}
	return fd;
}

static bool
redis_server_exec(const char *dir, const char *path)
{
	static const char *const names[] = {"redis-server", "valkey-server"};
	const char *folder = getenv("AVER_REDIS");
	int null = open("/dev/null", O_RDWR);
	char program[600];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	for (size_t i = 0; i < 2; i++) {
		/* without a slash it is looked for in PATH */
		snprintf(program, sizeof(program), "%s%s%s",
		    folder ? folder : "", folder ? "/" : "", names[i]);
		execlp(program, names[i], "--port", "0", "--unixsocket", path,
		    "--dir", dir, "--save", "", "--appendonly", "yes",
		    "--appendfsync", "no", (char *)NULL);
	}
	return false;
}

/* What the append-only file has is there again when it is started again. */
__attribute__((unused)) static struct redis_server
redis_server_start(const char *dir)
{
	struct redis_server s = {0, ""};
	int status = 0;

	snprintf(s.path, sizeof(s.path), "%s/redis.sock", dir);
	unlink(s.path);
	fflush(stdout);
	s.pid = fork();
	if (s.pid == 0) {
		redis_server_exec(dir, s.path);
		_exit(77);
	}
	for (int i = 0; i < 12000; i++) { /* a minute, if need be */
		if (redis_server_answers(s.path))
			return s;
		if (waitpid(s.pid, &status, WNOHANG) == s.pid)
			break;
		usleep(5000);
	}
	if (!(WIFEXITED(status) && WEXITSTATUS(status) == 77)) {
		printf("Bail out! redis-server does not start\n");
		exit(99);
	}
	s.pid = 0;
	return s;
}

__attribute__((unused)) static void
redis_server_stop(struct redis_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

#endif
