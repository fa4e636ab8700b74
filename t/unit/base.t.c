/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/arena.h"
#include "lib/base/b64.h"
#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/diag.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/name.h"
#include "lib/base/scan.h"
#include "lib/base/str.h"
#include "t/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- chars ---------------------------------------------------------- */

static bool
among(int c, const char *set)
{
	return c > 0 && strchr(set, c);
}

static bool
between(int c, int lo, int hi)
{
	return c >= lo && c <= hi;
}

/* The classes as their grammars write them: ranges, and single octets. */
static const struct {
	unsigned mask;
	unsigned char ranges[4][2]; /* both ends included */
	const char *also, *except;
} classes[] = {
    {CH_ALPHA, {{'A', 'Z'}, {'a', 'z'}}, "", ""},
    {CH_DIGIT, {{'0', '9'}}, "", ""},
    {CH_HEX, {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, "", ""},
    {CH_WSP, {{' ', ' '}}, "\t", ""},
    {CH_FWS, {{' ', ' '}}, "\t\r\n", ""},
    {CH_ATEXT, {{'A', 'Z'}, {'a', 'z'}, {'0', '9'}}, "!#$%&'*+-/=?^_`{|}~", ""},
    {CH_FTEXT, {{33, 126}}, "", ":"},
    {CH_TOKEN, {{33, 126}}, "", "()<>@,;:\\\"/[]?="},
    {CH_VALCHAR, {{0x21, 0x3a}, {0x3c, 0x7e}}, "", ""},
    {CH_BASE64, {{'A', 'Z'}, {'a', 'z'}, {'0', '9'}}, "+/", ""},
    {CH_URI, {{'A', 'Z'}, {'a', 'z'}, {'0', '9'}}, "-._~", ""},
    {CH_PRINT, {{0x20, 0x7e}}, "", ""},
    {CH_CTL, {{0, 31}, {127, 127}}, "", ""},
    {CH_HIGH, {{128, 255}}, "", ""},
    {CH_LDH, {{'A', 'Z'}, {'a', 'z'}, {'0', '9'}}, "-", ""},
    {CH_TAGNAME, {{'A', 'Z'}, {'a', 'z'}, {'0', '9'}}, "_", ""},
};

static unsigned
classes_of(int c)
{
	unsigned m = 0;

	for (size_t i = 0; i < COUNT(classes); i++) {
		bool in = among(c, classes[i].also);

		for (size_t k = 0; k < 4 && classes[i].ranges[k][1]; k++)
			in |= between(c, classes[i].ranges[k][0],
			    classes[i].ranges[k][1]);
		if (in && !among(c, classes[i].except))
			m |= classes[i].mask;
	}
	return m;
}

static void
test_chars(void)
{
	int wrong = 0;

	for (int c = 0; c < 256; c++) {
		if (chars_table[c] == classes_of(c))
			continue;
		wrong++;
		printf("# octet 0x%02x: table 0x%04x, grammar 0x%04x\n", c,
		    chars_table[c], classes_of(c));
	}
	is_int(wrong, 0, "chars: table agrees with the grammars");
	for (int c = 0; c < 256; c++) {
		int v = among(c, "0123456789")     ? c - '0'
			: c && strchr("abcdef", c) ? c - 'a' + 10
			: c && strchr("ABCDEF", c) ? c - 'A' + 10
						   : -1;

		if (chars_hex((char)c) != v)
			wrong++;
		if (chars_lower((char)c) !=
		    (between(c, 'A', 'Z') ? (char)(c + 32) : (char)c))
			wrong++;
	}
	is_int(wrong, 0, "chars: hex values and lower case");
}

/* ---- str ------------------------------------------------------------ */

static void
test_str_compare(void)
{
	struct str high = STR("\xc4"), low = STR("\xe4");

	ok(str_eq(STR_NONE, STR("")), "str: NULL view equals an empty one");
	ok(!str_eq(STR("a\0b"), STR("a\0c")), "str: octets after NUL count");
	ok(str_eq_ci(STR("AbZ@["), STR("aBz@[")), "str: case of letters");
	ok(!str_eq_ci(STR("@["), STR("`{")), "str: only letters have case");
	ok(!str_eq_ci(high, low), "str: octets above 0x7f have no case");
	ok(str_is_ascii(STR("a\0\x7f")) && str_is_ascii(STR_NONE),
	    "str: ASCII");
	ok(!str_is_ascii(STR("\x80.")) && !str_is_ascii(STR(".\xff")),
	    "str: no ASCII");
	ok(str_cmp(STR("ab"), STR("abc")) < 0, "str: shorter first");
	ok(str_cmp(STR("b"), STR("abc")) > 0, "str: by octets first");
	ok(str_cmp(STR("\x80"), STR("a")) > 0, "str: octets are unsigned");
	is_int(str_cmp(STR_NONE, STR_NONE), 0, "str: empty is empty");
	ok(str_starts(STR("abc"), STR("ab")) &&
		!str_starts(STR("ab"), STR("abc")) &&
		str_starts(STR_NONE, STR_NONE),
	    "str: starts");
	ok(str_starts_ci(STR("ABc"), STR("abC")), "str: starts, any case");
	ok(str_ends_ci(STR("x.COM"), STR(".com")) &&
		!str_ends_ci(STR("com"), STR(".com")) &&
		str_ends_ci(STR_NONE, STR_NONE),
	    "str: ends");
	ok(str_contains_ci(STR("xxabC"), STR("Bc")) &&
		!str_contains_ci(STR("xxab"), STR("bc")) &&
		str_contains_ci(STR_NONE, STR_NONE) &&
		!str_contains_ci(STR_NONE, STR("a")),
	    "str: contains");
	ok(str_hash(STR("a"), 1) != str_hash(STR("a"), 2) &&
		str_hash(STR("a"), 1) != str_hash(STR("b"), 1) &&
		str_hash(STR("a"), 1) == str_hash(STR("a"), 1),
	    "str: hash depends on text and seed only");
}

static void
test_str_cut(void)
{
	struct str rest, s = STR("a;;b");

	is_int(str_chr(STR("abcb"), 'b'), 1, "str: first index");
	is_int(str_rchr(STR("abcb"), 'b'), 3, "str: last index");
	is_int(str_chr(STR("abc"), 'x'), 3, "str: no such octet");
	is_int(str_rchr(STR_NONE, 'x'), 0, "str: none in an empty view");
	is_str(str_from(STR("abc"), 1), STR("bc"), "str: from");
	is_str(str_from(STR("abc"), 9), STR(""), "str: from past the end");
	is_str(str_from(STR_NONE, 9), STR(""), "str: from of nothing");
	is_str(str_head(STR("abc"), 9), STR("abc"), "str: head of a shorter");
	is_str(str_trim(STR("..a.b.."), "."), STR("a.b"), "str: trim");
	is_str(str_trim(STR("\0a\0"), " "), STR("\0a\0"), "str: NUL stays");
	is_str(str_trim_fws(STR(" \r\n\ta b\t")), STR("a b"), "str: FWS");
	is_str(str_trim_fws(STR(" \t")), STR(""), "str: only FWS");
	is_str(str_cut(s, ';', &rest), STR("a"), "str: cut, first");
	is_str(str_cut(rest, ';', &rest), STR(""), "str: cut, empty part");
	is_str(str_cut(rest, ';', &rest), STR("b"), "str: cut, last");
	ok(rest.p == NULL && rest.n == 0, "str: no rest after the last");
	str_cut(STR("a;"), ';', &rest);
	ok(rest.p && rest.n == 0, "str: an empty rest is a rest");
	ok(str_from_z(NULL).n == 0, "str: view of a NULL string");
}

static void
test_str_numbers(void)
{
	static const struct {
		struct str in;
		uint64_t max;
		bool good;
		uint64_t want;
	} t[] = {
	    {STR_INIT("0"), 0, true, 0},
	    {STR_INIT("1"), 0, false, 0},
	    {STR_INIT("9"), 8, false, 0},
	    {STR_INIT("255"), 255, true, 255},
	    {STR_INIT("256"), 255, false, 0},
	    {STR_INIT("00000000000000000007"), 7, true, 7},
	    {STR_INIT("000000000000000000007"), 7, false, 0},
	    {STR_INIT("18446744073709551615"), UINT64_MAX, true, UINT64_MAX},
	    {STR_INIT("18446744073709551616"), UINT64_MAX, false, 0},
	    {STR_INIT("99999999999999999999"), UINT64_MAX, false, 0},
	    {STR_INIT(""), 9, false, 0},
	    {STR_INIT("-1"), 9, false, 0},
	    {STR_INIT("+1"), 9, false, 0},
	    {STR_INIT(" 1"), 9, false, 0},
	    {STR_INIT("1 "), 9, false, 0},
	    {STR_INIT("1\0"), 99, false, 0},
	    {STR_INIT("\xb1"), 99, false, 0},
	    {STR_INIT("0x1"), 99, false, 0},
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		uint64_t v = 4711;
		bool good = str_to_u64(t[i].in, t[i].max, &v);

		ok(good == t[i].good && v == (good ? t[i].want : 4711),
		    "str: number %zu \"%.*s\"", i, STRF(t[i].in));
	}
}

/* ---- scan ----------------------------------------------------------- */

static void
test_scan(void)
{
	struct scan s = scan_of(STR("ab12;x"));
	struct str got = STR("kept");
	uint64_t v = 7;

	ok(!scan_char(&s, 'b') && scan_offset(&s) == 0, "scan: not there");
	ok(scan_char(&s, 'a') && scan_offset(&s) == 1, "scan: char");
	ok(!scan_many(&s, CH_DIGIT, &got) && str_eq(got, STR("kept")),
	    "scan: nothing read, nothing changed");
	ok(!scan_lit(&s, STR("B1")) && scan_lit_ci(&s, STR("B1")) &&
		scan_offset(&s) == 3,
	    "scan: literals");
	ok(!scan_u64(&s, 1, &v) && v == 7 && scan_offset(&s) == 3,
	    "scan: number above its maximum does not advance");
	ok(scan_u64(&s, 2, &v) && v == 2, "scan: number");
	is_int(scan_skip(&s, CH_WSP), 0, "scan: skip nothing");
	is_str(scan_until(&s, ';'), STR(""), "scan: until here");
	ok(scan_class(&s, CH_VALCHAR | CH_PRINT), "scan: class");
	is_str(scan_until(&s, '!'), STR("x"), "scan: until the end");
	ok(scan_done(&s) && scan_peek(&s) == -1 && !scan_char(&s, 'x') &&
		!scan_class(&s, CH_PRINT) && scan_rest(&s).n == 0,
	    "scan: nothing at the end");
	s = scan_of(STR_NONE);
	ok(scan_done(&s) && scan_lit(&s, STR("")) && !scan_u64(&s, 9, &v) &&
		scan_until(&s, 'x').n == 0 && scan_cfws(&s),
	    "scan: of a NULL view");
	s = scan_of(STR("\xff"));
	is_int(scan_peek(&s), 255, "scan: peek is unsigned");
}

static void
test_scan_cfws(void)
{
	static const struct {
		const char *name;
		struct str in;
		bool good;
		size_t at;
	} t[] = {
	    {"nothing", STR_INIT("x"), true, 0},
	    {"white space", STR_INIT(" \r\n\tx"), true, 4},
	    {"comment", STR_INIT("(a)x"), true, 3},
	    {"comments", STR_INIT(" (a) (b) x"), true, 9},
	    {"nested", STR_INIT("(a(b)c)x"), true, 7},
	    {"quoted parenthesis", STR_INIT("(\\))x"), true, 4},
	    {"quoted NUL", STR_INIT("(\\\0)x"), true, 4},
	    {"8-bit", STR_INIT("(\xc3\xbc)x"), true, 4},
	    {"open", STR_INIT(" (a"), false, 0},
	    {"open inner", STR_INIT("(a(b)"), false, 0},
	    {"lone backslash", STR_INIT("(\\"), false, 0},
	    {"closed too often", STR_INIT("(a))"), true, 3},
	    {"second is open", STR_INIT("(a)(b"), false, 0},
	    {"empty", STR_INIT(""), true, 0},
	};
	char deep[100];

	for (size_t i = 0; i < COUNT(t); i++) {
		struct scan s = scan_of(t[i].in);
		bool good = scan_cfws(&s);

		ok(good == t[i].good && scan_offset(&s) == t[i].at,
		    "scan: CFWS, %s", t[i].name);
	}
	for (size_t levels = 32; levels <= 33; levels++) {
		struct scan s = scan_of((struct str){deep, 2 * levels});

		memset(deep, '(', levels);
		memset(deep + levels, ')', levels);
		ok(scan_cfws(&s) == (levels == 32), "scan: %zu levels", levels);
	}
}

/* ---- arena ---------------------------------------------------------- */

static void
count_call(void *p)
{
	++*(int *)p;
}

struct order {
	int at, *next;
};

static void
note_order(void *p)
{
	struct order *o = p;

	o->at = (*o->next)++;
}

static void
test_arena_cap(void)
{
	struct arena a;
	size_t got = 0;

	arena_init(&a, 10000);
	ok(arena_alloc(&a, 0) && !arena_failed(&a), "arena: zero octets");
	ok(!arena_alloc(&a, 10001) && arena_failed(&a), "arena: over cap");
	ok(arena_alloc(&a, 8000) && arena_failed(&a),
	    "arena: failure stays, smaller ones are served");
	while (arena_alloc(&a, 16))
		got += 16;
	ok(got > 1000 && got <= 2000 && a.taken <= 10000,
	    "arena: the rest of the cap is used (%zu)", got);
	arena_reset(&a);
	ok(!arena_failed(&a) && arena_alloc(&a, 8000), "arena: reset");
	ok(!arena_alloc(&a, SIZE_MAX) && !arena_alloc(&a, SIZE_MAX - 15) &&
		!arena_alloc(&a, SIZE_MAX - 16),
	    "arena: sizes near the end of size_t");
	arena_reset(&a);
	ok(!arena_calloc(&a, SIZE_MAX / 2, 3) && arena_failed(&a),
	    "arena: count times size overflows");
	arena_fini(&a);
	arena_fini(&a);
	ok(arena_alloc(&a, 1), "arena: usable after fini");
	arena_fini(&a);
	arena_init(&a, SIZE_MAX);
	ok(!arena_alloc(&a, SIZE_MAX - 16),
	    "arena: no cap, a size near SIZE_MAX");
	arena_fini(&a);
}

static void
test_arena_blocks(void)
{
	struct arena a;
	char *p, *q;
	bool zero = true, aligned = true;

	arena_init(&a, 1 << 20);
	for (size_t n = 1; n < 200; n++) {
		p = arena_alloc(&a, n);
		memset(p, 0x55, n);
		aligned &= (uintptr_t)p % _Alignof(max_align_t) == 0;
	}
	arena_reset(&a);
	p = arena_calloc(&a, 50, 4);
	for (int i = 0; i < 200; i++)
		zero &= p[i] == 0;
	ok(aligned, "arena: aligned");
	ok(zero, "arena: calloc of used memory is zero");
	p = arena_grow(&a, NULL, 0, 10);
	memcpy(p, "0123456789", 10);
	q = arena_grow(&a, p, 10, 100);
	ok(q == p && !memcmp(q, "0123456789", 10), "arena: grows in place");
	arena_alloc(&a, 1);
	q = arena_grow(&a, p, 100, 101);
	ok(q && q != p && !memcmp(q, "0123456789", 10), "arena: moves");
	ok(arena_grow(&a, q, 101, 50) == q, "arena: never shrinks");
	q = arena_grow(&a, q, 101, 50000);
	ok(q && !memcmp(q, "0123456789", 10), "arena: into a new chunk");
	ok(!arena_grow(&a, q, 50000, (size_t)1 << 21) && arena_failed(&a) &&
		!memcmp(q, "0123456789", 10),
	    "arena: a failed grow keeps the block");
	arena_fini(&a);
}

static void
test_arena_text(void)
{
	struct arena a;

	arena_init(&a, 9000);
	is_str(arena_dup(&a, STR("a\0b")), STR("a\0b"), "arena: dup");
	ok(!arena_dup(&a, STR_NONE).p, "arena: dup of nothing");
	is_str(arena_lower(&a, STR("ABc\xc4")), STR("abc\xc4"), "arena: lower");
	is_str(arena_cat(&a, STR("ab"), STR("c")), STR("abc"), "arena: cat");
	is_str(arena_cat(&a, STR_NONE, STR_NONE), STR(""), "arena: cat empty");
	ok(!strcmp(arena_z(&a, STR("abc")), "abc") &&
		!strcmp(arena_z(&a, STR_NONE), ""),
	    "arena: NUL-terminated");
	ok(!arena_z(&a, STR("a\0b")) && !arena_failed(&a),
	    "arena: a NUL inside is no failure of memory");
	while (arena_alloc(&a, 16))
		;
	ok(!arena_dup(&a, STR("abc")).p && !arena_lower(&a, STR("abc")).p &&
		!arena_z(&a, STR("abc")) &&
		!arena_cat(&a, STR("abc"), STR("d")).p,
	    "arena: text without memory");
	arena_fini(&a);
}

static void
test_arena_cleanup(void)
{
	struct order o[3];
	struct arena a;
	int calls = 0, next = 0;

	arena_init(&a, 9000);
	for (int i = 0; i < 3; i++) {
		o[i] = (struct order){-1, &next};
		arena_on_free(&a, note_order, &o[i]);
	}
	arena_reset(&a);
	ok(o[2].at == 0 && o[1].at == 1 && o[0].at == 2,
	    "arena: cleanups, newest first");
	arena_reset(&a);
	is_int(next, 3, "arena: each cleanup once");
	ok(arena_on_free(&a, count_call, &calls) && calls == 0, "arena: owns");
	while (arena_alloc(&a, 16))
		;
	ok(!arena_on_free(&a, count_call, &calls) && calls == 1,
	    "arena: without memory the cleanup runs at once");
	arena_fini(&a);
	is_int(calls, 2, "arena: fini runs the cleanups");
}

/* ---- buf ------------------------------------------------------------ */

static void
fill(struct buf *b)
{
	buf_add(b, STR("a\0"));
	buf_add_z(b, "bc");
	buf_add_c(b, 'd');
	buf_add_u64(b, UINT64_MAX);
	buf_addf(b, "%03d%s", 7, "");
}

static void
test_buf_in(struct arena *a, const char *where)
{
	struct str want = STR("a\0bcd18446744073709551615007");
	struct buf b;
	bool tight = true;

	buf_init(&b, a, 1000);
	ok(buf_str(&b).n == 0 && !strcmp(buf_z(&b), ""), "buf: new (%s)",
	    where);
	fill(&b);
	is_str(buf_str(&b), want, where);
	is_int(buf_z(&b)[want.n], 0, "buf: NUL past the end");
	buf_cut(&b, 1);
	buf_cut(&b, 5);
	ok(!strcmp(buf_z(&b), "a"), "buf: cut shortens only (%s)", where);
	for (int i = 0; i < 999; i++)
		buf_add_c(&b, 'x');
	ok(buf_ok(&b) && b.n == 1000, "buf: full (%s)", where);
	buf_add(&b, STR(""));
	ok(buf_ok(&b), "buf: nothing more is fine (%s)", where);
	buf_add_c(&b, 'x');
	ok(!buf_ok(&b) && b.err == AVER_LIMIT && !buf_str(&b).p &&
		!strcmp(buf_z(&b), ""),
	    "buf: over its maximum (%s)", where);
	buf_cut(&b, 0);
	buf_add_c(&b, 'x');
	ok(!buf_ok(&b), "buf: the error stays (%s)", where);
	buf_clear(&b);
	fill(&b);
	is_str(buf_str(&b), want, "buf: usable after clear");
	buf_fini(&b);
	for (size_t max = 0; max < want.n; max++) {
		buf_init(&b, a, max);
		fill(&b);
		tight &= !buf_ok(&b) && b.n <= max;
		buf_fini(&b);
	}
	ok(tight, "buf: every smaller maximum refuses (%s)", where);
}

static void
test_buf(void)
{
	struct arena a;
	struct buf b;

	arena_init(&a, 1 << 20);
	test_buf_in(NULL, "malloc");
	test_buf_in(&a, "arena");
	arena_fini(&a);
	arena_init(&a, 1000);
	buf_init(&b, &a, 5000);
	for (int i = 0; i < 2000; i++)
		buf_add_c(&b, 'x');
	is_int(b.err, AVER_NOMEM, "buf: the arena is at its cap");
	arena_fini(&a);
}

/* ---- b64, hex ------------------------------------------------------- */

static void
test_b64(void)
{
	static const struct {
		const char *name;
		struct str in;
		int err;
		struct str want;
	} t[] = {
	    {"empty", STR_INIT(""), 0, STR_INIT("")},
	    {"one", STR_INIT("Zg=="), 0, STR_INIT("f")},
	    {"two", STR_INIT("Zm8="), 0, STR_INIT("fo")},
	    {"three", STR_INIT("Zm9v"), 0, STR_INIT("foo")},
	    {"six", STR_INIT("Zm9vYmFy"), 0, STR_INIT("foobar")},
	    {"all digits", STR_INIT("+/+/"), 0, STR_INIT("\xfb\xff\xbf")},
	    {"folded", STR_INIT(" Z\r\n\tg = ="), 0, STR_INIT("f")},
	    {"folded within groups", STR_INIT("Zm9vYm\r\n FyZm9v"), 0,
		STR_INIT("foobarfoo")},
	    {"folded between groups", STR_INIT("Zm9v\r\n\tYmFyZg"), 0,
		STR_INIT("foobarf")},
	    {"groups after padding", STR_INIT("Zm9vYg==Zm9v"), AVER_SYNTAX,
		{0}},
	    {"only white space", STR_INIT(" \r\n"), 0, STR_INIT("")},
	    {"padding missing", STR_INIT("Zm8"), 0, STR_INIT("fo")},
	    {"lone character", STR_INIT("Zm9vY"), AVER_SYNTAX, {0}},
	    {"single", STR_INIT("Z"), AVER_SYNTAX, {0}},
	    {"half padding", STR_INIT("Zg="), AVER_SYNTAX, {0}},
	    {"too much padding", STR_INIT("Zm9v="), AVER_SYNTAX, {0}},
	    {"three pads", STR_INIT("Z==="), AVER_SYNTAX, {0}},
	    {"only padding", STR_INIT("===="), AVER_SYNTAX, {0}},
	    {"data after padding", STR_INIT("Zg==Zg=="), AVER_SYNTAX, {0}},
	    {"url alphabet", STR_INIT("-_-_"), AVER_SYNTAX, {0}},
	    {"NUL", STR_INIT("Zm9\0"), AVER_SYNTAX, {0}},
	    {"8-bit", STR_INIT("Zm9\xf6"), AVER_SYNTAX, {0}},
	    {"vertical tab", STR_INIT("Zm\v9v"), AVER_SYNTAX, {0}},
	};
	struct arena a;

	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < COUNT(t); i++) {
		struct str out = STR("kept");
		int err = b64_decode(&a, t[i].in, &out);

		ok(err == t[i].err &&
			str_eq(out, err ? STR("kept") : t[i].want),
		    "b64: %s", t[i].name);
	}
	arena_fini(&a);
	arena_init(&a, 10);
	ok(b64_decode(&a, STR("Zm9vZm9vZm9vZm9v"), &(struct str){0}) ==
		AVER_NOMEM,
	    "b64: no memory");
	arena_fini(&a);
}

static void
test_b64_round(void)
{
	struct str in, out;
	struct arena a;
	struct buf b;
	char all[256];
	bool same = true;

	for (int i = 0; i < 256; i++)
		all[i] = (char)(255 - i);
	arena_init(&a, 1 << 20);
	buf_init(&b, NULL, 1000);
	for (size_t n = 0; n <= 256; n++) {
		in = (struct str){all, n};
		buf_clear(&b);
		b64_encode(&b, in);
		same &= b.n == (n + 2) / 3 * 4 &&
			b64_decode(&a, buf_str(&b), &out) == 0 &&
			str_eq(in, out);
	}
	ok(same, "b64: encode and decode are inverse for 0 to 256 octets");
	buf_clear(&b);
	b64_encode(&b, STR("foob"));
	is_str(buf_str(&b), STR("Zm9vYg=="), "b64: encode");
	buf_clear(&b);
	hex_encode(&b, STR("\0\x0f\xa0\xff"));
	is_str(buf_str(&b), STR("000fa0ff"), "hex: encode");
	buf_fini(&b);
	arena_fini(&a);
}

/* ---- name, err, diag, clock ----------------------------------------- */

static void
test_small(void)
{
	static const char *const names[] = {"none", NULL, "pass"};
	struct diag d = {"old", 9};
	char longer[400];
	int64_t ms = clock_mono_ms(), us = clock_mono_us();

	ok(!strcmp(name_of(names, 3, 2), "pass"), "name: of");
	ok(!strcmp(name_of(names, 3, 1), "?") &&
		!strcmp(name_of(names, 3, 3), "?") &&
		!strcmp(name_of(names, 3, -1), "?"),
	    "name: of what has none");
	is_int(name_find(names, 3, STR("PASS")), 2, "name: find");
	is_int(name_find(names, 3, STR("pas")), -1, "name: a part is none");
	is_int(name_find(names, 3, STR("pass\0")), -1, "name: NUL is no end");
	for (int e = 1; e >= AVER_BUG - 1; e--)
		ok(*aver_err_name(e), "err: %d is \"%s\"", e, aver_err_name(e));
	ok(!strcmp(aver_err_name(1), aver_err_name(AVER_BUG - 1)) &&
		strcmp(aver_err_name(AVER_BUG), aver_err_name(1)),
	    "err: only the unknown are unknown");
	is_int(diag_set(NULL, AVER_SYNTAX, 1, "x"), AVER_SYNTAX,
	    "diag: nobody wants it");
	is_int(diag_set(&d, AVER_LIMIT, 3, "a%sb\n\x80", "\t"), AVER_LIMIT,
	    "diag: returns the error");
	ok(!strcmp(d.text, "a?b??") && d.offset == 3, "diag: printable only");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	diag_set(&d, 0, 0, "%s", longer);
	is_int(strlen(d.text), sizeof(d.text) - 1, "diag: cut");
	ok(clock_now() > 1700000000, "clock: seconds since 1970");
	ok(clock_mono_ms() >= ms && clock_mono_us() >= us &&
		us / 1000 - ms < 1000,
	    "clock: one monotonic clock in two units");
}

/* ---- log ------------------------------------------------------------ */

static void
test_kv(void)
{
	static const struct {
		const char *name;
		struct str in, want;
	} t[] = {
	    {"plain", STR_INIT("a.b@c"), STR_INIT("k=a.b@c")},
	    {"equals, semicolon", STR_INIT("a=b;c"), STR_INIT("k=a=b;c")},
	    {"empty", STR_INIT(""), STR_INIT("k=\"\"")},
	    {"space", STR_INIT("a b"), STR_INIT("k=\"a b\"")},
	    {"quote", STR_INIT("a\"b"), STR_INIT("k=\"a\\\"b\"")},
	    {"backslash", STR_INIT("a\\b"), STR_INIT("k=\"a\\\\b\"")},
	    {"newline", STR_INIT("a\nb"), STR_INIT("k=\"a\\x0ab\"")},
	    {"NUL", STR_INIT("\0"), STR_INIT("k=\"\\x00\"")},
	    {"DEL", STR_INIT("\x7f"), STR_INIT("k=\"\\x7f\"")},
	    {"8-bit", STR_INIT("\xc3\xbc"), STR_INIT("k=\"\\xc3\\xbc\"")},
	};
	char big[400];
	struct buf b;

	buf_init(&b, NULL, 2000);
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&b);
		kv_str(&b, "k", t[i].in);
		is_str(buf_str(&b), t[i].want, t[i].name);
	}
	buf_clear(&b);
	kv_i64(&b, "a", INT64_MIN);
	kv_z(&b, "b", NULL);
	kv_z(&b, "c", "x");
	is_str(buf_str(&b), STR("a=-9223372036854775808 b=\"\" c=x"),
	    "kv: several");
	memset(big, 'x', sizeof(big));
	buf_clear(&b);
	kv_str(&b, "k", (struct str){big, 256});
	is_int(b.n, 258, "kv: 256 octets are kept");
	buf_clear(&b);
	kv_str(&b, "k", (struct str){big, 257});
	ok(b.n == 261 && str_ends_ci(buf_str(&b), STR("x...")),
	    "kv: more are cut");
	memset(big, 1, sizeof(big));
	buf_clear(&b);
	kv_str(&b, "k", (struct str){big, sizeof(big)});
	is_int(b.n, 2 + 2 + 4 * 256 + 3, "kv: cut counts octets of the value");
	buf_fini(&b);
}

static void
test_levels(void)
{
	log_set_level(LOG_LVL_WARN);
	ok(log_wants(LOG_LVL_ERROR) && log_wants(LOG_LVL_WARN) &&
		!log_wants(LOG_LVL_INFO),
	    "log: levels");
}

int
main(void)
{
	test_chars();
	test_str_compare();
	test_str_cut();
	test_str_numbers();
	test_scan();
	test_scan_cfws();
	test_arena_cap();
	test_arena_blocks();
	test_arena_text();
	test_arena_cleanup();
	test_buf();
	test_b64();
	test_b64_round();
	test_small();
	test_kv();
	test_levels();
	return tap_done();
}
