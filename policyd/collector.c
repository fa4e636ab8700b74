/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/collector.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/inforce.h"
#include "collect/rows.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/store.h"
#include "lib/tlsrpt/tlsrpt_result.h"

#define NAME "tls-results"
#define DAY 86400
#define SEEN_SLOTS 16384u
#define SEEN_AGAIN 3600 /* seconds; a host is seen at most so often */
#define BAD_PER_MINUTE 20
#define LOG_AGAIN 60 /* seconds */
#define EVENT_MEMORY ((size_t)4 << 20)
#define FIRST_SLOTS ((size_t)1024)

/* What was there before, by hash; who comes to the place later displaces. */
struct seen {
	uint64_t hash;
	int64_t time;
};

struct collector {
	pthread_mutex_t lock;
	struct recorder *recorder;
	uint64_t seed;
	/* hashes of the day's rows, 0: free */
	uint64_t *rows;
	size_t n_rows, slots, most;
	int64_t day;
	struct seen *sightings, *events;
	/* of findings */
	struct tally *tally;
	struct arena arena;
	/* bad datagrams kept in the minute */
	int64_t bad_minute;
	unsigned bad_kept;
	uint64_t over_cap, over_cap_logged;
	int64_t logged;

	atomic_uint_fast64_t sessions[COLLECTOR_WAY_COUNT][TLSRPT_RESULT_COUNT];
};

/* ---- the rows of a day -------------------------------------------------- */

static uint64_t
hash_row(const struct collector *c, const struct store_tls_result *r)
{
	uint64_t h = str_hash(r->policy_domain, c->seed);

	h = str_hash(r->recipient_domain, h + (uint64_t)r->day);
	h = str_hash(r->detail, str_hash(r->policy, h));
	return h ? h : 1;
}

/* The place of the hash, or a free one. */
static size_t
place(const uint64_t *v, size_t slots, uint64_t h)
{
	size_t at = (size_t)(h % slots);

	while (v[at] && v[at] != h)
		at = (at + 1) % slots;
	return at;
}

static bool
grow(struct collector *c)
{
	size_t slots = c->slots ? 2 * c->slots : FIRST_SLOTS;
	uint64_t *v = calloc(slots, sizeof(*v));

	if (!v)
		return false;
	for (size_t i = 0; i < c->slots; i++)
		if (c->rows[i])
			v[place(v, slots, c->rows[i])] = c->rows[i];
	free(c->rows);
	c->rows = v;
	c->slots = slots;
	return true;
}

static void
new_day(struct collector *c, int64_t now)
{
	int64_t day = now / DAY;

	if (day == c->day)
		return;
	c->day = day;
	if (c->n_rows)
		memset(c->rows, 0, c->slots * sizeof(*c->rows));
	c->n_rows = 0;
}

/* With the lock held. */
static bool
admits(struct collector *c, const struct store_tls_result *row)
{
	uint64_t h = hash_row(c, row);
	size_t at;

	if (2 * (c->n_rows + 1) > c->slots && !grow(c))
		return false;
	at = place(c->rows, c->slots, h);
	if (c->rows[at])
		return true;
	if (c->n_rows >= c->most)
		return false;
	c->rows[at] = h;
	c->n_rows++;
	return true;
}

/* With the lock held. */
static void
complain(struct collector *c, int64_t now)
{
	if (c->over_cap == c->over_cap_logged || now - c->logged < LOG_AGAIN)
		return;
	log_msg(LOG_LVL_WARN,
	    "%" PRIu64 " results of TLS sessions were dropped: there are "
	    "already %zu different ones of this day "
	    "(tlsrpt_max_rows_per_day)",
	    c->over_cap - c->over_cap_logged, c->n_rows);
	c->over_cap_logged = c->over_cap;
	c->logged = now;
}

static bool
check_row(struct collector *c, const struct store_tls_result *row, int64_t now)
{
	bool ok;

	new_day(c, now);
	ok = admits(c, row);
	if (!ok)
		c->over_cap += row->success + row->failure;
	complain(c, now);
	return ok;
}

bool
collector_admits(struct collector *c, const struct store_tls_result *row)
{
	bool ok;

	pthread_mutex_lock(&c->lock);
	ok = check_row(c, row, clock_now());
	pthread_mutex_unlock(&c->lock);
	return ok;
}

static int
note_row(void *arg, const struct store_tls_result *row)
{
	/* above the cap all are known that have to be */
	return admits(arg, row) ? 0 : 1;
}

/* What an earlier run has left. Trouble: then it counts from 0. */
static void
read_day(struct collector *c, const char *store)
{
	int64_t now = clock_now(), day = now - now % DAY;
	struct store *s = NULL;

	new_day(c, now);
	if (store_open(store, STORE_READ, &s, NULL))
		return;
	(void)store_each_tls_result(
	    s, STR_NONE, day, day + DAY, note_row, c, NULL);
	store_close(s);
}

/* ---- what happens again and again --------------------------------------- */

/* True the first time in so many seconds. */
static bool
is_news(struct seen *v, uint64_t h, int64_t now, int64_t again)
{
	struct seen *x = &v[h % SEEN_SLOTS];

	if (x->hash == h && now - x->time < again && now >= x->time)
		return false;
	*x = (struct seen){h, now};
	return true;
}

static bool
sighting_is_news(
    struct collector *c, const struct store_sighting *x, int64_t now)
{
	uint64_t h = str_hash(x->mx, str_hash(x->domain, c->seed));

	h += 4u * (unsigned)x->starttls + (unsigned)x->requiretls;
	return is_news(c->sightings, h, now, SEEN_AGAIN);
}

/* With the lock held. */
static void
take(struct collector *c, const struct tally *t, int64_t now)
{
	const struct store_sighting *seen;
	const struct store_tls_result *rows;
	size_t n;

	/* what has no room is counted and logged by the recorder */
	rows = tally_rows(t, &n);
	for (size_t i = 0; i < n; i++)
		if (check_row(c, &rows[i], now))
			(void)recorder_add_tls_result(c->recorder, &rows[i]);
	seen = tally_sightings(t, &n);
	for (size_t i = 0; i < n; i++)
		if (sighting_is_news(c, &seen[i], now))
			(void)recorder_add_sighting(c->recorder, &seen[i]);
}

void
collector_take(struct collector *c, const struct tally *t)
{
	pthread_mutex_lock(&c->lock);
	take(c, t, clock_now());
	pthread_mutex_unlock(&c->lock);
}

bool
collector_has_room(const struct collector *c, size_t octets)
{
	return recorder_has_room(c->recorder, octets);
}

bool
collector_bad(
    struct collector *c, int64_t now, struct str octets, const char *why)
{
	struct store_bad_datagram bad = {
	    now, str_from_z(why), str_head(octets, STORE_BAD_OCTETS)};
	bool kept;

	pthread_mutex_lock(&c->lock);
	if (now / 60 != c->bad_minute) {
		c->bad_minute = now / 60;
		c->bad_kept = 0;
	}
	kept = c->bad_kept < BAD_PER_MINUTE &&
	       recorder_add_bad_datagram(c->recorder, &bad) == 0;
	c->bad_kept += kept;
	pthread_mutex_unlock(&c->lock);
	return kept;
}

/* ---- findings ----------------------------------------------------------- */

/*
 * A failed fetch is told once for each attempt; what DNS says of the hosts
 * comes with every decision.
 */
static bool
event_is_news(struct collector *c, const struct engine_event *ev)
{
	uint64_t h = str_hash(ev->policy_domain, c->seed);

	switch (ev->result) {
	case TLSRPT_STS_POLICY_FETCH_ERROR:
	case TLSRPT_STS_POLICY_INVALID:
	case TLSRPT_STS_WEBPKI_INVALID:
		return true;
	case TLSRPT_SUCCESS:
	case TLSRPT_STARTTLS_NOT_SUPPORTED:
	case TLSRPT_CERTIFICATE_HOST_MISMATCH:
	case TLSRPT_CERTIFICATE_NOT_TRUSTED:
	case TLSRPT_CERTIFICATE_EXPIRED:
	case TLSRPT_VALIDATION_FAILURE:
	case TLSRPT_TLSA_INVALID:
	case TLSRPT_DNSSEC_INVALID:
	case TLSRPT_DANE_REQUIRED:
	case TLSRPT_RESULT_COUNT:
		break;
	}
	h = str_hash(ev->mx, str_hash(ev->recipient_domain, h));
	h = str_hash(ev->policy, h + (unsigned)ev->result);
	return is_news(c->events, h, ev->time, SEEN_AGAIN);
}

/* As mox says it: the failure did no harm yet. */
static struct str
reason_of(struct arena *a, const struct engine_event *ev)
{
	if (ev->type != TLSRPT_STS || ev->policy.n == 0 || ev->mx.n)
		return ev->reason;
	return arena_cat(a, ev->reason, STR("+fallback-to-cached-policy"));
}

static void
record_event(struct collector *c, const struct engine_event *ev)
{
	struct rows r = {.tally = c->tally,
	    .arena = &c->arena,
	    .time = ev->time,
	    .wanted = true};
	struct rows_finding f = {.recipient_domain = ev->recipient_domain,
	    .result = ev->result,
	    .mx = ev->mx,
	    .reason = reason_of(&c->arena, ev)};
	struct tlsrpt_policy p;

	inforce_of_event(&c->arena, ev, &p);
	rows_of_finding(&r, &f, &p);
	take(c, c->tally, ev->time);
	tally_clear(c->tally);
	arena_reset(&c->arena);
}

void
collector_event(struct collector *c, const struct engine_event *ev)
{
	pthread_mutex_lock(&c->lock);
	if (event_is_news(c, ev)) {
		collector_count(c, COLLECTOR_FINDING, ev->result, 1);
		record_event(c, ev);
	}
	pthread_mutex_unlock(&c->lock);
}

/* ---- start and end ------------------------------------------------------ */

static int
open_recorder(const struct conf *conf, struct collector *c, struct diag *d)
{
	struct recorder_config cfg = {
	    .store = conf->store,
	    .directory = conf->state_directory,
	    .name = NAME,
	    .ring_size = (size_t)conf->store_ring_size,
	    .batch_ms = (unsigned)conf->store_batch_time,
	    .spool_max = (size_t)conf->store_spool_max,
	};

	return recorder_open(&cfg, &c->recorder, d);
}

int
collector_open(const struct conf *conf, struct collector **out, struct diag *d)
{
	struct collector *c = calloc(1, sizeof(*c));
	int err = 0;

	if (!c)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	pthread_mutex_init(&c->lock, NULL);
	arena_init(&c->arena, EVENT_MEMORY);
	c->most = (size_t)conf->tlsrpt_max_rows_per_day;
	c->tally = tally_new();
	c->sightings = calloc(SEEN_SLOTS, sizeof(*c->sightings));
	c->events = calloc(SEEN_SLOTS, sizeof(*c->events));
	if (!c->tally || !c->sightings || !c->events ||
	    getentropy(&c->seed, sizeof(c->seed)) != 0)
		err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (!err)
		err = open_recorder(conf, c, d);
	if (err) {
		collector_close(c);
		return err;
	}
	read_day(c, conf->store);
	*out = c;
	return 0;
}

void
collector_close(struct collector *c)
{
	if (!c)
		return;
	recorder_close(c->recorder);
	tally_free(c->tally);
	arena_fini(&c->arena);
	free(c->rows);
	free(c->sightings);
	free(c->events);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- figures ------------------------------------------------------------ */

void
collector_count(struct collector *c, enum collector_way way,
    enum tlsrpt_result result, uint64_t n)
{
	if (way < COLLECTOR_WAY_COUNT && result < TLSRPT_RESULT_COUNT)
		atomic_fetch_add_explicit(
		    &c->sessions[way][result], n, memory_order_relaxed);
}

void
collector_get_stats(struct collector *c, struct collector_stats *out)
{
	for (size_t i = 0; i < COLLECTOR_WAY_COUNT; i++)
		for (size_t k = 0; k < TLSRPT_RESULT_COUNT; k++)
			out->sessions[i][k] = atomic_load_explicit(
			    &c->sessions[i][k], memory_order_relaxed);
	recorder_stats(c->recorder, &out->recorder);
	pthread_mutex_lock(&c->lock);
	out->over_cap = c->over_cap;
	out->rows_today = c->n_rows;
	pthread_mutex_unlock(&c->lock);
}
