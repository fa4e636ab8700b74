/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The policies of MTA-STS: in memory, in the store so that they survive a
 * restart, fetched when a record says that there is a new one, and refreshed
 * in the background whatever the record says (RFC 8461 sections 3.3, 5.1 and
 * 10.2). Thread-safe.
 *
 * Where several hosts share a store, one fetches for all (sts_fleet.h). What
 * others put there or remove counts here STS_FOLLOW_MS later, and what is in
 * memory stays in force whatever becomes of the store; over a restart, too, by
 * this host's copy (sts_copy.h).
 */
#ifndef TLSPOLICY_STS_CACHE_H
#define TLSPOLICY_STS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"
#include "lib/store/store.h"
#include "tlspolicy/decision.h"
#include "tlspolicy/sts_fleet.h"
#include "tlspolicy/sts_flight.h"
#include "tlspolicy/sts_record.h"

struct sts_cache;

struct sts_cache_config {
	struct sts_fetcher *fetcher; /* the cache's from now on */
	struct store *store; /* the cache's; NULL: none, or none yet */
	/*
	 * Opens one more handle of the store, or the first one of a store that
	 * was away at the start; open NULL: neither is wanted.
	 */
	struct sts_opener opener;
	bool is_shared; /* the store is one for several hosts */
	/* with refresh: spec of this host's copy; NULL: none */
	const char *copy;
	struct sts_patience with_hosts; /* all 0: as usual */
	bool read_only; /* the store is not written */
	/* load all policies at the start and refresh them */
	bool refresh;
	struct dns_source *dns; /* of the refreshes; the caller's */
	size_t entries, octets;
	struct sts_nets allow; /* the caller's, as long as the cache lives */
	int64_t refresh_time, unused_time; /* seconds */
	/*
	 * How long one waits for a fetch who is not patient. Most policy hosts
	 * answer within a second; a few that never come to an end would else
	 * keep all workers of a daemon waiting.
	 */
	int64_t patience_ms;
	int64_t (*now)(void);
	/* see struct sts_core */
	void (*failed)(void *arg, struct str domain, enum tlsrpt_result result,
	    struct str reason, const struct sts_held *cached);
	void *failed_arg;
	void *note_arg;
	void (*changed)(void *arg, struct str domain);
	void (*note)(void *arg, struct str domain, const char *what);
};

/*
 * Also on failure fetcher and store are the cache's. Returns 0, AVER_NOMEM,
 * AVER_IO, or what the store says, with d filled.
 */
int sts_cache_open(
    const struct sts_cache_config *cfg, struct sts_cache **out, struct diag *d);
/* Ends all fetches, writes what is to be written. NULL allowed. */
void sts_cache_close(struct sts_cache *c);

struct sts_question {
	struct str domain; /* A-labels in lower case */
	enum sts_found found; /* what the TXT record says */
	struct str id; /* with STS_FOUND */
	struct dns *dns; /* finds the policy host; NULL: nothing is fetched */
	int64_t deadline; /* clock_mono_ms() */
	bool is_patient; /* waits for a fetch till the deadline */
	bool refetch; /* fetch in any case, whatever id and backoff say */
};

struct sts_answer {
	struct tls_sts sts; /* in the arena */
	/*
	 * A policy was to be fetched, and for a reason of ours it is not known
	 * how that went; none is in force. Empty else.
	 */
	struct str trouble;
	/* seconds from now for which this may be kept; 0 with trouble */
	int64_t valid;
	bool has_waited; /* for a fetch */
	/* the policy is in force although the last attempt failed */
	bool is_stale;
};

/*
 * The policy in force, fetched if the record asks for it. Without memory in the
 * arena there is trouble.
 */
void sts_cache_ask(struct sts_cache *c, const struct sts_question *q,
    struct arena *arena, struct sts_answer *out);
/*
 * Follows the store now: who removed a policy there, or put one, is obeyed.
 * Returns 0 or what the store says.
 */
int sts_cache_reload(struct sts_cache *c, struct diag *d);

struct sts_cache_stats {
	struct sts_counts counts;
	size_t policies, entries, octets;
	unsigned fetching;
	bool is_away; /* there should be a store */
};

/* The store, where there is one, answered when it was asked last. */
bool sts_cache_has_store(struct sts_cache *c);

void sts_cache_stats(struct sts_cache *c, struct sts_cache_stats *out);

#endif
