/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the connections of the daemon share: the configuration of the moment
 * as a reference-counted snapshot, the resolver, the engine, the server.
 */
#ifndef POLICYD_SERVICE_H
#define POLICYD_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "lib/dns/dns.h"
#include "lib/net/listen.h"
#include "lib/net/serve.h"
#include "lib/mta/postfix.h"
#include "tlspolicy/render.h"
#include "tlspolicy/tls_table_file.h"

struct answer_cache;
struct collector;
struct datagrams;
struct delegation;
struct engine;
struct metrics_daemon;
struct socketmap;
struct tls_log;

/* The version of Postfix in the last request that a poller saw. */
struct seen_version {
	char text[POSTFIX_VALUE_MAX];
	unsigned number; /* as in struct render_profile */
};

/* Immutable. */
struct snapshot {
	atomic_uint refs;
	struct conf *conf;
	struct tls_file *require; /* require_tls_table; NULL: none */
	struct render_config render;
	uint64_t generation;
};

struct service {
	pthread_mutex_t lock; /* of current */
	pthread_mutex_t change; /* of making another one; before lock */
	struct snapshot *current;
	_Atomic uint64_t generation; /* of current */

	struct dns_source *dns;
	bool validating;
	struct engine *engine;
	/* results of TLS sessions; NULL: not recorded, not read */
	struct collector *collector;
	struct datagrams *datagrams;
	struct tls_log *tls_log;
	struct answer_cache *answers; /* of all pollers */
	/* of each poller */
	struct socketmap *socketmaps[SERVE_POLLERS_MAX];
	struct delegation *delegations[SERVE_POLLERS_MAX];
	unsigned pollers;
	/* of serve, datagrams and tls_log, for those who read their counts */
	pthread_mutex_t serving;
	struct serve *serve; /* NULL: not started, or stopped */
	struct metrics_daemon *metrics;
	atomic_bool draining;

	/* under change */
	struct postfix_facts facts;
	char version[POSTFIX_VALUE_MAX]; /* what auto has found; empty */
	/* of the version in use; 0: it is named by the configuration */
	atomic_uint auto_version;
	_Atomic int64_t auto_seen; /* since then; clock_mono_ms() */
	atomic_bool auto_told; /* by a request, not by postconf(1) alone */

	/* complaints about clients of this minute */
	_Atomic int64_t minute;
	atomic_uint complaints;
};

/*
 * Builds everything from the configuration, whose reference it takes. Starts
 * threads: call after the privileges are dropped. Logs. Returns 0 or an
 * aver_err with d filled; service_close() in any case.
 */
int service_open(struct service *s, struct conf *c, struct diag *d);
/*
 * Begins to collect results of TLS sessions. fd: the socket of
 * tlsrpt_socket, which stays the caller's, or -1.
 */
int service_collect(struct service *s, int fd, struct diag *d);
/* Begins to answer. l is the service's until it stops. */
int service_start(struct service *s, struct listeners *l, struct diag *d);
/*
 * Swaps in a new configuration (whose reference it takes also on failure); on
 * failure the old one stays.
 */
int service_reload(struct service *s, struct conf *c, struct diag *d);
/* Answers what has arrived, for at most patience_ms, then no more. */
void service_stop(struct service *s, int64_t patience_ms);
/* After service_stop(), or when it was never started. */
void service_close(struct service *s);

/* Everything in c that only this program can check: appends lines of errors. */
int service_check(const struct conf *c, struct buf *errors);

/* The snapshot of the moment, with a reference for the caller. */
struct snapshot *service_snapshot(struct service *s);
void snapshot_unref(struct snapshot *snap); /* NULL allowed */
/*
 * snap (NULL allowed) or, when there is a newer one, that in its place: for
 * one thread that keeps its own reference.
 */
struct snapshot *service_refresh(struct service *s, struct snapshot *snap);

static inline uint64_t
service_generation(const struct service *s)
{
	return atomic_load_explicit(&s->generation, memory_order_acquire);
}

/*
 * A Postfix has told its version; seen: of the thread that calls. With
 * postfix_version = auto a lower one counts at once, for attributes that a
 * version does not know defer all mail; a higher one when the old has not been
 * seen for long.
 */
void service_note_version(struct service *s, struct seen_version *seen,
    struct str version, int64_t now);

/* Logs what a client did wrong; not more than some lines a minute. */
void service_complain(struct service *s, const char *what, const char *why);

#endif
