/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/report/report_id.h"

#include "lib/base/err.h"
#include "lib/base/mac.h"
#include "lib/report/verp.h"
#include "t/tap.h"

#define COUNT(x) (sizeof(x) / sizeof(*(x)))

static const struct report_name dmarc = {.kind = REPORT_KIND_DMARC,
    .policy_domain = STR_INIT("example.com"),
    .begin = 1793491200,
    .end = 1793577600};

static void
test_mac(void)
{
	/* RFC 4231 test cases 1 and 2; RFC 4648 section 10 */
	uint8_t mac[MAC_OCTETS];
	char text[16];
	struct str got;
	struct buf b;

	buf_init(&b, NULL, 100);
	ok(mac_sha256(STR("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
			  "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
	       STR("Hi There"), mac) &&
		mac[0] == 0xb0 && mac[1] == 0x34 && mac[31] == 0xf7,
	    "HMAC-SHA256");
	ok(mac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac) &&
		mac[0] == 0x5b && mac[31] == 0x43,
	    "HMAC-SHA256 again");
	ok(mac_sha256(STR_NONE, STR_NONE, mac) && mac[0] == 0xb6 &&
		mac[31] == 0xad,
	    "of nothing");
	mac_base32((const uint8_t *)"foobar", text, 9);
	got = (struct str){text, 9};
	is_str(got, STR("mzxw6ytbo"), "base32");
	buf_fini(&b);
}

static void
test_same_and_different(void)
{
	struct report_name n[] = {
	    dmarc, dmarc, dmarc, dmarc, dmarc, dmarc, dmarc, dmarc};
	char id[COUNT(n) + 1][REPORT_ID_OCTETS], again[REPORT_ID_OCTETS];
	struct str first;
	int same = 0;

	n[1].kind = REPORT_KIND_TLS;
	n[2].policy_domain = STR("example.net");
	n[3].begin++;
	n[4].end++;
	n[5].part = 1;
	n[6].detail = STR("x");
	/* the octets move from one member into the next */
	n[7].policy_domain = STR("example.com1793491200");
	for (size_t i = 0; i < COUNT(n); i++)
		report_id_make(&n[i], STR("salt"), id[i]);
	report_id_make(&n[0], STR("other salt"), id[COUNT(n)]);
	for (size_t i = 0; i <= COUNT(n); i++)
		for (size_t k = 0; k < i; k++)
			same += memcmp(id[i], id[k], REPORT_ID_OCTETS) == 0;
	is_int(same, 0, "whatever differs makes another ID");
	report_id_make(&n[0], STR("salt"), again);
	ok(memcmp(again, id[0], sizeof(again)) == 0, "the same ID again");
	first = (struct str){id[0], REPORT_ID_OCTETS};
	is_str(first, STR("xsbeorscfczazqam7lroc4ri"),
	    "the ID must not change from one release to the next");
	ok(report_id_ok((struct str){id[0], REPORT_ID_OCTETS}), "form");
	ok(!report_id_ok(STR("")) &&
		!report_id_ok(STR("aaaaaaaaaaaaaaaaaaaaaaa1")) &&
		!report_id_ok(STR("Aaaaaaaaaaaaaaaaaaaaaaaa")) &&
		!report_id_ok(STR("aaaaaaaaaaaaaaaaaaaaaaaaa")),
	    "what is no ID");
}

static void
test_names(void)
{
	struct report_name n = dmarc;
	struct str id = STR("aaaaaaaaaaaaaaaaaaaaaaaa"), mx = STR("mx.example");
	struct buf b;

	buf_init(&b, NULL, 1000);
	report_file_name(&b, &n, mx, id, true);
	is_str(buf_str(&b),
	    STR("mx.example!example.com!1793491200!1793577599!"
		"aaaaaaaaaaaaaaaaaaaaaaaa.xml.gz"),
	    "file name of RFC 9990");
	buf_clear(&b);
	report_file_name(&b, &n, mx, id, false);
	ok(str_ends_ci(buf_str(&b), STR("aa.xml")), "not compressed");
	buf_clear(&b);
	report_subject(&b, &n, mx, id);
	is_str(buf_str(&b),
	    STR("Report Domain: example.com Submitter: mx.example Report-ID: "
		"aaaaaaaaaaaaaaaaaaaaaaaa"),
	    "Subject of RFC 9990");
	n.kind = REPORT_KIND_TLS;
	buf_clear(&b);
	report_file_name(&b, &n, mx, id, true);
	ok(str_ends_ci(buf_str(&b), STR("aa.json.gz")), "RFC 8460");
	buf_clear(&b);
	report_subject(&b, &n, mx, id);
	is_str(buf_str(&b),
	    STR("Report Domain: example.com Submitter: mx.example Report-ID: "
		"<aaaaaaaaaaaaaaaaaaaaaaaa@mx.example>"),
	    "Subject of RFC 8460");
	n.kind = REPORT_KIND_FAILURE;
	buf_clear(&b);
	report_file_name(&b, &n, mx, id, true);
	report_subject(&b, &n, mx, id);
	is_int(b.n, 0, "failure reports have neither");
	is_str(str_from_z(report_kind_name(n.kind)), STR("failure"), "kind");
	buf_fini(&b);
}

/* ---- VERP --------------------------------------------------------------- */

static const uint8_t secret[VERP_SECRET] = "0123456789abcdef0123456789abcde";
static const uint8_t other[VERP_SECRET] = "0123456789abcdef0123456789abcdE";

static struct verp_config
config(void)
{
	return (struct verp_config){.local = STR("dmarc-bounce"),
	    .domain = STR("mx.example"),
	    .separator = '+',
	    .secret = secret};
}

static void
test_verp(void)
{
	static const unsigned numbers[] = {0, 1, 31, 32, 64, VERP_NUMBER_MAX};
	struct verp_config c = config(), wrong;
	struct str id = STR("abcdefghijklmnopqrstu234");
	char got[REPORT_ID_OCTETS];
	struct buf b, t;
	unsigned n;
	int bad = 0;

	buf_init(&b, NULL, 1000);
	buf_init(&t, NULL, 1000);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		buf_clear(&b);
		is_int(verp_make(&c, id, numbers[i], &b), 0, "make");
		ok(verp_parse(&c, buf_str(&b), got, &n) == 0 &&
			n == numbers[i] && memcmp(got, id.p, sizeof(got)) == 0,
		    "number %u comes back", numbers[i]);
		ok(str_chr(buf_str(&b), '@') <= 64, "fits");
	}
	for (size_t i = 0; i < b.n; i++) {
		buf_clear(&t);
		buf_add(&t, buf_str(&b));
		t.p[i] = (char)(t.p[i] == '2' ? '3' : '2');
		bad += verp_parse(&c, buf_str(&t), got, &n) != AVER_NOTFOUND;
		/* cut off, and with something before it */
		bad += verp_parse(&c, str_head(buf_str(&b), i), got, &n) !=
		       AVER_NOTFOUND;
	}
	is_int(bad, 0, "one octet wrong, or missing");
	buf_clear(&t);
	buf_add_c(&t, '<');
	for (size_t i = 0; i < b.n; i++)
		buf_add_c(
		    &t, (char)(b.p[i] >= 'a' && b.p[i] <= 'z' ? b.p[i] - 32
							      : b.p[i]));
	buf_add_z(&t, ".>");
	is_int(verp_parse(&c, buf_str(&t), got, &n), 0,
	    "in capitals, in brackets, with a final dot");
	wrong = c;
	wrong.secret = other;
	is_int(verp_parse(&wrong, buf_str(&b), got, &n), AVER_NOTFOUND,
	    "another secret");
	wrong = c;
	wrong.separator = '-';
	is_int(verp_parse(&wrong, buf_str(&b), got, &n), AVER_NOTFOUND,
	    "another separator");
	wrong = c;
	wrong.domain = STR("x.mx.example");
	is_int(verp_parse(&wrong, buf_str(&b), got, &n), AVER_NOTFOUND,
	    "another domain");
	buf_fini(&t);
	buf_fini(&b);
}

static void
test_verp_config(void)
{
	static const struct {
		const char *name, *local, *domain;
		char separator;
		int err;
	} configs[] = {
	    {"plus", "b", "d.example", '+', 0},
	    {"hyphen", "b", "d.example", '-', 0},
	    {"equals", "b", "d.example", '=', 0},
	    {"dot", "b", "d.example", '.', 0},
	    {"longest", "aaaaaaaaaaaaaaaaaaaaa", "d", '+', 0},
	    {"too long", "aaaaaaaaaaaaaaaaaaaaaa", "d", '+', AVER_CONF},
	    {"no local-part", "", "d.example", '+', AVER_CONF},
	    {"no domain", "b", "", '+', AVER_CONF},
	    {"letter", "b", "d.example", 'x', AVER_CONF},
	    {"space", "b", "d.example", ' ', AVER_CONF},
	    {"at", "b", "d.example", '@', AVER_CONF},
	    {"NUL", "b", "d.example", '\0', AVER_CONF},
	    {"quoted", "\"b\"", "d.example", '+', AVER_CONF},
	    {"dot at the end", "b.", "d.example", '+', AVER_CONF},
	    {"line end", "b\r\n", "d.example", '+', AVER_CONF},
	    {"line end in the domain", "b", "d\r\n", '+', AVER_CONF},
	};
	struct str id = STR("abcdefghijklmnopqrstu234");
	struct verp_config c = config();

	for (size_t i = 0; i < COUNT(configs); i++) {
		struct verp_config x = {.local = str_from_z(configs[i].local),
		    .domain = str_from_z(configs[i].domain),
		    .separator = configs[i].separator,
		    .secret = secret};

		is_int(verp_make(&x, id, 1, NULL), configs[i].err,
		    configs[i].name);
	}
	is_int(verp_make(&c, id, VERP_NUMBER_MAX + 1, NULL), AVER_CONF,
	    "number too large");
	is_int(verp_make(&c, STR("ABC"), 1, NULL), AVER_SYNTAX, "no ID");
}

int
main(void)
{
	test_mac();
	test_same_and_different();
	test_names();
	test_verp();
	test_verp_config();
	return tap_done();
}
