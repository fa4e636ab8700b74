/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* TLSRPT: the TXT record, the names and numbers of results. */

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/tlsrpt/tlsrpt_record.h"
#include "lib/tlsrpt/tlsrpt_result.h"
#include "t/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define V "v=TLSRPTv1; "

static const struct {
	const char *name, *text;
	const char *want; /* "SCHEME ADDRESS-OR-TEXT|..."; NULL: refused */
} records[] = {
    {"mail", V "rua=mailto:tls@example.org", "m tls@example.org"},
    {"https", V "rua=https://example.org/v1?x=y",
	"h https://example.org/v1?x=y"},
    {"two", V "rua=mailto:a@b.example , \t https://c.example:8443/d  ",
	"m a@b.example|h https://c.example:8443/d"},
    {"extensions", "v=TLSRPTv1;x=1;rua=mailto:a@b.example;y=2;",
	"m a@b.example"},
    {"one of no use beside another",
	V "rua=mailto:a@b.example%2Cc@d.example , mailto:e@f.example",
	"o mailto:a@b.example%2Cc@d.example|m e@f.example"},
    {"a host of no use beside another",
	V "rua=https://[2001:db8::1]/x,https://a.example",
	"o https://[2001:db8::1]/x|h https://a.example"},
    {"several rua", V "rua=mailto:a@b.example; rua=mailto:c@d.example",
	"m a@b.example|m c@d.example"},
    {"several rua of several",
	"v=TLSRPTv1;rua=mailto:a@b.example,x:y;z=1;rua=https://c.example,"
	"mailto:d@e.example;",
	"m a@b.example|o x:y|h https://c.example|m d@e.example"},
    {"percent", V "rua=mailto:a%2Bb%21@c.example", "m a+b!@c.example"},
    {"header fields of the URI", V "rua=mailto:a@b.example?subject=x",
	"m a@b.example"},
    {"case of schemes", V "rua=MAILTO:a@b.example,HttpS://c.example",
	"m a@b.example|h HttpS://c.example"},
    {"other schemes", V "rua=ftp://a.example/,http://b.example,x-y+z.1:q",
	"o ftp://a.example/|o http://b.example|o x-y+z.1:q"},
    {"nothing", "", NULL},
    {"version only", "v=TLSRPTv1", NULL},
    {"no rua", "v=TLSRPTv1; x=y", NULL},
    {"empty rua", V "rua=", NULL},
    {"case of version", "v=tlsrptv1; rua=mailto:a@b.example", NULL},
    {"other version", "v=TLSRPTv10; rua=mailto:a@b.example", NULL},
    {"space before", " v=TLSRPTv1; rua=mailto:a@b.example", NULL},
    {"order", "rua=mailto:a@b.example; v=TLSRPTv1", NULL},
    {"no scheme", V "rua=a@b.example", NULL},
    {"size of DMARC", V "rua=mailto:a@b.example!10m", NULL},
    {"exclamation mark", V "rua=mailto:a!b@c.example", NULL},
    {"comma at the end", V "rua=mailto:a@b.example,", NULL},
    {"two commas", V "rua=mailto:a@b.example,,mailto:c@d.example", NULL},
    {"space inside", V "rua=mailto:a@b.example mailto:c@d.example", NULL},
    {"space after =", V "rua= mailto:a@b.example", NULL},
    {"no address", V "rua=mailto:", NULL},
    {"no domain", V "rua=mailto:a@", NULL},
    {"no local-part", V "rua=mailto:@b.example", NULL},
    {"no at", V "rua=mailto:ab.example", NULL},
    {"an empty second rua", V "rua=mailto:a@b.example; rua=", NULL},
    {"a second rua that is none", V "rua=mailto:a@b.example; rua=c", NULL},
    {"two of no use", V "rua=mailto:a; rua=https://", NULL},
    {"one of no use, one of another scheme", V "rua=mailto:a,ftp:b", NULL},
    {"two dots", V "rua=mailto:a..b@c.example", NULL},
    {"two addresses", V "rua=mailto:a@b.example%2Cc@d.example", NULL},
    {"encoded line end", V "rua=mailto:a%0d%0aBcc:x@b.example", NULL},
    {"encoded space", V "rua=mailto:a%20b@c.example", NULL},
    {"encoded NUL", V "rua=mailto:a%00@c.example", NULL},
    {"half an octet", V "rua=mailto:a%2@c.example", NULL},
    {"no octet", V "rua=mailto:a%zz@c.example", NULL},
    {"percent at the end", V "rua=https://a.example/%", NULL},
    {"https without host", V "rua=https:///x", NULL},
    {"https without slashes", V "rua=https:a.example", NULL},
    {"https with user", V "rua=https://u@a.example/", NULL},
    {"https with a wrong port", V "rua=https://a.example:99999/", NULL},
    {"umlaut", V "rua=mailto:\xc3\xa4@b.example", NULL},
    {"control", V "rua=mailto:a\x01@b.example", NULL},
    {"brackets", V "rua=<mailto:a@b.example>", NULL},
    {"quotes", V "rua=\"mailto:a@b.example\"", NULL},
};

static struct str
shown(struct arena *a, const struct tlsrpt_record *r)
{
	struct buf b;

	buf_init(&b, a, 10000);
	for (size_t i = 0; i < r->n_rua; i++) {
		const struct tlsrpt_uri *u = &r->rua[i];

		buf_addf(&b, "%s%c ", i ? "|" : "", "mho"[u->scheme]);
		buf_add(&b, u->scheme == TLSRPT_MAILTO ? u->address : u->text);
	}
	return buf_str(&b);
}

static void
test_records(void)
{
	for (size_t i = 0; i < N(records); i++) {
		const char *name = records[i].name, *want = records[i].want;
		struct tlsrpt_record r;
		struct diag d = {"", 0};
		struct arena a;
		int err;

		arena_init(&a, (size_t)1 << 20);
		err = tlsrpt_record_parse(
		    &a, str_from_z(records[i].text), &r, &d);
		is_int(err, want ? 0 : AVER_SYNTAX, name);
		if (want)
			is_str(err ? str_from_z(d.text) : shown(&a, &r),
			    str_from_z(want), name);
		else
			ok(d.text[0] != 0, "%s: %s", name, d.text);
		arena_fini(&a);
	}
}

static void
test_bounds(void)
{
	struct tlsrpt_record r;
	struct diag d;
	struct arena a;
	struct buf b;

	arena_init(&a, (size_t)1 << 20);
	buf_init(&b, &a, 200000);
	buf_add_z(&b, V "rua=mailto:a@b.example");
	for (unsigned i = 1; i < TLSRPT_RUA_MAX; i++)
		buf_add_z(&b, ",ftp:x");
	ok(tlsrpt_record_parse(&a, buf_str(&b), &r, &d) == 0 &&
		r.n_rua == TLSRPT_RUA_MAX && r.n_usable == 1,
	    "as many URIs as there may be, one of use");
	buf_add_z(&b, ",ftp:x");
	is_int(tlsrpt_record_parse(&a, buf_str(&b), &r, &d), AVER_LIMIT,
	    "one more");
	b.n -= 6;
	buf_add_z(&b, ";rua=ftp:x");
	is_int(tlsrpt_record_parse(&a, buf_str(&b), &r, &d), AVER_LIMIT,
	    "one more in a field of its own");
	while (b.n <= TLSRPT_RECORD_OCTETS_MAX)
		buf_add_z(&b, "0123456789abcdef");
	is_int(tlsrpt_record_parse(&a, buf_str(&b), &r, &d), AVER_LIMIT,
	    "too long");
	arena_fini(&a);
	arena_init(&a, 64);
	is_int(tlsrpt_record_parse(&a, STR(V "rua=mailto:a@b.example"), &r, &d),
	    AVER_NOMEM, "out of memory");
	arena_fini(&a);
}

static void
test_begins(void)
{
	ok(tlsrpt_record_is(STR("v=TLSRPTv1;")), "begins");
	ok(tlsrpt_record_is(STR("v=TLSRPTv1 \t; !")), "white space, then junk");
	ok(!tlsrpt_record_is(STR("v=TLSRPTv1")), "no semicolon");
	ok(!tlsrpt_record_is(STR("v=TLSRPTv11;")), "another version");
	ok(!tlsrpt_record_is(STR_NONE), "nothing");
}

static void
test_results(void)
{
	static const unsigned codes[] = {
	    201, 202, 203, 204, 205, 301, 302, 303, 304, 305, 306};
	enum tlsrpt_result r;
	enum tlsrpt_policy_type p;

	for (size_t i = 0; i < N(codes); i++) {
		enum tlsrpt_result found = TLSRPT_SUCCESS;

		ok(tlsrpt_result_of_code(codes[i], &r) &&
			tlsrpt_result_code(r) == codes[i] &&
			tlsrpt_result_find(
			    str_from_z(tlsrpt_result_name(r)), &found) &&
			found == r,
		    "%u is %s", codes[i], tlsrpt_result_name(r));
	}
	ok(!tlsrpt_result_of_code(0, &r) && !tlsrpt_result_of_code(901, &r) &&
		!tlsrpt_result_of_code(UINT64_MAX, &r),
	    "no results");
	ok(tlsrpt_policy_of_code(1, &p) && p == TLSRPT_TLSA, "1 is tlsa");
	ok(tlsrpt_policy_of_code(2, &p) && p == TLSRPT_STS, "2 is sts");
	ok(tlsrpt_policy_of_code(9, &p) && p == TLSRPT_NO_POLICY_FOUND,
	    "9 is no policy");
	ok(!tlsrpt_policy_of_code(0, &p) && !tlsrpt_policy_of_code(3, &p),
	    "no policies");
	ok(tlsrpt_policy_find(STR("STS"), &p) && p == TLSRPT_STS &&
		tlsrpt_policy_code(p) == 2,
	    "by name");
	ok(!tlsrpt_policy_find(STR("sts2"), &p) &&
		!tlsrpt_result_find(STR(""), &r),
	    "no such names");
}

int
main(void)
{
	test_records();
	test_bounds();
	test_begins();
	test_results();
	return tap_done();
}
