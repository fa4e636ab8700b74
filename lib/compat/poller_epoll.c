/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/compat/poller.h"

#include <stdlib.h>
#include <unistd.h>

#include <sys/epoll.h>

#define BATCH 256

struct poller {
	int fd;
	struct epoll_event ev[BATCH];
};

struct poller *
poller_open(void)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->fd < 0) {
		free(p);
		return NULL;
	}
	return p;
}

void
poller_close(struct poller *p)
{
	if (!p)
		return;
	close(p->fd);
	free(p);
}

static bool
control(struct poller *p, int op, int fd, void *data, unsigned more)
{
	struct epoll_event ev = {
	    .events = EPOLLIN | EPOLLRDHUP | (unsigned)EPOLLET | more,
	    .data.ptr = data,
	};

	return epoll_ctl(p->fd, op, fd, &ev) == 0;
}

bool
poller_add(struct poller *p, int fd, void *data)
{
	return control(p, EPOLL_CTL_ADD, fd, data, 0);
}

void
poller_remove(struct poller *p, int fd)
{
	control(p, EPOLL_CTL_DEL, fd, NULL, 0);
}

bool
poller_want_out(struct poller *p, int fd, void *data, bool out)
{
	return control(p, EPOLL_CTL_MOD, fd, data, out ? EPOLLOUT : 0);
}

/* an edge is reported once: there is nothing to be kept quiet */
void
poller_pause(struct poller *p, int fd)
{
	(void)p;
	(void)fd;
}

void
poller_resume(struct poller *p, int fd)
{
	(void)p;
	(void)fd;
}

size_t
poller_wait(
    struct poller *p, struct poller_event *ev, size_t max, int timeout_ms)
{
	int n = epoll_wait(
	    p->fd, p->ev, (int)(max < BATCH ? max : BATCH), timeout_ms);

	for (int i = 0; i < n; i++) {
		unsigned what = p->ev[i].events;

		ev[i] = (struct poller_event){
		    .data = p->ev[i].data.ptr,
		    .in = what & EPOLLIN,
		    .out = what & EPOLLOUT,
		    .hup = what & (EPOLLHUP | EPOLLRDHUP | EPOLLERR),
		};
	}
	return n > 0 ? (size_t)n : 0;
}
