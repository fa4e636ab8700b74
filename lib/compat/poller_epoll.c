/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/compat/poller.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "lib/base/clock.h"

#define BATCH 256
#define LONG_MS 1000

/*
 * A timeout of epoll_wait(2) costs the kernel a timer that is set and removed
 * with each wait, up to a tenth of what a short request costs. Long timeouts
 * are one timer that goes on through many waits: it ends in time for the one
 * under way, or too early for it.
 */
struct poller {
	int fd;
	int timer; /* -1: there is none */
	int64_t alarm; /* of clock_mono_ms(); 0: it is not set */
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
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->timer >= 0 && !poller_add(p, p->timer, p)) {
		close(p->timer);
		p->timer = -1;
	}
	return p;
}

void
poller_close(struct poller *p)
{
	if (!p)
		return;
	if (p->timer >= 0)
		close(p->timer);
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

static bool
set_alarm(struct poller *p, int64_t at)
{
	struct itimerspec when = {
	    .it_value = {(time_t)(at / 1000), (long)(at % 1000) * 1000000},
	};

	if (timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0)
		return false;
	p->alarm = at;
	return true;
}

/* The timeout for epoll_wait(2), with the alarm set where it is none. */
static int
timeout(struct poller *p, int timeout_ms)
{
	int64_t end;

	if (timeout_ms < LONG_MS || p->timer < 0)
		return timeout_ms;
	end = clock_mono_ms() + timeout_ms;
	if (p->alarm && p->alarm <= end)
		return -1;
	return set_alarm(p, end) ? -1 : timeout_ms;
}

static void
end_alarm(struct poller *p)
{
	uint64_t times;
	ssize_t n;

	do
		n = read(p->timer, &times, sizeof(times));
	while (n > 0);
	p->alarm = 0;
}

size_t
poller_wait(
    struct poller *p, struct poller_event *ev, size_t max, int timeout_ms)
{
	int n = epoll_wait(p->fd, p->ev, (int)(max < BATCH ? max : BATCH),
	    timeout(p, timeout_ms));
	size_t filled = 0;

	for (int i = 0; i < n; i++) {
		unsigned what = p->ev[i].events;

		if (p->ev[i].data.ptr == p) {
			end_alarm(p);
			continue;
		}
		ev[filled++] = (struct poller_event){
		    .data = p->ev[i].data.ptr,
		    .in = what & EPOLLIN,
		    .out = what & EPOLLOUT,
		    .hup = what & (EPOLLHUP | EPOLLRDHUP | EPOLLERR),
		};
	}
	return filled;
}
