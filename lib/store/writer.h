/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The consumer's side of the recorder: ring -> store, and by way of the spool
 * when the store cannot take it. No thread of its own; one thread at a time
 * calls it.
 *
 * The order is always spool, then ring, and one number for each source says
 * how far the store is, so each step may be cut short and done again: a batch
 * whose commit failed stays as it is until it has been committed or spooled
 * (the commit may have happened all the same; then the store's number tells),
 * and the ring gives records up only after one of the two.
 *
 * The number is asked for with a fence (store.h), so what a former process had
 * on its way cannot come in between. If the ring's source is taken in the same
 * way by another process, it has a copy of the ring's file, as of a folder or a
 * machine that was copied while this one ran: it goes on under the old name and
 * with the numbers that it found, and this one takes a new name for what was
 * not counted then.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/store/batch.h"
#include "lib/store/items.h"
#include "lib/store/known.h"
#include "lib/store/ring.h"
#include "lib/store/spool.h"
#include "lib/store/store.h"

struct writer {
	/* set by the owner */
	struct ring *ring;
	struct spool *spool;
	pthread_mutex_t *lock; /* of the ring's producers */
	const char *spec; /* for store_open() */
	int64_t retry_first, retry_most; /* milliseconds */
	unsigned known_days; /* 0: no domain is known or unknown */
	atomic_int_fast64_t deadline; /* clock_mono_ms(); 0: none */

	struct store *store; /* NULL: not open */
	struct batch *batch;
	struct items items;
	uint64_t refused_logged;
	bool pending; /* the batch is filled and not yet done with */
	uint64_t known_source, known_to; /* where the store is, for the
	                                    spool */
	bool known;
	/* for the ring's records, and for those of known_source */
	struct store_fence fence, known_fence;
	uint64_t own_to; /* how far the store is with the ring's */
	/*
	 * Of a former process's records in the ring, up to this number, the
	 * store may have some, but not at the end of a batch of ours: until it
	 * has been asked each is a row of its own, so that those can be left
	 * out. 0: none. The owner sets it.
	 */
	uint64_t unsure_to;
	struct known *domains; /* NULL without known_days */
	int64_t next_tidy; /* milliseconds */
	size_t learnt; /* since the last tidying */
	/* state of the store */
	unsigned failures; /* in a row */
	int64_t failing_since, next_try;
	bool spooling, spool_failing; /* for the log: said so already */
	uint64_t damaged_logged;
	/* figures */
	atomic_uint_fast64_t committed, commits, commit_failures, spooled;
};

/*
 * After the owner has set its part. Returns 0, AVER_NOMEM or, without random
 * numbers, AVER_IO.
 */
int writer_init(struct writer *w);
void writer_fini(struct writer *w);

/* Opens the store if it can; returns 0 or what store_open() said. */
int writer_open_store(struct writer *w, struct diag *d);

/*
 * Moves what is there. Returns after how many milliseconds it wants to be
 * called again even if nothing is added, -1: not at all. Logs changes of
 * state.
 */
int64_t writer_turn(struct writer *w, int64_t now_ms);

/* True when nothing waits in ring or spool. */
bool writer_idle(const struct writer *w);

/*
 * Moves the records of a ring file that cannot be used as it is to the spool,
 * whatever the spool's limit, and renews the ring. Logs what was found.
 */
int writer_salvage(struct writer *w, struct diag *d);

#endif
