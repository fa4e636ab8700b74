/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The rules of the policy cache, with a clock, a fetcher and a DNS of the
 * test's own.
 */
#include "lib/store/destination.h"
#include "lib/store/sts.h"
#include "t/unit/sts_host.h"
#include "t/unit/tmpdir.h"

#define THREADS 50

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

static struct {
	unsigned n;
	bool with_policy;
} events;

static void
on_failed(void *arg, struct str domain, enum tlsrpt_result result,
    struct str reason, const struct sts_held *cached)
{
	(void)arg, (void)domain, (void)result, (void)reason;
	events.n++;
	events.with_policy = cached != NULL;
}

static bool
host_open(struct host *h, struct store *store, bool refresh, size_t entries)
{
	struct sts_cache_config cfg = {.store = store,
	    .refresh = refresh,
	    .entries = entries,
	    .patience_ms = 2000,
	    .failed = on_failed};

	events.n = 0;
	events.with_policy = false;
	return host_start(h, zone_text, NULL, &cfg);
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

static void
run_step(struct host *h, const struct step *s, const char *rule, size_t i)
{
	unsigned before = h->fetches, told = events.n;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	atomic_fetch_add(&now_s, s->later);
	h->policy = s->serves;
	ask(h, &a, "a.example", s->found, s->id, 5000, &x);
	if (!ok(strcmp(result_of(&x), s->want) == 0 &&
		    h->fetches - before == s->fetches &&
		    events.n - told == s->events,
		"%s: step %zu", rule, i + 1))
		printf("# %s, %u fetches, %u events\n", result_of(&x),
		    h->fetches - before, events.n - told);
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
		struct host h;

		atomic_store(&now_s, START);
		if (!host_open(&h, NULL, false, 100))
			return;
		for (size_t j = 0; j < 6 && rules[i].steps[j].want; j++)
			run_step(&h, &rules[i].steps[j], rules[i].name, j);
		host_close(&h);
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
	struct host h;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (!host_open(&h, NULL, false, 100))
		return;
	h.policy = ENFORCE;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		unsigned before = h.fetches;
		struct sts_answer x;

		ask(&h, &a, hosts[i].domain, STS_FOUND, "1", 5000, &x);
		ok(strcmp(result_of(&x), hosts[i].want) == 0, "%s: %s",
		    hosts[i].domain, hosts[i].want);
		is_str(
		    x.sts.failure_detail, str_from_z(hosts[i].detail), "why");
		is_int(h.fetches - before, hosts[i].fetches, "asked");
	}
	ok(h.last.a[3] == 7, "a refused address is left out");
	host_close(&h);
	arena_fini(&a);
}

/* ---- trouble of ours ---------------------------------------------------- */

/* Counters only go up: what has not ended is none of their business. */
static void
is_counted(const struct host *h, uint64_t begun, uint64_t good, uint64_t bad,
    const char *when)
{
	struct sts_cache_stats st;

	sts_cache_stats(h->cache, &st);
	ok(st.counts.fetches == begun && st.counts.fetched == good &&
		st.counts.fetch_errors == bad,
	    "counted %s", when);
}

static void
test_trouble(void)
{
	struct host h;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (!host_open(&h, NULL, false, 100))
		return;
	h.holds = true;
	h.policy = ENFORCE;
	ask(&h, &a, "a.example", STS_FOUND, "1", 50, &x);
	ok(x.trouble.n && !x.sts.policy && x.valid == 0,
	    "a fetch that outlasts the deadline is trouble, not 'no policy'");
	ask(&h, &a, "a.example", STS_FOUND, "1", 50, &x);
	ok(x.trouble.n && h.fetches == 1, "nobody fetches twice");
	is_counted(&h, 1, 0, 0, "while the fetch is under way");
	let_go(&h);
	is_counted(&h, 1, 1, 0, "when it has succeeded");
	ask(&h, &a, "a.example", STS_FOUND, "1", 50, &x);
	ok(x.sts.policy && h.fetches == 1, "its result is kept");

	h.holds = true;
	ask(&h, &a, "a.example", STS_FOUND, "2", 50, &x);
	ok(x.sts.policy && x.is_stale && x.valid == 0 && x.trouble.n == 0,
	    "meanwhile the old policy is in force, for a moment");
	let_go(&h);

	h.is_ours = true;
	h.policy = NULL;
	ask(&h, &a, "b.example", STS_FOUND, "1", 500, &x);
	ok(x.trouble.n && events.n == 0, "too much load is trouble too");
	is_counted(&h, 3, 2, 0, "as neither a success nor a failure");
	h.is_ours = false;
	ask(&h, &a, "c.example", STS_FOUND, "1", 500, &x);
	is_counted(&h, 4, 2, 1, "when it has failed");
	h.policy = ENFORCE;
	ask(&h, &a, "b.example", STS_FOUND, "1", 500, &x);
	ok(x.sts.policy != NULL, "and no reason to wait five minutes");
	ask(&h, &a, "broken.example", STS_FOUND, "1", -1, &x);
	ok(x.trouble.n, "the deadline passes before the host is found");
	host_close(&h);
	arena_fini(&a);
}

/* A host that takes its time keeps nobody for long who is not patient. */
static void
test_patience(void)
{
	struct sts_answer x;
	struct host h;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (!host_open(&h, NULL, false, 100))
		return;
	h.holds = true;
	h.policy = ENFORCE;
	/* no test may take as long as that */
	ask(&h, &a, "a.example", STS_FOUND, "1", 100000000, &x);
	ok(x.trouble.n, "a deadline far away is not waited for");
	host_close(&h);
	arena_fini(&a);
}

/* ---- the bound ---------------------------------------------------------- */

static void
test_bound(void)
{
	struct sts_cache_stats st;
	struct host h;
	struct sts_answer x;
	struct arena a;
	char domain[64];

	arena_init(&a, 1 << 22);
	if (!host_open(&h, NULL, false, 50))
		return;
	h.policy = ENFORCE;
	ask(&h, &a, "a.example", STS_FOUND, "1", 500, &x);
	h.policy = NULL;
	for (int i = 0; i < 500; i++) {
		snprintf(domain, sizeof(domain), "d%d.many.example", i);
		ask(&h, &a, domain, STS_FOUND, "1", 500, &x);
		arena_reset(&a);
		atomic_fetch_add(&now_s, 1);
	}
	sts_cache_stats(h.cache, &st);
	ok(st.entries <= 50, "no more entries than allowed");
	ask(&h, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy != NULL,
	    "a flood of failures does not push a policy out");
	host_close(&h);
	arena_fini(&a);
}

/* ---- the store ---------------------------------------------------------- */

static struct store *
open_store(const char *dir)
{
	char path[600];
	struct store *s;

	snprintf(path, sizeof(path), "%s/aver.db", dir);
	s = try_file(path);
	ok(s != NULL, "the store");
	return s;
}

static void
restart(struct host *h, const char *dir, bool refresh)
{
	struct arena a;
	struct sts_answer x;

	arena_init(&a, 1 << 20);
	if (!host_open(h, open_store(dir), refresh, 100))
		return;
	ask(h, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy && x.sts.policy->mode == STS_ENFORCE &&
		str_eq(x.sts.id, STR("17")) && x.sts.fetched == START,
	    "a restart leaves the policy in force");
	ask(h, &a, "a.example", STS_FOUND, "17", 500, &x);
	ok(x.sts.policy && h->fetches == 0, "with its id");
	ask(h, &a, "b.example", STS_FOUND, "1", 500, &x);
	ok(x.sts.failure == TLSRPT_STS_WEBPKI_INVALID && h->fetches == 0,
	    "and a failure");
	arena_fini(&a);
}

static void
test_store(const char *dir)
{
	struct host h;
	struct sts_answer x;
	struct store *s;
	struct arena a;

	arena_init(&a, 1 << 20);
	atomic_store(&now_s, START);
	if (!host_open(&h, open_store(dir), true, 100))
		return;
	h.policy = ENFORCE;
	ask(&h, &a, "a.example", STS_FOUND, "17", 500, &x);
	h.policy = NULL;
	h.failure = TLSRPT_STS_WEBPKI_INVALID;
	ask(&h, &a, "b.example", STS_FOUND, "1", 500, &x);
	host_close(&h);
	atomic_store(&now_s, START + 10);
	restart(&h, dir, true);
	host_close(&h);
	restart(&h, dir, false);
	/* somebody else removes it */
	s = open_store(dir);
	is_int(store_remove_sts(s, STR("a.example"), NULL), 0, "removed");
	store_close(s);
	ask(&h, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy != NULL, "memory has it still");
	is_int(sts_cache_reload(h.cache, NULL), 0, "reload");
	ask(&h, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(!x.sts.policy, "a reload obeys");
	host_close(&h);
	arena_fini(&a);
}

static void
await_fetches(struct host *h, unsigned n)
{
	for (int i = 0; i < 6000 && h->fetches < n; i++)
		sleep_ms(10);
}

/* Those that have come to an end, this way or that. */
static void
await_refreshes(struct host *h, unsigned n)
{
	struct sts_cache_stats st;

	for (int i = 0; i < 6000; i++) {
		sts_cache_stats(h->cache, &st);
		if (st.counts.refreshed + st.counts.refresh_failures >= n)
			return;
		sleep_ms(10);
	}
}

static void
test_refresh(const char *dir)
{
	struct sts_cache_stats st;
	struct host h;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	atomic_store(&now_s, START);
	if (!host_open(&h, open_store(dir), true, 100))
		return;
	h.policy = ENFORCE;
	ask(&h, &a, "a.example", STS_FOUND, "1", 500, &x);
	atomic_store(&now_s, START + DAY / 2);
	sleep_ms(1300);
	is_int(h.fetches, 1, "no refresh after half a day");
	h.policy = TESTING;
	atomic_store(&now_s, START + 2 * DAY);
	await_fetches(&h, 2);
	await_refreshes(&h, 1);
	ask(&h, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy && x.sts.policy->mode == STS_TESTING &&
		x.sts.fetched == START + 2 * DAY && str_eq(x.sts.id, STR("1")),
	    "a refresh does not need a record");
	h.policy = NULL;
	atomic_store(&now_s, START + 4 * DAY);
	await_fetches(&h, 3);
	await_refreshes(&h, 2);
	ask(&h, &a, "a.example", STS_ABSENT, "", 500, &x);
	ok(x.sts.policy && x.is_stale, "one that fails changes nothing");
	sts_cache_stats(h.cache, &st);
	ok(st.counts.refreshed == 1 && st.counts.refresh_failures == 1 &&
		events.n == 1 && events.with_policy,
	    "and is told");
	atomic_store(&now_s, START + 40 * DAY);
	sleep_ms(1300);
	is_int(h.fetches, 3, "an expired policy is not refreshed");
	host_close(&h);
	arena_fini(&a);
}

/* A policy that was fetched while the clock was ahead. */
static void
test_clock(const char *dir)
{
	struct host h;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	atomic_store(&now_s, START + 300 * DAY);
	if (!host_open(&h, open_store(dir), true, 100))
		return;
	h.policy = ENFORCE;
	ask(&h, &a, "mixed.example", STS_FOUND, "1", 500, &x);
	h.policy = TESTING;
	atomic_store(&now_s, START);
	await_fetches(&h, 2);
	is_int(h.fetches, 2, "a policy from the future is refreshed");
	for (int i = 0; i < 400; i++) {
		ask(&h, &a, "mixed.example", STS_ABSENT, "", 500, &x);
		if (x.sts.policy && x.sts.policy->mode == STS_TESTING)
			break;
		sleep_ms(10);
	}
	ok(x.sts.policy && x.sts.policy->mode == STS_TESTING &&
		x.sts.fetched == START,
	    "and lives no longer than it should");
	host_close(&h);
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
	struct host h;

	atomic_store(&now_s, START);
	is_int(store_see_destinations(s, seen, 2, NULL), 0, "hosts are seen");
	if (!host_open(&h, open_store(dir), true, 100))
		return;
	atomic_store(&now_s, START + 3600);
	for (int i = 0; i < 1000 && seen_in(s, "old.example"); i++)
		sleep_ms(10);
	is_int(seen_in(s, "old.example"), 0, "one seen long ago is forgotten");
	is_int(seen_in(s, "new.example"), 1, "the other is not");
	host_close(&h);
	store_close(s);
}

/* ---- threads ------------------------------------------------------------ */

struct asker {
	struct host *h;
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
	ask(k->h, &a, "a.example", STS_FOUND, "1", 10000, &x);
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
		ask(k->h, &a, domain, STS_FOUND, id, 10000, &x);
		k->good += x.sts.policy != NULL;
		arena_reset(&a);
	}
	arena_fini(&a);
	return NULL;
}

static unsigned
run_threads(struct host *h, void *(*fn)(void *), bool hold)
{
	struct asker v[THREADS];
	unsigned good = 0;

	h->holds = hold;
	h->policy = ENFORCE;
	for (unsigned i = 0; i < THREADS; i++) {
		v[i] = (struct asker){.h = h, .number = i};
		pthread_create(&v[i].thread, NULL, fn, &v[i]);
	}
	if (hold) {
		struct sts_cache_stats st = {.entries = 0};

		while (st.counts.joined < THREADS - 1) {
			sleep_ms(5);
			sts_cache_stats(h->cache, &st);
		}
		let_go(h);
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
	struct host h;

	atomic_store(&now_s, START);
	if (!host_open(&h, NULL, false, 100))
		return;
	is_int(run_threads(&h, ask_one, true), THREADS, "all get the policy");
	is_int(h.fetches, 1, "of one fetch");
	host_close(&h);
	if (!host_open(&h, NULL, true, 60))
		return;
	is_int(run_threads(&h, ask_many, false), THREADS * 200,
	    "many domains at once, more than there is room for");
	host_close(&h);
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
