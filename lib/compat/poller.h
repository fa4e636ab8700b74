/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Waits for many descriptors: epoll(7) where there is one, poll(2) elsewhere.
 *
 * An event may be reported once for each thing that happens (epoll, edge
 * triggered) or for as long as it lasts (poll). To be right with both, the
 * user reads or writes until the system would block, and pauses a descriptor
 * that it does not want to look at. After poller_resume() it looks by itself.
 * All calls from one thread.
 */
#ifndef COMPAT_POLLER_H
#define COMPAT_POLLER_H

#include <stdbool.h>
#include <stddef.h>

struct poller;

struct poller_event {
	void *data;
	bool in, out;
	bool hup; /* the other side has ended its stream, or an error */
};

/* NULL when memory or descriptors are out, errno says. */
struct poller *poller_open(void);
void poller_close(struct poller *p); /* NULL allowed; descriptors stay open */

/* Waits for input on fd. False when memory is out. */
bool poller_add(struct poller *p, int fd, void *data);
/* Before fd is closed. */
void poller_remove(struct poller *p, int fd);
/* Waits for room to write too, or no longer. */
bool poller_want_out(struct poller *p, int fd, void *data, bool out);
/* Nothing needs to be reported of it (but may be); and again. */
void poller_pause(struct poller *p, int fd);
void poller_resume(struct poller *p, int fd);

/*
 * Waits at most timeout_ms (-1: no limit) and fills up to max events. Returns
 * how many; it may also return 0 before the time is over.
 */
size_t poller_wait(
    struct poller *p, struct poller_event *ev, size_t max, int timeout_ms);

#endif
