/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <string.h>

#include "lib/base/buf.h"
#include "lib/smtp/smtp_ehlo.h"
#include "lib/smtp/smtp_reply.h"
#include "t/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	struct str in;
	int code;
	unsigned lines;
	struct smtp_status status;
	const char *text;
	size_t rest;
} good[] = {
    {STR_INIT("250 2.1.0 Ok\r\n"), 250, 1, {2, 1, 0}, "Ok", 0},
    {STR_INIT("250 Ok\n"), 250, 1, {0, 0, 0}, "Ok", 0},
    {STR_INIT("250\r\n"), 250, 1, {0, 0, 0}, "", 0},
    {STR_INIT("250 \r\n"), 250, 1, {0, 0, 0}, "", 0},
    {STR_INIT("250 2.0.0\r\n"), 250, 1, {2, 0, 0}, "", 0},
    {STR_INIT("354 go on\r\n"), 354, 1, {0, 0, 0}, "go on", 0},
    {STR_INIT("550-5.7.1 No\r\n550 5.7.1 way\r\n"), 550, 2, {5, 7, 1}, "No way",
	0},
    {STR_INIT("550-first\r\n550-\r\n550\r\n"), 550, 3, {0, 0, 0}, "first", 0},
    {STR_INIT("421 4.4.2 bye\r\n250 next\r\n"), 421, 1, {4, 4, 2}, "bye", 10},
    /* RFC 2034 section 4: the class is that of the code */
    {STR_INIT("550 2.0.0 liar\r\n"), 550, 1, {0, 0, 0}, "liar", 0},
    {STR_INIT("450 4.999.999 x\r\n"), 450, 1, {4, 999, 999}, "x", 0},
    {STR_INIT("450 4.1000.1 x\r\n"), 450, 1, {0, 0, 0}, "4.1000.1 x", 0},
    {STR_INIT("450 4.01.0001 x\r\n"), 450, 1, {0, 0, 0}, "4.01.0001 x", 0},
    {STR_INIT("450 3.1.1 x\r\n"), 450, 1, {0, 0, 0}, "3.1.1 x", 0},
    {STR_INIT("450 4.1.1x\r\n"), 450, 1, {0, 0, 0}, "4.1.1x", 0},
    {STR_INIT("250 \x1b[2Jn\xc3\xb6\x7f\r\n"), 250, 1, {0, 0, 0}, "?[2Jn???",
	0},
};

static const struct {
	struct str in;
	const char *wrong;
} bad[] = {
    {STR_INIT("\r\n"), "line without a reply code"},
    {STR_INIT("25\r\n"), "line without a reply code"},
    {STR_INIT("2500 x\r\n"), "no space or hyphen after a reply code"},
    {STR_INIT("250x\r\n"), "no space or hyphen after a reply code"},
    {STR_INIT("250\tx\r\n"), "no space or hyphen after a reply code"},
    {STR_INIT("150 x\r\n"), "line without a reply code"},
    {STR_INIT("650 x\r\n"), "line without a reply code"},
    {STR_INIT("2a0 x\r\n"), "line without a reply code"},
    {STR_INIT(" 250 x\r\n"), "line without a reply code"},
    {STR_INIT("-250 x\r\n"), "line without a reply code"},
    {STR_INIT("HTTP/1.1 400\r\n"), "line without a reply code"},
    {STR_INIT("\0\0\0\0"), "NUL in a reply"},
    {STR_INIT("250 a\0b\r\n"), "NUL in a reply"},
    {STR_INIT("250 a\rb\r\n"), "CR within a line"},
    {STR_INIT("250 a\r\r\n"), "CR within a line"},
    {STR_INIT("250-a\r\n550 b\r\n"), "lines with different reply codes"},
    {STR_INIT("250-a\r\n25\r\n"), "line without a reply code"},
    {STR_INIT("250-a\r\n\r\n"), "line without a reply code"},
};

/* Whole, and octet by octet. */
static enum smtp_feed
feed(struct smtp_reply *r, struct str *in, bool single)
{
	enum smtp_feed f = SMTP_FEED_MORE;

	smtp_reply_init(r);
	if (!single)
		return smtp_reply_feed(r, in);
	while (in->n && f == SMTP_FEED_MORE) {
		struct str one = str_head(*in, 1);

		f = smtp_reply_feed(r, &one);
		*in = str_from(*in, 1 - one.n);
	}
	return f;
}

static void
test_good(struct smtp_reply *r, bool single)
{
	char text[64];

	for (size_t i = 0; i < COUNT(good); i++) {
		struct str in = good[i].in;
		struct smtp_status st;

		ok(feed(r, &in, single) == SMTP_FEED_DONE, "good %zu", i);
		is_int(r->code, good[i].code, "its code");
		is_int(r->lines, good[i].lines, "its lines");
		is_int(in.n, good[i].rest, "what is left");
		st = smtp_reply_status(r);
		ok(st.class == good[i].status.class &&
			st.subject == good[i].status.subject &&
			st.detail == good[i].status.detail,
		    "its status: %u.%u.%u", st.class, st.subject, st.detail);
		smtp_reply_print(r, text, sizeof(text));
		is_str(str_from_z(text), str_from_z(good[i].text), "its text");
	}
}

static void
test_bad(struct smtp_reply *r, bool single)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct str in = bad[i].in, more = STR("250 ok\r\n");

		ok(feed(r, &in, single) == SMTP_FEED_BAD, "bad %zu", i);
		is_str(str_from_z(r->wrong), str_from_z(bad[i].wrong), "why");
		ok(smtp_reply_feed(r, &more) == SMTP_FEED_BAD,
		    "bad %zu stays bad", i);
	}
}

/* count lines of n octets of text, with the same code. */
static enum smtp_feed
many(struct smtp_reply *r, unsigned count, size_t n)
{
	enum smtp_feed f = SMTP_FEED_MORE;
	struct buf b;

	buf_init(&b, NULL, 8192);
	for (size_t i = 0; i < n; i++)
		buf_add_c(&b, 'x');
	buf_add_z(&b, "\r\n");
	smtp_reply_init(r);
	for (unsigned i = 0; i < count && f == SMTP_FEED_MORE; i++) {
		struct str code = i + 1 == count ? STR("250 ") : STR("250-");
		struct str line = buf_str(&b);

		f = smtp_reply_feed(r, &code);
		if (f == SMTP_FEED_MORE)
			f = smtp_reply_feed(r, &line);
	}
	buf_fini(&b);
	return f;
}

static void
test_bounds(struct smtp_reply *r)
{
	char text[8];

	ok(many(r, SMTP_REPLY_LINES_MAX, 3) == SMTP_FEED_DONE, "most lines");
	ok(many(r, SMTP_REPLY_LINES_MAX + 1, 3) == SMTP_FEED_BAD,
	    "one line more");
	ok(many(r, 1000000, 0) == SMTP_FEED_BAD, "lines without end");
	ok(many(r, 1, SMTP_REPLY_LINE_MAX - 4) == SMTP_FEED_DONE,
	    "longest line");
	ok(many(r, 1, SMTP_REPLY_LINE_MAX - 3) == SMTP_FEED_BAD,
	    "a longer one");
	ok(many(r, 5, SMTP_REPLY_LINE_MAX - 4) == SMTP_FEED_BAD,
	    "too much text");
	ok(r->n <= SMTP_REPLY_TEXT_MAX, "and no more is kept");
	many(r, 1, 100);
	smtp_reply_print(r, text, sizeof(text));
	is_str(str_from_z(text), STR("xxxxxxx"), "text is cut");
	smtp_reply_print(r, text, 1);
	is_str(str_from_z(text), STR(""), "to nothing");
}

static const struct {
	struct str in;
	unsigned offers;
	uint64_t size;
	uint32_t mailmax, rcptmax;
	const char *name, *mechanisms;
} hellos[] = {
    {STR_INIT("250 mx.example\r\n"), 0, 0, 0, 0, "mx.example", ""},
    {STR_INIT("250-mx.example Hello [192.0.2.1]\r\n250-PIPELINING\r\n"
	      "250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n"
	      "250-AUTH PLAIN SCRAM-SHA-256\r\n250-AUTH=LOGIN\r\n"
	      "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n"
	      "250-SMTPUTF8\r\n250-REQUIRETLS\r\n"
	      "250 LIMITS MAILMAX=20 RCPTMAX=100 RCPTDOMAINMAX=1\r\n"),
	SMTP_PIPELINING | SMTP_SIZE | SMTP_STARTTLS | SMTP_8BITMIME |
	    SMTP_SMTPUTF8 | SMTP_DSN | SMTP_REQUIRETLS | SMTP_AUTH |
	    SMTP_LIMITS | SMTP_ENHANCED,
	10240000, 20, 100, "mx.example", "PLAIN SCRAM-SHA-256 LOGIN "},
    {STR_INIT("250-x\r\n250-starttls\r\n250-size\r\n250 auth plain\r\n"),
	SMTP_STARTTLS | SMTP_SIZE | SMTP_AUTH, 0, 0, 0, "x", "PLAIN "},
    {STR_INIT("250-x\r\n250-SIZE 0\r\n250-SIZE -1\r\n250 STARTTLSX\r\n"),
	SMTP_SIZE, 0, 0, 0, "x", ""},
    {STR_INIT("250-x\r\n250 SIZE 99999999999999999999999999\r\n"), SMTP_SIZE, 0,
	0, 0, "x", ""},
    {STR_INIT("250-x\r\n250-LIMITS MAILMAX=0 RCPTMAX=x\r\n"
	      "250 LIMITS MAILMAX RCPTMAX= MAILMAX=1000000\r\n"),
	SMTP_LIMITS, 0, 0, 0, "x", ""},
    /* names of mechanisms that are none */
    {STR_INIT("250-x\r\n250 AUTH PL@IN ABCDEFGHIJKLMNOPQRSTU X=1 CRAM-MD5\r\n"),
	SMTP_AUTH, 0, 0, 0, "x", "CRAM-MD5 "},
    /* the first line is the greeting, whatever it says */
    {STR_INIT("250 STARTTLS\r\n"), 0, 0, 0, 0, "STARTTLS", ""},
    {STR_INIT("250-\r\n250-\r\n250 \r\n"), 0, 0, 0, 0, "", ""},
    {STR_INIT("250-a\x01\xff\r\n250 \xffSTARTTLS\r\n"), 0, 0, 0, 0, "a??", ""},
};

static void
test_ehlo(struct smtp_reply *r)
{
	struct smtp_ehlo e;

	for (size_t i = 0; i < COUNT(hellos); i++) {
		struct str in = hellos[i].in;

		smtp_reply_init(r);
		ok(smtp_reply_feed(r, &in) == SMTP_FEED_DONE, "EHLO %zu", i);
		smtp_ehlo_parse(r, &e);
		is_int(e.offers, hellos[i].offers, "its offers");
		is_int(e.size, hellos[i].size, "its SIZE");
		is_int(e.mailmax, hellos[i].mailmax, "its MAILMAX");
		is_int(e.rcptmax, hellos[i].rcptmax, "its RCPTMAX");
		is_str(
		    str_from_z(e.name), str_from_z(hellos[i].name), "its name");
		is_str(str_from_z(e.mechanisms),
		    str_from_z(hellos[i].mechanisms), "its mechanisms");
	}
}

static void
test_many_mechanisms(struct smtp_reply *r)
{
	struct smtp_ehlo e;
	struct buf b;
	struct str in, list, m;
	size_t n = 0;

	buf_init(&b, NULL, 4096);
	buf_add_z(&b, "250-x\r\n250 AUTH");
	for (int i = 0; i < 150; i++)
		buf_addf(&b, " MECHANISM-%03d-LONG", i);
	buf_add_z(&b, "\r\n");
	smtp_reply_init(r);
	in = buf_str(&b);
	ok(smtp_reply_feed(r, &in) == SMTP_FEED_DONE, "many mechanisms");
	smtp_ehlo_parse(r, &e);
	list = str_from_z(e.mechanisms);
	while (smtp_mechanism_next(&list, &m))
		n++;
	ok(n > 10 && n < 150 && strlen(e.mechanisms) < sizeof(e.mechanisms),
	    "%zu of them are kept", n);
	buf_fini(&b);
}

int
main(void)
{
	static struct smtp_reply r;

	test_good(&r, false);
	test_good(&r, true);
	test_bad(&r, false);
	test_bad(&r, true);
	test_bounds(&r);
	test_ehlo(&r);
	test_many_mechanisms(&r);
	return tap_done();
}
