/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <string.h>

#include "lib/base/err.h"
#include "lib/smtp/credentials.h"
#include "lib/smtp/smtp_text.h"
#include "lib/conf/transport_url.h"
#include "t/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- mailboxes ------------------------------------------------------ */

static const struct {
	struct str in, want;
	bool utf8;
} mailboxes[] = {
    {STR_INIT(""), STR_INIT(""), false},
    {STR_INIT("a@example.com"), STR_INIT("a@example.com"), false},
    {STR_INIT("A.b+c@EXAMPLE.com"), STR_INIT("A.b+c@example.com"), false},
    {STR_INIT("\"a b\"@example.com"), STR_INIT("\"a b\"@example.com"), false},
    {STR_INIT("\"a@b>\\\" \"@x.example"), STR_INIT("\"a@b>\\\" \"@x.example"),
	false},
    {STR_INIT("\"\"@x.example"), STR_INIT("\"\"@x.example"), false},
    {STR_INIT("a@[192.0.2.1]"), STR_INIT("a@[192.0.2.1]"), false},
    {STR_INIT("a@[IPv6:2001:db8::1]"), STR_INIT("a@[IPv6:2001:db8::1]"), false},
    {STR_INIT("-f@x.example"), STR_INIT("-f@x.example"), false},
    {STR_INIT("ü@x.example"), STR_INIT("ü@x.example"), true},
    /* RFC 6531 section 3.7.1: an A-label needs no extension */
    {STR_INIT("a@bücher.example"), STR_INIT("a@xn--bcher-kva.example"), false},
};

static const struct str no_mailboxes[] = {
    STR_INIT("a"), STR_INIT("@example.com"), STR_INIT("a@"),
    STR_INIT("<a@example.com>"),
    STR_INIT("a@example.com>\r\nRCPT TO:<b@example.com"),
    STR_INIT("a@example.com\r\n"), STR_INIT("a@example.com\n"),
    STR_INIT("a\r@example.com"), STR_INIT("a\0@example.com"),
    STR_INIT("a b@example.com"), STR_INIT("a@exa mple.com"),
    STR_INIT("a@example.com SIZE=1"), STR_INIT("a>@example.com"),
    STR_INIT("a@b@example.com"), STR_INIT(".a@example.com"),
    STR_INIT("a.@example.com"), STR_INIT("a..b@example.com"),
    STR_INIT("\"a@example.com"), STR_INIT("a\"b\"@example.com"),
    STR_INIT("\"a\\\"@example.com"), STR_INIT("\"a\nb\"@example.com"),
    STR_INIT("\"a\\\nb\"@example.com"), STR_INIT("a@ex..ample"),
    STR_INIT("a@[192.0.2]"), STR_INIT("a@[192.0.2.1"),
    STR_INIT("a@[IPv6:192.0.2.1]"), STR_INIT("a@[2001:db8::1]"),
    STR_INIT("\xff@example.com"), STR_INIT("a\xc0\xaf@example.com"),
    STR_INIT("@a,@b:c@example.com"),
    STR_INIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "@example.com"), /* 65 */
};

static void
test_mailboxes(void)
{
	struct arena a;
	struct str out;
	bool utf8;

	arena_init(&a, 65536);
	for (size_t i = 0; i < COUNT(mailboxes); i++) {
		out = STR("?");
		utf8 = !mailboxes[i].utf8;
		is_int(smtp_mailbox(&a, mailboxes[i].in, &out, &utf8), 0,
		    "a mailbox");
		is_str(out, mailboxes[i].want, "as the command has it");
		ok(utf8 == mailboxes[i].utf8, "and whether it is UTF-8");
	}
	for (size_t i = 0; i < COUNT(no_mailboxes); i++) {
		out = STR("?");
		if (!is_int(smtp_mailbox(&a, no_mailboxes[i], &out, &utf8),
			AVER_SYNTAX, "no mailbox"))
			tap_quote("it is", no_mailboxes[i]);
		is_str(out, STR("?"), "nothing comes out");
	}
	arena_fini(&a);
}

static void
test_helo(void)
{
	static const struct str good[] = {STR_INIT("mail.example.com"),
	    STR_INIT("localhost"), STR_INIT("[192.0.2.1]"),
	    STR_INIT("[IPv6:::1]"), STR_INIT("a_b.example")};
	static const struct str bad[] = {STR_INIT(""), STR_INIT("a b"),
	    STR_INIT("a\r\nMAIL"), STR_INIT("a..b"), STR_INIT("."),
	    STR_INIT("a."), STR_INIT("[1.2.3]"), STR_INIT("1.2.3.4]"),
	    STR_INIT("\xc3\xbc.example"), STR_INIT("a\0b")};

	for (size_t i = 0; i < COUNT(good); i++)
		ok(smtp_helo_valid(good[i]), "EHLO takes %.*s", STRF(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!smtp_helo_valid(bad[i]), "EHLO refuses %zu", i);
}

/* ---- messages ------------------------------------------------------- */

static const struct {
	struct str in, want;
	size_t size;
	bool utf8, eight_bit;
} messages[] = {
    {STR_INIT(""), STR_INIT(".\r\n"), 0, false, false},
    {STR_INIT("A: b\r\n\r\nx\r\n"), STR_INIT("A: b\r\n\r\nx\r\n.\r\n"), 11,
	false, false},
    {STR_INIT("A: b\n\nx"), STR_INIT("A: b\r\n\r\nx\r\n.\r\n"), 11, false,
	false},
    {STR_INIT("A: b\r\n\r\n.\r\n"), STR_INIT("A: b\r\n\r\n..\r\n.\r\n"), 11,
	false, false},
    {STR_INIT(".\n..\n.x\n\n."),
	STR_INIT("..\r\n...\r\n..x\r\n\r\n..\r\n.\r\n"), 16, false, false},
    {STR_INIT("a.b\r\n \r\n"), STR_INIT("a.b\r\n \r\n.\r\n"), 8, false, false},
    {STR_INIT("A: \xc3\xbc\r\n\r\nx"),
	STR_INIT("A: \xc3\xbc\r\n\r\nx\r\n.\r\n"), 12, true, true},
    {STR_INIT("A: b\r\n\r\n\xff"), STR_INIT("A: b\r\n\r\n\xff\r\n.\r\n"), 11,
	false, true},
};

static const struct str no_messages[] = {
    STR_INIT("a\rb\r\n"),
    STR_INIT("a\r\r\n"),
    STR_INIT("a\r"),
    STR_INIT("a\n\r.\r\n"),
    STR_INIT("a\n.\r"),
    STR_INIT("a\0b\r\n"),
};

static void
test_dots(struct str in, struct str want, size_t step)
{
	struct smtp_dots d;
	char out[256], part[64];
	size_t n, total = 0;

	smtp_dots_init(&d, in);
	while ((n = smtp_dots_take(&d, part, step)) > 0 &&
	       total + n <= sizeof(out)) {
		memcpy(out + total, part, n);
		total += n;
	}
	struct str got = {out, total};

	is_str(got, want, "as DATA has it");
	is_int(smtp_dots_take(&d, part, step), 0, "and no more");
}

static void
test_messages(void)
{
	static char line[2000];
	struct smtp_text t;

	for (size_t i = 0; i < COUNT(messages); i++) {
		smtp_text_scan(messages[i].in, &t);
		ok(t.wrong == NULL, "message %zu", i);
		is_int(t.size, messages[i].size, "its size");
		ok(t.utf8 == messages[i].utf8 &&
			t.eight_bit == messages[i].eight_bit,
		    "what it wants");
		for (size_t step = 8; step <= 64; step += 7)
			test_dots(messages[i].in, messages[i].want, step);
	}
	for (size_t i = 0; i < COUNT(no_messages); i++) {
		smtp_text_scan(no_messages[i], &t);
		ok(t.wrong != NULL, "no message %zu: %s", i,
		    t.wrong ? t.wrong : "");
	}
	memset(line, 'x', sizeof(line));
	smtp_text_scan((struct str){line, SMTP_TEXT_LINE_MAX}, &t);
	ok(!t.wrong, "the longest line");
	smtp_text_scan((struct str){line, SMTP_TEXT_LINE_MAX + 1}, &t);
	ok(t.wrong != NULL, "a longer one");
}

/* ---- URLs ----------------------------------------------------------- */

static const struct {
	struct str in;
	enum transport_kind kind;
	struct str path, host;
	uint16_t port;
	bool literal;
} urls[] = {
    {STR_INIT("sendmail:"), TRANSPORT_SENDMAIL, STR_INIT("/usr/sbin/sendmail"),
	STR_INIT(""), 0, false},
    {STR_INIT("sendmail:/opt/x y"), TRANSPORT_SENDMAIL, STR_INIT("/opt/x y"),
	STR_INIT(""), 0, false},
    {STR_INIT("directory:/var/x"), TRANSPORT_DIRECTORY, STR_INIT("/var/x"),
	STR_INIT(""), 0, false},
    {STR_INIT("smtp://mx.example"), TRANSPORT_SMTP, STR_INIT(""),
	STR_INIT("mx.example"), 25, false},
    {STR_INIT("SMTP://mx.example:26"), TRANSPORT_SMTP, STR_INIT(""),
	STR_INIT("mx.example"), 26, false},
    {STR_INIT("submission://mx"), TRANSPORT_SUBMISSION, STR_INIT(""),
	STR_INIT("mx"), 587, false},
    {STR_INIT("submissions://192.0.2.1"), TRANSPORT_SUBMISSIONS, STR_INIT(""),
	STR_INIT("192.0.2.1"), 465, true},
    {STR_INIT("smtp://[2001:db8::1]"), TRANSPORT_SMTP, STR_INIT(""),
	STR_INIT("2001:db8::1"), 25, true},
    {STR_INIT("smtp://[::1]:65535"), TRANSPORT_SMTP, STR_INIT(""),
	STR_INIT("::1"), 65535, true},
};

static const struct str no_urls[] = {
    STR_INIT(""),
    STR_INIT("sendmail"),
    STR_INIT("/usr/sbin/sendmail"),
    STR_INIT("sendmail:x"),
    STR_INIT("sendmail:/a\nb"),
    STR_INIT("sendmail:/a\0b"),
    STR_INIT("directory:"),
    STR_INIT("directory:x"),
    STR_INIT("smtp:"),
    STR_INIT("smtp:/"),
    STR_INIT("smtp://"),
    STR_INIT("smtp:mx.example"),
    STR_INIT("smtp://mx.example/"),
    STR_INIT("smtp://mx.example?x"),
    STR_INIT("smtp://user@mx.example"),
    STR_INIT("smtp://mx.example:"),
    STR_INIT("smtp://mx.example:0"),
    STR_INIT("smtp://mx.example:65536"),
    STR_INIT("smtp://mx.example:25x"),
    STR_INIT("smtp://:25"),
    STR_INIT("smtp://mx..example"),
    STR_INIT("smtp://mx.example."),
    STR_INIT("smtp://-mx.example"),
    STR_INIT("smtp://mx exa"),
    STR_INIT("smtp://mx\r\n"),
    STR_INIT("smtp://2001:db8::1"),
    STR_INIT("smtp://[2001:db8::1"),
    STR_INIT("smtp://[192.0.2.1]"),
    STR_INIT("smtp://[::1]x"),
    STR_INIT("smtp://[::1]25"),
    STR_INIT("smtps://mx.example"),
    STR_INIT("http://mx.example"),
    STR_INIT("smtp ://mx.example"),
};

static void
test_urls(void)
{
	struct transport_url u, none = {.port = 7};

	for (size_t i = 0; i < COUNT(urls); i++) {
		ok(transport_url_parse(urls[i].in, &u), "%.*s",
		    STRF(urls[i].in));
		is_int(u.kind, urls[i].kind, "its kind");
		is_str(u.path, urls[i].path, "its path");
		is_str(u.host, urls[i].host, "its host");
		is_int(u.port, urls[i].port, "its port");
		ok(u.literal == urls[i].literal, "whether it is an address");
	}
	for (size_t i = 0; i < COUNT(no_urls); i++) {
		u = none;
		if (!ok(!transport_url_parse(no_urls[i], &u) && u.port == 7,
			"no transport %zu", i))
			tap_quote("it is", no_urls[i]);
	}
}

/* ---- credentials ---------------------------------------------------- */

static const struct {
	struct str in, user, password;
} secrets[] = {
    {STR_INIT("user = a\npassword = b\n"), STR_INIT("a"), STR_INIT("b")},
    {STR_INIT("password=b = c d\r\n\r\nuser=a"), STR_INIT("a"),
	STR_INIT("b = c d")},
    {STR_INIT("# x\n  # y\nuser = \xc3\xbc@x\n\tpassword = #1\n"),
	STR_INIT("\xc3\xbc@x"), STR_INIT("#1")},
};

static const struct str no_secrets[] = {
    STR_INIT(""),
    STR_INIT("user = a\n"),
    STR_INIT("password = a\n"),
    STR_INIT("user = a\npassword =\n"),
    STR_INIT("user = a\npassword\n"),
    STR_INIT("user = a\nuser = b\npassword = c\n"),
    STR_INIT("user = a\npassword = b\nport = 3\n"),
    STR_INIT("user a\npassword b\n"),
    STR_INIT("User = a\npassword = b\n"),
    STR_INIT("user = a\0b\npassword = b\n"),
    STR_INIT("user = a\tb\npassword = b\n"),
    STR_INIT("user = a\npassword = \xff\n"),
    STR_INIT("s3cret\n"),
};

static void
test_credentials(void)
{
	static char big[CREDENTIALS_OCTETS_MAX + 1];
	struct credentials c, keep = {STR("k"), STR("k")};
	struct diag d;

	for (size_t i = 0; i < COUNT(secrets); i++) {
		ok(credentials_parse(secrets[i].in, &c, &d) == 0,
		    "credentials %zu", i);
		is_str(c.user, secrets[i].user, "the user");
		is_str(c.password, secrets[i].password, "the password");
	}
	for (size_t i = 0; i < COUNT(no_secrets); i++) {
		c = keep;
		d.text[0] = '\0';
		ok(credentials_parse(no_secrets[i], &c, &d) == AVER_CONF &&
			str_eq(c.user, keep.user) && d.text[0],
		    "no credentials %zu: %s", i, d.text);
		ok(!strstr(d.text, "s3cret"), "nothing of it is told");
	}
	memset(big, '\n', sizeof(big));
	ok(credentials_parse((struct str){big, sizeof(big)}, &c, &d) ==
		AVER_CONF,
	    "a file too big");
}

int
main(void)
{
	test_mailboxes();
	test_helo();
	test_messages();
	test_urls();
	test_credentials();
	return tap_done();
}
