/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"
#include "t/unit/tmpdir.h"

#include "lib/base/err.h"
#include "lib/dns/dns_trace.h"
#include "lib/dns/dns_zone.h"
#include "lib/dns/dns_zone_file.h"
#include "lib/dns/rdata.h"

static const char zone_text[] =
    "; a comment\n"
    "$TTL 600\n"
    "$ORIGIN Example.COM.\n"
    "@            IN SOA ns hostmaster 1 2 3 4 5\n"
    "             60 TXT \"v=spf1 -all\" ; the name is the last one\n"
    "             IN 30 TXT second\n"
    "             MX 10 mail\n"
    "             MX 20 mail.other.\n"
    "mail         A 192.0.2.1\r\n"
    "             AAAA 2001:db8::1\n"
    "a.b.deep     TXT x\n"
    "*.wild       TXT any\n"
    "*.wild       SECURE TXT\n"
    "here.wild    A 192.0.2.2\n"
    "www          CNAME mail\n"
    "far          CNAME host.other.\n"
    "loop         CNAME loop\n"
    "broken       CNAME \\# 2 0161\n"
    "tail         CNAME nowhere\n"
    "toslow       CNAME slow\n"
    "str          TXT ( \"one \" ; inside\n"
    "                 \"two\"\n"
    "               \"th\\\"r\\101e\" )\n"
    "empty        TXT \"\"\n"
    "odd\\.dot\\000 TXT \"\\000\\255\"\n"
    "_25._tcp     TLSA 3 1 1 00ff 10\n"
    "seen         TXT s\n"
    "seen         ALIAS TXT the\\.end.other.\n"
    "seen         ALIAS A gone\n"
    "generic      TYPE99 \\# 3 010203\n"
    "generic      A \\# 2 0102\n"
    "bad          SERVFAIL\n"
    "bad          TXT never\n"
    "badmx        SERVFAIL MX\n"
    "badmx        TXT fine\n"
    "slow         TIMEOUT\n"
    "slow         TXT fast\n"
    "slowtxt      TIMEOUT TXT\n"
    "slowtxt      TXT never\n"
    "gone         NXDOMAIN\n"
    "x.gone       TXT below\n"
    "gonetxt      NXDOMAIN TXT\n"
    "void         NODATA\n"
    "voidtxt      NODATA TXT\n"
    "voidtxt      TXT never\n"
    "$ORIGIN signed.\n"
    "@            SECURE\n"
    "@            TXT s\n"
    "sub          TXT s\n"
    "alias        CNAME sub\n"
    "out          CNAME mail.example.com.\n"
    "part         INSECURE\n"
    "part         TXT i\n"
    "x.part       TXT i\n"
    "forged       BOGUS\n"
    "forged       TXT b\n"
    "x.forged     TXT b\n"
    "toforged     CNAME forged\n"
    "one          BOGUS TXT\n"
    "one          TXT b\n"
    "one          A 192.0.2.3\n"
    "x.one        TXT s\n"
    "host.other.  A 192.0.2.9";

struct zone_case {
	const char *name;
	uint16_t type;
	enum dns_status status;
	bool secure;
	const char *rdata; /* printed, " | " between */
};

static const struct zone_case zone_cases[] = {
    {"example.com", DNS_TXT, DNS_OK, 0, "\"v=spf1 -all\" | \"second\""},
    {"EXAMPLE.com.", DNS_MX, DNS_OK, 0,
	"10 mail.example.com. | 20 mail.other."},
    {"example.com", DNS_SOA, DNS_OK, 0,
	"ns.example.com. hostmaster.example.com. 1 2 3 4 5"},
    {"example.com", DNS_A, DNS_NODATA, 0, ""},
    {"mail.example.com", DNS_A, DNS_OK, 0, "192.0.2.1"},
    {"mail.example.com", DNS_AAAA, DNS_OK, 0, "2001:db8::1"},
    {"nope.example.com", DNS_A, DNS_NXDOMAIN, 0, ""},
    {"com", DNS_A, DNS_NODATA, 0, ""},
    {".", DNS_A, DNS_NODATA, 0, ""},
    {"org", DNS_A, DNS_NXDOMAIN, 0, ""},
    {"b.deep.example.com", DNS_TXT, DNS_NODATA, 0, ""},
    {"deep.example.com", DNS_TXT, DNS_NODATA, 0, ""},
    {"c.deep.example.com", DNS_TXT, DNS_NXDOMAIN, 0, ""},
    {"x.wild.example.com", DNS_TXT, DNS_OK, 0, "\"any\""},
    {"x.y.wild.example.com", DNS_TXT, DNS_OK, 0, "\"any\""},
    {"x.wild.example.com", DNS_A, DNS_NODATA, 0, ""},
    {"*.wild.example.com", DNS_TXT, DNS_OK, 1, "\"any\""},
    {"wild.example.com", DNS_TXT, DNS_NODATA, 0, ""},
    {"here.wild.example.com", DNS_TXT, DNS_NODATA, 0, ""},
    {"x.here.wild.example.com", DNS_TXT, DNS_NXDOMAIN, 0, ""},
    {"www.example.com", DNS_A, DNS_OK, 0, "192.0.2.1"},
    {"www.example.com", DNS_CNAME, DNS_OK, 0, "mail.example.com."},
    {"www.example.com", DNS_TXT, DNS_NODATA, 0, ""},
    {"far.example.com", DNS_A, DNS_OK, 0, "192.0.2.9"},
    {"loop.example.com", DNS_A, DNS_TEMP, 0, ""},
    {"broken.example.com", DNS_A, DNS_TEMP, 0, ""},
    {"broken.example.com", DNS_CNAME, DNS_OK, 0, "\\# 2 0161"},
    {"tail.example.com", DNS_A, DNS_NXDOMAIN, 0, ""},
    {"toslow.example.com", DNS_A, DNS_TEMP, 0, ""},
    {"str.example.com", DNS_TXT, DNS_OK, 0, "\"one \" \"two\" \"th\\\"ree\""},
    {"empty.example.com", DNS_TXT, DNS_OK, 0, "\"\""},
    {"_25._tcp.example.com", DNS_TLSA, DNS_OK, 0, "3 1 1 00ff10"},
    {"generic.example.com", 99, DNS_OK, 0, "\\# 3 010203"},
    {"generic.example.com", DNS_A, DNS_OK, 0, "\\# 2 0102"},
    {"bad.example.com", DNS_TXT, DNS_TEMP, 0, ""},
    {"badmx.example.com", DNS_MX, DNS_TEMP, 0, ""},
    {"badmx.example.com", DNS_TXT, DNS_OK, 0, "\"fine\""},
    {"slow.example.com", DNS_A, DNS_TEMP, 0, ""},
    {"slow.example.com", DNS_TXT, DNS_OK, 0, "\"fast\""},
    {"slowtxt.example.com", DNS_TXT, DNS_TEMP, 0, ""},
    {"slowtxt.example.com", DNS_A, DNS_NODATA, 0, ""},
    {"gone.example.com", DNS_TXT, DNS_NXDOMAIN, 0, ""},
    {"x.gone.example.com", DNS_TXT, DNS_OK, 0, "\"below\""},
    {"gonetxt.example.com", DNS_TXT, DNS_NXDOMAIN, 0, ""},
    {"void.example.com", DNS_TXT, DNS_NODATA, 0, ""},
    {"voidtxt.example.com", DNS_TXT, DNS_NODATA, 0, ""},
    {"signed", DNS_TXT, DNS_OK, 1, "\"s\""},
    {"sub.signed", DNS_TXT, DNS_OK, 1, "\"s\""},
    {"sub.signed", DNS_A, DNS_NODATA, 1, ""},
    {"none.signed", DNS_A, DNS_NXDOMAIN, 1, ""},
    {"alias.signed", DNS_TXT, DNS_OK, 1, "\"s\""},
    {"out.signed", DNS_A, DNS_OK, 0, "192.0.2.1"},
    {"part.signed", DNS_TXT, DNS_OK, 0, "\"i\""},
    {"x.part.signed", DNS_TXT, DNS_OK, 0, "\"i\""},
    {"forged.signed", DNS_TXT, DNS_BOGUS, 0, ""},
    {"forged.signed", DNS_A, DNS_BOGUS, 0, ""},
    {"x.forged.signed", DNS_TXT, DNS_BOGUS, 0, ""},
    {"toforged.signed", DNS_TXT, DNS_BOGUS, 0, ""},
    {"one.signed", DNS_TXT, DNS_BOGUS, 0, ""},
    {"one.signed", DNS_A, DNS_OK, 1, "192.0.2.3"},
    {"x.one.signed", DNS_TXT, DNS_OK, 1, "\"s\""},
};

#define CASES (sizeof(zone_cases) / sizeof(zone_cases[0]))

static void
print_all(struct buf *b, const struct dns_rrset *rr, uint16_t type)
{
	buf_clear(b);
	for (size_t i = 0; i < rr->n; i++) {
		if (i)
			buf_add_z(b, " | ");
		rdata_print(b, type, rr->rdata[i]);
	}
}

static const struct dns_rrset *
ask(struct dns *d, const char *text, uint16_t type)
{
	struct dname name;

	if (!dname_from_text(str_from_z(text), &name))
		return dns_rrset_nomem();
	return dns_lookup(d, &name, type);
}

static void
check_case(
    struct dns *d, struct buf *b, const struct zone_case *c, const char *from)
{
	const struct dns_rrset *rr = ask(d, c->name, c->type);

	print_all(b, rr, c->type);
	if (!ok(rr->status == c->status && rr->secure == c->secure &&
		    str_eq(buf_str(b), str_from_z(c->rdata)),
		"%s: %s %s", from, c->name, dns_type_name(c->type)))
		printf("# got %s %d %s\n", dns_status_name(rr->status),
		    rr->secure, buf_z(b));
}

/* All cases, and all of them again from the trace of the first time. */
static void
test_zone(struct dns_source *src, struct arena *a)
{
	struct dns d;
	struct buf b, trace;
	struct dns_source *replay;
	struct diag diag = {0};

	dns_init(&d, src, a, 0, CASES);
	d.keep_log = true;
	buf_init(&b, NULL, 1000);
	buf_init(&trace, NULL, 1 << 16);
	for (size_t i = 0; i < CASES; i++)
		check_case(&d, &b, &zone_cases[i], "zone");
	ok(ask(&d, "late.example.com", DNS_A)->status == DNS_TEMP,
	    "over the budget");
	dns_trace_print(&trace, &d);
	ok(buf_ok(&trace) && str_contains_ci(buf_str(&trace),
				 STR("\n; not asked: late.example.com. "
				     "SERVFAIL A ; too many")),
	    "the trace tells what was not asked");
	if (!ok(dns_zone_parse(buf_str(&trace), &replay, &diag) == 0,
		"the trace is a zone file"))
		printf("# %s\n", diag.text);
	dns_init(&d, replay, a, 0, CASES);
	for (size_t i = 0; i < CASES; i++)
		check_case(&d, &b, &zone_cases[i], "replay");
	buf_fini(&b);
	buf_fini(&trace);
	arena_reset(a);
	dns_source_close(replay);
}

static const struct {
	const char *name;
	uint16_t type;
	struct str want; /* wire form */
} canonical_cases[] = {
    {"mail.example.com", DNS_A, STR_INIT("")},
    {"nope.example.com", DNS_A, STR_INIT("")},
    {"www.example.com", DNS_A, STR_INIT("\4mail\7example\3com\0")},
    {"www.example.com", DNS_TXT, STR_INIT("\4mail\7example\3com\0")},
    {"www.example.com", DNS_CNAME, STR_INIT("")},
    {"far.example.com", DNS_A, STR_INIT("\4host\5other\0")},
    {"tail.example.com", DNS_A, STR_INIT("\7nowhere\7example\3com\0")},
    {"alias.signed", DNS_TXT, STR_INIT("\3sub\6signed\0")},
    {"loop.example.com", DNS_A, STR_INIT("")},
    {"toslow.example.com", DNS_A, STR_INIT("")},
    {"toforged.signed", DNS_TXT, STR_INIT("")},
    {"seen.example.com", DNS_TXT, STR_INIT("\7the.end\5other\0")},
    {"seen.example.com", DNS_A, STR_INIT("\4gone\7example\3com\0")},
    {"seen.example.com", DNS_MX, STR_INIT("")},
};

static void
check_canonical(struct dns *d, const char *from)
{
	for (size_t i = 0;
	     i < sizeof(canonical_cases) / sizeof(canonical_cases[0]); i++) {
		const struct dns_rrset *rr =
		    ask(d, canonical_cases[i].name, canonical_cases[i].type);

		ok(str_eq(rr->canonical, canonical_cases[i].want),
		    "%s: canonical name of %s", from, canonical_cases[i].name);
	}
}

/* The names that CNAMEs led to, and again from the trace. */
static void
test_canonical(struct dns_source *src, struct arena *a)
{
	struct dns d;
	struct buf trace;
	struct dns_source *replay;

	dns_init(&d, src, a, 0, 100);
	d.keep_log = true;
	check_canonical(&d, "zone");
	buf_init(&trace, NULL, 1 << 16);
	dns_trace_print(&trace, &d);
	arena_reset(a);
	if (ok(dns_zone_parse(buf_str(&trace), &replay, NULL) == 0,
		"the trace is a zone file")) {
		dns_init(&d, replay, a, 0, 100);
		check_canonical(&d, "replay");
		arena_reset(a);
		dns_source_close(replay);
	}
	buf_fini(&trace);
}

static void
test_details(struct dns_source *src, struct arena *a)
{
	struct dns d;
	const struct dns_rrset *rr;

	dns_init(&d, src, a, 0, 100);
	is_int(ask(&d, "example.com", DNS_TXT)->ttl, 30, "the least TTL");
	is_int(ask(&d, "example.com", DNS_MX)->ttl, 600, "$TTL");
	is_int(ask(&d, "example.com", DNS_A)->ttl, 300, "a negative TTL");
	ok(ask(&d, "slow.example.com", DNS_MX) ==
		dns_rrset_fault(DNS_FAULT_TIMEOUT),
	    "a timeout");
	is_str(str_from_z(ask(&d, "bad.example.com", DNS_MX)->why),
	    STR("SERVFAIL"), "why");
	rr = ask(&d, "odd", DNS_TXT);
	is_int(rr->status, DNS_NXDOMAIN, "no such name");
	arena_reset(a);
}

/* An escaped dot is no end of a label. */
static void
test_escapes(struct dns_source *src)
{
	struct dname name;
	struct dns_rrset *rr;

	ok(dname_from_wire(STR("\10odd.dot\0\7example\3com\0"), &name, NULL),
	    "a name with a dot and a NUL");
	rr = src->ops->resolve(src, &name, DNS_TXT, 0);
	is_int(rr->status, DNS_OK, "is found");
	is_str(rr->n ? rr->rdata[0] : STR_NONE, STR("\2\0\377"),
	    "with its octets");
	dns_rrset_unref(rr);
}

static void
test_chain(void)
{
	struct dns_source *src;
	struct dname name;
	struct dns_rrset *rr;
	struct buf b;

	buf_init(&b, NULL, 10000);
	for (int i = 0; i < 17; i++)
		buf_addf(&b, "c%d CNAME c%d\n", i, i + 1);
	buf_add_z(&b, "c17 TXT end\n");
	is_int(dns_zone_parse(buf_str(&b), &src, NULL), 0, "a chain");
	dname_from_text(STR("c1"), &name);
	rr = src->ops->resolve(src, &name, DNS_TXT, 0);
	is_int(rr->status, DNS_OK, "16 links");
	dns_rrset_unref(rr);
	dname_from_text(STR("c0"), &name);
	rr = src->ops->resolve(src, &name, DNS_TXT, 0);
	is_int(rr->status, DNS_TEMP, "17 links");
	dns_rrset_unref(rr);
	dns_source_close(src);

	buf_clear(&b);
	for (int i = 0; i < 501; i++)
		buf_addf(&b, "m A 192.0.2.1\n");
	is_int(dns_zone_parse(buf_str(&b), &src, NULL), 0, "501 records");
	dname_from_text(STR("m"), &name);
	rr = src->ops->resolve(src, &name, DNS_A, 0);
	ok(rr->status == DNS_TEMP && rr->n == 0, "are too many");
	dns_rrset_unref(rr);
	dns_source_close(src);
	buf_fini(&b);
}

#define L64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static const struct {
	struct str text;
	const char *error; /* its beginning */
} bad_cases[] = {
    {STR_INIT("a"), "line 1: a type is missing"},
    {STR_INIT("\n\na 300 IN\n"), "line 3: a type is missing"},
    {STR_INIT("a X y\n"), "line 1: unknown type"},
    {STR_INIT("a 1 2 A 192.0.2.1"), "line 1: unknown type"},
    {STR_INIT("a TYPE0 \\# 0"), "line 1: unknown type"},
    {STR_INIT("a TYPE99 x"), "line 1: bad data"},
    {STR_INIT("  A 192.0.2.1\n"), "line 1: no name yet"},
    {STR_INIT("a..b A 192.0.2.1\n"), "line 1: bad name"},
    {STR_INIT("\"a\" A 192.0.2.1\n"), "line 1: bad name"},
    {STR_INIT("a\\25 A 192.0.2.1\n"), "line 1: bad name"},
    {STR_INIT("a\\256 A 192.0.2.1\n"), "line 1: bad name"},
    {STR_INIT(L64 " A 192.0.2.1\n"), "line 1: bad name"},
    {STR_INIT("a A 192.0.2.256\n"), "line 1: bad data"},
    {STR_INIT("a A ::1\n"), "line 1: bad data"},
    {STR_INIT("a AAAA 192.0.2.1\n"), "line 1: bad data"},
    {STR_INIT("a A\n"), "line 1: bad data"},
    {STR_INIT("a A 192.0.2.1 192.0.2.2\n"), "line 1: more than"},
    {STR_INIT("a MX mail\n"), "line 1: bad data"},
    {STR_INIT("a MX 65536 mail\n"), "line 1: bad data"},
    {STR_INIT("a TXT\n"), "line 1: bad data"},
    {STR_INIT("a TXT \"x\n\"\n"), "line 1: a quoted string"},
    {STR_INIT("a TXT \"x"), "line 1: a quoted string"},
    {STR_INIT("a TXT \"x\\\n"), "line 1: a quoted string"},
    {STR_INIT("a TXT x\\"), "line 1: bad data"},
    {STR_INIT("a TXT \\300"), "line 1: bad data"},
    {STR_INIT("a TXT (x\ny"), "line 1: \"(\" without"},
    {STR_INIT("a TXT (x\n(y))"), "line 1: misplaced"},
    {STR_INIT("a TXT x)"), "line 1: misplaced"},
    {STR_INIT("a TLSA 3 1 1 0\n"), "line 1: bad data"},
    {STR_INIT("a TLSA 3 1 256 00\n"), "line 1: bad data"},
    {STR_INIT("a SOA a b 1 2 3 4\n"), "line 1: bad data"},
    {STR_INIT("a A \\# 2 01\n"), "line 1: bad data"},
    {STR_INIT("a A \\# 65536 01\n"), "line 1: bad data"},
    {STR_INIT("a SERVFAIL XYZ\n"), "line 1: unknown type after"},
    {STR_INIT("a NODATA A A\n"), "line 1: more than"},
    {STR_INIT("a ALIAS\n"), "line 1: ALIAS wants"},
    {STR_INIT("a ALIAS A\n"), "line 1: ALIAS wants"},
    {STR_INIT("a ALIAS X b\n"), "line 1: ALIAS wants"},
    {STR_INIT("a ALIAS A b c\n"), "line 1: more than"},
    {STR_INIT("\n$ORIGIN\n"), "line 2: bad name after $ORIGIN"},
    {STR_INIT("$TTL x\n"), "line 1: bad number after $TTL"},
    {STR_INIT("$INCLUDE x\n"), "line 1: unknown directive"},
};

static void
test_bad(void)
{
	struct dns_source *src = NULL;

	for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
		struct diag d = {0};
		int err = dns_zone_parse(bad_cases[i].text, &src, &d);

		if (!ok(err == AVER_SYNTAX && !src &&
			    str_starts(str_from_z(d.text),
				str_from_z(bad_cases[i].error)),
			"bad: %s", bad_cases[i].error)) {
			tap_quote("in ", bad_cases[i].text);
			tap_quote("got", str_from_z(d.text));
		}
	}
	ok(dns_zone_parse(STR(""), &src, NULL) == 0, "an empty zone");
	dns_source_close(src);
}

static void
check_file(const char *path, int err, const char *want)
{
	struct dns_source *src = NULL;
	struct diag d = {0};

	ok(dns_zone_file_open(path, &src, &d) == err && !src &&
		strstr(d.text, want),
	    "a file: %s", want);
	dns_source_close(src);
}

static void
test_file(void)
{
	static const char good[] = "a A 192.0.2.1\n", bad[] = "a A 1\n";
	struct tmpdir dir = tmpdir_new();
	struct tmppath p = tmp_in(dir.path, "zone");
	struct dns_source *src = NULL;

	check_file(p.z, AVER_CONF, "cannot be read");
	tmp_write(p.z, good, sizeof(good) - 1);
	ok(dns_zone_file_open(p.z, &src, NULL) == 0 && src, "a file");
	dns_source_close(src);
	tmp_write(p.z, bad, sizeof(bad) - 1);
	check_file(p.z, AVER_SYNTAX, "line 1: bad data");
	is_int(truncate(p.z, ((off_t)64 << 20) + 1), 0, "a large file");
	check_file(p.z, AVER_LIMIT, "too large");
	tmpdir_remove(dir.path);
}

int
main(void)
{
	struct dns_source *src;
	struct diag diag = {0};
	struct arena a;

	arena_init(&a, 1 << 20);
	if (!ok(dns_zone_parse(str_from_z(zone_text), &src, &diag) == 0,
		"the zone is read")) {
		printf("# %s\n", diag.text);
		return tap_done();
	}
	test_zone(src, &a);
	test_canonical(src, &a);
	test_details(src, &a);
	test_escapes(src);
	dns_source_close(src);
	test_chain();
	test_bad();
	test_file();
	arena_fini(&a);
	return tap_done();
}
