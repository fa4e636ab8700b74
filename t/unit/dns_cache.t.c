/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include <pthread.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/dns/dns_cache.h"

#define FOREVER INT64_MAX

/* ---- an upstream the test controls -------------------------------------- */

struct job {
	struct job *next;
	struct dname name;
	void (*done)(void *, struct dns_rrset *);
	void *arg;
};

/*
 * Keeps the questions until fake_answer(), or answers them at once, or from
 * worker threads after 0 to 4 ms.
 */
struct fake {
	struct dns_upstream base;
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct job *jobs;
	unsigned started, hints;
	int refuse; /* the error start() returns */
	bool at_once, quit;
	enum dns_status status;
	uint32_t ttl;
	unsigned n_workers;
	pthread_t workers[4];
};

/* The answer to a question holds its name, so that a mix-up shows. */
static struct dns_rrset *
make_answer(const struct fake *f, const struct dname *name)
{
	struct str rdata = {(const char *)name->wire, name->len};
	/* of the names of the stress test some have a TTL of 0 */
	uint32_t ttl = f->n_workers && name->wire[1] % 4 == 0 ? 0 : f->ttl;

	return dns_rrset_new(
	    f->status, false, ttl, f->status == DNS_OK, &rdata, NULL);
}

static int
fake_start(struct dns_upstream *up, const struct dname *name, uint16_t type,
    bool hint, void (*done)(void *, struct dns_rrset *), void *arg)
{
	struct fake *f = (struct fake *)up;
	struct job *job;

	(void)type;
	pthread_mutex_lock(&f->lock);
	f->started++;
	f->hints += hint;
	pthread_mutex_unlock(&f->lock);
	if (f->refuse)
		return f->refuse;
	if (f->at_once) {
		done(arg, make_answer(f, name));
		return 0;
	}
	job = malloc(sizeof(*job));
	*job = (struct job){NULL, *name, done, arg};
	pthread_mutex_lock(&f->lock);
	job->next = f->jobs;
	f->jobs = job;
	pthread_cond_signal(&f->some);
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* Answers the newest question; false when there is none. */
static bool
fake_answer(struct fake *f)
{
	struct job *job;

	pthread_mutex_lock(&f->lock);
	job = f->jobs;
	if (job)
		f->jobs = job->next;
	pthread_mutex_unlock(&f->lock);
	if (!job)
		return false;
	job->done(job->arg, make_answer(f, &job->name));
	free(job);
	return true;
}

static void
fake_close(struct dns_upstream *up)
{
	struct fake *f = (struct fake *)up;

	pthread_mutex_lock(&f->lock);
	f->quit = true;
	pthread_cond_broadcast(&f->some);
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < f->n_workers; i++)
		pthread_join(f->workers[i], NULL);
	while (fake_answer(f))
		;
}

static const struct dns_upstream_ops fake_ops = {fake_start, fake_close};

static void
fake_init(struct fake *f)
{
	*f = (struct fake){{&fake_ops}, .status = DNS_OK, .ttl = 1000};
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->some, NULL);
}

static void
sleep_us(long us)
{
	nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* ---- helpers ------------------------------------------------------------ */

static struct dns_source *
open_cache(struct fake *f, size_t entries, int timeout_ms)
{
	struct dns_cache_config cfg = {.entries = entries,
	    .max_ttl = 500,
	    .max_negative_ttl = 50,
	    .timeout_ms = timeout_ms};
	struct dns_source *src = NULL;

	is_int(dns_cache_open(&cfg, &f->base, &src), 0, "open");
	return src;
}

static struct dname
number(unsigned i)
{
	char text[32];
	struct dname name = {.len = 1};

	snprintf(text, sizeof(text), "n%u.example", i);
	dname_from_text(str_from_z(text), &name);
	return name;
}

/* The status of an answer, which must be the answer to this very name. */
static enum dns_status
ask(struct dns_source *src, const struct dname *name, int64_t deadline)
{
	struct dns_rrset *rr = src->ops->resolve(src, name, DNS_TXT, deadline);
	enum dns_status st = rr->status;

	if (st == DNS_OK &&
	    !str_eq(rr->rdata[0],
		(struct str){(const char *)name->wire, name->len}))
		st = DNS_STATUS_COUNT;
	dns_rrset_unref(rr);
	return st;
}

static struct dns_stats
stats_of(struct dns_source *src)
{
	struct dns_stats st;

	dns_cache_stats(src, &st);
	return st;
}

/* ---- one thread --------------------------------------------------------- */

static void
test_hits(void)
{
	struct fake f;
	struct dns_source *src;
	struct dns_stats st;
	struct dname name = number(1);

	fake_init(&f);
	f.at_once = true;
	src = open_cache(&f, 100, 1000);
	for (int i = 0; i < 3; i++)
		is_int(ask(src, &name, FOREVER), DNS_OK, "an answer");
	dns_rrset_unref(src->ops->resolve(src, &name, DNS_A, FOREVER));
	src->ops->prefetch(src, &name, DNS_TXT);
	st = stats_of(src);
	is_int(f.started, 2, "asked once for each type");
	is_int(st.hits, 2, "hits");
	is_int(st.misses, 2, "misses");
	is_int(st.entries, 2, "entries");
	is_int(st.prefetches, 0, "what is there is not prefetched");
	is_int(st.in_flight, 0, "nothing in flight");
	is_int(ask(src, &name, clock_mono_ms() - 1), DNS_OK,
	    "what is there is told past the deadline too");
	name = number(2);
	is_int(ask(src, &name, clock_mono_ms() - 1), DNS_TEMP,
	    "what is not is not asked for");
	is_int(f.started, 2, "nor does it start a question");
	dns_source_close(src);
}

static const struct {
	const char *what;
	enum dns_status status;
	uint32_t ttl;
	bool kept;
} ttl_cases[] = {
    {"an answer", DNS_OK, 60, true},
    {"an answer with TTL 0", DNS_OK, 0, false},
    {"no data", DNS_NODATA, 60, true},
    {"no name", DNS_NXDOMAIN, 60, true},
    {"no name with TTL 0", DNS_NXDOMAIN, 0, false},
    {"SERVFAIL", DNS_TEMP, 5, true},
    {"a failure of ours", DNS_TEMP, 0, false},
    {"bogus", DNS_BOGUS, 5, true},
};

static void
test_ttl(void)
{
	struct fake f;
	struct dns_source *src;
	struct dname name = number(1);
	struct dns_rrset *rr;
	int64_t now;

	for (size_t i = 0; i < sizeof(ttl_cases) / sizeof(ttl_cases[0]); i++) {
		fake_init(&f);
		f.at_once = true;
		f.status = ttl_cases[i].status;
		f.ttl = ttl_cases[i].ttl;
		src = open_cache(&f, 10, 1000);
		ask(src, &name, FOREVER);
		is_int(ask(src, &name, FOREVER), ttl_cases[i].status,
		    ttl_cases[i].what);
		is_int(f.started, ttl_cases[i].kept ? 1 : 2, "questions");
		dns_source_close(src);
	}

	fake_init(&f);
	f.at_once = true;
	src = open_cache(&f, 10, 1000);
	now = clock_mono_ms();
	rr = src->ops->resolve(src, &name, DNS_TXT, FOREVER);
	ok(rr->until >= now + 500000 && rr->until <= now + 510000,
	    "until when it is kept: not longer than the cap");
	dns_rrset_unref(rr);
	dns_source_close(src);

	fake_init(&f);
	f.at_once = true;
	f.ttl = 1;
	src = open_cache(&f, 10, 1000);
	ask(src, &name, FOREVER);
	sleep_us(1010000);
	ask(src, &name, FOREVER);
	is_int(f.started, 2, "a TTL of a second ends");
	is_int(stats_of(src).entries, 1, "and the new answer replaces it");
	is_int(stats_of(src).evicted, 0, "which is no eviction");
	dns_source_close(src);
}

static void
test_caps(void)
{
	struct fake f;
	struct dns_cache_config cfg = {.entries = 10,
	    .max_ttl = 1,
	    .max_negative_ttl = 0,
	    .timeout_ms = 1000};
	struct dns_source *src;
	struct dname name = number(1), other = number(2);

	fake_init(&f);
	f.at_once = true;
	is_int(dns_cache_open(&cfg, &f.base, &src), 0, "open");
	ask(src, &name, FOREVER);
	ask(src, &name, FOREVER);
	is_int(f.started, 1, "kept");
	sleep_us(1010000);
	ask(src, &name, FOREVER);
	is_int(f.started, 2, "not longer than max_ttl");
	f.status = DNS_NXDOMAIN;
	ask(src, &other, FOREVER);
	ask(src, &other, FOREVER);
	is_int(f.started, 4, "nor than max_negative_ttl");
	dns_source_close(src);
}

static void
test_eviction(void)
{
	struct fake f;
	struct dns_source *src;
	struct dns_stats st;
	struct dname hot = number(0), name;
	struct dns_cache_config cfg = {.entries = 1000,
	    .octets = 20000,
	    .max_ttl = 500,
	    .timeout_ms = 1000};

	fake_init(&f);
	f.at_once = true;
	src = open_cache(&f, 20, 1000);
	for (unsigned i = 1; i <= 1000; i++) {
		name = number(i);
		ask(src, &hot, FOREVER);
		ask(src, &name, FOREVER);
	}
	st = stats_of(src);
	is_int(st.entries, 20, "no more entries than wanted");
	is_int(st.evicted, 1001 - 20, "the rest had to go");
	is_int(f.started, 1001, "what is used stays");
	dns_source_close(src);

	fake_init(&f);
	f.at_once = true;
	is_int(dns_cache_open(&cfg, &f.base, &src), 0, "open");
	for (unsigned i = 1; i <= 1000; i++) {
		name = number(i);
		ask(src, &name, FOREVER);
	}
	st = stats_of(src);
	ok(st.octets <= 20000 && st.entries > 20 && st.entries < 200,
	    "no more octets than wanted: %zu in %zu entries", st.octets,
	    st.entries);
	dns_source_close(src);
}

static void
test_refusal(void)
{
	struct fake f;
	struct dns_source *src;
	struct dname name = number(1);
	static const struct {
		int err;
		enum dns_fault fault;
	} cases[] = {{AVER_LIMIT, DNS_FAULT_BUSY},
	    {AVER_NOMEM, DNS_FAULT_NOMEM}, {AVER_TEMP, DNS_FAULT_RESOLVER}};

	fake_init(&f);
	src = open_cache(&f, 10, 1000);
	for (size_t i = 0; i < 3; i++) {
		f.refuse = cases[i].err;
		ok(src->ops->resolve(src, &name, DNS_TXT, FOREVER) ==
			dns_rrset_fault(cases[i].fault),
		    "refused: %s", aver_err_name(cases[i].err));
	}
	src->ops->prefetch(src, &name, DNS_TXT);
	is_int(stats_of(src).refused, 4, "refused");
	is_int(stats_of(src).in_flight, 0, "nothing in flight");
	is_int(stats_of(src).entries, 0, "nothing is kept");
	dns_source_close(src);
}

static void
test_late_answer(void)
{
	struct fake f;
	struct dns_source *src;
	struct dns_stats st;
	struct dname name = number(1), other = number(2);
	int64_t from = clock_mono_ms();

	fake_init(&f);
	src = open_cache(&f, 10, 30);
	ok(src->ops->resolve(src, &name, DNS_TXT, FOREVER) ==
		dns_rrset_fault(DNS_FAULT_TIMEOUT),
	    "no answer");
	ok(clock_mono_ms() - from >= 30, "after the time for one lookup");
	is_int(ask(src, &name, clock_mono_ms() + 5), DNS_TEMP,
	    "nor before a deadline");
	is_int(f.started, 1, "the second one joined");
	ok(fake_answer(&f), "a late answer");
	is_int(ask(src, &name, FOREVER), DNS_OK, "is there for the third");
	is_int(f.started, 1, "who asks nothing");
	st = stats_of(src);
	ok(st.timeouts == 2 && st.joined == 1 && st.hits == 1 &&
		st.answers == 1 && st.latency_us >= 30000,
	    "statistics");

	src->ops->prefetch(src, &other, DNS_TXT);
	src->ops->prefetch(src, &other, DNS_TXT);
	is_int(ask(src, &other, clock_mono_ms() + 5), DNS_TEMP,
	    "a prefetch is joined");
	ok(f.started == 2 && f.hints == 1, "and is one question");
	is_int(stats_of(src).in_flight, 1, "in flight");
	dns_source_close(src);
	ok(!f.jobs, "closing ends what is in flight");
}

/* ---- many threads ------------------------------------------------------- */

static void *
fake_worker(void *arg)
{
	struct fake *f = arg;
	unsigned n = 0;

	pthread_mutex_lock(&f->lock);
	while (!f->quit || f->jobs) {
		struct job *job = f->jobs;

		if (!job) {
			pthread_cond_wait(&f->some, &f->lock);
			continue;
		}
		f->jobs = job->next;
		pthread_mutex_unlock(&f->lock);
		sleep_us((job->name.wire[1] + n++) % 5 * 1000);
		job->done(job->arg, make_answer(f, &job->name));
		free(job);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct asker {
	struct dns_source *src;
	unsigned seed, rounds;
	unsigned good, late, wrong;
};

/* A name of two letters and digits, most often one of a few. */
static struct dname
some_name(unsigned *seed)
{
	struct dname name = {.len = 4};
	unsigned v;

	*seed = *seed * 1103515245u + 12345u;
	v = *seed >> 16;
	name.wire[0] = 2;
	name.wire[1] = (uint8_t)('a' + v % 16);
	name.wire[2] = (uint8_t)('a' + (v % 7 ? v / 16 % 2 : v / 16 % 26));
	return name;
}

static void *
ask_much(void *arg)
{
	struct asker *a = arg;

	for (unsigned i = 0; i < a->rounds; i++) {
		struct dname name = some_name(&a->seed);
		enum dns_status st;

		if (i % 8 == 0)
			a->src->ops->prefetch(a->src, &name, DNS_TXT);
		st = ask(a->src, &name, clock_mono_ms() + 1 + i % 3);
		a->good += st == DNS_OK;
		a->late += st == DNS_TEMP;
		a->wrong += st != DNS_OK && st != DNS_TEMP;
		if (i % 16 == 0)
			stats_of(a->src);
	}
	return NULL;
}

#define ASKERS 16
#define ROUNDS 1500

static void
test_stress(void)
{
	struct fake f;
	struct dns_source *src;
	struct dns_stats st;
	struct asker asker[ASKERS];
	pthread_t thread[ASKERS];
	unsigned good = 0, late = 0, wrong = 0;

	fake_init(&f);
	src = open_cache(&f, 40, 1000);
	f.n_workers = 4;
	for (unsigned i = 0; i < f.n_workers; i++)
		pthread_create(&f.workers[i], NULL, fake_worker, &f);
	for (unsigned i = 0; i < ASKERS; i++) {
		asker[i] = (struct asker){src, i, ROUNDS, 0, 0, 0};
		pthread_create(&thread[i], NULL, ask_much, &asker[i]);
	}
	for (unsigned i = 0; i < ASKERS; i++) {
		pthread_join(thread[i], NULL);
		good += asker[i].good;
		late += asker[i].late;
		wrong += asker[i].wrong;
	}
	st = stats_of(src);
	is_int(wrong, 0, "no answer to another question");
	is_int(good + late, ASKERS * ROUNDS, "each question has an answer");
	ok(good > 0 && late > 0, "both in time and late: %u, %u", good, late);
	ok(st.hits > 0 && st.joined > 0 && st.evicted > 0 && st.timeouts > 0 &&
		st.entries <= 40,
	    "hits %llu joined %llu evicted %llu", (unsigned long long)st.hits,
	    (unsigned long long)st.joined, (unsigned long long)st.evicted);
	/* a thread that slept past its deadline did not come to count */
	ok(st.hits + st.misses <= good + late && st.hits + st.misses >= good,
	    "all are counted");
	dns_source_close(src);
	ok(!f.jobs, "nothing is left");
}

int
main(void)
{
	test_hits();
	test_ttl();
	test_caps();
	test_eviction();
	test_refusal();
	test_late_answer();
	test_stress();
	return tap_done();
}
