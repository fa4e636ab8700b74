/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What all sessions of the milter share: the configuration of the moment as a
 * reference-counted snapshot, the resolver, the recorder, and how many
 * messages are in flight.
 */
#ifndef MILTER_SERVICE_H
#define MILTER_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/arf/arf.h"
#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "lib/dns/dns.h"
#include "lib/inbound/inbound.h"
#include "lib/policy/policy_file.h"
#include "lib/store/recorder.h"

struct metrics_daemon;

/* A resolver that outlives the snapshots that share it. */
struct resolver {
	atomic_uint refs;
	struct dns_source *source;
	bool validating;
};

/* Immutable once it is current; a session holds a reference. */
struct snapshot {
	atomic_uint refs;
	struct conf *conf;
	struct resolver *resolver;
	struct orgdom *psl;
	struct policy_file *table; /* NULL: none configured */
	struct arena arena; /* of the options' lists */
	struct inbound_options options;
	char authserv_id[256];
};

struct service {
	pthread_mutex_t lock; /* of current */
	struct snapshot *current;
	struct arena arena; /* of the engine */
	struct dkim_engine *engine;
	struct recorder *recorder; /* NULL: not recording */
	struct metrics_daemon *metrics;
	atomic_uint sessions; /* connections of the MTA */
	atomic_uint messages; /* between MAIL and the end of message */
	atomic_bool draining; /* refuse new connections */
	atomic_ullong seen; /* messages evaluated since the start */
	pthread_mutex_t failure_lock; /* of failure_rate */
	struct arf_rate failure_rate;
};

/*
 * Builds everything from the configuration, whose reference it takes. Starts
 * threads: call after the privileges are dropped. Logs. Returns 0 or an
 * aver_err with d filled.
 */
int service_open(struct service *s, struct conf *c, struct diag *d);
/*
 * Swaps in a new configuration (whose reference it takes also on failure);
 * on failure the old one stays.
 */
int service_reload(struct service *s, struct conf *c, struct diag *d);
/*
 * What was recorded is committed, and no metrics are served any more. Sessions
 * may go on; draining has to be true, so that none begins.
 */
void service_finish(struct service *s);
/* The same, and gives all memory back: no session may be left. */
void service_close(struct service *s);

/* The snapshot of the moment, with a reference for the caller. */
struct snapshot *service_snapshot(struct service *s);
void snapshot_unref(struct snapshot *snap); /* NULL allowed */

#endif
