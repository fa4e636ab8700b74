/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Where the results of TLS sessions go on their way to the store: those of
 * datagrams and the findings of the engine through a recorder of its own,
 * those of the log past it, as they carry a position that has to be committed
 * with them. Bounds what a flood can leave behind.
 */
#ifndef POLICYD_COLLECTOR_H
#define POLICYD_COLLECTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "collect/tally.h"
#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "lib/store/recorder.h"
#include "lib/tlsrpt/tlsrpt_result.h"
#include "tlspolicy/engine.h"

struct collector;

/* Where a session was learnt of. */
enum collector_way {
	COLLECTOR_DATAGRAM,
	COLLECTOR_LOG,
	COLLECTOR_FINDING, /* of ours, without a session */
	COLLECTOR_WAY_COUNT
};

struct collector_stats {
	uint64_t sessions[COLLECTOR_WAY_COUNT][TLSRPT_RESULT_COUNT];
	uint64_t over_cap; /* sessions of rows above tlsrpt_max_rows_per_day */
	uint64_t rows_today; /* different ones */
	struct recorder_stats recorder;
};

/*
 * Opens the recorder; call it after the privileges are dropped. Reads which
 * rows of this day the store has. Returns 0 or an aver_err with d filled.
 */
int
collector_open(const struct conf *c, struct collector **out, struct diag *d);
/* Nobody may be inside a call. NULL allowed. */
void collector_close(struct collector *c);

/* All that follows: any thread, none of it blocks on the store. */

void collector_count(struct collector *c, enum collector_way way,
    enum tlsrpt_result result, uint64_t n);
/* Records what the tally holds. */
void collector_take(struct collector *c, const struct tally *t);
/* recorder_has_room(): what is taken now is not lost for want of it. */
bool collector_has_room(const struct collector *c, size_t octets);
/*
 * Keeps a datagram that could not be read; false when there were so many of
 * late that it is not kept.
 */
bool collector_bad(
    struct collector *c, int64_t now, struct str octets, const char *why);
/*
 * False: the row is not to be recorded, for there are too many different ones
 * of this day already. Counted, and logged now and then.
 */
bool collector_admits(struct collector *c, const struct store_tls_result *row);
/* As the hook of the engine. */
void collector_event(struct collector *c, const struct engine_event *ev);

void collector_get_stats(struct collector *c, struct collector_stats *out);

#endif
