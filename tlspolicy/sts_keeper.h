/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the policy cache does beside answering: a thread follows what others
 * change in the store; another one writes to it, refreshes policies before they
 * expire, drops what nobody uses, and forgets what mail hosts were seen to
 * offer long ago. A store that is away is tried again every second; meanwhile
 * what would be written waits in memory, and all else goes on.
 */
#ifndef TLSPOLICY_STS_KEEPER_H
#define TLSPOLICY_STS_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"
#include "tlspolicy/sts_copy.h"
#include "tlspolicy/sts_fleet.h"
#include "tlspolicy/sts_flight.h"

/* Others' changes count here so much later, while the store can be reached. */
#define STS_FOLLOW_MS 1000

struct sts_keeper;

struct sts_keeper_config {
	struct sts_core *core; /* the caller's */
	struct store *store; /* the keeper's; NULL: none, or none yet */
	struct sts_opener opener; /* of the first one; open NULL: none */
	struct sts_fleet *fleet; /* the caller's; NULL: each for itself */
	struct sts_copy *copy; /* the caller's; NULL: none */
	bool read_only, refresh;
	struct dns_source *dns;
	int64_t unused_time;
};

/*
 * Loads the store with refresh, and starts the thread. The store is the
 * keeper's also on failure. Returns 0, AVER_NOMEM or what the store says.
 */
int sts_keeper_open(const struct sts_keeper_config *cfg,
    struct sts_keeper **out, struct diag *d);
/* The thread ends: no fetch is started any more. NULL allowed. */
void sts_keeper_stop(struct sts_keeper *k);
/* After that, when no fetch is under way: writes all. NULL allowed. */
void sts_keeper_close(struct sts_keeper *k);
/*
 * Puts what the store knows of the domain into the core's table, unless all of
 * the store is there anyway. False: it could not be asked, and what this host
 * has a copy of is in the table. No lock is held.
 */
bool sts_keeper_fetch(struct sts_keeper *k, struct str domain);
/* The store answered when it was asked last. */
bool sts_keeper_is_up(const struct sts_keeper *k);
/* See sts_cache_reload(). */
int sts_keeper_reload(struct sts_keeper *k, struct diag *d);

#endif
