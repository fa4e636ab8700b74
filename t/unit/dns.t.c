/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include "lib/dns/dname.h"
#include "lib/dns/dns.h"
#include "lib/dns/rdata.h"

/* ---- names -------------------------------------------------------------- */

#define L10 "abcdefghij"
#define L50 L10 L10 L10 L10 L10
#define L60 L50 L10
#define L63 L60 "abc"

struct name_case {
	const char *what;
	struct str in;
	const char *printed; /* NULL: no name */
	unsigned labels;
};

static const struct name_case name_cases[] = {
    {"simple", STR_INIT("example.com"), "example.com", 2},
    {"final dot", STR_INIT("example.com."), "example.com", 2},
    {"upper case", STR_INIT("EXAMPLE.Com"), "example.com", 2},
    {"root", STR_INIT("."), ".", 0},
    {"underscore", STR_INIT("_dmarc.x"), "_dmarc.x", 2},
    {"NUL, space, 8 bit", STR_INIT("a\0b c\xff.x"), "a\\000b\\032c\\255.x", 2},
    {"special octets", STR_INIT("a\\b;c@d(e)f\"g$h.x"),
	"a\\\\b\\;c\\@d\\(e\\)f\\\"g\\$h.x", 2},
    {"8 bit is not folded", STR_INIT("\xc3\x84.x"), "\\195\\132.x", 2},
    {"63 octets", STR_INIT(L63 ".x"), L63 ".x", 2},
    {"255 octets", STR_INIT(L63 "." L63 "." L63 "." L60 "a"),
	L63 "." L63 "." L63 "." L60 "a", 4},
    {"empty", STR_INIT(""), NULL, 0},
    {"two dots", STR_INIT(".."), NULL, 0},
    {"empty first label", STR_INIT(".x"), NULL, 0},
    {"empty middle label", STR_INIT("a..b"), NULL, 0},
    {"two final dots", STR_INIT("a.."), NULL, 0},
    {"64 octets", STR_INIT(L63 "d.x"), NULL, 0},
    {"256 octets", STR_INIT(L63 "." L63 "." L63 "." L60 "ab"), NULL, 0},
    {"256 octets, dot", STR_INIT(L63 "." L63 "." L63 "." L60 "ab."), NULL, 0},
};

static void
test_names(void)
{
	for (size_t i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]);
	     i++) {
		const struct name_case *c = &name_cases[i];
		struct dname name, again;
		struct buf b;
		size_t used;

		if (!ok(dname_from_text(c->in, &name) == (c->printed != NULL),
			"name: %s", c->what) ||
		    !c->printed)
			continue;
		buf_init(&b, NULL, 2000);
		dname_print(&b, &name);
		is_str(buf_str(&b), str_from_z(c->printed), c->what);
		is_int(dname_labels(&name), c->labels, "labels");
		buf_fini(&b);
		ok(dname_from_wire(
		       (struct str){(const char *)name.wire, name.len}, &again,
		       &used) &&
			used == name.len && dname_eq(&name, &again),
		    "%s: wire form reads back", c->what);
	}
}

static const struct {
	const char *what;
	struct str in;
	size_t used; /* 0: malformed */
} wire_cases[] = {
    {"root", STR_INIT("\0"), 1},
    {"name and more", STR_INIT("\1A\2bC\0rest"), 6},
    {"empty", STR_INIT(""), 0},
    {"no root label", STR_INIT("\1a"), 0},
    {"label past the end", STR_INIT("\5abc"), 0},
    {"pointer", STR_INIT("\1a\xc0\0"), 0},
    {"extended label type", STR_INIT("\x41 ab\0"), 0},
    {"256 octets", STR_INIT("\x3f" L63 "\x3f" L63 "\x3f" L63 "\x3e" L60 "ab\0"),
	0},
};

static void
test_wire(void)
{
	for (size_t i = 0; i < sizeof(wire_cases) / sizeof(wire_cases[0]);
	     i++) {
		struct dname name;
		size_t used = 0;
		bool got = dname_from_wire(wire_cases[i].in, &name, &used);

		ok(got == (wire_cases[i].used > 0) &&
			(!got || used == wire_cases[i].used),
		    "wire: %s", wire_cases[i].what);
	}
}

static struct dname
name_of_text(const char *text)
{
	struct dname name = {.len = 1};

	if (!dname_from_text(str_from_z(text), &name))
		ok(false, "%s is a name", text);
	return name;
}

static void
test_relations(void)
{
	struct dname com = name_of_text("com"), ex = name_of_text("ex.com"),
		     mail = name_of_text("mail.ex.com"),
		     other = name_of_text("l.ex.com"), root = name_of_text("."),
		     odd = name_of_text("xex.com"), got;
	struct dname longest = name_of_text(L63 "." L63 "." L63 "." L60 "a");

	ok(dname_is_below(&mail, &ex) && dname_is_below(&ex, &ex) &&
		dname_is_below(&ex, &root) && dname_is_below(&root, &root),
	    "is below");
	ok(!dname_is_below(&ex, &mail) && !dname_is_below(&odd, &ex) &&
		!dname_is_below(&other, &mail) && !dname_is_below(&root, &com),
	    "is not below");
	ok(dname_parent(&mail, &got) && dname_eq(&got, &ex), "parent");
	ok(dname_parent(&got, &got) && dname_eq(&got, &com), "parent in place");
	ok(dname_parent(&com, &got) && dname_eq(&got, &root),
	    "parent is the root");
	ok(!dname_parent(&root, &got), "the root has no parent");
	ok(dname_prepend(STR("Mail"), &ex, &got) && dname_eq(&got, &mail),
	    "prepend");
	got = com;
	ok(dname_prepend(STR("MAIL.ex"), &got, &got) && dname_eq(&got, &mail),
	    "prepend two labels, in place");
	ok(!dname_prepend(STR(""), &ex, &got) &&
		!dname_prepend(STR("a."), &ex, &got) &&
		!dname_prepend(STR(".a"), &ex, &got) &&
		!dname_prepend(STR("a..b"), &ex, &got) &&
		!dname_prepend(STR(L63 "x"), &ex, &got),
	    "prepend refuses malformed labels");
	ok(!dname_prepend(STR("a"), &longest, &got),
	    "prepend refuses 257 octets");
}

/* ---- rdata -------------------------------------------------------------- */

static const struct {
	const char *what;
	struct str rdata, want;
	bool good;
} txt_cases[] = {
    {"one string", STR_INIT("\5hello"), STR_INIT("hello"), true},
    {"two strings", STR_INIT("\2ab\3cde"), STR_INIT("abcde"), true},
    {"empty string", STR_INIT("\0"), STR_INIT(""), true},
    {"empty among others", STR_INIT("\1a\0\1b"), STR_INIT("ab"), true},
    {"NUL inside", STR_INIT("\3a\0b"), STR_INIT("a\0b"), true},
    {"no string", STR_INIT(""), STR_INIT(""), false},
    {"past the end", STR_INIT("\6hello"), STR_INIT(""), false},
    {"second past the end", STR_INIT("\1a\2b"), STR_INIT(""), false},
};

static void
test_txt(struct arena *a)
{
	for (size_t i = 0; i < sizeof(txt_cases) / sizeof(txt_cases[0]); i++) {
		struct str got = STR_NONE;

		ok(rdata_txt(a, txt_cases[i].rdata, &got) == txt_cases[i].good,
		    "txt: %s", txt_cases[i].what);
		is_str(got, txt_cases[i].want, txt_cases[i].what);
	}
}

static const struct {
	uint16_t type;
	struct str rdata;
	const char *want;
} print_cases[] = {
    {DNS_A, STR_INIT("\300\0\2\1"), "192.0.2.1"},
    {DNS_A, STR_INIT("\300\0\2"), "\\# 3 c00002"},
    {DNS_AAAA, STR_INIT("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
	"2001:db8::1"},
    {DNS_AAAA, STR_INIT("\300\0\2\1"), "\\# 4 c0000201"},
    {DNS_MX, STR_INIT("\0\12\2mx\0"), "10 mx."},
    {DNS_MX, STR_INIT("\0\0\0"), "0 ."},
    {DNS_MX, STR_INIT("\0\12\2mx"), "\\# 5 000a026d78"},
    {DNS_MX, STR_INIT("\0\12"), "\\# 2 000a"},
    {DNS_TXT, STR_INIT("\3a\"b\3\\\0\xff"), "\"a\\\"b\" \"\\\\\\000\\255\""},
    {DNS_TXT, STR_INIT("\2a"), "\\# 2 0261"},
    {DNS_TXT, STR_INIT(""), "\\# 0"},
    {DNS_PTR, STR_INIT("\1a\0"), "a."},
    {DNS_PTR, STR_INIT("\1a\0\0"), "\\# 4 01610000"},
    {DNS_SOA, STR_INIT("\0\1h\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\xff\0\0\0"),
	". h. 1 2 3 4 4278190080"},
    {DNS_SOA, STR_INIT("\0\0\0\0\0\1"), "\\# 6 000000000001"},
    {DNS_TLSA, STR_INIT("\3\1\1\xab\xcd"), "3 1 1 abcd"},
    {DNS_TLSA, STR_INIT("\3\1\1"), "\\# 3 030101"},
    {4711, STR_INIT("\1"), "\\# 1 01"},
};

static void
test_print(void)
{
	struct buf b;

	buf_init(&b, NULL, 1000);
	for (size_t i = 0; i < sizeof(print_cases) / sizeof(print_cases[0]);
	     i++) {
		buf_clear(&b);
		rdata_print(&b, print_cases[i].type, print_cases[i].rdata);
		is_str(buf_str(&b), str_from_z(print_cases[i].want),
		    print_cases[i].want);
	}
	buf_fini(&b);
}

static void
test_rdata(void)
{
	struct dname name, mx = name_of_text("mx");
	struct rdata_tlsa tlsa;
	struct ip ip;
	uint16_t preference = 0;

	ok(rdata_mx(STR("\1\2\2MX\0"), &preference, &name) &&
		preference == 258 && dname_eq(&name, &mx),
	    "mx");
	ok(rdata_tlsa(STR("\3\1\2ab"), &tlsa) && tlsa.usage == 3 &&
		tlsa.selector == 1 && tlsa.matching == 2 &&
		str_eq(tlsa.data, STR("ab")),
	    "TLSA");
	ok(rdata_tlsa(STR("\377\0\1"), &tlsa) && tlsa.usage == 255 &&
		tlsa.data.n == 0,
	    "TLSA without data");
	ok(!rdata_tlsa(STR("\3\1"), &tlsa) && !rdata_tlsa(STR(""), &tlsa),
	    "malformed TLSA");
	ok(!rdata_mx(STR(""), &preference, &name) &&
		!rdata_mx(STR("\0\1"), &preference, &name) &&
		!rdata_mx(STR("\0\1\2mx\0x"), &preference, &name),
	    "bad mx");
	ok(rdata_addr(STR("\1\2\3\4"), &ip) && ip.family == IP_V4 &&
		ip.a[3] == 4,
	    "address of 4 octets");
	ok(rdata_addr(STR("0123456789abcdef"), &ip) && ip.family == IP_V6 &&
		ip.a[15] == 'f',
	    "address of 16 octets");
	ok(!rdata_addr(STR(""), &ip) && !rdata_addr(STR("12345"), &ip),
	    "other lengths are no address");
}

/* ---- answers, memos, views ---------------------------------------------- */

static int kind_a, kind_b;

static struct dns_memo *
memo(const void *kind, const char *value)
{
	struct dns_memo *m = dns_memo_new(kind, 1000);

	m->value = arena_z(&m->arena, str_from_z(value));
	return m;
}

static void
test_answers(void)
{
	const struct str rdata[] = {STR("one"), STR(""), STR("th\0ee")};
	struct dns_rrset *rr = dns_rrset_new(DNS_OK, true, 60, 3, rdata, NULL);
	struct dns_rrset *fault = dns_rrset_nomem();
	struct dname name;

	ok(rr->status == DNS_OK && rr->secure && rr->ttl == 60 && rr->n == 3 &&
		*rr->why == '\0',
	    "answer");
	is_str(rr->rdata[0], STR("one"), "first");
	is_str(rr->rdata[1], STR(""), "second");
	is_str(rr->rdata[2], STR("th\0ee"), "third");
	ok(!dns_memo_get(rr, &kind_a), "no memo yet");
	is_str(str_from_z(dns_memo_add(rr, memo(&kind_a, "x"))), STR("x"),
	    "a memo");
	is_str(str_from_z(dns_memo_add(rr, memo(&kind_a, "y"))), STR("x"),
	    "the first of a kind stays");
	is_str(str_from_z(dns_memo_add(rr, memo(&kind_b, "z"))), STR("z"),
	    "another kind");
	is_str(str_from_z(dns_memo_get(rr, &kind_a)), STR("x"), "get");
	dns_rrset_unref(dns_rrset_ref(rr));
	is_int(atomic_load(&rr->refs), 1, "one reference again");
	dns_rrset_unref(rr);
	dns_rrset_unref(NULL);

	ok(!dns_memo_add(fault, memo(&kind_a, "x")) &&
		!dns_memo_get(fault, &kind_a),
	    "no memo on a fault");
	dns_rrset_unref(dns_rrset_ref(fault));
	for (int i = 0; i < DNS_FAULT_COUNT; i++) {
		rr = dns_rrset_fault((enum dns_fault)i);
		ok(rr->status == DNS_TEMP && *rr->why && rr->n == 0 &&
			rr->ttl == 0,
		    "fault %d: %s", i, rr->why);
	}
	is_int(dns_rrset_until(fault, 7), 7, "a fault is out of date at once");
	dname_from_text(STR("To.Example"), &name);
	rr = dns_rrset_new_alias(&name, DNS_NODATA, true, 9, 0, NULL, "w");
	is_str(rr->canonical, STR("\2to\7example\0"), "canonical name");
	is_str(str_from_z(rr->why), STR("w"), "why beside it");
	is_int(dns_rrset_until(rr, 7), 9007, "a TTL from now on");
	rr->until = 99;
	is_int(dns_rrset_until(rr, 7), 99, "or what is left of it");
	dns_rrset_unref(rr);
	rr = dns_rrset_new(DNS_BOGUS, false, 0, 0, NULL, "why");
	is_str(str_from_z(rr->why), STR("why"), "why is copied");
	dns_rrset_unref(rr);
}

/* A source that counts the references it gave away. */
struct counting {
	struct dns_source base;
	struct dns_rrset *rr;
	unsigned asked, prefetched;
};

static struct dns_rrset *
counting_resolve(struct dns_source *src, const struct dname *name,
    uint16_t type, int64_t deadline)
{
	struct counting *c = (struct counting *)src;

	(void)name;
	(void)type;
	(void)deadline;
	c->asked++;
	return dns_rrset_ref(c->rr);
}

static void
counting_prefetch(
    struct dns_source *src, const struct dname *name, uint16_t type)
{
	(void)name;
	(void)type;
	((struct counting *)src)->prefetched++;
}

static void
test_view(void)
{
	static const struct dns_source_ops ops = {
	    counting_resolve, counting_prefetch, NULL};
	struct counting src = {
	    {&ops}, dns_rrset_new(DNS_NODATA, false, 1, 0, NULL, NULL), 0, 0};
	struct dname name = name_of_text("x");
	struct arena a;
	struct dns d;

	arena_init(&a, 1 << 16);
	dns_init(&d, &src.base, &a, 0, 3);
	d.keep_log = true;
	for (int i = 0; i < 3; i++)
		ok(dns_lookup(&d, &name, DNS_TXT) == src.rr, "answer %d", i);
	is_int(atomic_load(&src.rr->refs), 4, "three references are held");
	ok(!d.over_budget, "within the budget");
	ok(dns_lookup(&d, &name, DNS_A) == dns_rrset_fault(DNS_FAULT_BUDGET) &&
		d.over_budget && src.asked == 3,
	    "the budget refuses");
	ok(d.log && d.log->type == DNS_A && d.log->next->type == DNS_TXT &&
		dname_eq(&d.log->name, &name),
	    "the log, newest first");
	for (int i = 0; i < 5; i++)
		dns_prefetch(&d, &name, DNS_A);
	is_int(src.prefetched, 3, "prefetches are bounded");
	is_int(d.questions, 3, "and cost no questions");
	arena_reset(&a);
	is_int(atomic_load(&src.rr->refs), 1, "the reset releases them");

	dns_init(&d, &src.base, &a, 0, 3);
	dns_lookup(&d, &name, DNS_TXT);
	is_int(atomic_load(&src.rr->refs), 2, "held again");
	arena_fini(&a);
	is_int(atomic_load(&src.rr->refs), 1, "the end releases it");

	arena_init(&a, 32);
	dns_init(&d, &src.base, &a, 0, 30);
	d.keep_log = true;
	while (arena_alloc(&a, 16))
		;
	ok(dns_lookup(&d, &name, DNS_TXT) == dns_rrset_nomem() && !d.log,
	    "without memory");
	is_int(atomic_load(&src.rr->refs), 1, "nothing is held");
	arena_fini(&a);
	dns_rrset_unref(src.rr);
	dns_source_close(NULL);
}

static void
test_words(void)
{
	ok(strcmp(dns_status_name(DNS_TEMP), "temperror") == 0 &&
		strcmp(dns_status_name(DNS_STATUS_COUNT), "?") == 0,
	    "statuses");
	ok(strcmp(dns_type_name(DNS_TLSA), "TLSA") == 0 &&
		strcmp(dns_type_name(99), "?") == 0,
	    "types");
}

int
main(void)
{
	struct arena a;

	arena_init(&a, 1 << 16);
	test_names();
	test_wire();
	test_relations();
	test_txt(&a);
	test_print();
	test_rdata();
	test_answers();
	test_view();
	test_words();
	arena_fini(&a);
	return tap_done();
}
