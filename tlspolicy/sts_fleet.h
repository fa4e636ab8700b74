/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * One fetch for all hosts that share a store. Before a host fetches a policy it
 * asks the store, which has the policy by now, or gives this host the claim to
 * fetch it, or says that another one has that claim. A claim ends by itself
 * after its lease, so a host that dies costs the others no more than that.
 *
 * Nothing here may cost an answer: without the store each host fetches for
 * itself. After a call that failed, it is left alone until the keeper, which
 * asks it every second, has reached it again: a store that is away costs one
 * call its timeout and not each lookup. One that took slow_ms for each of the
 * last STS_SLOW_CALLS answers is left alone for STS_SLOW_REST_MS, as a fetch is
 * hardly slower. Thread-safe.
 */
#ifndef TLSPOLICY_STS_FLEET_H
#define TLSPOLICY_STS_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/store/store.h"
#include "tlspolicy/sts_flight.h"

/* What is usual of struct sts_patience. */
#define STS_LEASE_MS 3000
#define STS_SLOW_MS 300
#define STS_SLOW_CALLS 3
#define STS_SLOW_REST_MS 10000

struct sts_fleet;

/*
 * An error of a shared store that may be over later: no server, one that does
 * not speak as it should, one that does not let this host in, or not now. What
 * store_check_spec() finds wrong is to be told before.
 */
bool sts_store_is_away(int err);

/* Opens a handle of the store; see store_open(). */
struct sts_opener {
	int (*open)(void *arg, struct store **out, struct diag *d);
	void *arg;
};

struct sts_patience {
	int64_t lease_ms; /* of a claim; a host waits for another as long */
	int64_t slow_ms;
};

enum sts_fleet_say {
	STS_FLEET_FETCH, /* it is the caller's to fetch, claimed or not */
	STS_FLEET_TAKEN, /* what another host fetched is in the table */
	STS_FLEET_BUSY, /* another host fetches, and there is no time to wait */
};

/* NULL: no memory. The store counts as away until sts_fleet_set(). */
struct sts_fleet *sts_fleet_new(struct sts_core *core,
    const struct sts_opener *opener, struct sts_patience patience);
void sts_fleet_free(struct sts_fleet *f); /* NULL allowed */

/* NULL allowed: never up. */
bool sts_fleet_is_up(const struct sts_fleet *f);
void sts_fleet_set(struct sts_fleet *f, bool is_up); /* NULL allowed */

/*
 * The domain's policy is to be fetched for the id (empty: any), unless there is
 * one that was fetched after newer. Waits for another host's fetch for a lease,
 * or wait_ms if that is less; 0: not at all, and STS_FLEET_BUSY. The claim's
 * fence goes into the domain's entry. No lock is held.
 */
enum sts_fleet_say sts_fleet_claim(struct sts_fleet *f, struct str domain,
    struct str id, int64_t newer, int64_t wait_ms);
/*
 * Takes over what the store knows of the domain. False: it could not be asked.
 * No lock is held.
 */
bool sts_fleet_get(struct sts_fleet *f, struct str domain);

#endif
