/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include "lib/base/err.h"
#include "lib/dns/dns_settings.h"

static const struct {
	const char *in[3];
	size_t n;
	const char *first, *last; /* NULL: refused */
	const char *error; /* in the text */
} server_cases[] = {
    {{NULL}, 0, "system", "system", NULL},
    {{"system"}, 1, "system", "system", NULL},
    {{"recursive"}, 1, "recursive", "recursive", NULL},
    {{"192.0.2.1"}, 1, "192.0.2.1@53", "192.0.2.1@53", NULL},
    {{"192.0.2.1@5353", "2001:DB8:0::1"}, 2, "192.0.2.1@5353", "2001:db8::1@53",
	NULL},
    {{"[::1]@65535", "::1", "127.0.0.1"}, 3, "::1@65535", "127.0.0.1@53", NULL},
    {{"system", "192.0.2.1"}, 2, NULL, NULL, "\"system\" cannot be"},
    {{"192.0.2.1", "recursive"}, 2, NULL, NULL, "\"recursive\" cannot"},
    {{""}, 1, NULL, NULL, "bad DNS server \"\""},
    {{"System"}, 1, NULL, NULL, "bad DNS server \"System\""},
    {{"dns.example"}, 1, NULL, NULL, "bad DNS server"},
    {{"192.0.2.1", "192.0.2.256"}, 2, NULL, NULL, "\"192.0.2.256\""},
    {{"192.0.2.1@"}, 1, NULL, NULL, "expected"},
    {{"192.0.2.1@0"}, 1, NULL, NULL, "expected"},
    {{"192.0.2.1@65536"}, 1, NULL, NULL, "expected"},
    {{"192.0.2.1@53x"}, 1, NULL, NULL, "expected"},
    {{"192.0.2.1:53"}, 1, NULL, NULL, "expected"},
    {{"[::1]"}, 1, "::1@53", "::1@53", NULL},
    {{"[::1"}, 1, NULL, NULL, "expected"},
    {{"[]"}, 1, NULL, NULL, "expected"},
    {{"@53"}, 1, NULL, NULL, "expected"},
};

static void
test_servers(void)
{
	for (size_t i = 0; i < sizeof(server_cases) / sizeof(server_cases[0]);
	     i++) {
		struct dns_unbound_config cfg = {.servers = server_cases[i].in,
		    .n_servers = server_cases[i].n};
		struct dns_settings *s = NULL;
		struct diag d = {0};
		int err = dns_settings_new(&cfg, DNS_DNSSEC_OFF, &s, &d);

		if (!server_cases[i].first) {
			ok(err == AVER_CONF && !s &&
				strstr(d.text, server_cases[i].error),
			    "case %zu: %s", i, d.text);
			continue;
		}
		is_int(err, 0, "servers");
		is_str(str_from_z(s->servers[0]),
		    str_from_z(server_cases[i].first), "first");
		is_str(str_from_z(s->servers[s->n_servers - 1]),
		    str_from_z(server_cases[i].last), "last");
		ok(!s->anchor && !s->state.validating, "no validation");
		dns_settings_free(s);
	}
	dns_settings_free(NULL);
}

static void
test_anchor(void)
{
	struct dns_unbound_config cfg = {.trust_anchor = "/nonexistent/key"};
	struct dns_settings *s = NULL;
	struct diag d = {0};

	is_int(dns_settings_new(&cfg, DNS_DNSSEC_VALIDATE, &s, &d), AVER_CONF,
	    "no such trust anchor");
	ok(strstr(d.text, "cannot read the trust anchor /nonexistent/key: "),
	    "%s", d.text);
	is_int(dns_settings_new(&cfg, DNS_DNSSEC_OFF, &s, &d), 0,
	    "which does not matter without validation");
	dns_settings_free(s);
	/* any file that can be read will do here */
	cfg.trust_anchor = "/dev/null";
	is_int(dns_settings_new(&cfg, DNS_DNSSEC_VALIDATE, &s, &d), 0, "one");
	ok(s->anchor && strcmp(s->anchor, "/dev/null") == 0 &&
		s->state.validating,
	    "is kept");
	dns_settings_free(s);
}

static const struct {
	enum dns_status status;
	bool secure, validating;
	const char *why;
	enum dns_selftest want;
} judge_cases[] = {
    {DNS_OK, true, true, "", DNS_SELFTEST_VALIDATED},
    {DNS_OK, false, true, "", DNS_SELFTEST_UNSIGNED},
    {DNS_OK, false, false, "", DNS_SELFTEST_OFF},
    {DNS_NODATA, false, false, "", DNS_SELFTEST_OFF},
    {DNS_NXDOMAIN, false, true, "", DNS_SELFTEST_UNSIGNED},
    {DNS_TEMP, false, true, "", DNS_SELFTEST_SILENT},
    {DNS_TEMP, false, false, "", DNS_SELFTEST_SILENT},
    {DNS_BOGUS, false, true, "signature expired", DNS_SELFTEST_BOGUS},
    {DNS_BOGUS, false, true, "<. SOA IN>: no signatures from 192.0.2.1",
	DNS_SELFTEST_STRIPPED},
};

static void
test_judge(void)
{
	for (size_t i = 0; i < sizeof(judge_cases) / sizeof(judge_cases[0]);
	     i++) {
		struct dns_rrset *rr = dns_rrset_new(judge_cases[i].status,
		    judge_cases[i].secure, 0, 0, NULL, judge_cases[i].why);

		is_int(dns_selftest_judge(rr, judge_cases[i].validating),
		    judge_cases[i].want, "self test");
		dns_rrset_unref(rr);
	}
	for (int i = 0; i < DNS_SELFTEST_COUNT; i++)
		ok(*dns_selftest_words((enum dns_selftest)i), "%s",
		    dns_selftest_words((enum dns_selftest)i));
}

int
main(void)
{
	test_servers();
	test_anchor();
	test_judge();
	return tap_done();
}
