/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/err.h"
#include "lib/mail/authres.h"

#include "t/tap.h"

#define L16 "aaaaaaaaaaaaaaaa"
#define L256 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16 L16

/* ---- writer ---------------------------------------------------------- */

enum kind { PROP, ADDR, UTF8, REASON, COMMENT };

/* What comes out behind "\tspf=pass". */
static const struct {
	const char *name;
	enum kind kind;
	struct str in;
	const char *want;
} writes[] = {
    {"token", PROP, STR_INIT("a.example"), " x.y=a.example"},
    {"IPv6 address", PROP, STR_INIT("2001:db8::1"), " x.y=\"2001:db8::1\""},
    {"base64", PROP, STR_INIT("ab/c+="), " x.y=\"ab/c+=\""},
    {"empty", PROP, STR_INIT(""), " x.y=\"\""},
    {"quote and backslash", PROP, STR_INIT("a\"\\"), " x.y=\"a\\\"\\\\\""},
    {"semicolon", PROP, STR_INIT("a; dmarc=pass"), " x.y=\"a; dmarc=pass\""},
    {"CR LF", PROP, STR_INIT("a\r\nX: 1"), " x.y=\"aX: 1\""},
    {"NUL, tab, DEL", PROP, STR_INIT("a\0\t\x7f"), " x.y=a"},
    {"parentheses", PROP, STR_INIT("a(b.example"), " x.y=\"a(b.example\""},
    {"8-bit", PROP, STR_INIT("a\xff\xc3\xbc"), " x.y=\"a??\""},
    {"UTF-8", UTF8, STR_INIT("a\xff\xc3\xbc"), " x.y=\"a?\xc3\xbc\""},
    {"C1 control", UTF8,
	STR_INIT("a\xc2\x85"
		 "b"),
	" x.y=ab"},
    {"address", ADDR, STR_INIT("a@b.example"), " x.y=a@b.example"},
    {"no local-part", ADDR, STR_INIT("@b.example"), " x.y=@b.example"},
    {"no at-sign", ADDR, STR_INIT("b.example"), " x.y=b.example"},
    {"atext that is no token", ADDR, STR_INIT("a=b/c?@b.example"),
	" x.y=a=b/c?@b.example"},
    {"quoted local-part", ADDR, STR_INIT("\"a b\"@b.example"),
	" x.y=\"a b\"@b.example"},
    {"local-part that needs quotes", ADDR, STR_INIT("a; b@b.example"),
	" x.y=\"a; b\"@b.example"},
    {"local-part of two dots", ADDR, STR_INIT("a..b@b.example"),
	" x.y=\"a..b\"@b.example"},
    {"quote inside of quotes", ADDR, STR_INIT("\"a\"b\"@b.example"),
	" x.y=\"\\\"a\\\"b\\\"\"@b.example"},
    {"backslash before the last quote", ADDR, STR_INIT("\"a\\\"@b.example"),
	" x.y=\"\\\"a\\\\\\\"\"@b.example"},
    {"literal", ADDR, STR_INIT("a@[192.0.2.1]"), " x.y=\"a@[192.0.2.1]\""},
    {"comment for a domain", ADDR, STR_INIT("a@b.example(.c.example"),
	" x.y=\"a@b.example(.c.example\""},
    {"nothing behind the at-sign", ADDR, STR_INIT("a@"), " x.y=\"a@\""},
    {"8-bit address", ADDR, STR_INIT("\xc3\xbc@b.example"), " x.y=?@b.example"},
    {"reason", REASON, STR_INIT("no key"), " reason=\"no key\""},
    {"reason of a token", REASON, STR_INIT("none"), " reason=none"},
    {"no reason", REASON, STR_INIT(""), ""},
    {"reason of controls", REASON, STR_INIT("\r\n"), ""},
    {"comment", COMMENT, STR_INIT("p=reject"), " (p=reject)"},
    {"comment of words", COMMENT, STR_INIT("  a   b "), " (a b)"},
    {"hostile comment", COMMENT, STR_INIT("a); dmarc=pass (\\\"\r\n\0b"),
	" (a], dmarc=pass [/'b)"},
    {"8-bit comment", COMMENT, STR_INIT("\xc3\xbc\xff"), " (?\?)"},
    {"no comment", COMMENT, STR_INIT(""), ""},
    {"comment of spaces", COMMENT, STR_INIT("   "), ""},
};

static void
put(struct authres_writer *w, enum kind kind, struct str text)
{
	switch (kind) {
	case PROP:
	case UTF8:
		authres_prop(w, "x.y", text, kind == UTF8);
		break;
	case ADDR:
		authres_prop_addr(w, "x.y", text, false);
		break;
	case REASON:
		authres_reason(w, text);
		break;
	case COMMENT:
		authres_comment(w, text);
		break;
	}
}

static void
test_write(void)
{
	struct authres_writer w;
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		struct str want = str_from_z(writes[i].want);

		buf_clear(&b);
		authres_begin(&w, &b, STR("mx.example"), "\r\n");
		authres_result(&w, "spf", "pass");
		put(&w, writes[i].kind, writes[i].in);
		authres_end(&w);
		is_str(str_head(buf_str(&b), 23),
		    STR(" mx.example;\r\n\tspf=pass"), writes[i].name);
		is_str(str_from(buf_str(&b), 23), want, writes[i].name);
	}
	buf_fini(&b);
}

static void
test_forms(void)
{
	struct authres_writer w;
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	authres_begin(&w, &b, STR("mx.example"), "\n");
	authres_end(&w);
	is_str(buf_str(&b), STR(" mx.example; none"), "no results");

	buf_clear(&b);
	authres_begin(&w, &b, STR("mx example;"), "\n");
	authres_result(&w, "iprev", "pass");
	authres_comment(&w, STR("a comment"));
	authres_reason(&w, STR("a reason"));
	authres_prop(&w, "policy.iprev", STR("192.0.2.1"), false);
	authres_result(&w, "dkim", "none");
	authres_end(&w);
	is_str(buf_str(&b),
	    STR(" \"mx example;\";\n"
		"\tiprev=pass (a comment) reason=\"a reason\""
		" policy.iprev=192.0.2.1;\n"
		"\tdkim=none"),
	    "all parts, newline of LF");

	buf_clear(&b);
	authres_begin(&w, &b, STR(L256 L256), "\r\n");
	authres_result(&w, "spf", "pass");
	authres_prop_addr(
	    &w, "smtp.mailfrom", STR("a@" L256 ".example"), false);
	authres_end(&w);
	ok(str_contains_ci(buf_str(&b), STR("aaa...;")),
	    "a long id is cut visibly");
	ok(str_contains_ci(buf_str(&b), STR("aaa...\"")),
	    "a long domain is cut visibly");
	buf_fini(&b);
}

/* No line above 78 octets where words are short, none above 998 ever. */
static void
check_lines(struct str text, size_t max, const char *name)
{
	size_t longest = 0;

	for (size_t first = STR("Authentication-Results:").n; text.p;
	     first = 0) {
		struct str line = str_cut(text, '\n', &text);

		if (line.n + first > longest)
			longest = line.n + first;
		if (text.n && text.p[0] != '\t' && text.p[0] != ' ')
			ok(false, "%s: a line is no continuation", name);
	}
	ok(longest <= max, "%s: longest line has %zu octets", name, longest);
}

static void
test_folds(void)
{
	static const struct str words = STR_INIT(
	    "the quick brown fox jumps over the lazy dog and runs away from "
	    "here as fast as its four rather short legs can carry such a fox");
	static const struct str hostile =
	    STR_INIT("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
		     "\"\"" L256);
	struct authres_writer w;
	struct authres r;
	struct arena a;
	struct buf b;

	arena_init(&a, 1 << 20);
	buf_init(&b, &a, 1 << 16);
	authres_begin(&w, &b, STR("mx.example"), "\r\n");
	for (int i = 0; i < 20; i++) {
		authres_result(&w, "dkim", "pass");
		authres_comment(&w, str_head(words, (size_t)i * 7));
		authres_reason(&w, words);
		authres_prop(&w, "header.s", str_head(words, (size_t)i), 0);
		authres_prop_addr(&w, "header.i", STR("me@ok.example"), 0);
	}
	authres_end(&w);
	check_lines(buf_str(&b), 79, "short words"); /* CR counted */
	is_int(authres_parse(&a, buf_str(&b), &r, NULL), 0, "is read again");
	is_int(r.n_entries, 20, "20 results");
	if (r.n_entries == 20)
		is_str(r.entries[7].reason, words, "unfolded as it was");

	buf_clear(&b);
	authres_begin(&w, &b, hostile, "\r\n");
	authres_result(&w, "dkim", "pass");
	authres_comment(&w, hostile);
	authres_reason(&w, hostile);
	authres_prop(&w, "header.s", hostile, true);
	authres_prop_addr(&w, "header.i", hostile, true);
	check_lines(buf_str(&b), 998, "long words");
	is_int(authres_parse(&a, buf_str(&b), &r, NULL), 0, "is read again");
	arena_fini(&a);

	buf_init(&b, NULL, 40);
	authres_begin(&w, &b, STR("mx.example"), "\n");
	authres_result(&w, "dkim", "pass");
	authres_reason(&w, words);
	authres_end(&w);
	is_int(b.err, AVER_LIMIT, "a small buffer keeps the error");
	buf_fini(&b);
}

/* ---- parser ---------------------------------------------------------- */

/* "id[/version]|method[/version]=result,reason,ptype.name=value...|..." */
static const struct {
	const char *name;
	struct str in;
	const char *want; /* NULL: AVER_SYNTAX */
} parses[] = {
    {"none", STR_INIT(" mx.example; none"), "mx.example"},
    {"none and a comment", STR_INIT("mx.example; none (done)"), "mx.example"},
    {"version", STR_INIT("mx.example 1; none"), "mx.example"},
    {"quoted id", STR_INIT("\"mx \\\"example\"; none"), "mx \"example"},
    {"one result", STR_INIT("mx.example; spf=pass"), "mx.example|spf=pass"},
    {"no white space", STR_INIT("mx.example;spf=pass;dkim=fail"),
	"mx.example|spf=pass|dkim=fail"},
    {"reason and property",
	STR_INIT("mx.example; dkim=fail reason=\"no key\" header.d=a.example "
		 "header.s=s"),
	"mx.example|dkim=fail,no key,header.d=a.example,header.s=s"},
    {"reason as ptype", STR_INIT("mx.example; x=y reason.z=1"),
	"mx.example|x=y,reason.z=1"},
    {"method version", STR_INIT("mx.example; dkim/2=pass"),
	"mx.example|dkim/2=pass"},
    {"folds and comments everywhere",
	STR_INIT("(a) mx.example (b) 1 (c) ;\r\n\t(d) dkim (e) / (f) 1 (g) = "
		 "(h) fail (i)\r\n reason (j) = (k) none header (l) . (m) d "
		 "(n) = (o) a.example (p) ; (q) spf=none (r) "),
	"mx.example|dkim=fail,none,header.d=a.example|spf=none"},
    {"address", STR_INIT("mx.example; spf=pass smtp.mailfrom=a=b@c.example"),
	"mx.example|spf=pass,smtp.mailfrom=a=b@c.example"},
    {"quoted local-part",
	STR_INIT("mx.example; spf=pass smtp.mailfrom=\"a; b\"@c.example"),
	"mx.example|spf=pass,smtp.mailfrom=a; b@c.example"},
    {"folded quoted-string",
	STR_INIT("mx.example; dkim=fail reason=\"a\r\n b\""),
	"mx.example|dkim=fail,a b"},
    {"semicolon behind all", STR_INIT("mx.example; spf=pass;"),
	"mx.example|spf=pass"},
    {"base64 without quotes",
	STR_INIT("mx.example; dkim=pass header.b=ab/c+d=="),
	"mx.example|dkim=pass,header.b=ab/c+d=="},
    {"IPv6 address without quotes",
	STR_INIT("mx.example; iprev=pass policy.iprev=2001:db8::1"),
	"mx.example|iprev=pass,policy.iprev=2001:db8::1"},
    {"CRLF behind all", STR_INIT("mx.example; none\r\n"), "mx.example"},
    {"UTF-8", STR_INIT("\xc3\xbc.example; spf=pass smtp.helo=\xc3\xbc"),
	"\xc3\xbc.example|spf=pass,smtp.helo=\xc3\xbc"},
    {"comment in a comment", STR_INIT("mx.example ((\\)a)); none"),
	"mx.example"},
    {"method that begins as none", STR_INIT("mx.example; none-x=pass"),
	"mx.example|none-x=pass"},

    {"empty", STR_INIT(""), NULL},
    {"white space", STR_INIT(" \r\n "), NULL},
    {"id only", STR_INIT("mx.example"), NULL},
    {"id and semicolon", STR_INIT("mx.example;"), NULL},
    {"no id", STR_INIT("; spf=pass"), NULL},
    {"version 2", STR_INIT("mx.example 2; spf=pass"), NULL},
    {"version too large", STR_INIT("mx.example 65536; spf=pass"), NULL},
    {"no semicolon", STR_INIT("mx.example spf=pass"), NULL},
    {"two semicolons", STR_INIT("mx.example;; spf=pass"), NULL},
    {"none and a result", STR_INIT("mx.example; none; spf=pass"), NULL},
    {"a result and none", STR_INIT("mx.example; spf=pass; none"), NULL},
    {"no result", STR_INIT("mx.example; spf"), NULL},
    {"empty result", STR_INIT("mx.example; spf="), NULL},
    {"no method", STR_INIT("mx.example; =pass"), NULL},
    {"bad method version", STR_INIT("mx.example; spf/x=pass"), NULL},
    {"no ptype", STR_INIT("mx.example; spf=pass mailfrom=a"), NULL},
    {"empty value", STR_INIT("mx.example; spf=pass smtp.helo="), NULL},
    {"property cut off", STR_INIT("mx.example; spf=pass smtp."), NULL},
    {"words behind a value", STR_INIT("mx.example; spf=pass a.b=c d"), NULL},
    {"value behind a value", STR_INIT("mx.example; spf=pass a.b=\"c\"d"), NULL},
    {"quote not closed", STR_INIT("mx.example; spf=pass a.b=\"c"), NULL},
    {"backslash at the end", STR_INIT("mx.example; spf=pass a.b=\"c\\"), NULL},
    {"comment not closed", STR_INIT("mx.example (a; spf=pass"), NULL},
    {"comment not opened", STR_INIT("mx.example a); spf=pass"), NULL},
    {"id with a slash", STR_INIT("mx.example/1; spf=pass"), NULL},
    {"NUL", STR_INIT("mx.example; spf=pass a.b=c\0"), NULL},
    {"bare CR", STR_INIT("mx.example; spf=pass\r dkim=pass"), NULL},
    {"line end without white space",
	STR_INIT("mx.example; spf=pass\r\ndkim=pass"), NULL},
};

static void
print(struct buf *b, const struct authres *r)
{
	buf_add(b, r->id);
	for (size_t i = 0; i < r->n_entries; i++) {
		const struct authres_entry *e = &r->entries[i];

		buf_addf(b, "|%.*s", STRF(e->method));
		if (e->version != 1)
			buf_addf(b, "/%u", e->version);
		buf_addf(b, "=%.*s", STRF(e->result));
		if (e->reason.n)
			buf_addf(b, ",%.*s", STRF(e->reason));
		for (size_t k = 0; k < e->n_props; k++)
			buf_addf(b, ",%.*s.%.*s=%.*s", STRF(e->props[k].ptype),
			    STRF(e->props[k].name), STRF(e->props[k].value));
	}
}

static void
test_parse(void)
{
	for (size_t i = 0; i < sizeof(parses) / sizeof(parses[0]); i++) {
		struct authres r = {.version = 7};
		struct diag d = {0};
		struct arena a;
		struct buf b;
		int err;

		arena_init(&a, 1 << 16);
		buf_init(&b, &a, 4096);
		err = authres_parse(&a, parses[i].in, &r, &d);
		if (!parses[i].want) {
			ok(err == AVER_SYNTAX && r.version == 7 && d.text[0],
			    "%s: refused: %s", parses[i].name, d.text);
		} else {
			print(&b, &r);
			ok(err == 0, "%s: read", parses[i].name);
			is_str(buf_str(&b), str_from_z(parses[i].want),
			    parses[i].name);
		}
		arena_fini(&a);
	}
}

static int
parse_repeated(size_t cap, const char *head, const char *piece, size_t n)
{
	struct authres r;
	struct arena a;
	struct buf b;
	int err;

	arena_init(&a, cap);
	buf_init(&b, NULL, 1 << 20);
	buf_add_z(&b, head);
	while (n--)
		buf_add_z(&b, piece);
	err = authres_parse(&a, buf_str(&b), &r, NULL);
	buf_fini(&b);
	arena_fini(&a);
	return err;
}

static void
test_bounds(void)
{
	size_t big = 4 << 20;

	is_int(parse_repeated(big, "i", ";a=b", 500), 0, "500 results");
	is_int(parse_repeated(big, "i", ";a=b", 501), AVER_LIMIT, "501");
	is_int(
	    parse_repeated(big, "i;a=b", " c.d=e", 100), 0, "100 properties");
	is_int(parse_repeated(big, "i;a=b", " c.d=e", 101), AVER_LIMIT, "101");
	is_int(parse_repeated(big, "i;none", " ", 65531), AVER_LIMIT,
	    "above 64 kB");
	is_int(parse_repeated(big, "i;none", " ", 65530), 0, "64 kB");
	is_int(
	    parse_repeated(big, "i", "(", 60000), AVER_SYNTAX, "deep comments");
	is_int(parse_repeated(16, "i", ";a=b", 9), AVER_NOMEM, "no memory");
}

/* ---- claims ---------------------------------------------------------- */

static const struct {
	struct str value;
	bool claim; /* of mx.example */
} claims[] = {
    {STR_INIT("mx.example; none"), true},
    {STR_INIT(" \r\n\tMX.Example; spf=pass"), true},
    {STR_INIT("(c) mx.example (c) 1; spf=pass"), true},
    {STR_INIT("mx.example 2; spf=pass"), true},
    {STR_INIT("mx.example"), true},
    {STR_INIT("mx.example.; spf=pass"), true},
    {STR_INIT("\"mx.example\"; spf=pass"), true},
    {STR_INIT("\"m\\x.ex\r\n ample\"; spf=pass"), true},
    {STR_INIT("mx.example/abc; spf=pass"), true},
    {STR_INIT("\"mx.example/a b\"; spf=pass"), true},
    {STR_INIT("mx.example spf=pass"), true},
    {STR_INIT("; mx.example; spf=pass"), true},
    {STR_INIT("spf=pass x.y=mx.example"), true},
    {STR_INIT("mx.(c)example; spf=pass"), true},
    {STR_INIT("mx .example; spf=pass"), true},
    {STR_INIT("mx\0.example; spf=pass"), true},
    {STR_INIT("\"mx.example; spf=pass"), true},
    {STR_INIT("(mx.example; spf=pass"), true},
    {STR_INIT("other.example; none\nX: mx.example; spf=pass"), true},
    {STR_INIT("other.example x mx.example; spf=pass"), true},

    {STR_INIT("other.example; spf=pass"), false},
    {STR_INIT("other.example; dkim=pass header.d=mx.example"), false},
    {STR_INIT("other.example 1 (mx.example); spf=pass"), false},
    {STR_INIT("(mx.example) other.example; spf=pass"), false},
    {STR_INIT("a.mx.example; spf=pass"), false},
    {STR_INIT("mx.example.org; spf=pass"), false},
    {STR_INIT("mx.exampl; spf=pass"), false},
    {STR_INIT("x"), false},
    {STR_INIT(""), false},
    {STR_INIT("; spf=pass"), false},
    {STR_INIT("\"other.example; spf=pass"), false},
};

static void
test_claims(void)
{
	struct buf b;

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		ok(authres_names_id(claims[i].value, STR("mx.example")) ==
			claims[i].claim,
		    "claim %zu: %.*s", i,
		    STRF(str_head(
			claims[i].value, str_chr(claims[i].value, '\n'))));
	ok(authres_names_id(STR("b\xc3\xbc"
				"cher.example; none"),
	       STR("xn--bcher-kva.example")),
	    "U-labels name an id in A-labels");
	ok(authres_names_id(
	       STR("XN--bcher-kva.example; none"), STR("b\xc3\xbc"
						       "cher.example")),
	    "A-labels name an id in U-labels");

	buf_init(&b, NULL, 1 << 20);
	while (b.n < 600000)
		buf_add_z(&b, "mx.e");
	ok(!authres_names_id(buf_str(&b), STR("mx.example")),
	    "long and of no id");
	buf_add_z(&b, "\"mx.example");
	ok(authres_names_id(buf_str(&b), STR("mx.example")),
	    "long and ours at its end");
	/* each m might be ours behind a comment, which never ends */
	buf_clear(&b);
	buf_add_z(&b, "@ ");
	while (b.n < 600000)
		buf_add_z(&b, "m\\(");
	ok(authres_names_id(buf_str(&b), STR("mx.example")),
	    "made to cost the square of its length");
	buf_clear(&b);
	buf_add_z(&b, "@ ");
	while (b.n < 600000)
		buf_add_z(&b, "m(x)x. (mx) m\"x\"");
	ok(!authres_names_id(buf_str(&b), STR("mx.example")),
	    "long, with many comments");
	buf_fini(&b);
}

int
main(void)
{
	test_write();
	test_forms();
	test_folds();
	test_parse();
	test_bounds();
	test_claims();
	return tap_done();
}
