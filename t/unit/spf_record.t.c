/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/spf/spf_record.h"

#include "lib/base/err.h"
#include "lib/spf/spf_policy.h"
#include "t/tap.h"

struct record_case {
	const char *text;
	bool valid;
};

static const struct record_case records[] = {
    {"v=spf1", true},
    {"v=spf1 ", true},
    {"V=SPF1   all  ", true},
    {"v=spf1 a a:h.test a/24 a//64 a/24//64 a:h.test/0//0 -all", true},
    {"v=spf1 mx mx:h.test mx/1 mx:%{d}/32//128", true},
    {"v=spf1 a:a/b.test a:a:b.test/8 a:%{d/}", true},
    {"v=spf1 ptr ptr:h.test ?exists:%{ir}.l.test include:x.test", true},
    {"v=spf1 ip4:1.2.3.4 ip4:1.2.3.4/0 ip6:::1 ip6:::/0 ip6:::1.2.3.4", true},
    {"v=spf1 redirect=a.test exp=b.test x= y=%{c}%{t} x=1 x.y-z_1=/:", true},
    {"v=spf1 all= -all", true},
    {"v=spf1 a:%{d} a:%{d127r.-+,/_=}.test a:%%%_%-.test a:%{D2R}", true},
    {"v=spf1 a:x-.y-z a:1.2.x3 a:h.test.", true},
    {"v=spf1 a:%%", true},
    {"", false},
    {"v=spf", false},
    {"v=spf1a", false},
    {"v=spf1,all", false},
    {"v=spf1\ta", false},
    {" v=spf1 a", false},
    {"v=spf1 a\tmx", false},
    {"v=spf1 foo", false},
    {"v=spf1 foo:bar.test", false},
    {"v=spf1 all. ", false},
    {"v=spf1 all:x.test", false},
    {"v=spf1 all/8", false},
    {"v=spf1 --all", false},
    {"v=spf1 - all", false},
    {"v=spf1 *all", false},
    {"v=spf1 -", false},
    {"v=spf1 +redirect=a.test", false},
    {"v=spf1 -x=1", false},
    {"v=spf1 1x=1", false},
    {"v=spf1 =x", false},
    {"v=spf1 redirect=a.test redirect=b.test", false},
    {"v=spf1 exp=a.test EXP=b.test", false},
    {"v=spf1 redirect=", false},
    {"v=spf1 exp=", false},
    {"v=spf1 redirect", false},
    {"v=spf1 redirect:a.test", false},
    {"v=spf1 exp=%{c}.test", false},
    {"v=spf1 include", false},
    {"v=spf1 include:", false},
    {"v=spf1 include:a.test/24", false},
    {"v=spf1 exists", false},
    {"v=spf1 exists:a.test//64", false},
    {"v=spf1 ptr/24", false},
    {"v=spf1 ptr:", false},
    {"v=spf1 a:", false},
    {"v=spf1 a:/24", false},
    {"v=spf1 a/", false},
    {"v=spf1 a//", false},
    {"v=spf1 a/33", false},
    {"v=spf1 a//129", false},
    {"v=spf1 a/08", false},
    {"v=spf1 a/24/64", false},
    {"v=spf1 a//64/24", false},
    {"v=spf1 a/24//64//64", false},
    {"v=spf1 a/99999999999999999999999", false},
    {"v=spf1 a:h.test/x", false},
    {"v=spf1 a:test", false},
    {"v=spf1 a:test.", false},
    {"v=spf1 a:1.2.3.4", false},
    {"v=spf1 a:h.-x", false},
    {"v=spf1 a:h.x-", false},
    {"v=spf1 a:h.te_st", false},
    {"v=spf1 a:h.test..", false},
    {"v=spf1 a:h.test:25", false},
    {"v=spf1 a:%{d}.", false},
    {"v=spf1 a:%{d}x", false},
    {"v=spf1 a:%", false},
    {"v=spf1 a:%x.test", false},
    {"v=spf1 a:%(d).test", false},
    {"v=spf1 a:%{", false},
    {"v=spf1 a:%{d", false},
    {"v=spf1 a:%{}.test", false},
    {"v=spf1 a:%{z}.test", false},
    {"v=spf1 a:%{t}.test", false},
    {"v=spf1 a:%{r}.test", false},
    {"v=spf1 a:%{d0}.test", false},
    {"v=spf1 a:%{d00}.test", false},
    {"v=spf1 a:%{dr2}.test", false},
    {"v=spf1 a:%{d*}.test", false},
    {"v=spf1 x=%{d", false},
    {"v=spf1 x=%{0}", false},
    {"v=spf1 ip4", false},
    {"v=spf1 ip4:", false},
    {"v=spf1 ip4:1.2.3", false},
    {"v=spf1 ip4:1.2.3.04", false},
    {"v=spf1 ip4:1.2.3.256", false},
    {"v=spf1 ip4:1.2.3.4/33", false},
    {"v=spf1 ip4:1.2.3.4/032", false},
    {"v=spf1 ip4:1.2.3.4//32", false},
    {"v=spf1 ip4:1.2.3.4/", false},
    {"v=spf1 ip4:1.2.3.4:25", false},
    {"v=spf1 ip4:::1", false},
    {"v=spf1 ip6:1.2.3.4", false},
    {"v=spf1 ip6::1", false},
    {"v=spf1 ip6:2001:db8:::1", false},
    {"v=spf1 ip6:::1/129", false},
    {"v=spf1 ip6:::1/064", false},
    {"v=spf1 a:h\x7f.test", false},
    {"v=spf1 a:caf\xc3\xa9.test", false},
    {"v=spf1 x=caf\xc3\xa9", false},
};

static void
test_records(struct arena *a)
{
	static const char nul[] = "v=spf1 a:h\0.test";
	struct diag d;

	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		const struct record_case *c = &records[i];
		int err;

		arena_reset(a);
		d.text[0] = '\0';
		err = spf_record_check(a, str_from_z(c->text), &d);
		ok(err == (c->valid ? 0 : AVER_SYNTAX) &&
			!d.text[0] == c->valid,
		    "\"%s\" is %s", c->text, c->valid ? "valid" : "not valid");
	}
	is_int(spf_record_check(a, STR(nul), NULL), AVER_SYNTAX,
	    "a NUL octet is not valid");
	spf_record_check(a, STR("v=spf1 a  ip4:1.2.3 mx"), &d);
	is_int(d.offset, 10, "the offset of the bad term");
	is_str(str_from_z(d.text), STR("\"ip4:1.2.3\": bad address"),
	    "the text names it");
}

/* A record as one TXT answer: its policy, as text is repeated n times. */
static struct dns_rrset *
long_txt(const char *term, size_t n)
{
	struct buf text, wire;
	struct dns_rrset *rr;
	struct str rest, rdata;

	buf_init(&text, NULL, 1 << 20);
	buf_init(&wire, NULL, 1 << 20);
	buf_add_z(&text, "v=spf1");
	while (n-- > 0)
		buf_addf(&text, " %s", term);
	for (rest = buf_str(&text); rest.n; rest = str_from(rest, 255)) {
		struct str part = str_head(rest, 255);

		buf_add_c(&wire, (char)part.n);
		buf_add(&wire, part);
	}
	rdata = buf_str(&wire);
	rr = dns_rrset_new(DNS_OK, false, 60, 1, &rdata, NULL);
	buf_fini(&text);
	buf_fini(&wire);
	return rr;
}

static void
test_bounds(void)
{
	static const struct {
		const char *term;
		size_t n;
		enum spf_reason why;
	} table[] = {
	    {"a", 1, SPF_WHY_NONE},
	    {"ip4:192.0.2.0/24", 900, SPF_WHY_NONE},
	    {"a", 1000, SPF_WHY_NONE},
	    {"a", 1001, SPF_WHY_SYNTAX},
	    {"a:%{l}%{o}%{d}%{i}%{h}", 100, SPF_WHY_NONE},
	    {"a:%{l}%{o}%{d}%{i}%{h}", 101, SPF_WHY_SYNTAX},
	    {"x=0123456789012345678901234567890123456789", 380, SPF_WHY_NONE},
	    {"x=0123456789012345678901234567890123456789", 381, SPF_WHY_SYNTAX},
	    {"ip4:198.51.100.0/24", 3000, SPF_WHY_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct dns_rrset *rr = long_txt(table[i].term, table[i].n);
		const struct spf_policy *p = spf_policy_of(rr);

		ok(p && p->why == table[i].why, "%zu times %s", table[i].n,
		    table[i].term);
		ok(spf_policy_of(rr) == p, "it is parsed once");
		dns_rrset_unref(rr);
	}
}

/* Character-strings whose lengths lie are no record, nor an overrun. */
static void
test_bad_rdata(void)
{
	const struct str bad[] = {STR(""), STR("\x06v=spf"),
	    STR("\x06v=spf1\x09-all"), STR("\xffv=spf1 +all")};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dns_rrset *rr =
		    dns_rrset_new(DNS_OK, false, 60, 1, &bad[i], NULL);
		const struct spf_policy *p = spf_policy_of(rr);

		ok(p && p->why == SPF_WHY_NO_RECORD, "bad rdata %zu", i);
		dns_rrset_unref(rr);
	}
}

/* ---- macros ---- */

static struct str
letter_value(void *arg, char letter)
{
	(void)arg;
	switch (letter) {
	case 's':
		return STR("strong-bad@email.example.com");
	case 'l':
		return STR("strong-bad");
	case 'o':
	case 'd':
		return STR("email.example.com");
	case 'i':
		return STR("192.0.2.3");
	case 'v':
		return STR("in-addr");
	case 'h':
		return STR("a b/c..d--");
	}
	return STR_NONE;
}

static const struct spf_macro_source letters = {letter_value, NULL};

static void
test_macros(struct arena *a)
{
	/* most of them from RFC 7208 section 7.4 */
	static const struct {
		const char *text, *want;
	} table[] = {
	    {"%{s}", "strong-bad@email.example.com"},
	    {"%{o}", "email.example.com"},
	    {"%{d4}", "email.example.com"},
	    {"%{d3}", "email.example.com"},
	    {"%{d2}", "example.com"},
	    {"%{d1}", "com"},
	    {"%{dr}", "com.example.email"},
	    {"%{d2r}", "example.email"},
	    {"%{d127}", "email.example.com"},
	    {"%{d999999999999999999}", "email.example.com"},
	    {"%{l}", "strong-bad"},
	    {"%{l-}", "strong.bad"},
	    {"%{lr}", "strong-bad"},
	    {"%{lr-}", "bad.strong"},
	    {"%{l1r-}", "strong"},
	    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
	    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
	    {"%{ir}.%{v}.%{l1r-}.lp.%{d2}",
		"3.2.0.192.in-addr.strong.lp.example.com"},
	    {"%{d2}.trusted-domains.example.net",
		"example.com.trusted-domains.example.net"},
	    {"%{S}.x", "strong-bad%40email.example.com.x"},
	    {"%{H}.x", "a%20b%2Fc..d--.x"},
	    {"%{h}.x", "a b/c..d--.x"},
	    {"%{h/}.x", "a b.c..d--.x"},
	    {"%{hr.-}.x", "..d..a b/c.x"},
	    {"%{h2.-}.x", "..x"},
	    {"%%%_%-.x", "% %20.x"},
	    {"plain.text.", "plain.text"},
	    {"%{d}.x.", "email.example.com.x"},
	    {"%{p}.x", ".x"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct spf_name name;
		struct spf_macro m;

		arena_reset(a);
		if (spf_macro_parse(
			a, str_from_z(table[i].text), SPF_MACRO_DOMAIN, &m)) {
			/* "%{d4}" and "plain.text." are all domain-specs */
			ok(false, "%s parses", table[i].text);
			continue;
		}
		spf_macro_name(&m, &letters, &name);
		is_str(name.text, str_from_z(table[i].want), table[i].text);
	}
}

/* RFC 7208 section 7.3: at most 253 octets, whole labels from the left off. */
static void
test_truncation(struct arena *a)
{
	for (unsigned n = 0; n < 40; n++) {
		struct str all = STR_NONE, want;
		struct spf_macro m;
		struct spf_name name;
		struct buf text, plain;

		arena_reset(a);
		buf_init(&text, a, 4000);
		buf_init(&plain, a, 4000);
		for (unsigned i = 0; i < 15 + n; i++) {
			buf_add_z(&text, "%{d}.x%%.");
			buf_add_z(&plain, "email.example.com.x%.");
		}
		buf_addf(&text, "%.*s.org", (int)n,
		    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
		buf_addf(&plain, "%.*s.org", (int)n,
		    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
		all = want = buf_str(&plain);
		while (want.n > 253)
			want = str_from(want, str_chr(want, '.') + 1);
		ok(spf_macro_parse(a, buf_str(&text), SPF_MACRO_DOMAIN, &m) ==
			    0 &&
			all.n > 253,
		    "a long name");
		spf_macro_name(&m, &letters, &name);
		is_str(name.text, want, "is cut from the left");
	}
}

int
main(void)
{
	struct arena a;

	arena_init(&a, (size_t)1 << 22);
	test_records(&a);
	test_bounds();
	test_bad_rdata();
	test_macros(&a);
	test_truncation(&a);
	arena_fini(&a);
	return tap_done();
}
