/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A host with a cache of policies, for the tests of that cache: its clock goes
 * as the test says, its DNS is a zone, its fetches answer at once or when they
 * are let go.
 */
#ifndef UNIT_STS_HOST_H
#define UNIT_STS_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/dns/dns_zone.h"
#include "lib/store/store.h"
#include "t/tap.h"
#include "tlspolicy/sts_cache.h"

#define START 1700000000
#define DAY 86400

#define POLICY(mode, age)                                      \
	"version: STSv1\nmode: " mode "\nmx: mx.example.com\n" \
	"max_age: " age "\n"
#define ENFORCE POLICY("enforce", "604800")
#define TESTING POLICY("testing", "604800")

#define HELD 64 /* jobs that wait */

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

/* SQLite's file, made if there is none; NULL, and why, if that fails. */
static struct store *
try_file(const char *path)
{
	struct store *s = NULL;
	struct diag d = {{0}, 0};
	char spec[800];

	snprintf(spec, sizeof(spec), "sqlite:%s", path);
	if (store_open(spec, STORE_WRITE, &s, &d))
		printf("# %s\n", d.text);
	return s;
}

/* The same, or the test ends. */
__attribute__((unused)) static struct store *
open_file(const char *path)
{
	struct store *s = try_file(path);

	if (!s) {
		ok(false, "%s", path);
		exit(1);
	}
	return s;
}

/* ---- a host and its fetches --------------------------------------------- */

struct host {
	struct sts_fetcher fetcher;
	pthread_mutex_t lock;
	_Atomic(const char *) policy; /* what is served; NULL: a failure */
	_Atomic enum tlsrpt_result failure;
	_Atomic bool is_ours; /* the failure */
	bool holds; /* jobs wait until let_go() */
	struct sts_fetch_job *waiting[HELD];
	unsigned n_waiting;
	_Atomic unsigned fetches;
	struct ip last; /* where the last one went */
	struct dns_source *dns;
	struct ip_net nets[2]; /* that policy hosts may be in */
	struct sts_cache *cache;
	_Atomic unsigned changes, notes; /* for who counts them */
};

static void
serve(struct host *h, struct sts_fetch_job *job)
{
	const char *policy = atomic_load(&h->policy);
	struct sts_fetch_result r = {.result = TLSRPT_SUCCESS,
	    .is_ours = h->is_ours,
	    .body = str_from_z(policy),
	    .reason = ""};

	if (!policy) {
		r.result = h->failure;
		snprintf(r.reason, sizeof(r.reason), "told so");
	}
	job->done(job, &r);
}

static void
start_fetch(struct sts_fetcher *f, struct sts_fetch_job *job)
{
	struct host *h = (struct host *)f;
	bool holds;

	pthread_mutex_lock(&h->lock);
	h->last = job->addrs[0];
	holds = h->holds && h->n_waiting < HELD;
	if (holds)
		h->waiting[h->n_waiting++] = job;
	atomic_fetch_add(&h->fetches, 1);
	pthread_mutex_unlock(&h->lock);
	if (!holds)
		serve(h, job);
}

static void
let_go(struct host *h)
{
	unsigned n;

	pthread_mutex_lock(&h->lock);
	h->holds = false;
	n = h->n_waiting;
	h->n_waiting = 0;
	pthread_mutex_unlock(&h->lock);
	for (unsigned i = 0; i < n; i++)
		serve(h, h->waiting[i]);
}

static void
end_fetches(struct sts_fetcher *f)
{
	let_go((struct host *)f);
}

static const struct sts_fetcher_ops fetch_ops = {start_fetch, end_fetches};

/*
 * Opens the cache of cfg, whose fetcher, DNS, networks, clock and times are
 * the host's; policy is what is served at first. False: a check has failed.
 */
static bool
host_start(struct host *h, const char *zone, const char *policy,
    struct sts_cache_config *cfg)
{
	struct diag d = {{0}, 0};

	*h = (struct host){.fetcher = {&fetch_ops},
	    .policy = policy,
	    .failure = TLSRPT_STS_POLICY_FETCH_ERROR};
	pthread_mutex_init(&h->lock, NULL);
	ip_net_parse(STR("192.0.2.0/24"), &h->nets[0]);
	ip_net_parse(STR("2001:db8::/32"), &h->nets[1]);
	if (dns_zone_parse(str_from_z(zone), &h->dns, &d))
		return ok(false, "%s", d.text);
	cfg->fetcher = &h->fetcher;
	cfg->dns = h->dns;
	cfg->allow.v = h->nets;
	cfg->allow.n = 2;
	cfg->octets = 1 << 20;
	cfg->refresh_time = DAY;
	cfg->unused_time = 30 * DAY;
	cfg->now = test_now;
	return ok(sts_cache_open(cfg, &h->cache, &d) == 0, "open %s", d.text);
}

static void
host_close(struct host *h)
{
	sts_cache_close(h->cache);
	dns_source_close(h->dns);
	pthread_mutex_destroy(&h->lock);
}

/* ---- questions ---------------------------------------------------------- */

static void
ask(struct host *h, struct arena *a, const char *domain, enum sts_found found,
    const char *id, int wait_ms, struct sts_answer *out)
{
	int64_t deadline = clock_mono_ms() + wait_ms;
	struct dns d;
	struct sts_question q = {.domain = str_from_z(domain),
	    .found = found,
	    .id = str_from_z(id),
	    .dns = &d,
	    .deadline = deadline};

	dns_init(&d, h->dns, a, deadline, 10);
	sts_cache_ask(h->cache, &q, a, out);
}

/* The mode in force, "trouble", why there is none, or "-". */
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

/* That of a domain, for who is patient; id empty: no record. */
__attribute__((unused)) static const char *
mode(struct host *h, const char *domain, const char *id)
{
	const char *name;
	struct sts_answer x;
	struct arena a;

	arena_init(&a, 1 << 20);
	ask(h, &a, domain, *id ? STS_FOUND : STS_ABSENT, id, 100000, &x);
	name = result_of(&x);
	arena_fini(&a);
	return name;
}

#endif
