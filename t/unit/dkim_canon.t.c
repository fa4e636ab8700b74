/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_canon.h"

#include "lib/base/buf.h"
#include "t/tap.h"

static void
to_buf(void *to, const char *p, size_t n)
{
	buf_add(to, (struct str){p, n});
}

/* ---- header ------------------------------------------------------------- */

static const struct {
	const char *name;
	struct str raw, relaxed;
} headers[] = {
    {"RFC 6376 section 3.4.5, A", STR_INIT("A: X"), STR_INIT("a:X\r\n")},
    {"RFC 6376 section 3.4.5, B", STR_INIT("B : Y\t\r\n\tZ  "),
	STR_INIT("b:Y Z\r\n")},
    {"no value", STR_INIT("Subject:"), STR_INIT("subject:\r\n")},
    {"white space for a value", STR_INIT("Subject: \t \r\n\t "),
	STR_INIT("subject:\r\n")},
    {"fold right after the colon", STR_INIT("Subject:\r\n hello"),
	STR_INIT("subject:hello\r\n")},
    {"fold of white space only", STR_INIT("S: a\r\n \r\n\tb"),
	STR_INIT("s:a b\r\n")},
    {"runs", STR_INIT("S:  a  b\t\tc \t d"), STR_INIT("s:a b c d\r\n")},
    {"colons in the value", STR_INIT("S: a: b :c"), STR_INIT("s:a: b :c\r\n")},
    {"bare CR and LF stay", STR_INIT("S: a\rb \r c\nd \n"),
	STR_INIT("s:a\rb \r c\nd \n\r\n")},
    {"CR at the end", STR_INIT("S: a\r"), STR_INIT("s:a\r\r\n")},
    {"NUL, high octets, VT stay", STR_INIT("S: a\0\xc3\xa9\v b"),
	STR_INIT("s:a\0\xc3\xa9\v b\r\n")},
    {"only A to Z change case", STR_INIT("X-\xc3\x89[@: Q"),
	STR_INIT("x-\xc3\x89[@:Q\r\n")},
    {"no colon", STR_INIT("Junk line"), STR_INIT("junk line:\r\n")},
    {"white space beyond a block",
	STR_INIT("S: 0123456789abcdef0123456789abcdef  0123456789abcdef\t"
		 "0123456789abcdef \r\n 0123456789abcdef "),
	STR_INIT("s:0123456789abcdef0123456789abcdef 0123456789abcdef "
		 "0123456789abcdef 0123456789abcdef\r\n")},
};

static struct str
header(struct buf *b, enum dkim_canon c, struct str raw)
{
	static struct dkim_sink sink;
	struct hdr h = hdr_of(raw);

	buf_clear(b);
	dkim_sink_init(&sink, to_buf, b);
	dkim_canon_header(&sink, c, &h);
	dkim_sink_flush(&sink);
	return buf_str(b);
}

static void
test_headers(void)
{
	struct buf got, want;

	buf_init(&got, NULL, 10000);
	buf_init(&want, NULL, 10000);
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		is_str(header(&got, DKIM_RELAXED, headers[i].raw),
		    headers[i].relaxed, headers[i].name);
		buf_clear(&want);
		buf_add(&want, headers[i].raw);
		buf_add_z(&want, "\r\n");
		is_str(header(&got, DKIM_SIMPLE, headers[i].raw),
		    buf_str(&want), headers[i].name);
	}
	buf_fini(&got);
	buf_fini(&want);
}

/* b: the value of b=, within raw and after tag */
static const struct {
	const char *name;
	struct str raw;
	const char *tag, *b;
	struct str simple, relaxed;
} signatures[] = {
    {"b in the middle", STR_INIT("Dkim-Signature: a=x; b= QQ ;  c=y "),
	" b=", " QQ ", STR_INIT("Dkim-Signature: a=x; b=;  c=y "),
	STR_INIT("dkim-signature:a=x; b=; c=y")},
    {"b at the end", STR_INIT("DKIM-Signature: bh=QQ;\r\n\tb=QR\r\n S=="),
	"\tb=", "QR\r\n S==", STR_INIT("DKIM-Signature: bh=QQ;\r\n\tb="),
	STR_INIT("dkim-signature:bh=QQ; b=")},
    {"b is empty", STR_INIT("DKIM-Signature: b=;z"), " b=", "",
	STR_INIT("DKIM-Signature: b=;z"), STR_INIT("dkim-signature:b=;z")},
};

static void
test_signatures(void)
{
	static struct dkim_sink sink;
	struct buf got;

	buf_init(&got, NULL, 10000);
	for (size_t i = 0; i < sizeof(signatures) / sizeof(*signatures); i++) {
		struct hdr h = hdr_of(signatures[i].raw);
		struct str b = {strstr(h.raw.p, signatures[i].tag) + 3,
		    strlen(signatures[i].b)};

		for (int c = DKIM_SIMPLE; c <= DKIM_RELAXED; c++) {
			buf_clear(&got);
			dkim_sink_init(&sink, to_buf, &got);
			dkim_canon_signature(&sink, (enum dkim_canon)c, &h, b);
			dkim_sink_flush(&sink);
			is_str(buf_str(&got),
			    c == DKIM_SIMPLE ? signatures[i].simple
					     : signatures[i].relaxed,
			    signatures[i].name);
		}
	}
	buf_fini(&got);
}

/* ---- body --------------------------------------------------------------- */

static const struct {
	const char *name;
	struct str body, simple, relaxed;
} bodies[] = {
    {"empty", STR_INIT(""), STR_INIT("\r\n"), STR_INIT("")},
    {"one empty line", STR_INIT("\r\n"), STR_INIT("\r\n"), STR_INIT("")},
    {"empty lines", STR_INIT("\r\n\r\n\r\n"), STR_INIT("\r\n"), STR_INIT("")},
    {"RFC 6376 section 3.4.5", STR_INIT(" C \r\nD \t E\r\n\r\n\r\n"),
	STR_INIT(" C \r\nD \t E\r\n"), STR_INIT(" C\r\nD E\r\n")},
    {"lines of white space", STR_INIT(" \r\n\t \r\n"), STR_INIT(" \r\n\t \r\n"),
	STR_INIT("")},
    {"white space without line end", STR_INIT(" \t"), STR_INIT(" \t\r\n"),
	STR_INIT("")},
    {"no line end", STR_INIT("a"), STR_INIT("a\r\n"), STR_INIT("a\r\n")},
    {"white space at the end", STR_INIT("a \t"), STR_INIT("a \t\r\n"),
	STR_INIT("a\r\n")},
    {"leading run", STR_INIT("\t  a\r\n"), STR_INIT("\t  a\r\n"),
	STR_INIT(" a\r\n")},
    {"empty lines inside", STR_INIT("a\r\n\r\n \r\nb\r\n"),
	STR_INIT("a\r\n\r\n \r\nb\r\n"), STR_INIT("a\r\n\r\n\r\nb\r\n")},
    {"white space line at the end", STR_INIT("a\r\n \r\n\r\n"),
	STR_INIT("a\r\n \r\n"), STR_INIT("a\r\n")},
    {"bare LF is an octet", STR_INIT("a\n\n"), STR_INIT("a\n\n\r\n"),
	STR_INIT("a\n\n\r\n")},
    {"bare CR is an octet", STR_INIT("a \r b\r\r\n"), STR_INIT("a \r b\r\r\n"),
	STR_INIT("a \r b\r\r\n")},
    {"CR at the end", STR_INIT("a \r"), STR_INIT("a \r\r\n"),
	STR_INIT("a \r\r\n")},
    {"only a CR", STR_INIT("\r"), STR_INIT("\r\r\n"), STR_INIT("\r\r\n")},
    {"LF CR", STR_INIT("\n\r"), STR_INIT("\n\r\r\n"), STR_INIT("\n\r\r\n")},
    {"dots stay", STR_INIT("..\r\n.\r\n"), STR_INIT("..\r\n.\r\n"),
	STR_INIT("..\r\n.\r\n")},
    {"NUL and high octets", STR_INIT("\0 \xff\xa0 \0\r\n"),
	STR_INIT("\0 \xff\xa0 \0\r\n"), STR_INIT("\0 \xff\xa0 \0\r\n")},
    {"VT and FF are no white space", STR_INIT("a \v\f\r\n"),
	STR_INIT("a \v\f\r\n"), STR_INIT("a \v\f\r\n")},
    {"long lines",
	STR_INIT("0123456789abcdef 0123456789abcdef  0123456789abcdef\r\n"
		 "\t0123456789abcdef0123456789abcdef \r\n"),
	STR_INIT("0123456789abcdef 0123456789abcdef  0123456789abcdef\r\n"
		 "\t0123456789abcdef0123456789abcdef \r\n"),
	STR_INIT("0123456789abcdef 0123456789abcdef 0123456789abcdef\r\n"
		 " 0123456789abcdef0123456789abcdef\r\n")},
};

static struct str
body(struct buf *b, enum dkim_canon c, struct str text, size_t chunk)
{
	static struct dkim_canon_body canon;

	buf_clear(b);
	dkim_canon_body_init(&canon, c, to_buf, b);
	for (size_t i = 0; i < text.n; i += chunk)
		dkim_canon_body_add(&canon, str_head(str_from(text, i), chunk));
	dkim_canon_body_add(&canon, STR_NONE);
	dkim_canon_body_end(&canon);
	return buf_str(b);
}

static void
test_bodies(void)
{
	struct buf b;

	buf_init(&b, NULL, 10000);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		bool same = true;

		is_str(body(&b, DKIM_SIMPLE, bodies[i].body, 1000),
		    bodies[i].simple, bodies[i].name);
		is_str(body(&b, DKIM_RELAXED, bodies[i].body, 1000),
		    bodies[i].relaxed, bodies[i].name);
		for (size_t n = 1; n < bodies[i].body.n; n++) {
			same = same &&
			       str_eq(body(&b, DKIM_SIMPLE, bodies[i].body, n),
				   bodies[i].simple);
			same = same &&
			       str_eq(body(&b, DKIM_RELAXED, bodies[i].body, n),
				   bodies[i].relaxed);
		}
		ok(same, "%s, in chunks of any size", bodies[i].name);
	}
	buf_fini(&b);
}

/*
 * RFC 6376 section 3.4.4 to the letter, in two passes over the whole: white
 * space first, then the empty lines at the end.
 */
static void
reference(struct buf *out, enum dkim_canon c, struct str s)
{
	struct buf t;

	buf_init(&t, NULL, 1 << 20);
	for (size_t i = 0; i < s.n; i++) {
		size_t k = i;

		while (c == DKIM_RELAXED && k < s.n &&
		       (s.p[k] == ' ' || s.p[k] == '\t'))
			k++;
		if (k == i) {
			buf_add_c(&t, s.p[i]);
			continue;
		}
		if (k < s.n && !str_starts(str_from(s, k), STR("\r\n")))
			buf_add_c(&t, ' ');
		i = k - 1;
	}
	while (t.n >= 2 && t.p[t.n - 1] == '\n' && t.p[t.n - 2] == '\r')
		buf_cut(&t, t.n - 2);
	buf_clear(out);
	buf_add(out, buf_str(&t));
	if (t.n || c == DKIM_SIMPLE)
		buf_add_z(out, "\r\n");
	buf_fini(&t);
}

/* Bodies made of what matters, against the reference, in random chunks. */
static void
test_random(void)
{
	static const char *const parts[] = {" ", "\t", "\r", "\n", "\r\n",
	    "\r\n\r\n", "  ", " \r\n", "a", "0123456789abcdefghijkl", "x y",
	    "\r\n\t"};
	uint32_t seed = 12345;
	unsigned bad = 0;
	struct buf text, want, got;

	buf_init(&text, NULL, 100000);
	buf_init(&want, NULL, 100000);
	buf_init(&got, NULL, 100000);
	for (unsigned round = 0; round < 4000; round++) {
		unsigned n = round % 40;

		buf_clear(&text);
		while (n--) {
			seed = seed * 1664525u + 1013904223u;
			buf_add_z(&text, parts[(seed >> 16) % 12]);
		}
		for (int c = DKIM_SIMPLE; c <= DKIM_RELAXED; c++) {
			reference(&want, (enum dkim_canon)c, buf_str(&text));
			bad += !str_eq(body(&got, (enum dkim_canon)c,
					   buf_str(&text), 1 + round % 29),
			    buf_str(&want));
		}
	}
	is_int(bad, 0, "random bodies agree with the reference");
	buf_fini(&text);
	buf_fini(&want);
	buf_fini(&got);
}

/* More pending line ends than any buffer holds, and pieces of all sizes. */
static void
test_large(void)
{
	struct buf text, want, got;

	buf_init(&text, NULL, 1 << 20);
	buf_init(&want, NULL, 1 << 20);
	buf_init(&got, NULL, 1 << 20);
	for (int i = 0; i < 5000; i++)
		buf_add_z(&text, "\r\n");
	for (size_t n = 0; n < 700; n++) {
		for (size_t i = 0; i < n; i++)
			buf_add_c(&text, (char)('a' + n % 26));
		buf_add_z(&text, n % 3 ? "  " : "\r\n");
	}
	for (int c = DKIM_SIMPLE; c <= DKIM_RELAXED; c++) {
		reference(&want, (enum dkim_canon)c, buf_str(&text));
		ok(str_eq(body(&got, (enum dkim_canon)c, buf_str(&text), 65535),
		       buf_str(&want)),
		    "a large body");
		ok(buf_ok(&want) && want.n > 200000, "it is large");
	}
	buf_fini(&text);
	buf_fini(&want);
	buf_fini(&got);
}

int
main(void)
{
	test_headers();
	test_signatures();
	test_bodies();
	test_random();
	test_large();
	return tap_done();
}
