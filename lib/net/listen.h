/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Sockets that listen: files and TCP ports in Postfix's notation, and those
 * that the service manager has opened for us. Call from the main thread before
 * others are started: making a socket file sets the process's umask for a
 * moment.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/diag.h"
#include "lib/base/ip.h"

#define LISTENERS_MAX 32

struct listener {
	int fd; /* not blocking, closed on exec */
	char path[128]; /* of a socket file of ours; else empty */
	dev_t dev; /* which file that was */
	ino_t ino;
};

struct listeners {
	struct listener v[LISTENERS_MAX];
	size_t n;
};

/* Who may connect to a socket file. */
struct listen_access {
	mode_t mode;
	const char *group; /* empty: whatever the system gives it */
};

/*
 * where: unix:PATH or inet:HOST:PORT. A host's name may have addresses of
 * both families: there is a listener for each. A file at PATH is replaced only
 * when it is a socket that nobody listens on; it has its mode and group before
 * anybody can connect. Returns 0; AVER_CONF (not of this form, no such host or
 * group, somebody listens there), AVER_LIMIT, AVER_IO; with d filled, and what
 * was opened before stays in l.
 */
int listen_add(struct listeners *l, const char *where,
    const struct listen_access *access, struct diag *d);

/*
 * Takes over what the service manager passed to this process (LISTEN_PID and
 * LISTEN_FDS of sd_listen_fds(3)) and forgets the variables. There may be none.
 * Returns 0; AVER_CONF (one of them is no stream socket that listens),
 * AVER_LIMIT; with d filled.
 */
int listen_inherit(struct listeners *l, struct diag *d);

/*
 * Removes the socket files that are still ours: nobody new finds them, and who
 * has connected waits in the queues of the listeners.
 */
void listen_hide(struct listeners *l);
/* Closes all and removes the socket files that are still ours. */
void listen_close(struct listeners *l);

/*
 * One TCP socket that listens, without Nagle's algorithm. [::] is IPv6 alone.
 * Returns the descriptor, or -1 with errno set.
 */
int listen_inet(const struct ip *ip, uint16_t port, int backlog);

/* Not blocking, closed on exec: for what accept(2) returns. */
bool listen_set_flags(int fd);

#endif
