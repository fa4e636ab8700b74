/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/policyd_metrics.h"

#include "lib/dns/dns_unbound.h"
#include "lib/metrics/metrics_daemon.h"
#include "policyd/answer_cache.h"
#include "policyd/collector.h"
#include "policyd/datagrams.h"
#include "policyd/service.h"
#include "policyd/socketmap.h"
#include "policyd/tls_log.h"
#include "tlspolicy/engine.h"

/* ---- the table ---------------------------------------------------------- */

enum {
	ANSWERS,
	CACHE_HITS,
	CACHE_MISSES,
	CACHE_EVICTED,
	CACHE_ENTRIES,
	CACHE_OCTETS,
	DECISION_SECONDS,
	DECISIONS,
	STALE,
	DNSSEC_INVALID,
	FETCHES,
	FETCHES_JOINED,
	POLICIES_TAKEN,
	REFRESHES,
	STORE_ERRORS,
	STORE_UP,
	POLICIES,
	POLICY_OCTETS,
	DELEGATIONS,
	REQUIRETLS_FAILURES,
	CONNECTIONS,
	CONNECTIONS_SEEN,
	CONNECTION_ENDS,
	REQUESTS,
	WORKING,
	DNS_HITS,
	DNS_MISSES,
	DNS_TIMEOUTS,
	DNS_FAILURES,
	DNS_BOGUS_ANSWERS,
	DNS_ENTRIES,
	TLS_SESSIONS,
	TLS_ROWS,
	TLS_OVER_CAP,
	TLS_RECORDS,
	TLS_QUEUED,
	TLS_SPOOLED,
	DATAGRAMS,
	DATAGRAM_PARTS_CUT,
	LOG_LINES,
	LOG_SESSIONS_LOST,
	LOG_SESSIONS_LEFT,
	LOG_COMMITS,
	LOG_LAG,
	BUILD_INFO,
	FAMILY_COUNT
};

/* One series for each status of a map. */
#define MAP(index, name)                                                    \
	[(index)*RENDER_STATUS_COUNT +                                      \
	    RENDER_OK] = {{name, "ok"}},                                    \
	    [(index)*RENDER_STATUS_COUNT +                                  \
		RENDER_NOTFOUND] = {{name, "notfound"}},                    \
	    [(index)*RENDER_STATUS_COUNT + RENDER_TEMP] = {{name, "temp"}}, \
	    [(index)*RENDER_STATUS_COUNT + RENDER_PERM] = {{name, "perm"}}

static const struct metric_series answers[] = {
    MAP(RENDER_TLS, "tls"),
    MAP(RENDER_TLS_PLAIN, "tls-plain"),
    MAP(RENDER_TLS_TLSRPT, "tls-tlsrpt"),
    MAP(RENDER_REQUIRETLS, "requiretls"),
    MAP(RENDER_VERIFIED, "verified"),
    MAP(RENDER_STS, "sts"),
    MAP(SOCKETMAP_UNKNOWN, "unknown"),
};

enum {
	KIND_DANE,
	KIND_STS_ENFORCE,
	KIND_STS_TESTING,
	KIND_TABLE,
	KIND_NONE,
	KIND_DEFERRED,
	KIND_COUNT
};

static const struct metric_series kinds[KIND_COUNT] = {
    [KIND_DANE] = {{"dane"}},
    [KIND_STS_ENFORCE] = {{"sts_enforce"}},
    [KIND_STS_TESTING] = {{"sts_testing"}},
    [KIND_TABLE] = {{"table"}},
    [KIND_NONE] = {{"none"}},
    [KIND_DEFERRED] = {{"deferred"}},
};

enum { FETCH_GOOD, FETCH_ERROR, FETCH_INVALID, FETCH_WEBPKI, FETCH_COUNT };

/* The words of RFC 8460 section 4.3 for what fails. */
static const struct metric_series fetch_results[FETCH_COUNT] = {
    [FETCH_GOOD] = {{"success"}},
    [FETCH_ERROR] = {{"sts-policy-fetch-error"}},
    [FETCH_INVALID] = {{"sts-policy-invalid"}},
    [FETCH_WEBPKI] = {{"sts-webpki-invalid"}},
};

static const struct metric_series refresh_results[] = {
    {{"success"}}, {{"failure"}}};

static const struct metric_series outcomes[DELEGATION_OUTCOME_COUNT] = {
    [DELEGATION_DUNNO] = {{"dunno"}},
    [DELEGATION_FILTER] = {{"filter"}},
    [DELEGATION_VERIFIED] = {{"verified"}},
    [DELEGATION_NO_TLS] = {{"no_tls"}},
    [DELEGATION_NO_SUPPORT] = {{"no_support"}},
    [DELEGATION_TROUBLE] = {{"trouble"}},
};

enum { CODE_NO_TLS, CODE_NO_SUPPORT };

/* RFC 8689 section 4.2.1 */
static const struct metric_series codes[] = {
    [CODE_NO_TLS] = {{"5.7.10"}},
    [CODE_NO_SUPPORT] = {{"5.7.30"}},
};

enum { END_IDLE = SERVE_TROUBLE_COUNT, END_COUNT };

static const struct metric_series ends[END_COUNT] = {
    [SERVE_BAD_REQUEST] = {{"bad_request"}},
    [SERVE_LONG_REQUEST] = {{"long_request"}},
    [SERVE_HALF_REQUEST] = {{"half_request"}},
    [SERVE_STALLED] = {{"stalled"}},
    [SERVE_CROWDED] = {{"crowded"}},
    [SERVE_REFUSED] = {{"refused"}},
    [END_IDLE] = {{"idle"}},
};

enum { WAY_AT_ONCE, WAY_WORKED, WAY_SHARED, WAY_LATE };

static const struct metric_series ways[] = {
    [WAY_AT_ONCE] = {{"at_once"}},
    [WAY_WORKED] = {{"worked"}},
    [WAY_SHARED] = {{"shared"}},
    [WAY_LATE] = {{"late"}},
};

/* One series for each result of a way. */
#define WAY(index, name)                                                       \
	[(index)*TLSRPT_RESULT_COUNT +                                         \
	    TLSRPT_SUCCESS] = {{name, "success"}},                             \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_STARTTLS_NOT_SUPPORTED] = {{name,                       \
		"starttls-not-supported"}},                                    \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_CERTIFICATE_HOST_MISMATCH] = {{name,                    \
		"certificate-host-mismatch"}},                                 \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_CERTIFICATE_NOT_TRUSTED] = {{name,                      \
		"certificate-not-trusted"}},                                   \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_CERTIFICATE_EXPIRED] = {{name, "certificate-expired"}}, \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_VALIDATION_FAILURE] = {{name, "validation-failure"}},   \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_STS_POLICY_FETCH_ERROR] = {{name,                       \
		"sts-policy-fetch-error"}},                                    \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_STS_POLICY_INVALID] = {{name, "sts-policy-invalid"}},   \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_STS_WEBPKI_INVALID] = {{name, "sts-webpki-invalid"}},   \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_TLSA_INVALID] = {{name, "tlsa-invalid"}},               \
	    [(index)*TLSRPT_RESULT_COUNT +                                     \
		TLSRPT_DNSSEC_INVALID] = {{name, "dnssec-invalid"}},           \
	    [(index)*TLSRPT_RESULT_COUNT + TLSRPT_DANE_REQUIRED] = {           \
		{name, "dane-required"}}

static const struct metric_series sessions[] = {
    WAY(COLLECTOR_DATAGRAM, "datagram"),
    WAY(COLLECTOR_LOG, "log"),
    WAY(COLLECTOR_FINDING, "finding"),
};

enum { RECORD_COMMITTED, RECORD_LOST };

static const struct metric_series records[] = {
    [RECORD_COMMITTED] = {{"committed"}}, [RECORD_LOST] = {{"lost"}}};

enum { DATAGRAM_READ, DATAGRAM_BAD, DATAGRAM_DROPPED, DATAGRAM_VERSION };

static const struct metric_series datagram_ends[] = {
    [DATAGRAM_READ] = {{"read"}},
    [DATAGRAM_BAD] = {{"bad"}},
    [DATAGRAM_DROPPED] = {{"dropped"}},
    [DATAGRAM_VERSION] = {{"other_version"}},
};

enum { LINE_USED, LINE_ODD, LINE_OTHER };

static const struct metric_series lines[] = {[LINE_USED] = {{"used"}},
    [LINE_ODD] = {{"odd"}},
    [LINE_OTHER] = {{"other"}}};

enum { LEFT_REPORTED, LEFT_OWN };

static const struct metric_series left_out[] = {
    [LEFT_REPORTED] = {{"datagram"}}, [LEFT_OWN] = {{"report"}}};

enum { COMMIT_DONE, COMMIT_FAILED };

static const struct metric_series commits[] = {
    [COMMIT_DONE] = {{"success"}}, [COMMIT_FAILED] = {{"failure"}}};

/* Microseconds. From DNS answers that are cached to a fetch that hangs. */
static const uint64_t decision_bounds[] = {50, 100, 250, 500, 1000, 2500, 5000,
    10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
    10000000, 30000000, 60000000};

static const struct metric_family families[FAMILY_COUNT] = {
    [ANSWERS] = COUNTERS("aver_policyd_answers_total",
	"Answers of the socketmap.", "map", "answer", answers),
    [CACHE_HITS] = COUNTER("aver_policyd_cache_hits_total",
	"Requests that were answered from the cache."),
    [CACHE_MISSES] = COUNTER(
	"aver_policyd_cache_misses_total", "Requests that needed a decision."),
    [CACHE_EVICTED] = COUNTER("aver_policyd_cache_evicted_total",
	"Cached answers dropped before their time, for room."),
    [CACHE_ENTRIES] = GAUGE("aver_policyd_cache_entries", "Cached answers."),
    [CACHE_OCTETS] =
	GAUGE("aver_policyd_cache_bytes", "Octets of the cached answers."),
    [DECISION_SECONDS] = HISTOGRAM("aver_policyd_decision_seconds",
	"How long an answer took that was not cached.", decision_bounds),
    [DECISIONS] = COUNTERS("aver_policyd_decisions_total",
	"What was decided for destinations.", "kind", NULL, kinds),
    [STALE] = COUNTER("aver_policyd_stale_total",
	"Decisions by a cached policy in spite of trouble."),
    [DNSSEC_INVALID] = COUNTER("aver_policyd_dnssec_invalid_total",
	"Decisions that met an answer which DNSSEC validation refused."),
    [FETCHES] = COUNTERS("aver_policyd_fetches_total",
	"MTA-STS policies fetched.", "result", NULL, fetch_results),
    [FETCHES_JOINED] = COUNTER("aver_policyd_fetches_joined_total",
	"Decisions that waited for a fetch which was under way."),
    [POLICIES_TAKEN] = COUNTER("aver_policyd_policies_taken_total",
	"Policies that another host had fetched, in place of a fetch."),
    [REFRESHES] = COUNTERS("aver_policyd_refreshes_total",
	"Policies refreshed in the background.", "result", NULL,
	refresh_results),
    [STORE_ERRORS] = COUNTER("aver_policyd_store_errors_total",
	"Failures of the store of policies."),
    [STORE_UP] = GAUGE("aver_policyd_store_up",
	"1 while the store of policies can be reached."),
    [POLICIES] = GAUGE("aver_policyd_policies", "MTA-STS policies held."),
    [POLICY_OCTETS] =
	GAUGE("aver_policyd_policies_bytes", "Octets of the policies held."),
    [DELEGATIONS] = COUNTERS("aver_policyd_delegation_total",
	"Requests for policy delegation.", "outcome", NULL, outcomes),
    [REQUIRETLS_FAILURES] = COUNTERS("aver_policyd_requiretls_failures_total",
	"Recipients refused for want of verified TLS, by enhanced code.",
	"code", NULL, codes),
    [CONNECTIONS] =
	GAUGE("aver_policyd_connections", "Connections of clients."),
    [CONNECTIONS_SEEN] = COUNTER(
	"aver_policyd_connections_total", "Connections that were accepted."),
    [CONNECTION_ENDS] = COUNTERS("aver_policyd_connections_ended_total",
	"Connections that were ended from this side.", "why", NULL, ends),
    [REQUESTS] = COUNTERS("aver_policyd_requests_total",
	"Requests, by how they were answered.", "way", NULL, ways),
    [WORKING] = GAUGE("aver_policyd_working",
	"Requests that a worker has, or that wait for one."),
    [DNS_HITS] =
	COUNTER("aver_dns_hits_total", "Questions answered from the cache."),
    [DNS_MISSES] = COUNTER(
	"aver_dns_misses_total", "Questions that had to wait for an answer."),
    [DNS_TIMEOUTS] = COUNTER(
	"aver_dns_timeouts_total", "Waits that ended without an answer."),
    [DNS_FAILURES] = COUNTER(
	"aver_dns_failures_total", "Answers that were temporary failures."),
    [DNS_BOGUS_ANSWERS] = COUNTER(
	"aver_dns_bogus_total", "Answers that DNSSEC validation refused."),
    [DNS_ENTRIES] = GAUGE("aver_dns_entries", "Cached answers."),
    [TLS_SESSIONS] = COUNTERS("aver_policyd_tls_sessions_total",
	"Results of TLS sessions, and findings without one.", "way", "result",
	sessions),
    [TLS_ROWS] = GAUGE("aver_policyd_tls_rows",
	"Different results of this day that are recorded."),
    [TLS_OVER_CAP] = COUNTER("aver_policyd_tls_over_cap_total",
	"Results dropped because there were too many different ones."),
    [TLS_RECORDS] = COUNTERS("aver_policyd_tls_records_total",
	"Rows on their way to the database.", "end", NULL, records),
    [TLS_QUEUED] =
	GAUGE("aver_policyd_tls_queued", "Rows that wait for the database."),
    [TLS_SPOOLED] = GAUGE("aver_policyd_tls_spooled_bytes",
	"Octets in the spool, while the database cannot be written."),
    [DATAGRAMS] = COUNTERS("aver_policyd_datagrams_total",
	"Datagrams about TLS sessions; those of another version are read too.",
	"end", NULL, datagram_ends),
    [DATAGRAM_PARTS_CUT] = COUNTER("aver_policyd_datagram_parts_cut_total",
	"Parts of datagrams beyond the bounds."),
    [LOG_LINES] = COUNTERS("aver_policyd_log_lines_total",
	"Lines of Postfix's log.", "kind", NULL, lines),
    [LOG_SESSIONS_LOST] = COUNTER("aver_policyd_log_sessions_lost_total",
	"Sessions whose lines were not all found."),
    [LOG_SESSIONS_LEFT] = COUNTERS("aver_policyd_log_sessions_left_out_total",
	"Sessions that Postfix told of itself, and that delivered reports.",
	"why", NULL, left_out),
    [LOG_COMMITS] = COUNTERS("aver_policyd_log_commits_total",
	"Batches of the log written to the database.", "result", NULL, commits),
    [LOG_LAG] = GAUGE("aver_policyd_log_lag_bytes",
	"Octets of the log that are not read yet."),
    [BUILD_INFO] = VERSION_GAUGE,
};

/* ---- counting ----------------------------------------------------------- */

void
policyd_metrics_decision(struct metrics_daemon *m, int64_t us)
{
	if (m)
		metrics_observe(
		    m->metrics, DECISION_SECONDS, 0, us > 0 ? (uint64_t)us : 0);
}

void
policyd_metrics_delegation(struct metrics_daemon *m, enum delegation_outcome o)
{
	if (!m)
		return;
	metrics_add(m->metrics, DELEGATIONS, o, 1);
	if (o == DELEGATION_NO_TLS)
		metrics_add(m->metrics, REQUIRETLS_FAILURES, CODE_NO_TLS, 1);
	else if (o == DELEGATION_NO_SUPPORT)
		metrics_add(
		    m->metrics, REQUIRETLS_FAILURES, CODE_NO_SUPPORT, 1);
}

/* ---- what others count -------------------------------------------------- */

static void
add_up(struct socketmap_stats *all, struct socketmap *map)
{
	struct socketmap_stats st;

	socketmap_get_stats(map, &st);
	all->hits += st.hits;
	all->misses += st.misses;
	for (size_t i = 0; i < SOCKETMAP_MAP_COUNT; i++)
		for (size_t k = 0; k < RENDER_STATUS_COUNT; k++)
			all->answers[i][k] += st.answers[i][k];
}

static void
collect_socketmaps(struct metrics *m, struct service *s)
{
	struct socketmap_stats st = {.hits = 0};
	struct answer_cache_stats cache;

	for (unsigned i = 0; i < s->pollers; i++)
		add_up(&st, s->socketmaps[i]);
	answer_cache_stats(s->answers, &cache);
	for (size_t i = 0; i < SOCKETMAP_MAP_COUNT; i++)
		for (size_t k = 0; k < RENDER_STATUS_COUNT; k++)
			metrics_set(m, ANSWERS, i * RENDER_STATUS_COUNT + k,
			    st.answers[i][k]);
	metrics_set(m, CACHE_HITS, 0, st.hits);
	metrics_set(m, CACHE_MISSES, 0, st.misses);
	metrics_set(m, CACHE_EVICTED, 0, cache.evicted);
	metrics_set(m, CACHE_ENTRIES, 0, cache.entries);
	metrics_set(m, CACHE_OCTETS, 0, cache.octets);
}

static void
collect_engine(struct metrics *m, struct engine *e)
{
	struct engine_stats st;

	engine_stats(e, &st);
	metrics_set(m, DECISIONS, KIND_DANE, st.dane);
	metrics_set(m, DECISIONS, KIND_STS_ENFORCE, st.sts_enforce);
	metrics_set(m, DECISIONS, KIND_STS_TESTING, st.sts_testing);
	metrics_set(m, DECISIONS, KIND_TABLE, st.table);
	metrics_set(m, DECISIONS, KIND_NONE, st.none);
	metrics_set(m, DECISIONS, KIND_DEFERRED, st.deferred);
	metrics_set(m, STALE, 0, st.stale);
	metrics_set(m, DNSSEC_INVALID, 0, st.dnssec_invalid);
	metrics_set(m, FETCHES, FETCH_GOOD, st.fetched);
	metrics_set(m, FETCHES, FETCH_ERROR, st.fetch_errors);
	metrics_set(m, FETCHES, FETCH_INVALID, st.fetch_invalid);
	metrics_set(m, FETCHES, FETCH_WEBPKI, st.fetch_webpki);
	metrics_set(m, FETCHES_JOINED, 0, st.joined);
	metrics_set(m, REFRESHES, 0, st.refreshed);
	metrics_set(m, REFRESHES, 1, st.refresh_failures);
	metrics_set(m, POLICIES_TAKEN, 0, st.taken);
	metrics_set(m, STORE_ERRORS, 0, st.store_errors);
	metrics_set(m, STORE_UP, 0, !st.store_is_away);
	metrics_set(m, POLICIES, 0, st.policies);
	metrics_set(m, POLICY_OCTETS, 0, st.octets);
}

static void
collect_serve(struct metrics *m, struct serve *serve)
{
	struct serve_stats st;

	serve_get_stats(serve, &st);
	metrics_set(m, CONNECTIONS, 0, st.connections);
	metrics_set(m, CONNECTIONS_SEEN, 0, st.accepted);
	for (size_t i = 0; i < SERVE_TROUBLE_COUNT; i++)
		metrics_set(m, CONNECTION_ENDS, i, st.trouble[i]);
	metrics_set(m, CONNECTION_ENDS, END_IDLE, st.idle);
	metrics_set(m, REQUESTS, WAY_AT_ONCE, st.at_once);
	metrics_set(m, REQUESTS, WAY_WORKED, st.worked);
	metrics_set(m, REQUESTS, WAY_SHARED, st.shared);
	metrics_set(m, REQUESTS, WAY_LATE, st.late);
	metrics_set(m, WORKING, 0, st.working);
}

static void
collect_dns(struct metrics *m, struct dns_source *dns)
{
	struct dns_stats st;

	dns_unbound_stats(dns, &st);
	metrics_set(m, DNS_HITS, 0, st.hits);
	metrics_set(m, DNS_MISSES, 0, st.misses);
	metrics_set(m, DNS_TIMEOUTS, 0, st.timeouts);
	metrics_set(m, DNS_FAILURES, 0, st.failures);
	metrics_set(m, DNS_BOGUS_ANSWERS, 0, st.bogus);
	metrics_set(m, DNS_ENTRIES, 0, st.entries);
}

static void
collect_tls(struct metrics *m, struct collector *c)
{
	struct collector_stats st;

	collector_get_stats(c, &st);
	for (size_t i = 0; i < COLLECTOR_WAY_COUNT; i++)
		for (size_t k = 0; k < TLSRPT_RESULT_COUNT; k++)
			metrics_set(m, TLS_SESSIONS,
			    i * TLSRPT_RESULT_COUNT + k, st.sessions[i][k]);
	metrics_set(m, TLS_ROWS, 0, st.rows_today);
	metrics_set(m, TLS_OVER_CAP, 0, st.over_cap);
	metrics_set(m, TLS_RECORDS, RECORD_COMMITTED, st.recorder.committed);
	metrics_set(m, TLS_RECORDS, RECORD_LOST, st.recorder.lost);
	metrics_set(m, TLS_QUEUED, 0, st.recorder.queued);
	metrics_set(m, TLS_SPOOLED, 0, st.recorder.spooled);
}

static void
collect_datagrams(struct metrics *m, const struct datagrams *g)
{
	struct datagrams_stats st;

	datagrams_get_stats(g, &st);
	metrics_set(m, DATAGRAMS, DATAGRAM_READ, st.read);
	metrics_set(m, DATAGRAMS, DATAGRAM_BAD, st.bad);
	metrics_set(m, DATAGRAMS, DATAGRAM_DROPPED, st.dropped);
	metrics_set(m, DATAGRAMS, DATAGRAM_VERSION, st.odd_version);
	metrics_set(m, DATAGRAM_PARTS_CUT, 0, st.cut);
}

static void
collect_log(struct metrics *m, struct tls_log *l)
{
	struct tls_log_stats st;

	tls_log_get_stats(l, &st);
	metrics_set(m, LOG_LINES, LINE_USED, st.used);
	metrics_set(m, LOG_LINES, LINE_ODD, st.odd);
	metrics_set(m, LOG_LINES, LINE_OTHER, st.lines - st.used - st.odd);
	metrics_set(m, LOG_SESSIONS_LOST, 0, st.lost);
	metrics_set(m, LOG_SESSIONS_LEFT, LEFT_REPORTED, st.reported);
	metrics_set(m, LOG_SESSIONS_LEFT, LEFT_OWN, st.own);
	metrics_set(m, LOG_COMMITS, COMMIT_DONE, st.commits);
	metrics_set(m, LOG_COMMITS, COMMIT_FAILED, st.commit_failures);
	metrics_set(m, LOG_LAG, 0, st.lag);
}

static void
collect(struct metrics *m, void *arg)
{
	struct service *s = arg;

	collect_socketmaps(m, s);
	collect_engine(m, s->engine);
	collect_dns(m, s->dns);
	if (s->collector)
		collect_tls(m, s->collector);
	pthread_mutex_lock(&s->serving);
	if (s->serve)
		collect_serve(m, s->serve);
	if (s->datagrams)
		collect_datagrams(m, s->datagrams);
	if (s->tls_log)
		collect_log(m, s->tls_log);
	pthread_mutex_unlock(&s->serving);
}

static const char *
ailment(void *arg)
{
	struct service *s = arg;

	return s && atomic_load(&s->draining) ? "stopping" : NULL;
}

/* ---- start -------------------------------------------------------------- */

int
policyd_metrics_open(struct service *s, const char *listen,
    struct metrics_daemon **out, struct diag *d)
{
	const struct metrics_daemon_config c = {
	    .families = families,
	    .n_families = FAMILY_COUNT,
	    .build_info = BUILD_INFO,
	    .collect = collect,
	    .ailment = ailment,
	    .arg = s,
	    .listen = listen,
	};

	return metrics_daemon_open(&c, out, d);
}
