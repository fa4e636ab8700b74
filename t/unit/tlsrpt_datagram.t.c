/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Datagrams of libtlsrpt, and the octets that rows are kept under. */

#include <time.h>

#include "lib/base/err.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "lib/tlsrpt/tlsrpt_datagram.h"
#include "t/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
show_policy(struct buf *b, const struct tlsrpt_policy *p)
{
	buf_addf(b, "|%.*s %.*s", STRF(p->type), STRF(p->domain));
	for (size_t i = 0; i < p->n_strings; i++)
		buf_addf(b, " <%.*s>", STRF(p->strings[i]));
	for (size_t i = 0; i < p->n_mx_hosts; i++)
		buf_addf(b, " mx=%.*s", STRF(p->mx_hosts[i]));
	buf_addf(b, " %d/%d", (int)p->successful, (int)p->failed);
	for (size_t i = 0; i < p->n_failures; i++) {
		const struct tlsrpt_failure *f = &p->failures[i];

		buf_addf(b, " {%.*s %.*s %.*s %.*s %.*s %.*s %.*s}",
		    STRF(f->result_type), STRF(f->sending_mta_ip),
		    STRF(f->receiving_mx_hostname), STRF(f->receiving_mx_helo),
		    STRF(f->receiving_ip), STRF(f->additional_information),
		    STRF(f->reason_code));
	}
}

static struct str
shown(struct arena *a, const struct tlsrpt_datagram *g)
{
	struct buf b;

	buf_init(&b, a, 10000);
	buf_addf(&b, "%.*s", STRF(g->domain));
	for (size_t i = 0; i < g->n_policies; i++)
		show_policy(&b, &g->policies[i]);
	if (g->n_skipped || g->n_cut)
		buf_addf(&b, " skipped %zu cut %zu", g->n_skipped, g->n_cut);
	return buf_str(&b);
}

#define P(inner) "{\"d\":\"a.example\",\"policies\":[" inner "]}"
#define NONE_F "{\"policy-type\":9,\"f\":1,\"failure-details\":["

static const struct {
	const char *name, *text;
	const char *want; /* NULL: refused */
} datagrams[] = {
    {"no policy, success",
	"{\"dpv\": \"1\",\"d\": \"Plain.Example.\",\"pr\": \"v=TLSRPTv1; "
	"rua=mailto:t@plain.example\",\"policies\":[{\"policy-type\":9,"
	"\"policy-domain\": \"plain.example\",\"t\":0,\"f\":0}]}",
	"plain.example|no-policy-found plain.example 1/0"},
    {"sts, failure",
	"{\"dpv\": \"1\",\"d\": \"s.example\",\"pr\": \"x\",\"policies\":"
	"[{\"policy-type\":2,\"policy-domain\": \"s.example\","
	"\"policy-string\":[\"version: STSv1\",\"mode: enforce\"],"
	"\"mx-host\":[\"MX.s.example\",\"*.s.example\"],"
	"\"failure-details\":[{\"c\":205,\"s\": \"192.0.2.9\",\"n\": "
	"\"mx.s.example\",\"h\": \"250-mx.s.example\\r\\n250 SIZE\","
	"\"r\": \"2001:DB8:0::5\",\"f\": \"self-signed_certificate\"}],"
	"\"t\":1,\"f\":1}]}",
	"s.example|sts s.example <version: STSv1> <mode: enforce> "
	"mx=mx.s.example mx=*.s.example 0/1 {validation-failure 192.0.2.9 "
	"mx.s.example mx.s.example 2001:db8::5  self-signed_certificate}"},
    {"tlsa",
	P("{\"policy-type\":1,\"policy-domain\":\"mx.a.example\","
	  "\"policy-string\":[\"3 1 1 AB\"],\"t\":0,\"f\":0}"),
	"a.example|tlsa mx.a.example <3 1 1 AB> 1/0"},
    {"two policies",
	P("{\"policy-type\":2,\"f\":0},"
	  "{\"policy-type\":1,\"f\":1}"),
	"a.example|sts a.example 1/0|tlsa a.example 0/1"},
    {"any order, unknown keys, other white space",
	" {\"x\":{\"d\":[1,{}]} ,\r\n\t\"policies\" : [ { \"f\" : 0 , "
	"\"y\":[[]],\"policy-type\" : 9 } ] , \"d\" : \"a.example\" }\n",
	"a.example|no-policy-found a.example 1/0"},
    {"NUL behind", P("{\"policy-type\":9}"),
	"a.example|no-policy-found a.example 1/0"},
    {"numbers as texts", P("{\"policy-type\":\"9\",\"f\":\"1\"}"),
	"a.example|no-policy-found a.example 0/1"},
    {"no result, no failure", P("{\"policy-type\":9}"),
	"a.example|no-policy-found a.example 1/0"},
    {"no result, but failures",
	P("{\"policy-type\":9,\"failure-details\":"
	  "[{\"c\":201}]}"),
	"a.example|no-policy-found a.example 0/1 "
	"{starttls-not-supported      }"},
    {"success in spite of a failure",
	P("{\"policy-type\":9,\"f\":0,\"failure-details\":[{\"c\":201}]}"),
	"a.example|no-policy-found a.example 1/0"},
    {"wrong kinds",
	P("7,null,\"x\",[],{\"policy-type\":9,\"policy-domain\":5,"
	  "\"policy-string\":\"one\",\"mx-host\":{\"a\":1},"
	  "\"failure-details\":7,\"f\":0}"),
	"a.example|no-policy-found a.example <one> 1/0"},
    {"wrong kinds in lists",
	P("{\"policy-type\":9,\"mx-host\":[1,\"b.example\",null,[\"c\"]],"
	  "\"failure-details\":[1,[],{}],\"f\":1}"),
	"a.example|no-policy-found a.example mx=b.example 0/1 "
	"{validation-failure      code-0}"},
    {"unknown code", P(NONE_F "{\"c\":299}]}"),
	"a.example|no-policy-found a.example 0/1 "
	"{validation-failure      code-299}"},
    {"unknown code with reason", P(NONE_F "{\"c\":299,\"f\":\"why\"}]}"),
	"a.example|no-policy-found a.example 0/1 {validation-failure      "
	"why}"},
    {"addresses that are none",
	P(NONE_F "{\"c\":203,\"s\":\"x\",\"r\":\"1.2.3\"}]}"),
	"a.example|no-policy-found a.example 0/1 "
	"{certificate-not-trusted      }"},
    {"unfinished policy",
	P("{\"policy-type\":9,\"f\":0},{\"policy-type\":2,"
	  "\"f\":1,\"failure-details\":[{\"c\":901}]}"),
	"a.example|no-policy-found a.example 1/0 skipped 1 cut 0"},
    {"unknown policy", P("{\"policy-type\":3},{\"policy-type\":1}"),
	"a.example|tlsa a.example 1/0 skipped 1 cut 0"},
    {"bad UTF-8", P(NONE_F "{\"c\":201,\"f\":\"a\xff\xc3\xa4\xed\xa0\x80\"}]}"),
	"a.example|no-policy-found a.example 0/1 {starttls-not-supported      "
	"a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd}"},
    {"escapes",
	P(NONE_F "{\"c\":201,\"f\":\"\\u00e4\\ud83d\\ude00\\ud800"
		 "\\/\\\"\\n\\u0000\\u001b\"}]}"),
	"a.example|no-policy-found a.example 0/1 {starttls-not-supported      "
	"\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbd/\" \xef\xbf\xbd }"},
    {"raw control characters", P(NONE_F "{\"c\":201,\"f\":\"a\tb\nc\"}]}"),
	"a.example|no-policy-found a.example 0/1 {starttls-not-supported      "
	"a b c}"},
    {"U-label",
	"{\"d\":\"b\xc3\xbc"
	"cher.example\",\"policies\":"
	"[{\"policy-type\":9}]}",
	"xn--bcher-kva.example|no-policy-found xn--bcher-kva.example 1/0"},
    {"the last of a key counts",
	"{\"d\":\"x.example\",\"policies\":[{\"policy-type\":9}],"
	"\"d\":\"a.example\"}",
	"a.example|no-policy-found a.example 1/0"},
    {"empty", "", NULL},
    {"no object", "[]", NULL},
    {"a number", "1", NULL},
    {"no domain", "{\"policies\":[{\"policy-type\":9}]}", NULL},
    {"empty domain", "{\"d\":\"\",\"policies\":[{\"policy-type\":9}]}", NULL},
    {"domain of another kind", "{\"d\":1,\"policies\":[{\"policy-type\":9}]}",
	NULL},
    {"no policies", "{\"d\":\"a.example\"}", NULL},
    {"policies of another kind", "{\"d\":\"a.example\",\"policies\":{}}", NULL},
    {"empty policies", P(""), NULL},
    {"only unknown ones", P("{\"policy-type\":3}"), NULL},
    {"policy without type", P("{\"f\":0}"), NULL},
    {"cut off", "{\"d\":\"a.example\",\"policies\":[{\"policy-type\":9}]",
	NULL},
    {"cut off in a string", "{\"d\":\"a.exam", NULL},
    {"cut off in an escape", "{\"d\":\"a\\", NULL},
    {"more behind", P("{\"policy-type\":9}") "x", NULL},
    {"two objects", P("{\"policy-type\":9}") "{}", NULL},
    {"comma at the end", P("{\"policy-type\":9},"), NULL},
    {"comma before a brace", P("{\"policy-type\":9,}"), NULL},
    {"no colon", "{\"d\" \"a.example\"}", NULL},
    {"no quotes", "{d:\"a.example\"}", NULL},
    {"bad escape", "{\"d\":\"\\x\"}", NULL},
    {"bad \\u", "{\"d\":\"\\u12g4\"}", NULL},
    {"bad number", P("{\"policy-type\":09}"), NULL},
    {"bad word", P("{\"policy-type\":nil}"), NULL},
    {"wrong bracket", P("{\"policy-type\":9]"), NULL},
};

static void
test_datagrams(void)
{
	for (size_t i = 0; i < N(datagrams); i++) {
		const char *name = datagrams[i].name, *want = datagrams[i].want;
		struct str text = str_from_z(datagrams[i].text);
		struct tlsrpt_datagram g;
		struct diag d = {"", 0};
		struct arena a;
		int err;

		arena_init(&a, TLSRPT_DATAGRAM_MEMORY);
		if (!strcmp(name, "NUL behind"))
			text.n++;
		err = tlsrpt_datagram_parse(&a, text, &g, &d);
		is_int(err, want ? 0 : AVER_SYNTAX, name);
		if (want)
			is_str(err ? str_from_z(d.text) : shown(&a, &g),
			    str_from_z(want), name);
		else
			ok(d.text[0] != 0, "%s: %s", name, d.text);
		arena_fini(&a);
	}
}

static int
parse_z(struct arena *a, const struct buf *b, struct tlsrpt_datagram *g)
{
	struct diag d;

	arena_reset(a);
	return tlsrpt_datagram_parse(a, buf_str(b), g, &d);
}

static void
test_bounds(void)
{
	struct tlsrpt_datagram g;
	struct arena a;
	struct buf b;

	arena_init(&a, TLSRPT_DATAGRAM_MEMORY);
	buf_init(&b, NULL, (size_t)1 << 20);
	buf_add_z(&b, "{\"d\":\"a.example\",\"x\":");
	for (int i = 0; i < 100000; i++)
		buf_add_c(&b, '[');
	is_int(parse_z(&a, &b, &g), AVER_LIMIT, "nested deep");
	buf_clear(&b);
	buf_add_z(&b, "{\"d\":\"a.example\",\"policies\":[{\"policy-type\":2,"
		      "\"mx-host\":[\"a\"");
	while (b.n < 200000)
		buf_add_z(&b, ",\"a\"");
	buf_add_z(&b, "]}]}");
	ok(parse_z(&a, &b, &g) == 0 &&
		g.policies[0].n_mx_hosts == TLSRPT_STRINGS_MAX && g.n_cut > 0,
	    "200 kB of hosts: cut, and told");
	buf_clear(&b);
	buf_add_z(&b, "{\"d\":\"a.example\",\"policies\":[{\"policy-type\":2,"
		      "\"f\":1,\"failure-details\":[{\"c\":201}");
	for (int i = 0; i < 1000; i++)
		buf_add_z(&b, ",{\"c\":201}");
	buf_add_z(&b, "]}");
	for (int i = 0; i < 100; i++)
		buf_add_z(&b, ",{\"policy-type\":9}");
	buf_add_z(&b, "]}");
	ok(parse_z(&a, &b, &g) == 0 &&
		g.policies[0].n_failures == TLSRPT_DATAGRAM_FAILURES_MAX &&
		g.n_policies == TLSRPT_DATAGRAM_POLICIES_MAX &&
		g.n_cut == 1001 - 256 + 101 - 64,
	    "many failures and policies");
	buf_clear(&b);
	buf_add_z(&b, "{\"d\":\"");
	for (int i = 0; i < 200000; i++)
		buf_add_c(&b, (char)(i % 2 ? 0xff : 'a'));
	buf_add_z(&b, "\",\"policies\":[{\"policy-type\":9}]}");
	is_int(parse_z(&a, &b, &g), AVER_SYNTAX, "200 kB of domain");
	while (b.n <= TLSRPT_DATAGRAM_MAX)
		buf_add_c(&b, ' ');
	is_int(parse_z(&a, &b, &g), AVER_LIMIT, "too long");
	buf_fini(&b);
	arena_fini(&a);
	arena_init(&a, 100);
	is_int(
	    tlsrpt_datagram_parse(&a, str_from_z(datagrams[1].text), &g, NULL),
	    AVER_NOMEM, "out of memory");
	arena_fini(&a);
}

/* --- the octets of rows ------------------------------------------------ */

static void
test_codec(void)
{
	static const struct str strings[] = {
	    STR_INIT("version: STSv1"), STR_INIT(""), STR_INIT("m\xc3\xa4x")};
	static const struct str hosts[] = {STR_INIT("*.a.example")};
	struct tlsrpt_policy p = {.type = STR("STS"),
				 .domain = STR("a.example"),
				 .strings = strings,
				 .n_strings = 3,
				 .mx_hosts = hosts,
				 .n_mx_hosts = 1,
				 .successful = 5},
			     back;
	struct tlsrpt_failure f = {.result_type = STR("dane-required"),
				  .sending_mta_ip = STR("192.0.2.1"),
				  .receiving_mx_hostname = STR("mx"),
				  .receiving_mx_helo = STR("helo"),
				  .receiving_ip = STR("::1"),
				  .additional_information = STR("u:r"),
				  .reason_code = STR("why"),
				  .failed_sessions = 9},
			      again;
	struct buf b, c;
	struct arena a;

	arena_init(&a, (size_t)1 << 20);
	buf_init(&b, &a, TLSRPT_POLICY_OCTETS_MAX);
	buf_init(&c, &a, TLSRPT_POLICY_OCTETS_MAX);
	tlsrpt_policy_encode(&b, &p);
	ok(tlsrpt_policy_decode(&a, buf_str(&b), &back) == 0 &&
		str_eq(back.type, STR("sts")) &&
		str_eq(back.domain, p.domain) && back.n_strings == 3 &&
		str_eq(back.strings[2], strings[2]) && back.n_mx_hosts == 1 &&
		back.successful == 0,
	    "a policy comes back, without counts");
	tlsrpt_policy_encode(&c, &back);
	is_str(buf_str(&c), buf_str(&b), "and has the same octets again");
	for (size_t i = 0; i < b.n; i++)
		if (tlsrpt_policy_decode(&a, str_head(buf_str(&b), i), &back) ==
		    0)
			ok(false, "cut at %zu it is none", i);
	buf_add_c(&b, 'x');
	is_int(tlsrpt_policy_decode(&a, buf_str(&b), &back), AVER_SYNTAX,
	    "more behind");
	buf_clear(&b);
	tlsrpt_failure_encode(&b, &f);
	ok(tlsrpt_failure_decode(buf_str(&b), &again) == 0 &&
		str_eq(again.result_type, f.result_type) &&
		str_eq(again.sending_mta_ip, f.sending_mta_ip) &&
		str_eq(again.receiving_mx_hostname, f.receiving_mx_hostname) &&
		str_eq(again.receiving_mx_helo, f.receiving_mx_helo) &&
		str_eq(again.receiving_ip, f.receiving_ip) &&
		str_eq(
		    again.additional_information, f.additional_information) &&
		str_eq(again.reason_code, f.reason_code) &&
		again.failed_sessions == 0,
	    "a failure comes back");
	is_int(tlsrpt_policy_decode(&a, buf_str(&b), &back), AVER_SYNTAX,
	    "it is no policy");
	b.p[2] = 0;
	is_int(tlsrpt_failure_decode(buf_str(&b), &again), AVER_SYNTAX,
	    "success is no failure");
	b.p[2] = 1;
	b.p[1] = 2;
	is_int(tlsrpt_failure_decode(buf_str(&b), &again), AVER_SYNTAX,
	    "another version");
	arena_fini(&a);
}

static void
test_codec_bounds(void)
{
	static char longest[2000];
	static struct str list[5000];
	struct tlsrpt_policy p = {.type = STR("sts"),
				 .domain = {longest, sizeof(longest)},
				 .strings = list,
				 .n_strings = N(list),
				 .mx_hosts = list,
				 .n_mx_hosts = N(list)},
			     back;
	struct tlsrpt_failure f, again;
	struct arena a;
	struct buf b;

	for (size_t i = 0; i + 1 < sizeof(longest); i += 2)
		memcpy(longest + i, "\xc3\xa4", 2);
	for (size_t i = 0; i < N(list); i++)
		list[i] = (struct str){longest, 2 * (i % 300)};
	arena_init(&a, (size_t)1 << 20);
	buf_init(&b, &a, TLSRPT_POLICY_OCTETS_MAX);
	tlsrpt_policy_encode(&b, &p);
	ok(buf_ok(&b) && tlsrpt_policy_decode(&a, buf_str(&b), &back) == 0 &&
		back.n_strings > 100 && back.n_strings < N(list) &&
		back.domain.n == TLSRPT_TEXT_MAX,
	    "what does not fit is left out: %zu octets", b.n);
	f = (struct tlsrpt_failure){.result_type = STR("x"),
	    .sending_mta_ip = p.domain,
	    .receiving_mx_hostname = p.domain,
	    .receiving_mx_helo = p.domain,
	    .receiving_ip = p.domain,
	    .additional_information = p.domain,
	    .reason_code = p.domain};
	buf_clear(&b);
	tlsrpt_failure_encode(&b, &f);
	ok(buf_ok(&b) && tlsrpt_failure_decode(buf_str(&b), &again) == 0 &&
		str_eq(again.result_type, STR("validation-failure")),
	    "an unknown type");
	is_int(again.reason_code.n, TLSRPT_TEXT_MAX, "long texts are cut");
	arena_fini(&a);
}

static const struct {
	const char *name, *in, *want;
} helos[] = {
    {"whole reply", "250-mx.example.org\r\n250-SIZE 1\r\n250 X",
	"mx.example.org"},
    {"LF", "250-mx.example.org greets you\n250 X", "mx.example.org"},
    {"one line", "250 mx.example.org", "mx.example.org"},
    {"a name", "mx.example.org", "mx.example.org"},
    {"nothing", "", ""},
    {"code only", "250 ", ""},
    {"literal", "250-[192.0.2.1]\n", "[192.0.2.1]"},
    {"control characters", "250-a\x1b[2Jb", "a [2Jb"},
};

static void
test_texts(void)
{
	static char many[1000];
	struct arena a;

	arena_init(&a, (size_t)1 << 20);
	for (size_t i = 0; i < N(helos); i++)
		is_str(tlsrpt_helo(&a, str_from_z(helos[i].in)),
		    str_from_z(helos[i].want), helos[i].name);
	is_str(tlsrpt_ip(&a, STR("::FFFF:192.0.2.1")), STR("192.0.2.1"),
	    "mapped address");
	is_str(tlsrpt_ip(&a, STR("IPv6:2001:db8:0:0::1")), STR("2001:db8::1"),
	    "short form");
	ok(tlsrpt_ip(&a, STR("unknown")).n == 0, "no address");
	is_str(tlsrpt_name(&a, STR("MX.Example.")), STR("mx.example"), "name");
	is_str(tlsrpt_name(&a, STR("[A\n]")), STR("[a ]"), "no name");
	is_str(tlsrpt_text(&a, STR("a\xef\xbf\xbe\xef\xb7\x90\xf0\x9f\xbf\xbf"
				   "\xef\xbf\xbc\xf0\x9f\x98\x80")),
	    STR("a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbc"
		"\xf0\x9f\x98\x80"),
	    "noncharacters");
	memset(many, 0xff, sizeof(many));
	is_int(tlsrpt_text(&a, (struct str){many, sizeof(many)}).n,
	    TLSRPT_TEXT_MAX / 3 * 3, "bad octets grow, to a bound");
	arena_fini(&a);
}

/* What a busy MTA sends has to be read at the rate it comes. */
static void
test_speed(void)
{
	struct str text = str_from_z(datagrams[1].text);
	struct tlsrpt_datagram g;
	struct timespec from, to;
	struct arena a;
	double seconds;
	int bad = 0;

	arena_init(&a, TLSRPT_DATAGRAM_MEMORY);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < 20000; i++) {
		arena_reset(&a);
		bad += tlsrpt_datagram_parse(&a, text, &g, NULL) != 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) +
		  (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	is_int(bad, 0, "20 000 datagrams");
	printf("# %.0f datagrams of %zu octets a second\n", 20000 / seconds,
	    text.n);
	arena_fini(&a);
}

int
main(void)
{
	test_datagrams();
	test_bounds();
	test_codec();
	test_codec_bounds();
	test_texts();
	test_speed();
	return tap_done();
}
