/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arf/arf.h"

#include "lib/arf/redact.h"
#include "lib/base/err.h"
#include "lib/mail/hdr.h"
#include "t/tap.h"

#define COUNT(x) (sizeof(x) / sizeof(*(x)))

static struct arf_incident
sample(void)
{
	struct arf_incident in = {
	    .time = 1793527200,
	    .source_port = 40112,
	    .reporter = STR("mx.example.net"),
	    .policy_domain = STR("example.com"),
	    .from_domain = STR("example.com"),
	    .failure = ARF_DMARC,
	    .delivery = ARF_REJECT,
	    .dmarc = DMARC_FAIL,
	    .policy = DMARC_POLICY_REJECT,
	    .mail_from = STR("jane.doe@example.com"),
	    .rcpt_to = STR("victim@example.net"),
	    .has_spf = true,
	    .spf_aligned = true,
	    .spf_domain = STR("example.com"),
	    .spf_record = STR("v=spf1 ip4:192.0.2.1 \"x\" -all"),
	    .spf_result = SPF_FAIL,
	    .n_dkim = 2,
	    .n_fields = 3,
	};

	ip_parse(STR("2001:db8::7"), &in.source_ip);
	in.dkim[0] = (struct arf_dkim){STR("other.example"), STR("o"),
	    STR("@other.example"), DKIM_PASS, false};
	in.dkim[1] = (struct arf_dkim){STR("example.com"), STR("s1"),
	    STR("jane.doe@example.com"), DKIM_FAIL, true};
	in.fields[0] = STR("From: \"Jane\" <Jane.Doe@example.com>");
	in.fields[1] = STR("Subject: for victim: http://x.example/\r\n see");
	in.fields[2] = STR("X-Secret: 1");
	return in;
}

/* ---- redaction ---------------------------------------------------------- */

/* "{}" in want stands for the hash of the text before it in the table. */
static const struct {
	const char *name;
	struct str in;
	const char *local; /* what is hashed, lower case */
	struct str want;
} texts[] = {
    {"address", STR_INIT("<Joe@x.example>"), "joe", STR_INIT("<{}@x.example>")},
    {"dots and plus", STR_INIT("j.o+tag@x.example"), "j.o+tag",
	STR_INIT("{}@x.example")},
    {"two", STR_INIT("a@x, a@y"), "a", STR_INIT("{}@x, {}@y")},
    {"quoted local-part", STR_INIT("\"a b\"@x.example"), "\"a b\"",
	STR_INIT("{}@x.example")},
    {"UTF-8", STR_INIT("j\xc3\xb6@x"), "j\xc3\xb6", STR_INIT("{}@x")},
    {"Message-ID", STR_INIT("<123.joe@x.example>"), "123.joe",
	STR_INIT("<{}@x.example>")},
    {"quoted-printable", STR_INIT("joe=40x.example"), "joe",
	STR_INIT("{}=40x.example")},
    {"percent-encoded", STR_INIT("u=joe%40x.example"), "u=joe",
	STR_INIT("{}%40x.example")},
    {"a known word", STR_INIT("Dear Jane.Doe, hi"), "jane.doe",
	STR_INIT("Dear {}, hi")},
    {"a known word within another", STR_INIT("xjane.doe jane.doeX"), "",
	STR_INIT("xjane.doe jane.doeX")},
    {"encoded-word", STR_INIT("=?utf-8?q?jane=2Edoe=40x?="), "jane.doe",
	STR_INIT("{}@x")},
    {"base64 encoded-word", STR_INIT("=?utf-8?b?am9lQHguZXhhbXBsZQ==?="), "joe",
	STR_INIT("{}@x.example")},
    {"URL", STR_INIT("see HTTPS://x.example, xhttp"), "",
	STR_INIT("see hxxpS://x.example, xhttp")},
    {"no address", STR_INIT("a b c @ d"), "", STR_INIT("a b c @ d")},
    {"lone at", STR_INIT("@x"), "", STR_INIT("@x")},
    {"controls", STR_INIT("a\r\nb\0c\xff"), "", STR_INIT("a  b c?")},
};

static void
test_redaction(void)
{
	struct redact r = {.key = STR("key")}, other = {.key = STR("yek")};
	struct buf got, want, hash;

	buf_init(&got, NULL, 10000);
	buf_init(&want, NULL, 10000);
	buf_init(&hash, NULL, 100);
	redact_word(&r, STR("jane.doe@example.com"));
	redact_word(&r, STR("abc@example.com")); /* too short */
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct str w = texts[i].want;

		buf_clear(&got);
		buf_clear(&want);
		buf_clear(&hash);
		redact_local(&r, str_from_z(texts[i].local), &hash);
		while (w.n) {
			size_t at = str_chr(w, '{');

			buf_add(&want, str_head(w, at));
			if (at < w.n)
				buf_add(&want, buf_str(&hash));
			w = str_from(w, at + 2);
		}
		is_int(redact_text(&r, texts[i].in, &got), 0, texts[i].name);
		is_str(buf_str(&got), buf_str(&want), texts[i].name);
	}
	buf_clear(&got);
	buf_clear(&want);
	redact_local(&r, STR("Joe"), &got);
	redact_local(&other, STR("joe"), &want);
	ok(got.n == REDACT_OCTETS && !str_eq(buf_str(&got), buf_str(&want)),
	    "another key makes another hash");
	buf_clear(&want);
	redact_local(&r, STR("jOE"), &want);
	is_str(buf_str(&got), buf_str(&want), "case does not");
	buf_fini(&hash);
	buf_fini(&want);
	buf_fini(&got);
}

/* ---- the report --------------------------------------------------------- */

static struct str
field(struct arena *a, struct str part, const char *name)
{
	struct hdr_list l;
	struct str rest, v;
	const struct hdr *h;
	struct buf b;

	hdr_split_message(a, part, &l, &rest);
	h = hdr_find(&l, str_from_z(name), 0);
	if (!h)
		return STR("(none)");
	if (hdr_count(&l, h->name) > 1)
		return STR("(several)");
	/* unfolded */
	buf_init(&b, a, 10000);
	v = str_trim_fws(h->value);
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] != '\r' && v.p[i] != '\n')
			buf_add_c(&b, v.p[i]);
	return buf_str(&b);
}

static const struct str names[] = {
    STR_INIT("from"), STR_INIT("Subject"), STR_INIT("Date")};

static struct arf_options
options(void)
{
	return (struct arf_options){.key = STR("key"),
	    .user_agent = STR("aver/1.0"),
	    .reporting_mta = STR("mx.example.net"),
	    .incidents = 1,
	    .headers = names,
	    .n_headers = COUNT(names)};
}

static void
test_feedback(struct arena *a)
{
	static const struct {
		const char *name, *value;
	} want[] = {
	    {"Feedback-Type", "auth-failure"},
	    {"User-Agent", "aver/1.0"},
	    {"Version", "1"},
	    {"Auth-Failure", "dmarc"},
	    {"Authentication-Results",
		"mx.example.net; dmarc=fail header.from=example.com"},
	    {"Identity-Alignment", "dkim, spf"},
	    {"Reported-Domain", "example.com"},
	    {"Delivery-Result", "reject"},
	    {"Arrival-Date", "Sun, 1 Nov 2026 10:00:00 +0000"},
	    {"Source-IP", "IPv6:2001:db8::7"},
	    {"Source-Port", "40112"},
	    {"Reporting-MTA", "dns; mx.example.net"},
	    {"DKIM-Domain", "example.com"},
	    {"DKIM-Selector", "s1"},
	    {"SPF-DNS", "txt : example.com : "
			"\"v=spf1 ip4:192.0.2.1 \\\"x\\\" -all\""},
	    {"Incidents", "(none)"},
	    {"Received-Date", "(none)"},
	};
	struct arf_incident in = sample();
	struct arf_options o = options();
	struct buf b;

	buf_init(&b, NULL, 100000);
	is_int(arf_feedback(&in, &o, &b), 0, "feedback");
	for (size_t i = 0; i < COUNT(want); i++)
		is_str(field(a, buf_str(&b), want[i].name),
		    str_from_z(want[i].value), want[i].name);
	ok(!str_contains_ci(buf_str(&b), STR("jane")) &&
		!str_contains_ci(buf_str(&b), STR("victim")),
	    "no local-part is shown");
	ok(str_ends_ci(field(a, buf_str(&b), "Original-Mail-From"),
	       STR("@example.com>")),
	    "Original-Mail-From");
	is_int(field(a, buf_str(&b), "DKIM-Identity").n, REDACT_OCTETS + 12,
	    "DKIM-Identity");
	o.incidents = 17;
	buf_clear(&b);
	arf_feedback(&in, &o, &b);
	is_str(field(a, buf_str(&b), "Incidents"), STR("17"), "Incidents");
	buf_fini(&b);
}

/* RFC 9991 section 4: what failed to authenticate an aligned identity. */
static void
test_alignment(struct arena *a)
{
	static const struct {
		const char *name;
		bool has_spf, spf_aligned;
		enum spf_result spf;
		bool dkim_aligned;
		enum dkim_result dkim;
		const char *want;
	} cells[] = {
	    {"both fail", true, true, SPF_FAIL, true, DKIM_FAIL, "dkim, spf"},
	    {"list broke the signature", true, false, SPF_PASS, true, DKIM_FAIL,
		"dkim"},
	    {"only SPF is aligned", true, true, SPF_SOFTFAIL, false, DKIM_PASS,
		"spf"},
	    {"nothing is aligned", true, false, SPF_PASS, false, DKIM_PASS,
		"none"},
	    {"SPF passes", true, true, SPF_PASS, true, DKIM_FAIL, "dkim"},
	    {"DKIM passes", true, true, SPF_NONE, true, DKIM_PASS, "spf"},
	    {"no SPF", false, false, SPF_NONE, true, DKIM_PERMERROR, "dkim"},
	};
	struct arf_options o = options();
	struct buf b;

	buf_init(&b, NULL, 100000);
	for (size_t i = 0; i < COUNT(cells); i++) {
		struct arf_incident in = sample();

		in.has_spf = cells[i].has_spf;
		in.spf_aligned = cells[i].spf_aligned;
		in.spf_result = cells[i].spf;
		in.dkim[1].aligned = cells[i].dkim_aligned;
		in.dkim[1].result = cells[i].dkim;
		buf_clear(&b);
		arf_feedback(&in, &o, &b);
		is_str(field(a, buf_str(&b), "Identity-Alignment"),
		    str_from_z(cells[i].want), cells[i].name);
		ok((field(a, buf_str(&b), "SPF-DNS").n > 6) ==
			(strstr(cells[i].want, "spf") != NULL),
		    "%s: SPF-DNS", cells[i].name);
		ok((field(a, buf_str(&b), "DKIM-Domain").n > 6) ==
			(strstr(cells[i].want, "dkim") != NULL),
		    "%s: DKIM-Domain", cells[i].name);
	}
	buf_fini(&b);
}

static void
test_kinds(struct arena *a)
{
	struct arf_incident in = sample();
	struct arf_options o = options();
	struct buf b;

	buf_init(&b, NULL, 100000);
	in.failure = ARF_SPF;
	arf_feedback(&in, &o, &b);
	is_str(field(a, buf_str(&b), "Auth-Failure"), STR("spf"), "spf");
	ok(str_starts(field(a, buf_str(&b), "Authentication-Results"),
	       STR("mx.example.net; spf=fail smtp.mailfrom=")) &&
		!str_contains_ci(buf_str(&b), STR("jane")),
	    "result of SPF");
	in.failure = ARF_BODYHASH;
	buf_clear(&b);
	arf_feedback(&in, &o, &b);
	is_str(field(a, buf_str(&b), "Authentication-Results"),
	    STR("mx.example.net; dkim=fail header.d=example.com header.s=s1"),
	    "result of DKIM");
	/* hostile values stay in their field */
	in.failure = ARF_DMARC;
	in.from_domain = STR("a.example\r\nIncidents: 5");
	in.dkim[1].selector = STR("s\r\n\r\nbody");
	in.mail_from = STR("x\r\nIncidents: 6@a\r\nIncidents: 7");
	in.spf_record = STR("v=spf1 \r\nIncidents: 8\xff");
	in.source_ip = (struct ip){.family = IP_NONE};
	buf_clear(&b);
	arf_feedback(&in, &o, &b);
	is_str(field(a, buf_str(&b), "Incidents"), STR("(none)"),
	    "no field slips in");
	is_str(field(a, buf_str(&b), "Source-IP"), STR("(none)"),
	    "no address, no field");
	buf_fini(&b);
}

static void
test_body(
    struct arena *a, const struct arf_incident *in, const struct arf_options *o)
{
	struct str feedback, headers, subject;
	struct arf_options none = *o;
	struct buf b, part;

	buf_init(&b, NULL, 100000);
	buf_init(&part, NULL, 100000);
	is_int(arf_body(in, o, &b), 0, "body");
	is_int(arf_body_split(a, buf_str(&b), &feedback, &headers, &subject), 0,
	    "comes apart");
	arf_feedback(in, o, &part);
	is_str(feedback, buf_str(&part), "feedback");
	buf_clear(&part);
	arf_headers(in, o, &part);
	is_str(headers, buf_str(&part), "headers");
	ok(str_starts(subject, STR("for ")) &&
		str_ends_ci(subject, STR(": hxxp://x.example/ see")),
	    "Subject");
	none.n_headers = 0;
	buf_clear(&b);
	arf_body(in, &none, &b);
	ok(arf_body_split(a, buf_str(&b), &feedback, &headers, &subject) == 0 &&
		feedback.n && headers.n == 0 && subject.n == 0,
	    "without headers");
	is_int(arf_body_split(a, STR("x"), &feedback, &headers, &subject),
	    AVER_SYNTAX, "no body");
	is_int(arf_body_split(a, STR(""), &feedback, &headers, &subject),
	    AVER_SYNTAX, "nothing");
	buf_fini(&part);
	buf_fini(&b);
}

static void
test_headers(struct arena *a)
{
	struct arf_incident in = sample();
	struct arf_options o = options();
	struct str only = STR("DKIM-Signature");
	struct buf b;

	buf_init(&b, NULL, 100000);
	is_int(arf_headers(&in, &o, &b), 0, "headers");
	ok(str_starts(field(a, buf_str(&b), "From"), STR("\"Jane\" <")) &&
		str_ends_ci(
		    field(a, buf_str(&b), "From"), STR("@example.com>")),
	    "From");
	is_str(field(a, buf_str(&b), "X-Secret"), STR("(none)"),
	    "what is not listed is not shown");
	ok(!str_contains_ci(buf_str(&b), STR("jane.doe")) &&
		!str_contains_ci(buf_str(&b), STR("victim")) &&
		!str_contains_ci(buf_str(&b), STR("http:")),
	    "redacted, from the text of the Subject too");
	test_body(a, &in, &o);
	o.headers = &only;
	o.n_headers = 1;
	in.fields[0] = STR("DKIM-Signature: v=1; z=From:jane=40x; b=");
	in.fields[1] = STR("DKIM-Signature: v=1; i=jane.doe@example.com; b=x");
	buf_clear(&b);
	arf_headers(&in, &o, &b);
	ok(str_contains_ci(buf_str(&b), STR("b=x")) &&
		!str_contains_ci(buf_str(&b), STR("jane")) &&
		!str_contains_ci(buf_str(&b), STR("z=")),
	    "a signature without copies of fields, its identity redacted");
	buf_fini(&b);
}

/* ---- when --------------------------------------------------------------- */

static void
test_wanted(void)
{
	static struct str uri = STR_INIT("mailto:ruf@example.com");
	static const struct {
		const char *name;
		unsigned fo;
		enum dmarc_result result;
		bool spf_aligned, dkim_aligned, spf_fail;
		enum dkim_reason failed;
		int want; /* enum arf_failure, -1: no */
	} cases[] = {
	    {"0, fail", DMARC_FO_0, DMARC_FAIL, 0, 0, 1, 0, ARF_DMARC},
	    {"0, pass", DMARC_FO_0, DMARC_PASS, 1, 0, 0, DKIM_WHY_SIGNATURE,
		-1},
	    {"1, one passes", DMARC_FO_1, DMARC_PASS, 1, 0, 0, 0, ARF_DMARC},
	    {"1, both pass", DMARC_FO_1, DMARC_PASS, 1, 1, 0, 0, -1},
	    {"d, bad signature", DMARC_FO_D, DMARC_PASS, 1, 0, 0,
		DKIM_WHY_SIGNATURE, ARF_SIGNATURE},
	    {"d, body hash", DMARC_FO_D, DMARC_PASS, 1, 0, 0,
		DKIM_WHY_BODY_HASH, ARF_BODYHASH},
	    {"d, revoked", DMARC_FO_D, DMARC_PASS, 1, 0, 0, DKIM_WHY_REVOKED,
		ARF_REVOKED},
	    {"d, no bad signature", DMARC_FO_D, DMARC_FAIL, 0, 0, 1, 0, -1},
	    {"s, SPF fails", DMARC_FO_S, DMARC_PASS, 0, 1, 1, 0, ARF_SPF},
	    {"s, SPF passes", DMARC_FO_S, DMARC_FAIL, 0, 0, 0,
		DKIM_WHY_SIGNATURE, -1},
	    {"1:d:s", DMARC_FO_1 | DMARC_FO_D | DMARC_FO_S, DMARC_FAIL, 0, 0, 1,
		DKIM_WHY_SIGNATURE, ARF_DMARC},
	    {"temperror", DMARC_FO_1, DMARC_TEMPERROR, 0, 0, 1, 0, -1},
	    {"none", DMARC_FO_1, DMARC_NONE, 0, 0, 1, 0, -1},
	};
	struct dmarc_record r = {.ruf = &uri, .n_ruf = 1};
	struct dmarc_verdict v = {.record = &r};
	enum arf_failure f;

	for (size_t i = 0; i < COUNT(cases); i++) {
		f = ARF_FAILURE_COUNT;
		r.fo = cases[i].fo;
		v.result = cases[i].result;
		v.spf_aligned = cases[i].spf_aligned;
		v.dkim_aligned = cases[i].dkim_aligned;
		ok(arf_wanted(&v, cases[i].spf_fail, cases[i].failed, &f) ==
			    (cases[i].want >= 0) &&
			(cases[i].want < 0 || (int)f == cases[i].want),
		    "fo=%s", cases[i].name);
	}
	r.fo = DMARC_FO_0;
	v.result = DMARC_FAIL;
	ok(arf_wanted(&v, true, 0, &f), "with ruf");
	r.psd = DMARC_PSD_Y;
	ok(!arf_wanted(&v, true, 0, &f), "not with psd=y");
	r.psd = DMARC_PSD_U;
	r.n_ruf = 0;
	ok(!arf_wanted(&v, true, 0, &f), "not without ruf");
	v.record = NULL;
	ok(!arf_wanted(&v, true, 0, &f), "not without a record");
	ok(arf_is_report(STR(" Multipart/Report; report-type=x")) &&
		!arf_is_report(STR("multipart/mixed")),
	    "what is a report");
}

static void
test_aligned(void)
{
	struct dmarc_verdict v = {.from_domain = STR("a.example.com"),
	    .org_domain = STR("example.com")};

	ok(arf_aligned(&v, DMARC_STRICT, STR("A.example.com")) &&
		!arf_aligned(&v, DMARC_STRICT, STR("example.com")) &&
		arf_aligned(&v, DMARC_RELAXED, STR("b.example.com")) &&
		!arf_aligned(&v, DMARC_RELAXED, STR("badexample.com")) &&
		!arf_aligned(&v, DMARC_RELAXED, STR_NONE),
	    "alignment");
	v.org_domain = STR_NONE;
	ok(!arf_aligned(&v, DMARC_RELAXED, STR("example.com")),
	    "strict where nothing is known");
	v.policy_domain = STR("a.example.com");
	ok(!arf_aligned(&v, DMARC_RELAXED, STR("example.com")) &&
		arf_aligned(&v, DMARC_RELAXED, STR("b.a.example.com")),
	    "by the policy domain");
}

static void
test_rate(void)
{
	static struct arf_rate r;
	int good = 0;

	arf_rate_init(&r, 42);
	for (int i = 0; i < 20; i++)
		good += arf_rate_take(&r, STR("a.example"), 7200, 5, 100);
	is_int(good, 5, "at most 5 for a domain");
	ok(arf_rate_take(&r, STR("b.example"), 7201, 5, 100), "another domain");
	ok(arf_rate_take(&r, STR("a.example"), 10800, 5, 100),
	    "the next hour begins anew");
	good = 1;
	for (int i = 0; i < 5000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d%d.example", i);
		good += arf_rate_take(&r, str_from_z(name), 10900, 5, 100);
	}
	is_int(good, 100, "at most 100 whatever the domains");
}

/* ---- octets ------------------------------------------------------------- */

static void
test_codec(void)
{
	struct arf_incident in = sample(), back;
	struct buf one, two;
	char *big = calloc(1, 4000);
	int bad = 0;

	buf_init(&one, NULL, 70000);
	buf_init(&two, NULL, 70000);
	arf_incident_encode(&one, &in);
	is_int(arf_incident_decode(buf_str(&one), &back), 0, "decodes");
	arf_incident_encode(&two, &back);
	is_str(buf_str(&two), buf_str(&one), "the same octets again");
	ok(back.time == in.time && back.failure == in.failure &&
		back.source_port == 40112 && back.spf_aligned &&
		back.n_dkim == 2 &&
		str_eq(back.dkim[1].identity, in.dkim[1].identity) &&
		back.n_fields == 3 && str_eq(back.fields[2], in.fields[2]) &&
		str_eq(back.spf_record, in.spf_record),
	    "the same values");
	for (size_t n = 0; n < one.n; n++)
		bad += arf_incident_decode(str_head(buf_str(&one), n), &back) !=
		       AVER_SYNTAX;
	is_int(bad, 0, "cut off anywhere");
	buf_add_c(&one, 'x');
	is_int(arf_incident_decode(buf_str(&one), &back), AVER_SYNTAX,
	    "octets too many");
	one.p[0] = 2;
	is_int(arf_incident_decode(str_head(buf_str(&one), one.n - 1), &back),
	    AVER_SYNTAX, "another version");
	/* everything as large as can be */
	in.n_dkim = ARF_DKIM_MAX + 1;
	in.n_fields = ARF_FIELDS_MAX + 1;
	for (size_t i = 0; i < ARF_DKIM_MAX; i++)
		in.dkim[i].identity = in.dkim[i].domain = in.dkim[i].selector =
		    (struct str){big, 4000};
	for (size_t i = 0; i < ARF_FIELDS_MAX; i++)
		in.fields[i] = (struct str){big, 4000};
	in.spf_record = in.mail_from = in.rcpt_to = (struct str){big, 4000};
	buf_clear(&one);
	arf_incident_encode(&one, &in);
	ok(one.n > 40000 && one.n <= ARF_INCIDENT_MAX, "bounded: %zu octets",
	    one.n);
	is_int(arf_incident_decode(buf_str(&one), &back), 0, "and decodes");
	buf_clear(&one);
	buf_clear(&two);
	in = sample();
	arf_merge_key(&in, &one);
	in.time++;
	in.mail_from = STR("other@example.com");
	arf_merge_key(&in, &two);
	is_str(buf_str(&two), buf_str(&one), "alike: one report for both");
	in.source_ip.a[15]++;
	buf_clear(&two);
	arf_merge_key(&in, &two);
	ok(!str_eq(buf_str(&two), buf_str(&one)), "another client: not alike");
	free(big);
	buf_fini(&two);
	buf_fini(&one);
}

int
main(void)
{
	struct arena a;

	arena_init(&a, 8 << 20);
	test_redaction();
	test_feedback(&a);
	test_alignment(&a);
	test_kinds(&a);
	test_headers(&a);
	test_wanted();
	test_aligned();
	test_rate();
	test_codec();
	arena_fini(&a);
	return tap_done();
}
