/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/datagrams.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/rows.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/compat/pipe.h"
#include "lib/tlsrpt/tlsrpt_datagram.h"

#define LOG_AGAIN_MS 60000
#define STOP_MS 1000
#define TROUBLE_MS 1000 /* until recv() is tried again */
#define BATCH_OCTETS ((size_t)DATAGRAMS_BATCH * 512) /* as records, mostly */
#define ROOM_MS 5000 /* nobody makes room in so long: it will not come */
#define ROOM_LOOK_MS 5

/* What others see of the thread's counters. */
struct counters {
	atomic_uint_fast64_t read, bad, bad_kept, dropped, odd_version, cut;
};

struct datagrams {
	int fd, wake[2]; /* the thread ends when wake[1] is closed */
	struct collector *collector;
	pthread_t thread;
	bool started;
	struct counters told;

	/* the thread's */
	struct datagrams_stats n;
	char *octets;
	struct tally *tally;
	struct arena arena;
	uint64_t max_rate;
	int64_t full_since; /* when the recorder had no room; 0: it has */
	int64_t second; /* the one that is counted */
	uint64_t in_second;
	/* what has been logged */
	uint64_t bad_logged, dropped_logged;
	int64_t logged;
	char bad_why[sizeof(((struct diag *)0)->text)];
	bool told_version;
};

/* ---- one datagram ------------------------------------------------------- */

static void
on_bad(struct datagrams *g, struct str octets, const char *why)
{
	g->n.bad++;
	memcpy(g->bad_why, why, strlen(why) + 1);
	g->n.bad_kept += collector_bad(g->collector, clock_now(), octets, why);
}

static void
count_policy(struct datagrams *g, const struct tlsrpt_policy *p)
{
	enum tlsrpt_result result = TLSRPT_VALIDATION_FAILURE;

	if (p->failed == 0)
		result = TLSRPT_SUCCESS;
	else if (p->n_failures)
		(void)tlsrpt_result_find(p->failures[0].result_type, &result);
	collector_count(g->collector, COLLECTOR_DATAGRAM, result, 1);
}

static void
on_version(struct datagrams *g, struct str version)
{
	struct buf b;

	if (version.n == 0 || str_eq(version, STR("1")))
		return;
	g->n.odd_version++;
	if (g->told_version)
		return;
	g->told_version = true;
	buf_init(&b, NULL, 1000);
	buf_add_z(&b, "datagrams of another version than 1 are read as far "
		      "as they are understood:");
	kv_str(&b, "dpv", version);
	log_line(LOG_LVL_WARN, &b);
	buf_fini(&b);
}

static void
on_datagram(struct datagrams *g, struct str octets, bool is_cut)
{
	struct rows r = {.tally = g->tally,
	    .arena = &g->arena,
	    .time = clock_now(),
	    .wanted = true};
	struct tlsrpt_datagram got;
	struct diag d = {{0}, 0};

	if (is_cut) {
		diag_set(&d, AVER_LIMIT, 0, "more than %zu octets",
		    TLSRPT_DATAGRAM_MAX);
		on_bad(g, octets, d.text);
	} else if (tlsrpt_datagram_parse(&g->arena, octets, &got, &d)) {
		on_bad(g, octets, d.text);
	} else if (rows_of_datagram(&r, &got)) {
		on_bad(g, octets, "d is no domain");
	} else {
		g->n.read++;
		on_version(g, got.version);
		g->n.cut += got.n_cut + r.cut;
		for (size_t i = 0; i < got.n_policies; i++)
			count_policy(g, &got.policies[i]);
	}
	arena_reset(&g->arena);
}

/* ---- the socket --------------------------------------------------------- */

static bool
is_above_rate(struct datagrams *g)
{
	int64_t second = clock_mono_ms() / 1000;

	if (second != g->second) {
		g->second = second;
		g->in_second = 0;
	}
	return ++g->in_second > g->max_rate;
}

static void
tell(atomic_uint_fast64_t *told, uint64_t n)
{
	atomic_store_explicit(told, n, memory_order_release);
}

/* Who sees a datagram counted may know its results to be recorded. */
static void
flush(struct datagrams *g)
{
	collector_take(g->collector, g->tally);
	tally_clear(g->tally);
	tell(&g->told.bad, g->n.bad);
	tell(&g->told.bad_kept, g->n.bad_kept);
	tell(&g->told.dropped, g->n.dropped);
	tell(&g->told.odd_version, g->n.odd_version);
	tell(&g->told.cut, g->n.cut);
	tell(&g->told.read, g->n.read);
}

static void
complain(struct datagrams *g, bool last)
{
	uint64_t bad = g->n.bad, dropped = g->n.dropped;
	int64_t now = clock_mono_ms();

	if ((bad == g->bad_logged && dropped == g->dropped_logged) ||
	    (!last && g->logged && now - g->logged < LOG_AGAIN_MS))
		return;
	if (bad != g->bad_logged)
		log_msg(LOG_LVL_WARN,
		    "%" PRIu64 " datagrams about TLS sessions could not be "
		    "read (see aver results bad), the last one: %s",
		    bad - g->bad_logged, g->bad_why);
	if (dropped != g->dropped_logged)
		log_msg(LOG_LVL_WARN,
		    "%" PRIu64 " datagrams about TLS sessions were dropped: "
		    "more than %" PRIu64 " in a second (tlsrpt_max_rate)",
		    dropped - g->dropped_logged, g->max_rate);
	g->bad_logged = bad;
	g->dropped_logged = dropped;
	g->logged = now;
}

/*
 * One batch. True when there may be more; *trouble when the socket cannot be
 * read.
 */
static bool
receive(struct datagrams *g, bool *trouble)
{
	for (unsigned i = 0; i < DATAGRAMS_BATCH; i++) {
		struct iovec iov = {g->octets, TLSRPT_DATAGRAM_MAX};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(g->fd, &m, MSG_DONTWAIT);

		if (n < 0) {
			*trouble = errno != EAGAIN && errno != EWOULDBLOCK &&
				   errno != EINTR;
			return errno == EINTR;
		}
		if (is_above_rate(g))
			g->n.dropped++;
		else
			on_datagram(g, (struct str){g->octets, (size_t)n},
			    m.msg_flags & MSG_TRUNC);
		if (tally_is_full(g->tally))
			return true;
	}
	return true;
}

/*
 * Senders, and what the kernel holds, rather wait than that the recorder
 * overflows, as long as its store keeps up at all. False: not until the
 * deadline.
 */
static bool
await_room(struct datagrams *g, int64_t deadline)
{
	while (!collector_has_room(g->collector, BATCH_OCTETS)) {
		int64_t now = clock_mono_ms();

		if (g->full_since == 0)
			g->full_since = now;
		if (now - g->full_since >= ROOM_MS)
			return true;
		if (now > deadline)
			return false;
		(void)poll(NULL, 0, ROOM_LOOK_MS);
	}
	g->full_since = 0;
	return true;
}

/* Until the socket is empty, or the time is over. */
static bool
drain(struct datagrams *g, int64_t deadline)
{
	bool more = true, trouble = false;

	while (more && !trouble && await_room(g, deadline)) {
		more = receive(g, &trouble);
		flush(g);
		complain(g, false);
		if (clock_mono_ms() > deadline)
			break;
	}
	return !trouble;
}

static void *
run(void *arg)
{
	struct datagrams *g = arg;
	struct pollfd p[2] = {{.fd = g->fd, .events = POLLIN},
	    {.fd = g->wake[0], .events = POLLIN}};

	for (;;) {
		bool fine = true;

		/* what was counted of late is told when it is quiet again */
		if (poll(p, 2, LOG_AGAIN_MS) < 0 && errno != EINTR)
			fine = false;
		if (p[1].revents)
			break;
		if (p[0].revents)
			fine = drain(g, clock_mono_ms() + STOP_MS);
		complain(g, false);
		if (!fine)
			(void)poll(&p[1], 1, TROUBLE_MS);
	}
	(void)drain(g, clock_mono_ms() + STOP_MS);
	complain(g, true);
	return NULL;
}

/* ---- start and end ------------------------------------------------------ */

static int
init(struct datagrams *g, struct diag *d)
{
	arena_init(&g->arena, TLSRPT_DATAGRAM_MEMORY);
	g->octets = malloc(TLSRPT_DATAGRAM_MAX);
	g->tally = tally_new();
	if (!g->octets || !g->tally)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (compat_pipe(g->wake) < 0)
		return diag_set(d, AVER_IO, 0, "pipe: %s", strerror(errno));
	return 0;
}

int
datagrams_start(int fd, unsigned max_rate, struct collector *c,
    struct datagrams **out, struct diag *d)
{
	struct datagrams *g = calloc(1, sizeof(*g));
	int err, e;

	if (!g)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	g->fd = fd;
	g->wake[0] = g->wake[1] = -1;
	g->collector = c;
	g->max_rate = max_rate;
	err = init(g, d);
	if (!err && (e = pthread_create(&g->thread, NULL, run, g)))
		err = diag_set(
		    d, AVER_NOMEM, 0, "cannot start a thread: %s", strerror(e));
	g->started = !err;
	if (err) {
		datagrams_stop(g);
		return err;
	}
	*out = g;
	return 0;
}

void
datagrams_stop(struct datagrams *g)
{
	if (!g)
		return;
	if (g->wake[1] >= 0)
		close(g->wake[1]);
	if (g->started)
		pthread_join(g->thread, NULL);
	if (g->wake[0] >= 0)
		close(g->wake[0]);
	tally_free(g->tally);
	arena_fini(&g->arena);
	free(g->octets);
	free(g);
}

void
datagrams_get_stats(const struct datagrams *g, struct datagrams_stats *out)
{
	*out = (struct datagrams_stats){
	    .read = atomic_load(&g->told.read),
	    .bad = atomic_load(&g->told.bad),
	    .bad_kept = atomic_load(&g->told.bad_kept),
	    .dropped = atomic_load(&g->told.dropped),
	    .odd_version = atomic_load(&g->told.odd_version),
	    .cut = atomic_load(&g->told.cut),
	};
}
