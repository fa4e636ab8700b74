/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The memory of the policy cache: an entry for each domain, with a bound on
 * their number and size. Not locked: sts_cache.c does that.
 */
#ifndef TLSPOLICY_STS_TABLE_H
#define TLSPOLICY_STS_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/tlsrpt/tlsrpt_result.h"
#include "tlspolicy/sts_policy.h"
#include "tlspolicy/sts_record.h"

/* A policy as fetched; immutable, reference-counted. Times in seconds. */
struct sts_held {
	atomic_uint refs;
	enum sts_mode mode;
	int64_t fetched, expires;
	struct str id, text;
};

/* A copy with one reference; NULL: no memory. id: at most STS_ID_MAX. */
struct sts_held *sts_held_new(struct str id, struct str text,
    enum sts_mode mode, int64_t fetched, int64_t expires);
struct sts_held *sts_held_ref(struct sts_held *h); /* NULL allowed */
void sts_held_unref(struct sts_held *h); /* NULL allowed */

/* RFC 8461 section 3.3: least time between two fetches for an id */
#define STS_BACKOFF 300

struct sts_flight; /* a fetch under way, of sts_cache.c */

struct sts_entry {
	struct sts_entry *next; /* of the bucket */
	struct sts_entry *next_dirty;
	uint64_t hash;
	struct sts_held *policy; /* may be expired; NULL: none */
	struct sts_flight *flight; /* NULL: none */
	int64_t last_used, stored_use;
	int64_t refresh_at; /* of the policy */
	/* the last failure since the policy was fetched */
	int64_t failed; /* 0: none */
	int64_t next_try; /* no fetch for failed_id before */
	char *failed_id; /* NULL: any */
	char *detail; /* NULL: "" */
	uint64_t fence; /* of the claim to fetch, among hosts; 0: none */
	enum tlsrpt_result failure;
	bool is_dirty; /* to be written: in the list of dirty ones */
	bool is_new; /* the policy: the store has it not */
	bool is_stored; /* the store has it */
	bool is_seen; /* while the store is read again */
	bool is_copied; /* the policy: see sts_copy.h */
	bool is_unsure; /* the store may have a policy and could not be read */
	uint8_t len;
	char domain[];
};

/*
 * Is there to be no fetch for failed_id yet? One that is further ahead than any
 * backoff is from a clock that was wrong, and counts for nothing.
 */
bool sts_entry_rests(const struct sts_entry *e, int64_t now);

/* A table keeps in mind so many buckets where a policy was set last. */
#define STS_TABLE_RECENT 1024

struct sts_table {
	struct sts_entry **buckets;
	size_t n_buckets; /* a power of 2 */
	size_t count, octets, policies;
	size_t most, most_octets;
	size_t evicted; /* dropped for room, ever */
	size_t hand; /* the bucket where eviction goes on */
	uint64_t seed;
	uint64_t n_recent; /* ever */
	size_t recent[STS_TABLE_RECENT]; /* number n at n % STS_TABLE_RECENT */
};

/* Returns 0, AVER_NOMEM, AVER_IO (no random seed). */
int sts_table_init(struct sts_table *t, size_t most, size_t most_octets);
void sts_table_fini(struct sts_table *t);

struct sts_entry *sts_table_find(const struct sts_table *t, struct str domain);
/*
 * A new entry for a domain that has none, at most 255 octets; NULL: no memory,
 * or all room is taken by entries that are dirty or in flight. Makes room by
 * dropping what is worth least: first what holds no policy in force, then what
 * was used longest ago. The entry may be dropped by the next call.
 */
struct sts_entry *
sts_table_add(struct sts_table *t, struct str domain, int64_t now);
/* Drops it, whatever its state. */
void sts_table_drop(struct sts_table *t, struct sts_entry *e);
/* Takes over the reference; NULL: none any more. */
void sts_table_set_policy(
    struct sts_table *t, struct sts_entry *e, struct sts_held *policy);
/*
 * Copies the texts, of which 255 octets are kept; an empty one is NULL, and so
 * is one that there is no memory for.
 */
void sts_table_set_failure(struct sts_table *t, struct sts_entry *e,
    struct str failed_id, struct str detail);

struct str sts_entry_domain(const struct sts_entry *e);
/* There is a policy, and it has not expired. */
bool sts_entry_in_force(const struct sts_entry *e, int64_t now);

#endif
