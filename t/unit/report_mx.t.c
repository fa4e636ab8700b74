/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* RFC 5321 section 5.1, RFC 7505. */

#include "lib/dns/dns_zone.h"
#include "lib/report/report_mx.h"

#include "t/tap.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))

static const char zone_text[] = "mx.example. MX 10 a.example.\n"
				"two.example. MX 10 a.example.\n"
				"two.example. MX 20 b.example.\n"
				"null.example. MX 0 .\n"
				"null.example. A 192.0.2.1\n"
				"odd.example. MX 0 .\n"
				"odd.example. MX 10 a.example.\n"
				"v4.example. A 192.0.2.1\n"
				"v6.example. AAAA 2001:db8::1\n"
				"text.example. TXT \"x\"\n"
				"ent.below.example. A 192.0.2.1\n"
				"fail.example. SERVFAIL\n"
				"mxfail.example. A 192.0.2.1\n"
				"mxfail.example. SERVFAIL MX\n"
				"afail.example. SERVFAIL A\n"
				"afail.example. AAAA 2001:db8::1\n"
				"allfail.example. SERVFAIL A\n"
				"allfail.example. TXT \"x\"\n"
				"bogus.example. MX 10 a.example.\n"
				"bogus.example. BOGUS\n"
				"alias.example. CNAME mx.example.\n"
				"aliasnull.example. CNAME null.example.\n";

static const struct {
	const char *domain;
	enum report_mx want;
} cases[] = {
    {"mx.example", REPORT_MX_OK},
    {"two.example", REPORT_MX_OK},
    {"null.example", REPORT_MX_NULL},
    {"odd.example", REPORT_MX_OK},
    {"v4.example", REPORT_MX_OK},
    {"v6.example", REPORT_MX_OK},
    {"text.example", REPORT_MX_NONE},
    {"below.example", REPORT_MX_NONE},
    {"nowhere.example", REPORT_MX_NONE},
    {"fail.example", REPORT_MX_TEMP},
    {"mxfail.example", REPORT_MX_TEMP},
    {"afail.example", REPORT_MX_OK},
    {"allfail.example", REPORT_MX_TEMP},
    {"bogus.example", REPORT_MX_TEMP},
    {"alias.example", REPORT_MX_OK},
    {"aliasnull.example", REPORT_MX_NULL},
    /* no names */
    {"", REPORT_MX_NONE},
    {".", REPORT_MX_NONE},
    {"a..example", REPORT_MX_NONE},
};

int
main(void)
{
	struct dns_source *source;
	struct arena a;
	struct dns dns;
	struct diag d;

	if (dns_zone_parse(str_from_z(zone_text), &source, &d)) {
		ok(false, "zone: %s", d.text);
		return tap_done();
	}
	arena_init(&a, 65536);
	for (size_t i = 0; i < N(cases); i++) {
		dns_init(&dns, source, &a, INT64_MAX, 10);
		is_int(report_mx_check(&dns, str_from_z(cases[i].domain)),
		    cases[i].want, cases[i].domain);
		ok(dns.questions <= 3, "%s: %u questions", cases[i].domain,
		    dns.questions);
		arena_reset(&a);
	}
	arena_fini(&a);
	dns_source_close(source);
	return tap_done();
}
