/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/mime.h"

#include "lib/base/b64.h"
#include "lib/mail/encword.h"
#include "t/tap.h"

#define COUNT(x) (sizeof(x) / sizeof(*(x)))

/* ---- writing ------------------------------------------------------------ */

static const struct {
	const char *name;
	struct str in, out;
} texts[] = {
    {"plain", STR_INIT("Hello world"), STR_INIT("S: Hello world\r\n")},
    {"nothing", STR_INIT(""), STR_INIT("S:\r\n")},
    {"white space runs", STR_INIT(" a  b\t c "), STR_INIT("S: a b c\r\n")},
    {"folded",
	STR_INIT("aaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbb "
		 "ccccccccccccccccccccccccc ddd"),
	STR_INIT("S: aaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbb\r\n"
		 " ccccccccccccccccccccccccc ddd\r\n")},
    {"no field can be put in", STR_INIT("a\r\nBcc: b\n\nbody\rx"),
	STR_INIT("S: a Bcc: b body x\r\n")},
    {"NUL and DEL", STR_INIT("a\0b\177c"), STR_INIT("S: a b c\r\n")},
    {"UTF-8",
	STR_INIT("Gr\xc3\xbc\xc3\x9f"
		 "e"),
	STR_INIT("S: =?UTF-8?B?R3LDvMOfZQ==?=\r\n")},
    {"no UTF-8",
	STR_INIT("a\xff"
		 "b"),
	STR_INIT("S: =?UTF-8?B?Ye+/vWI=?=\r\n")},
    {"an encoded-word is text here", STR_INIT("=?UTF-8?Q?x?="),
	STR_INIT("S: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=\r\n")},
    {"control in UTF-8", STR_INIT("\xc3\xbc\r\nX: y"),
	STR_INIT("S: =?UTF-8?B?w7wgIFg6IHk=?=\r\n")},
};

static void
test_text_fields(void)
{
	struct buf b;

	buf_init(&b, NULL, 10000);
	for (size_t i = 0; i < COUNT(texts); i++) {
		buf_clear(&b);
		mime_field_text(&b, STR("S"), texts[i].in);
		is_str(buf_str(&b), texts[i].out, texts[i].name);
	}
	buf_fini(&b);
}

static size_t
longest_line(struct str s)
{
	size_t most = 0, n = 0;

	for (size_t i = 0; i < s.n; i++) {
		n = s.p[i] == '\n' ? 0 : n + 1;
		if (n > most && s.p[i] != '\r')
			most = n;
	}
	return most;
}

/* Characters of 1 to 4 octets at every offset: none is cut in two. */
static void
test_long_texts(void)
{
	static const char *const chars[] = {
	    "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x93\xa7"};
	struct buf in, out;
	struct arena a;
	struct str back;
	int bad = 0;

	buf_init(&in, NULL, 10000);
	buf_init(&out, NULL, 20000);
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < 64; i++) {
		buf_clear(&in);
		buf_clear(&out);
		for (size_t k = 0; k < i; k++)
			buf_add_c(&in, 'a');
		for (size_t k = 0; k < 60; k++)
			buf_add_z(&in, chars[(i + k) % 4]);
		mime_field_text(&out, STR("Subject"), buf_str(&in));
		if (encword_decode(&a, buf_str(&out), &back) ||
		    longest_line(buf_str(&out)) > MIME_LINE ||
		    back.n != in.n + 11 || memcmp(back.p + 9, in.p, in.n) != 0)
			bad++;
		arena_reset(&a);
	}
	is_int(bad, 0, "long texts fold and come back");
	buf_clear(&in);
	buf_clear(&out);
	for (size_t i = 0; i < 5000; i++)
		buf_add_c(&in, 'w');
	mime_field_text(&out, STR("Subject"), buf_str(&in));
	ok(longest_line(buf_str(&out)) <= MIME_LINE, "a word of 5000 letters");
	buf_clear(&out);
	mime_field(&out, STR("X"), buf_str(&in));
	ok(longest_line(buf_str(&out)) < 998, "and where it cannot be folded");
	buf_fini(&in);
	buf_fini(&out);
	arena_fini(&a);
}

static const struct {
	const char *name, *display, *address, *out;
} mailboxes[] = {
    {"bare", "", "a@b.example", "From: a@b.example\r\n"},
    {"atoms", "Report Robot", "a@b.example",
	"From: Report Robot <a@b.example>\r\n"},
    {"quoted", "Robot, the \"first\" \\", "a@b.example",
	"From: \"Robot, the \\\"first\\\" \\\\\" <a@b.example>\r\n"},
    {"address in the name", "x@y.example", "a@b.example",
	"From: \"x@y.example\" <a@b.example>\r\n"},
    {"UTF-8", "\xc3\xa9", "a@b.example",
	"From: =?UTF-8?B?w6k=?= <a@b.example>\r\n"},
    {"line end", "a\r\nTo: x", "a@b.example",
	"From: \"a To: x\" <a@b.example>\r\n"},
};

static const struct {
	const char *address;
	bool ascii, utf8;
} addresses[] = {
    {"a@b", true, true},
    {"a.b+c=d@x-y.example", true, true},
    {"\"a b\"@x.example", true, true},
    {"\"a\\\"b\"@x.example", true, true},
    {"\xc3\xa9@x.example", false, true},
    {"a@\xc3\xa9.example", false, true},
    {"\xff@x.example", false, false},
    {"", false, false},
    {"@", false, false},
    {"a", false, false},
    {"a@", false, false},
    {"@b", false, false},
    {".a@b", false, false},
    {"a.@b", false, false},
    {"a..b@c", false, false},
    {"a b@c", false, false},
    {"a@b c", false, false},
    {"a@b..c", false, false},
    {"a@b.", false, false},
    {"a@[192.0.2.1]", false, false},
    {"\"a@b", false, false},
    {"\"@b", false, false},
    {"\"a\"b\"@c", false, false},
    {"\"a\\\"@c", false, false},
    {"a,b@c", false, false},
    {"a<b@c", false, false},
    {"a\r\n@c", false, false},
    {"\"a\r\nb\"@c", false, false},
    {"0123456789012345678901234567890123456789012345678901234567890123@b", true,
	true},
    {"01234567890123456789012345678901234567890123456789012345678901234@b",
	false, false},
};

static void
test_addresses(void)
{
	struct buf b;

	buf_init(&b, NULL, 10000);
	for (size_t i = 0; i < COUNT(mailboxes); i++) {
		buf_clear(&b);
		mime_field_mailbox(&b, STR("From"),
		    str_from_z(mailboxes[i].display),
		    str_from_z(mailboxes[i].address));
		is_str(buf_str(&b), str_from_z(mailboxes[i].out),
		    mailboxes[i].name);
	}
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct str s = str_from_z(addresses[i].address);

		ok(mime_address_ok(s, false) == addresses[i].ascii &&
			mime_address_ok(s, true) == addresses[i].utf8,
		    "address %zu", i);
	}
	buf_fini(&b);
}

static void
test_bodies(void)
{
	struct buf b, want;
	struct str back;
	struct arena a;
	char octets[500], boundary[MIME_BOUNDARY];
	int bad = 0;

	buf_init(&b, NULL, 10000);
	buf_init(&want, NULL, 10000);
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)(i * 7);
	for (size_t n = 0; n <= sizeof(octets); n++) {
		struct str in = {octets, n};

		buf_clear(&b);
		mime_put_base64(mime_sink_buf(&b), in);
		if (b64_decode(&a, buf_str(&b), &back) || !str_eq(back, in) ||
		    longest_line(buf_str(&b)) > 76 ||
		    (n && b.p[b.n - 1] != '\n'))
			bad++;
		arena_reset(&a);
	}
	is_int(bad, 0, "base64 of every length");
	buf_clear(&b);
	mime_put_text(mime_sink_buf(&b), STR("a\nb\r\nc\rd\0e\tf\n\n"));
	is_str(buf_str(&b), STR("a\r\nb\r\nc d e\tf\r\n\r\n"), "text");
	buf_clear(&b);
	mime_put_text(mime_sink_buf(&b), STR("x"));
	is_str(buf_str(&b), STR("x\r\n"), "text without a line end");
	buf_clear(&b);
	mime_param(&b, STR("n"), STR("tok-en"));
	mime_param(&b, STR("m"), STR("a\"b\\c d\r\ne\xff"));
	is_str(buf_str(&b), STR("; n=tok-en; m=\"a\\\"b\\\\c_d__e_\""),
	    "parameters");
	mime_boundary(STR("abc-\r\n\"12"), boundary);
	is_str(str_from_z(boundary), STR("=_abc12"), "boundary");
	mime_boundary(STR("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"),
	    boundary);
	is_int(strlen(boundary), MIME_BOUNDARY - 2, "longest boundary");
	arena_fini(&a);
	buf_fini(&want);
	buf_fini(&b);
}

/* Whatever the octets, quoted-printable brings them back. */
static void
test_qp(void)
{
	struct mime_part p = {.encoding = MIME_QP};
	char octets[600];
	struct arena a;
	struct buf b;
	struct str back;
	int bad = 0;

	buf_init(&b, NULL, 10000);
	arena_init(&a, 1 << 20);
	mime_put_qp(mime_sink_buf(&b), STR("a = \xc3\xa9 \nb\t\r\nc "));
	is_str(buf_str(&b), STR("a =3D =C3=A9=20\r\nb=09\r\nc=20\r\n"),
	    "quoted-printable");
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)(i % 7 ? i * 11 : ' ');
	for (size_t n = 1; n < sizeof(octets); n++) {
		struct str in = {octets, n};

		buf_clear(&b);
		mime_put_qp(mime_sink_buf(&b), in);
		p.content = buf_str(&b);
		if (longest_line(p.content) > 76 ||
		    mime_decode(&a, &p, &back) || back.n < n)
			bad++;
		/* a line end is CRLF on the way, and there is a last one */
		for (size_t i = 0, k = 0; i < n && !bad; i++, k++) {
			if (octets[i] == '\n' && back.p[k] == '\r')
				k++;
			bad += octets[i] != back.p[k];
		}
		arena_reset(&a);
	}
	is_int(bad, 0, "comes back, at every length");
	ok(mime_needs_qp(STR("\xc3")) && !mime_needs_qp(STR("a\nb")),
	    "needed for octets above ASCII");
	arena_fini(&a);
	buf_fini(&b);
}

/* ---- reading ------------------------------------------------------------ */

/* want: for each part "DEPTH TYPE [FILENAME] content|". */
static const struct {
	const char *name;
	struct str in;
	const char *want;
} messages[] = {
    {"plain", STR_INIT("A: 1\r\n\r\nbody\r\n"), "0 text/plain [] body\\|"},
    {"nothing", STR_INIT(""), "0 text/plain [] |"},
    {"only a body", STR_INIT("no field here\r\nA: 1\r\n"),
	"0 text/plain [] no field here\\A: 1\\|"},
    {"mbox line", STR_INIT("From x Mon\nA: 1\n\nb\n"), "0 text/plain [] b\\|"},
    {"two parts",
	STR_INIT("Content-Type: multipart/mixed; boundary=\"x y\"\r\n\r\n"
		 "preamble\r\n--x y\r\n\r\none\r\n--x y\r\n"
		 "Content-Type: TEXT/HTML (c); charset=utf-8\r\n\r\n"
		 "two\r\n\r\n--x y-- \t\r\nepilogue\r\n"),
	"0 multipart/mixed [] preamble\\--x y\\\\one\\--x y\\Content-Type: "
	"TEXT/HTML (c); charset=utf-8\\\\two\\\\--x y-- \t\\epilogue\\|"
	"1 text/plain [] one|1 text/html [] two\\|"},
    {"closing line missing",
	STR_INIT("Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n"
		 "--x\n\ntwo"),
	"0 multipart/mixed [] --x\\\\one\\--x\\\\two|1 text/plain [] one|"
	"1 text/plain [] two|"},
    {"nothing after the last delimiter",
	STR_INIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
		 "\r\none\r\n--x"),
	"0 multipart/mixed [] --x\\\\one\\--x|1 text/plain [] one|"
	"1 text/plain [] |"},
    {"a longer boundary is another",
	STR_INIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n--xx\r\n"
		 "--x\r\n\r\none\r\n--xy\r\n--x--"),
	"0 multipart/mixed [] --xx\\--x\\\\one\\--xy\\--x--|"
	"1 text/plain [] one\\--xy|"},
    {"empty part",
	STR_INIT("Content-Type: multipart/mixed; boundary=x\r\n\r\n"
		 "--x\r\n--x--\r\n"),
	"0 multipart/mixed [] --x\\--x--\\|1 text/plain [] |"},
    {"no boundary", STR_INIT("Content-Type: multipart/mixed\r\n\r\n--\r\na"),
	"0 multipart/mixed [] --\\a|"},
    {"nested, the inner one not closed",
	STR_INIT("Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
		 "Content-Type: multipart/alternative; boundary=i\r\n\r\n"
		 "--i\r\n\r\na\r\n--o\r\n\r\nb\r\n--o--\r\n"),
	"0 multipart/mixed [] --o\\Content-Type: multipart/alternative; "
	"boundary=i\\\\--i\\\\a\\--o\\\\b\\--o--\\|"
	"1 multipart/alternative [] --i\\\\a|2 text/plain [] a|"
	"1 text/plain [] b|"},
    {"message in a message",
	STR_INIT("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n"
		 "Content-Type: text/x\r\n\r\nb"),
	"0 message/rfc822 [] Subject: in\\Content-Type: text/x\\\\b|"
	"1 text/x [] b|"},
    {"encoded message in a message",
	STR_INIT("Content-Type: message/rfc822\r\n"
		 "Content-Transfer-Encoding: BASE64\r\n\r\nUzogaW4KCmIK"),
	"0 message/rfc822 [] UzogaW4KCmIK|1 text/plain [] b\\|"},
    {"digest",
	STR_INIT("Content-Type: multipart/digest; boundary=x\r\n\r\n"
		 "--x\r\n\r\nS: 1\r\n\r\nb\r\n--x--"),
	"0 multipart/digest [] --x\\\\S: 1\\\\b\\--x--|"
	"1 message/rfc822 [] S: 1\\\\b|2 text/plain [] b|"},
    {"file names",
	STR_INIT("Content-Type: application/gzip; name=wrong\r\n"
		 "Content-Disposition: attachment;\r\n filename=\"a!b.xml.gz\""
		 "\r\n\r\nx"),
	"0 application/gzip [a!b.xml.gz] x|"},
    {"name of the type",
	STR_INIT("Content-Type: application/zip; NAME=\"d/e\\\\f\"\r\n\r\nx"),
	"0 application/zip [d_e_f] x|"},
    {"RFC 2231",
	STR_INIT("Content-Disposition: attachment; filename=no;\r\n"
		 " filename*1*=%62c; filename*2=\"d%65\"; "
		 "filename*0*=utf-8''a%c3%a9\r\n\r\nx"),
	"0 text/plain [a\xc3\xa9"
	"bcd%65] x|"},
    {"encoded-word as a name",
	STR_INIT("Content-Disposition: inline; filename="
		 "\"=?utf-8?Q?a=2Exml?=\"\r\n\r\nx"),
	"0 text/plain [a.xml] x|"},
    {"bad type", STR_INIT("Content-Type: text\r\n\r\nx"), "0 text/plain [] x|"},
    {"bad parameters",
	STR_INIT("Content-Type: a/b; =; ;; x; name = \"q\\\"; c; name*x=z"
		 "\r\n\r\nx"),
	"0 a/b [q\"; c; name*x=z] x|"},
};

static struct str
show(struct buf *b, const struct mime_tree *t)
{
	buf_clear(b);
	for (size_t i = 0; i < t->n; i++) {
		const struct mime_part *p = &t->v[i];

		buf_addf(b, "%u %.*s [%.*s] ", p->depth, STRF(p->type),
		    STRF(p->filename));
		for (size_t k = 0; k < p->content.n; k++) {
			char c = p->content.p[k];

			if (c != '\r')
				buf_add_c(b, (char)(c == '\n' ? '\\' : c));
		}
		buf_add_c(b, '|');
	}
	return buf_str(b);
}

static void
test_reading(void)
{
	struct mime_tree t;
	struct arena a;
	struct buf b;

	buf_init(&b, NULL, 100000);
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < COUNT(messages); i++) {
		if (mime_read(&a, messages[i].in, &MIME_LIMITS_DEFAULT, &t))
			ok(false, "%s", messages[i].name);
		else
			is_str(show(&b, &t), str_from_z(messages[i].want),
			    messages[i].name);
		arena_reset(&a);
	}
	arena_fini(&a);
	buf_fini(&b);
}

/* Depth, number of parts and number of fields are bounded. */
static void
test_limits(void)
{
	struct mime_limits few = {10, 3, 5};
	struct mime_tree t;
	struct arena a;
	struct buf b;

	buf_init(&b, NULL, 1 << 20);
	arena_init(&a, 8 << 20);
	for (int i = 0; i < 5000; i++)
		buf_add_z(&b, "Content-Type: message/rfc822\r\n\r\n");
	ok(!mime_read(&a, buf_str(&b), &few, &t) && t.n == 4 && t.cut &&
		t.v[3].depth == 3 && t.v[3].parent == 2,
	    "5000 messages in each other");
	buf_clear(&b);
	buf_add_z(&b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n");
	for (int i = 0; i < 5000; i++)
		buf_add_z(&b, "--x\r\n\r\n");
	ok(!mime_read(&a, buf_str(&b), &few, &t) && t.n == 10 && t.cut,
	    "5000 parts");
	buf_clear(&b);
	for (int i = 0; i < 5000; i++)
		buf_add_z(&b, "A: b\r\n");
	buf_add_z(&b, "\r\nbody");
	ok(!mime_read(&a, buf_str(&b), &few, &t) && t.v[0].fields.n == 5 &&
		t.cut && str_eq(t.v[0].content, STR("body")),
	    "5000 fields");
	arena_fini(&a);
	arena_init(&a, 64);
	ok(mime_read(&a, buf_str(&b), &few, &t), "no memory");
	arena_fini(&a);
	buf_fini(&b);
}

static const struct {
	enum mime_encoding encoding;
	struct str in, out;
} encodings[] = {
    {MIME_IDENTITY, STR_INIT("a=3D"), STR_INIT("a=3D")},
    {MIME_BASE64, STR_INIT("YWJj\r\nZGU="), STR_INIT("abcde")},
    {MIME_BASE64, STR_INIT("Y W!J*j"), STR_INIT("abc")},
    {MIME_BASE64, STR_INIT("YQ==YWI="), STR_INIT("aab")},
    {MIME_BASE64, STR_INIT("Y"), STR_INIT("")},
    {MIME_BASE64, STR_INIT("===="), STR_INIT("")},
    {MIME_QP, STR_INIT("a=3Db=\r\nc =20\r\n d \t\r\ne"),
	STR_INIT("a=bc  \r\n d\r\ne")},
    {MIME_QP, STR_INIT("=c3=A9 = \t\nx=\nz="), STR_INIT("\xc3\xa9 xz")},
    {MIME_QP, STR_INIT("=XY=4 =="), STR_INIT("=XY=4 =")},
    {MIME_QP, STR_INIT(""), STR_INIT("")},
};

static void
test_decoding(void)
{
	struct mime_part p = {0};
	struct str out;
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < COUNT(encodings); i++) {
		p.encoding = encodings[i].encoding;
		p.content = encodings[i].in;
		if (mime_decode(&a, &p, &out))
			out = STR("failed");
		is_str(out, encodings[i].out, mime_encoding_name(p.encoding));
	}
	p.encoding = MIME_ENCODING_OTHER;
	ok(mime_decode(&a, &p, &out) < 0, "unknown encoding");
	arena_fini(&a);
}

int
main(void)
{
	test_text_fields();
	test_long_texts();
	test_addresses();
	test_bodies();
	test_qp();
	test_reading();
	test_limits();
	test_decoding();
	return tap_done();
}
