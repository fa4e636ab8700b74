/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A server of requests and replies over stream sockets: a few poller threads
 * and a fixed number of workers.
 *
 * Each connection belongs to one poller, which owns it while it is idle, half
 * way through a request or slow to read. The poller finds the requests, answers
 * at once those that a protocol can answer without waiting, and gives the
 * others, with their connection, to a worker; the worker answers and gives the
 * connection back. So a connection has one owner at a time, its requests are
 * answered in their order, and a client that is slow, silent or hostile costs a
 * buffer and never a thread. New connections go to the poller that has fewest.
 *
 * What waits for a worker is at most one request of each connection, and so
 * bounded by max_connections. With that many, another client takes the place
 * of the connection that has been idle for longest.
 */
#ifndef NET_SERVE_H
#define NET_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/net/frame.h"
#include "lib/net/listen.h"

struct serve;

enum serve_verdict {
	SERVE_REPLY, /* *reply is the answer */
	SERVE_WORK, /* a worker has to see it */
	SERVE_CLOSE, /* no answer, and the connection ends */
};

/* What work() says. */
struct serve_answer {
	struct buf reply; /* octets as they are sent */
	bool close; /* no reply, and the connection ends */
	/* for after(), with no meaning here */
	int64_t until;
	uint64_t mark;
};

struct serve_protocol {
	/* Is this the first octet of such a connection? */
	bool (*starts)(char first);
	/* max: most octets of a request, its frame included; see frame.h */
	enum frame_result (*frame)(struct str in, size_t max, struct frame *f);
	size_t max;
	/*
	 * A request that equals one at a worker waits for that one's reply and
	 * takes no other worker.
	 */
	bool share;
	/*
	 * In its poller's thread: must not wait. now is clock_mono_ms(). *reply
	 * stays valid until the next call of now() or after().
	 */
	enum serve_verdict (*now)(
	    void *arg, struct str request, int64_t now, struct str *reply);
	/* In a worker's thread; waits as long as it has to. */
	void (*work)(void *arg, struct str request, struct serve_answer *out);
	/* The same, in place of work(), for a request that waited too long. */
	void (*late)(void *arg, struct str request, struct serve_answer *out);
	/* In its poller's thread, when work() is done. May be NULL. */
	void (*after)(
	    void *arg, struct str request, const struct serve_answer *answer);
	void *arg;
};

/* Why a connection ended that should not have. */
enum serve_trouble {
	SERVE_BAD_REQUEST, /* of no protocol, or not framed */
	SERVE_LONG_REQUEST,
	SERVE_HALF_REQUEST, /* the client went away in the middle of one */
	SERVE_STALLED, /* it did not end one, or read no replies, in time */
	SERVE_CROWDED, /* another client took its place */
	SERVE_REFUSED, /* there was no room, memory or descriptor */
	SERVE_TROUBLE_COUNT
};

/* "bad request" and so on */
const char *serve_trouble_name(enum serve_trouble t);

#define SERVE_PROTOCOLS_MAX 4
#define SERVE_POLLERS_MAX 16

struct serve_config {
	/*
	 * Those of the first poller, then those of the next: each may have an
	 * arg of its own, so that now() and after() need no lock. Copied.
	 */
	const struct serve_protocol *protocols;
	size_t n_protocols; /* of each poller */
	unsigned pollers; /* 0 means 1 */
	unsigned workers; /* of all; 0: everything is answered by now() */
	size_t max_connections;
	int64_t idle_ms; /* of a connection without a request */
	int64_t stall_ms; /* to end a request, or to read the replies */
	int64_t wait_ms; /* for a worker; then late() */
	/* Called by a poller; peer has no family with a socket file. */
	void (*trouble)(
	    void *arg, enum serve_trouble what, const struct ip *peer);
	void *arg;
};

/*
 * Starts the threads: call after daemonising, with SIGPIPE ignored and the
 * program's signals blocked. l is the server's until it ends, which closes it.
 * Returns 0; AVER_NOMEM, AVER_IO, with d filled (and l open).
 */
int serve_start(const struct serve_config *c, struct listeners *l,
    struct serve **out, struct diag *d);

/*
 * Removes the socket files, accepts who has connected so far, closes the
 * listeners (who comes later is refused at once), answers every request that
 * has arrived, gives clients up to patience_ms to take their replies, and ends
 * all connections and threads. NULL allowed.
 */
void serve_stop(struct serve *s, int64_t patience_ms);

struct serve_stats {
	uint64_t accepted;
	uint64_t requests; /* all that were whole */
	uint64_t at_once, worked, shared, late; /* how they were answered */
	uint64_t idle; /* connections ended for that */
	uint64_t trouble[SERVE_TROUBLE_COUNT];
	size_t connections, working; /* now; and requests at workers */
};

/* Any thread, any time. */
void serve_get_stats(struct serve *s, struct serve_stats *out);

#endif
