/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/err.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"

#include "t/tap.h"

static const struct {
	const char *path, *strip, *local, *domain;
} paths[] = {
    {"<a@b.example>", "a@b.example", "a", "b.example"},
    {"a@b.example", "a@b.example", "a", "b.example"},
    {" <a@b.example>\t", "a@b.example", "a", "b.example"},
    {"<>", "", "", ""},
    {"", "", "", ""},
    {"<postmaster>", "postmaster", "postmaster", ""},
    {"<@r1.example,@r2.example:a@b.example>", "a@b.example", "a", "b.example"},
    {"@r1.example:a@b.example", "a@b.example", "a", "b.example"},
    {"<@b.example>", "@b.example", "", "b.example"},
    {"<\"a@b\"@c.example>", "\"a@b\"@c.example", "\"a@b\"", "c.example"},
    {"<a@b@c.example>", "a@b@c.example", "a@b", "c.example"},
    {"<a@>", "a@", "a", ""},
    {"<a@b.example", "<a@b.example", "<a", "b.example"},
    {"a@b.example>", "a@b.example>", "a", "b.example>"},
    {"<", "<", "<", ""},
    {"<a:b@c.example>", "a:b@c.example", "a:b", "c.example"},
};

#define L16 "aaaaaaaaaaaaaaaa"
#define L61 L16 L16 L16 "aaaaaaaaaaaaa"
#define L62 L61 "a"
#define L63 L62 "a"

static const struct {
	const char *name;
	struct str in;
	const char *want; /* NULL: AVER_SYNTAX */
} names[] = {
    {"plain", STR_INIT("example.com"), "example.com"},
    {"capitals", STR_INIT("EXAMPLE.Com"), "example.com"},
    {"one label", STR_INIT("localhost"), "localhost"},
    {"trailing dot", STR_INIT("example.com."), "example.com"},
    {"underscore", STR_INIT("_dmarc.my_host.example"),
	"_dmarc.my_host.example"},
    {"digits and hyphens", STR_INIT("1-2.3--4.example"), "1-2.3--4.example"},
    {"A-label", STR_INIT("XN--BCHER-kva.example"), "xn--bcher-kva.example"},
    {"U-label",
	STR_INIT("b\xc3\xbc"
		 "cher.example"),
	"xn--bcher-kva.example"},
    {"U-label in capitals",
	STR_INIT("B\xc3\x9c"
		 "CHER.Example"),
	"xn--bcher-kva.example"},
    {"not composed",
	STR_INIT("bu\xcc\x88"
		 "cher.example"),
	"xn--bcher-kva.example"},
    {"sharp s stays",
	STR_INIT("stra\xc3\x9f"
		 "e.example"),
	"xn--strae-oqa.example"},
    {"ideographic full stop",
	STR_INIT("example\xe3\x80\x82"
		 "com"),
	"example.com"},
    {"full width", STR_INIT("\xef\xbd\x85xample.com"), "example.com"},
    {"soft hyphen", STR_INIT("exam\xc2\xadple.com"), "example.com"},
    {"label of 63", STR_INIT(L63 ".example"), L63 ".example"},
    {"name of 253", STR_INIT(L63 "." L63 "." L63 "." L61),
	L63 "." L63 "." L63 "." L61},
    {"empty", STR_INIT(""), NULL},
    {"dot", STR_INIT("."), NULL},
    {"leading dot", STR_INIT(".example"), NULL},
    {"two dots", STR_INIT("a..example"), NULL},
    {"two trailing dots", STR_INIT("example.."), NULL},
    {"space", STR_INIT("a b.example"), NULL},
    {"tab behind", STR_INIT("example.com\t"), NULL},
    {"NUL", STR_INIT("example\0.com"), NULL},
    {"NUL and a U-label", STR_INIT("\xc3\xbc\0.com"), NULL},
    {"at-sign", STR_INIT("a@example.com"), NULL},
    {"slash", STR_INIT("a/b.example"), NULL},
    {"literal", STR_INIT("[192.0.2.1]"), NULL},
    {"comment", STR_INIT("example.com(x"), NULL},
    {"star", STR_INIT("*.example"), NULL},
    {"label of 64", STR_INIT(L63 "a.example"), NULL},
    {"name of 254", STR_INIT(L63 "." L63 "." L63 "." L62), NULL},
    {"no UTF-8",
	STR_INIT("b\xfc"
		 "cher.example"),
	NULL},
    {"surrogate", STR_INIT("\xed\xa0\x80.example"), NULL},
    {"no-break space",
	STR_INIT("a\xc2\xa0"
		 "b.example"),
	NULL},
    {"maps to a slash", STR_INIT("\xe2\x84\x80.example"), NULL},
    {"symbol",
	STR_INIT("\xe2\x80\xae"
		 "a.example"),
	NULL},
    {"U-label too long", STR_INIT("\xc3\xbc" L63 ".example"), NULL},
};

static void
test_names(void)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str got = STR("kept");
		int err = domain_to_ascii(&a, names[i].in, &got);

		is_int(err, names[i].want ? 0 : AVER_SYNTAX, names[i].name);
		is_str(got,
		    names[i].want ? str_from_z(names[i].want) : STR("kept"),
		    names[i].name);
	}
	arena_fini(&a);
	for (int utf8 = 0; utf8 < 2; utf8++) {
		struct str in =
		    utf8 ? STR("\xc3\xbc.example") : STR("u.example");
		struct str got;

		arena_init(&a, 0);
		is_int(domain_to_ascii(&a, in, &got), AVER_NOMEM,
		    "no memory for a name");
		arena_fini(&a);
	}
}

static const struct {
	const char *name, *parent;
	bool below;
} belows[] = {
    {"a.example", "a.example", true},
    {"x.a.example", "a.example", true},
    {"X.A.EXAMPLE", "a.example", true},
    {"xa.example", "a.example", false},
    {"a.example", "x.a.example", false},
    {"example", "a.example", false},
    {".a.example", "a.example", true},
    {"a.example", "", false},
    {"", "", true},
    {"", "a", false},
    {"b.example", "a.example", false},
};

static const struct {
	const char *name;
	unsigned labels, n;
	const char *tail;
} tails[] = {
    {"a.b.example", 3, 0, ""},
    {"a.b.example", 3, 1, "example"},
    {"a.b.example", 3, 2, "b.example"},
    {"a.b.example", 3, 3, "a.b.example"},
    {"a.b.example", 3, 4, "a.b.example"},
    {"example", 1, 1, "example"},
    {"example", 1, 9, "example"},
    {"", 0, 0, ""},
    {"", 0, 1, ""},
};

static const struct {
	const char *name;
	struct str text;
	bool ok;
} utf8s[] = {
    {"empty", STR_INIT(""), true},
    {"ASCII and NUL", STR_INIT("a\0\x7f"), true},
    {"lowest of two", STR_INIT("\xc2\x80"), true},
    {"highest of two", STR_INIT("\xdf\xbf"), true},
    {"lowest of three", STR_INIT("\xe0\xa0\x80"), true},
    {"below the surrogates", STR_INIT("\xed\x9f\xbf"), true},
    {"above the surrogates", STR_INIT("\xee\x80\x80"), true},
    {"lowest of four", STR_INIT("\xf0\x90\x80\x80"), true},
    {"highest", STR_INIT("\xf4\x8f\xbf\xbf"), true},
    {"lone tail", STR_INIT("\x80"), false},
    {"overlong of two", STR_INIT("\xc0\xaf"), false},
    {"overlong NUL", STR_INIT("\xc1\xbf"), false},
    {"overlong of three", STR_INIT("\xe0\x9f\xbf"), false},
    {"first surrogate", STR_INIT("\xed\xa0\x80"), false},
    {"last surrogate", STR_INIT("\xed\xbf\xbf"), false},
    {"overlong of four", STR_INIT("\xf0\x8f\xbf\xbf"), false},
    {"too high", STR_INIT("\xf4\x90\x80\x80"), false},
    {"five octets", STR_INIT("\xf8\x88\x80\x80\x80"), false},
    {"cut off", STR_INIT("a\xe2\x82"), false},
    {"bad third", STR_INIT("\xe2\x82\x41"), false},
    {"bad fourth", STR_INIT("\xf0\x90\x80\xc0"), false},
};

int
main(void)
{
	struct str local, domain;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct str s = addr_strip(str_from_z(paths[i].path));

		is_str(s, str_from_z(paths[i].strip), paths[i].path);
		addr_split(s, &local, &domain);
		is_str(local, str_from_z(paths[i].local), paths[i].path);
		is_str(domain, str_from_z(paths[i].domain), paths[i].path);
	}
	addr_split(STR("a"), &local, &domain);
	ok(domain.p == NULL, "no at-sign: no domain");
	addr_split(STR("a@"), &local, &domain);
	ok(domain.p != NULL, "an at-sign: an empty domain");
	test_names();
	for (size_t i = 0; i < sizeof(belows) / sizeof(belows[0]); i++)
		ok(domain_is_below(str_from_z(belows[i].name),
		       str_from_z(belows[i].parent)) == belows[i].below,
		    "\"%s\" below \"%s\"", belows[i].name, belows[i].parent);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		struct str s = str_from_z(tails[i].name);

		is_int(domain_labels(s), tails[i].labels, tails[i].name);
		is_str(domain_tail(s, tails[i].n), str_from_z(tails[i].tail),
		    tails[i].name);
	}
	for (size_t i = 0; i < sizeof(utf8s) / sizeof(utf8s[0]); i++)
		ok(utf8_ok(utf8s[i].text) == utf8s[i].ok, "UTF-8: %s",
		    utf8s[i].name);
	return tap_done();
}
