/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The store: what has been recorded and has to survive. One interface, back
 * ends behind it (SQLite now). An evaluation is not a row for each message:
 * rows are keyed by (hour, policy domain, canonical octets) and carry a count.
 * A handle belongs to one thread.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"

struct store;

enum store_mode { STORE_READ, STORE_WRITE, STORE_CHANGE };

/*
 * spec: "sqlite:PATH". STORE_WRITE creates what is missing and migrates an
 * older schema; a newer schema than this program's is refused (AVER_CONF).
 * STORE_CHANGE is the same for who changes or removes what is there: it makes
 * no store, but says what STORE_READ says of one that is missing or empty.
 * Returns 0 with *out, or AVER_CONF, AVER_IO, AVER_TEMP (locked), AVER_NOMEM
 * with d filled.
 */
int store_open(
    const char *spec, enum store_mode mode, struct store **out, struct diag *d);
void store_close(struct store *s); /* NULL allowed */

/*
 * What is wrong with spec whatever a server says: its form, the files of
 * passwords and certificates that it names. So an AVER_CONF of store_open()
 * after which this finds nothing is the server's, and may pass: a password that
 * is being changed, another host's newer program. Nothing is connected to, no
 * file of SQLite is opened. Returns 0, AVER_CONF, AVER_NOMEM, AVER_CRYPTO.
 */
int store_check_spec(const char *spec, struct diag *d);

/* One row to be counted. octets: of evaluation_encode(). */
struct store_evaluation {
	int64_t hour; /* seconds since the epoch, a multiple of 3600 */
	struct str policy_domain;
	struct str octets;
	uint64_t count;
	bool optional;
	/*
	 * For store_add_batch(): optional too unless the policy domain is
	 * known. False in rows that are read.
	 */
	bool if_known;
};

/*
 * Adds the counts and remembers that source (a name for the ring that the
 * rows come from) is committed up to seq: one transaction. Returns 0,
 * AVER_TEMP (locked, full disk: try again), AVER_IO, AVER_NOMEM.
 */
int store_add_evaluations(struct store *s, struct str source, uint64_t seq,
    const struct store_evaluation *rows, size_t n, struct diag *d);

/*
 * A domain this site had a good exchange with: an accepted aligned pass, or
 * mail sent to it. domain: at most 255 octets, A-labels in lower case. seen:
 * seconds since the epoch; the store keeps the day (UTC) of the last time.
 */
struct store_known {
	struct str domain;
	int64_t seen;
};

struct store_bad_datagram;
struct store_incident;
struct store_sighting;
struct store_tls_result;

/*
 * One process that records under a source's name. What a killed one had sent
 * may still be on its way to a server, and get there after the next one has
 * asked how far the source is. So that one fences the first one off: see
 * store_fence_source().
 */
struct store_fence {
	uint64_t token; /* the process's own: random, not 0 */
	uint64_t number; /* 0 at first; of store_fence_source() */
};

struct store_batch {
	struct str source;
	uint64_t seq;
	/* NULL: whoever it is; else what it has of store_fence_source() */
	const struct store_fence *fence;
	uint64_t after; /* with fence: the number before, as far as known */
	const struct store_evaluation *rows;
	size_t n_rows;
	const struct store_known *known;
	size_t n_known;
	unsigned known_days; /* see below */
	/* see tls_result.h, failure.h and destination.h */
	const struct store_tls_result *tls_results;
	size_t n_tls_results;
	const struct store_bad_datagram *bad_datagrams;
	size_t n_bad_datagrams;
	uint64_t more_bad_datagrams; /* counted only */
	const struct store_incident *incidents;
	size_t n_incidents;
	const struct store_sighting *sightings;
	size_t n_sightings;
};

/*
 * The same with all else that a source may bring, in one transaction. About
 * known domains:
 * First the n_known ones are remembered, so a batch is one moment: its rows'
 * order does not matter. Then a row with if_known counts as optional unless
 * its policy domain was seen on the day of the row's hour, on one of the
 * known_days days before it, or later. That is asked as of the row's hour, so
 * a batch that was delayed counts as it would have counted then. Nothing is
 * remembered when seq was committed before. seq 0 is no number: what comes
 * with it is always added. AVER_LIMIT: something is above the bounds of its
 * header; nothing was added.
 * With a fence also, and then nothing was added either: AVER_NOTFOUND: another
 * process has the source now, and had not found this batch counted. AVER_IO:
 * the source's number is between after and seq, so part of the batch may be
 * counted; ask again with store_fence_source(). A number below after is that of
 * a store which has lost something, and is gone on from.
 */
int
store_add_batch(struct store *s, const struct store_batch *b, struct diag *d);

/*
 * What has been committed, by whomever, is on the disk when this returns, also
 * what need not be at once (ledger.h, take.h). With Redis a commit is as safe
 * as the server is told to make it, and this does nothing.
 */
int store_flush(struct store *s, struct diag *d);

/* The last seq of that source, 0 when it is unknown. */
int store_committed(
    struct store *s, struct str source, uint64_t *seq, struct diag *d);

/*
 * The same, and at that instant the source becomes that process's: from then
 * on no batch of one before it is added, however late it arrives, so *seq is
 * how far they have come for ever. Called again by the same process (after a
 * lost reply, for another handle) it only asks. AVER_NOTFOUND: fence->number
 * was not 0, and the source is another's now, who asked later. Whether the
 * other found this process's last batch counted store_add_batch() still knows,
 * until a third one comes.
 */
int store_fence_source(struct store *s, struct str source,
    struct store_fence *fence, uint64_t *seq, struct diag *d);

/*
 * Calls fn for each row of the policy domain (all when it is empty) with
 * from <= hour < to, ordered by policy domain, hour; views are valid for the
 * call. fn returns 0 to go on; anything else stops and is returned. It may call
 * any function of the handle but this one.
 */
int
store_each_evaluation(struct store *s, struct str policy_domain, int64_t from,
    int64_t to, int (*fn)(void *arg, const struct store_evaluation *row),
    void *arg, struct diag *d);

struct store_domain {
	struct str policy_domain;
	int64_t first_hour, last_hour;
	uint64_t rows, messages, optional_messages;
};

/* One call of fn for each policy domain, ordered by name. */
int store_each_domain(struct store *s,
    int (*fn)(void *arg, const struct store_domain *dom), void *arg,
    struct diag *d);

/* Removes a policy domain's evaluations; *removed: messages they counted. */
int store_remove_evaluations(struct store *s, struct str policy_domain,
    uint64_t *removed, struct diag *d);

/* --- known domains */

/* Remembers the domains; an earlier day does not replace a later one. */
int store_know_domains(
    struct store *s, const struct store_known *known, size_t n, struct diag *d);

/*
 * Forgets the domains last seen before the day of that time, then all but the
 * most ones seen last.
 */
int store_forget_domains(
    struct store *s, int64_t before, uint64_t most, struct diag *d);

/*
 * One call of fn for each known domain, ordered by name; seen is the start of
 * the day. For fn see store_each_evaluation().
 */
int store_each_known(struct store *s,
    int (*fn)(void *arg, const struct store_known *known), void *arg,
    struct diag *d);

/* --- figures */

struct store_stats {
	/* rows, or entries */
	uint64_t evaluations, known_domains, tls_results, incidents;
	uint64_t destinations, sts_policies, suppressions;
	uint64_t reports, pending; /* pending: submissions */
	uint64_t bad_datagrams; /* ever */
	uint64_t incidents_dropped; /* ever: their queue was full */
	uint64_t octets; /* the store's size, where that is known */
};

/* Counts; takes time in proportion to all rows. */
int store_stats(struct store *s, struct store_stats *out, struct diag *d);

#endif
