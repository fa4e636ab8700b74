/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include "lib/aggregate/aggregate_write.h"
#include "lib/base/err.h"
#include "lib/zip/gz.h"

#define MB ((size_t)1 << 20)

static const struct aggregate_meta meta = {
    .org_name = STR_INIT("A & B"),
    .email = STR_INIT("dmarc@mx.example.net"),
    .report_id = STR_INIT("20261101examplecom1"),
    .begin = 1793491200,
    .end = 1793577600,
};

static int
collect(void *arg, struct str octets)
{
	struct buf *b = arg;

	buf_add(b, octets);
	return b->err;
}

static int
refuse(void *arg, struct str octets)
{
	(void)octets;
	return *(int *)arg;
}

static void
sample(struct evaluation *ev)
{
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

	*ev = (struct evaluation){
	    .policy_domain = STR("example.com"),
	    .p = DMARC_POLICY_REJECT,
	    .sp = DMARC_POLICY_QUARANTINE,
	    .has_sp = true,
	    .fo = DMARC_FO_1 | DMARC_FO_D,
	    .source_ip = ip_from_bytes(IP_V6, v6),
	    .disposition = EVAL_DISP_PASS,
	    .dkim_aligned = true,
	    .reasons = {{EVAL_POLICY_TEST_MODE, STR_NONE},
		{EVAL_LOCAL_POLICY, STR("arc=pass <x>")}},
	    .n_reasons = 2,
	    .header_from = STR("example.com"),
	    .envelope_from = STR("bounce.example.org"),
	    .envelope_to = STR("receiver.example"),
	    .dkim = {{STR("example.com"), STR("s1"), DKIM_PASS},
		{STR("other.example"), STR_NONE, DKIM_NEUTRAL}},
	    .n_dkim = 2,
	    .has_spf = true,
	    .spf_domain = STR("bounce.example.org"),
	    .spf_result = SPF_SOFTFAIL,
	};
}

/* The document that a report of these rows is. */
static void
document(struct aggregate_writer *w, const struct aggregate_meta *m,
    const struct evaluation *ev, size_t rows, enum aggregate_format f,
    struct buf *xml)
{
	struct buf packed;
	bool good;

	buf_init(&packed, NULL, 8 * MB);
	good = aggregate_write_begin(w, m, ev, f, 0, collect, &packed) == 0;
	for (size_t i = 0; i < rows; i++)
		good = good && aggregate_write_row(w, ev, i + 2) == 0;
	ok(good && aggregate_write_end(w) == 0, "written");
	is_int(aggregate_writer_size(w), packed.n, "its size");
	is_int(aggregate_writer_rows(w), rows, "its rows");
	buf_clear(xml);
	is_int(gz_inflate(buf_str(&packed), xml->max, collect, xml, NULL), 0,
	    "inflated");
	buf_fini(&packed);
}

static const char want_9990[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">"
    "<version>1.0</version><report_metadata><org_name>A &amp; B</org_name>"
    "<email>dmarc@mx.example.net</email>"
    "<report_id>20261101examplecom1</report_id>"
    "<date_range><begin>1793491200</begin><end>1793577599</end></date_range>"
    "<generator>aver " AVER_VERSION "</generator></report_metadata>"
    "<policy_published><domain>example.com</domain>"
    "<adkim>r</adkim><aspf>r</aspf><p>reject</p><sp>quarantine</sp>"
    "<fo>1:d</fo><np>quarantine</np>"
    "<discovery_method>treewalk</discovery_method><testing>n</testing>"
    "</policy_published>\n"
    "<record><row><source_ip>2001:db8::1</source_ip><count>2</count>"
    "<policy_evaluated><disposition>pass</disposition>"
    "<dkim>pass</dkim><spf>fail</spf>"
    "<reason><type>policy_test_mode</type></reason>"
    "<reason><type>local_policy</type>"
    "<comment>arc=pass &lt;x&gt;</comment></reason>"
    "</policy_evaluated></row>"
    "<identifiers><header_from>example.com</header_from>"
    "<envelope_from>bounce.example.org</envelope_from>"
    "<envelope_to>receiver.example</envelope_to></identifiers>"
    "<auth_results><dkim><domain>example.com</domain>"
    "<selector>s1</selector><result>pass</result></dkim>"
    "<dkim><domain>other.example</domain>"
    "<selector></selector><result>neutral</result></dkim>"
    "<spf><domain>bounce.example.org</domain><scope>mfrom</scope>"
    "<result>softfail</result></spf></auth_results></record>\n"
    "</feedback>\n";

static const char want_7489[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<feedback>"
    "<version>1.0</version><report_metadata><org_name>A &amp; B</org_name>"
    "<email>dmarc@mx.example.net</email>"
    "<report_id>20261101examplecom1</report_id>"
    "<date_range><begin>1793491200</begin><end>1793577599</end></date_range>"
    "</report_metadata>"
    "<policy_published><domain>example.com</domain>"
    "<adkim>r</adkim><aspf>r</aspf><p>reject</p><sp>quarantine</sp>"
    "<pct>100</pct><fo>1:d</fo></policy_published>\n"
    "<record><row><source_ip>2001:db8:0:0:0:0:0:1</source_ip>"
    "<count>2</count>"
    "<policy_evaluated><disposition>none</disposition>"
    "<dkim>pass</dkim><spf>fail</spf>"
    "<reason><type>other</type><comment>policy_test_mode</comment></reason>"
    "<reason><type>local_policy</type>"
    "<comment>arc=pass &lt;x&gt;</comment></reason>"
    "</policy_evaluated></row>"
    "<identifiers><header_from>example.com</header_from>"
    "<envelope_from>bounce.example.org</envelope_from>"
    "<envelope_to>receiver.example</envelope_to></identifiers>"
    "<auth_results><dkim><domain>example.com</domain>"
    "<selector>s1</selector><result>pass</result></dkim>"
    "<dkim><domain>other.example</domain>"
    "<selector></selector><result>neutral</result></dkim>"
    "<spf><domain>bounce.example.org</domain><scope>mfrom</scope>"
    "<result>softfail</result></spf></auth_results></record>\n"
    "</feedback>\n";

static void
test_documents(struct aggregate_writer *w)
{
	struct evaluation ev;
	struct buf xml;

	buf_init(&xml, NULL, MB);
	sample(&ev);
	document(w, &meta, &ev, 1, AGGREGATE_RFC9990, &xml);
	is_str(buf_str(&xml), str_from_z(want_9990), "RFC 9990");
	document(w, &meta, &ev, 1, AGGREGATE_RFC7489, &xml);
	is_str(buf_str(&xml), str_from_z(want_7489), "RFC 7489");
	ok(strcmp(aggregate_format_name(AGGREGATE_RFC9990), "rfc9990") == 0 &&
		strcmp(aggregate_format_name(AGGREGATE_RFC7489), "rfc7489") ==
		    0,
	    "names");
	buf_fini(&xml);
}

static void
contains(struct aggregate_writer *w, const struct aggregate_meta *m,
    const struct evaluation *ev, enum aggregate_format f, const char *part)
{
	struct buf xml;

	buf_init(&xml, NULL, MB);
	document(w, m, ev, 1, f, &xml);
	if (!ok(strstr(buf_z(&xml), part), "%s: %s", aggregate_format_name(f),
		part))
		tap_quote("in", buf_str(&xml));
	buf_fini(&xml);
}

/* What the two formats say of unusual evaluations. */
static void
test_variants(struct aggregate_writer *w)
{
	static const struct str errors[] = {
	    STR_INIT("bad sp"), STR_INIT("bad rua")};
	struct aggregate_meta m = meta;
	struct evaluation ev;

	sample(&ev);
	ev.has_spf = false;
	contains(w, &m, &ev, AGGREGATE_RFC9990, "</dkim></auth_results>");
	contains(w, &m, &ev, AGGREGATE_RFC7489,
	    "<spf><domain>bounce.example.org</domain>"
	    "<scope>mfrom</scope><result>none</result></spf>");
	ev.n_dkim = 0;
	contains(
	    w, &m, &ev, AGGREGATE_RFC9990, "<auth_results></auth_results>");
	sample(&ev);
	ev.envelope_from = ev.envelope_to = STR_NONE;
	contains(w, &m, &ev, AGGREGATE_RFC9990,
	    "<envelope_from></envelope_from></identifiers>");
	contains(w, &m, &ev, AGGREGATE_RFC9990, "<scope>mfrom</scope>");
	contains(w, &m, &ev, AGGREGATE_RFC7489, "<scope>helo</scope>");
	ev.source_ip = (struct ip){0};
	contains(
	    w, &m, &ev, AGGREGATE_RFC9990, "<source_ip>0.0.0.0</source_ip>");
	ev.source_ip = ip_from_bytes(IP_V4, "\300\0\2\1");
	contains(
	    w, &m, &ev, AGGREGATE_RFC7489, "<source_ip>192.0.2.1</source_ip>");
	ev.testing = true;
	ev.has_np = true;
	ev.has_sp = false;
	ev.fo = 0;
	contains(w, &m, &ev, AGGREGATE_RFC9990, "<testing>y</testing>");
	contains(w, &m, &ev, AGGREGATE_RFC9990, "<np>none</np>");
	contains(w, &m, &ev, AGGREGATE_RFC9990, "<sp>reject</sp>");
	contains(w, &m, &ev, AGGREGATE_RFC9990, "<fo>0</fo>");
	m.errors = errors;
	m.n_errors = 2;
	m.extra_contact_info = STR("https://example.net/?a&b");
	contains(
	    w, &m, &ev, AGGREGATE_RFC9990, "<error>bad sp; bad rua</error>");
	contains(w, &m, &ev, AGGREGATE_RFC7489,
	    "<error>bad sp</error><error>bad rua</error>");
	contains(w, &m, &ev, AGGREGATE_RFC9990,
	    "<extra_contact_info>https://example.net/?a&amp;b</extra");
}

#define FFFD "\xef\xbf\xbd"

static const struct {
	const char *name;
	struct str in, want;
} texts[] = {
    {"empty", STR_INIT(""), STR_INIT("")},
    {"plain", STR_INIT("a-b.example"), STR_INIT("a-b.example")},
    {"markup stays", STR_INIT("<&>\"'"), STR_INIT("<&>\"'")},
    {"UTF-8", STR_INIT("b\xc3\xbc.example"), STR_INIT("b\xc3\xbc.example")},
    {"four octets", STR_INIT("\xf0\x9f\x98\x80"), STR_INIT("\xf0\x9f\x98\x80")},
    {"NUL", STR_INIT("a\0b"), STR_INIT("a" FFFD "b")},
    {"white space", STR_INIT("a\t\r\nb c"), STR_INIT("a" FFFD FFFD FFFD "b c")},
    {"escape", STR_INIT("\x1b[2J\x7f"), STR_INIT(FFFD "[2J" FFFD)},
    {"C1", STR_INIT("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0"),
	STR_INIT(FFFD FFFD FFFD "\xc2\xa0")},
    {"lone octets", STR_INIT("\x80\xff\xc3"), STR_INIT(FFFD FFFD FFFD)},
    {"overlong", STR_INIT("\xc0\xaf"), STR_INIT(FFFD FFFD)},
    {"surrogate", STR_INIT("\xed\xa0\x80"), STR_INIT(FFFD FFFD FFFD)},
    {"no character", STR_INIT("\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd"),
	STR_INIT(FFFD FFFD FFFD)},
    {"past the end", STR_INIT("\xf4\x90\x80\x80"),
	STR_INIT(FFFD FFFD FFFD FFFD)},
};

static void
test_texts(struct aggregate_writer *w)
{
	struct evaluation ev;
	struct buf b;

	buf_init(&b, NULL, 1000);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		buf_clear(&b);
		aggregate_text(&b, texts[i].in);
		is_str(buf_str(&b), texts[i].want, texts[i].name);
	}
	sample(&ev);
	ev.header_from = STR("a\0<b>&\"\x1b\xff");
	contains(w, &meta, &ev, AGGREGATE_RFC9990,
	    "<header_from>a" FFFD "&lt;b&gt;&amp;&quot;" FFFD FFFD
	    "</header_from>");
	buf_fini(&b);
}

/* Rows over several parts: each within the limit and well used. */
static void
test_split(struct aggregate_writer *w, uint64_t max)
{
	struct evaluation ev;
	struct buf out;
	size_t rows = 0, parts = 1, over = 0, poor = 0;
	uint64_t sum = 0;
	int err = 0;

	buf_init(&out, NULL, 8 * MB);
	sample(&ev);
	aggregate_write_begin(
	    w, &meta, &ev, AGGREGATE_RFC9990, max, collect, &out);
	for (uint32_t i = 0; i < 20000 && !err; i++) {
		uint32_t noise = i * 2654435761u;

		ev.source_ip = ip_from_bytes(IP_V4, &noise);
		err = aggregate_write_row(w, &ev, 1);
		if (err != AVER_LIMIT)
			continue;
		rows += aggregate_writer_rows(w);
		sum += aggregate_writer_messages(w);
		err = aggregate_write_end(w);
		over += out.n > max;
		poor += out.n + 2000 < max;
		parts++;
		buf_clear(&out);
		aggregate_write_begin(
		    w, &meta, &ev, AGGREGATE_RFC9990, max, collect, &out);
		err = err ? err : aggregate_write_row(w, &ev, 1);
	}
	is_int(err, 0, "no error");
	is_int(aggregate_write_end(w), 0, "ended");
	is_int(rows + aggregate_writer_rows(w), 20000, "all rows");
	is_int(sum + aggregate_writer_messages(w), 20000, "all messages");
	ok(parts > 2 && over == 0 && out.n <= max,
	    "%zu parts within %llu octets", parts, (unsigned long long)max);
	ok(poor == 0, "none left more than 2000 octets free");
	buf_fini(&out);
}

/* The first row is taken whatever the limit says. */
static void
test_small_limit(struct aggregate_writer *w)
{
	struct evaluation ev;
	struct buf out;

	buf_init(&out, NULL, MB);
	sample(&ev);
	aggregate_write_begin(
	    w, &meta, &ev, AGGREGATE_RFC9990, 10, collect, &out);
	is_int(aggregate_write_row(w, &ev, 1), 0, "the first row");
	is_int(aggregate_write_row(w, &ev, 1), AVER_LIMIT, "not the second");
	is_int(aggregate_write_row(w, &ev, 1), AVER_LIMIT, "nor again");
	is_int(aggregate_write_end(w), 0, "ended");
	is_int(aggregate_writer_rows(w), 1, "one row");
	buf_fini(&out);
}

static void
test_misuse(struct aggregate_writer *w)
{
	struct evaluation ev;
	struct buf out;
	int code = 42, err;

	buf_init(&out, NULL, MB);
	sample(&ev);
	is_int(aggregate_write_row(w, &ev, 1), AVER_BUG, "row before begin");
	is_int(aggregate_write_end(w), AVER_BUG, "end before begin");
	aggregate_write_begin(
	    w, &meta, &ev, AGGREGATE_RFC9990, 0, collect, &out);
	is_int(aggregate_write_end(w), AVER_BUG, "a report without rows");
	err = aggregate_write_begin(
	    w, &meta, &ev, AGGREGATE_RFC9990, 0, refuse, &code);
	for (int i = 0; i < 100000 && !err; i++)
		err = aggregate_write_row(w, &ev, 1);
	is_int(err, 42, "the sink's value");
	aggregate_writer_free(NULL);
	buf_fini(&out);
}

int
main(void)
{
	struct aggregate_writer *w = aggregate_writer_new();

	test_misuse(w);
	test_documents(w);
	test_variants(w);
	test_texts(w);
	test_split(w, 20000);
	test_split(w, 100000);
	test_small_limit(w);
	aggregate_writer_free(w);
	return tap_done();
}
