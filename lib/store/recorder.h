/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The milter's way into the store, without ever waiting for it. A callback
 * appends to a bounded ring in a mapped file; one writer thread aggregates
 * what is there and commits it together with the ring's sequence number in
 * one transaction. A killed process loses nothing and counts nothing twice:
 * the next start goes on after the number that is in the store, and what is
 * still on its way then is refused (store_fence_source()). When the store
 * cannot take a batch for a while (lock, full disk), batches go to an
 * append-only spool file beside the ring and are committed later, in order.
 *
 * Exactly once, also when the process is killed between the recording and the
 * MTA's reading of our reply: each record carries a fingerprint of its
 * message and stays "unconfirmed" in the mapped file until
 * recorder_confirm(), which the milter calls when the MTA's next command
 * shows that it has read the reply. After a kill, the unconfirmed ones are in
 * doubt: counted, and if the MTA did not see the reply, its client will send
 * the same message again. Then recorder_add() finds the fingerprint and does
 * not count again. Doubts expire after five days (RFC 5321 section 4.5.4.1).
 */
#ifndef STORE_RECORDER_H
#define STORE_RECORDER_H

#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/destination.h"
#include "lib/store/evaluation.h"
#include "lib/store/tls_result.h"

struct recorder;

struct recorder_config {
	const char *store; /* for store_open() */
	/* of NAME.ring, .ring.lock and .spool; exists, writable */
	const char *directory;
	const char *name; /* NULL: "evaluations" */
	size_t ring_size; /* octets, rounded to pages; >= 256 kB */
	unsigned batch_ms; /* longest wait before a commit */
	size_t spool_max; /* octets of the spool file */
	unsigned close_ms; /* longest wait at the end; 0: 5000 */
	/*
	 * A rejection or quarantine is optional when this site had no good
	 * exchange with the policy domain in so many days before it; the writer
	 * finds that out. 0: it is not, and no domain is remembered. At most
	 * 36500.
	 */
	unsigned known_days;
};

#define RECORDER_FINGERPRINT 16

/* What recorder_confirm() needs; a plain value. slot < 0: nothing to do. */
struct recorder_ticket {
	int slot;
	uint64_t seq;
};

struct recorder_stats {
	uint64_t added; /* records taken */
	uint64_t committed; /* in the store */
	uint64_t repeated; /* not counted: resolved a doubt */
	uint64_t lost; /* ring and spool were full; also logged */
	uint64_t commits, commit_failures;
	uint64_t spooled; /* octets waiting in the spool */
	uint64_t queued; /* records in the ring, not yet committed */
};

/*
 * Opens and locks the ring (one process each), reconciles it with the store
 * and starts the writer thread; a store that cannot be opened now is only a
 * warning. Call after dropping privileges and before serving. Logs. Returns 0
 * or AVER_IO, AVER_CONF (locked by another process), AVER_NOMEM.
 */
int recorder_open(
    const struct recorder_config *c, struct recorder **out, struct diag *d);

/*
 * Records one evaluation at time now (seconds since the epoch). Thread-safe,
 * does no I/O that can block, never waits for the writer. octets: of
 * evaluation_encode(). Returns 0, also when a doubt was resolved; AVER_LIMIT
 * when the record was lost (counted and logged by the recorder).
 */
int recorder_add(struct recorder *r, int64_t now, struct str policy_domain,
    struct str octets, bool optional,
    const uint8_t fingerprint[RECORDER_FINGERPRINT],
    struct recorder_ticket *out);

/*
 * The same with an incident for the queue of failure reports (failure.h; at
 * most STORE_INCIDENT_MAX octets, empty: none) of the same message: both are
 * there after a kill or none is, and neither is recorded again for a doubt. An
 * incident that has no room is lost (and counted) alone.
 */
int recorder_add_message(struct recorder *r, int64_t now,
    struct str policy_domain, struct str octets, bool optional,
    struct str incident, const uint8_t fingerprint[RECORDER_FINGERPRINT],
    struct recorder_ticket *out);

/*
 * What other daemons record, on the same way: thread-safe, without I/O that can
 * block, exactly once whatever is killed when. Return 0 or AVER_LIMIT: lost,
 * for want of room (counted) or above the bounds of store and ring. The day
 * of a result is that of its field, the time of the others theirs.
 */
int
recorder_add_tls_result(struct recorder *r, const struct store_tls_result *row);
int
recorder_add_sighting(struct recorder *r, const struct store_sighting *seen);
int recorder_add_bad_datagram(
    struct recorder *r, const struct store_bad_datagram *bad);

/* The MTA has read the reply. Idempotent. */
void recorder_confirm(struct recorder *r, struct recorder_ticket *t);

void recorder_stats(struct recorder *r, struct recorder_stats *out);

/*
 * The ring has that much free space, or half of it is free. Who can let others
 * wait does so until it is true, or until he is sure that neither store nor
 * spool takes any more. Thread-safe, never waits.
 */
bool recorder_has_room(const struct recorder *r, size_t octets);

/*
 * Commits what is there (waits at most close_ms for the store) and stops the
 * thread. What could not be committed, and what is added after that, stays in
 * the files for the next one. NULL allowed.
 */
void recorder_finish(struct recorder *r);
/* The same, and closes: nobody may use it any more. NULL allowed. */
void recorder_close(struct recorder *r);

#endif
