/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the files of the server share; for nobody else. */
#ifndef NET_SERVE_INT_H
#define NET_SERVE_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compat/poller.h"
#include "lib/net/serve.h"

#define SERVE_SCRATCH ((size_t)64 * 1024)
#define SERVE_FLIGHTS 1024 /* buckets, a power of two */

/* connections that another poller has accepted, beyond the limit */
#define SERVE_ARRIVALS 64

enum source_kind { SOURCE_PIPE, SOURCE_LISTENER, SOURCE_CONN };

/* What the poller's events point to. */
struct source {
	enum source_kind kind;
	int fd; /* -1: closed */
};

struct conn {
	struct source source; /* first */
	const struct serve_protocol *proto; /* NULL before the first octet */
	struct ip peer;

	/* --- the poller's, always */
	struct conn_list *list; /* NULL: in none */
	struct conn *prev, *next;
	int64_t since; /* when it entered the list */
	bool away; /* a worker has it, or it waits for one's reply */
	bool hup; /* the other side's end was reported */
	bool progress; /* a request was whole since it entered the list */
	uint64_t hash; /* of the request, while away */
	struct conn *chain; /* of its bucket of flights */
	struct conn *followers, *follower; /* with the same request; next */

	/* --- its owner's: the poller or one worker */
	char *in; /* octets of requests not yet answered */
	size_t in_at, in_n, in_cap;
	bool unframed; /* there may be whole requests in them */
	struct frame frame;
	char *out; /* of replies not yet taken */
	size_t out_at, out_n;
	struct str request; /* in in */
	size_t used; /* octets of it, with its frame */
	int64_t asked; /* when it began to wait for a worker */
	struct serve_answer answer;
	size_t sent; /* octets of the answer */
	bool broken; /* sending failed */
	bool late; /* it waited too long */
	struct conn *queue; /* next in todo or done */
};

struct conn_list {
	struct conn *head, *tail;
};

struct conn_queue {
	struct conn *head, **tail;
};

/* One poller with its workers. The first one is what callers have. */
struct serve {
	struct serve **all; /* of the server, this one among them */
	unsigned n_all;
	struct serve_config config; /* limits: of this one */
	struct serve_protocol protocols[SERVE_PROTOCOLS_MAX];
	pthread_t poller_thread, *workers;
	unsigned n_workers; /* started */

	/* --- the poller's */
	struct poller *poller;
	struct listeners *listening;
	struct source listeners[LISTENERS_MAX], pipe;
	size_t n_listeners;
	bool deaf; /* the listeners are paused: there is no room */
	bool eager; /* more may wait to be accepted */
	bool woken; /* there may be something in done or arrived */
	struct conn_list idle, stalled, again, dead;
	int64_t now; /* clock_mono_ms() of this turn */
	size_t events; /* of this turn */
	int luck; /* see reads_on() */
	unsigned declined; /* by it */
	uint64_t seed;
	struct conn *flights[SERVE_FLIGHTS];
	struct str direct; /* one reply that is not copied yet */
	size_t out_n;
	char scratch[SERVE_SCRATCH], out[SERVE_SCRATCH];

	/* --- everybody's */
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct conn_queue todo, done;
	struct conn_queue arrived; /* accepted by the first one */
	bool quit; /* no more work will come */
	int wake[2];
	atomic_bool stopping;
	_Atomic int64_t give_up; /* of a stop, clock_mono_ms() */
	atomic_bool silent; /* of the first one: nobody more will come */
	_Atomic size_t connections; /* those in arrived too */

	/* written by the poller alone */
	_Atomic size_t working;
	_Atomic uint64_t accepted, requests, at_once, worked, shared, late,
	    idle_ends, trouble[SERVE_TROUBLE_COUNT];
};

/* One writer: cheaper than an atomic addition. */
static inline void
serve_count(_Atomic uint64_t *n)
{
	atomic_store_explicit(n,
	    atomic_load_explicit(n, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

/* Makes the poller look at done and arrived; else it does not. Any thread. */
void serve_wake(struct serve *s);

/* ---- serve_conn.c: the poller's side of a connection -------------------- */

/* Into the list as its newest; NULL: into none. */
void conn_move(struct serve *s, struct conn *c, struct conn_list *to);
void conn_close(struct serve *s, struct conn *c);
void conn_trouble(struct serve *s, struct conn *c, enum serve_trouble t);
/* Writes, reads and answers as far as that goes without waiting. */
void conn_run(struct serve *s, struct conn *c);
/* Its request was answered by somebody else. */
void conn_resume(struct serve *s, struct conn *c);
/* Sends; false when c is closed or has to wait until the client reads. */
bool conn_send(struct serve *s, struct conn *c, struct str octets);
/* Is there something to read? */
bool conn_has_input(const struct conn *c);
/* Most of s that can be sent now; -1 when the connection is of no use. */
ssize_t conn_write(int fd, struct str s);

/* ---- serve_work.c: workers ---------------------------------------------- */

/* Under the lock of the queue's owner. */
void queue_push(struct conn_queue *q, struct conn *c);
struct conn *queue_pop(struct conn_queue *q); /* NULL: empty */

/* Gives c's request to a worker, or to one that has the same already. */
void work_start(struct serve *s, struct conn *c);
/* Takes back what the workers are done with. */
void work_take_back(struct serve *s);
void *work_thread(void *serve);

#endif
