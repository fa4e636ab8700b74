/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/report/message.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/dns/dns_zone.h"
#include "lib/mail/mime.h"
#include "t/tap.h"
#include "t/unit/dkim_keys.h"

#define DATE 1793600000

struct lab {
	struct arena arena;
	struct dkim_engine *engine;
	struct dkim_private *rsa, *ed;
	struct buf out;
	struct mime_tree tree;
};

static void
lab_init(struct lab *l)
{
	arena_init(&l->arena, 64 << 20);
	l->engine = dkim_engine_new(&l->arena);
	dkim_private_read(
	    &l->arena, l->engine, STR(KEY_RSA_2048), &l->rsa, NULL);
	dkim_private_read(&l->arena, l->engine, STR(KEY_ED25519), &l->ed, NULL);
	buf_init(&l->out, NULL, 64 << 20);
}

static struct report_message
sample(const struct lab *l, enum report_kind kind)
{
	struct report_message m = {
	    .name = {.kind = kind,
		.policy_domain = STR("example.com"),
		.begin = 1793491200,
		.end = 1793577600},
	    .id = STR("abcdefghijklmnopqrstu234"),
	    .from = STR("reports@mx.example"),
	    .from_name = STR("DMARC reports, mx"),
	    .to = STR("rua@example.com"),
	    .date = DATE,
	    .organization = STR("Example Org"),
	    .document = STR("\x1f\x8b\x08\0binary \xff\xfe"),
	    .gzip = true,
	    .rows = 3,
	    .messages = 1,
	    .successes = 1,
	    .failures = 2,
	    .feedback = STR("Feedback-Type: auth-failure\r\nVersion: 1\r\n"),
	    .headers = STR("Subject: \xc3\xa9\r\nFrom: x@example.com\r\n"),
	    .subject = STR("=?utf-8?q?=C3=A9?= hello"),
	    .engine = l->engine,
	};

	m.sign[0] = (struct dkim_sign_config){
	    .key = l->rsa, .domain = STR("mx.example"), .selector = STR("r")};
	return m;
}

/* Writes and reads it; the tree is empty when something is wrong. */
static void
make(struct lab *l, const struct report_message *m)
{
	struct diag d = {.text = ""};
	int err;

	buf_clear(&l->out);
	l->tree.n = 0;
	err = report_message_write(m, &l->out, NULL, &d);
	if (!ok(err == 0, "%s: written", report_kind_name(m->name.kind))) {
		printf("# %d: %s\n", err, d.text);
		return;
	}
	mime_read(&l->arena, buf_str(&l->out), &MIME_LIMITS_DEFAULT, &l->tree);
}

static struct str
field(const struct lab *l, size_t part, const char *name)
{
	const struct hdr *h =
	    part < l->tree.n
		? hdr_find(&l->tree.v[part].fields, str_from_z(name), 0)
		: NULL;

	return h ? str_trim_fws(h->value) : STR("(none)");
}

static struct str
content(struct lab *l, size_t part)
{
	struct str s = STR("(none)");

	if (part < l->tree.n)
		mime_decode(&l->arena, &l->tree.v[part], &s);
	return s;
}

/* Every line ends in CRLF, none is long, all is ASCII. */
static bool
is_clean(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] == '\n') != (i > 0 && s.p[i - 1] == '\r'))
			return false;
		n = s.p[i] == '\n' ? 0 : n + 1;
		if (n > 998 || (s.p[i] & 0x80) || s.p[i] == '\0')
			return false;
	}
	return n == 0;
}

static void
test_dmarc(struct lab *l)
{
	struct report_message m = sample(l, REPORT_KIND_DMARC);
	struct str text;

	make(l, &m);
	is_int(l->tree.n, 3, "two parts");
	ok(is_clean(buf_str(&l->out)), "clean");
	is_str(field(l, 0, "From"),
	    STR("\"DMARC reports, mx\" <reports@mx.example>"), "From");
	is_str(field(l, 0, "To"), STR("rua@example.com"), "To");
	is_str(field(l, 0, "Subject"),
	    STR("Report Domain: example.com Submitter: mx.example "
		"Report-ID:\r\n"
		" abcdefghijklmnopqrstu234"),
	    "Subject");
	is_str(field(l, 0, "Message-ID"),
	    STR("<abcdefghijklmnopqrstu234@mx.example>"), "Message-ID");
	is_str(
	    field(l, 0, "Date"), STR("Mon, 2 Nov 2026 06:13:20 +0000"), "Date");
	is_str(field(l, 0, "Auto-Submitted"), STR("auto-generated"),
	    "Auto-Submitted");
	is_str(field(l, 0, "MIME-Version"), STR("1.0"), "MIME-Version");
	is_str(field(l, 0, "TLS-Required"), STR("(none)"), "no TLS-Required");
	is_str(l->tree.v[0].type, STR("multipart/mixed"), "type");
	is_str(l->tree.v[1].type, STR("text/plain"), "first part");
	is_str(l->tree.v[2].type, STR("application/gzip"), "second part");
	is_str(l->tree.v[2].disposition, STR("attachment"), "attachment");
	is_str(l->tree.v[2].filename,
	    STR("mx.example!example.com!1793491200!1793577599!"
		"abcdefghijklmnopqrstu234.xml.gz"),
	    "file name");
	is_str(content(l, 2), m.document, "document");
	text = content(l, 1);
	ok(str_contains_ci(text, STR("1 message in 3 rows")) &&
		str_contains_ci(text, STR("_dmarc.example.com")) &&
		str_contains_ci(text, STR("2026-11-01T23:59:59Z")) &&
		str_contains_ci(text, STR("Example Org (mx.example)")) &&
		!str_contains_ci(text, STR("part ")),
	    "text");
	m.gzip = false;
	m.name.part = 2;
	m.contact = STR("https://mx.example/dmarc");
	make(l, &m);
	is_str(l->tree.v[2].type, STR("text/xml"), "not compressed");
	ok(str_contains_ci(content(l, 1), STR("this is part 2 of it")) &&
		str_contains_ci(content(l, 1), m.contact),
	    "part and contact");
}

static void
test_tls(struct lab *l)
{
	struct report_message m = sample(l, REPORT_KIND_TLS);
	struct str v;

	make(l, &m);
	is_int(l->tree.n, 3, "exactly two parts");
	is_str(field(l, 0, "TLS-Report-Domain"), STR("example.com"),
	    "TLS-Report-Domain");
	is_str(field(l, 0, "TLS-Report-Submitter"), STR("mx.example"),
	    "TLS-Report-Submitter");
	is_str(field(l, 0, "TLS-Required"), STR("No"), "TLS-Required");
	is_str(field(l, 0, "Subject"),
	    STR("Report Domain: example.com Submitter: mx.example "
		"Report-ID:\r\n"
		" <abcdefghijklmnopqrstu234@mx.example>"),
	    "Subject");
	is_str(l->tree.v[0].type, STR("multipart/report"), "type");
	mime_param_find(&l->arena, l->tree.v[0].params, STR("report-type"), &v);
	is_str(v, STR("tlsrpt"), "report-type");
	is_str(l->tree.v[2].type, STR("application/tlsrpt+gzip"), "document");
	ok(str_ends_ci(l->tree.v[2].filename, STR(".json.gz")), "file name");
	ok(str_contains_ci(content(l, 1), STR("1 good session, 2 failures")),
	    "text");
	v = field(l, 0, "DKIM-Signature");
	ok(str_contains_ci(v, STR("TLS-Report-Domain:TLS-Report-Domain")) &&
		str_contains_ci(v, STR("TLS-Report-Submitter")),
	    "the fields are signed");
	m.gzip = false;
	make(l, &m);
	is_str(l->tree.v[2].type, STR("application/tlsrpt+json"),
	    "not compressed");
}

static void
test_failure(struct lab *l)
{
	struct report_message m = sample(l, REPORT_KIND_FAILURE);
	struct str v;

	make(l, &m);
	is_int(l->tree.n, 4, "exactly three parts");
	ok(is_clean(buf_str(&l->out)), "clean");
	is_str(field(l, 0, "Subject"), STR("FW: =?utf-8?q?=C3=A9?= hello"),
	    "Subject of the message");
	mime_param_find(&l->arena, l->tree.v[0].params, STR("report-type"), &v);
	is_str(v, STR("feedback-report"), "report-type");
	is_str(l->tree.v[2].type, STR("message/feedback-report"), "second");
	is_str(content(l, 2), m.feedback, "feedback");
	is_str(l->tree.v[3].type, STR("text/rfc822-headers"), "third");
	is_str(content(l, 3), m.headers, "headers");
	m.subject = STR_NONE;
	make(l, &m);
	is_str(field(l, 0, "Subject"),
	    STR("DMARC failure report for example.com"), "no Subject");
	m.subject = STR("a\r\nBcc: \xff");
	make(l, &m);
	is_str(field(l, 0, "Bcc"), STR("(none)"), "no field slips in");
	ok(is_clean(buf_str(&l->out)), "clean");
}

/* Verified by our own verifier with keys from a zone. */
static void
verify(struct lab *l, size_t want)
{
	struct dkim_limits limits = DKIM_LIMITS_DEFAULT;
	const struct dkim_verdict *v;
	struct dkim_verifier *verifier;
	struct dns_source *source;
	struct hdr_list list;
	struct str body;
	struct buf zone;
	struct dns dns;
	size_t n, passed = 0;

	buf_init(&zone, NULL, 100000);
	buf_add_z(&zone, "r._domainkey.mx.example TXT \"");
	dkim_private_record(l->rsa, &zone);
	buf_add_z(&zone, "\"\ne._domainkey.mx.example TXT \"");
	dkim_private_record(l->ed, &zone);
	buf_add_z(&zone, "\"\n");
	dns_zone_parse(buf_str(&zone), &source, NULL);
	hdr_split_message(&l->arena, buf_str(&l->out), &list, &body);
	dns_init(&dns, source, &l->arena, 0, 10);
	verifier =
	    dkim_verifier_new(&l->arena, l->engine, &limits, DATE, false);
	for (size_t i = 0; i < list.n; i++)
		if (str_eq_ci(list.v[i].name, STR("DKIM-Signature")))
			dkim_verifier_field(verifier, &dns, &list.v[i]);
	dkim_verifier_eoh(verifier);
	dkim_verifier_body(verifier, body);
	dkim_verifier_finish(verifier, &dns, &list, &v, &n);
	for (size_t i = 0; i < n; i++)
		passed += v[i].result == DKIM_PASS;
	ok(passed == want && n == want, "%zu signatures verify", want);
	dns_source_close(source);
	buf_fini(&zone);
}

static void
test_signatures(struct lab *l)
{
	for (int k = 0; k < REPORT_KIND_COUNT; k++) {
		struct report_message m = sample(l, (enum report_kind)k);

		make(l, &m);
		verify(l, 1);
		m.sign[1] = (struct dkim_sign_config){.key = l->ed,
		    .domain = STR("mx.example"),
		    .selector = STR("e"),
		    .valid = 1000};
		make(l, &m);
		verify(l, 2);
		m.sign[0].key = m.sign[1].key = NULL;
		make(l, &m);
		verify(l, 0);
	}
}

/* 20 MB of attachment: the memory is that of the message, and twice the same
 * message is the same. */
static void
test_large(struct lab *l)
{
	struct report_message m = sample(l, REPORT_KIND_DMARC);
	size_t n = 20 << 20;
	char *octets = malloc(n);
	struct buf again;

	for (size_t i = 0; octets && i < n; i++)
		octets[i] = (char)(i * 2654435761u >> 13);
	m.document = (struct str){octets, n};
	buf_init(&again, NULL, 64 << 20);
	buf_fini(&l->out);
	is_int(report_message_write(&m, &l->out, NULL, NULL), 0, "20 MB");
	ok(l->out.cap < n + n / 2, "%zu octets of memory for the message",
	    l->out.cap);
	is_int(report_message_write(&m, &again, NULL, NULL), 0, "again");
	ok(str_eq(buf_str(&l->out), buf_str(&again)), "the same octets");
	buf_fini(&again);
	buf_fini(&l->out);
	buf_init(&again, NULL, 1000);
	is_int(report_message_write(&m, &again, NULL, NULL), AVER_LIMIT,
	    "no room");
	buf_fini(&again);
	free(octets);
}

static void
test_refusals(struct lab *l)
{
	static const struct {
		const char *name, *id, *domain, *from, *to, *submitter;
		int err;
	} cases[] = {
	    {"good", "abcdefghijklmnopqrstu234", "d.example", "a@b.example",
		"c@d.example", "", 0},
	    {"no ID", "x", "d.example", "a@b.example", "c@d.example", "",
		AVER_SYNTAX},
	    {"no domain", "abcdefghijklmnopqrstu234", "d\r\nX: y",
		"a@b.example", "c@d.example", "", AVER_SYNTAX},
	    {"empty domain", "abcdefghijklmnopqrstu234", "", "a@b.example",
		"c@d.example", "", AVER_SYNTAX},
	    {"no From", "abcdefghijklmnopqrstu234", "d.example", "",
		"c@d.example", "", AVER_SYNTAX},
	    {"two in To", "abcdefghijklmnopqrstu234", "d.example",
		"a@b.example", "c@d.example, e@f", "", AVER_SYNTAX},
	    {"field in To", "abcdefghijklmnopqrstu234", "d.example",
		"a@b.example", "c@d.example\r\nBcc: e@f", "", AVER_SYNTAX},
	    {"field in the submitter", "abcdefghijklmnopqrstu234", "d.example",
		"a@b.example", "c@d.example", "x\r\nBcc: e@f", AVER_SYNTAX},
	};
	struct report_message m;
	bool utf8 = false;
	struct diag d;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		m = sample(l, REPORT_KIND_DMARC);
		m.id = str_from_z(cases[i].id);
		m.name.policy_domain = str_from_z(cases[i].domain);
		m.from = str_from_z(cases[i].from);
		m.to = str_from_z(cases[i].to);
		m.submitter = str_from_z(cases[i].submitter);
		buf_clear(&l->out);
		is_int(report_message_write(&m, &l->out, &utf8, &d),
		    cases[i].err, cases[i].name);
		ok(!utf8 && (l->out.n > 0) == (cases[i].err == 0), "%s",
		    cases[i].name);
	}
	m = sample(l, REPORT_KIND_DMARC);
	m.to = STR("\xc3\xa9@d.example");
	buf_clear(&l->out);
	is_int(report_message_write(&m, &l->out, &utf8, &d), 0,
	    "an address in UTF-8");
	ok(utf8, "is told");
	m.sign[0].domain = STR("com");
	is_int(report_message_write(&m, &l->out, &utf8, &d), AVER_SYNTAX,
	    "cannot be signed");
	ok(str_starts(
	       str_from_z(d.text), STR("the message could not be signed")),
	    "and says so");
}

int
main(void)
{
	struct lab l;

	lab_init(&l);
	test_dmarc(&l);
	test_tls(&l);
	test_failure(&l);
	test_signatures(&l);
	test_refusals(&l);
	test_large(&l);
	buf_fini(&l.out);
	arena_fini(&l.arena);
	return tap_done();
}
