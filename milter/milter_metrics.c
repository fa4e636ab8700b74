/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "milter/milter_metrics.h"

#include "lib/arc/arc.h"
#include "lib/dns/dns_unbound.h"
#include "lib/iprev/iprev.h"
#include "lib/metrics/metrics_daemon.h"

/* ---- the table ---------------------------------------------------------- */

enum {
	MESSAGES,
	RESULTS,
	EXEMPT,
	TLS_REQUIRED,
	INCIDENTS,
	BUDGETS,
	EOM_SECONDS,
	SESSIONS,
	IN_FLIGHT,
	DNS_HITS,
	DNS_MISSES,
	DNS_JOINED,
	DNS_PREFETCHES,
	DNS_REFUSED,
	DNS_TIMEOUTS,
	DNS_FAILURES,
	DNS_BOGUS_ANSWERS,
	DNS_LATENCY,
	DNS_EVICTED,
	DNS_ENTRIES,
	DNS_OCTETS,
	DNS_IN_FLIGHT,
	STORE_ADDED,
	STORE_COMMITTED,
	STORE_REPEATED,
	STORE_LOST,
	STORE_COMMITS,
	STORE_COMMIT_FAILURES,
	STORE_QUEUED,
	STORE_SPOOLED,
	BUILD_INFO,
	FAMILY_COUNT
};

enum {
	ACTION_ACCEPT,
	ACTION_HEADER,
	ACTION_QUARANTINE,
	ACTION_REJECT,
	ACTION_TEMPFAIL,
	ACTION_COUNT
};

static const struct metric_series actions[ACTION_COUNT] = {
    [ACTION_ACCEPT] = {{"accept"}},
    [ACTION_HEADER] = {{"header"}},
    [ACTION_QUARANTINE] = {{"quarantine"}},
    [ACTION_REJECT] = {{"reject"}},
    [ACTION_TEMPFAIL] = {{"tempfail"}},
};

/* Where the results of each method begin. */
enum {
	RESULT_SPF = 0,
	RESULT_SPF_HELO = RESULT_SPF + SPF_RESULT_COUNT,
	RESULT_DKIM = RESULT_SPF_HELO + SPF_RESULT_COUNT,
	RESULT_DMARC = RESULT_DKIM + DKIM_RESULT_COUNT,
	RESULT_ARC = RESULT_DMARC + DMARC_RESULT_COUNT,
	RESULT_IPREV = RESULT_ARC + ARC_RESULT_COUNT,
	RESULT_COUNT = RESULT_IPREV + IPREV_RESULT_COUNT
};

/* The words that the registry of Authentication-Results has for each. */
static const struct metric_series results[RESULT_COUNT] = {
    [RESULT_SPF + SPF_NONE] = {{"spf", "none"}},
    [RESULT_SPF + SPF_NEUTRAL] = {{"spf", "neutral"}},
    [RESULT_SPF + SPF_PASS] = {{"spf", "pass"}},
    [RESULT_SPF + SPF_FAIL] = {{"spf", "fail"}},
    [RESULT_SPF + SPF_SOFTFAIL] = {{"spf", "softfail"}},
    [RESULT_SPF + SPF_TEMPERROR] = {{"spf", "temperror"}},
    [RESULT_SPF + SPF_PERMERROR] = {{"spf", "permerror"}},
    [RESULT_SPF_HELO + SPF_NONE] = {{"spf_helo", "none"}},
    [RESULT_SPF_HELO + SPF_NEUTRAL] = {{"spf_helo", "neutral"}},
    [RESULT_SPF_HELO + SPF_PASS] = {{"spf_helo", "pass"}},
    [RESULT_SPF_HELO + SPF_FAIL] = {{"spf_helo", "fail"}},
    [RESULT_SPF_HELO + SPF_SOFTFAIL] = {{"spf_helo", "softfail"}},
    [RESULT_SPF_HELO + SPF_TEMPERROR] = {{"spf_helo", "temperror"}},
    [RESULT_SPF_HELO + SPF_PERMERROR] = {{"spf_helo", "permerror"}},
    [RESULT_DKIM + DKIM_NONE] = {{"dkim", "none"}},
    [RESULT_DKIM + DKIM_PASS] = {{"dkim", "pass"}},
    [RESULT_DKIM + DKIM_FAIL] = {{"dkim", "fail"}},
    [RESULT_DKIM + DKIM_POLICY] = {{"dkim", "policy"}},
    [RESULT_DKIM + DKIM_NEUTRAL] = {{"dkim", "neutral"}},
    [RESULT_DKIM + DKIM_TEMPERROR] = {{"dkim", "temperror"}},
    [RESULT_DKIM + DKIM_PERMERROR] = {{"dkim", "permerror"}},
    [RESULT_DMARC + DMARC_NONE] = {{"dmarc", "none"}},
    [RESULT_DMARC + DMARC_PASS] = {{"dmarc", "pass"}},
    [RESULT_DMARC + DMARC_FAIL] = {{"dmarc", "fail"}},
    [RESULT_DMARC + DMARC_TEMPERROR] = {{"dmarc", "temperror"}},
    [RESULT_DMARC + DMARC_PERMERROR] = {{"dmarc", "permerror"}},
    [RESULT_ARC + ARC_NONE] = {{"arc", "none"}},
    [RESULT_ARC + ARC_PASS] = {{"arc", "pass"}},
    [RESULT_ARC + ARC_FAIL] = {{"arc", "fail"}},
    [RESULT_IPREV + IPREV_PASS] = {{"iprev", "pass"}},
    [RESULT_IPREV + IPREV_FAIL] = {{"iprev", "fail"}},
    [RESULT_IPREV + IPREV_TEMPERROR] = {{"iprev", "temperror"}},
    [RESULT_IPREV + IPREV_PERMERROR] = {{"iprev", "permerror"}},
};

enum {
	BUDGET_HEADER_OCTETS,
	BUDGET_HEADER_FIELDS,
	BUDGET_MEMORY,
	BUDGET_DNS_QUESTIONS,
	BUDGET_SIGNATURES,
	BUDGET_DEADLINE,
	BUDGET_COUNT
};

static const struct metric_series budgets[BUDGET_COUNT] = {
    [BUDGET_HEADER_OCTETS] = {{"header_octets"}},
    [BUDGET_HEADER_FIELDS] = {{"header_fields"}},
    [BUDGET_MEMORY] = {{"memory"}},
    [BUDGET_DNS_QUESTIONS] = {{"dns_questions"}},
    [BUDGET_SIGNATURES] = {{"signatures"}},
    [BUDGET_DEADLINE] = {{"deadline"}},
};

enum { INCIDENT_RECORDED, INCIDENT_LIMITED, INCIDENT_COUNT };

static const struct metric_series incidents[INCIDENT_COUNT] = {
    [INCIDENT_RECORDED] = {{"recorded"}},
    [INCIDENT_LIMITED] = {{"limited"}},
};

/* Microseconds. Cached answers take 0.2 ms, the deadline is 20 s. */
static const uint64_t eom_bounds[] = {200, 500, 1000, 2500, 5000, 10000, 25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
    20000000};

static const struct metric_family families[FAMILY_COUNT] = {
    [MESSAGES] = COUNTERS("aver_milter_messages_total",
	"Messages at their end, by what was done with them.", "action", NULL,
	actions),
    [RESULTS] = COUNTERS("aver_milter_results_total",
	"Results; of dkim one for each signature.", "method", "result",
	results),
    [EXEMPT] = COUNTER("aver_milter_exempt_total",
	"Messages not evaluated: trusted network or authenticated client."),
    [TLS_REQUIRED] = COUNTER("aver_milter_tls_required_total",
	"Messages with TLS-Required: No that were marked."),
    [INCIDENTS] = COUNTERS("aver_milter_incidents_total",
	"Messages that a failure report is due of, by whether the "
	"rate limits let them be recorded.",
	"outcome", NULL, incidents),
    [BUDGETS] = COUNTERS("aver_milter_budget_exceeded_total",
	"Messages that went beyond a budget.", "budget", NULL, budgets),
    [EOM_SECONDS] = HISTOGRAM("aver_milter_eom_seconds",
	"How long the MTA waited at the end of a message.", eom_bounds),
    [SESSIONS] = GAUGE("aver_milter_sessions", "Connections of the MTA."),
    [IN_FLIGHT] =
	GAUGE("aver_milter_in_flight", "Messages between MAIL and their end."),
    [DNS_HITS] =
	COUNTER("aver_dns_hits_total", "Questions answered from the cache."),
    [DNS_MISSES] = COUNTER(
	"aver_dns_misses_total", "Questions that had to wait for an answer."),
    [DNS_JOINED] = COUNTER("aver_dns_joined_total",
	"Of the misses, those for a question already in flight."),
    [DNS_PREFETCHES] =
	COUNTER("aver_dns_prefetches_total", "Questions asked ahead."),
    [DNS_REFUSED] = COUNTER("aver_dns_refused_total",
	"Questions not asked: too many in flight, or no memory."),
    [DNS_TIMEOUTS] = COUNTER(
	"aver_dns_timeouts_total", "Waits that ended without an answer."),
    [DNS_FAILURES] = COUNTER(
	"aver_dns_failures_total", "Answers that were temporary failures."),
    [DNS_BOGUS_ANSWERS] = COUNTER(
	"aver_dns_bogus_total", "Answers that DNSSEC validation refused."),
    [DNS_LATENCY] =
	{
	    .name = "aver_dns_latency_seconds",
	    .type = METRIC_SUMMARY,
	    .seconds = true,
	    .help = "Answers of the resolver and the time they took.",
	},
    [DNS_EVICTED] = COUNTER("aver_dns_evicted_total",
	"Cached answers dropped before their time, for room."),
    [DNS_ENTRIES] = GAUGE("aver_dns_entries", "Cached answers."),
    [DNS_OCTETS] =
	GAUGE("aver_dns_cache_bytes", "Octets of the cached answers."),
    [DNS_IN_FLIGHT] =
	GAUGE("aver_dns_in_flight", "Questions without an answer yet."),
    [STORE_ADDED] =
	COUNTER("aver_store_added_total", "Evaluations taken for the store."),
    [STORE_COMMITTED] = COUNTER(
	"aver_store_committed_total", "Evaluations committed to the store."),
    [STORE_REPEATED] = COUNTER("aver_store_repeated_total",
	"Evaluations not counted again: the client had to send twice."),
    [STORE_LOST] = COUNTER(
	"aver_store_lost_total", "Evaluations lost: ring and spool were full."),
    [STORE_COMMITS] =
	COUNTER("aver_store_commits_total", "Transactions committed."),
    [STORE_COMMIT_FAILURES] = COUNTER("aver_store_commit_failures_total",
	"Transactions that failed and are tried again."),
    [STORE_QUEUED] = GAUGE(
	"aver_store_queued", "Evaluations in the ring, not yet committed."),
    [STORE_SPOOLED] =
	GAUGE("aver_store_spooled_bytes", "Octets waiting in the spool file."),
    [BUILD_INFO] = VERSION_GAUGE,
};

/* ---- counting ----------------------------------------------------------- */

static size_t
action_of(const struct session_verdict *v)
{
	if (v->failed)
		return ACTION_TEMPFAIL;
	switch (v->action) {
	case POLICY_ACCEPT:
	case POLICY_ACTION_COUNT:
		break;
	case POLICY_HEADER:
		return ACTION_HEADER;
	case POLICY_QUARANTINE:
		return ACTION_QUARANTINE;
	case POLICY_TEMPFAIL:
		return ACTION_TEMPFAIL;
	case POLICY_REJECT:
		return ACTION_REJECT;
	}
	return ACTION_ACCEPT;
}

static void
count_result(struct metrics_daemon *m, size_t series)
{
	metrics_add(m->metrics, RESULTS, series, 1);
}

/* A thousand signatures cost as many additions as there are results. */
static void
count_signatures(struct metrics_daemon *m, const struct inbound *in)
{
	unsigned n[DKIM_RESULT_COUNT] = {0};
	bool over = false;

	if (in->n_dkim == 0)
		n[DKIM_NONE] = 1;
	for (size_t i = 0; i < in->n_dkim; i++) {
		n[in->dkim[i].result]++;
		over |= in->dkim[i].reason == DKIM_WHY_BUDGET;
	}
	for (size_t r = 0; r < DKIM_RESULT_COUNT; r++)
		if (n[r])
			metrics_add(m->metrics, RESULTS, RESULT_DKIM + r, n[r]);
	if (over)
		metrics_add(m->metrics, BUDGETS, BUDGET_SIGNATURES, 1);
}

static void
count_budgets(struct metrics_daemon *m, const struct session *s, int64_t us)
{
	switch (s->inbound.over) {
	case INBOUND_WITHIN:
	case INBOUND_BUDGET_COUNT:
		break;
	case INBOUND_HEADER_OCTETS:
		metrics_add(m->metrics, BUDGETS, BUDGET_HEADER_OCTETS, 1);
		break;
	case INBOUND_HEADER_FIELDS:
		metrics_add(m->metrics, BUDGETS, BUDGET_HEADER_FIELDS, 1);
		break;
	case INBOUND_MEMORY:
		metrics_add(m->metrics, BUDGETS, BUDGET_MEMORY, 1);
		break;
	}
	if (s->dns.over_budget)
		metrics_add(m->metrics, BUDGETS, BUDGET_DNS_QUESTIONS, 1);
	if (s->eom_start + us >= s->dns.deadline * 1000)
		metrics_add(m->metrics, BUDGETS, BUDGET_DEADLINE, 1);
}

static void
count_incident(struct metrics_daemon *m, enum session_incident what)
{
	switch (what) {
	case SESSION_INCIDENT_NONE:
		break;
	case SESSION_INCIDENT_RECORDED:
		metrics_add(m->metrics, INCIDENTS, INCIDENT_RECORDED, 1);
		break;
	case SESSION_INCIDENT_LIMITED:
		metrics_add(m->metrics, INCIDENTS, INCIDENT_LIMITED, 1);
		break;
	}
}

void
milter_metrics_message(struct metrics_daemon *m, const struct session *s,
    const struct session_verdict *v, int64_t us)
{
	const struct inbound *in = &s->inbound;

	if (!m)
		return;
	metrics_add(m->metrics, MESSAGES, action_of(v), 1);
	metrics_add(m->metrics, TLS_REQUIRED, 0, v->tls_mark);
	count_incident(m, v->incident);
	metrics_observe(m->metrics, EOM_SECONDS, 0, us > 0 ? us : 0);
	if (in->facts.exempt) {
		metrics_add(m->metrics, EXEMPT, 0, 1);
		return;
	}
	count_result(m, RESULT_SPF + in->spf.result);
	if (in->has_helo)
		count_result(m, RESULT_SPF_HELO + in->helo.result);
	count_signatures(m, in);
	count_result(m, RESULT_DMARC + in->dmarc.result);
	count_result(m, RESULT_ARC + in->arc.result);
	if (in->has_iprev)
		count_result(m, RESULT_IPREV + in->iprev.result);
	count_budgets(m, s, us);
}

/* ---- what others count -------------------------------------------------- */

static void
collect_dns(struct metrics *m, struct service *service)
{
	struct snapshot *snap = service_snapshot(service);
	struct dns_stats st;

	dns_unbound_stats(snap->resolver->source, &st);
	snapshot_unref(snap);
	metrics_set(m, DNS_HITS, 0, st.hits);
	metrics_set(m, DNS_MISSES, 0, st.misses);
	metrics_set(m, DNS_JOINED, 0, st.joined);
	metrics_set(m, DNS_PREFETCHES, 0, st.prefetches);
	metrics_set(m, DNS_REFUSED, 0, st.refused);
	metrics_set(m, DNS_TIMEOUTS, 0, st.timeouts);
	metrics_set(m, DNS_FAILURES, 0, st.failures);
	metrics_set(m, DNS_BOGUS_ANSWERS, 0, st.bogus);
	metrics_set_summary(m, DNS_LATENCY, 0, st.answers, st.latency_us);
	metrics_set(m, DNS_EVICTED, 0, st.evicted);
	metrics_set(m, DNS_ENTRIES, 0, st.entries);
	metrics_set(m, DNS_OCTETS, 0, st.octets);
	metrics_set(m, DNS_IN_FLIGHT, 0, st.in_flight);
}

static void
collect_store(struct metrics *m, struct service *service)
{
	struct recorder_stats st;

	if (!service->recorder)
		return;
	recorder_stats(service->recorder, &st);
	metrics_set(m, STORE_ADDED, 0, st.added);
	metrics_set(m, STORE_COMMITTED, 0, st.committed);
	metrics_set(m, STORE_REPEATED, 0, st.repeated);
	metrics_set(m, STORE_LOST, 0, st.lost);
	metrics_set(m, STORE_COMMITS, 0, st.commits);
	metrics_set(m, STORE_COMMIT_FAILURES, 0, st.commit_failures);
	metrics_set(m, STORE_QUEUED, 0, st.queued);
	metrics_set(m, STORE_SPOOLED, 0, st.spooled);
}

static void
collect(struct metrics *m, void *arg)
{
	struct service *service = arg;

	metrics_set(m, SESSIONS, 0, atomic_load(&service->sessions));
	metrics_set(m, IN_FLIGHT, 0, atomic_load(&service->messages));
	collect_dns(m, service);
	collect_store(m, service);
}

static const char *
ailment(void *arg)
{
	struct service *service = arg;

	return service && atomic_load(&service->draining) ? "stopping" : NULL;
}

/* ---- start -------------------------------------------------------------- */

int
milter_metrics_open(struct service *service, const char *listen,
    struct metrics_daemon **out, struct diag *d)
{
	const struct metrics_daemon_config c = {
	    .families = families,
	    .n_families = FAMILY_COUNT,
	    .build_info = BUILD_INFO,
	    .collect = collect,
	    .ailment = ailment,
	    .arg = service,
	    .listen = listen,
	};

	return metrics_daemon_open(&c, out, d);
}
