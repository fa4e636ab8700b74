/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

/* Failures in a row after which records go where they are flushed. */
#define SPOOL_AFTER 8

/* How often the store forgets domains, and after how many new ones at most. */
#define TIDY_MS 3600000
#define TIDY_LEARNT (KNOWN_DOMAINS_MAX / 16)
#define DAY 86400

struct source_name {
	char text[32];
};

static struct str
print_name(uint64_t name, struct source_name *out)
{
	snprintf(out->text, sizeof(out->text), "ring-%016" PRIx64, name);
	return str_from_z(out->text);
}

/* What the store calls the records of a ring. */
static struct str
name_of_source(const struct writer *w, uint64_t source, struct source_name *out)
{
	uint64_t done;

	return print_name(ring_name(w->ring, source, &done), out);
}

static bool
random_number(uint64_t *out)
{
	do {
		if (getentropy(out, sizeof(*out)) < 0)
			return false;
	} while (*out == 0);
	return true;
}

int
writer_init(struct writer *w)
{
	if (!random_number(&w->fence.token))
		return AVER_IO;
	w->batch = batch_new();
	if (w->known_days)
		w->domains = known_new();
	return w->batch && (w->domains || !w->known_days) ? 0 : AVER_NOMEM;
}

void
writer_fini(struct writer *w)
{
	store_close(w->store);
	free(w->batch);
	free(w->domains);
	items_fini(&w->items);
}

bool
writer_idle(const struct writer *w)
{
	return ring_used(w->ring) == 0 && spool_waiting(w->spool) == 0;
}

static bool
half_full(const struct writer *w)
{
	return ring_used(w->ring) > w->ring->size / 2;
}

static bool
expired(struct writer *w)
{
	int64_t deadline = atomic_load(&w->deadline);

	return deadline && clock_mono_ms() >= deadline;
}

/* --- store */

/* How far the store is with a source, which from now on is this process's. */
static int
fence_source(struct writer *w, uint64_t source, struct store_fence *fence,
    uint64_t *seq, struct diag *d)
{
	struct source_name name;
	uint64_t done;
	int err;

	err = store_fence_source(w->store,
	    print_name(ring_name(w->ring, source, &done), &name), fence, seq,
	    d);
	if (!err && *seq < done)
		*seq = done;
	return err;
}

static void
close_store(struct writer *w)
{
	store_close(w->store);
	w->store = NULL;
	w->known = false;
	/* the next one may be another file */
	if (w->domains)
		known_forget(w->domains);
}

/*
 * Drops what the store has already. After a crash that is what was committed
 * and not yet given up by the ring; a number past the head means that the
 * ring's file is older than the store.
 */
static void
skip_committed(struct writer *w, uint64_t committed)
{
	if (committed <= ring_tail(w->ring))
		return;
	if (committed > ring_head(w->ring))
		log_msg(LOG_LVL_WARN,
		    "%s: is older than the store; it goes on after what the "
		    "store has",
		    w->ring->path);
	pthread_mutex_lock(w->lock);
	ring_skip(w->ring, committed);
	pthread_mutex_unlock(w->lock);
	w->pending = false;
}

int
writer_open_store(struct writer *w, struct diag *d)
{
	int err = store_open(w->spec, STORE_WRITE, &w->store, d);

	if (err) {
		w->store = NULL;
		return err;
	}
	w->known = false;
	err = fence_source(w, w->ring->source, &w->fence, &w->own_to, d);
	/* another has it now: the next batch will find out, and what to do */
	if (err && err != AVER_NOTFOUND) {
		close_store(w);
		return err;
	}
	skip_committed(w, w->own_to);
	w->unsure_to = 0;
	return 0;
}

/* Records that pass the checksums and cannot be read are nobody's. */
static void
note_refused(struct writer *w)
{
	if (w->items.refused == w->refused_logged)
		return;
	log_msg(LOG_LVL_ERROR,
	    "%s: %" PRIu64 " records make no sense and are lost", w->ring->path,
	    w->items.refused - w->refused_logged);
	w->refused_logged = w->items.refused;
}

/*
 * Another process has the ring's name. What the store had of this one when that
 * happened the other has found counted; the rest is this one's alone. The error
 * is one after which the store is opened anew.
 */
static int
give_way(struct writer *w, struct diag *d)
{
	struct source_name old, fresh;
	uint64_t name;

	if (!random_number(&name))
		return diag_set(d, AVER_TEMP, 0, "no random numbers");
	name_of_source(w, w->ring->source, &old);
	print_name(name, &fresh);
	ring_rename(w->ring, name, w->own_to);
	w->fence.number = 0;
	log_msg(LOG_LVL_ERROR,
	    "%s: another process records as %s now: is there a copy of this "
	    "file? Its records go on as %s",
	    w->ring->path, old.text, fresh.text);
	return AVER_IO;
}

/* What is to be committed: the records of a source from one number on. */
struct stretch {
	uint64_t source, after, to, records;
};

static int
commit(struct writer *w, const struct stretch *x, struct diag *d)
{
	bool own = x->source == w->ring->source;
	struct source_name name;
	struct store_batch b = {.source = name_of_source(w, x->source, &name),
	    .seq = x->to,
	    .fence = own ? &w->fence : &w->known_fence,
	    .after = x->after,
	    .known_days = w->known_days};
	struct store_evaluation *rows;
	int err = items_sort(&w->items, w->batch, &b, &rows);

	if (err)
		return diag_set(d, err, 0, "out of memory");
	if (w->domains) {
		known_read(w->domains, rows, b.n_rows);
		b.known = w->domains->news;
		b.n_known = w->domains->n_news;
	}
	err = store_add_batch(w->store, &b, d);
	if (err) {
		if (w->domains)
			known_forget(w->domains);
		return own && err == AVER_NOTFOUND ? give_way(w, d) : err;
	}
	note_refused(w);
	if (own)
		w->own_to = x->to;
	if (w->known_source == x->source)
		w->known_to = x->to;
	w->learnt += b.n_known;
	atomic_fetch_add(&w->commits, 1);
	atomic_fetch_add(&w->committed, x->records);
	return 0;
}

/* --- ring to store */

/* Somebody else has written to the mapped file: nothing in it is certain. */
static void
give_up_ring(struct writer *w, uint64_t head)
{
	uint64_t n = atomic_load(&w->ring->records);

	log_msg(LOG_LVL_ERROR,
	    "%s: damaged while in use; %" PRIu64 " records are lost",
	    w->ring->path, n);
	ring_advance(w->ring, head, n);
}

/* The batch of the records from the tail on; false when there are none. */
static bool
fill(struct writer *w, uint64_t head)
{
	uint64_t pos = ring_tail(w->ring);
	struct ring_entry e;

	if (w->pending)
		return true;
	batch_clear(w->batch, pos);
	while (pos < head) {
		if (!ring_next(w->ring, &pos, &e)) {
			if (w->batch->n)
				break;
			give_up_ring(w, head);
			return false;
		}
		/* no two have the same hash */
		if (e.seq <= w->unsure_to)
			e.hash = e.seq;
		if (!batch_add(w->batch, &e))
			break;
	}
	w->pending = w->batch->n > 0;
	return w->pending;
}

static void
batch_done(struct writer *w)
{
	ring_advance(w->ring, w->batch->to, w->batch->records);
	w->pending = false;
}

static int
drain_ring(struct writer *w, struct diag *d)
{
	/* what comes during this turn waits for the next one */
	uint64_t head = ring_head(w->ring);

	while (!expired(w) && fill(w, head)) {
		const struct stretch x = {w->ring->source, w->own_to,
		    w->batch->to, w->batch->records};
		int err = commit(w, &x, d);

		if (err)
			return err;
		batch_done(w);
	}
	return 0;
}

/* --- ring to spool */

static void
note_spooled(struct writer *w)
{
	atomic_store(&w->spooled, spool_waiting(w->spool));
}

static void
spool_ring(struct writer *w)
{
	struct batch *b = w->batch;
	struct diag d;

	while (fill(w, ring_head(w->ring))) {
		int err = spool_append(w->spool, w->ring->source, b->from,
		    b->to, b->rows, b->kinds, b->seqs, b->n, &d);

		note_spooled(w);
		if (err) {
			if (!w->spool_failing)
				log_msg(LOG_LVL_ERROR, "spool: %s", d.text);
			w->spool_failing = true;
			return;
		}
		if (!w->spooling)
			log_msg(LOG_LVL_WARN,
			    "spool: records go to %s until the store "
			    "takes them",
			    w->spool->path);
		w->spooling = true;
		w->spool_failing = false;
		batch_done(w);
	}
}

/* --- spool to store */

/* The rows of a block that the store does not have yet. */
static uint64_t
take_rows(struct writer *w, struct spool_block *block)
{
	struct batch *b = w->batch;
	struct store_evaluation row;
	enum record_kind kind;
	uint64_t seq;

	/*
	 * The pending batch, if there is one, has not been tried: batches are
	 * tried only when the spool is empty, and stay first in line.
	 */
	w->pending = false;
	batch_clear(b, block->from);
	while (spool_row_next(block, &row, &kind, &seq)) {
		if (seq <= w->known_to)
			continue;
		b->kinds[b->n] = (uint8_t)kind;
		b->rows[b->n++] = row;
		b->records += row.count;
	}
	return b->records;
}

/* Finds out how far the store is with the block's source. */
static int
know_block(struct writer *w, uint64_t source, struct diag *d)
{
	bool own = source == w->ring->source;
	int err;

	if (w->known && w->known_source == source)
		return 0;
	if (own) {
		err = fence_source(w, source, &w->fence, &w->own_to, d);
		w->known_to = w->own_to;
	} else {
		w->known_fence = (struct store_fence){.token = w->fence.token};
		err = fence_source(w, source, &w->known_fence, &w->known_to, d);
	}
	/* another has it now: as when the store is opened */
	if (err && (err != AVER_NOTFOUND || !own))
		return err;
	w->known = true;
	w->known_source = source;
	return 0;
}

static int
drain_block(struct writer *w, struct spool_block *block, struct diag *d)
{
	struct stretch x = {.source = block->source, .to = block->to};
	int err = know_block(w, block->source, d);

	if (err)
		return err;
	if (block->to <= w->known_to)
		return 0;
	x.after = w->known_to;
	x.records = take_rows(w, block);
	return commit(w, &x, d);
}

static void
note_damage(struct writer *w)
{
	if (w->spool->damaged == w->damaged_logged)
		return;
	log_msg(LOG_LVL_ERROR, "%s: %" PRIu64 " damaged octets passed over",
	    w->spool->path, w->spool->damaged - w->damaged_logged);
	w->damaged_logged = w->spool->damaged;
}

static int
drain_spool(struct writer *w, struct diag *d)
{
	struct spool_block block;
	int got = 0, err;

	/* of a file with nothing whole in it nothing else would be said */
	if (spool_waiting(w->spool) == 0) {
		note_damage(w);
		return 0;
	}
	while (!expired(w) && (got = spool_peek(w->spool, &block, d)) > 0) {
		struct spool_block rows = block;

		err = drain_block(w, &rows, d);
		if (err)
			return err;
		spool_pop(w->spool, &block);
		note_spooled(w);
		if (half_full(w))
			spool_ring(w);
		got = 0;
	}
	note_spooled(w);
	note_damage(w);
	if (got < 0)
		return got;
	if (spool_waiting(w->spool) == 0 && w->spooling) {
		log_msg(LOG_LVL_INFO, "spool: empty again");
		w->spooling = w->spool_failing = false;
	}
	return 0;
}

/* --- turns */

static int
drain(struct writer *w, struct diag *d)
{
	int err = drain_spool(w, d);

	if (!err && spool_waiting(w->spool) == 0)
		err = drain_ring(w, d);
	return err;
}

static int
attempt(struct writer *w, struct diag *d)
{
	bool was_open = w->store != NULL;
	int err = was_open ? 0 : writer_open_store(w, d);

	if (!err)
		err = drain(w, d);
	if (err && err != AVER_TEMP && was_open) {
		/* the file may have been replaced: look again */
		close_store(w);
		err = writer_open_store(w, d);
		if (!err)
			err = drain(w, d);
	}
	return err;
}

/*
 * Known domains that are too old or too many. Not while the start or the end
 * waits for it, and when all is committed: what still waits is judged as of
 * its hour, so the days kept are one more than count, for records taken
 * before midnight.
 */
static void
tidy(struct writer *w, int64_t now_ms)
{
	struct diag d;
	int64_t days = (int64_t)w->known_days + 1;

	if (!w->domains || atomic_load(&w->deadline) ||
	    spool_waiting(w->spool) > 0 ||
	    (now_ms < w->next_tidy && w->learnt < TIDY_LEARNT))
		return;
	w->next_tidy = now_ms + TIDY_MS;
	w->learnt = 0;
	if (store_forget_domains(
		w->store, clock_now() - days * DAY, KNOWN_DOMAINS_MAX, &d))
		log_msg(LOG_LVL_WARN,
		    "store: old domains could not be removed: %s", d.text);
}

static void
note_success(struct writer *w, int64_t now_ms)
{
	if (w->failures)
		log_msg(LOG_LVL_INFO,
		    "store: works again after %" PRId64 " s, %u attempts",
		    (now_ms - w->failing_since) / 1000, w->failures);
	w->failures = 0;
	w->spool_failing = false;
}

static void
note_failure(struct writer *w, int err, const struct diag *d, int64_t now_ms)
{
	int64_t wait = w->retry_first;

	if (!w->failures) {
		w->failing_since = now_ms;
		log_msg(LOG_LVL_WARN,
		    "store: %s; records are kept and tried again", d->text);
	}
	for (unsigned i = 0; i < w->failures && wait < w->retry_most; i++)
		wait *= 2;
	w->next_try = now_ms + (wait < w->retry_most ? wait : w->retry_most);
	w->failures++;
	w->known = false;
	atomic_fetch_add(&w->commit_failures, 1);
	/* some troubles are those of the handle */
	if (err != AVER_TEMP || w->failures % SPOOL_AFTER == 0)
		close_store(w);
}

int64_t
writer_turn(struct writer *w, int64_t now_ms)
{
	struct diag d = {.text = ""};
	int err;

	if (w->failures && now_ms < w->next_try) {
		if (half_full(w))
			spool_ring(w);
		return w->next_try - now_ms;
	}
	err = attempt(w, &d);
	if (!err) {
		note_success(w, now_ms);
		tidy(w, now_ms);
		return -1;
	}
	note_failure(w, err, &d, now_ms);
	if (half_full(w) || w->failures >= SPOOL_AFTER)
		spool_ring(w);
	return w->next_try - now_ms;
}

/* --- salvage */

struct salvage {
	struct writer *w;
	uint64_t source, last, kept;
	struct diag *d;
};

static int
salvage_flush(struct salvage *s)
{
	struct batch *b = s->w->batch;
	int err = 0;

	if (b->n)
		err = spool_append(s->w->spool, s->source, b->from, b->to,
		    b->rows, b->kinds, b->seqs, b->n, s->d);
	batch_clear(b, b->to);
	return err;
}

static int
salvage_entry(void *arg, const struct ring_entry *e)
{
	struct salvage *s = arg;
	/*
	 * Each record is a row of its own, so that those the store turns out
	 * to have can be left out: no two have the same hash.
	 */
	struct ring_entry one;
	int err = 0;

	if (!e)
		return salvage_flush(s);
	one = *e;
	one.hash = e->seq;
	if (e->source != s->source) {
		err = salvage_flush(s);
		s->source = e->source;
		/* a salvage that was cut short has spooled them already */
		if (!err)
			err =
			    spool_last(s->w->spool, e->source, &s->last, s->d);
		if (err)
			return err;
	}
	if (e->seq <= s->last)
		return 0;
	if (!s->w->batch->n)
		batch_clear(s->w->batch, e->seq - 1);
	s->kept++;
	if (batch_add(s->w->batch, &one))
		return 0;
	err = salvage_flush(s);
	batch_clear(s->w->batch, e->seq - 1);
	batch_add(s->w->batch, &one);
	return err;
}

int
writer_salvage(struct writer *w, struct diag *d)
{
	struct salvage s = {.w = w, .d = d};
	struct ring_salvaged found;
	uint64_t max = w->spool->max;
	bool damaged = w->ring->state == RING_DAMAGED;
	int err;

	w->spool->max = UINT64_MAX;
	batch_clear(w->batch, 0);
	err = ring_salvage(w->ring, salvage_entry, &s, &found, d);
	w->spool->max = max;
	if (!err)
		err = ring_renew(w->ring, &found, d);
	batch_clear(w->batch, 0);
	if (err)
		return err;
	note_spooled(w);
	log_msg(damaged ? LOG_LVL_WARN : LOG_LVL_INFO,
	    "%s: %s; %" PRIu64 " records were taken over", w->ring->path,
	    damaged ? "damaged, or of another version" : "has a new size",
	    s.kept);
	return 0;
}
