/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What becomes of datagrams, log events and findings; the tally; own mail; the
 * time of log lines. */

#include <stdlib.h>
#include <time.h>

#include "collect/inforce.h"
#include "collect/log_time.h"
#include "collect/own_mail.h"
#include "collect/rows.h"
#include "collect/tally.h"
#include "lib/base/err.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "t/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define TIME ((int64_t)86400 * 20000 + 3600)

struct made {
	struct tally *tally;
	struct arena arena;
	struct rows rows;
};

static void
begin(struct made *m)
{
	arena_init(&m->arena, (size_t)32 << 20);
	m->tally = tally_new();
	m->rows = (struct rows){.tally = m->tally,
	    .arena = &m->arena,
	    .time = TIME,
	    .wanted = true};
}

static void
end(struct made *m)
{
	tally_free(m->tally);
	arena_fini(&m->arena);
}

static void
show_row(struct made *m, struct buf *b, const struct store_tls_result *r)
{
	struct tlsrpt_failure f = {.failed_sessions = 0};
	struct tlsrpt_policy p;

	buf_addf(
	    b, "%.*s<%.*s", STRF(r->policy_domain), STRF(r->recipient_domain));
	if (tlsrpt_policy_decode(&m->arena, r->policy, &p) == 0)
		buf_addf(b, " %.*s %.*s %zu/%zu", STRF(p.type), STRF(p.domain),
		    p.n_strings, p.n_mx_hosts);
	if (r->detail.n && tlsrpt_failure_decode(r->detail, &f) == 0)
		buf_addf(b, " %.*s:%.*s:%.*s:%.*s", STRF(f.result_type),
		    STRF(f.receiving_mx_hostname), STRF(f.receiving_ip),
		    STRF(f.reason_code));
	buf_addf(b, " +%d-%d%s", (int)r->success, (int)r->failure,
	    r->wanted ? "" : " unwanted");
	if (r->day != TIME - TIME % 86400)
		buf_add_z(b, " of another day");
	buf_add_c(b, '\n');
}

static const char *
offer(enum store_offer o)
{
	static const char *const names[] = {"?", "yes", "no"};

	return names[o];
}

static struct str
shown(struct made *m)
{
	const struct store_tls_result *rows;
	const struct store_sighting *seen;
	struct buf b;
	size_t n;

	buf_init(&b, &m->arena, 100000);
	rows = tally_rows(m->tally, &n);
	for (size_t i = 0; i < n; i++)
		show_row(m, &b, &rows[i]);
	seen = tally_sightings(m->tally, &n);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%.*s %.*s starttls=%s requiretls=%s\n",
		    STRF(seen[i].domain), STRF(seen[i].mx),
		    offer(seen[i].starttls), offer(seen[i].requiretls));
	return buf_str(&b);
}

#define D(policy) "{\"d\":\"a.example\",\"policies\":[" policy "]}"
#define EHLO "250-mx.a.example\\r\\n"

static const struct {
	const char *name, *text, *want; /* NULL: refused */
} datagrams[] = {
    {"no policy, twice the same",
	D("{\"policy-type\":9,\"f\":0},{\"policy-type\":9,\"f\":0}"),
	"a.example<a.example no-policy-found a.example 0/0 +2-0\n"},
    {"DANE counts for both domains",
	D("{\"policy-type\":1,\"policy-domain\":\"mx.b.example\","
	  "\"policy-string\":[\"3 1 1 AA\"],\"f\":0}"),
	"a.example<a.example tlsa mx.b.example 1/0 +1-0\n"
	"mx.b.example<a.example tlsa mx.b.example 1/0 +1-0\n"
	"a.example mx.b.example starttls=yes requiretls=?\n"},
    {"DANE of a domain that is its own host counts once",
	D("{\"policy-type\":1,\"policy-domain\":\"A.example.\",\"f\":0}"),
	"a.example<a.example tlsa a.example 0/0 +1-0\n"
	"a.example a.example starttls=yes requiretls=?\n"},
    {"MTA-STS for the recipient domain, whatever its policy domain",
	D("{\"policy-type\":2,\"policy-domain\":\"b.example\",\"mx-host\":"
	  "[\"*.b.example\"],\"f\":0}"),
	"a.example<a.example sts b.example 0/1 +1-0\n"},
    {"a failure with what the host offers before TLS",
	D("{\"policy-type\":2,\"f\":1,\"failure-details\":[{\"c\":205,"
	  "\"n\":\"MX.a.example\",\"r\":\"192.0.2.1\",\"f\":\"why\",\"h\":"
	  "\"" EHLO "250-STARTTLS\\r\\n250 SIZE 5\"}]}"),
	"a.example<a.example sts a.example 0/0 "
	"validation-failure:mx.a.example:192.0.2.1:why +0-1\n"
	"a.example mx.a.example starttls=yes requiretls=?\n"},
    {"a reply from within TLS",
	D("{\"policy-type\":2,\"f\":1,\"failure-details\":[{\"c\":202,"
	  "\"n\":\"mx.a.example\",\"h\":\"" EHLO "250 requiretls\"}]}"),
	"a.example<a.example sts a.example 0/0 "
	"certificate-host-mismatch:mx.a.example:: +0-1\n"
	"a.example mx.a.example starttls=yes requiretls=yes\n"},
    {"no STARTTLS, so no REQUIRETLS",
	D("{\"policy-type\":2,\"f\":1,\"failure-details\":[{\"c\":201,"
	  "\"n\":\"mx.a.example\",\"h\":\"" EHLO "250 SIZE\"}]}"),
	"a.example<a.example sts a.example 0/0 "
	"starttls-not-supported:mx.a.example:: +0-1\n"
	"a.example mx.a.example starttls=no requiretls=no\n"},
    {"a keyword in the greeting is none",
	D("{\"policy-type\":9,\"f\":1,\"failure-details\":[{\"c\":203,"
	  "\"n\":\"mx.a.example\",\"h\":\"250-STARTTLS\\n250-XSTARTTLS\\n"
	  "250 SIZE STARTTLS\"}]}"),
	"a.example<a.example no-policy-found a.example 0/0 "
	"certificate-not-trusted:mx.a.example:: +0-1\n"},
    {"a failure of which nothing is known", D("{\"policy-type\":9,\"f\":1}"),
	"a.example<a.example no-policy-found a.example 0/0 +0-1\n"},
    {"a host that is no name gets no report",
	D("{\"policy-type\":1,\"policy-domain\":\"m x!\",\"f\":0}"),
	"a.example<a.example tlsa m x! 0/0 +1-0\n"},
    {"a domain that is no name",
	"{\"d\":\"a!b/../c\",\"policies\":[{\"policy-type\":9,\"f\":0}]}",
	NULL},
    {"an address",
	"{\"d\":\"[192.0.2.1]\",\"policies\":[{\"policy-type\":9,\"f\":0}]}",
	NULL},
};

static void
test_datagrams(void)
{
	for (size_t i = 0; i < N(datagrams); i++) {
		struct tlsrpt_datagram g;
		struct made m;

		begin(&m);
		ok(tlsrpt_datagram_parse(
		       &m.arena, str_from_z(datagrams[i].text), &g, NULL) == 0,
		    "%s: read", datagrams[i].name);
		if (!datagrams[i].want)
			is_int(rows_of_datagram(&m.rows, &g), AVER_SYNTAX,
			    datagrams[i].name);
		else if (rows_of_datagram(&m.rows, &g) == 0)
			is_str(shown(&m), str_from_z(datagrams[i].want),
			    datagrams[i].name);
		else
			ok(false, "%s: recorded", datagrams[i].name);
		end(&m);
	}
}

static void
test_many_failures(void)
{
	struct tlsrpt_failure f[100];
	struct tlsrpt_policy p = {.type = STR("sts"),
	    .domain = STR("a.example"),
	    .failed = 1,
	    .failures = f,
	    .n_failures = N(f)};
	struct tlsrpt_datagram g = {
	    .domain = STR("a.example"), .policies = &p, .n_policies = 1};
	struct made m;
	size_t n;

	begin(&m);
	for (size_t i = 0; i < N(f); i++) {
		char *text = arena_alloc(&m.arena, 16);

		snprintf(text, 16, "r%zu", i);
		f[i] = (struct tlsrpt_failure){
		    .result_type = STR("validation-failure"),
		    .reason_code = str_from_z(text)};
	}
	is_int(rows_of_datagram(&m.rows, &g), 0, "a hundred failures");
	(void)tally_rows(m.tally, &n);
	is_int((long long)n, (long long)ROWS_FAILURES_MAX, "are bounded");
	is_int((long long)m.rows.cut, 100 - (long long)ROWS_FAILURES_MAX,
	    "and what is cut is counted");
	end(&m);
}

static const struct tlsrpt_policy none = {
    .type = STR_INIT("no-policy-found"), .domain = STR_INIT("a.example")};
static const struct tlsrpt_policy sts = {
    .type = STR_INIT("sts"), .domain = STR_INIT("a.example")};
static const struct tlsrpt_policy tlsa = {
    .type = STR_INIT("tlsa"), .domain = STR_INIT("mx.a.example")};

#define E(k, l, r)                                                           \
	{                                                                    \
		.kind = (k), .domain = STR_INIT("A.example"),                \
		.mx = STR_INIT("MX.a.example"), .ip = STR_INIT("192.0.2.1"), \
		.level = (l), .result = (r)                                  \
	}

static const struct {
	const char *name;
	struct postfix_event e;
	const struct tlsrpt_policy *p;
	unsigned counted;
	const char *want;
} events[] = {
    {"TLS without a policy",
	E(POSTFIX_EVENT_SESSION, POSTFIX_UNTRUSTED, TLSRPT_SUCCESS), &none, 1,
	"a.example<a.example no-policy-found a.example 0/0 +1-0\n"
	"a.example mx.a.example starttls=yes requiretls=?\n"},
    {"in clear without a policy tells nothing",
	E(POSTFIX_EVENT_SESSION, POSTFIX_CLEAR, TLSRPT_SUCCESS), &none, 0, ""},
    {"in clear in spite of a policy",
	E(POSTFIX_EVENT_SESSION, POSTFIX_CLEAR, TLSRPT_SUCCESS), &sts, 1,
	"a.example<a.example sts a.example 0/0 "
	"starttls-not-supported:mx.a.example:192.0.2.1: +0-1\n"},
    {"DANE that failed",
	E(POSTFIX_EVENT_SESSION, POSTFIX_UNTRUSTED,
	    TLSRPT_CERTIFICATE_NOT_TRUSTED),
	&tlsa, 1,
	"a.example<a.example tlsa mx.a.example 0/0 "
	"certificate-not-trusted:mx.a.example:192.0.2.1: +0-1\n"
	"mx.a.example<a.example tlsa mx.a.example 0/0 "
	"certificate-not-trusted:mx.a.example:192.0.2.1: +0-1\n"
	"a.example mx.a.example starttls=yes requiretls=?\n"},
    {"a handshake that failed and no policy",
	E(POSTFIX_EVENT_SESSION, POSTFIX_CLEAR, TLSRPT_VALIDATION_FAILURE),
	&none, 1,
	"a.example<a.example no-policy-found a.example 0/0 "
	"validation-failure:mx.a.example:192.0.2.1: +0-1\n"},
    {"an offer", E(POSTFIX_EVENT_OFFER, POSTFIX_CLEAR, TLSRPT_SUCCESS), &none,
	0, "a.example mx.a.example starttls=yes requiretls=?\n"},
};

static void
test_events(void)
{
	struct postfix_event odd =
	    E(POSTFIX_EVENT_SESSION, POSTFIX_UNTRUSTED, TLSRPT_SUCCESS);
	struct made m;

	for (size_t i = 0; i < N(events); i++) {
		begin(&m);
		is_int(rows_of_event(&m.rows, &events[i].e, events[i].p),
		    events[i].counted, events[i].name);
		is_str(shown(&m), str_from_z(events[i].want), events[i].name);
		end(&m);
	}
	begin(&m);
	odd.domain = STR("x!y");
	is_int(rows_of_event(&m.rows, &odd, &none), 0, "no domain");
	m.rows.wanted = false;
	(void)rows_of_event(&m.rows, &events[0].e, &none);
	is_str(str_head(shown(&m), 65),
	    STR("a.example<a.example no-policy-found a.example 0/0 +1-0 "
		"unwanted\na"),
	    "what reports did is unwanted");
	end(&m);
}

#define POLICY                                                    \
	"version: STSv1\r\nmode: enforce\r\nmx: mx.a.example\r\n" \
	"max_age: 86400\r\n"

static void
test_findings(void)
{
	struct engine_event ev = {.result = TLSRPT_STS_WEBPKI_INVALID,
	    .type = TLSRPT_STS,
	    .policy_domain = STR("a.example"),
	    .recipient_domain = STR("a.example"),
	    .reason = STR("expired"),
	    .policy = STR(POLICY),
	    .time = TIME};
	struct rows_finding f = {.recipient_domain = STR("a.example"),
	    .result = TLSRPT_STS_WEBPKI_INVALID,
	    .reason = STR("ex\npired")};
	struct tlsrpt_policy p;
	struct made m;

	begin(&m);
	inforce_of_event(&m.arena, &ev, &p);
	is_int((long long)p.n_strings, 4, "a policy has a string for a line");
	rows_of_finding(&m.rows, &f, &p);
	is_str(shown(&m),
	    STR("a.example<a.example sts a.example 4/1 "
		"sts-webpki-invalid:::ex pired +0-1\n"),
	    "a finding about a fetch");
	tally_clear(m.tally);
	ev.type = TLSRPT_TLSA;
	ev.policy_domain = STR("mx.b.example");
	ev.policy = STR_NONE;
	f.result = TLSRPT_TLSA_INVALID;
	f.mx = STR("mx.b.example");
	f.reason = STR_NONE;
	inforce_of_event(&m.arena, &ev, &p);
	rows_of_finding(&m.rows, &f, &p);
	is_str(shown(&m),
	    STR("a.example<a.example tlsa mx.b.example 0/0 "
		"tlsa-invalid:mx.b.example:: +0-1\n"
		"mx.b.example<a.example tlsa mx.b.example 0/0 "
		"tlsa-invalid:mx.b.example:: +0-1\n"),
	    "a finding about TLSA records");
	end(&m);
}

static void
test_inforce(void)
{
	const struct tlsa t = {3, 1, 1, STR("\xab\xcd")};
	const struct str mx[] = {STR("*.a.example")};
	struct sts_policy policy = {
	    .mode = STS_TESTING, .mx = mx, .n_mx = 1, .text = STR(POLICY)};
	struct dane_host hosts[2] = {{.name = STR("mx.a.example"),
					 .state = DANE_USABLE,
					 .base = STR("real.example"),
					 .tlsa = &t,
					 .n_tlsa = 1},
	    {.name = STR("mx2.a.example"), .state = DANE_UNUSABLE}};
	struct tls_decision d = {.kind = TLS_DANE,
	    .domain = STR("a.example"),
	    .facts = {.hosts = hosts, .n_hosts = 2}};
	struct tlsrpt_policy p;
	struct arena a;

	arena_init(&a, 1 << 20);
	inforce_of_decision(&a, &d, STR("MX.a.example"), &p);
	is_str(p.type, STR("tlsa"), "a host with records");
	is_str(p.domain, STR("real.example"), "its TLSA base domain");
	ok(p.n_strings == 1 && str_eq_ci(p.strings[0], STR("3 1 1 abcd")),
	    "its records");
	inforce_of_decision(&a, &d, STR("mx2.a.example"), &p);
	is_str(p.type, STR("no-policy-found"), "unusable records");
	inforce_of_decision(&a, &d, STR("mx3.a.example"), &p);
	is_str(p.type, STR("no-policy-found"), "an unknown host");
	is_str(p.domain, STR("a.example"), "then the domain itself");
	d.kind = TLS_STS_TESTING;
	d.facts.sts.policy = &policy;
	inforce_of_decision(&a, &d, STR("mx.a.example"), &p);
	is_str(p.type, STR("sts"), "a policy");
	ok(p.n_strings == 4 && p.n_mx_hosts == 1, "as it was fetched");
	d.kind = TLS_FIXED;
	inforce_of_decision(&a, &d, STR("mx.a.example"), &p);
	is_str(p.type, STR("no-policy-found"), "what the table says is none");
	arena_fini(&a);
}

static void
test_tally(void)
{
	struct store_tls_result r = {.day = 0,
	    .recipient_domain = STR("a.example"),
	    .policy = STR("p"),
	    .success = 1,
	    .wanted = true};
	struct tally *t = tally_new();
	char name[32];
	int err = 0;
	size_t n = 0;

	while (!err && n <= TALLY_ROWS) {
		snprintf(name, sizeof(name), "d%zu.example", n);
		r.policy_domain = str_from_z(name);
		err = tally_add(t, &r);
		n += !err;
		if (n == TALLY_ROWS / 2)
			ok(!tally_is_full(t), "half full is not full");
	}
	is_int(err, AVER_LIMIT, "a row too many");
	is_int((long long)n, (long long)TALLY_ROWS, "as many as there may be");
	ok(tally_is_full(t), "full");
	r.policy_domain = STR("d7.example");
	r.success = 4;
	is_int(tally_add(t, &r), 0, "one that is there still counts");
	ok(tally_rows(t, &n)[7].success == 5, "in its place");
	tally_clear(t);
	ok(!tally_rows(t, &n)->day && n == 0, "empty");
	is_int(tally_add(t, &r), 0, "and used again");
	r.wanted = false;
	is_int(tally_add(t, &r), 0, "unwanted");
	(void)tally_rows(t, &n);
	is_int((long long)n, 2, "unwanted is another row");
	tally_free(t);
}

#define Q "Nov 21 22:40:52 out postfix/qmgr[7]: "

static const struct {
	const char *line, *id;
} own[] = {
    {Q "4A: from=<reports+abc@x.example>, size=1, nrcpt=1", "4A"},
    {Q "4B: from=<Reports@X.example>, size=1, nrcpt=1", "4B"},
    {Q "4C: from=<reports2@x.example>, size=1", NULL},
    {Q "4D: from=<reports+abc@y.example>, size=1", NULL},
    {Q "4E: removed", NULL},
    {Q "4 F: from=<reports@x.example>, size=1", NULL},
    {"Nov 21 22:40:52 out postfix/smtp[7]: 50: from=<reports@x.example>", NULL},
    {"Nov 21 22:40:52 out evil[1]: x postfix/qmgr[7]: 51: "
     "from=<reports@x.example>",
	NULL},
    {Q, NULL},
    {"", NULL},
};

static void
test_own_mail(void)
{
	static const struct str ids[] = {STR_INIT("4A"), STR_INIT("4B"),
	    STR_INIT("4C"), STR_INIT("4D"), STR_INIT("4E"), STR_INIT("4 F"),
	    STR_INIT("50"), STR_INIT("51")};
	struct own_mail *o = malloc(sizeof(*o));
	char line[128];

	own_mail_init(o, STR("reports@x.example"), '+');
	for (size_t i = 0; i < N(own); i++)
		own_mail_line(o, str_from_z(own[i].line));
	for (size_t i = 0; i < N(ids); i++)
		ok(own_mail_is(o, ids[i]) == (own[i].id != NULL), "%.*s",
		    STRF(ids[i]));
	ok(!own_mail_is(o, STR_NONE), "nothing");
	for (int i = 0; i < OWN_MAIL_MAX; i++) {
		snprintf(
		    line, sizeof(line), Q "A%d: from=<reports@x.example>", i);
		own_mail_line(o, str_from_z(line));
	}
	ok(!own_mail_is(o, STR("4A")), "the oldest is forgotten");
	ok(own_mail_is(o, STR("A0")) && own_mail_is(o, STR("A1023")),
	    "the newest are not");
	own_mail_init(o, STR("nobody"), '+');
	own_mail_line(o, str_from_z(own[0].line));
	ok(!own_mail_is(o, STR("4A")), "without an address none is ours");
	free(o);
}

static void
test_log_time(void)
{
	/* 2026-11-26T12:00:00Z and 2026-07-10T12:00:00Z */
	static const int64_t nows[] = {1795694400, 1783684800};
	static const struct {
		struct str stamp;
		int64_t want;
	} cases[] = {
	    {STR_INIT("Jul 10 01:30:00"), 1783639800}, /* the 9th, 23:30Z */
	    {STR_INIT("Nov 20 01:30:00"), 1795134600}, /* 00:30Z */
	    {STR_INIT("2026-07-10T01:30:00"), 1783639800},
	    {STR_INIT("2026-07-10T01:30:00+01:00"), 1783643400},
	    {STR_INIT("2026-11-20T01:30:00Z"), 1795138200},
	};
	int64_t t = 7;

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t k = 0; k < N(nows); k++)
		for (size_t i = 0; i < N(cases); i++) {
			ok(log_time(cases[i].stamp, nows[k], &t) &&
				t == cases[i].want,
			    "%.*s, read in %s", STRF(cases[i].stamp),
			    k ? "summer" : "winter");
			if (t != cases[i].want)
				printf("# got %lld\n", (long long)t);
		}
	ok(!log_time(STR("yesterday"), nows[0], &t), "no time");
	unsetenv("TZ");
	tzset();
}

int
main(void)
{
	test_datagrams();
	test_many_failures();
	test_events();
	test_findings();
	test_inforce();
	test_tally();
	test_own_mail();
	test_log_time();
	return tap_done();
}
