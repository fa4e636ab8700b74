/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Decisions from DNS, policies and the table together: what goes before what,
 * and that no trouble makes an answer weaker.
 */
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/dns/dns_zone.h"
#include "tlspolicy/engine.h"
#include "tlspolicy/requiretls.h"
#include "tlspolicy/tls_table_file.h"

#define THREADS 50
#define DIGEST \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TLSA " TLSA 3 1 1 " DIGEST "\n"

#define SIGNED                      \
	"test SECURE\n"             \
	"d.test MX 10 mx.d.test.\n" \
	"mx.d.test A 192.0.2.1\n"
#define STS                                       \
	"_mta-sts.d.test TXT \"v=STSv1; id=1\"\n" \
	"mta-sts.d.test A 192.0.2.9\n"
#define DANE "_25._tcp.mx.d.test" TLSA

#define POLICY(mode)                                               \
	"version: STSv1\nmode: " mode "\nmx: mx.d.test\nmax_age: " \
	"604800\n"
#define ENFORCE POLICY("enforce")
#define TESTING POLICY("testing")

/* ---- what the engine is given ------------------------------------------- */

struct fake {
	struct sts_fetcher base;
	_Atomic(const char *) policy; /* NULL: the host is down */
	atomic_uint fetches;
};

static void
fake_start(struct sts_fetcher *base, struct sts_fetch_job *job)
{
	struct fake *f = (struct fake *)base;
	const char *policy = atomic_load(&f->policy);
	struct sts_fetch_result r = {
	    .result = policy ? TLSRPT_SUCCESS : TLSRPT_STS_POLICY_FETCH_ERROR,
	    .body = str_from_z(policy),
	    .reason = "down"};

	atomic_fetch_add(&f->fetches, 1);
	job->done(job, &r);
}

static void
fake_close(struct sts_fetcher *base)
{
	(void)base;
}

static const struct sts_fetcher_ops fake_ops = {fake_start, fake_close};

/* A DNS that fails for names of a kind when it is told to. */
struct shaky {
	struct dns_source base;
	struct dns_source *real;
	_Atomic(const char *) lost; /* "all", or the first label; NULL: none */
};

static bool
is_lost(const char *lost, const struct dname *name, uint16_t type)
{
	struct str label = {(const char *)name->wire + 1, name->wire[0]};

	if (!lost)
		return false;
	return strcmp(lost, "all") == 0 || str_eq(label, str_from_z(lost)) ||
	       strcmp(lost, dns_type_name(type)) == 0;
}

static struct dns_rrset *
shaky_resolve(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	struct shaky *s = (struct shaky *)src;

	if (is_lost(atomic_load(&s->lost), name, type))
		return dns_rrset_new(DNS_TEMP, false, 1, 0, NULL, "lost");
	return s->real->ops->resolve(s->real, name, type, deadline);
}

static const struct dns_source_ops shaky_ops = {shaky_resolve, NULL, NULL};

struct told {
	unsigned n;
	struct engine_event last;
	char mx[64], domain[64];
};

static void
on_event(void *arg, const struct engine_event *ev)
{
	struct told *t = arg;

	t->n++;
	t->last = *ev;
	snprintf(t->mx, sizeof(t->mx), "%.*s", STRF(ev->mx));
	snprintf(t->domain, sizeof(t->domain), "%.*s", STRF(ev->policy_domain));
}

struct bench {
	struct fake fake;
	struct shaky dns;
	struct engine *engine;
	struct engine_config cfg;
	struct tls_file *table;
	struct told told;
	struct ip_net net;
};

static void
bench_prepare(struct bench *b, const char *zone, const char *policy)
{
	*b = (struct bench){
	    .fake = {.base = {&fake_ops}}, .dns = {.base = {&shaky_ops}}};
	atomic_init(&b->fake.policy, policy);
	if (dns_zone_parse(str_from_z(zone), &b->dns.real, NULL))
		ok(false, "the zone");
	ip_net_parse(STR("192.0.2.0/24"), &b->net);
	b->cfg = (struct engine_config){.dns = &b->dns.base,
	    .cache_entries = 1000,
	    .cache_octets = 1 << 20,
	    .refresh_time = 86400,
	    .unused_time = 86400,
	    .allow = {&b->net, 1},
	    .fetcher = &b->fake.base,
	    .hook = {on_event, NULL, &b->told},
	    .sts = true,
	    .dane = true,
	    .insecure_mx = true,
	    .defer_unknown = true,
	    .min_valid = 2,
	    .max_valid = 1000,
	    .max_hosts = 10,
	    .max_questions = 100};
}

static bool
bench_open(struct bench *b)
{
	struct diag d = {{0}, 0};

	return ok(engine_open(&b->cfg, b->table, &b->engine, &d) == 0,
	    "open %s", d.text);
}

static void
bench_close(struct bench *b)
{
	engine_close(b->engine);
	dns_source_close(b->dns.real);
	tls_file_unref(b->table);
}

/* Decides; returns how long the answer may be kept, in milliseconds. */
static int64_t
decide(
    struct bench *b, struct arena *a, const char *key, struct tls_decision *out)
{
	struct nexthop *hop = ARENA_NEW(a, struct nexthop);
	int64_t now = clock_mono_ms();

	nexthop_parse(a, str_from_z(key), hop, NULL);
	return engine_decide(b->engine, hop, now + 3000, a, out) - now;
}

static bool
decides(struct bench *b, const char *key, const char *want, const char *name)
{
	struct tls_decision d;
	struct arena a;
	bool good;

	arena_init(&a, 1 << 20);
	decide(b, &a, key, &d);
	good =
	    ok(strcmp(tls_kind_name(d.kind), want) == 0, "%s: %s", name, want);
	if (!good)
		printf("# %s: %s: %.*s\n", tls_kind_name(d.kind),
		    tls_why_text(d.why), STRF(d.detail));
	arena_fini(&a);
	return good;
}

/* ---- precedence --------------------------------------------------------- */

static const struct {
	const char *name, *zone, *policy, *want;
	const char *lenient; /* where unknown counts as none; NULL: the same */
	const char *key; /* NULL: d.test */
	unsigned fetches;
} cases[] = {
    {"nothing", SIGNED, ENFORCE, "none", NULL, NULL, 0},
    {"a policy", SIGNED STS, ENFORCE, "sts-enforce", NULL, NULL, 1},
    {"a policy without DNSSEC",
	"d.test MX 10 mx.d.test.\nmx.d.test A 192.0.2.1\n" STS, ENFORCE,
	"sts-enforce", NULL, NULL, 1},
    {"testing", SIGNED STS, TESTING, "sts-testing", NULL, NULL, 1},
    {"mode none", SIGNED STS, "version: STSv1\nmode: none\nmax_age: 60\n",
	"none", NULL, NULL, 1},
    {"a policy host that is down", SIGNED STS, NULL, "none", NULL, NULL, 1},
    {"no policy at the host", SIGNED STS, "hello", "none", NULL, NULL, 1},
    {"DANE", SIGNED DANE, ENFORCE, "dane-only", NULL, NULL, 0},
    {"DANE goes before MTA-STS", SIGNED DANE STS, ENFORCE, "dane-only", NULL,
	NULL, 0},
    {"so it does for some hosts of several, and the others are not used",
	SIGNED DANE STS "d.test MX 20 b.d.test.\nb.d.test A 192.0.2.2\n",
	ENFORCE, "dane-only", NULL, NULL, 1},
    {"which no policy forbids when it is only tested",
	SIGNED DANE STS "d.test MX 20 b.d.test.\nb.d.test A 192.0.2.2\n",
	TESTING, "dane", NULL, NULL, 1},
    {"records that are unusable authenticate nobody: the policy does",
	SIGNED STS "_25._tcp.mx.d.test TLSA 1 1 1 " DIGEST "\n", ENFORCE,
	"sts-enforce", NULL, NULL, 1},
    {"without a policy they ask for TLS",
	SIGNED "_25._tcp.mx.d.test TLSA 1 1 1 " DIGEST "\n", NULL, "dane", NULL,
	NULL, 0},
    {"behind an insecure MX the policy goes before",
	SIGNED DANE STS "d.test INSECURE MX\n", ENFORCE, "sts-enforce", NULL,
	NULL, 1},
    {"without one the host is authenticated",
	SIGNED DANE "d.test INSECURE MX\n", ENFORCE, "dane", NULL, NULL, 0},
    /* trouble */
    {"a TLSA lookup that fails is no absence",
	SIGNED STS "_25._tcp.mx.d.test SERVFAIL\n", ENFORCE, "temp", NULL, NULL,
	1},
    {"nor is one that is bogus", SIGNED STS DANE "_25._tcp.mx.d.test BOGUS\n",
	ENFORCE, "temp", NULL, NULL, 1},
    {"without policy neither", SIGNED "_25._tcp.mx.d.test SERVFAIL\n", ENFORCE,
	"temp", NULL, NULL, 0},
    {"a bogus MX", SIGNED STS "d.test BOGUS MX\n", ENFORCE, "temp", "temp",
	NULL, 1},
    {"the MX lookup fails", SIGNED "d.test SERVFAIL MX\n", ENFORCE, "temp",
	"none", NULL, 0},
    {"the same with a policy", SIGNED STS "d.test SERVFAIL MX\n", ENFORCE,
	"temp", "temp", NULL, 1},
    {"the record is not known", SIGNED "_mta-sts.d.test SERVFAIL\n", ENFORCE,
	"temp", "none", NULL, 0},
    {"the record is bogus", SIGNED STS "_mta-sts.d.test BOGUS\n", ENFORCE,
	"temp", "none", NULL, 0},
    {"DANE does not need the record", SIGNED DANE "_mta-sts.d.test SERVFAIL\n",
	ENFORCE, "dane-only", NULL, NULL, 0},
    /* domains */
    {"a subdomain has no part in the policy",
	SIGNED STS "s.d.test MX 10 mx.d.test.\n", ENFORCE, "none", NULL,
	"s.d.test", 0},
    {"nor has an alias in the policy of its target",
	SIGNED STS "a.test CNAME d.test.\n", ENFORCE, "none", NULL, "a.test",
	0},
    {"an alias has the DANE of its target",
	SIGNED DANE "a.test CNAME d.test.\n", ENFORCE, "dane-only", NULL,
	"a.test", 0},
    {"upper case", SIGNED STS, ENFORCE, "sts-enforce", NULL, "D.Test", 1},
    {"another port has other records", SIGNED DANE, ENFORCE, "none", NULL,
	"d.test:26", 0},
    {"a host in brackets", SIGNED DANE, ENFORCE, "dane-only", NULL,
	"[mx.d.test]", 0},
    {"a smart host with a policy", SIGNED STS, ENFORCE, "sts-enforce", NULL,
	"[d.test]:587", 1},
    {"a literal", SIGNED STS, ENFORCE, "none", NULL, "[192.0.2.1]", 0},
    {"a parent", SIGNED STS, ENFORCE, "none", NULL, ".d.test", 0},
    {"no key", SIGNED STS, ENFORCE, "none", NULL, "d..test", 0},
    {"no domain", SIGNED, ENFORCE, "none", NULL, "n.test", 0},
    {"null MX", "test SECURE\nd.test MX 0 .\n", ENFORCE, "none", NULL, NULL, 0},
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *key = cases[i].key ? cases[i].key : "d.test";
		struct bench b;

		bench_prepare(&b, cases[i].zone, cases[i].policy);
		if (!bench_open(&b))
			return;
		decides(&b, key, cases[i].want, cases[i].name);
		is_int(
		    atomic_load(&b.fake.fetches), cases[i].fetches, "fetches");
		b.cfg.defer_unknown = false;
		is_int(engine_reload(b.engine, &b.cfg, NULL), 0, "reload");
		decides(&b, key,
		    cases[i].lenient ? cases[i].lenient : cases[i].want,
		    "where unknown is none");
		bench_close(&b);
	}
}

/* That the record cannot be had now is no reason to refuse for good. */
static void
test_lost_record(void)
{
	struct tls_decision d;
	struct arena a;
	struct bench b;

	bench_prepare(&b, SIGNED STS, ENFORCE);
	b.cfg.defer_unknown = false;
	if (!bench_open(&b))
		return;
	atomic_store(&b.dns.lost, "_mta-sts");
	arena_init(&a, 1 << 20);
	decide(&b, &a, "d.test", &d);
	is_int(d.kind, TLS_NONE, "the record is lost, where that is none");
	is_int(requiretls_decide(&d, false), REQUIRETLS_LATER,
	    "for mail that must be verified it is trouble");
	arena_reset(&a);
	atomic_store(&b.dns.lost, NULL);
	decide(&b, &a, "d.test", &d);
	is_int(requiretls_decide(&d, false), REQUIRETLS_GO, "and then it goes");
	arena_fini(&a);
	bench_close(&b);
}

/* For Sendmail, which may not do DANE. */
static void
test_anyway(void)
{
	struct tls_decision d;
	struct nexthop hop;
	struct bench b;
	struct arena a;

	bench_prepare(&b, SIGNED DANE STS, ENFORCE);
	if (!bench_open(&b))
		return;
	arena_init(&a, 1 << 20);
	nexthop_parse(&a, STR("d.test"), &hop, NULL);
	engine_decide(b.engine, &hop, clock_mono_ms() + 3000, &a, &d);
	ok(d.kind == TLS_DANE_ONLY && !d.facts.sts.policy,
	    "DANE settles it: no policy is looked for");
	hop.sts_anyway = true;
	engine_decide(b.engine, &hop, clock_mono_ms() + 3000, &a, &d);
	ok(d.kind == TLS_DANE_ONLY && d.facts.sts.policy &&
		d.facts.sts.policy->mode == STS_ENFORCE,
	    "unless it is asked for");
	arena_fini(&a);
	bench_close(&b);
}

static void
test_switches(void)
{
	struct bench b;

	bench_prepare(&b, SIGNED DANE STS, ENFORCE);
	b.cfg.dane = false;
	if (!bench_open(&b))
		return;
	decides(&b, "d.test", "sts-enforce", "DANE is off");
	b.cfg.dane = true;
	b.cfg.sts = false;
	engine_reload(b.engine, &b.cfg, NULL);
	decides(&b, "d.test", "dane-only", "MTA-STS is off");
	b.cfg.dane = false;
	engine_reload(b.engine, &b.cfg, NULL);
	decides(&b, "d.test", "none", "both are off");
	bench_close(&b);

	/* without validation no TLSA record can count */
	bench_prepare(&b,
	    "d.test MX 10 mx.d.test.\nmx.d.test A 192.0.2.1\n" STS, ENFORCE);
	if (!bench_open(&b))
		return;
	atomic_store(&b.dns.lost, "mx");
	decides(&b, "d.test", "temp", "DNSSEC: hosts are looked up");
	b.cfg.no_dnssec = true;
	engine_reload(b.engine, &b.cfg, NULL);
	decides(&b, "d.test", "sts-enforce", "without, they are not");
	atomic_store(&b.dns.lost, "MX");
	decides(&b, "d.test", "temp", "and the MX question is asked");
	bench_close(&b);
}

/* ---- the table ---------------------------------------------------------- */

static const struct {
	const char *rule, *lost, *want;
} rules[] = {
    {"d.test no-dane\n", NULL, "sts-enforce"},
    {"d.test no-sts\n", NULL, "dane-only"},
    {"d.test no-sts, no-dane\n", NULL, "may"},
    {"d.test encrypt\n", "all", "fixed"},
    {"d.test fail-open, no-sts\n", "MX", "may"},
    {"d.test fail-open\n", "MX", "sts-enforce"},
    {"d.test fail-open\n", NULL, "dane-only"},
    {"d.test require-verified\n", NULL, "dane-only"},
    {"d.test require-verified\n", "all", "temp"},
    {"d.test no-dane\n", "_mta-sts", "temp"},
};

static void
test_table(const char *dir)
{
	struct tmppath path = tmp_in(dir, "table");

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct bench b;
		struct diag d = {{0}, 0};

		bench_prepare(&b, SIGNED DANE STS, ENFORCE);
		tmp_write(path.z, rules[i].rule, strlen(rules[i].rule));
		if (!ok(tls_file_load(TLS_FILE_POLICY, path.z, &b.table, &d) ==
			    0,
			"table %s", d.text))
			continue;
		if (!bench_open(&b))
			return;
		atomic_store(&b.dns.lost, rules[i].lost);
		decides(&b, "d.test", rules[i].want, rules[i].rule);
		bench_close(&b);
	}
}

/* ---- faults in turn, with a restart between ----------------------------- */

static void
test_faults(const char *dir)
{
	static const char *const lost[] = {
	    NULL, "_mta-sts", "mta-sts", "TXT", "AAAA", "all", "MX", "A"};
	char spec[600];
	struct bench b;

	snprintf(spec, sizeof(spec), "sqlite:%s/aver.db", dir);
	bench_prepare(&b, SIGNED STS, ENFORCE);
	b.cfg.store = spec;
	b.cfg.refresh = true;
	if (!bench_open(&b))
		return;
	decides(&b, "d.test", "sts-enforce", "at first");
	bench_close(&b);
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		bool is_deaf = i >= 5;

		/* the policy host is down from now on */
		bench_prepare(&b, SIGNED STS, NULL);
		b.cfg.store = spec;
		b.cfg.refresh = i % 2;
		if (!bench_open(&b))
			return;
		atomic_store(&b.dns.lost, lost[i]);
		/* what cannot be delivered anyway is deferred */
		decides(&b, "d.test", is_deaf ? "temp" : "sts-enforce",
		    lost[i] ? lost[i] : "after a restart");
		b.cfg.defer_unknown = false;
		engine_reload(b.engine, &b.cfg, NULL);
		decides(&b, "d.test", is_deaf ? "temp" : "sts-enforce",
		    "where unknown would be none");
		atomic_store(&b.dns.lost, NULL);
		decides(&b, "d.test", "sts-enforce", "and after it");
		bench_close(&b);
	}
}

/* ---- how long ----------------------------------------------------------- */

/* However little memory there is: the answer, or none. */
static void
test_memory(const char *zone, const char *want)
{
	unsigned good = 0, deferred = 0, other = 0;
	struct tls_decision d;
	struct nexthop hop;
	struct arena keep, a;
	struct bench b;

	arena_init(&keep, 1 << 20);
	nexthop_parse(&keep, STR("d.test"), &hop, NULL);
	bench_prepare(&b, zone, ENFORCE);
	if (!bench_open(&b))
		return;
	for (size_t cap = 0; cap < 40000; cap += 100) {
		arena_init(&a, cap);
		engine_decide(b.engine, &hop, clock_mono_ms() + 3000, &a, &d);
		if (strcmp(tls_kind_name(d.kind), want) == 0)
			good++;
		else if (d.kind == TLS_TEMP)
			deferred++;
		else
			other++;
		arena_fini(&a);
	}
	ok(good && deferred && !other, "memory: %u good, %u deferred, %u other",
	    good, deferred, other);
	bench_close(&b);
	arena_fini(&keep);
}

static void
test_validity(void)
{
	struct bench b;
	struct tls_decision d;
	struct arena a;
	int64_t ms;

	arena_init(&a, 1 << 20);
	bench_prepare(&b,
	    "test SECURE\n$TTL 60\nd.test MX 10 mx.d.test.\n$TTL 90\n"
	    "mx.d.test A 192.0.2.1\n_25._tcp.mx.d.test" TLSA,
	    ENFORCE);
	if (!bench_open(&b))
		return;
	ms = decide(&b, &a, "d.test", &d);
	ok(ms > 55000 && ms <= 60500, "the least TTL: %lld", (long long)ms);
	b.cfg.max_valid = 20;
	engine_reload(b.engine, &b.cfg, NULL);
	ms = decide(&b, &a, "d.test", &d);
	ok(ms > 15000 && ms <= 20500, "the cap: %lld", (long long)ms);
	b.cfg.max_valid = 1000;
	b.cfg.min_valid = 100;
	engine_reload(b.engine, &b.cfg, NULL);
	ms = decide(&b, &a, "d.test", &d);
	ok(ms > 95000 && ms <= 100500, "the floor: %lld", (long long)ms);
	atomic_store(&b.dns.lost, "all");
	ms = decide(&b, &a, "d.test", &d);
	ok(d.kind == TLS_TEMP && ms <= 5500, "trouble: %lld", (long long)ms);
	bench_close(&b);
	arena_fini(&a);

	test_memory(SIGNED STS, "sts-enforce");
	test_memory(SIGNED DANE, "dane-only");
}

/* ---- events ------------------------------------------------------------- */

static const struct {
	const char *name, *zone, *policy;
	enum tlsrpt_result result;
	const char *mx, *domain;
} events[] = {
    {"a fetch", SIGNED STS, NULL, TLSRPT_STS_POLICY_FETCH_ERROR, "", "d.test"},
    {"a policy", SIGNED STS, "x", TLSRPT_STS_POLICY_INVALID, "", "d.test"},
    {"unusable records", SIGNED "_25._tcp.mx.d.test TLSA 1 1 1 " DIGEST "\n",
	ENFORCE, TLSRPT_TLSA_INVALID, "mx.d.test", "mx.d.test"},
    {"a bogus answer", SIGNED DANE "mx.d.test BOGUS\n", ENFORCE,
	TLSRPT_DNSSEC_INVALID, "mx.d.test", "d.test"},
    {"a host that the policy does not name",
	SIGNED STS "d.test MX 20 b.d.test.\nb.d.test A 192.0.2.2\n", ENFORCE,
	TLSRPT_VALIDATION_FAILURE, "b.d.test", "d.test"},
};

static void
test_events(void)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct tls_decision d;
		struct bench b;
		struct arena a;

		arena_init(&a, 1 << 20);
		bench_prepare(&b, events[i].zone, events[i].policy);
		if (!bench_open(&b))
			return;
		decide(&b, &a, "d.test", &d);
		ok(b.told.n == 1 && b.told.last.result == events[i].result &&
			strcmp(b.told.mx, events[i].mx) == 0 &&
			strcmp(b.told.domain, events[i].domain) == 0 &&
			b.told.last.time > 0,
		    "event: %s", events[i].name);
		bench_close(&b);
		arena_fini(&a);
	}
}

static void
test_dane_required(const char *dir)
{
	struct tmppath path = tmp_in(dir, "table");
	static const struct str rule =
	    STR_INIT("d.test require-verified, no-sts\n");
	static const char *const zones[] = {SIGNED STS, SIGNED DANE STS};

	for (size_t i = 0; i < 2; i++) {
		struct tls_decision d;
		struct bench b;
		struct arena a;

		arena_init(&a, 1 << 20);
		bench_prepare(&b, zones[i], ENFORCE);
		tmp_write(path.z, rule.p, rule.n);
		ok(tls_file_load(TLS_FILE_POLICY, path.z, &b.table, NULL) == 0,
		    "a table");
		if (!bench_open(&b))
			return;
		decide(&b, &a, "d.test", &d);
		ok(b.told.n == (i == 0) &&
			(i == 1 || b.told.last.result == TLSRPT_DANE_REQUIRED),
		    "event: DANE is required%s", i ? ", and there" : "");
		bench_close(&b);
		arena_fini(&a);
	}
}

/* ---- refresh and explain ------------------------------------------------ */

static void
test_refresh(void)
{
	struct engine_detail detail;
	struct engine_stats st;
	struct tls_decision d;
	struct nexthop hop;
	struct tls_sts sts;
	struct bench b;
	struct arena a;
	unsigned n = 0;

	arena_init(&a, 1 << 20);
	bench_prepare(&b, SIGNED STS, ENFORCE);
	if (!bench_open(&b))
		return;
	nexthop_parse(&a, STR("d.test"), &hop, NULL);
	engine_explain(b.engine, &hop, clock_mono_ms() + 3000, &a, &d, &detail);
	for (const struct dns_question *q = detail.dns->log; q; q = q->next)
		n++;
	ok(d.kind == TLS_STS_ENFORCE && detail.has_fetched &&
		detail.record == STS_FOUND &&
		str_eq(detail.record_id, STR("1")) && n >= 6,
	    "explain");
	atomic_store(&b.fake.policy, TESTING);
	is_int(engine_refresh(b.engine, &hop, clock_mono_ms() + 3000, &a, &sts),
	    0, "refresh");
	ok(sts.policy && sts.policy->mode == STS_TESTING, "a new policy");
	atomic_store(&b.fake.policy, NULL);
	engine_refresh(b.engine, &hop, clock_mono_ms() + 3000, &a, &sts);
	ok(sts.policy && sts.failure == TLSRPT_STS_POLICY_FETCH_ERROR,
	    "a failure");
	nexthop_parse(&a, STR("[192.0.2.1]"), &hop, NULL);
	is_int(engine_refresh(b.engine, &hop, clock_mono_ms() + 3000, &a, &sts),
	    AVER_NOTFOUND, "no domain");
	engine_stats(b.engine, &st);
	ok(st.decisions == 1 && st.sts_enforce == 1 && st.fetches == 3 &&
		st.fetched == 2 && st.fetch_errors == 1 && st.policies == 1,
	    "counts");
	bench_close(&b);
	arena_fini(&a);
}

/* ---- threads ------------------------------------------------------------ */

struct asker {
	struct bench *b;
	unsigned number, good;
	pthread_t thread;
};

static void *
ask_many(void *arg)
{
	struct asker *k = arg;
	struct tls_decision d;
	struct arena a;
	char key[64];

	arena_init(&a, 1 << 20);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(
		    key, sizeof(key), "d%u.sts.test", (i * 7 + k->number) % 50);
		decide(k->b, &a, key, &d);
		k->good += d.kind == TLS_STS_ENFORCE;
		if (k->number == 0 && i % 10 == 0)
			engine_reload(k->b->engine, &k->b->cfg, k->b->table);
		arena_reset(&a);
	}
	arena_fini(&a);
	return NULL;
}

static void
test_threads(const char *dir)
{
	static const char rule[] = ".other.test no-sts\n";
	struct tmppath path = tmp_in(dir, "table");
	struct asker v[THREADS];
	struct engine_stats st;
	unsigned good = 0;
	struct bench b;
	struct buf zone;

	buf_init(&zone, NULL, 1 << 20);
	for (int i = 0; i < 50; i++)
		buf_addf(&zone,
		    "d%d.sts.test MX 10 mx.d.test.\n"
		    "_mta-sts.d%d.sts.test TXT \"v=STSv1; id=1\"\n"
		    "mta-sts.d%d.sts.test A 192.0.2.1\n",
		    i, i, i);
	bench_prepare(&b, buf_z(&zone), ENFORCE);
	b.cfg.hook.event = NULL;
	tmp_write(path.z, rule, sizeof(rule) - 1);
	tls_file_load(TLS_FILE_POLICY, path.z, &b.table, NULL);
	if (!bench_open(&b))
		return;
	for (unsigned i = 0; i < THREADS; i++) {
		v[i] = (struct asker){.b = &b, .number = i};
		pthread_create(&v[i].thread, NULL, ask_many, &v[i]);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(v[i].thread, NULL);
		good += v[i].good;
	}
	engine_stats(b.engine, &st);
	is_int(good, THREADS * 100, "all are told");
	is_int(st.fetches, 50, "one fetch for each domain");
	bench_close(&b);
	buf_fini(&zone);
}

int
main(void)
{
	struct tmpdir dir = tmpdir_fast();

	test_cases();
	test_lost_record();
	test_anyway();
	test_switches();
	test_table(dir.path);
	test_faults(dir.path);
	test_validity();
	test_events();
	test_dane_required(dir.path);
	test_refresh();
	test_threads(dir.path);
	tmpdir_remove(dir.path);
	return tap_done();
}
