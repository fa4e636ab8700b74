/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the parts of the keeper share. */
#ifndef TLSPOLICY_STS_KEEPER_INT_H
#define TLSPOLICY_STS_KEEPER_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tlspolicy/sts_keeper.h"

#define STS_KEEPER_DOMAIN_SIZE 256

struct sts_keeper {
	struct sts_core *core;
	struct dns_source *dns;
	int64_t unused_time;
	bool read_only, refresh;
	bool runs, follows; /* threads: of the rounds, of the store's changes */
	pthread_t thread, follower;
	pthread_cond_t ends; /* the core's closing, with its lock */
	size_t at; /* bucket where the next tick goes on */
	int64_t last_write; /* clock_mono_ms() */
	int64_t forgot, copy_forgot; /* seconds */

	struct sts_fleet *fleet;
	struct sts_copy *copy;
	struct sts_opener opener;
	atomic_bool is_up; /* the store answered the last time */
	/* of writing, which may fail while reading goes well: a full disk */
	bool write_fails;
	int64_t write_at; /* clock_mono_ms(): not before */
	bool has_store; /* perhaps not yet */
	pthread_mutex_t store_lock; /* taken before the core's */
	struct store *store; /* NULL: none, or none yet */
	int64_t mark; /* of the store's changes; < 0: none yet */
	bool is_complete; /* all of the store was loaded; under the core's */
};

/* The store is there, and did not fail to write a moment ago. */
bool sts_keeper_may_write(const struct sts_keeper *k);
/*
 * Writes what is dirty, up to the first failure, while the store is there; that
 * stays dirty and is tried again a tick later. No lock is held.
 */
void sts_keeper_write(struct sts_keeper *k);

#endif
