/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/buf.h"
#include "lib/mail/from.h"

#include "t/tap.h"

struct row {
	const char *name;
	struct str fields; /* the header of a message */
	enum from_status status;
	const char *domains; /* with commas between them */
	bool lax;
};

#define ONE(name, value, status, domains)                                     \
	{                                                                     \
		name, STR_INIT("From: " value "\r\n"), status, domains, false \
	}
#define LAX(name, value, domains)                                             \
	{                                                                     \
		name, STR_INIT("From: " value "\r\n"), FROM_OK, domains, true \
	}
#define OK(name, value) ONE(name, value, FROM_OK, "ok.example")

/* RFC 5322, RFC 6854, RFC 6532 */
static const struct row valid[] = {
    OK("bare address", "a@ok.example"),
    OK("angle address", "<a@ok.example>"),
    OK("display name", "A B <a@ok.example>"),
    OK("no space before the bracket", "A<a@ok.example>"),
    OK("initials", "J. R. Doe <a@ok.example>"),
    OK("capitals", "A <A@OK.EXAMPLE>"),
    OK("quoted name", "\"Doe, J\" <a@ok.example>"),
    OK("quoted name with an address", "\"x@bad.example\" <a@ok.example>"),
    OK("quoted name with brackets", "\"<x@bad.example>\" <a@ok.example>"),
    OK("quoted name with a quoted-pair", "\"a\\\"b\" <a@ok.example>"),
    OK("encoded name", "=?utf-8?B?PHhAYmFkLmV4YW1wbGU+?= <a@ok.example>"),
    OK("UTF-8 name", "J\xc3\xb6rg <a@ok.example>"),
    OK("folded", "A\r\n\t<a@ok.example>"),
    OK("folded at once", "\r\n A <a@ok.example>"),
    OK("fold with LF", "A\n <a@ok.example>"),
    OK("comment before", "(x@bad.example) a@ok.example"),
    OK("comment behind", "a@ok.example (J. Doe, x@bad.example)"),
    OK("nested comment", "<a@ok.example> (a (b) \\) c)"),
    OK("comment in the address", "<a@(c)ok.example>"),
    OK("comment in the domain", "<a@ok(c).example>"),
    OK("space around at-sign", "<a @ ok.example>"),
    OK("space around dots", "<a @ ok . example>"),
    OK("quoted local-part", "\"x@bad\"@ok.example"),
    OK("quoted-pair in the local-part", "\"x\\\"y\"@ok.example"),
    OK("local-part of many dots", "<a..b.@ok.example>"),
    OK("UTF-8 local-part", "<j\xc3\xb6@ok.example>"),
    OK("two of one domain", "a@ok.example, B <b@OK.example>"),
    OK("empty list elements", ",, a@ok.example ,"),
    OK("group", "G: a@ok.example, b@ok.example;"),
    OK("group without a name's words apart", "G:a@ok.example;"),
    OK("empty group and address", "G:;, a@ok.example"),
    ONE("U-labels",
	"<a@b\xc3\xbc"
	"cher.example>",
	FROM_OK, "xn--bcher-kva.example"),
    ONE("U-labels in capitals",
	"<a@B\xc3\x9c"
	"CHER.example>",
	FROM_OK, "xn--bcher-kva.example"),
    ONE("A-labels", "<a@XN--BCHER-KVA.example>", FROM_OK,
	"xn--bcher-kva.example"),
    ONE("underscore", "<a@my_host.ok.example>", FROM_OK, "my_host.ok.example"),
    ONE("two domains", "a@one.example, b@two.example", FROM_MULTIPLE,
	"one.example,two.example"),
    ONE("group of two", "G: a@one.example, <b@two.example>;", FROM_MULTIPLE,
	"one.example,two.example"),
    ONE("U-label and A-label of one",
	"<a@b\xc3\xbc"
	"cher.example>, b@xn--bcher-kva.example",
	FROM_OK, "xn--bcher-kva.example"),
    ONE("subdomains differ", "a@ok.example, b@x.ok.example", FROM_MULTIPLE,
	"ok.example,x.ok.example"),
    ONE("empty group", "undisclosed:;", FROM_NO_DOMAIN, ""),
    ONE("address literal", "a@[192.0.2.1]", FROM_NO_DOMAIN, ""),
    ONE("IPv6 literal", "<a@[IPv6:2001:db8::1]>", FROM_NO_DOMAIN, ""),
    ONE("literal and domain", "a@[192.0.2.1], a@ok.example", FROM_MULTIPLE,
	"ok.example"),
    ONE("empty field", "", FROM_NO_DOMAIN, ""),
    ONE("user name only", "root", FROM_NO_DOMAIN, ""),
    ONE("empty brackets", "<>", FROM_NO_DOMAIN, ""),
    {"lower case name", STR_INIT("from:a@ok.example\r\n"), FROM_OK,
	"ok.example", false},
    {"other fields do not count",
	STR_INIT("X-From: x@bad.example\r\nFrom: a@ok.example\r\n"
		 "Resent-From: x@bad.example\r\nFroms: x@bad.example\r\n"
		 "Fro: x@bad.example\r\n"),
	FROM_OK, "ok.example", false},
    {"no From", STR_INIT("To: a@ok.example\r\n"), FROM_MISSING, "", false},
    {"no fields", STR_INIT("\r\nFrom: a@ok.example\r\n"), FROM_MISSING, "",
	false},
};

/* Outside the grammar, one reading. */
static const struct row sloppy[] = {
    LAX("words and a bare address", "A B a@ok.example", "ok.example"),
    LAX("quoted name and a bare address", "\"( x@bad.example)\" a@ok.example",
	"ok.example"),
    LAX("comma in the name", "Example, Inc. <a@ok.example>", "ok.example"),
    LAX("address as name", "a@ok.example <b@ok.example>", "ok.example"),
    LAX("at-sign in the name", "A @ B <b@ok.example>", "ok.example"),
    LAX("colon in the name", "Re: A <a@ok.example>", "ok.example"),
    LAX("brackets in the name", "[A] <a@ok.example>", "ok.example"),
    LAX("8-bit name", "J\xf6rg <a@ok.example>", "ok.example"),
    LAX("trailing dot", "<a@ok.example.>", "ok.example"),
    LAX("semicolon behind", "<a@ok.example>;", "ok.example"),
};

/* Outside the grammar, or of two readings. */
static const struct row bad[] = {
    ONE("address in the name", "a@one.example <b@two.example>", FROM_INVALID,
	"one.example,two.example"),
    ONE("two angle addresses", "<a@one.example> <b@two.example>", FROM_INVALID,
	"one.example,two.example"),
    ONE("angle address and bare one", "<a@one.example>b@two.example",
	FROM_INVALID, "one.example,two.example"),
    ONE("bare address and angle one", "a@one.example<b@two.example>",
	FROM_INVALID, "one.example,two.example"),
    ONE("backslash between", "<a@one.example>\\,<b@two.example>", FROM_INVALID,
	"one.example,two.example"),
    ONE("two at-signs", "a@one.example@two.example", FROM_INVALID,
	"one.example,two.example"),
    ONE("text after the address", "<a@ok.example> A", FROM_INVALID,
	"ok.example"),
    ONE("source route", "<@one.example,@two.example:a@ok.example>",
	FROM_INVALID, "one.example,two.example,ok.example"),
    ONE("no local-part", "@ok.example", FROM_INVALID, "ok.example"),
    ONE("no domain", "a@", FROM_INVALID, ""),
    ONE("bracket not closed", "A <a@ok.example", FROM_INVALID, "ok.example"),
    ONE("bracket not opened", "A a@ok.example>", FROM_INVALID, "ok.example"),
    ONE("doubled brackets", "<<a@ok.example>>", FROM_INVALID, "ok.example"),
    ONE("quote not closed", "\"A <a@ok.example>", FROM_INVALID, "ok.example"),
    ONE("comment not closed", "(A <a@ok.example>", FROM_INVALID, "ok.example"),
    ONE("comment not opened", "A) <a@one.example> b@two.example", FROM_INVALID,
	"one.example,two.example"),
    ONE("group not closed", "G: a@ok.example", FROM_INVALID, "ok.example"),
    ONE("group in a group", "G: H: a@ok.example;;", FROM_INVALID, "ok.example"),
    ONE("address as name of a group", "\"x@one.example\": a@two.example;",
	FROM_INVALID, "one.example,two.example"),
    ONE("quotes hide a second address",
	"\"a\" <a@one.example> \"b <b@two.example>", FROM_INVALID,
	"one.example,two.example"),
    ONE("address behind a quoted-pair",
	"\"a\\\" <a@one.example>, \" <b@two.example>", FROM_INVALID,
	"one.example,two.example"),
    ONE("address behind an escaped parenthesis",
	"(a\\) <a@one.example> ) b@two.example", FROM_INVALID,
	"one.example,two.example"),
    ONE("brackets in quotes, bare address",
	"\"A <a@one.example>\" b@two.example", FROM_INVALID,
	"one.example,two.example"),
    ONE("comment that goes on with the domain", "a@one.example(.two.example)",
	FROM_INVALID, "one.example"),
    ONE("comment that hides a domain", "<a@(one.example)two.example>",
	FROM_INVALID, "two.example"),
    ONE("empty label", "a@one..example", FROM_INVALID, ""),
    ONE("8-bit domain", "a@ok\xff.example", FROM_INVALID, "ok.example"),
    ONE("8-bit local-part", "<a\xff@ok.example>", FROM_INVALID, "ok.example"),
    ONE("overlong UTF-8", "<a@ok\xc0\xae.example>", FROM_INVALID, "ok.example"),
    ONE("control in the domain", "a@ok\001.example", FROM_INVALID,
	"ok.example"),
    ONE("NUL ends the address", "<a@one.example\0@two.example>", FROM_INVALID,
	"one.example,two.example"),
    ONE("bare CR", "a@one.example\rb@two.example", FROM_INVALID,
	"one.example,two.example,one.exampleb"),
    ONE("encoded-word as address",
	"=?utf-8?B?YUBvbmUuZXhhbXBsZQ==?=, <b@two.example>", FROM_INVALID,
	"two.example,one.example"),
    ONE("encoded-word as local-part", "=?utf-8?Q?a=40one.example?=@two.example",
	FROM_INVALID, "two.example,one.example"),
    ONE("encoded-words with NUL",
	"=?utf-8?b?YUBvbmUuZXhhbXBsZQ==?==?utf-8?Q?=00?=@two.example",
	FROM_INVALID, "two.example,one.example"),
    ONE("address cut into encoded-words",
	"=?utf-8?q?a=40one?= =?utf-8?q?.example?= b@two.example", FROM_INVALID,
	"two.example,one.example"),
    ONE("encoded-word in brackets", "<=?utf-8?q?a=40one.example?=@two.example>",
	FROM_INVALID, "two.example,one.example"),
    ONE("literal not closed", "a@[192.0.2.1", FROM_INVALID, ""),
    ONE("name over 253 octets",
	"a@"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaa",
	FROM_INVALID, ""),
    {"repeated",
	STR_INIT("From: a@one.example\r\nTo: x\r\nFROM: b@two.example\r\n"),
	FROM_REPEATED, "one.example,two.example", false},
    {"repeated, one domain",
	STR_INIT("From: a@ok.example\r\nFrom: b@ok.example\r\n"), FROM_REPEATED,
	"ok.example", false},
    {"space before the colon",
	STR_INIT("From : a@one.example\r\nFrom: b@two.example\r\n"),
	FROM_REPEATED, "one.example,two.example", false},
    {"only with a space before the colon", STR_INIT("From\t: a@ok.example\r\n"),
	FROM_INVALID, "ok.example", false},
    {"fold before the colon",
	STR_INIT("From\r\n : a@ok.example\r\nResent-From: x@bad.example\r\n"),
	FROM_INVALID, "ok.example", false},
    {"white space before the name",
	STR_INIT(" From: a@one.example\r\nFrom: b@two.example\r\n"),
	FROM_REPEATED, "one.example,two.example", false},
    {"NUL in the name",
	STR_INIT("From\0: a@one.example\r\nFrom: b@two.example\r\n"),
	FROM_REPEATED, "one.example,two.example", false},
    {"byte order mark before the name",
	STR_INIT("\xef\xbb\xbf"
		 "From: a@ok.example\r\n"),
	FROM_INVALID, "ok.example", false},
    {"the second is garbage",
	STR_INIT("From: a@one.example\r\nFrom: <b@two.example\r\n"),
	FROM_REPEATED, "one.example,two.example", false},
};

static void
extract(struct arena *a, struct str text, struct from *f)
{
	struct hdr_list l;
	struct str body;

	if (hdr_split_message(a, text, &l, &body) || from_extract(a, &l, f)) {
		printf("Bail out! out of memory\n");
		exit(1);
	}
}

static void
run(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		struct arena a;
		struct from f;
		struct buf got;

		arena_init(&a, 1 << 20);
		buf_init(&got, &a, 4096);
		extract(&a, r->fields, &f);
		for (size_t k = 0; k < f.n_domains; k++) {
			buf_add_z(&got, k ? "," : "");
			buf_add(&got, f.domains[k]);
		}
		ok(f.status == r->status, "%s: %s, want %s (%s)", r->name,
		    from_status_name(f.status), from_status_name(r->status),
		    f.why.text);
		is_str(buf_str(&got), str_from_z(r->domains), r->name);
		ok(f.lax == r->lax && !f.truncated &&
			(f.why.text[0] == '\0') ==
			    (f.status == FROM_OK && !f.lax),
		    "%s: lax and why", r->name);
		arena_fini(&a);
	}
}

/* "From: " and count times piece (with %zu as number), then tail. */
static void
bounds(const char *name, const char *first, size_t count, const char *piece,
    const char *tail, enum from_status status, size_t domains, bool truncated)
{
	struct arena a;
	struct from f;
	struct buf b;

	arena_init(&a, 8 << 20);
	buf_init(&b, NULL, 4 << 20);
	buf_add_z(&b, first);
	for (size_t i = 0; i < count; i++) {
		const char *hash = strchr(piece, '#');

		if (!hash) {
			buf_add_z(&b, piece);
			continue;
		}
		buf_add(&b, (struct str){piece, (size_t)(hash - piece)});
		buf_add_u64(&b, i);
		buf_add_z(&b, hash + 1);
	}
	buf_add_z(&b, tail);
	extract(&a, buf_str(&b), &f);
	ok(f.status == status && f.n_domains == domains &&
		f.truncated == truncated,
	    "%s: %s, %zu domains%s", name, from_status_name(f.status),
	    f.n_domains, f.truncated ? ", truncated" : "");
	buf_fini(&b);
	arena_fini(&a);
}

static void
test_bounds(void)
{
	bounds("16 domains", "From: ", 16, "a@d#.example,", "\r\n",
	    FROM_MULTIPLE, 16, false);
	bounds("17 domains", "From: ", 17, "a@d#.example,", "\r\n",
	    FROM_MULTIPLE, FROM_DOMAINS_MAX, true);
	bounds("10000 domains", "From: ", 10000, "a@d#.example,", "\r\n",
	    FROM_MULTIPLE, FROM_DOMAINS_MAX, true);
	bounds("10000 of one domain", "From: ", 10000, "a#@ok.example,", "\r\n",
	    FROM_OK, 1, false);
	bounds("20000 nested comments", "From: ", 20000, "(", "\r\n",
	    FROM_NO_DOMAIN, 0, false);
	bounds("a megabyte of name", "From: \"", 1 << 20, "a",
	    "\" <a@ok.example>\r\n", FROM_OK, 1, false);
	bounds("a megabyte of open comments", "From: ", 1 << 19, "@(", "\r\n",
	    FROM_INVALID, 0, true);
	bounds("many bad domains", "From: ", 1 << 16, "@a-.b..c#", "\r\n",
	    FROM_INVALID, 1, true);
	bounds("hidden behind 64 kB", "From: <", 1 << 16, "a",
	    "@one.example> <b@two.example>\r\n", FROM_INVALID, 1, true);
	bounds("5000 fields", "", 5000, "From: a@d#.example\r\n", "\r\n",
	    FROM_REPEATED, FROM_DOMAINS_MAX, true);
}

static void
test_nomem(void)
{
	struct hdr field = hdr_of(STR("From: <a@ok.example> x"));
	struct hdr_list l = {.v = &field, .n = 1, .cap = 1};
	struct from f;
	struct arena a;

	for (size_t cap = 0; cap < 512; cap += 16) {
		int err;

		arena_init(&a, cap);
		err = from_extract(&a, &l, &f);
		if (err == 0)
			is_int(f.n_domains, 1, "domain when memory is enough");
		else
			is_int(err, -1, "AVER_NOMEM when it is not");
		arena_fini(&a);
	}
}

int
main(void)
{
	run(valid, sizeof(valid) / sizeof(valid[0]));
	run(sloppy, sizeof(sloppy) / sizeof(sloppy[0]));
	run(bad, sizeof(bad) / sizeof(bad[0]));
	test_bounds();
	test_nomem();
	ok(strcmp(from_status_name(FROM_STATUS_COUNT), "?") == 0,
	    "no name for a status that is none");
	return tap_done();
}
