/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The inside of the policy cache that sts_cache.c and sts_keeper.c share: its
 * locked table, and fetches under way, of which a domain has one at a time
 * however many wait for it.
 */
#ifndef TLSPOLICY_STS_FLIGHT_H
#define TLSPOLICY_STS_FLIGHT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/dns/dns.h"
#include "tlspolicy/sts_addr.h"
#include "tlspolicy/sts_fetch.h"
#include "tlspolicy/sts_table.h"

struct sts_counts {
	uint64_t fetches; /* begun; each of the others is counted at its end */
	uint64_t fetched, fetch_errors, fetch_invalid, fetch_webpki;
	uint64_t joined, refreshed, refresh_failures, store_errors;
	uint64_t taken; /* from another host, in place of a fetch */
};

struct sts_core {
	pthread_mutex_t lock;
	pthread_condattr_t monotonic;
	/* under the lock */
	struct sts_table table;
	struct sts_entry *dirty; /* newest first */
	struct sts_counts counts;
	unsigned in_flight;
	bool closing;
	bool has_ipv6; /* there is a way to hosts of it, */
	int64_t ipv6_checked; /* when that was looked at; seconds, 0: never */
	pthread_cond_t work; /* something is dirty, or closing */
	pthread_cond_t idle; /* in_flight became 0 */

	/* constant */
	struct sts_fetcher *fetcher;
	struct sts_nets allow;
	bool has_store; /* that is written to */
	bool is_shared; /* it is one for several hosts */
	int64_t refresh_time; /* seconds */
	int64_t (*now)(void); /* seconds */
	/* a fetch failed; no lock is held; may be NULL */
	void (*failed)(void *arg, struct str domain, enum tlsrpt_result result,
	    struct str reason, const struct sts_held *cached);
	void *failed_arg;
	/* of both; no lock is held; both may be NULL */
	void *note_arg;
	/* through the store, what is in force for the domain became another */
	void (*changed)(void *arg, struct str domain);
	/* trouble with the store, about a domain or (empty) all of it */
	void (*note)(void *arg, struct str domain, const char *what);
};

/*
 * A fetch for the domain, with the TXT record's id, or an empty one when a
 * refresh knows none. Both: the lock is held. *leads: the caller has started it
 * and has to call sts_flight_run() next, without the lock. NULL: no memory or
 * no room. The flight is the caller's until sts_flight_wait() or
 * sts_flight_leave().
 */
struct sts_flight *sts_flight_join(struct sts_core *c, struct str domain,
    struct str id, bool is_refresh, bool *leads);
/*
 * Looks up the addresses of the policy host and starts the fetch. When d's
 * deadline passes meanwhile, the flight ends as if it had never been.
 */
void sts_flight_run(struct sts_flight *fl, struct dns *d);
/*
 * In place of sts_flight_run(): the flight ends with the entry's policy if that
 * is in force, was fetched after newer and is of the flight's id, where it has
 * one. False: it goes on. No lock is held.
 */
bool sts_flight_take(struct sts_flight *fl, int64_t newer);
/* The same: it ends as if it had never been. No lock is held. */
void sts_flight_give_up(struct sts_flight *fl);
/*
 * Waits until the flight has ended or clock_mono_ms() is until. The lock is
 * held before and after. False: it has not, or was given up. *policy becomes a
 * reference to what was fetched, and stays as it is when nothing was: the entry
 * may be gone by now, pushed out by others.
 */
bool
sts_flight_wait(struct sts_flight *fl, int64_t until, struct sts_held **policy);
/* Instead of waiting; the lock is held. */
void sts_flight_leave(struct sts_flight *fl);

/* When a policy is to be fetched again; part of the time is chance. */
int64_t sts_refresh_at(
    const struct sts_core *c, const struct sts_held *h, uint64_t chance);
/* To be written to the store; the lock is held. */
void sts_mark_dirty(struct sts_core *c, struct sts_entry *e);

#endif
