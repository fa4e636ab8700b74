/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/compat/poller.h"

#include <unistd.h>

#include "lib/base/clock.h"
#include "t/tap.h"

#define SHORT_MS 1000
#define LONG_MS 3600000
/* a wait may end early, but not again and again */
#define WAITS_MAX 10

static bool
has_input(struct poller *p, const void *data, int timeout_ms)
{
	struct poller_event ev[4];

	return poller_wait(p, ev, 4, timeout_ms) == 1 && ev[0].data == data &&
	       ev[0].in && !ev[0].hup;
}

/* Waits until the time is over, as a user does; how often. */
static unsigned
wait_for(struct poller *p, int timeout_ms)
{
	int64_t end = clock_mono_ms() + timeout_ms, now;
	struct poller_event ev[4];
	unsigned waits = 0;

	while ((now = clock_mono_ms()) < end) {
		waits++;
		if (poller_wait(p, ev, 4, (int)(end - now) + 1) != 0)
			return 0;
	}
	return waits;
}

int
main(void)
{
	struct poller *p = poller_open();
	int fd[2], data;
	char octet;
	unsigned n;

	if (!p || pipe(fd))
		return 1;
	ok(poller_add(p, fd[0], &data), "a descriptor");
	ok(!has_input(p, &data, 0), "nothing to read");
	is_int(write(fd[1], "x", 1), 1, "an octet comes");
	ok(has_input(p, &data, LONG_MS), "it is reported at once");
	is_int(read(fd[0], &octet, 1), 1, "and read");
	/* the long time from before must not stand for the short one */
	n = wait_for(p, SHORT_MS);
	ok(n > 0 && n <= WAITS_MAX, "a wait ends when its time is over");
	n = wait_for(p, SHORT_MS);
	ok(n > 0 && n <= WAITS_MAX, "so does the next");
	n = wait_for(p, 50);
	ok(n > 0 && n <= WAITS_MAX, "and a short one");
	is_int(write(fd[1], "y", 1), 1, "another octet");
	ok(has_input(p, &data, SHORT_MS), "is reported too");
	is_int(read(fd[0], &octet, 1), 1, "and read");
	poller_remove(p, fd[0]);
	is_int(write(fd[1], "z", 1), 1, "one more");
	ok(!has_input(p, &data, 0), "is not, for nobody waits for it");
	close(fd[0]);
	close(fd[1]);
	poller_close(p);
	poller_close(NULL);
	return tap_done();
}
