/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Preloaded into aver-milter (milter_stop.t compiles it): the poll of
 * libmilter's listener, the only one of a single file for five seconds, waits
 * for ever, until a client or a signal comes. Each adds an octet to the file
 * LONGPOLL before.
 */
#define _GNU_SOURCE /* ppoll */

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void
tell(void)
{
	const char *path = getenv("LONGPOLL");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (write(fd, "p", 1) != 1)
		abort();
	close(fd);
}

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct timespec ts = {timeout / 1000, timeout % 1000 * 1000000L};

	if (n == 1 && timeout == 5000) {
		tell();
		return ppoll(fds, n, NULL, NULL);
	}
	return ppoll(fds, n, timeout < 0 ? NULL : &ts, NULL);
}
