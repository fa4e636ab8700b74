/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The rules of the policy cache, with a clock, a fetcher and a DNS of the
 * test's own.
 */
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/dns/dns_zone.h"
#include "lib/store/destination.h"
#include "lib/store/sts.h"
#include "tlspolicy/sts_cache.h"

#define START 1700000000
#define DAY 86400
#define THREADS 50

#define POLICY(mode, age)                                      \
	"version: STSv1\nmode: " mode "\nmx: mx.example.com\n" \
	"max_age: " age "\n"

static _Atomic int64_t now_s;

static int64_t
test_now(void)
{
	return atomic_load(&now_s);
}

static void
sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* ---- a fetcher ---------------------------------------------------------- */

struct fake {
	struct sts_fetcher base;
	pthread_mutex_t lock;
	_Atomic(const char *) policy; /* what is served; NULL: a failure */
	_Atomic enum tlsrpt_result failure;
	_Atomic bool is_ours;
	bool holds; /* jobs wait until this is false */
	unsigned fetches;
	struct sts_fetch_job *waiting[64];
	unsigned n_waiting;
	struct ip last;
};

static void
serve(struct fake *f, struct sts_fetch_job *job)
{
	const char *policy = atomic_load(&f->policy);
	struct sts_fetch_result r = {.result = TLSRPT_SUCCESS,
	    .is_ours = f->is_ours,
	    .body = str_from_z(policy),
	    .reason = ""};

	if (!policy) {
		r.result = f->failure;
		snprintf(r.reason, sizeof(r.reason), "told so");
	}
	job->done(job, &r);
}

static void
fake_start(struct sts_fetcher *base, struct sts_fetch_job *job)
{
	struct fake *f = (struct fake *)base;
	bool holds;

	pthread_mutex_lock(&f->lock);
	f->fetches++;
	f->last = job->addrs[0];
	holds = f->holds;
	if (holds)
		f->waiting[f->n_waiting++] = job;
	pthread_mutex_unlock(&f->lock);
	if (!holds)
		serve(f, job);
}

static unsigned
fetches(struct fake *f)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = f->fetches;
	pthread_mutex_unlock(&f->lock);
	return n;
}

static void
let_go(struct fake *f)
{
	pthread_mutex_lock(&f->lock);
	f->holds = false;
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < f->n_waiting; i++)
		serve(f, f->waiting[i]);
	f->n_waiting = 0;
}

static void
fake_close(struct sts_fetcher *base)
{
	let_go((struct fake *)base);
}

static const struct sts_fetcher_ops fake_ops = {fake_start, fake_close};

static void
fake_init(struct fake *f)
{
	*f = (struct fake){
	    .base = {&fake_ops}, .failure = TLSRPT_STS_POLICY_FETCH_ERROR};
	pthread_mutex_init(&f->lock, NULL);
}

/* ---- the test's cache --------------------------------------------------- */

static const char zone_text[] = "mta-sts.a.example A 192.0.2.1\n"
				"mta-sts.b.example AAAA 2001:db8::1\n"
				"*.many.example A 192.0.2.1\n"
				"mta-sts.private.example A 127.0.0.1\n"
				"mta-sts.mixed.example A 10.0.0.1\n"
				"mta-sts.mixed.example A 192.0.2.7\n"
				"mta-sts.void.example TXT nothing\n"
				"mta-sts.broken.example SERVFAIL\n"
				"mta-sts.forged.example A 192.0.2.1\n"
				"mta-sts.forged.example BOGUS\n";

struct events {
	unsigned n;
	enum tlsrpt_result last;
	bool with_policy;
};

static void
on_failed(void *arg, struct str domain, enum tlsrpt_result result,
    struct str reason, const struct sts_held *cached)
{
	struct events *ev = arg;

	(void)domain, (void)reason;
	ev->n++;
	ev->last = result;
	ev->with_policy = cached != NULL;
}

struct bench {
	struct fake fake;
	struct dns_source *dns;
	struct sts_cache *cache;
	struct events events;
	struct ip_net net[2];
};

static bool
bench_open(struct bench *b, struct store *store, bool refresh, size_t entries)
{
	struct sts_cache_config cfg = {.fetcher = &b->fake.base,
	    .store = store,
	    .refresh = refresh,
	    .entries = entries,
	    .octets = 1 << 20,
	    .allow = {b->net, 2},
	    .refresh_time = DAY,
	    .unused_time = 30 * DAY,
	    .patience_ms = 2000,
	    .now = test_now,
	    .failed = on_failed,
	    .failed_arg = &b->events};
	struct diag d = {{0}, 0};

	fake_init(&b->fake);
	b->events = (struct events){0, TLSRPT_SUCCESS, false};
	ip_net_parse(STR("192.0.2.0/24"), &b->net[0]);
	ip_net_parse(STR("2001:db8::/32"), &b->net[1]);
	if (dns_zone_parse(str_from_z(zone_text), &b->dns, &d))
		return false;
	cfg.dns = b->dns;
	return ok(sts_cache_open(&cfg, &b->cache, &d) == 0, "open %s", d.text);
}

static void
bench_close(struct bench *b)
{
	sts_cache_close(b->cache);
	dns_source_close(b->dns);
}

static void
ask(struct bench *b, struct arena *a, const char *domain, enum sts_found found,
    const char *id, int wait_ms, struct sts_answer *out)
{
	int64_t deadline = clock_mono_ms() + wait_ms;
	struct dns d;
	struct sts_question q = {.domain = str_from_z(domain),
	    .found = found,
	    .id = str_from_z(id),
	    .dns = &d,
	    .deadline = deadline};

	dns_init(&d, b->dns, a, deadline, 10);
	sts_cache_ask(b->cache, &q, a, out);
}

/* ---- the rules ---------------------------------------------------------- */

/* A step: time goes on, the host serves, somebody asks. */
struct step {
	int64_t later; /* seconds */
	const char *serves; /* NULL: a failure */
	enum sts_found found;
	const char *id;
	const char *want; /* mode in force, "-" or the failure */
	unsigned fetches; /* of this step */
	unsigned events; /* of this step */
};

#define ENFORCE POLICY("enforce", "604800")
#define TESTING POLICY("testing", "604800")
#define NONE POLICY("none", "604800")
#define NO NULL

static const struct {
	const char *name;
	struct step steps[6];
} rules[] = {
    {"a new record fetches, the same does not",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {3600, TESTING, STS_FOUND, "1", "enforce", 0, 0},
	    {DAY, NO, STS_FOUND, "1", "enforce", 0, 0}}},
    {"a new id replaces the policy",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {1, TESTING, STS_FOUND, "2", "testing", 1, 0},
	    {1, ENFORCE, STS_FOUND, "1", "enforce", 1, 0}}},
    {"a fetch that fails leaves the policy in force",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {10, NO, STS_FOUND, "2", "enforce", 1, 1},
	    {299, NO, STS_FOUND, "2", "enforce", 0, 0},
	    {1, NO, STS_FOUND, "2", "enforce", 1, 1},
	    {1, NO, STS_FOUND, "3", "enforce", 1, 1},
	    {1, NO, STS_FOUND, "1", "enforce", 0, 0}}},
    {"what is served is no policy",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {10, "no policy", STS_FOUND, "2", "enforce", 1, 1}}},
    {"a first fetch that fails is no policy, for five minutes",
	{{0, NO, STS_FOUND, "1", "sts-policy-fetch-error", 1, 1},
	    {299, ENFORCE, STS_FOUND, "1", "sts-policy-fetch-error", 0, 0},
	    {1, ENFORCE, STS_FOUND, "1", "enforce", 1, 0}}},
    {"another id need not wait",
	{{0, NO, STS_FOUND, "1", "sts-policy-fetch-error", 1, 1},
	    {1, ENFORCE, STS_FOUND, "2", "enforce", 1, 0}}},
    {"what is served first is no policy",
	{{0, "mode: enforce\n", STS_FOUND, "1", "sts-policy-invalid", 1, 1}}},
    {"a vanished record leaves the policy in force",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {DAY, NO, STS_ABSENT, "", "enforce", 0, 0},
	    {DAY, NO, STS_INVALID, "", "enforce", 0, 0},
	    {DAY, NO, STS_UNKNOWN, "", "enforce", 0, 0}}},
    {"no record, nothing cached: nothing",
	{{0, ENFORCE, STS_ABSENT, "", "-", 0, 0},
	    {0, ENFORCE, STS_INVALID, "", "-", 0, 0},
	    {0, ENFORCE, STS_UNKNOWN, "", "-", 0, 0}}},
    {"a failure is forgotten with the record",
	{{0, NO, STS_FOUND, "1", "sts-policy-fetch-error", 1, 1},
	    {1, NO, STS_ABSENT, "", "-", 0, 0}}},
    {"an expired policy is none",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {604799, NO, STS_ABSENT, "", "enforce", 0, 0},
	    {1, NO, STS_ABSENT, "", "-", 0, 0},
	    {0, NO, STS_FOUND, "1", "sts-policy-fetch-error", 1, 1}}},
    {"an expired policy is fetched again under the same id",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {604800, TESTING, STS_FOUND, "1", "testing", 1, 0}}},
    {"mode none is the way out, and nobody is told of failures",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {1, NONE, STS_FOUND, "2", "none", 1, 0},
	    {1, NO, STS_FOUND, "3", "none", 1, 0},
	    {DAY, NO, STS_ABSENT, "", "none", 0, 0}}},
    {"a success starts max_age anew",
	{{0, ENFORCE, STS_FOUND, "1", "enforce", 1, 0},
	    {600000, ENFORCE, STS_FOUND, "2", "enforce", 1, 0},
	    {600000, NO, STS_ABSENT, "", "enforce", 0, 0},
	    {4800, NO, STS_ABSENT, "", "-", 0, 0}}},
    {"a clock that was ahead does not make a failure last",
	{{DAY, NO, STS_FOUND, "1", "sts-policy-fetch-error", 1, 1},
	    {-DAY, ENFORCE, STS_FOUND, "1", "enforce", 1, 0}}},
    {"max_age 0 is legal, and over at once",
	{{0, POLICY("enforce", "0"), STS_FOUND, "1", "-", 1, 0},
	    {1, ENFORCE, STS_FOUND, "1", "enforce", 1, 0}}},
};

static const char *
result_of(const struct sts_answer *x)
{
	if (x->trouble.n)
		return "trouble";
	if (x->sts.policy)
		return sts_mode_name(x->sts.policy->mode);
	if (x->sts.failure != TLSRPT_SUCCESS)
		return tlsrpt_result_name(x->sts.failure);
	return "-";
}

static void
run_step(struct bench *b, const struct step *s, const char *rule, size_t i)
{
	unsigned before = fetches(&b->fake), events = b->events.n;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	atomic_fetch_add(&now_s, s->later);
	b->fake.policy = s->serves;
	ask(b, &a, "a.example", s->found, s->id, 5000, &x);
	if (!ok(strcmp(result_of(&x), s->want) == 0 &&
		    fetches(&b->fake) - before == s->fetches &&
		    b->events.n - events == s->events,
		"%s: step %zu", rule, i + 1))
		printf("# %s, %u fetches, %u events\n", result_of(&x),
		    fetches(&b->fake) - before, b->events.n - events);
	if (x.sts.policy)
		ok(x.sts.expires > test_now() &&
			x.valid <= x.sts.expires - test_now(),
		    "%s: step %zu: no longer than it lives", rule, i + 1);
	arena_fini(&a);
}

static void
test_rules(void)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct bench b;

		atomic_store(&now_s, START);
		if (!bench_open(&b, NULL, false, 100))
			return;
		for (size_t j = 0; j < 6 && rules[i].steps[j].want; j++)
			run_step(&b, &rules[i].steps[j], rules[i].name, j);
		bench_close(&b);
	}
}

/* ---- the policy host ---------------------------------------------------- */

static const struct {
	const char *domain, *want, *detail;
	unsigned fetches;
} hosts[] = {
    {"b.example", "enforce", "", 1},
    {"mixed.example", "enforce", "", 1},
    {"private.example", "sts-policy-fetch-error",
	"the policy host's address 127.0.0.1 is not public", 0},
    {"void.example", "sts-policy-fetch-error", "the policy host has no address",
	0},
    {"nowhere.example", "sts-policy-fetch-error",
	"the policy host has no address", 0},
    {"broken.example", "sts-policy-fetch-error",
	"the policy host's address is not known: SERVFAIL", 0},
    {"forged.example", "sts-policy-fetch-error",
	"the policy host's address is not known: validation failed", 0},
};

static void
test_hosts(void)
{
	struct bench b;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (!bench_open(&b, NULL, false, 100))
		return;
	b.fake.policy = ENFORCE;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		unsigned before = fetches(&b.fake);
		struct sts_answer x;

		ask(&b, &a, hosts[i].domain, STS_FOUND, "1", 5000, &x);
		ok(strcmp(result_of(&x), hosts[i].want) == 0, "%s: %s",
		    hosts[i].domain, hosts[i].want);
		is_str(
		    x.sts.failure_detail, str_from_z(hosts[i].detail), "why");
		is_int(fetches(&b.fake) - before, hosts[i].fetches, "asked");
	}
	ok(b.fake.last.a[3] == 7, "a refused address is left out");
	bench_close(&b);
	arena_fini(&a);
}

/* ---- trouble of ours ---------------------------------------------------- */

/* Counters only go up: what has not ended is none of their business. */
static void
is_counted(const struct bench *b, uint64_t begun, uint64_t good, uint64_t bad,
    const char *when)
{
	struct sts_cache_stats st;

	sts_cache_stats(b->cache, &st);
	ok(st.counts.fetches == begun && st.counts.fetched == good &&
		st.counts.fetch_errors == bad,
	    "counted %s", when);
}

static void
test_trouble(void)
{
	struct bench b;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (!bench_open(&b, NULL, false, 100))
		return;
	b.fake.holds = true;
	b.fake.policy = ENFORCE;
	ask(&b, &a, "a.example", STS_FOUND, "1", 50, &x);
	ok(x.trouble.n && !x.sts.policy && x.valid == 0,
	    "a fetch that outlasts the deadline is trouble, not 'no policy'");
	ask(&b, &a, "a.example", STS_FOUND, "1", 50, &x);
	ok(x.trouble.n && fetches(&b.fake) == 1, "nobody fetches twice");
	is_counted(&b, 1, 0, 0, "while the fetch is under way");
	let_go(&b.fake);
	is_counted(&b, 1, 1, 0, "when it has succeeded");
	ask(&b, &a, "a.example", STS_FOUND, "1", 50, &x);
	ok(x.sts.policy && fetches(&b.fake) == 1, "its result is kept");

	b.fake.holds = true;
	ask(&b, &a, "a.example", STS_FOUND, "2", 50, &x);
	ok(x.sts.policy && x.is_stale && x.valid == 0 && x.trouble.n == 0,
	    "meanwhile the old policy is in force, for a moment");
	let_go(&b.fake);

	b.fake.is_ours = true;
	b.fake.policy = NULL;
	ask(&b, &a, "b.example", STS_FOUND, "1", 500, &x);
	ok(x.trouble.n && b.events.n == 0, "too much load is trouble too");
	is_counted(&b, 3, 2, 0, "as neither a success nor a failure");
	b.fake.is_ours = false;
	ask(&b, &a, "c.example", STS_FOUND, "1", 500, &x);
	is_counted(&b, 4, 2, 1, "when it has failed");
	b.fake.policy = ENFORCE;
	ask(&b, &a, "b.example", STS_FOUND, "1", 500, &x);
	ok(x.sts.policy != NULL, "and no reason to wait five minutes");
	ask(&b, &a, "broken.example", STS_FOUND, "1", -1, &x);
	ok(x.trouble.n, "the deadline passes before the host is found");
	bench_close(&b);
	arena_fini(&a);
}

/* A host that takes its time keeps nobody for long who is not patient. */
static void
test_patience(void)
{
	struct sts_answer x;
	struct bench b;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (!bench_open(&b, NULL, false, 100))
		return;
	b.fake.holds = true;
	b.fake.policy = ENFORCE;
	/* no test may take as long as that */
	ask(&b, &a, "a.example", STS_FOUND, "1", 100000000, &x);
	ok(x.trouble.n, "a deadline far away is not waited for");
	bench_close(&b);
	arena_fini(&a);
}

/* ---- the bound ---------------------------------------------------------- */

static void
test_bound(void)
{
	struct sts_cache_stats st;
	struct bench b;
	struct sts_answer x;
	struct arena a;
	char domain[64];

	arena_init(&a, 1 << 22);
	if (!bench_open(&b, NULL, false, 50))
		return;
	b.fake.policy = ENFORCE;
	ask(&b, &a, "a.example", STS_FOUND, "1", 500, &x);
	b.fake.policy = NULL;
	for (int i = 0; i < 500; i++) {
		snprintf(domain, sizeof(domain), "d%d.many.example", i);
		ask(&b, &a, domain, STS_FOUND, "1", 500, &x);
		arena_reset(&a);
		atomic_fetch_add(&now_s, 1);
	}
	sts_cache_stats(b.cache, &st);
	ok(st.entries <= 50, "no more entries than allowed");
	ask(&b, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy != NULL,
	    "a flood of failures does not push a policy out");
	bench_close(&b);
	arena_fini(&a);
}

/* ---- the store ---------------------------------------------------------- */

static struct store *
open_store(const char *dir)
{
	struct store *s = NULL;
	struct diag d = {{0}, 0};
	char spec[600];

	snprintf(spec, sizeof(spec), "sqlite:%s/aver.db", dir);
	if (!ok(store_open(spec, STORE_WRITE, &s, &d) == 0, "the store"))
		printf("# %s\n", d.text);
	return s;
}

static void
restart(struct bench *b, const char *dir, bool refresh)
{
	struct arena a;
	struct sts_answer x;

	arena_init(&a, 1 << 20);
	if (!bench_open(b, open_store(dir), refresh, 100))
		return;
	ask(b, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy && x.sts.policy->mode == STS_ENFORCE &&
		str_eq(x.sts.id, STR("17")) && x.sts.fetched == START,
	    "a restart leaves the policy in force");
	ask(b, &a, "a.example", STS_FOUND, "17", 500, &x);
	ok(x.sts.policy && fetches(&b->fake) == 0, "with its id");
	ask(b, &a, "b.example", STS_FOUND, "1", 500, &x);
	ok(x.sts.failure == TLSRPT_STS_WEBPKI_INVALID && fetches(&b->fake) == 0,
	    "and a failure");
	arena_fini(&a);
}

static void
test_store(const char *dir)
{
	struct bench b;
	struct sts_answer x;
	struct store *s;
	struct arena a;

	arena_init(&a, 1 << 20);
	atomic_store(&now_s, START);
	if (!bench_open(&b, open_store(dir), true, 100))
		return;
	b.fake.policy = ENFORCE;
	ask(&b, &a, "a.example", STS_FOUND, "17", 500, &x);
	b.fake.policy = NULL;
	b.fake.failure = TLSRPT_STS_WEBPKI_INVALID;
	ask(&b, &a, "b.example", STS_FOUND, "1", 500, &x);
	bench_close(&b);
	atomic_store(&now_s, START + 10);
	restart(&b, dir, true);
	bench_close(&b);
	restart(&b, dir, false);
	/* somebody else removes it */
	s = open_store(dir);
	is_int(store_remove_sts(s, STR("a.example"), NULL), 0, "removed");
	store_close(s);
	ask(&b, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy != NULL, "memory has it still");
	is_int(sts_cache_reload(b.cache, NULL), 0, "reload");
	ask(&b, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(!x.sts.policy, "a reload obeys");
	bench_close(&b);
	arena_fini(&a);
}

static void
await_fetches(struct bench *b, unsigned n)
{
	for (int i = 0; i < 6000 && fetches(&b->fake) < n; i++)
		sleep_ms(10);
}

/* Those that have come to an end, this way or that. */
static void
await_refreshes(struct bench *b, unsigned n)
{
	struct sts_cache_stats st;

	for (int i = 0; i < 6000; i++) {
		sts_cache_stats(b->cache, &st);
		if (st.counts.refreshed + st.counts.refresh_failures >= n)
			return;
		sleep_ms(10);
	}
}

static void
test_refresh(const char *dir)
{
	struct sts_cache_stats st;
	struct bench b;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	atomic_store(&now_s, START);
	if (!bench_open(&b, open_store(dir), true, 100))
		return;
	b.fake.policy = ENFORCE;
	ask(&b, &a, "a.example", STS_FOUND, "1", 500, &x);
	atomic_store(&now_s, START + DAY / 2);
	sleep_ms(1300);
	is_int(fetches(&b.fake), 1, "no refresh after half a day");
	b.fake.policy = TESTING;
	atomic_store(&now_s, START + 2 * DAY);
	await_fetches(&b, 2);
	await_refreshes(&b, 1);
	ask(&b, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy && x.sts.policy->mode == STS_TESTING &&
		x.sts.fetched == START + 2 * DAY && str_eq(x.sts.id, STR("1")),
	    "a refresh does not need a record");
	b.fake.policy = NULL;
	atomic_store(&now_s, START + 4 * DAY);
	await_fetches(&b, 3);
	await_refreshes(&b, 2);
	ask(&b, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy && x.is_stale, "one that fails changes nothing");
	sts_cache_stats(b.cache, &st);
	ok(st.counts.refreshed == 1 && st.counts.refresh_failures == 1 &&
		b.events.n == 1 && b.events.with_policy,
	    "and is told");
	atomic_store(&now_s, START + 40 * DAY);
	sleep_ms(1300);
	is_int(fetches(&b.fake), 3, "an expired policy is not refreshed");
	bench_close(&b);
	arena_fini(&a);
}

/* A policy that was fetched while the clock was ahead. */
static void
test_clock(const char *dir)
{
	struct bench b;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	atomic_store(&now_s, START + 300 * DAY);
	if (!bench_open(&b, open_store(dir), true, 100))
		return;
	b.fake.policy = ENFORCE;
	ask(&b, &a, "mixed.example", STS_FOUND, "1", 500, &x);
	b.fake.policy = TESTING;
	atomic_store(&now_s, START);
	await_fetches(&b, 2);
	is_int(fetches(&b.fake), 2, "a policy from the future is refreshed");
	for (int i = 0; i < 400; i++) {
		ask(&b, &a, "mixed.example", STS_ABSENT, "", 500, &x);
		if (x.sts.policy && x.sts.policy->mode == STS_TESTING)
			break;
		sleep_ms(10);
	}
	ok(x.sts.policy && x.sts.policy->mode == STS_TESTING &&
		x.sts.fetched == START,
	    "and lives no longer than it should");
	bench_close(&b);
	arena_fini(&a);
}

static int
count_seen(void *arg, const struct store_destination *x)
{
	unsigned *n = arg;

	(void)x;
	++*n;
	return 0;
}

static unsigned
seen_in(struct store *s, const char *domain)
{
	unsigned n = 0;

	store_each_destination(
	    s, str_from_z(domain), STR_NONE, count_seen, &n, NULL);
	return n;
}

/* What strangers can add to is not kept for ever. */
static void
test_forget(const char *dir)
{
	const struct store_sighting seen[] = {
	    {STR("old.example"), STR("mx.old.example"), START - 200 * DAY,
		STORE_OFFERED, STORE_OFFER_UNKNOWN},
	    {STR("new.example"), STR("mx.new.example"), START - 100 * DAY,
		STORE_OFFERED, STORE_OFFER_UNKNOWN}};
	struct store *s = open_store(dir);
	struct bench b;

	atomic_store(&now_s, START);
	is_int(store_see_destinations(s, seen, 2, NULL), 0, "hosts are seen");
	if (!bench_open(&b, open_store(dir), true, 100))
		return;
	atomic_store(&now_s, START + 3600);
	for (int i = 0; i < 1000 && seen_in(s, "old.example"); i++)
		sleep_ms(10);
	is_int(seen_in(s, "old.example"), 0, "one seen long ago is forgotten");
	is_int(seen_in(s, "new.example"), 1, "the other is not");
	bench_close(&b);
	store_close(s);
}

/* ---- threads ------------------------------------------------------------ */

struct asker {
	struct bench *b;
	unsigned number, good;
	pthread_t thread;
};

static void *
ask_one(void *arg)
{
	struct asker *k = arg;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	ask(k->b, &a, "a.example", STS_FOUND, "1", 10000, &x);
	k->good = x.sts.policy != NULL;
	arena_fini(&a);
	return NULL;
}

static void *
ask_many(void *arg)
{
	struct asker *k = arg;
	struct sts_answer x;
	struct arena a;
	char domain[64], id[16];

	arena_init(&a, 1 << 20);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(domain, sizeof(domain), "d%u.many.example",
		    (i * 7 + k->number) % 200);
		snprintf(id, sizeof(id), "%u", i / 50);
		ask(k->b, &a, domain, STS_FOUND, id, 10000, &x);
		k->good += x.sts.policy != NULL;
		arena_reset(&a);
	}
	arena_fini(&a);
	return NULL;
}

static unsigned
run_threads(struct bench *b, void *(*fn)(void *), bool hold)
{
	struct asker v[THREADS];
	unsigned good = 0;

	b->fake.holds = hold;
	b->fake.policy = ENFORCE;
	for (unsigned i = 0; i < THREADS; i++) {
		v[i] = (struct asker){.b = b, .number = i};
		pthread_create(&v[i].thread, NULL, fn, &v[i]);
	}
	if (hold) {
		struct sts_cache_stats st = {.entries = 0};

		while (st.counts.joined < THREADS - 1) {
			sleep_ms(5);
			sts_cache_stats(b->cache, &st);
		}
		let_go(&b->fake);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(v[i].thread, NULL);
		good += v[i].good;
	}
	return good;
}

static void
test_threads(void)
{
	struct bench b;

	atomic_store(&now_s, START);
	if (!bench_open(&b, NULL, false, 100))
		return;
	is_int(run_threads(&b, ask_one, true), THREADS, "all get the policy");
	is_int(fetches(&b.fake), 1, "of one fetch");
	bench_close(&b);
	if (!bench_open(&b, NULL, true, 60))
		return;
	is_int(run_threads(&b, ask_many, false), THREADS * 200,
	    "many domains at once, more than there is room for");
	bench_close(&b);
}

int
main(void)
{
	struct tmpdir dir = tmpdir_fast();

	test_rules();
	test_hosts();
	test_trouble();
	test_patience();
	test_bound();
	test_threads();
	test_store(dir.path);
	tmpdir_remove(dir.path);
	dir = tmpdir_fast();
	test_refresh(dir.path);
	test_clock(dir.path);
	tmpdir_remove(dir.path);
	dir = tmpdir_fast();
	test_forget(dir.path);
	tmpdir_remove(dir.path);
	return tap_done();
}
