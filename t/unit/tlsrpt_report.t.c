/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include <sys/resource.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/tlsrpt/tlsrpt_report.h"

#define MB ((size_t)1 << 20)

/* --- reports, and what is read from them as one line */

static void
add(struct buf *b, const char *label, struct str s)
{
	if (!s.n)
		return;
	buf_addf(b, " %s=", label);
	buf_add(b, s);
}

static void
add_failure(struct buf *b, const struct tlsrpt_failure *f)
{
	buf_add_z(b, " failure(");
	add(b, "type", f->result_type);
	add(b, "from", f->sending_mta_ip);
	add(b, "mx", f->receiving_mx_hostname);
	add(b, "helo", f->receiving_mx_helo);
	add(b, "to", f->receiving_ip);
	add(b, "info", f->additional_information);
	add(b, "code", f->reason_code);
	buf_addf(b, " %llu)", (unsigned long long)f->failed_sessions);
}

static void
dump(struct buf *b, const struct tlsrpt_report *r)
{
	buf_add_z(b, "report");
	add(b, "org", r->organization_name);
	add(b, "contact", r->contact_info);
	add(b, "id", r->report_id);
	add(b, "start", r->start);
	add(b, "end", r->end);
	for (size_t i = 0; i < r->n_policies; i++) {
		const struct tlsrpt_policy *p = &r->policies[i];

		buf_add_z(b, "; policy");
		add(b, "type", p->type);
		add(b, "domain", p->domain);
		for (size_t k = 0; k < p->n_strings; k++)
			add(b, "string", p->strings[k]);
		for (size_t k = 0; k < p->n_mx_hosts; k++)
			add(b, "mx", p->mx_hosts[k]);
		buf_addf(b, " %llu/%llu", (unsigned long long)p->successful,
		    (unsigned long long)p->failed);
		for (size_t k = 0; k < p->n_failures; k++)
			add_failure(b, &p->failures[k]);
	}
}

static const struct {
	const char *name;
	struct str json;
	const char *want;
} reports[] = {
    {"complete",
	STR_INIT(
	    "{\"organization-name\":\"Company-X\",\"date-range\":{"
	    "\"start-datetime\":\"2016-04-01T00:00:00Z\","
	    "\"end-datetime\":\"2016-04-01T23:59:59Z\"},"
	    "\"contact-info\":\"sts@company-x.example\",\"report-id\":\"i\","
	    "\"policies\":[{\"policy\":{\"policy-type\":\"sts\","
	    "\"policy-string\":[\"version: STSv1\",\"mode: testing\"],"
	    "\"policy-domain\":\"company-y.example\","
	    "\"mx-host\":[\"*.mail.company-y.example\"]},"
	    "\"summary\":{\"total-successful-session-count\":5326,"
	    "\"total-failure-session-count\":303},"
	    "\"failure-details\":[{\"result-type\":\"certificate-expired\","
	    "\"sending-mta-ip\":\"2001:db8::1\","
	    "\"receiving-mx-hostname\":\"mx1.example\","
	    "\"receiving-mx-helo\":\"helo.example\","
	    "\"receiving-ip\":\"192.0.2.1\","
	    "\"additional-information\":\"https://r.example/\","
	    "\"failure-reason-code\":\"X\",\"failed-session-count\":100}]}]}"),
	"report org=Company-X contact=sts@company-x.example id=i "
	"start=2016-04-01T00:00:00Z end=2016-04-01T23:59:59Z; policy "
	"type=sts domain=company-y.example string=version: STSv1 "
	"string=mode: testing mx=*.mail.company-y.example 5326/303 "
	"failure( type=certificate-expired from=2001:db8::1 mx=mx1.example "
	"helo=helo.example to=192.0.2.1 info=https://r.example/ code=X 100)"},
    {"nothing but the list", STR_INIT("{\"policies\":[]}"), "report"},
    {"erratum 6241",
	STR_INIT("{\"policies\":[{\"policy\":{\"mx-host\":\"a.example\","
		 "\"policy-string\":\"x\"}}]}"),
	"report; policy string=x mx=a.example 0/0"},
    {"null and other kinds",
	STR_INIT("{\"report-id\":5,\"date-range\":null,\"policies\":[null,7,"
		 "{\"policy\":[],\"summary\":null,\"failure-details\":{}},"
		 "{\"policy\":{\"mx-host\":[null,\"m\",{}]},"
		 "\"failure-details\":[1,null,{}]}]}"),
	"report; policy 0/0; policy mx=m 0/0 failure( 0)"},
    {"numbers",
	STR_INIT("{\"policies\":[{\"summary\":{"
		 "\"total-successful-session-count\":\"12\","
		 "\"total-failure-session-count\":3.0}},{\"summary\":{"
		 "\"total-successful-session-count\":-1,"
		 "\"total-failure-session-count\":1e300}}]}"),
	"report; policy 12/3; policy 0/0"},
    {"unknown keys, order, doubles",
	STR_INIT("{\"x\":{\"policies\":1},\"policies\":[],\"report-id\":\"a\","
		 "\"report-id\":\"b\"}"),
	"report id=b"},
    {"repaired UTF-8",
	STR_INIT("{\"report-id\":\"a\xff"
		 "b\",\"policies\":[]}"),
	"report id=a\xef\xbf\xbd"
	"b"},
    {"byte order mark", STR_INIT("\xef\xbb\xbf{\"policies\":[]}\r\n"),
	"report"},
    {"escapes", STR_INIT("{\"report-id\":\"\\\"\\u00e9[{\",\"policies\":[]}"),
	"report id=\"\xc3\xa9[{"},
};

static void
test_reports(void)
{
	struct buf out;

	buf_init(&out, NULL, 65536);
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		struct tlsrpt_report r = {0};
		struct diag d = {.text = ""};
		struct arena a;

		arena_init(&a, MB);
		buf_clear(&out);
		if (ok(tlsrpt_report_parse(&a, reports[i].json, &r, &d) == 0,
			"%s %s", reports[i].name, d.text))
			dump(&out, &r);
		is_str(buf_str(&out), str_from_z(reports[i].want),
		    reports[i].name);
		arena_fini(&a);
	}
	buf_fini(&out);
}

static const struct {
	const char *name;
	struct str json;
} malformed[] = {
    {"empty", STR_INIT("")},
    {"white space", STR_INIT(" ")},
    {"text", STR_INIT("hello")},
    {"a list", STR_INIT("[]")},
    {"a string", STR_INIT("\"policies\"")},
    {"no policies", STR_INIT("{}")},
    {"policies is no list", STR_INIT("{\"policies\":{}}")},
    {"cut off", STR_INIT("{\"policies\":[")},
    {"cut off in a string", STR_INIT("{\"policies")},
    {"cut off in an escape", STR_INIT("{\"policies\\")},
    {"octets behind", STR_INIT("{\"policies\":[]}x")},
    {"NUL", STR_INIT("{\"policies\":[]}\0")},
    {"control character", STR_INIT("{\"a\":\"\x01\",\"policies\":[]}")},
    {"huge number",
	STR_INIT("{\"a\":99999999999999999999999,\"policies\":[]}")},
    {"half a surrogate", STR_INIT("{\"a\":\"\\ud800\",\"policies\":[]}")},
};

static void
test_malformed(void)
{
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct tlsrpt_report r;
		struct diag d = {.text = ""};
		struct arena a;

		arena_init(&a, MB);
		is_int(tlsrpt_report_parse(&a, malformed[i].json, &r, &d),
		    AVER_SYNTAX, malformed[i].name);
		ok(d.text[0], "says: %s", d.text);
		arena_fini(&a);
	}
}

/* --- bombs */

static const struct {
	const char *name, *begin, *part;
	size_t octets;
	const char *text;
} bombs[] = {
    {"a million levels", "{\"policies\":", "[", 1000000, "levels"},
    {"levels of objects", "", "{\"a\":", 5000000, "levels"},
    {"values", "{\"policies\":[0", ",0", 15 * MB, "values"},
    {"lists", "{\"policies\":[0", ",[]", 15 * MB, "values"},
    {"size", "{\"policies\":\"", "aaaaaaaaaaaaaaaa", 17 * MB, "octets"},
};

static void
test_bombs(void)
{
	struct rusage u;
	struct buf b;

	buf_init(&b, NULL, 32 * MB);
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		struct tlsrpt_report r;
		struct diag d = {.text = ""};
		struct arena a;
		long before;

		buf_clear(&b);
		buf_add_z(&b, bombs[i].begin);
		while (b.n < bombs[i].octets)
			buf_add_z(&b, bombs[i].part);
		getrusage(RUSAGE_SELF, &u);
		before = u.ru_maxrss;
		arena_init(&a, MB);
		is_int(tlsrpt_report_parse(&a, buf_str(&b), &r, &d), AVER_LIMIT,
		    bombs[i].name);
		ok(strstr(d.text, bombs[i].text), "says: %s", d.text);
		getrusage(RUSAGE_SELF, &u);
		ok(u.ru_maxrss - before < 4096, "grew by %ld kB",
		    u.ru_maxrss - before);
		arena_fini(&a);
	}
	buf_fini(&b);
}

int
main(void)
{
	test_reports();
	test_malformed();
	test_bombs();
	return tap_done();
}
