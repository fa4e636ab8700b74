/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/recorder.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/ring.h"
#include "lib/store/spool.h"
#include "lib/store/writer.h"

#define CLOSE_MS 5000
#define FIRST_TURN_MS 1000
#define RETRY_BATCHES 20 /* the wait between attempts grows up to this */
#define RETRY_MOST_MS 10000
#define LOST_LOG_MS 10000
#define EXPIRE_S 3600
#define KNOWN_DAYS_MAX 36500

_Static_assert(RECORDER_FINGERPRINT == RING_FINGERPRINT, "fingerprint");

struct recorder {
	/* guards the producers' side of the ring and what follows */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t *owner; /* of each slot: the ticket's number */
	uint64_t tickets;
	bool asleep; /* the thread waits for a first record */
	bool urgent; /* it need not wait for more */
	bool may_urge;
	bool stop;

	struct writer w;
	pthread_t thread;
	bool started;
	unsigned batch_ms, close_ms;
	char *spec;
	/* of the thread */
	uint64_t lost_logged;
	int64_t lost_at, expired_at;

	atomic_uint_fast64_t added, repeated, lost;
};

/* --- the thread */

static void
report_lost(struct recorder *r, int64_t now_ms, bool last)
{
	uint64_t lost = atomic_load(&r->lost);

	if (lost == r->lost_logged ||
	    (!last && r->lost_at && now_ms - r->lost_at < LOST_LOG_MS))
		return;
	log_msg(LOG_LVL_ERROR,
	    "recorder: %" PRIu64
	    " records had no room in the ring and are lost",
	    lost - r->lost_logged);
	r->lost_logged = lost;
	r->lost_at = now_ms;
}

static void
expire_doubts(struct recorder *r)
{
	int64_t now = clock_now();

	if (now - r->expired_at < EXPIRE_S)
		return;
	r->expired_at = now;
	pthread_mutex_lock(&r->lock);
	ring_expire(r->w.ring, now);
	pthread_mutex_unlock(&r->lock);
}

/* Waits until something is to be done, at most ms milliseconds, -1: ever. */
static void
wait_ms(struct recorder *r, int64_t ms)
{
	struct timespec ts;

	if (ms < 0) {
		pthread_cond_wait(&r->wake, &r->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += (time_t)(ms / 1000);
	ts.tv_nsec += (long)(ms % 1000 * 1000000);
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&r->wake, &r->lock, &ts);
}

/*
 * With the lock held: sleeps until there is a record, then for as long as
 * more are to come into the same transaction; or until the store is to be
 * tried again in retry milliseconds (-1: it works).
 */
static void
await(struct recorder *r, int64_t retry)
{
	int64_t until, left;

	while (!r->stop && retry < 0 && ring_used(r->w.ring) == 0) {
		r->asleep = true;
		wait_ms(r, -1);
	}
	r->asleep = false;
	until = clock_mono_ms() + (retry > r->batch_ms ? retry : r->batch_ms);
	while (!r->stop && !r->urgent && (left = until - clock_mono_ms()) > 0)
		wait_ms(r, left);
	r->urgent = false;
}

static void *
serve(void *arg)
{
	struct recorder *r = arg;
	int64_t now, retry = 0;
	bool is_full;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		pthread_mutex_unlock(&r->lock);
		now = clock_mono_ms();
		retry = writer_turn(&r->w, now);
		report_lost(r, now, false);
		expire_doubts(r);
		pthread_mutex_lock(&r->lock);
		is_full = ring_used(r->w.ring) > r->w.ring->size / 2;
		/* a ring that stays full is no reason to spin */
		r->may_urge = !is_full;
		/* but one that fills as fast as it is emptied has no time */
		if (retry >= 0 || !is_full)
			await(r, retry);
	}
	pthread_mutex_unlock(&r->lock);
	while (!writer_idle(&r->w) &&
	       (now = clock_mono_ms()) < atomic_load(&r->w.deadline)) {
		r->w.next_try = 0;
		if (writer_turn(&r->w, now) >= 0)
			nanosleep(&(struct timespec){0, 50000000}, NULL);
	}
	report_lost(r, clock_mono_ms(), true);
	return NULL;
}

static int
start(struct recorder *r, struct diag *d)
{
	sigset_t all, before;
	int e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(&r->thread, NULL, serve, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e)
		return diag_set(
		    d, AVER_NOMEM, 0, "cannot start a thread: %s", strerror(e));
	r->started = true;
	return 0;
}

/* --- open */

/* The names made in the folder are to survive a power failure. */
static void
sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

static int
path_in(char *out, size_t n, const struct recorder_config *c,
    const char *suffix, struct diag *d)
{
	int len = snprintf(out, n, "%s/%s%s", c->directory,
	    c->name ? c->name : "evaluations", suffix);

	if (len < 0 || (size_t)len >= n)
		return diag_set(
		    d, AVER_IO, 0, "%s: the name is too long", c->directory);
	return 0;
}

static int
open_files(struct recorder *r, const struct recorder_config *c, struct diag *d)
{
	char path[4096];
	int err;

	err = path_in(path, sizeof(path), c, ".ring", d);
	if (!err)
		err = ring_open(path, c->ring_size, &r->w.ring, d);
	if (!err)
		err = path_in(path, sizeof(path), c, ".spool", d);
	if (!err)
		err = spool_open(path, c->spool_max, &r->w.spool, d);
	if (!err && (r->w.ring->state == RING_RESIZED ||
			r->w.ring->state == RING_DAMAGED))
		err = writer_salvage(&r->w, d);
	if (!err)
		sync_directory(c->directory);
	return err;
}

/*
 * What the last process left: slots first, while the head is where it left
 * it; then what the spool or the store have is taken off the ring.
 */
static int
reconcile(struct recorder *r, struct diag *d)
{
	struct ring *ring = r->w.ring;
	unsigned doubts = ring_settle(ring, clock_now());
	uint64_t last, waiting = spool_waiting(r->w.spool);
	int err;

	r->expired_at = clock_now();
	err = spool_last(r->w.spool, ring->source, &last, d);
	if (err)
		return err;
	ring_skip(ring, last);
	r->w.unsure_to = ring_head(ring);
	atomic_store(&r->w.spooled, waiting);
	r->w.spooling = waiting > 0;
	if (doubts || waiting || ring_used(ring))
		log_msg(LOG_LVL_INFO,
		    "recorder: %" PRIuFAST64 " records in the ring, %" PRIu64
		    " octets in the spool, %u in doubt from the last run",
		    atomic_load(&ring->records), waiting, doubts);
	return 0;
}

static int
init_sync(struct recorder *r)
{
	pthread_condattr_t attr;
	int e = pthread_condattr_init(&attr);

	if (e)
		return AVER_NOMEM;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	e = pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (e)
		return AVER_NOMEM;
	if (pthread_mutex_init(&r->lock, NULL)) {
		pthread_cond_destroy(&r->wake);
		return AVER_NOMEM;
	}
	return 0;
}

static void
destroy(struct recorder *r)
{
	writer_fini(&r->w);
	spool_close(r->w.spool);
	if (r->w.ring && r->w.ring->h)
		ring_sync(r->w.ring);
	ring_close(r->w.ring);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->wake);
	free(r->owner);
	free(r->spec);
	free(r);
}

static int
init(struct recorder *r, const struct recorder_config *c, struct diag *d)
{
	int err;

	r->owner = calloc(RING_SLOTS, sizeof(*r->owner));
	r->spec = strdup(c->store);
	r->batch_ms = c->batch_ms ? c->batch_ms : 1;
	r->close_ms = c->close_ms ? c->close_ms : CLOSE_MS;
	r->may_urge = true;
	r->w.lock = &r->lock;
	r->w.spec = r->spec;
	r->w.known_days =
	    c->known_days < KNOWN_DAYS_MAX ? c->known_days : KNOWN_DAYS_MAX;
	r->w.retry_first = r->batch_ms;
	r->w.retry_most = (int64_t)r->batch_ms * RETRY_BATCHES;
	if (r->w.retry_most > RETRY_MOST_MS)
		r->w.retry_most = RETRY_MOST_MS;
	err = writer_init(&r->w);
	if (err == AVER_IO)
		return diag_set(d, err, 0, "no random numbers");
	if (err || !r->owner || !r->spec)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	return 0;
}

/*
 * Opens the store and commits what is left, but a long spool does not hold up
 * the start. Trouble is logged and tried again by the thread.
 */
static void
first_turn(struct recorder *r)
{
	int64_t now = clock_mono_ms();

	atomic_store(&r->w.deadline, now + FIRST_TURN_MS);
	(void)writer_turn(&r->w, now);
	atomic_store(&r->w.deadline, 0);
}

int
recorder_open(
    const struct recorder_config *c, struct recorder **out, struct diag *d)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int err;

	if (!r || init_sync(r)) {
		free(r);
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	err = init(r, c, d);
	if (!err)
		err = open_files(r, c, d);
	if (!err)
		err = reconcile(r, d);
	if (!err) {
		first_turn(r);
		err = start(r, d);
	}
	if (err) {
		destroy(r);
		return err;
	}
	*out = r;
	return 0;
}

void
recorder_finish(struct recorder *r)
{
	if (!r || !r->started)
		return;
	atomic_store(&r->w.deadline, clock_mono_ms() + r->close_ms);
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	r->started = false;
}

void
recorder_close(struct recorder *r)
{
	if (!r)
		return;
	recorder_finish(r);
	destroy(r);
}

/* --- producers */

static void
hand_out(struct recorder *r, int slot, struct recorder_ticket *out)
{
	if (slot < 0)
		return;
	r->owner[slot] = ++r->tickets;
	*out = (struct recorder_ticket){slot, r->tickets};
}

/* With the lock held: must the thread be woken? */
static bool
wants_wake(struct recorder *r)
{
	if (r->asleep) {
		r->asleep = false;
		return true;
	}
	if (!r->may_urge || ring_used(r->w.ring) <= r->w.ring->size / 2)
		return false;
	r->may_urge = false;
	r->urgent = true;
	return true;
}

/* With the lock held: counts what had no room. */
static int
note_lost(struct recorder *r)
{
	atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
	return AVER_LIMIT;
}

/*
 * With the lock held: the evaluation and, if there is one and room for it, its
 * incident, by one store.
 */
static void
publish(struct recorder *r, const struct ring_put *put,
    const struct ring_entry *e, struct str incident)
{
	struct ring *ring = r->w.ring;
	struct ring_entry second = {.kind = RECORD_INCIDENT,
	    .time = e->time,
	    .policy_domain = e->policy_domain,
	    .octets = incident};
	struct ring_put last = *put;
	unsigned n = 1;

	ring_write(ring, put, e);
	if (incident.n && e->policy_domain.n &&
	    ring_prepare_next(ring, put, e->policy_domain, incident, &last)) {
		second.hash = ring_hash(ring, e->policy_domain, incident);
		ring_write(ring, &last, &second);
		n = 2;
	} else if (incident.n) {
		note_lost(r);
	}
	ring_publish_all(ring, &last, n);
	atomic_fetch_add_explicit(&r->added, n, memory_order_relaxed);
}

int
recorder_add_message(struct recorder *r, int64_t now, struct str policy_domain,
    struct str octets, bool optional, struct str incident,
    const uint8_t fingerprint[RECORDER_FINGERPRINT],
    struct recorder_ticket *out)
{
	struct ring *ring = r->w.ring;
	struct ring_entry e = {.time = now,
	    .policy_domain = policy_domain,
	    .octets = octets,
	    .optional = optional,
	    .hash = ring_hash(ring, policy_domain, octets)};
	struct ring_put put;
	bool wake = false;
	int slot, err = 0;

	*out = (struct recorder_ticket){-1, 0};
	pthread_mutex_lock(&r->lock);
	slot = ring_slot_doubted(ring, fingerprint, now);
	if (slot >= 0) {
		atomic_fetch_add_explicit(
		    &r->repeated, 1, memory_order_relaxed);
	} else if (!ring_prepare(ring, policy_domain, octets, &put)) {
		err = note_lost(r);
	} else {
		/* the order of these is explained in ring.h */
		slot = ring_slot_open(ring, fingerprint, put.seq, now);
		publish(r, &put, &e, incident);
		wake = wants_wake(r);
	}
	hand_out(r, slot, out);
	pthread_mutex_unlock(&r->lock);
	if (wake)
		pthread_cond_signal(&r->wake);
	return err;
}

int
recorder_add(struct recorder *r, int64_t now, struct str policy_domain,
    struct str octets, bool optional,
    const uint8_t fingerprint[RECORDER_FINGERPRINT],
    struct recorder_ticket *out)
{
	return recorder_add_message(r, now, policy_domain, octets, optional,
	    STR_NONE, fingerprint, out);
}

/* A record that nobody sends again. */
static int
append(struct recorder *r, struct ring_entry *e)
{
	struct ring *ring = r->w.ring;
	struct ring_put put;
	bool wake = false;
	int err = 0;

	e->hash = ring_hash(ring, e->policy_domain, e->octets);
	pthread_mutex_lock(&r->lock);
	if (!ring_prepare(ring, e->policy_domain, e->octets, &put)) {
		err = note_lost(r);
	} else {
		ring_write(ring, &put, e);
		ring_publish(ring, &put);
		atomic_fetch_add_explicit(&r->added, 1, memory_order_relaxed);
		wake = wants_wake(r);
	}
	pthread_mutex_unlock(&r->lock);
	if (wake)
		pthread_cond_signal(&r->wake);
	return err;
}

/* Appends what has been encoded into b, and frees it. */
static int
append_encoded(struct recorder *r, enum record_kind kind, int64_t time,
    struct str domain, struct buf *b)
{
	struct ring_entry e = {.kind = kind,
	    .time = time,
	    .policy_domain = domain,
	    .octets = buf_str(b)};
	bool possible = buf_ok(b) && domain.n <= RING_DOMAIN_MAX &&
			(domain.n > 0 || kind == RECORD_BAD_DATAGRAM);
	int err = possible ? append(r, &e) : AVER_LIMIT;

	buf_fini(b);
	return err;
}

int
recorder_add_tls_result(struct recorder *r, const struct store_tls_result *row)
{
	int64_t day = row->day < 0 ? 0 : row->day - row->day % 86400;
	struct buf b;

	buf_init(&b, NULL, RING_OCTETS_MAX);
	record_put_tls_result(&b, row);
	return append_encoded(
	    r, RECORD_TLS_RESULT, day, row->policy_domain, &b);
}

int
recorder_add_sighting(struct recorder *r, const struct store_sighting *seen)
{
	struct buf b;

	buf_init(&b, NULL, RING_OCTETS_MAX);
	record_put_sighting(&b, seen);
	return append_encoded(r, RECORD_SIGHTING, seen->time, seen->domain, &b);
}

int
recorder_add_bad_datagram(
    struct recorder *r, const struct store_bad_datagram *bad)
{
	struct buf b;

	buf_init(&b, NULL, RING_OCTETS_MAX);
	record_put_bad_datagram(&b, bad);
	return append_encoded(r, RECORD_BAD_DATAGRAM, bad->time, STR_NONE, &b);
}

void
recorder_confirm(struct recorder *r, struct recorder_ticket *t)
{
	if (t->slot < 0)
		return;
	pthread_mutex_lock(&r->lock);
	/* a copy of a ticket that was confirmed owns nothing */
	if (t->slot < RING_SLOTS && r->owner[t->slot] == t->seq) {
		r->owner[t->slot] = 0;
		ring_slot_confirm(r->w.ring, t->slot);
	}
	pthread_mutex_unlock(&r->lock);
	t->slot = -1;
}

bool
recorder_has_room(const struct recorder *r, size_t octets)
{
	size_t half = (size_t)r->w.ring->size / 2;

	return ring_used(r->w.ring) + (octets < half ? octets : half) <=
	       r->w.ring->size;
}

void
recorder_stats(struct recorder *r, struct recorder_stats *out)
{
	*out = (struct recorder_stats){
	    .added = atomic_load(&r->added),
	    .committed = atomic_load(&r->w.committed),
	    .repeated = atomic_load(&r->repeated),
	    .lost = atomic_load(&r->lost),
	    .commits = atomic_load(&r->w.commits),
	    .commit_failures = atomic_load(&r->w.commit_failures),
	    .spooled = atomic_load(&r->w.spooled),
	    .queued = atomic_load(&r->w.ring->records),
	};
}
