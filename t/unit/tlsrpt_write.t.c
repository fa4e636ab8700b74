/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* TLS reports as JSON. */

#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "lib/tlsrpt/tlsrpt_report.h"
#include "lib/tlsrpt/tlsrpt_write.h"
#include "t/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define MEMORY ((size_t)64 << 20)
#define MOST ((size_t)32 << 20)

static const struct tlsrpt_meta meta = {
    .organization = STR_INIT("Example & Sons"),
    .contact = STR_INIT("tls@example.net"),
    .report_id = STR_INIT("20261124.a.example"),
    .begin = 1795478400, /* 2026-11-24 */
    .end = 1795564800,
};

static int
collect(void *arg, struct str octets)
{
	buf_add(arg, octets);
	return buf_ok(arg) ? 0 : AVER_LIMIT;
}

static struct str
policy(struct arena *a, const char *type, const char *domain, size_t n,
    const char *line)
{
	struct str *lines = ARENA_ARRAY(a, struct str, n ? n : 1);
	struct tlsrpt_policy p = {.type = str_from_z(type),
	    .domain = str_from_z(domain),
	    .strings = lines,
	    .n_strings = n,
	    .mx_hosts = lines,
	    .n_mx_hosts = n && type[0] == 's' ? 1 : 0};
	struct buf b;

	for (size_t i = 0; i < n; i++)
		lines[i] = str_from_z(line);
	buf_init(&b, a, TLSRPT_POLICY_OCTETS_MAX);
	tlsrpt_policy_encode(&b, &p);
	return buf_str(&b);
}

static struct str
failure(struct arena *a, const char *type, const char *mx, const char *reason)
{
	struct tlsrpt_failure f = {.result_type = str_from_z(type),
	    .receiving_mx_hostname = str_from_z(mx),
	    .reason_code = str_from_z(reason)};
	struct buf b;

	buf_init(&b, a, TLSRPT_FAILURE_OCTETS_MAX);
	tlsrpt_failure_encode(&b, &f);
	return buf_str(&b);
}

static void
test_report(void)
{
	struct tlsrpt_writer *w = tlsrpt_writer_new();
	struct tlsrpt_written n;
	struct arena a;
	struct str p;
	struct buf b;
	int err;

	arena_init(&a, MEMORY);
	buf_init(&b, &a, 10000);
	p = policy(&a, "sts", "a.example", 2, "mode: \"x\"");
	err = tlsrpt_write_begin(w, &meta, collect, &b);
	err |= tlsrpt_write_row(w, p, STR_NONE, 5, 0);
	err |= tlsrpt_write_row(
	    w, p, failure(&a, "certificate-expired", "mx.a.example", ""), 0, 2);
	err |= tlsrpt_write_row(
	    w, p, failure(&a, "starttls-not-supported", "", "why"), 0, 1);
	/* the same, of another recipient domain */
	err |= tlsrpt_write_row(
	    w, p, failure(&a, "certificate-expired", "mx.a.example", ""), 0, 3);
	err |= tlsrpt_write_row(w,
	    policy(&a, "no-policy-found", "a.example", 0, ""), STR_NONE, 1, 0);
	err |= tlsrpt_write_end(w);
	is_int(err, 0, "written");
	is_str(buf_str(&b),
	    STR("{\"organization-name\":\"Example & Sons\",\"date-range\":{"
		"\"start-datetime\":\"2026-11-24T00:00:00Z\","
		"\"end-datetime\":\"2026-11-24T23:59:59Z\"},"
		"\"contact-info\":\"tls@example.net\","
		"\"report-id\":\"20261124.a.example\",\"policies\":["
		"{\"policy\":{\"policy-type\":\"sts\",\"policy-string\":["
		"\"mode: \\\"x\\\"\",\"mode: \\\"x\\\"\"],"
		"\"policy-domain\":\"a.example\",\"mx-host\":["
		"\"mode: \\\"x\\\"\"]},\"summary\":{"
		"\"total-successful-session-count\":5,"
		"\"total-failure-session-count\":6},\"failure-details\":["
		"{\"result-type\":\"certificate-expired\","
		"\"receiving-mx-hostname\":\"mx.a.example\","
		"\"failed-session-count\":5},"
		"{\"result-type\":\"starttls-not-supported\","
		"\"failed-session-count\":1,"
		"\"failure-reason-code\":\"why\"}]},"
		"{\"policy\":{\"policy-type\":\"no-policy-found\","
		"\"policy-domain\":\"a.example\"},\"summary\":{"
		"\"total-successful-session-count\":1,"
		"\"total-failure-session-count\":0},\"failure-details\":[]}]}"),
	    "a report");
	tlsrpt_writer_counts(w, &n);
	ok(n.octets == b.n && n.policies == 2 && n.success == 6 &&
		n.failure == 6 && n.left_out == 0,
	    "counted");
	buf_clear(&b);
	tlsrpt_write_begin(w, &meta, collect, &b);
	is_int(tlsrpt_write_end(w), 0, "a second one");
	ok(str_ends_ci(buf_str(&b), STR("\"policies\":[]}")),
	    "nothing of the first is in it");
	tlsrpt_writer_free(w);
	tlsrpt_writer_free(NULL);
	arena_fini(&a);
}

/* More different failures than are told: the sums stay true. */
static void
test_many(void)
{
	struct tlsrpt_writer *w = tlsrpt_writer_new();
	uint64_t sum = 0, rest = 0;
	struct tlsrpt_report r;
	struct tlsrpt_written n;
	struct arena a, tmp;
	struct diag d = {"", 0};
	struct str p;
	struct buf b;
	int err = 0;

	arena_init(&a, (size_t)256 << 20);
	arena_init(&tmp, MEMORY);
	buf_init(&b, NULL, MOST);
	p = policy(&a, "tlsa", "mx.a.example", 1, "3 1 1 ab");
	tlsrpt_write_begin(w, &meta, collect, &b);
	for (unsigned i = 0; i < 30000; i++) {
		char mx[40];

		arena_reset(&tmp);
		snprintf(mx, sizeof(mx), "mx%u.a.example", i);
		err |= tlsrpt_write_row(w, p,
		    failure(&tmp, i % 2 ? "tlsa-invalid" : "dnssec-invalid", mx,
			"r"),
		    0, 2);
	}
	err |= tlsrpt_write_end(w);
	is_int(err, 0, "30 000 failures");
	tlsrpt_writer_counts(w, &n);
	is_int(tlsrpt_report_parse(&a, buf_str(&b), &r, &d), 0, d.text);
	is_int(r.n_policies, 1, "one policy");
	for (size_t i = 0; i < r.policies[0].n_failures; i++) {
		const struct tlsrpt_failure *f = &r.policies[0].failures[i];

		sum += f->failed_sessions;
		if (str_eq(f->reason_code, STR(TLSRPT_REMAINDER)))
			rest += f->failed_sessions;
	}
	is_int(r.policies[0].n_failures, TLSRPT_DETAILS_MAX + 2,
	    "told one by one, and a rest of each type");
	is_int(sum, 60000, "no session is missing");
	is_int(r.policies[0].failed, 60000, "nor in the summary");
	ok(rest == 40000 && n.left_out == rest, "and the rest is told of");
	buf_fini(&b);
	tlsrpt_writer_free(w);
	arena_fini(&tmp);
	arena_fini(&a);
}

/* Details so long that memory is what ends them. */
static void
test_long(void)
{
	struct tlsrpt_writer *w = tlsrpt_writer_new();
	static char text[400];
	struct tlsrpt_written n;
	struct arena tmp;
	struct str p;
	struct buf b;
	int err = 0;

	memset(text, 'x', sizeof(text) - 1);
	arena_init(&tmp, MEMORY);
	buf_init(&b, NULL, MOST);
	p = arena_dup(&tmp, policy(&tmp, "sts", "a.example", 1, "v"));
	tlsrpt_write_begin(w, &meta, collect, &b);
	for (unsigned i = 0; i < 9000; i++) {
		char reason[40];

		snprintf(reason, sizeof(reason), "r%u", i);
		memcpy(text, reason, strlen(reason));
		err |= tlsrpt_write_row(w, p,
		    failure(&tmp, "validation-failure", text, text), 0, 1);
	}
	err |= tlsrpt_write_end(w);
	tlsrpt_writer_counts(w, &n);
	ok(err == 0 && n.failure == 9000 && n.left_out > 0 && n.left_out < 9000,
	    "long ones: %u left out", (unsigned)n.left_out);
	buf_fini(&b);
	tlsrpt_writer_free(w);
	arena_fini(&tmp);
}

static void
test_hostile(void)
{
	static const struct tlsrpt_meta odd = {
	    .organization = STR_INIT("a\"\\\n\xff\xed\xa0\x80\xef\xbf\xbe"),
	    .contact = STR_INIT("\0x"),
	    .report_id = STR_INIT("</script>\xe2\x80\xa8"),
	    .begin = -1,
	    .end = 253402300800 + 86400,
	};
	struct tlsrpt_writer *w = tlsrpt_writer_new();
	struct tlsrpt_report r;
	struct arena a;
	struct str p;
	json_t *tree;
	struct buf b;

	arena_init(&a, MEMORY);
	buf_init(&b, &a, 10000);
	p = policy(&a, "x", "a\x01\xff", 1, "\"}]}\xc3");
	tlsrpt_write_begin(w, &odd, collect, &b);
	is_int(tlsrpt_write_row(w, p, failure(&a, "x", "\xf0\x9f\x98", "\"},{"),
		   UINT64_MAX, 1),
	    0, "odd octets");
	is_int(tlsrpt_write_row(w, STR("P?"), STR_NONE, 1, 0), AVER_SYNTAX,
	    "no policy");
	is_int(
	    tlsrpt_write_row(w, p, STR("F?"), 1, 0), AVER_SYNTAX, "no failure");
	is_int(tlsrpt_write_end(w), 0, "ends");
	tree = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	ok(tree != NULL, "I-JSON it is: %s", buf_z(&b));
	json_decref(tree);
	ok(tlsrpt_report_parse(&a, buf_str(&b), &r, NULL) == 0 &&
		r.n_policies == 1 &&
		r.policies[0].successful == ((uint64_t)1 << 53) - 1,
	    "numbers stay within what readers keep");
	tlsrpt_writer_free(w);
	arena_fini(&a);
}

static int
refuse(void *arg, struct str octets)
{
	size_t *left = arg;

	if (octets.n > *left)
		return 77;
	*left -= octets.n;
	return 0;
}

static void
test_sink(void)
{
	struct tlsrpt_writer *w = tlsrpt_writer_new();
	struct arena a;
	struct str p;

	arena_init(&a, MEMORY);
	p = policy(&a, "sts", "a.example", 1, "v");
	for (size_t room = 0; room < 400; room += 7) {
		size_t left = room;
		int err = tlsrpt_write_begin(w, &meta, refuse, &left);

		if (err == 0)
			err = tlsrpt_write_row(w, p, STR_NONE, 1, 0);
		if (err == 0)
			err = tlsrpt_write_end(w);
		if (err != 77 && err != 0)
			ok(false, "room for %zu: %d", room, err);
		if (err == 77)
			err = tlsrpt_write_row(w, p, STR_NONE, 1, 0);
		if (err == 0 && room < 300)
			ok(false, "room for %zu only", room);
	}
	ok(true, "what the sink says comes back");
	tlsrpt_writer_free(w);
	arena_fini(&a);
}

static const struct {
	int64_t t;
	const char *want;
} times[] = {
    {0, "1970-01-01T00:00:00Z"},
    {951782400, "2000-02-29T00:00:00Z"},
    {951868800, "2000-03-01T00:00:00Z"},
    {1709164800, "2024-02-29T00:00:00Z"},
    {1767225599, "2025-12-31T23:59:59Z"},
    {1767225600, "2026-01-01T00:00:00Z"},
    {4107542400, "2100-03-01T00:00:00Z"},
};

static void
test_times(void)
{
	struct tlsrpt_writer *w = tlsrpt_writer_new();
	struct tlsrpt_meta m = meta;
	struct tlsrpt_report r;
	struct arena a;
	struct buf b;

	arena_init(&a, MEMORY);
	buf_init(&b, &a, 10000);
	for (size_t i = 0; i < N(times); i++) {
		buf_clear(&b);
		m.begin = times[i].t;
		m.end = times[i].t + 1;
		tlsrpt_write_begin(w, &m, collect, &b);
		tlsrpt_write_end(w);
		tlsrpt_report_parse(&a, buf_str(&b), &r, NULL);
		is_str(r.start, str_from_z(times[i].want), times[i].want);
		is_str(r.end, r.start, "and the end");
	}
	tlsrpt_writer_free(w);
	arena_fini(&a);
}

int
main(void)
{
	test_report();
	test_many();
	test_long();
	test_hostile();
	test_sink();
	test_times();
	return tap_done();
}
