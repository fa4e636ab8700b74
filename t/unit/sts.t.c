/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* MTA-STS: the TXT record, the policy, the match of MX hosts. */

#include "lib/base/err.h"
#include "lib/dns/dname.h"
#include "lib/dns/dns_zone.h"
#include "t/tap.h"
#include "tlspolicy/sts_match.h"
#include "tlspolicy/sts_policy.h"
#include "tlspolicy/sts_record.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define MEMORY ((size_t)4 << 20)

/* --- the record -------------------------------------------------------- */

static const struct {
	const char *name, *text, *id; /* id NULL: no record */
} records[] = {
    {"plain", "v=STSv1; id=20260401T01;", "20260401T01"},
    {"no final semicolon", "v=STSv1;id=a", "a"},
    {"white space at semicolons", "v=STSv1 \t; id=b\t ; \t", "b"},
    {"32 characters", "v=STSv1;id=0123456789abcdefABCDEFGHIJKLMNOP",
	"0123456789abcdefABCDEFGHIJKLMNOP"},
    {"extension before", "v=STSv1; x.y-z_1=a:b/c; id=c", "c"},
    {"the first id counts", "v=STSv1; id=one; id=two", "one"},
    {"space at the end", "v=STSv1; id=d  ", "d"},
    {"case matters in names", "v=STSv1; Id=x; id=d", "d"},
    {"no id", "v=STSv1; Id=x", NULL},
    {"nothing", "", NULL},
    {"version only", "v=STSv1", NULL},
    {"version and semicolon", "v=STSv1;", NULL},
    {"other version", "v=STSv10; id=a", NULL},
    {"case of version", "v=stsv1; id=a", NULL},
    {"space before", " v=STSv1; id=a", NULL},
    {"comma", "v=STSv1, id=a", NULL},
    {"two semicolons", "v=STSv1; id=a;;", NULL},
    {"empty id", "v=STSv1; id=", NULL},
    {"33 characters", "v=STSv1;id=0123456789abcdefABCDEFGHIJKLMNOPQ", NULL},
    {"space in the id", "v=STSv1; id=a b", NULL},
    {"hyphen in the id", "v=STSv1; id=2026-04", NULL},
    {"space before =", "v=STSv1; id =a", NULL},
    {"space after =", "v=STSv1; id= a", NULL},
    {"empty extension", "v=STSv1; id=a; x=", NULL},
    {"= in an extension", "v=STSv1; id=a; x=y=z", NULL},
    {"space in an extension", "v=STSv1; id=a; x=y z", NULL},
    {"extension without name", "v=STSv1; id=a; =z", NULL},
    {"long name", "v=STSv1; id=a; x12345678901234567890123456789012=1", NULL},
    {"name that begins with _", "v=STSv1; id=a; _x=1", NULL},
    {"umlaut", "v=STSv1; id=\xc3\xa4", NULL},
    {"control", "v=STSv1; id=a; x=\x01", NULL},
    {"line end", "v=STSv1; id=a\r\n", NULL},
};

static void
test_records(void)
{
	for (size_t i = 0; i < N(records); i++) {
		struct sts_record r = {STR("untouched")};
		struct diag d = {"", 0};
		struct str text = str_from_z(records[i].text);
		int err = sts_record_parse(text, &r, &d);

		if (records[i].id) {
			is_int(err, 0, records[i].name);
			is_str(
			    r.id, str_from_z(records[i].id), records[i].name);
		} else {
			is_int(err, AVER_SYNTAX, records[i].name);
			ok(d.text[0] && str_eq(r.id, STR("untouched")),
			    "%s: told, and nothing else", records[i].name);
		}
	}
}

#define P "_mta-sts.a.example TXT "

static const struct {
	const char *name, *zone;
	enum sts_found want;
	const char *id;
	const char *why; /* NULL: nothing is said */
} answers[] = {
    {"one", P "\"v=STSv1; id=1\"", STS_FOUND, "1", NULL},
    {"two strings", P "\"v=STSv\" \"1; id=1\" \"23\"", STS_FOUND, "123", NULL},
    {"beside others", P "\"v=spf1 -all\"\n" P "\"v=STSv1; id=9\"\n" P "\"\"",
	STS_FOUND, "9", NULL},
    {"beside a record of STSv10", P "\"v=STSv10; id=1\"\n" P "\"v=STSv1;id=2\"",
	STS_FOUND, "2", NULL},
    {"behind a CNAME",
	"_mta-sts.a.example CNAME p.example\np.example TXT \"v=STSv1; id=7\"",
	STS_FOUND, "7", NULL},
    {"two of ours", P "\"v=STSv1; id=1\"\n" P "\"v=STSv1; id=2\"", STS_INVALID,
	NULL, "2 records begin"},
    {"one valid, one not", P "\"v=STSv1; id=1\"\n" P "\"v=STSv1; x\"",
	STS_INVALID, NULL, "2 records begin"},
    {"not valid", P "\"v=STSv1; id=-\"", STS_INVALID, NULL, "id: \"-\""},
    {"others only", P "\"v=spf1 -all\"", STS_ABSENT, NULL,
	"no TXT record begins"},
    {"no such name", "a.example A 192.0.2.1", STS_ABSENT, NULL, NULL},
    {"no TXT", "_mta-sts.a.example A 192.0.2.1", STS_ABSENT, NULL, NULL},
    {"SERVFAIL", "_mta-sts.a.example SERVFAIL", STS_UNKNOWN, NULL, "SERVFAIL"},
    {"bogus", P "\"v=STSv1; id=1\"\na.example BOGUS", STS_UNKNOWN, NULL,
	"validation"},
};

static void
test_answers(void)
{
	for (size_t i = 0; i < N(answers); i++) {
		struct dns_source *source = NULL;
		struct sts_record r = {STR_NONE};
		struct diag d = {"", 0};
		struct dns_rrset *rr;
		struct dname name;
		struct arena a;

		arena_init(&a, MEMORY);
		if (dns_zone_parse(str_from_z(answers[i].zone), &source, &d) ||
		    !dname_from_text(STR("_mta-sts.a.example"), &name)) {
			ok(false, "%s: %s", answers[i].name, d.text);
			continue;
		}
		rr = source->ops->resolve(source, &name, DNS_TXT, 0);
		is_int(sts_record_select(&a, rr, &r, &d), answers[i].want,
		    answers[i].name);
		ok((d.text[0] == 0) == !answers[i].why &&
			(!answers[i].why || strstr(d.text, answers[i].why)),
		    "%s: \"%s\"", answers[i].name, d.text);
		if (answers[i].id)
			is_str(
			    r.id, str_from_z(answers[i].id), answers[i].name);
		dns_rrset_unref(rr);
		dns_source_close(source);
		arena_fini(&a);
	}
}

/* --- the policy -------------------------------------------------------- */

static const struct {
	const char *name, *text;
	const char *want; /* "MODE AGE MX,MX"; NULL: refused */
} policies[] = {
    {"plain",
	"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\n"
	"mx: *.example.net\r\nmax_age: 604800\r\n",
	"enforce 604800 mail.example.com,*.example.net"},
    {"any order, no white space, no final line end",
	"max_age:1\nmx:a.example\nmode:testing\nversion:STSv1",
	"testing 1 a.example"},
    {"white space", "version: \t STSv1 \nmode:\tnone\t\nmax_age: 0  ",
	"none 0 "},
    {"upper case becomes lower",
	"version: STSv1\nmode: enforce\nmx: *.EXAMPLE.Com\nmax_age: 2",
	"enforce 2 *.example.com"},
    {"a pattern twice",
	"version: STSv1\nmode: enforce\nmx: a.b\nmx: A.B\nmx: c\nmx: a.b\n"
	"max_age: 2",
	"enforce 2 a.b,c"},
    {"a final dot",
	"version: STSv1\nmode: enforce\nmx: a.b.\nmx: *.b.\nmax_age: 2",
	"enforce 2 a.b,*.b"},
    {"the first counts",
	"version: STSv1\nmode: testing\nmode: enforce\nmax_age: 5\n"
	"max_age: x\nversion: STSv2\nmx: a.b",
	"testing 5 a.b"},
    {"unknown fields",
	"version: STSv1\nmode: none\nmax_age: 5\nx-1.y_2: {a} b=c, \"d\"\n"
	"note: gr\xc3\xbc\xc3\x9f"
	"e\nempty:\n",
	"none 5 "},
    {"a year", "version: STSv1\nmode: none\nmax_age: 31557600",
	"none 31557600 "},
    {"above a year", "version: STSv1\nmode: none\nmax_age: 31557601",
	"none 31557600 "},
    {"ten digits", "version: STSv1\nmode: none\nmax_age: 9999999999",
	"none 31557600 "},
    {"empty lines", "\r\nversion: STSv1\n\nmode: none\nmax_age: 1\n \n\n",
	"none 1 "},
    {"none with a list", "version: STSv1\nmode: none\nmax_age: 1\nmx: a.b",
	"none 1 a.b"},
    {"an A-label",
	"version: STSv1\nmode: enforce\nmx: xn--bcher-kva.example\nmax_age: 1",
	"enforce 1 xn--bcher-kva.example"},
    {"nothing", "", NULL},
    {"no version", "mode: none\nmax_age: 1", NULL},
    {"no mode", "version: STSv1\nmax_age: 1\nmx: a.b", NULL},
    {"no max_age", "version: STSv1\nmode: none\nmx: a.b", NULL},
    {"enforce without mx", "version: STSv1\nmode: enforce\nmax_age: 1", NULL},
    {"testing without mx", "version: STSv1\nmode: testing\nmax_age: 1", NULL},
    {"other version", "version: STSv2\nmode: none\nmax_age: 1", NULL},
    {"case of a value", "version: STSv1\nmode: None\nmax_age: 1", NULL},
    {"case of a name", "Version: STSv1\nmode: none\nmax_age: 1", NULL},
    {"space before the colon", "version : STSv1\nmode: none\nmax_age: 1", NULL},
    {"space before the name", "version: STSv1\n mode: none\nmax_age: 1", NULL},
    {"no colon", "version: STSv1\nmode none\nmax_age: 1", NULL},
    {"HTML", "<html>\nversion: STSv1\nmode: none\nmax_age: 1", NULL},
    {"byte order mark", "\xef\xbb\xbfversion: STSv1\nmode: none\nmax_age: 1",
	NULL},
    {"CR alone", "version: STSv1\rmode: none\rmax_age: 1\r", NULL},
    {"CR inside", "version: STSv1\nmode: none\nmax_age: 1\nx: a\rb\n", NULL},
    {"sign", "version: STSv1\nmode: none\nmax_age: -1", NULL},
    {"fraction", "version: STSv1\nmode: none\nmax_age: 1.5", NULL},
    {"eleven digits", "version: STSv1\nmode: none\nmax_age: 00000000001", NULL},
    {"empty max_age", "version: STSv1\nmode: none\nmax_age:", NULL},
    {"two values", "version: STSv1\nmode: none\nmax_age: 1 2", NULL},
    {"empty mx", "version: STSv1\nmode: enforce\nmax_age: 1\nmx:", NULL},
    {"star alone", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: *", NULL},
    {"star and dot", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: *.", NULL},
    {"two stars", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: *.*.b", NULL},
    {"star inside", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.b",
	NULL},
    {"part of a label", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a*.b",
	NULL},
    {"two dots", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a..b", NULL},
    {"dot first", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: .a.b", NULL},
    {"hyphen first", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: -a.b",
	NULL},
    {"hyphen last", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a-.b",
	NULL},
    {"underscore", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a_b.c",
	NULL},
    {"U-label", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: b\xc3\xbc.c",
	NULL},
    /* what would be more than a name in an answer */
    {"space in mx",
	"version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.b servername=c",
	NULL},
    {"colon in mx", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.b:c.d",
	NULL},
    {"comma in mx", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.b,c.d",
	NULL},
    {"brace in mx", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: {a.b}",
	NULL},
    {"match= in mx",
	"version: STSv1\nmode: enforce\nmax_age: 1\nmx: match=evil.example",
	NULL},
    {"quote in mx", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: \"a.b\"",
	NULL},
    {"tab in mx", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.b\tc",
	NULL},
    {"bad UTF-8", "version: STSv1\nmode: none\nmax_age: 1\nx: \xff", NULL},
    {"control", "version: STSv1\nmode: none\nmax_age: 1\nx: \x1b[2J", NULL},
    {"DEL", "version: STSv1\nmode: none\nmax_age: 1\nx: \x7f", NULL},
    {"long name",
	"version: STSv1\nmode: none\nmax_age: 1\n"
	"x12345678901234567890123456789012: 1",
	NULL},
};

static struct str
shown(struct arena *a, const struct sts_policy *p)
{
	struct buf b;

	buf_init(&b, a, 10000);
	buf_addf(&b, "%s %u ", sts_mode_name(p->mode), (unsigned)p->max_age);
	for (size_t i = 0; i < p->n_mx; i++)
		buf_addf(&b, "%s%.*s", i ? "," : "", STRF(p->mx[i]));
	return buf_str(&b);
}

static void
test_policies(void)
{
	for (size_t i = 0; i < N(policies); i++) {
		const char *name = policies[i].name, *want = policies[i].want;
		struct str text = str_from_z(policies[i].text);
		struct sts_policy p;
		struct diag d = {"", 0};
		struct arena a;
		int err;

		arena_init(&a, MEMORY);
		err = sts_policy_parse(&a, text, &p, &d);
		if (want) {
			is_int(err, 0, name);
			is_str(err ? str_from_z(d.text) : shown(&a, &p),
			    str_from_z(want), name);
		} else {
			is_int(err, AVER_SYNTAX, name);
			ok(d.text[0] != 0, "%s: %s", name, d.text);
		}
		arena_fini(&a);
	}
}

static void
test_nul(void)
{
	struct str text = STR("version: STSv1\nmode: none\0\nmax_age: 1\n");
	struct sts_policy p;
	struct diag d;
	struct arena a;

	arena_init(&a, MEMORY);
	is_int(sts_policy_parse(&a, text, &p, &d), AVER_SYNTAX, "NUL");
	text = STR("version: STSv1\nmode: none\nmax_age: 1\nx: \0\n");
	is_int(sts_policy_parse(&a, text, &p, &d), AVER_SYNTAX, "NUL, unknown");
	arena_fini(&a);
}

/* Fills b with a policy of n patterns, each of them different. */
static void
many(struct buf *b, size_t n)
{
	buf_add_z(b, "version:STSv1\nmode:enforce\nmax_age:1\n");
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "mx:%zx\n", i);
}

static void
test_bounds(void)
{
	struct sts_policy p;
	struct diag d;
	struct arena a;
	struct buf b;
	int err;

	arena_init(&a, STS_POLICY_MEMORY + (1 << 20));
	buf_init(&b, &a, 200000);
	many(&b, 7000);
	err = sts_policy_parse(&a, buf_str(&b), &p, &d);
	ok(err == 0 && p.n_mx == 7000, "7000 patterns");
	ok(err == 0 && sts_policy_match(&p, STR("1b57")) &&
		!sts_policy_match(&p, STR("1b58")),
	    "the last one counts");
	many(&b, 7000);
	ok(b.n > STS_POLICY_OCTETS_MAX, "long enough");
	is_int(sts_policy_parse(&a, buf_str(&b), &p, &d), AVER_LIMIT,
	    "more than 64 kB");
	arena_reset(&a);
	arena_fini(&a);

	/* the most patterns that fit stay within the memory that is named */
	arena_init(&a, (size_t)1 << 20);
	buf_init(&b, &a, 200000);
	buf_add_z(&b, "version:STSv1\nmode:enforce\nmax_age:1\n");
	for (unsigned i = 0; b.n + 6 <= STS_POLICY_OCTETS_MAX; i++)
		buf_addf(&b, "mx:%c%c\n",
		    "0123456789abcdefghijklmnopqrstuv"[i % 32],
		    "0123456789abcdefghijklmnopqrstuv"[i / 32 % 32]);
	{
		struct arena own;

		arena_init(&own, STS_POLICY_MEMORY);
		is_int(sts_policy_parse(&own, buf_str(&b), &p, &d), 0,
		    "64 kB of short lines");
		arena_fini(&own);
		arena_init(&own, 2000);
		is_int(sts_policy_parse(&own, buf_str(&b), &p, &d), AVER_NOMEM,
		    "out of memory");
		arena_fini(&own);
	}
	arena_fini(&a);
}

static void
test_lines(void)
{
	struct str rest = STR("a: b \t\r\n\nc\r\n\r"), line;
	static const char *const want[] = {"a: b", "", "c", ""};
	size_t n = 0;

	while (sts_policy_line(&rest, &line) && n < N(want))
		is_str(line, str_from_z(want[n++]), "line of a policy");
	is_int(n, N(want), "number of lines");
}

static const struct {
	const char *value;
	bool want;
} types[] = {
    {"text/plain", true},
    {"Text/Plain ; charset=UTF-8", true},
    {" text/plain;x", true},
    {"text/plain;", true},
    {"", false},
    {";text/plain", false},
    {"text/html", false},
    {"text/plain+x", false},
    {"text/plain, text/html", false},
    {"application/octet-stream; x=text/plain", false},
};

static void
test_types(void)
{
	for (size_t i = 0; i < N(types); i++)
		ok(sts_policy_content_type(str_from_z(types[i].value)) ==
			types[i].want,
		    "content type \"%s\"", types[i].value);
}

/* --- the match --------------------------------------------------------- */

static const struct {
	const char *host, *pattern;
	bool want;
} matches[] = {
    {"mail.example.com", "mail.example.com", true},
    {"Mail.Example.COM", "mail.example.com", true},
    {"mail.example.com.", "mail.example.com", true},
    {"mail.example.com", "mail.example.com.", true},
    {"mail.example.com", "*.example.com", true},
    {"MAIL.example.com.", "*.EXAMPLE.com", true},
    {"a.b.example.com", "*.example.com", false},
    {"example.com", "*.example.com", false},
    {".example.com", "*.example.com", false},
    {"evilexample.com", "*.example.com", false},
    {"mail.example.com", "*.com", false},
    {"mail.example.com", "example.com", false},
    {"mail.example.com", "*", false},
    {"mail.example.com", "*.", false},
    {"mail.example.com", "m*.example.com", false},
    {"*.example.com", "mail.example.com", false},
    {"", "", false},
    {".", ".", true}, /* neither comes out of a parser */
    {"", "*.example.com", false},
    {"mail.", "*.", false},
    {"a.b", "*.b", true},
    {"a.b.", "*.b.", true},
};

static void
test_matches(void)
{
	for (size_t i = 0; i < N(matches); i++)
		ok(sts_match(str_from_z(matches[i].host),
		       str_from_z(matches[i].pattern)) == matches[i].want,
		    "\"%s\" and \"%s\"", matches[i].host, matches[i].pattern);
}

int
main(void)
{
	test_records();
	test_answers();
	test_policies();
	test_nul();
	test_bounds();
	test_lines();
	test_types();
	test_matches();
	return tap_done();
}
