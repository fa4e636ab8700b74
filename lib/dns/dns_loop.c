/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_loop.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/compat/pipe.h"
#include "lib/compat/poller.h"

#define EVENTS 64

/* What dns_loop_wake() finds. */
enum {
	RUNS, /* it looks before it waits */
	WAITS,
	WOKEN,
};

struct dns_loop {
	struct poller *poller;
	int wake[2]; /* a pipe that interrupts it */
	atomic_int state;
	/* by descriptor; an event may go while others of its batch are called
	 */
	struct dns_event **by_fd;
	size_t n_fds;
	struct dns_event **heap; /* by due; heap[0] is not used */
	size_t n_timers, room;
};

/* ---- timers: a heap ----------------------------------------------------- */

static void
put(struct dns_loop *l, size_t place, struct dns_event *e)
{
	l->heap[place] = e;
	e->place = place;
}

static void
move_up(struct dns_loop *l, size_t place, struct dns_event *e)
{
	while (place > 1 && l->heap[place / 2]->due > e->due) {
		put(l, place, l->heap[place / 2]);
		place /= 2;
	}
	put(l, place, e);
}

static void
move_down(struct dns_loop *l, size_t place, struct dns_event *e)
{
	for (;;) {
		size_t child = place * 2;

		if (child > l->n_timers)
			break;
		if (child < l->n_timers &&
		    l->heap[child + 1]->due < l->heap[child]->due)
			child++;
		if (l->heap[child]->due >= e->due)
			break;
		put(l, place, l->heap[child]);
		place = child;
	}
	put(l, place, e);
}

static bool
add_timer(struct dns_loop *l, struct dns_event *e, int64_t timeout_ms)
{
	size_t room = l->room ? l->room * 2 : 64;
	struct dns_event **heap;

	if (l->n_timers + 1 >= l->room) {
		heap = realloc(l->heap, room * sizeof(struct dns_event *));
		if (!heap)
			return false;
		l->heap = heap;
		l->room = room;
	}
	e->period = timeout_ms;
	e->due = clock_mono_ms() + timeout_ms;
	move_up(l, ++l->n_timers, e);
	return true;
}

static void
remove_timer(struct dns_loop *l, struct dns_event *e)
{
	size_t place = e->place;
	struct dns_event *last;

	if (place == 0)
		return;
	e->place = 0;
	last = l->heap[l->n_timers--];
	if (last == e)
		return;
	if (place > 1 && l->heap[place / 2]->due > last->due)
		move_up(l, place, last);
	else
		move_down(l, place, last);
}

/* ---- descriptors -------------------------------------------------------- */

static void *
data_of(int fd)
{
	return (void *)(intptr_t)(fd + 1);
}

static bool
make_room(struct dns_loop *l, int fd)
{
	size_t n = l->n_fds ? l->n_fds : 64;
	struct dns_event **by_fd;

	if ((size_t)fd < l->n_fds)
		return true;
	while (n <= (size_t)fd)
		n *= 2;
	by_fd = realloc(l->by_fd, n * sizeof(struct dns_event *));
	if (!by_fd)
		return false;
	for (size_t i = l->n_fds; i < n; i++)
		by_fd[i] = NULL;
	l->by_fd = by_fd;
	l->n_fds = n;
	return true;
}

static bool
watch(struct dns_loop *l, struct dns_event *e)
{
	if (!make_room(l, e->fd) ||
	    !poller_add(l->poller, e->fd, data_of(e->fd)))
		return false;
	if (e->what & DNS_LOOP_WRITE &&
	    !poller_want_out(l->poller, e->fd, data_of(e->fd), true)) {
		poller_remove(l->poller, e->fd);
		return false;
	}
	l->by_fd[e->fd] = e;
	e->is_watched = true;
	return true;
}

static void
unwatch(struct dns_loop *l, struct dns_event *e)
{
	if (!e->is_watched)
		return;
	poller_remove(l->poller, e->fd);
	l->by_fd[e->fd] = NULL;
	e->is_watched = false;
}

bool
dns_loop_on(struct dns_loop *l, struct dns_event *e, int64_t timeout_ms)
{
	dns_loop_off(l, e);
	if (e->fd >= 0 && e->what && !watch(l, e))
		return false;
	if (timeout_ms >= 0 && !add_timer(l, e, timeout_ms)) {
		unwatch(l, e);
		return false;
	}
	e->is_on = true;
	return true;
}

void
dns_loop_off(struct dns_loop *l, struct dns_event *e)
{
	unwatch(l, e);
	remove_timer(l, e);
	e->is_on = false;
}

/* ---- running ------------------------------------------------------------ */

static void
drain(struct dns_loop *l)
{
	char room[64];

	while (read(l->wake[0], room, sizeof(room)) == (ssize_t)sizeof(room))
		;
}

/* The event may be off, and gone, when it returns. */
static void
call(struct dns_loop *l, struct dns_event *e, unsigned what)
{
	if (!e->persists) {
		dns_loop_off(l, e);
	} else if (e->place) {
		int64_t period = e->period;

		remove_timer(l, e);
		/* there is room: it had a place */
		add_timer(l, e, period);
	}
	e->call(e, what);
}

static void
call_fd(struct dns_loop *l, const struct poller_event *ev)
{
	int fd = (int)(intptr_t)ev->data - 1;
	struct dns_event *e = l->by_fd[fd];
	unsigned what = 0;

	/* an event before this one in the batch may have put it off */
	if (!e)
		return;
	if (ev->in || ev->hup)
		what |= DNS_LOOP_READ;
	if (ev->out || ev->hup)
		what |= DNS_LOOP_WRITE;
	what &= e->what;
	if (what)
		call(l, e, what);
	/* who does not read all is to be told again */
	e = l->by_fd[fd];
	if (e)
		poller_want_out(
		    l->poller, fd, ev->data, e->what & DNS_LOOP_WRITE);
}

static void
call_timers(struct dns_loop *l)
{
	int64_t now = clock_mono_ms();

	/* one that is set again is due later: this comes to an end */
	while (l->n_timers && l->heap[1]->due <= now)
		call(l, l->heap[1], DNS_LOOP_TIME);
}

static int
time_left(const struct dns_loop *l, int64_t timeout_ms)
{
	int64_t left;

	if (l->n_timers) {
		left = l->heap[1]->due - clock_mono_ms();
		if (left < 0)
			left = 0;
		if (timeout_ms < 0 || left < timeout_ms)
			timeout_ms = left;
	}
	return timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX;
}

void
dns_loop_run(struct dns_loop *l, int64_t timeout_ms)
{
	struct poller_event ev[EVENTS];
	int wait = time_left(l, timeout_ms), runs = RUNS;
	size_t n;

	if (!atomic_compare_exchange_strong(&l->state, &runs, WAITS))
		wait = 0; /* woken */
	n = poller_wait(l->poller, ev, EVENTS, wait);
	atomic_store(&l->state, RUNS);
	for (size_t i = 0; i < n; i++) {
		if (ev[i].data)
			call_fd(l, &ev[i]);
		else
			drain(l);
	}
	call_timers(l);
}

void
dns_loop_wake(struct dns_loop *l)
{
	if (atomic_exchange(&l->state, WOKEN) != WAITS)
		return;
	/* a full pipe wakes it as well */
	if (write(l->wake[1], "", 1) < 0)
		return;
}

static bool
open_loop(struct dns_loop *l)
{
	if (compat_pipe(l->wake))
		return false;
	for (int i = 0; i < 2; i++)
		if (fcntl(l->wake[i], F_SETFL, O_NONBLOCK) < 0)
			return false;
	l->poller = poller_open();
	return l->poller && poller_add(l->poller, l->wake[0], NULL);
}

struct dns_loop *
dns_loop_new(void)
{
	struct dns_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->wake[0] = l->wake[1] = -1;
	atomic_init(&l->state, RUNS);
	if (open_loop(l))
		return l;
	dns_loop_free(l);
	return NULL;
}

void
dns_loop_free(struct dns_loop *l)
{
	if (!l)
		return;
	poller_close(l->poller);
	for (int i = 0; i < 2; i++)
		if (l->wake[i] >= 0)
			close(l->wake[i]);
	free(l->by_fd);
	free(l->heap);
	free(l);
}
