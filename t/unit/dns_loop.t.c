/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "t/tap.h"

struct watched {
	struct dns_event on; /* first */
	struct dns_loop *loop;
	unsigned calls, what;
	struct watched *puts_off; /* by its call */
};

static void
on_call(struct dns_event *e, unsigned what)
{
	struct watched *w = (struct watched *)e;

	w->calls++;
	w->what = what;
	if (w->puts_off)
		dns_loop_off(w->loop, &w->puts_off->on);
}

static struct watched
watched_of(struct dns_loop *l, int fd, unsigned what, bool persists)
{
	return (struct watched){.on = {.call = on_call,
				    .fd = fd,
				    .what = what,
				    .persists = persists},
	    .loop = l};
}

static void
test_reading(struct dns_loop *l)
{
	struct watched w;
	int fd[2];
	char c;

	if (!ok(pipe(fd) == 0, "a pipe"))
		return;
	w = watched_of(l, fd[0], DNS_LOOP_READ, true);
	ok(dns_loop_on(l, &w.on, -1), "on");
	dns_loop_run(l, 0);
	is_int(w.calls, 0, "nothing to read");
	ok(write(fd[1], "xy", 2) == 2, "something is written");
	dns_loop_run(l, 1000);
	is_int(w.calls, 1, "it is told");
	is_int(w.what, DNS_LOOP_READ, "what it is");
	ok(read(fd[0], &c, 1) == 1, "half of it is read");
	dns_loop_run(l, 1000);
	is_int(w.calls, 2, "told again of what is left");
	dns_loop_off(l, &w.on);
	dns_loop_run(l, 0);
	is_int(w.calls, 2, "no more when it is off");
	w.on.persists = false;
	ok(dns_loop_on(l, &w.on, -1), "on for once");
	dns_loop_run(l, 1000);
	dns_loop_run(l, 0);
	is_int(w.calls, 3, "told once");
	close(fd[0]);
	close(fd[1]);
}

static void
test_writing(struct dns_loop *l)
{
	struct watched w;
	int fd[2];

	if (!ok(pipe(fd) == 0, "a pipe"))
		return;
	w = watched_of(l, fd[1], DNS_LOOP_WRITE, true);
	ok(dns_loop_on(l, &w.on, 60000), "on, with a timer");
	dns_loop_run(l, 1000);
	ok(w.calls > 0 && w.what == DNS_LOOP_WRITE, "there is room");
	dns_loop_off(l, &w.on);
	close(fd[0]);
	close(fd[1]);
}

/* One event of a batch puts the other off, whichever comes first. */
static void
test_batch(struct dns_loop *l)
{
	struct watched v[2];
	int fd[2];

	if (!ok(pipe(fd) == 0, "a pipe"))
		return;
	v[0] = watched_of(l, fd[0], DNS_LOOP_READ, true);
	v[1] = watched_of(l, fd[1], DNS_LOOP_WRITE, true);
	v[0].puts_off = &v[1];
	v[1].puts_off = &v[0];
	ok(write(fd[1], "x", 1) == 1, "something is written");
	ok(dns_loop_on(l, &v[0].on, -1) && dns_loop_on(l, &v[1].on, -1),
	    "both are on");
	dns_loop_run(l, 1000);
	is_int(v[0].calls + v[1].calls, 1, "one of them is called");
	dns_loop_off(l, &v[0].on);
	dns_loop_off(l, &v[1].on);
	close(fd[0]);
	close(fd[1]);
}

#define TIMERS 200

static void
test_timers(struct dns_loop *l)
{
	static struct watched v[TIMERS];
	struct watched again = watched_of(l, -1, 0, true);
	unsigned called = 0, early = 0;
	int64_t start = clock_mono_ms();

	for (size_t i = 0; i < TIMERS; i++) {
		v[i] = watched_of(l, -1, 0, false);
		if (!dns_loop_on(l, &v[i].on, (int64_t)(i * 37 % 50)))
			early++;
	}
	/* every third one is taken back, from any place */
	for (size_t i = 0; i < TIMERS; i += 3)
		dns_loop_off(l, &v[i].on);
	ok(dns_loop_on(l, &again.on, 1), "one that goes on");
	/* a last time when all are due, however long it was kept from running */
	for (bool last = false; !last || again.calls < 2;) {
		last = clock_mono_ms() >= start + 60;
		dns_loop_run(l, last ? 1 : 60);
		for (size_t i = 0; i < TIMERS; i++)
			early += v[i].calls && clock_mono_ms() - start <
						   (int64_t)(i * 37 % 50);
	}
	for (size_t i = 0; i < TIMERS; i++)
		called += v[i].calls;
	is_int(early, 0, "none is too early");
	is_int(called, TIMERS - (TIMERS + 2) / 3, "each once, but who is off");
	ok(again.calls > 1 && again.what == DNS_LOOP_TIME, "again and again");
	dns_loop_off(l, &again.on);
}

static atomic_uint sent;

static void *
waker(void *arg)
{
	for (unsigned i = 0; i < 1000; i++) {
		atomic_fetch_add(&sent, 1);
		dns_loop_wake(arg);
	}
	return NULL;
}

/* Nothing that was put there before a wake is missed: else it would hang. */
static void
test_wake(struct dns_loop *l)
{
	pthread_t threads[3];
	unsigned n = 0;

	for (size_t i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, waker, l) == 0)
			n++;
	while (atomic_load(&sent) < n * 1000)
		dns_loop_run(l, -1);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	is_int(atomic_load(&sent), 3000, "all were seen");
	dns_loop_wake(l);
	dns_loop_run(l, -1);
	ok(true, "woken before it waits");
}

int
main(void)
{
	struct dns_loop *l = dns_loop_new();

	if (ok(l != NULL, "a loop")) {
		test_reading(l);
		test_writing(l);
		test_batch(l);
		test_timers(l);
		test_wake(l);
	}
	dns_loop_free(l);
	return tap_done();
}
