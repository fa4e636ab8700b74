/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The recorder: each message counted once, whatever happens to the process,
 * the store and the files. Kills are played by copying the files at every
 * step; t/unit/recorder_kill.t does it with real ones.
 */
#include "lib/store/recorder.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/ring.h"
#include "lib/store/spool.h"
#include "lib/store/store.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define RING_FILE "evaluations.ring"
#define SPOOL_FILE "evaluations.spool"
#define DOMAIN "d.example"
#define PATIENCE_MS 60000 /* for what comes: a test that fails does not hang */

struct place {
	struct tmpdir dir;
	struct tmppath db, spec;
};

static struct place
place_in(struct tmpdir dir)
{
	struct place p;

	p.dir = dir;
	mkdir(tmp_in(p.dir.path, "db").z, 0755);
	p.db = tmp_in(p.dir.path, "db/store");
	p.spec = tmp_in(p.dir.path, "");
	snprintf(p.spec.z, sizeof(p.spec.z), "sqlite:%s/db/store", p.dir.path);
	return p;
}

static struct place
place_new(void)
{
	return place_in(tmpdir_new());
}

static void
store_away(const struct place *p)
{
	rename(tmp_in(p->dir.path, "db").z, tmp_in(p->dir.path, "away").z);
}

static void
store_back(const struct place *p)
{
	rename(tmp_in(p->dir.path, "away").z, tmp_in(p->dir.path, "db").z);
}

static struct recorder *
open_for(const struct place *p, unsigned batch_ms, size_t spool_max,
    unsigned close_ms)
{
	struct recorder_config c = {.store = p->spec.z,
	    .directory = p->dir.path,
	    .ring_size = RING_SIZE_MIN,
	    .batch_ms = batch_ms,
	    .spool_max = spool_max,
	    .close_ms = close_ms};
	struct recorder *r = NULL;
	struct diag d;
	int err = recorder_open(&c, &r, &d);

	if (err)
		printf("# recorder_open: %s: %s\n", aver_err_name(err), d.text);
	return r;
}

/* Its close ends when all is in the store, however busy the machine is. */
static struct recorder *
open_at(const struct place *p, unsigned batch_ms, size_t spool_max)
{
	return open_for(p, batch_ms, spool_max, PATIENCE_MS);
}

/* Its close soon gives up: for one that is closed while the store is away. */
static struct recorder *
open_hasty(const struct place *p, unsigned batch_ms, size_t spool_max)
{
	return open_for(p, batch_ms, spool_max, 300);
}

static void
fingerprint(unsigned id, uint8_t out[RECORDER_FINGERPRINT])
{
	memset(out, 0, RECORDER_FINGERPRINT);
	memcpy(out, &id, sizeof(id));
	out[15] = 0xa5;
}

/* The message id at time now; its octets are its number. */
static int
add_at(struct recorder *r, unsigned id, int64_t now, struct recorder_ticket *t)
{
	uint8_t fp[RECORDER_FINGERPRINT];
	char octets[32];

	fingerprint(id, fp);
	snprintf(octets, sizeof(octets), "id=%u", id);
	return recorder_add(
	    r, now, STR(DOMAIN), str_from_z(octets), false, fp, t);
}

static int
add(struct recorder *r, unsigned id, bool confirm)
{
	struct recorder_ticket t;
	int err = add_at(r, id, clock_now(), &t);

	if (confirm)
		recorder_confirm(r, &t);
	return err;
}

struct tally {
	uint64_t of[4096];
	uint64_t all;
};

static int
tally_row(void *arg, const struct store_evaluation *row)
{
	struct tally *t = arg;
	uint64_t id;

	t->all += row->count;
	if (str_starts(row->octets, STR("id=")) &&
	    str_to_u64(str_from(row->octets, 3), 4095, &id))
		t->of[id] += row->count;
	return 0;
}

/* What the store has; all zero when it cannot be read. */
static struct tally
tally(const struct place *p)
{
	struct tally t = {.all = 0};
	struct store *s;

	if (store_open(p->spec.z, STORE_READ, &s, NULL) == 0) {
		store_each_evaluation(
		    s, STR_NONE, 0, INT64_MAX, tally_row, &t, NULL);
		store_close(s);
	}
	return t;
}

/* Each of the ids from..to-1 is there once and nothing else is. */
static void
is_once(const struct place *p, unsigned from, unsigned to, const char *name)
{
	struct tally t = tally(p);
	unsigned bad = 0;

	for (unsigned i = from; i < to; i++)
		bad += t.of[i] != 1;
	if (!ok(bad == 0 && t.all == to - from, "%s", name))
		printf("# %u not once, %llu in all, want %u\n", bad,
		    (unsigned long long)t.all, to - from);
}

static void
nap(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Waits until the figure reaches want; false when it never does. */
#define WAIT_FOR(r, field, op, want) wait_for_##field##_##op(r, want)
#define DEFINE_WAIT(field, name, op)                                   \
	__attribute__((unused)) static bool wait_for_##field##_##name( \
	    struct recorder *r, uint64_t want)                         \
	{                                                              \
		int64_t end = clock_mono_ms() + PATIENCE_MS;           \
		struct recorder_stats s;                               \
		for (;;) {                                             \
			recorder_stats(r, &s);                         \
			if (s.field op want)                           \
				return true;                           \
			if (clock_mono_ms() > end)                     \
				return false;                          \
			nap(2);                                        \
		}                                                      \
	}
DEFINE_WAIT(committed, ge, >=)
DEFINE_WAIT(spooled, ge, >=)
DEFINE_WAIT(spooled, eq, ==)
DEFINE_WAIT(commit_failures, ge, >=)

/* --- plain */

static void
plain(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 5, 1 << 20);
	struct recorder_ticket t;
	struct recorder_stats s;
	uint8_t fp[RECORDER_FINGERPRINT] = {1};
	struct tally got;

	for (unsigned i = 0; i < 100; i++)
		add(r, i, true);
	ok(WAIT_FOR(r, committed, ge, 100), "100 are committed");
	for (unsigned i = 100; i < 150; i++)
		add(r, i, i % 2);
	/* equal ones become one row */
	for (unsigned i = 0; i < 40; i++) {
		fp[2] = (uint8_t)i;
		recorder_add(r, 3600 * 5 + i, STR("same.example"), STR("same"),
		    i % 2, fp, &t);
		recorder_confirm(r, &t);
		recorder_confirm(r, &t);
	}
	recorder_stats(r, &s);
	is_int(s.added, 190, "added");
	is_int(s.repeated, 0, "repeated");
	is_int(s.lost, 0, "lost");
	recorder_close(r);
	recorder_close(NULL);
	got = tally(&p);
	is_int(got.all, 190, "all are in the store after the close");
	tmpdir_remove(p.dir.path);
}

static int
collect(void *arg, const struct store_evaluation *row)
{
	buf_addf(arg, "%.*s %lld %llu %d\n", STRF(row->policy_domain),
	    (long long)row->hour, (unsigned long long)row->count,
	    row->optional);
	return 0;
}

static void
aggregation(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 1000, 1 << 20);
	struct recorder_ticket t;
	struct recorder_stats s;
	struct store *st = NULL;
	struct buf b;

	for (unsigned i = 0; i < 300; i++) {
		uint8_t fp[RECORDER_FINGERPRINT] = {
		    (uint8_t)i, (uint8_t)(i >> 8)};

		/* one half is in the next hour, one in three optional */
		recorder_add(r, 7199 + i % 2, STR("a.example"), STR("x"),
		    i % 3 == 0, fp, &t);
		recorder_confirm(r, &t);
	}
	recorder_add(r, -5, STR_NONE, STR_NONE, false,
	    (const uint8_t[RECORDER_FINGERPRINT]){0}, &t);
	recorder_confirm(r, &t);
	recorder_stats(r, &s);
	recorder_close(r);
	buf_init(&b, NULL, 4096);
	store_open(p.spec.z, STORE_READ, &st, NULL);
	store_each_evaluation(st, STR_NONE, 0, INT64_MAX, collect, &b, NULL);
	is_str(buf_str(&b),
	    STR(" 0 1 0\na.example 3600 100 0\na.example 3600 50 1\n"
		"a.example 7200 100 0\na.example 7200 50 1\n"),
	    "hour, domain, octets and flag make a row");
	buf_fini(&b);
	store_close(st);
	tmpdir_remove(p.dir.path);
}

static void
limits(void)
{
	static char big[RING_OCTETS_MAX + 1];
	struct place p = place_new();
	struct recorder *r = open_at(&p, 5, 1 << 20);
	struct recorder_ticket t = {5, 5};
	struct recorder_stats s;
	const uint8_t fp[RECORDER_FINGERPRINT] = {3};

	is_int(recorder_add(r, 0, STR(DOMAIN), (struct str){big, sizeof(big)},
		   false, fp, &t),
	    AVER_LIMIT, "octets beyond the bound");
	is_int(t.slot, -1, "no ticket");
	recorder_confirm(r, &t);
	is_int(
	    recorder_add(r, 0, (struct str){big, 256}, STR("x"), false, fp, &t),
	    AVER_LIMIT, "a name beyond the bound");
	is_int(recorder_add(r, 0, (struct str){big, 255},
		   (struct str){big, RING_OCTETS_MAX}, false, fp, &t),
	    0, "the largest record");
	recorder_confirm(r, &t);
	recorder_stats(r, &s);
	is_int(s.lost, 2, "two lost");
	recorder_close(r);
	is_int(tally(&p).all, 1, "one counted");
	tmpdir_remove(p.dir.path);
}

static void
second_process(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 5, 1 << 20), *other = NULL;
	struct recorder_config c = {.store = p.spec.z,
	    .directory = p.dir.path,
	    .ring_size = RING_SIZE_MIN,
	    .batch_ms = 5,
	    .spool_max = 1 << 20};
	struct diag d;

	ok(recorder_open(&c, &other, &d) == AVER_CONF &&
		strstr(d.text, "another process"),
	    "the ring has one owner: %s", d.text);
	add(r, 1, true);
	recorder_close(r);
	is_once(&p, 1, 2, "who is not disturbed");
	c.directory = "/nonexistent/aver";
	ok(recorder_open(&c, &other, &d) == AVER_IO, "no folder: %s", d.text);
	tmpdir_remove(p.dir.path);
}

/* --- doubts */

static void
doubts(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 5, 1 << 20);
	struct recorder_ticket t, copy;
	struct recorder_stats s;
	int64_t now = clock_now();

	add(r, 1, false);
	add(r, 1, false); /* the same message twice: two messages */
	add(r, 2, true);
	add(r, 3, false);
	add_at(r, 4, now - RING_DOUBT_SECONDS - 10, &t);
	recorder_close(r);
	for (int i = 0; i < 3; i++) {
		/* restarts without traffic change nothing */
		r = open_at(&p, 5, 1 << 20);
		recorder_close(r);
	}
	r = open_at(&p, 5, 1 << 20);
	add(r, 1, true);
	recorder_stats(r, &s);
	is_int(s.repeated, 1, "sent again: not counted");
	add(r, 1, true);
	add(r, 1, true);
	recorder_stats(r, &s);
	is_int(s.repeated, 2, "one doubt is used up by one message");
	is_int(s.added, 1, "the third is a new one");
	add(r, 2, true);
	add(r, 4, true);
	recorder_stats(r, &s);
	is_int(s.repeated, 2, "no doubt about confirmed and old ones");
	/* the retry of a retry */
	add_at(r, 3, now, &t);
	recorder_stats(r, &s);
	is_int(s.repeated, 3, "a retry");
	recorder_close(r);
	r = open_at(&p, 5, 1 << 20);
	add_at(r, 3, now, &t);
	recorder_stats(r, &s);
	is_int(s.repeated, 1, "its retry");
	copy = t;
	recorder_confirm(r, &t);
	is_int(t.slot, -1, "the ticket is used");
	recorder_confirm(r, &t);
	add_at(r, 9, now, &t);
	recorder_confirm(r, &copy);
	recorder_close(r);
	r = open_at(&p, 5, 1 << 20);
	add(r, 9, true);
	recorder_stats(r, &s);
	is_int(s.repeated, 1, "an old ticket does not confirm another message");
	add(r, 3, true);
	recorder_close(r);
	is_int(tally(&p).of[1], 3, "1: two and one");
	is_int(tally(&p).of[2], 2, "2: two");
	is_int(tally(&p).of[3], 2, "3: one, and one after the confirmation");
	is_int(tally(&p).of[4], 2, "4: its doubt was too old");
	is_int(tally(&p).of[9], 1, "9: one");
	tmpdir_remove(p.dir.path);
}

static void
doubt_expires_while_running(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 5, 1 << 20);
	struct recorder_ticket t;
	int64_t now = clock_now();

	add_at(r, 1, now, &t);
	recorder_close(r);
	r = open_at(&p, 5, 1 << 20);
	add_at(r, 1, now + RING_DOUBT_SECONDS + 10, &t);
	recorder_confirm(r, &t);
	recorder_close(r);
	is_int(tally(&p).of[1], 2, "after five days it is a new message");
	tmpdir_remove(p.dir.path);
}

static void
many_unconfirmed(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 5, 1 << 20);
	struct recorder_ticket t, first = {-1, 0};
	struct recorder_stats s;
	int64_t now = clock_now();
	unsigned without = 0;

	for (unsigned i = 0; i < RING_SLOTS + 10; i++) {
		while (add_at(r, i, now, &t) == AVER_LIMIT)
			nap(1);
		without += t.slot < 0;
		if (i == 0)
			first = t;
	}
	is_int(without, 10, "more than there are slots: counted, no ticket");
	recorder_confirm(r, &first);
	add_at(r, 4000000, now, &t);
	ok(t.slot >= 0, "a slot that was confirmed is used again");
	recorder_close(r);
	r = open_at(&p, 5, 1 << 20);
	/* all slots are doubts; the oldest gives way */
	add_at(r, 4000001, now + 1, &t);
	ok(t.slot >= 0, "a new message takes the slot of a doubt");
	recorder_confirm(r, &t);
	recorder_stats(r, &s);
	is_int(s.added, 1, "and is counted");
	recorder_close(r);
	tmpdir_remove(p.dir.path);
}

/* --- kills, played */

/* The steps of recording one message, with a kill possible after each. */
enum step {
	STEP_NONE,
	STEP_SLOT, /* the slot is open, or no longer a doubt */
	STEP_WRITTEN, /* the record is there, the head not */
	STEP_PUBLISHED,
	STEP_CONFIRMED,
	STEP_COUNT
};

static void
steps(const char *dir, unsigned id, enum step last)
{
	struct tmppath path = tmp_in(dir, RING_FILE);
	struct ring *r = NULL;
	struct ring_put put = {0};
	struct ring_entry e = {
	    .time = clock_now(), .policy_domain = STR(DOMAIN)};
	uint8_t fp[RECORDER_FINGERPRINT];
	char octets[32];
	struct diag d;
	int slot;

	if (ring_open(path.z, RING_SIZE_MIN, &r, &d)) {
		ok(false, "ring_open: %s", d.text);
		return;
	}
	ring_settle(r, clock_now());
	fingerprint(id, fp);
	snprintf(octets, sizeof(octets), "id=%u", id);
	e.octets = str_from_z(octets);
	e.hash = ring_hash(r, e.policy_domain, e.octets);
	if (last >= STEP_SLOT) {
		slot = ring_slot_doubted(r, fp, clock_now());
		if (slot >= 0) {
			if (last == STEP_CONFIRMED)
				ring_slot_confirm(r, slot);
			goto out;
		}
		ring_prepare(r, e.policy_domain, e.octets, &put);
		slot = ring_slot_open(r, fp, put.seq, clock_now());
	}
	if (last >= STEP_WRITTEN)
		ring_write(r, &put, &e);
	if (last >= STEP_PUBLISHED)
		ring_publish(r, &put);
	if (last == STEP_CONFIRMED)
		ring_slot_confirm(r, slot);
out:
	/* no clean end: the mapping just goes */
	ring_close(r);
}

/*
 * Message 1 is sent with a kill after each step; its client sends it again
 * unless the reply can have been seen (and then in both ways), again with a
 * kill after each step, depth times. Message 2 is a bystander.
 */
static unsigned
explore(const struct place *from, unsigned depth, bool done, unsigned *bad)
{
	unsigned cases = 0;

	if (depth == 0) {
		struct recorder *r = open_at(from, 1000, 1 << 20);
		struct tally t;

		add(r, 2, true);
		if (!done)
			add(r, 1, true);
		recorder_close(r);
		t = tally(from);
		*bad += t.of[1] != 1 || t.of[2] != 1 || t.all != 2;
		return 1;
	}
	for (enum step s = STEP_NONE; s < STEP_COUNT; s++) {
		for (int seen = 0; seen < 2; seen++) {
			struct place p;

			/* no reply before the record is published */
			if (seen ? s < STEP_PUBLISHED : s == STEP_CONFIRMED)
				continue;
			p = place_in(tmpdir_fast());
			tmp_copy(tmp_in(from->dir.path, RING_FILE).z,
			    tmp_in(p.dir.path, RING_FILE).z);
			if (!done)
				steps(p.dir.path, 1, s);
			cases += explore(&p, depth - 1, done || seen, bad);
			tmpdir_remove(p.dir.path);
			if (done)
				return cases;
		}
	}
	return cases;
}

static void
kills_of_producers(void)
{
	struct place p = place_in(tmpdir_fast());
	unsigned bad = 0, cases = explore(&p, 3, false, &bad);

	ok(cases > 60 && bad == 0,
	    "a kill after each step, three times: %u ways, %u wrong", cases,
	    bad);
	tmpdir_remove(p.dir.path);
}

/* Kills between what the writer does to store, spool and ring. */
static void
kill_after_commit(void)
{
	struct place p = place_new();
	struct recorder *r;
	struct tmppath ring = tmp_in(p.dir.path, RING_FILE),
		       kept = tmp_in(p.dir.path, "kept");

	store_away(&p);
	r = open_at(&p, 5, 1 << 20);
	for (unsigned i = 0; i < 10; i++)
		add(r, i, true);
	tmp_copy(ring.z, kept.z);
	store_back(&p);
	ok(WAIT_FOR(r, committed, ge, 10), "committed");
	recorder_close(r);
	/* the ring as it was before it gave the records up */
	rename(kept.z, ring.z);
	r = open_at(&p, 5, 1 << 20);
	add(r, 10, true);
	recorder_close(r);
	is_once(&p, 0, 11, "killed between the commit and the ring's tail");
	/* an older ring with other records: their numbers are used up */
	tmpdir_remove(p.dir.path);
}

/*
 * The same with a store that is away at the next start: equal records go to
 * the spool, before anybody can say which of them have been counted.
 */
static void
kill_after_commit_then_spool(void)
{
	struct place p = place_new();
	struct recorder *r;
	struct tmppath ring = tmp_in(p.dir.path, RING_FILE),
		       kept = tmp_in(p.dir.path, "kept");
	struct tally t;

	store_away(&p);
	r = open_at(&p, 5, 1 << 20);
	for (unsigned i = 0; i < 10; i++)
		add(r, i % 2, true);
	tmp_copy(ring.z, kept.z);
	store_back(&p);
	ok(WAIT_FOR(r, committed, ge, 10), "committed");
	recorder_close(r);
	rename(kept.z, ring.z);
	store_away(&p);
	r = open_at(&p, 5, 1 << 20);
	for (unsigned i = 0; i < 10; i++)
		add(r, i % 2, true);
	ok(WAIT_FOR(r, spooled, ge, 1), "spooled with the next ones");
	store_back(&p);
	ok(WAIT_FOR(r, committed, ge, 10), "and committed");
	recorder_close(r);
	t = tally(&p);
	ok(t.of[0] == 10 && t.of[1] == 10 && t.all == 20,
	    "each once: %llu, %llu, %llu in all", (unsigned long long)t.of[0],
	    (unsigned long long)t.of[1], (unsigned long long)t.all);
	tmpdir_remove(p.dir.path);
}

static void
kill_after_spool(void)
{
	struct place p = place_new();
	struct recorder *r;
	struct tmppath ring = tmp_in(p.dir.path, RING_FILE),
		       kept = tmp_in(p.dir.path, "kept"),
		       spool = tmp_in(p.dir.path, SPOOL_FILE),
		       kept_spool = tmp_in(p.dir.path, "kept.spool");
	struct stat st;

	store_away(&p);
	r = open_hasty(&p, 2, 1 << 20);
	for (unsigned i = 0; i < 10; i++)
		add(r, i, true);
	tmp_copy(ring.z, kept.z);
	ok(WAIT_FOR(r, spooled, ge, 1), "goes to the spool after a while");
	tmp_copy(spool.z, kept_spool.z);
	recorder_close(r);
	stat(spool.z, &st);
	ok(st.st_size > 0, "which outlives the process");
	rename(kept.z, ring.z);
	r = open_hasty(&p, 2, 1 << 20);
	for (unsigned i = 10; i < 20; i++)
		add(r, i, true);
	recorder_close(r);
	r = open_at(&p, 2, 1 << 20);
	store_back(&p);
	ok(WAIT_FOR(r, committed, ge, 20), "all committed, in order");
	ok(WAIT_FOR(r, spooled, eq, 0), "the spool is empty");
	recorder_close(r);
	is_once(&p, 0, 20, "killed between the spool and the ring's tail");
	stat(spool.z, &st);
	is_int(st.st_size, 0, "the spool's file is empty");
	/* the spool as it was before it was emptied */
	rename(kept_spool.z, spool.z);
	r = open_at(&p, 2, 1 << 20);
	add(r, 20, true);
	recorder_close(r);
	is_once(&p, 0, 21, "killed between the commit and the spool's end");
	tmpdir_remove(p.dir.path);
}

/* --- the store in trouble */

static void
store_missing_then_there(void)
{
	struct place p = place_new();
	struct recorder *r;
	struct recorder_stats s;

	store_away(&p);
	r = open_at(&p, 5, 8 << 20);
	ok(r != NULL, "a store that cannot be opened is no error");
	/* more than the ring holds */
	for (unsigned i = 0; i < 4096; i++)
		while (add(r, i, true) == AVER_LIMIT)
			nap(1);
	recorder_stats(r, &s);
	ok(s.commit_failures > 0 && s.committed == 0, "nothing committed");
	ok(WAIT_FOR(r, spooled, ge, 1), "half full: spooled");
	store_back(&p);
	ok(WAIT_FOR(r, committed, ge, 4096), "all committed later");
	recorder_close(r);
	is_once(&p, 0, 4096, "each once");
	tmpdir_remove(p.dir.path);
}

static void
everything_full(void)
{
	static char octets[600];
	struct place p = place_new();
	struct recorder *r;
	struct recorder_ticket t;
	struct recorder_stats s;
	uint64_t taken = 0, refused = 0;
	const uint8_t fp[RECORDER_FINGERPRINT] = {1};

	memset(octets, 'o', sizeof(octets));
	store_away(&p);
	r = open_at(&p, 5, 100000);
	for (unsigned i = 0; i < 3000 && refused < 200; i++) {
		int err;

		/* no two alike: they would be one row in the spool */
		snprintf(octets, sizeof(octets) - 300, "%0280u", i);
		err = recorder_add(r, 3600, STR(DOMAIN),
		    (struct str){octets, sizeof(octets)}, false, fp, &t);
		recorder_confirm(r, &t);
		taken += err == 0;
		refused += err == AVER_LIMIT;
		nap(i % 100 == 0);
	}
	recorder_stats(r, &s);
	ok(refused > 0 && s.lost == refused && s.added == taken,
	    "ring and spool full: %llu taken, %llu lost and counted",
	    (unsigned long long)s.added, (unsigned long long)s.lost);
	ok(s.spooled <= 100000, "the spool keeps its bound");
	store_back(&p);
	ok(WAIT_FOR(r, committed, ge, taken), "what was taken is committed");
	recorder_close(r);
	is_int(tally(&p).all, taken, "no more");
	tmpdir_remove(p.dir.path);
}

/*
 * Records come faster than they are written: the writer goes on at once and
 * does not gather more, for which there is no room.
 */
static void
faster_than_the_store(void)
{
	static char octets[600];
	struct place p = place_new();
	struct recorder *r = open_at(&p, 2 * PATIENCE_MS, 1 << 20);
	const uint8_t fp[RECORDER_FINGERPRINT] = {1};
	int64_t end = clock_mono_ms() + PATIENCE_MS;
	struct recorder_ticket t;
	unsigned n = 0;
	bool was_full = false;

	memset(octets, 'o', sizeof(octets));
	ok(recorder_has_room(r, SIZE_MAX), "an empty ring has room");
	while (n < 4000 && clock_mono_ms() < end) {
		snprintf(octets, sizeof(octets) - 300, "%0280u", n);
		if (recorder_add(r, 3600, STR(DOMAIN),
			(struct str){octets, sizeof(octets)}, false, fp,
			&t) == 0) {
			recorder_confirm(r, &t);
			n++;
		} else {
			was_full |= !recorder_has_room(r, 1000);
			sched_yield();
		}
	}
	ok(was_full, "a full one has none");
	is_int(n, 4000, "a ring that is full at the end of a turn");
	recorder_close(r);
	is_int(tally(&p).all, n, "is written, each record once");
	tmpdir_remove(p.dir.path);
}

static void
store_removed(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 5, 1 << 20);
	struct recorder_stats s;

	add(r, 0, true);
	WAIT_FOR(r, committed, ge, 1);
	unlink(p.db.z);
	for (unsigned i = 1; i < 10; i++)
		add(r, i, true);
	ok(WAIT_FOR(r, committed, ge, 10), "removed while running");
	is_once(&p, 1, 10, "the new file has what came later");
	unlink(p.db.z);
	tmp_write(p.db.z, "", 0);
	for (unsigned i = 10; i < 20; i++)
		add(r, i, true);
	ok(WAIT_FOR(r, committed, ge, 20), "replaced while running");
	is_once(&p, 10, 20, "the same");
	recorder_stats(r, &s);
	is_int(s.commit_failures, 0, "no failure: it is opened again");
	recorder_close(r);
	tmpdir_remove(p.dir.path);
}

/*
 * Holds SQLite's lock of the one writer, in a child, until release is closed.
 */
static pid_t
hold_lock(const struct place *p, int *release)
{
	struct flock l = {.l_type = F_WRLCK,
	    .l_whence = SEEK_SET,
	    .l_start = 120,
	    .l_len = 1};
	int ready[2], held[2], fd;
	char c = '-';
	pid_t pid;

	if (pipe(ready) < 0 || pipe(held) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(held[1]);
		fd = open(tmp_beside(p->db.z, "-shm").z, O_RDWR);
		for (int i = 0; i < PATIENCE_MS && c == '-'; i++) {
			if (fd >= 0 && fcntl(fd, F_SETLK, &l) == 0)
				c = '+';
			else
				nap(1);
		}
		(void)!write(ready[1], &c, 1);
		(void)!read(held[0], &c, 1);
		_exit(0);
	}
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	close(held[0]);
	*release = held[1];
	ok(c == '+', "another process has the store's lock");
	return pid;
}

static unsigned
count_lines(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

/* The file's text when it has the word, or after all patience; freed by free */
static char *
wait_for_line(const char *path, const char *word)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;
	size_t n = 0;
	char *text = tmp_read(path, &n);

	while (!strstr(text, word) && clock_mono_ms() < end) {
		free(text);
		nap(2);
		text = tmp_read(path, &n);
	}
	return text;
}

static void
store_locked(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 5, 1 << 20);
	struct tmppath log = tmp_in(p.dir.path, "log");
	struct recorder_stats s;
	int fd, err_fd, release = -1;
	char *text;
	pid_t pid;

	add(r, 0, true);
	WAIT_FOR(r, committed, ge, 1);
	fd = open(log.z, O_RDWR | O_CREAT | O_APPEND, 0600);
	err_fd = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	pid = hold_lock(&p, &release);
	for (unsigned i = 1; i < 50; i++)
		add(r, i, true);
	/* who waited for the writer would not come here */
	recorder_stats(r, &s);
	ok(s.added == 50 && s.committed == 1,
	    "nobody who records waits for the store");
	ok(WAIT_FOR(r, commit_failures, ge, 3), "attempts fail");
	close(release);
	waitpid(pid, NULL, 0);
	ok(WAIT_FOR(r, committed, ge, 50), "it goes on when the lock is gone");
	text = wait_for_line(log.z, "works again");
	dup2(err_fd, STDERR_FILENO);
	close(err_fd);
	close(fd);
	recorder_stats(r, &s);
	is_int(s.lost, 0, "nothing lost");
	recorder_close(r);
	is_once(&p, 0, 50, "each once");
	is_int(count_lines(text, "database is locked"), 1,
	    "one log line when the trouble begins");
	is_int(count_lines(text, "works again"), 1, "one when it ends");
	free(text);
	tmpdir_remove(p.dir.path);
}

/* In a child, because the limit is the process's. 0 is success. */
static int
full_disk_child(const struct place *p)
{
	struct recorder *r = open_at(p, 5, 1 << 20);
	struct rlimit l;
	struct recorder_stats s;

	signal(SIGXFSZ, SIG_IGN);
	for (unsigned i = 0; i < 10; i++)
		add(r, i, true);
	if (!WAIT_FOR(r, committed, ge, 10))
		return 1;
	getrlimit(RLIMIT_FSIZE, &l);
	l.rlim_cur = 1;
	setrlimit(RLIMIT_FSIZE, &l);
	for (unsigned i = 10; i < 100; i++)
		add(r, i, true);
	if (!WAIT_FOR(r, commit_failures, ge, 9))
		return 2;
	recorder_stats(r, &s);
	if (s.committed != 10 || s.spooled != 0 || s.queued != 90)
		return 3;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_FSIZE, &l);
	if (!WAIT_FOR(r, committed, ge, 100))
		return 4;
	recorder_close(r);
	return 0;
}

static void
full_disk(void)
{
	struct place p = place_new();
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(full_disk_child(&p));
	waitpid(pid, &status, 0);
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0,
	    "no room for store and spool: all stays in the ring");
	is_once(&p, 0, 100, "and is committed later");
	tmpdir_remove(p.dir.path);
}

static void
close_is_bounded(void)
{
	struct place p = place_new();
	struct recorder *r;
	int64_t t;

	store_away(&p);
	r = open_hasty(&p, 5, 1 << 20);
	for (unsigned i = 0; i < 10; i++)
		add(r, i, true);
	t = clock_mono_ms();
	recorder_close(r);
	t = clock_mono_ms() - t;
	ok(t < PATIENCE_MS, "the close gives up after a while: %lld ms",
	    (long long)t);
	store_back(&p);
	r = open_at(&p, 5, 1 << 20);
	recorder_close(r);
	is_once(&p, 0, 10, "the next process commits");
	tmpdir_remove(p.dir.path);
}

/* --- ring files */

static void
resized(void)
{
	struct place p = place_new();
	struct recorder_config c = {.store = p.spec.z,
	    .directory = p.dir.path,
	    .ring_size = RING_SIZE_MIN * 4,
	    .batch_ms = 5,
	    .spool_max = 1};
	struct recorder *r;
	struct recorder_stats s;
	struct diag d;

	steps(p.dir.path, 0, STEP_CONFIRMED);
	for (unsigned i = 1; i < 10; i++)
		steps(p.dir.path, i, STEP_PUBLISHED);
	steps(p.dir.path, 10, STEP_SLOT);
	is_int(recorder_open(&c, &r, &d), 0, "another size");
	for (unsigned i = 1; i < 11; i++)
		add(r, i, true);
	recorder_stats(r, &s);
	is_int(s.repeated, 9, "doubts move to the new file");
	recorder_close(r);
	is_once(&p, 0, 11, "records too");
	tmpdir_remove(p.dir.path);
}

/* A ring with ten records 0-9, unconfirmed, that no store has. */
static char *
make_ring(size_t *n)
{
	struct place p = place_in(tmpdir_fast());
	char *octets;

	for (unsigned i = 0; i < 10; i++)
		steps(p.dir.path, i, STEP_PUBLISHED);
	octets = tmp_read(tmp_in(p.dir.path, RING_FILE).z, n);
	tmpdir_remove(p.dir.path);
	return octets;
}

static struct tally
open_damaged(const char *octets, size_t n, bool *opened)
{
	struct place p = place_in(tmpdir_fast());
	struct recorder *r;
	struct tally t;

	tmp_write(tmp_in(p.dir.path, RING_FILE).z, octets, n);
	r = open_at(&p, 1000, 1 << 20);
	*opened = r != NULL;
	if (r)
		add(r, 100, true);
	recorder_close(r);
	t = tally(&p);
	tmpdir_remove(p.dir.path);
	return t;
}

static void
damaged_ring(void)
{
	const size_t record = 56 + 16; /* with domain and octets */
	struct {
		const char *name;
		size_t at, len, cut;
		unsigned want; /* of the ten */
	} t[] = {
	    {"nothing", 0, 0, 0, 10},
	    {"the magic", 0, 4, 0, 10},
	    {"the version", 8, 4, 0, 10},
	    {"the size", 16, 8, 0, 10},
	    {"the source", 24, 8, 0, 10},
	    {"the head", 128, 8, 0, 10},
	    {"the tail", 256, 8, 0, 10},
	    {"all of the header", 0, RING_HEADER_SIZE, 0, 10},
	    {"the slots", RING_HEADER_SIZE, RING_SLOTS * RING_SLOT_SIZE, 0, 10},
	    {"the first record", RING_DATA, 8, 0, 9},
	    {"an octet of the third", RING_DATA + 2 * record + 60, 1, 0, 9},
	    {"the last record", RING_DATA + 9 * record + 8, 30, 0, 9},
	    {"header and a record", 8, RING_DATA, 0, 9},
	    {"all data", RING_DATA, RING_SIZE_MIN, 0, 0},
	    {"the end, by truncation", 0, 0, RING_SIZE_MIN - 3 * record, 3},
	    {"the data, by truncation", 0, 0, RING_SIZE_MIN + 1, 0},
	    {"the slots, by truncation", 0, 0, RING_SIZE_MIN + 70000, 0},
	    {"all, by truncation", 0, 0, RING_SIZE_MIN + RING_DATA, 0},
	};
	size_t n = 0;
	char *octets = make_ring(&n);

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *bad = malloc(n);
		struct tally got;
		unsigned once = 0, more = 0;
		bool opened;

		memcpy(bad, octets, n);
		for (size_t j = 0; j < t[i].len; j++)
			bad[t[i].at + j] = (char)(bad[t[i].at + j] ^ 0x5a);
		got = open_damaged(bad, n - t[i].cut, &opened);
		for (unsigned j = 0; j < 10; j++) {
			once += got.of[j] == 1;
			more += got.of[j] > 1;
		}
		if (!ok(opened && once == t[i].want && more == 0 &&
			    got.of[100] == 1 && got.all == once + 1,
			"damaged: %s", t[i].name))
			printf("# %u of %u, %u too often, all %llu\n", once,
			    t[i].want, more, (unsigned long long)got.all);
		free(bad);
	}
	free(octets);
}

/* As backups bring it back: what is only zeros is not there. */
static void
ring_with_holes(void)
{
	struct place p = place_in(tmpdir_fast());
	struct tmppath ring = tmp_in(p.dir.path, RING_FILE);
	static const char zeros[4096];
	struct recorder *r;
	struct stat st;
	size_t n = 0;
	char *octets = make_ring(&n);
	int fd = open(ring.z, O_WRONLY | O_CREAT, 0600);

	for (size_t at = 0; at < n; at += sizeof(zeros)) {
		size_t m = n - at < sizeof(zeros) ? n - at : sizeof(zeros);

		if (memcmp(octets + at, zeros, m) != 0)
			is_int(pwrite(fd, octets + at, m, (off_t)at), m,
			    "a block that is there");
	}
	is_int(ftruncate(fd, (off_t)n), 0, "a ring with holes");
	r = open_at(&p, 5, 1 << 20);
	ok(r && fstat(fd, &st) == 0 && (size_t)st.st_blocks * 512 >= n,
	    "has none when it is written to");
	recorder_close(r);
	is_once(&p, 0, 10, "and its records");
	close(fd);
	free(octets);
	tmpdir_remove(p.dir.path);
}

/* A header that is gone, and a store that has some of the records. */
static void
damaged_half_committed(void)
{
	struct place p = place_new();
	struct tmppath ring = tmp_in(p.dir.path, RING_FILE);
	struct recorder *r = open_at(&p, 5, 1 << 20);
	size_t n = 0;
	char *octets;

	for (unsigned i = 0; i < 5; i++)
		add(r, i, true);
	recorder_close(r);
	for (unsigned i = 5; i < 9; i++)
		steps(p.dir.path, i, STEP_CONFIRMED);
	octets = tmp_read(ring.z, &n);
	memset(octets, 0, RING_HEADER_SIZE);
	tmp_write(ring.z, octets, n);
	free(octets);
	r = open_at(&p, 5, 1 << 20);
	add(r, 9, true);
	recorder_close(r);
	is_once(&p, 0, 10, "records the store has are not counted again");
	tmpdir_remove(p.dir.path);
}

static void
no_ring_file(void)
{
	struct place p = place_new();
	struct tmppath ring = tmp_in(p.dir.path, RING_FILE);

	mkdir(ring.z, 0755);
	ok(open_at(&p, 5, 1 << 20) == NULL, "a folder is refused");
	rmdir(ring.z);
	(void)!symlink("/etc/passwd", ring.z);
	ok(open_at(&p, 5, 1 << 20) == NULL, "a symbolic link is refused");
	tmpdir_remove(p.dir.path);
}

/* --- spool files */

static void
fill_spool(struct spool *sp, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char octets[32];
		struct store_evaluation row = {
		    .hour = 3600, .policy_domain = STR(DOMAIN), .count = 1};
		uint64_t seq = 8 * (i + 1);
		int err;

		snprintf(octets, sizeof(octets), "id=%u", i);
		row.octets = str_from_z(octets);
		err = spool_append(
		    sp, 77, seq - 8, seq, &row, NULL, &seq, 1, NULL);
		if (err)
			ok(false, "append: %s", aver_err_name(err));
	}
}

static unsigned
read_spool(struct spool *sp, unsigned *sum)
{
	struct spool_block b;
	struct store_evaluation row;
	enum record_kind kind;
	uint64_t seq;
	unsigned n = 0;

	*sum = 0;
	while (spool_peek(sp, &b, NULL) == 1) {
		struct spool_block rows = b;

		while (spool_row_next(&rows, &row, &kind, &seq))
			*sum += (unsigned)(seq / 8);
		spool_pop(sp, &b);
		n++;
	}
	return n;
}

static void
spool_file(void)
{
	struct tmpdir dir = tmpdir_fast();
	struct tmppath path = tmp_in(dir.path, "spool");
	struct spool *sp = NULL;
	size_t n = 0, block;
	uint64_t last;
	unsigned sum;
	char *octets;

	is_int(spool_open(path.z, 1 << 20, &sp, NULL), 0, "open");
	is_int(spool_waiting(sp), 0, "empty");
	fill_spool(sp, 0, 10);
	spool_last(sp, 77, &last, NULL);
	is_int(last, 80, "the last of a source");
	spool_last(sp, 78, &last, NULL);
	is_int(last, 0, "of another source");
	spool_close(sp);
	octets = tmp_read(path.z, &n);
	block = n / 10;
	spool_open(path.z, 1 << 20, &sp, NULL);
	is_int(read_spool(sp, &sum), 10, "ten blocks");
	is_int(sum, 55, "in full");
	is_int(spool_waiting(sp), 0, "none left");
	fill_spool(sp, 10, 12);
	is_int(read_spool(sp, &sum), 2, "it goes on");
	spool_close(sp);

	for (size_t cut = 1; cut < block; cut += 13) {
		tmp_write(path.z, octets, n - cut);
		spool_open(path.z, 1 << 20, &sp, NULL);
		fill_spool(sp, 9, 10);
		if (read_spool(sp, &sum) != 10 || sum != 55)
			ok(false, "cut by %zu", cut);
		spool_close(sp);
	}
	ok(true, "a torn block is cut off, the next one stands there");

	for (size_t at = 0; at < n; at += 3) {
		char was = octets[at];

		octets[at] = (char)(was ^ 1);
		tmp_write(path.z, octets, n);
		octets[at] = was;
		spool_open(path.z, 1 << 20, &sp, NULL);
		if (read_spool(sp, &sum) != 9 || sp->damaged != block)
			ok(false, "octet %zu: damaged %llu", at,
			    (unsigned long long)sp->damaged);
		spool_close(sp);
	}
	ok(true, "one wrong octet costs one block");
	free(octets);
	tmpdir_remove(dir.path);
}

static void
spool_bound(void)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath path = tmp_in(dir.path, "spool");
	struct store_evaluation row = {.hour = 0, .count = 1};
	struct spool *sp = NULL;
	uint64_t seq = 8;
	struct diag d;
	int err = 0;
	unsigned n = 0;

	spool_open(path.z, 500, &sp, NULL);
	while (!err && n < 99) {
		err =
		    spool_append(sp, 1, seq - 8, seq, &row, NULL, &seq, 1, &d);
		n += err == 0;
		seq += 8;
	}
	ok(err == AVER_LIMIT && n == 4, "%u blocks: %s", n, d.text);
	spool_close(sp);
	tmpdir_remove(dir.path);
}

static void
damaged_spool(void)
{
	struct place p = place_new();
	struct tmppath spool = tmp_in(p.dir.path, SPOOL_FILE);
	struct tmppath log = tmp_in(p.dir.path, "log");
	struct recorder *r;
	int fd, err_fd;
	size_t n = 0;
	char *text;

	/* garbage of a size that spans several reads */
	{
		char *junk = malloc(100000);

		for (size_t i = 0; i < 100000; i++)
			junk[i] = (char)(i * 7919 >> 3);
		memcpy(junk + 5000, "averBLK", 7);
		tmp_write(spool.z, junk, 100000);
		free(junk);
	}
	fd = open(log.z, O_RDWR | O_CREAT | O_APPEND, 0600);
	err_fd = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	r = open_at(&p, 5, 1 << 20);
	ok(r != NULL, "garbage in place of the spool");
	add(r, 0, true);
	recorder_close(r);
	dup2(err_fd, STDERR_FILENO);
	close(err_fd);
	close(fd);
	is_once(&p, 0, 1, "recording goes on");
	text = tmp_read(log.z, &n);
	is_int(count_lines(text, "100000 damaged octets passed over"), 1,
	    "and one line tells that something is lost");
	free(text);
	tmpdir_remove(p.dir.path);
}

/* --- threads */

#define THREADS 16
#define PER_THREAD 2000

struct worker {
	struct recorder *r;
	unsigned no, limits;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct recorder_ticket t = {-1, 0}, next;
	struct recorder_stats s;

	for (unsigned i = 0; i < PER_THREAD; i++) {
		unsigned id = w->no * PER_THREAD + i;
		uint8_t fp[RECORDER_FINGERPRINT];
		char domain[32];
		struct str name;

		fingerprint(id, fp);
		snprintf(domain, sizeof(domain), "d%u.example", id % 200);
		name = str_from_z(domain);
		while (recorder_add(w->r, 3600, name, STR("the same octets"),
			   false, fp, &next) == AVER_LIMIT) {
			w->limits++;
			nap(1);
		}
		recorder_confirm(w->r, &t);
		t = next;
		if (i % 500 == 0)
			recorder_stats(w->r, &s);
	}
	recorder_confirm(w->r, &t);
	return NULL;
}

static void
stress(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 3, 8 << 20);
	struct worker w[THREADS];
	pthread_t threads[THREADS];
	struct recorder_stats s;
	uint64_t limits_seen = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct worker){r, i, 0};
		pthread_create(&threads[i], NULL, work, &w[i]);
	}
	for (int i = 0; i < 5; i++) {
		/* the store comes and goes */
		nap(10);
		store_away(&p);
		nap(10);
		store_back(&p);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		limits_seen += w[i].limits;
	}
	ok(WAIT_FOR(r, committed, ge, THREADS * PER_THREAD),
	    "%d threads, %d messages", THREADS, THREADS * PER_THREAD);
	recorder_stats(r, &s);
	is_int(s.added, THREADS * PER_THREAD, "added");
	is_int(s.committed, THREADS * PER_THREAD, "committed");
	is_int(s.queued, 0, "none waits");
	is_int(s.lost, limits_seen, "lost is what was refused");
	recorder_close(r);
	is_int(tally(&p).all, THREADS * PER_THREAD, "counted");
	r = open_at(&p, 3, 8 << 20);
	add(r, 0, true);
	recorder_stats(r, &s);
	is_int(s.repeated, 0, "all were confirmed");
	recorder_close(r);
	tmpdir_remove(p.dir.path);
}

/* Those who record go on after the end of the one who commits. */
static void
finished(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, 1000, 1 << 20);

	for (unsigned i = 0; i < 50; i++)
		add(r, i, true);
	recorder_finish(r);
	is_once(&p, 0, 50, "at the end all is in the store");
	for (unsigned i = 50; i < 80; i++)
		add(r, i, true);
	recorder_finish(r);
	recorder_finish(NULL);
	recorder_close(r);
	is_once(&p, 0, 50, "what comes after it is not");
	recorder_close(open_at(&p, 1000, 1 << 20));
	is_once(&p, 0, 80, "until the next process");
	tmpdir_remove(p.dir.path);
}

int
main(void)
{
	plain();
	finished();
	aggregation();
	limits();
	second_process();
	doubts();
	doubt_expires_while_running();
	many_unconfirmed();
	kills_of_producers();
	kill_after_commit();
	kill_after_commit_then_spool();
	kill_after_spool();
	store_missing_then_there();
	everything_full();
	faster_than_the_store();
	store_removed();
	store_locked();
	full_disk();
	close_is_bounded();
	resized();
	damaged_ring();
	ring_with_holes();
	damaged_half_committed();
	no_ring_file();
	spool_file();
	spool_bound();
	damaged_spool();
	stress();
	return tap_done();
}
