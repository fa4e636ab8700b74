/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* RFC 8601 section 3. */

#include "lib/dns/dns_zone.h"
#include "lib/iprev/iprev.h"
#include "t/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define V4(d) #d ".2.0.192.in-addr.arpa."
#define V6 "8.b.d.0.1.0.0.2.ip6.arpa."
#define ZEROS8 "0.0.0.0.0.0.0.0."
#define ONE "1.0.0.0.0.0.0.0." ZEROS8 ZEROS8

static const char zone_text[] =
    /* 1: as it should be */
    V4(1) " PTR mx.a.example.\nmx.a.example. A 192.0.2.1\n" ONE V6
	  " PTR mx.a.example.\nmx.a.example. AAAA 2001:db8::1\n"
    /* 2: no PTR; 3: NXDOMAIN by default; 4-6: reverse lookup fails */
    V4(2) " TXT \"x\"\n" V4(4) " SERVFAIL\n" V4(5) " TIMEOUT\n" V4(
	6) " PTR mx.a.example.\n" V4(6) " BOGUS\n"
    /* 10-15: forward */
    V4(10) " PTR other.a.example.\nother.a.example. A 192.0.2.99\n" V4(
	11) " PTR nowhere.a.example.\n" V4(12) " PTR "
					       "six.a.example.\nsix.a.example. "
					       "AAAA 2001:db8::12\n" V4(
						   13) " P"
						       "TR"
						       " f"
						       "ai"
						       "l."
						       "a."
						       "ex"
						       "am"
						       "pl"
						       "e."
						       "\n"
						       "fa"
						       "il"
						       ".a"
						       ".e"
						       "xa"
						       "mp"
						       "le"
						       ". "
						       "SE"
						       "RV"
						       "FA"
						       "IL"
						       "\n" V4(
							   14) " PTR "
							       "bogus.a."
							       "example."
							       "\nbogus.a."
							       "example. A "
							       "192.0.2.14\n"
							       "bogus.a."
							       "example. "
							       "BOGUS\n" V4(
								   15) " PTR "
								       "many.a."
								       "example"
								       ".\nmany"
								       ".a."
								       "example"
								       ". A "
								       "192.0."
								       "2.98\n"
								       "many.a."
								       "example"
								       ". A "
								       "192.0."
								       "2."
								       "97\nman"
								       "y.a."
								       "example"
								       ". A "
								       "192.0."
								       "2.15\n"
    /* 20-24: several names */
    V4(20) " PTR a.b.example.\n" V4(
	20) " PTR z.b.example.\n"
	    "a.b.example. A 192.0.2.1\nz.b.example. A 192.0.2.20\n" V4(
		21) " PTR fail.a.example.\n" V4(21) " PTR zzzzz.b.example.\n"
						    "zzzzz.b.example. A "
						    "192.0.2.21\n" V4(
							22) " PTR"
							    " a."
							    "b."
							    "exam"
							    "ple."
							    "\n" V4(
								22) " PTR "
								    "fail."
								    "a."
								    "exampl"
								    "e."
								    "\n" V4(23) " PTR nowhere.a.example.\n" V4(23) " PTR a.b.example.\n" V4(
									24) " P"
									    "TR"
									    " b"
									    "1."
									    "ex"
									    "am"
									    "pl"
									    "e."
									    "\n" V4(24) " PTR b2.example.\n" V4(
										24) " PTR b3.example.\nb3.example. A 192.0.2.24\n"
    /* 30-33: odd names */
    V4(30) " PTR .\n" V4(31) " TYPE12 \\# 3 056162\n" V4(
	32) " TYPE12 \\# 3 056162\n" V4(32) " PTR mx32.example.\n"
					    "mx32.example. A 192.0.2.32\n" V4(
						33) " PTR "
						    "a\\032\\(b\\255\\000\\.c."
						    "example.\n"
						    "a\\032\\(b\\255\\000\\.c."
						    "example. A "
						    "192.0.2.33\n" V4(
							34) " PTR "
							    "MX34.Example."
							    "\nmx34.example. A "
							    "192.0.2.34\n" V4(
								35) " PTR "
								    "alias."
								    "example."
								    "\nalias."
								    "example. "
								    "CNAME "
								    "mx35."
								    "example.\n"
								    "mx35."
								    "example. "
								    "A "
								    "192.0.2."
								    "35\n" V4(
									36) " C"
									    "NA"
									    "ME"
									    " 3"
									    "6."
									    "su"
									    "b."
									    "ex"
									    "am"
									    "pl"
									    "e."
									    "\n"
									    "36"
									    ".s"
									    "ub"
									    ".e"
									    "xa"
									    "mp"
									    "le"
									    ". "
									    "PT"
									    "R "
									    "mx"
									    "36"
									    ".e"
									    "xa"
									    "mp"
									    "le"
									    "."
									    "\n"
									    "mx"
									    "36"
									    ".e"
									    "xa"
									    "mp"
									    "le"
									    ". "
									    "A "
									    "19"
									    "2."
									    "0."
									    "2."
									    "36"
									    "\n"
    /* 40-42: DNSSEC */
    V4(40) " PTR s.example.\n" V4(
	40) " SECURE\ns.example. A 192.0.2.40\n"
	    "s.example. A 192.0.2.41\ns.example. "
	    "SECURE\n" V4(41) " PTR s.example.\n" V4(
		42) " PTR mx42.example.\n" V4(42) " SECURE\n"
						  "mx42.example. A "
						  "192.0.2.42\n" V4(
						      43) " PTR "
							  "s."
							  "example."
							  "\n" V4(43) " "
								      "S"
								      "E"
								      "C"
								      "U"
								      "R"
								      "E"
								      "\n";

static const struct {
	const char *name, *ip;
	unsigned max;
	enum iprev_result result;
	enum iprev_reason why;
	const char *host;
	bool secure;
	unsigned questions;
} cases[] = {
    {"IPv4", "192.0.2.1", 10, IPREV_PASS, IPREV_WHY_NONE, "mx.a.example", false,
	2},
    {"IPv6", "2001:db8::1", 10, IPREV_PASS, IPREV_WHY_NONE, "mx.a.example",
	false, 2},
    {"IPv4-mapped", "::ffff:192.0.2.1", 10, IPREV_PASS, IPREV_WHY_NONE,
	"mx.a.example", false, 2},
    {"no data", "192.0.2.2", 10, IPREV_PERMERROR, IPREV_WHY_NO_NAME, "", false,
	1},
    {"NXDOMAIN", "192.0.2.3", 10, IPREV_PERMERROR, IPREV_WHY_NO_NAME, "", false,
	1},
    {"IPv6, NXDOMAIN", "2001:db8::2", 10, IPREV_PERMERROR, IPREV_WHY_NO_NAME,
	"", false, 1},
    {"SERVFAIL", "192.0.2.4", 10, IPREV_TEMPERROR, IPREV_WHY_DNS, "", false, 1},
    {"timeout", "192.0.2.5", 10, IPREV_TEMPERROR, IPREV_WHY_DNS, "", false, 1},
    {"bogus", "192.0.2.6", 10, IPREV_TEMPERROR, IPREV_WHY_BOGUS, "", false, 1},
    {"other address", "192.0.2.10", 10, IPREV_FAIL, IPREV_WHY_OTHER_ADDRESS,
	"other.a.example", false, 2},
    {"forward NXDOMAIN", "192.0.2.11", 10, IPREV_FAIL, IPREV_WHY_NO_ADDRESS,
	"nowhere.a.example", false, 2},
    {"forward no data", "192.0.2.12", 10, IPREV_FAIL, IPREV_WHY_NO_ADDRESS,
	"six.a.example", false, 2},
    {"forward SERVFAIL", "192.0.2.13", 10, IPREV_TEMPERROR, IPREV_WHY_DNS,
	"fail.a.example", false, 2},
    {"forward bogus", "192.0.2.14", 10, IPREV_TEMPERROR, IPREV_WHY_BOGUS,
	"bogus.a.example", false, 2},
    {"one of many addresses", "192.0.2.15", 10, IPREV_PASS, IPREV_WHY_NONE,
	"many.a.example", false, 2},
    {"any name will do", "192.0.2.20", 10, IPREV_PASS, IPREV_WHY_NONE,
	"z.b.example", false, 3},
    {"a pass outweighs an error", "192.0.2.21", 10, IPREV_PASS, IPREV_WHY_NONE,
	"zzzzz.b.example", false, 3},
    {"an error outweighs a fail", "192.0.2.22", 10, IPREV_TEMPERROR,
	IPREV_WHY_DNS, "a.b.example", false, 3},
    {"other address outweighs none", "192.0.2.23", 10, IPREV_FAIL,
	IPREV_WHY_OTHER_ADDRESS, "a.b.example", false, 3},
    {"names within the limit", "192.0.2.24", 3, IPREV_PASS, IPREV_WHY_NONE,
	"b3.example", false, 4},
    {"names beyond it", "192.0.2.24", 2, IPREV_FAIL, IPREV_WHY_NO_ADDRESS,
	"b1.example", false, 3},
    {"no limit is one", "192.0.2.24", 0, IPREV_FAIL, IPREV_WHY_NO_ADDRESS,
	"b1.example", false, 2},
    {"any limit", "192.0.2.24", 4000000000u, IPREV_PASS, IPREV_WHY_NONE,
	"b3.example", false, 4},
    {"the root", "192.0.2.30", 10, IPREV_PERMERROR, IPREV_WHY_NO_NAME, "",
	false, 1},
    {"malformed rdata", "192.0.2.31", 10, IPREV_PERMERROR, IPREV_WHY_NO_NAME,
	"", false, 1},
    {"malformed beside good", "192.0.2.32", 10, IPREV_PASS, IPREV_WHY_NONE,
	"mx32.example", false, 2},
    {"hostile octets", "192.0.2.33", 10, IPREV_PASS, IPREV_WHY_NONE,
	"a\\032\\(b\\255\\000\\.c.example", false, 2},
    {"capitals", "192.0.2.34", 10, IPREV_PASS, IPREV_WHY_NONE, "mx34.example",
	false, 2},
    {"forward CNAME", "192.0.2.35", 10, IPREV_PASS, IPREV_WHY_NONE,
	"alias.example", false, 2},
    {"reverse CNAME (RFC 2317)", "192.0.2.36", 10, IPREV_PASS, IPREV_WHY_NONE,
	"mx36.example", false, 2},
    {"both signed", "192.0.2.40", 10, IPREV_PASS, IPREV_WHY_NONE, "s.example",
	true, 2},
    {"forward signed only", "192.0.2.41", 10, IPREV_PASS, IPREV_WHY_NONE,
	"s.example", false, 2},
    {"reverse signed only", "192.0.2.42", 10, IPREV_PASS, IPREV_WHY_NONE,
	"mx42.example", false, 2},
    {"a signed fail", "192.0.2.43", 10, IPREV_FAIL, IPREV_WHY_OTHER_ADDRESS,
	"s.example", true, 2},
};

static void
test_cases(struct dns_source *zone)
{
	for (size_t i = 0; i < N(cases); i++) {
		struct iprev v;
		struct arena a;
		struct dns dns;
		struct ip ip;

		arena_init(&a, 100000);
		dns_init(&dns, zone, &a, INT64_MAX, 100);
		ok(ip_parse(str_from_z(cases[i].ip), &ip), "%s", cases[i].name);
		iprev_eval(&dns, &a, &ip, cases[i].max, &v);
		if (!ok(v.result == cases[i].result &&
			    v.reason == cases[i].why &&
			    v.secure == cases[i].secure &&
			    dns.questions == cases[i].questions,
			"result"))
			printf("# %s, %s, secure %d, %u questions\n",
			    iprev_result_name(v.result),
			    iprev_reason_name(v.reason), v.secure,
			    dns.questions);
		is_str(v.name, str_from_z(cases[i].host), "name");
		arena_fini(&a);
	}
}

static void
test_names(void)
{
	static const struct {
		const char *ip, *want;
	} names[] = {
	    {"192.0.2.1", "1.2.0.192.in-addr.arpa"},
	    {"255.255.255.255", "255.255.255.255.in-addr.arpa"},
	    {"::ffff:10.1.2.3", "3.2.1.10.in-addr.arpa"},
	    {"2001:db8::567:89ab",
		"b.a.9.8.7.6.5.0." ZEROS8 "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
		"ip6.arpa"},
	};
	struct ip none = {.family = IP_NONE};
	struct dname d;

	for (size_t i = 0; i < N(names); i++) {
		struct buf b;
		struct ip ip;

		buf_init(&b, NULL, 200);
		ok(ip_parse(str_from_z(names[i].ip), &ip) &&
			iprev_name(&ip, &d),
		    "%s", names[i].ip);
		dname_print(&b, &d);
		is_str(buf_str(&b), str_from_z(names[i].want), "its name");
		buf_fini(&b);
	}
	ok(!iprev_name(&none, &d), "no address, no name");
}

static void
test_limits(struct dns_source *zone)
{
	struct ip ip, none = {.family = IP_NONE};
	struct iprev v;
	struct arena a;
	struct dns dns;
	unsigned wrong = 0, refused = 0;

	ip_parse(STR("192.0.2.20"), &ip);
	for (unsigned max = 0; max < 3; max++) {
		arena_init(&a, 100000);
		dns_init(&dns, zone, &a, INT64_MAX, max);
		iprev_eval(&dns, &a, &ip, 10, &v);
		ok(v.result == IPREV_TEMPERROR && v.reason == IPREV_WHY_BUDGET,
		    "only %u questions", max);
		arena_fini(&a);
	}
	arena_init(&a, 100000);
	dns_init(&dns, zone, &a, INT64_MAX, 10);
	iprev_prefetch(&dns, &ip);
	iprev_prefetch(&dns, &none);
	is_int(dns.questions, 0, "a prefetch is no question");
	iprev_eval(&dns, &a, &none, 10, &v);
	ok(v.result == IPREV_PERMERROR && v.reason == IPREV_WHY_NO_CLIENT &&
		dns.questions == 0,
	    "no client");
	arena_fini(&a);
	for (size_t cap = 0; cap < 12000; cap += 64) {
		arena_init(&a, cap);
		dns_init(&dns, zone, &a, INT64_MAX, 10);
		iprev_eval(&dns, &a, &ip, 10, &v);
		refused += v.result == IPREV_TEMPERROR;
		wrong += v.result != IPREV_TEMPERROR && v.result != IPREV_PASS;
		arena_fini(&a);
	}
	printf("# %u refused\n", refused);
	ok(wrong == 0 && refused > 10 && refused < 180,
	    "out of memory is temperror, never fail");
}

/*
 * RFC 8601 section 3: whichever answer is replaced by a failure, no result
 * gets better.
 */
struct breaking {
	struct dns_source base;
	struct dns_source *zone;
	unsigned at, n;
};

static struct dns_rrset *
break_one(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	struct breaking *b = (struct breaking *)src;

	if (b->n++ == b->at)
		return dns_rrset_new(DNS_TEMP, false, 0, 0, NULL, "broken");
	return b->zone->ops->resolve(b->zone, name, type, deadline);
}

static void
test_breaking(struct dns_source *zone)
{
	static const struct dns_source_ops ops = {.resolve = break_one};
	unsigned wrong = 0;

	for (size_t i = 0; i < N(cases); i++)
		for (unsigned at = 0; at < cases[i].questions; at++) {
			struct breaking b = {{&ops}, zone, at, 0};
			struct iprev v;
			struct arena a;
			struct dns dns;
			struct ip ip;

			arena_init(&a, 100000);
			dns_init(&dns, &b.base, &a, INT64_MAX, 100);
			ip_parse(str_from_z(cases[i].ip), &ip);
			iprev_eval(&dns, &a, &ip, cases[i].max, &v);
			wrong += v.result != IPREV_TEMPERROR &&
				 v.result != cases[i].result;
			arena_fini(&a);
		}
	is_int(wrong, 0, "a failed lookup gives temperror, or changes nothing");
}

int
main(void)
{
	struct dns_source *zone = NULL;
	struct diag d = {0};

	if (!ok(dns_zone_parse(STR(zone_text), &zone, &d) == 0, "zone %s",
		d.text))
		return tap_done();
	test_cases(zone);
	test_names();
	test_limits(zone);
	test_breaking(zone);
	dns_source_close(zone);
	return tap_done();
}
