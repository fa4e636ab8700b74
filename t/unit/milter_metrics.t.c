/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include <inttypes.h>

#include "lib/arc/arc.h"
#include "lib/base/clock.h"
#include "lib/dns/dns_unbound.h"
#include "lib/iprev/iprev.h"
#include "lib/metrics/metrics_daemon.h"
#include "milter/milter_metrics.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The part of milter/service.c that is needed, for one snapshot. */
struct snapshot *
service_snapshot(struct service *s)
{
	atomic_fetch_add(&s->current->refs, 1);
	return s->current;
}

void
snapshot_unref(struct snapshot *snap)
{
	if (snap)
		atomic_fetch_sub(&snap->refs, 1);
}

static struct metrics_daemon *
make(struct service *service)
{
	struct metrics_daemon *m = NULL;
	struct diag d = {{0}, 0};

	if (milter_metrics_open(service, "", &m, &d)) {
		printf("Bail out! %s\n", d.text);
		exit(1);
	}
	return m;
}

static char *
print(struct metrics_daemon *m)
{
	struct buf b;
	char *text;

	buf_init(&b, NULL, 65536);
	metrics_print(m->metrics, &b);
	if (!buf_ok(&b) || !(text = strdup(buf_z(&b)))) {
		printf("Bail out! no memory\n");
		exit(1);
	}
	buf_fini(&b);
	return text;
}

/* The value of a series, -1 when it is not there. */
static double
value(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = text; (at = strstr(at, key)); at++)
		if ((at == text || at[-1] == '\n') && at[n] == ' ')
			return strtod(at + n, NULL);
	return -1;
}

static void
is_value(struct metrics_daemon *m, const char *key, double want)
{
	char *text = print(m);

	ok(value(text, key) == want, "%s %g", key, want);
	if (value(text, key) != want)
		printf("# got %g\n", value(text, key));
	free(text);
}

/* ---- the label values are the words of the evaluators ------------------- */

static const char *
spf_word(int i)
{
	return spf_result_name((enum spf_result)i);
}

static const char *
dkim_word(int i)
{
	return dkim_result_name((enum dkim_result)i);
}

static const char *
dmarc_word(int i)
{
	return dmarc_result_name((enum dmarc_result)i);
}

static const char *
arc_word(int i)
{
	return arc_result_name((enum arc_result)i);
}

static const char *
iprev_word(int i)
{
	return iprev_result_name((enum iprev_result)i);
}

static const struct {
	const char *method;
	const char *(*word)(int);
	int n;
} methods[] = {
    {"spf", spf_word, SPF_RESULT_COUNT},
    {"spf_helo", spf_word, SPF_RESULT_COUNT},
    {"dkim", dkim_word, DKIM_RESULT_COUNT},
    {"dmarc", dmarc_word, DMARC_RESULT_COUNT},
    {"arc", arc_word, ARC_RESULT_COUNT},
    {"iprev", iprev_word, IPREV_RESULT_COUNT},
};

static void
test_words(void)
{
	struct metrics_daemon *m = make(NULL);
	char *text = print(m), key[160];
	int series = 0, want = 0;

	for (size_t i = 0; i < COUNT(methods); i++) {
		for (int r = 0; r < methods[i].n; r++) {
			snprintf(key, sizeof(key),
			    "aver_milter_results_total{method=\"%s\","
			    "result=\"%s\"}",
			    methods[i].method, methods[i].word(r));
			ok(value(text, key) == 0, "%s", key);
			want++;
		}
	}
	for (const char *at = text;
	     (at = strstr(at, "\naver_milter_results_total{")); at++)
		series++;
	is_int(series, want, "and no other");
	for (int a = 0; a < POLICY_ACTION_COUNT; a++) {
		snprintf(key, sizeof(key),
		    "aver_milter_messages_total{action=\"%s\"}",
		    policy_action_name((enum policy_action)a));
		ok(value(text, key) == 0, "%s", key);
	}
	is_value(m, "aver_build_info{version=\"" AVER_VERSION "\"}", 1);
	free(text);
	metrics_daemon_close(m);
	metrics_daemon_close(NULL);
}

/* ---- messages ----------------------------------------------------------- */

#define RESULT(method, result) \
	"aver_milter_results_total{method=\"" method "\",result=\"" result "\"}"
#define ACTION(action) "aver_milter_messages_total{action=\"" action "\"}"
#define INCIDENTS(outcome) \
	"aver_milter_incidents_total{outcome=\"" outcome "\"}"
#define BUDGET(budget) \
	"aver_milter_budget_exceeded_total{budget=\"" budget "\"}"

static const struct dkim_verdict signatures[] = {
    {.result = DKIM_PASS},
    {.result = DKIM_FAIL, .reason = DKIM_WHY_BODY_HASH},
    {.result = DKIM_FAIL, .reason = DKIM_WHY_SIGNATURE},
    {.result = DKIM_PERMERROR, .reason = DKIM_WHY_BUDGET},
    {.result = DKIM_PERMERROR, .reason = DKIM_WHY_BUDGET},
};

/* A message within all budgets, whose deadline is 20 seconds away. */
static void
fill(struct session *s, struct session_verdict *v)
{
	memset(s, 0, sizeof(*s));
	s->eom_start = 5000000;
	s->dns.deadline = 25000;
	s->inbound.spf.result = SPF_SOFTFAIL;
	s->inbound.dmarc.result = DMARC_FAIL;
	*v = (struct session_verdict){.action = POLICY_REJECT};
}

static void
test_message(void)
{
	struct metrics_daemon *m = make(NULL);
	struct session s;
	struct session_verdict v;

	fill(&s, &v);
	s.inbound.has_helo = true;
	s.inbound.helo.result = SPF_PASS;
	s.inbound.dkim = signatures;
	s.inbound.n_dkim = COUNT(signatures);
	milter_metrics_message(NULL, &s, &v, 1);
	milter_metrics_message(m, &s, &v, 201);
	is_value(m, ACTION("reject"), 1);
	is_value(m, ACTION("accept"), 0);
	is_value(m, RESULT("spf", "softfail"), 1);
	is_value(m, RESULT("spf_helo", "pass"), 1);
	is_value(m, RESULT("dkim", "pass"), 1);
	is_value(m, RESULT("dkim", "fail"), 2);
	is_value(m, RESULT("dkim", "permerror"), 2);
	is_value(m, RESULT("dkim", "none"), 0);
	is_value(m, RESULT("dmarc", "fail"), 1);
	is_value(m, BUDGET("signatures"), 1);
	is_value(m, BUDGET("deadline"), 0);
	is_value(m, "aver_milter_exempt_total", 0);
	is_value(m, "aver_milter_eom_seconds_bucket{le=\"0.0002\"}", 0);
	is_value(m, "aver_milter_eom_seconds_bucket{le=\"0.0005\"}", 1);
	is_value(m, "aver_milter_eom_seconds_sum", 0.000201);
	s.inbound.n_dkim = 0;
	s.inbound.has_helo = false;
	v.failed = true;
	v.incident = SESSION_INCIDENT_LIMITED;
	/* a clock that steps back */
	milter_metrics_message(m, &s, &v, -1);
	is_value(m, ACTION("tempfail"), 1);
	is_value(m, INCIDENTS("limited"), 1);
	is_value(m, INCIDENTS("recorded"), 0);
	is_value(m, RESULT("dkim", "none"), 1);
	is_value(m, RESULT("spf_helo", "pass"), 1);
	is_value(m, "aver_milter_eom_seconds_count", 2);
	is_value(m, "aver_milter_eom_seconds_sum", 0.000201);
	metrics_daemon_close(m);
}

/* A message that was not evaluated has no results. */
static void
test_exempt(void)
{
	struct metrics_daemon *m = make(NULL);
	struct session s;
	struct session_verdict v;

	fill(&s, &v);
	s.inbound.facts.exempt = true;
	s.inbound.over = INBOUND_HEADER_OCTETS;
	v.action = POLICY_ACCEPT;
	milter_metrics_message(m, &s, &v, 10);
	is_value(m, "aver_milter_exempt_total", 1);
	is_value(m, ACTION("accept"), 1);
	is_value(m, RESULT("spf", "softfail"), 0);
	is_value(m, RESULT("dkim", "none"), 0);
	is_value(m, RESULT("dmarc", "fail"), 0);
	is_value(m, BUDGET("header_octets"), 0);
	is_value(m, "aver_milter_eom_seconds_count", 1);
	metrics_daemon_close(m);
}

static const struct {
	const char *key;
	enum inbound_budget over;
	bool questions;
	int64_t us;
} spent[] = {
    {BUDGET("header_octets"), INBOUND_HEADER_OCTETS, false, 1},
    {BUDGET("header_fields"), INBOUND_HEADER_FIELDS, false, 1},
    {BUDGET("memory"), INBOUND_MEMORY, false, 1},
    {BUDGET("dns_questions"), INBOUND_WITHIN, true, 1},
    {BUDGET("deadline"), INBOUND_WITHIN, false, 20000000},
    {NULL, INBOUND_WITHIN, false, 19999999},
};

static void
test_budgets(void)
{
	for (size_t i = 0; i < COUNT(spent); i++) {
		struct metrics_daemon *m = make(NULL);
		struct session s;
		struct session_verdict v;

		fill(&s, &v);
		s.inbound.over = spent[i].over;
		s.dns.over_budget = spent[i].questions;
		milter_metrics_message(m, &s, &v, spent[i].us);
		for (size_t k = 0; k < COUNT(spent); k++)
			if (spent[k].key)
				is_value(m, spent[k].key, i == k);
		is_value(m, BUDGET("signatures"), 0);
		metrics_daemon_close(m);
	}
}

/* ---- what others count -------------------------------------------------- */

/* A resolver whose server does not answer, on the port nobody listens on. */
static struct dns_source *
open_source(void)
{
	static const char *const servers[] = {"127.0.0.1@1"};
	struct dns_unbound_config cfg = {.servers = servers,
	    .n_servers = 1,
	    .dnssec = DNS_DNSSEC_OFF,
	    .timeout_ms = 100,
	    .cache_entries = 100,
	    .max_ttl = 60,
	    .max_negative_ttl = 60};
	struct dns_source *src = NULL;
	struct diag d = {{0}, 0};

	if (dns_unbound_open(&cfg, &src, &d)) {
		printf("Bail out! %s\n", d.text);
		exit(1);
	}
	return src;
}

static void
ask(struct dns_source *src)
{
	struct dname name;

	if (!dname_from_text(STR("aver.invalid"), &name)) {
		printf("Bail out! no name\n");
		exit(1);
	}
	dns_rrset_unref(
	    src->ops->resolve(src, &name, DNS_TXT, clock_mono_ms() + 50));
}

static void
test_collected(void)
{
	struct resolver resolver = {.source = open_source()};
	struct snapshot snap = {.resolver = &resolver};
	struct service service = {.current = &snap};
	struct metrics_daemon *m;

	atomic_init(&service.sessions, 3);
	atomic_init(&service.messages, 2);
	m = make(&service);
	is_value(m, "aver_milter_sessions", 3);
	is_value(m, "aver_milter_in_flight", 2);
	is_value(m, "aver_dns_misses_total", 0);
	ask(resolver.source);
	is_value(m, "aver_dns_misses_total", 1);
	is_value(m, "aver_store_queued", 0);
	atomic_store(&service.sessions, 0);
	is_value(m, "aver_milter_sessions", 0);
	is_int(atomic_load(&snap.refs), 0, "no reference is left behind");
	metrics_daemon_close(m);
	dns_source_close(resolver.source);
}

/* ---- what it costs ------------------------------------------------------ */

#define ROUNDS 200000

static void
test_cost(void)
{
	struct metrics_daemon *m = make(NULL);
	struct session s;
	struct session_verdict v;
	int64_t start, us;

	fill(&s, &v);
	s.inbound.has_helo = true;
	s.inbound.dkim = signatures;
	s.inbound.n_dkim = 2;
	start = clock_mono_us();
	for (int i = 0; i < ROUNDS; i++)
		milter_metrics_message(m, &s, &v, i % 1000);
	us = clock_mono_us() - start;
	printf("# %" PRId64 " ns a message\n", us * 1000 / ROUNDS);
	is_value(m, ACTION("reject"), ROUNDS);
	is_value(m, RESULT("dkim", "fail"), ROUNDS);
	/* 5 microseconds would be a fortieth of the whole message */
	ok(us < 5 * ROUNDS, "a message costs less than 5 microseconds");
	metrics_daemon_close(m);
}

int
main(void)
{
	test_words();
	test_message();
	test_exempt();
	test_budgets();
	test_collected();
	test_cost();
	return tap_done();
}
