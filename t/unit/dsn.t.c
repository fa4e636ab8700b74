/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Bounces as mail systems send them: the files of t/fuzz/corpus/dsn. */
#include "lib/report/dsn.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "t/tap.h"

#define FILE_MAX ((size_t)1 << 16)
#define VERP \
	"dmarc-bounce+abcdefghijklmnopqrstu234abaaaaaaaaaaaaaaaa@mx.example"

/* want: "final/original action status remote: diagnostic" and "!" behind the
 * action where it is for good; lines with LF. */
static const struct {
	const char *file;
	enum dsn_class what;
	bool standard;
	const char *want, *returned_id;
} samples[] = {
    {"postfix", DSN_IS_FAILURE, true,
	"rua@example.com/rua@example.com failed! 5.1.1 mail.example.com: "
	"550 5.1.1 <rua@example.com>: Recipient address rejected: User "
	"unknown\n",
	"<abcdefghijklmnopqrstu234@mx.example>"},
    {"postfix-expired", DSN_IS_FAILURE, true,
	"rua@example.com/ failed 4.4.1 : connect to "
	"example.com[192.0.2.7]:25: Connection timed out\n",
	""},
    {"postfix-delay", DSN_IS_DELAY, true, "rua@example.com/ delayed 4.4.1 : \n",
	""},
    {"sendmail", DSN_IS_FAILURE, true,
	"rua@mailbox.example.com/rua@example.com failed! 5.2.2 "
	"mailbox.example.com: 552 5.2.2 Mailbox full\n",
	"<abcdefghijklmnopqrstu234@mx.example>"},
    {"exim-plain", DSN_IS_FAILURE, false,
	"rua@example.com/ failed! 5.7.1 : SMTP error from remote mail server "
	"after RCPT TO:<rua@example.com>:\n"
	"second@example.net/ failed!  : \n",
	""},
    {"exim-delay", DSN_IS_DELAY, false,
	"rua@example.com/ delayed 4.2.1 : Delay reason: 4.2.1 mailbox busy\n",
	""},
    {"qmail", DSN_IS_FAILURE, false,
	"rua@example.com/ failed! 5.1.1 : Sorry, no mailbox here by that "
	"name. (#5.1.1)\n"
	"old@example.com/ failed 4.2.2 : 192.0.2.7 does not like "
	"recipient.\n",
	""},
    {"exchange", DSN_IS_FAILURE, true,
	"rua@example.com/ failed! 5.4.1 : 550 5.4.1 Recipient address "
	"rejected: Access denied.\n",
	"<abcdefghijklmnopqrstu234@mx.example>"},
    {"success", DSN_IS_SUCCESS, true,
	"rua@example.com/ relayed 2.0.0 : \n"
	"ok@example.com/ delivered 2.0.0 : \n",
	""},
    {"vacation", DSN_IS_REPLY, false, "", ""},
    {"vacation-old", DSN_IS_REPLY, false, "", ""},
    {"ticket", DSN_IS_REPLY, false, "", ""},
    {"mdn", DSN_IS_REPLY, false, "", ""},
    {"human", DSN_IS_OTHER, false, "", ""},
    {"bounce-of-bounce", DSN_IS_OTHER, false, "", ""},
    {"odd", DSN_IS_FAILURE, true,
	"one@example.com/ failed! 5.0.0 : \n"
	"/ failed!  : \n"
	"gr\xfc"
	"n@example.com/ failed!  : no type with a tab\n",
	""},
};

static struct str
load(const char *file, char *p)
{
	const char *top = getenv("top_srcdir");
	char path[1000];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/t/fuzz/corpus/dsn/%s",
	    top ? top : "..", file);
	f = fopen(path, "rb");
	if (f) {
		n = fread(p, 1, FILE_MAX, f);
		fclose(f);
	}
	return (struct str){p, n};
}

static struct str
show(struct buf *b, const struct dsn *d)
{
	buf_clear(b);
	for (size_t i = 0; i < d->n; i++) {
		const struct dsn_recipient *r = &d->v[i];

		buf_addf(b, "%.*s/%.*s %s%s %.*s %.*s: %.*s\n", STRF(r->final),
		    STRF(r->original), dsn_action_name(r->action),
		    r->permanent ? "!" : "", STRF(r->status),
		    STRF(r->remote_mta), STRF(r->diagnostic));
	}
	return buf_str(b);
}

static void
test_samples(void)
{
	static char text[FILE_MAX];
	struct arena a;
	struct dsn d;
	struct buf b;

	arena_init(&a, 4 * DSN_OCTETS_MAX);
	buf_init(&b, NULL, 100000);
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		const char *name = samples[i].file;
		struct str s = load(name, text), verp = STR(VERP);
		bool found = false;

		if (!ok(s.n && dsn_read(&a, s, STR_NONE, &d) == 0, "%s: read",
			name))
			continue;
		is_str(str_from_z(dsn_class_name(d.what)),
		    str_from_z(dsn_class_name(samples[i].what)), name);
		ok(d.standard == samples[i].standard, "%s: standard", name);
		is_str(show(&b, &d), str_from_z(samples[i].want), name);
		is_str(d.returned_id, str_from_z(samples[i].returned_id), name);
		for (size_t k = 0; k < d.n_addresses; k++)
			found = found || str_eq(d.addresses[k], verp);
		ok(found == (strcmp(name, "odd") != 0), "%s: the VERP address",
		    name);
		arena_reset(&a);
	}
	buf_fini(&b);
	arena_fini(&a);
}

/* The envelope comes first; no address twice; their number is bounded. */
static void
test_addresses(void)
{
	struct arena a;
	struct buf b;
	struct dsn d;

	arena_init(&a, 8 << 20);
	buf_init(&b, NULL, 1 << 20);
	buf_add_z(&b, "To: X <b@x.example>, \"q\"@x, A@X.example, @, a@, @b\r\n"
		      "Delivered-To: c@x.example\r\n\r\n");
	ok(dsn_read(&a, buf_str(&b), STR("<a@x.example>"), &d) == 0 &&
		d.n_addresses == 3,
	    "three addresses");
	is_str(d.addresses[0], STR("a@x.example"), "envelope");
	is_str(d.addresses[1], STR("c@x.example"), "Delivered-To");
	is_str(d.addresses[2], STR("b@x.example"), "To");
	is_int(d.what, DSN_IS_OTHER, "not a bounce");
	buf_clear(&b);
	buf_add_z(&b, "To: ");
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "a%d@x.example,", i);
	ok(dsn_read(&a, buf_str(&b), STR_NONE, &d) == 0 &&
		d.n_addresses == DSN_ADDRESSES_MAX,
	    "at most %d", DSN_ADDRESSES_MAX);
	buf_fini(&b);
	arena_fini(&a);
}

static void
test_bounds(void)
{
	struct arena a;
	struct buf b;
	struct dsn d;

	arena_init(&a, 8 << 20);
	buf_init(&b, NULL, 4 << 20);
	buf_add_z(&b, "Content-Type: message/delivery-status\r\n\r\n"
		      "Reporting-MTA: x\r\n\r\n");
	for (int i = 0; i < 3000; i++)
		buf_addf(&b,
		    "Final-Recipient: rfc822; a%d@x.example\r\n"
		    "Action: failed\r\nDiagnostic-Code: smtp; %0999d\r\n\r\n",
		    i, i);
	ok(dsn_read(&a, buf_str(&b), STR_NONE, &d) == 0 &&
		d.n == DSN_RECIPIENTS_MAX,
	    "at most %d recipients", DSN_RECIPIENTS_MAX);
	ok(d.n && d.v[0].diagnostic.n <= 400, "a diagnostic is cut");
	is_int(dsn_read(&a, STR_NONE, STR_NONE, &d), 0, "nothing");
	is_int(d.what, DSN_IS_OTHER, "is other");
	is_int(d.n_addresses, 0, "without addresses");
	arena_fini(&a);
	arena_init(&a, 100);
	is_int(
	    dsn_read(&a, buf_str(&b), STR_NONE, &d), AVER_NOMEM, "no memory");
	buf_fini(&b);
	arena_fini(&a);
}

int
main(void)
{
	test_samples();
	test_addresses();
	test_bounds();
	return tap_done();
}
