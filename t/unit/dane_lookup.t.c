/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Which DNS states lead to which state of a mail host. */
#include "t/tap.h"

#include "lib/base/clock.h"
#include "lib/dns/dns_zone.h"
#include "tlspolicy/dane_lookup.h"

#define DIGEST \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TLSA "TLSA 3 1 1 " DIGEST "\n"

/* a signed domain with a signed host */
#define SIGNED                      \
	"test SECURE\n"             \
	"d.test MX 10 mx.d.test.\n" \
	"mx.d.test A 192.0.2.1\n"

static const struct {
	const char *name, *zone, *want;
	const char *hop; /* NULL: d.test */
	bool without_insecure;
} cases[] = {
    {"records", SIGNED "_25._tcp.mx.d.test " TLSA,
	"secure mx.d.test=usable@mx.d.test", NULL, false},
    {"no records", SIGNED, "secure mx.d.test=absent", NULL, false},
    {"no records, the name is there", SIGNED "_25._tcp.mx.d.test TXT x\n",
	"secure mx.d.test=absent", NULL, false},
    {"none that is of use", SIGNED "_25._tcp.mx.d.test TLSA 1 1 1 " DIGEST,
	"secure mx.d.test=unusable@mx.d.test", NULL, false},
    {"records that are not signed",
	SIGNED "_25._tcp.mx.d.test " TLSA "_25._tcp.mx.d.test INSECURE\n",
	"secure mx.d.test=absent", NULL, false},
    {"records that are bogus",
	SIGNED "_25._tcp.mx.d.test " TLSA "_25._tcp.mx.d.test BOGUS\n",
	"secure mx.d.test=failed bogus=_25._tcp.mx.d.test", NULL, false},
    {"SERVFAIL for the records", SIGNED "_25._tcp.mx.d.test SERVFAIL TLSA\n",
	"secure mx.d.test=failed", NULL, false},
    {"a timeout for the records", SIGNED "_25._tcp.mx.d.test TIMEOUT TLSA\n",
	"secure mx.d.test=failed", NULL, false},
    {"an insecure host is not asked for records",
	"d.test SECURE\nd.test MX 10 mx.plain.\nmx.plain A 192.0.2.1\n"
	"_25._tcp.mx.plain SERVFAIL\n",
	"secure mx.plain=absent", NULL, false},
    {"mixed hosts, in order of preference",
	SIGNED "d.test MX 5 a.d.test.\nd.test MX 20 b.d.test.\n"
	       "a.d.test AAAA 2001:db8::1\nb.d.test A 192.0.2.2\n"
	       "_25._tcp.b.d.test " TLSA,
	"secure a.d.test=absent mx.d.test=absent b.d.test=usable@b.d.test",
	NULL, false},
    {"a host twice counts once", SIGNED "d.test MX 20 mx.d.test.\n",
	"secure mx.d.test=absent", NULL, false},
    /* addresses */
    {"no address", "test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test TXT x\n",
	"secure mx.d.test=no-address", NULL, false},
    {"an address that is not known",
	"test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test SERVFAIL\n",
	"secure mx.d.test=address-failed", NULL, false},
    {"one family is enough",
	SIGNED "mx.d.test SERVFAIL AAAA\n"
	       "_25._tcp.mx.d.test " TLSA,
	"secure mx.d.test=usable@mx.d.test", NULL, false},
    {"an address that is bogus",
	"test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test A 192.0.2.1\n"
	"mx.d.test BOGUS\n",
	"secure mx.d.test=address-failed bogus=mx.d.test", NULL, false},
    /* MX */
    {"an insecure MX, a signed host",
	SIGNED "d.test INSECURE MX\n_25._tcp.mx.d.test " TLSA,
	"insecure mx.d.test=usable@mx.d.test", NULL, false},
    {"the same, which does not count",
	SIGNED "d.test INSECURE MX\n_25._tcp.mx.d.test " TLSA,
	"insecure mx.d.test=unasked", NULL, true},
    {"a bogus MX", SIGNED "d.test BOGUS MX\n", "failed bogus=d.test", NULL,
	false},
    {"SERVFAIL for the MX", SIGNED "d.test SERVFAIL MX\n", "failed", NULL,
	false},
    {"no MX: the domain is the host",
	"test SECURE\nd.test A 192.0.2.1\n_25._tcp.d.test " TLSA,
	"secure d.test=usable@d.test", NULL, false},
    {"no MX, which is not validated",
	"test SECURE\nd.test A 192.0.2.1\nd.test INSECURE MX\n",
	"insecure d.test=absent", NULL, false},
    {"no domain", "test SECURE\n", "no-domain", NULL, false},
    {"null MX", "test SECURE\nd.test MX 0 .\n", "null-mx", NULL, false},
    {"a null MX among others is no host", SIGNED "d.test MX 0 .\n",
	"secure mx.d.test=absent", NULL, false},
    {"what is no host name", SIGNED "d.test MX 1 m\\(x.d.test.\n",
	"secure mx.d.test=absent", NULL, false},
    {"an address as a host", "test SECURE\nd.test MX 10 192.0.2.1.\n",
	"secure 192.0.2.1=no-address", NULL, false},
    /* CNAME: RFC 7672 section 2.2.2 and 2.2.3 */
    {"an alias: the expanded name first",
	"test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test CNAME r.d.test.\n"
	"r.d.test A 192.0.2.1\n_25._tcp.r.d.test " TLSA
	"_25._tcp.mx.d.test SERVFAIL\n",
	"secure mx.d.test=usable@r.d.test", NULL, false},
    {"then the name itself",
	"test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test CNAME r.d.test.\n"
	"r.d.test A 192.0.2.1\n_25._tcp.mx.d.test " TLSA,
	"secure mx.d.test=usable@mx.d.test", NULL, false},
    {"but not after a failure",
	"test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test CNAME r.d.test.\n"
	"r.d.test A 192.0.2.1\n_25._tcp.mx.d.test " TLSA
	"_25._tcp.r.d.test SERVFAIL\n",
	"secure mx.d.test=failed", NULL, false},
    {"an alias that leaves the signed zone",
	"d.test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test CNAME r.plain.\n"
	"r.plain A 192.0.2.1\n_25._tcp.r.plain SERVFAIL\n"
	"_25._tcp.mx.d.test " TLSA,
	"secure mx.d.test=usable@mx.d.test", NULL, false},
    {"an alias that is not signed",
	"d.test SECURE\nd.test MX 10 mx.plain.\nmx.plain CNAME r.d.test.\n"
	"r.d.test A 192.0.2.1\n_25._tcp.r.d.test " TLSA,
	"secure mx.plain=absent", NULL, false},
    {"an alias whose first link is not known",
	"d.test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test CNAME r.plain.\n"
	"r.plain A 192.0.2.1\nmx.d.test SERVFAIL CNAME\n",
	"secure mx.d.test=failed", NULL, false},
    {"records behind an alias of their own",
	SIGNED "_25._tcp.mx.d.test CNAME t.d.test.\nt.d.test " TLSA,
	"secure mx.d.test=usable@mx.d.test", NULL, false},
    {"which is not signed throughout",
	SIGNED "_25._tcp.mx.d.test CNAME t.plain.\nt.plain " TLSA,
	"secure mx.d.test=absent", NULL, false},
    {"an alias to a name that cannot be told", SIGNED "mx.d.test ALIAS A .\n",
	"secure mx.d.test=failed", NULL, false},
    /* next hops */
    {"another port",
	SIGNED "_587._tcp.mx.d.test " TLSA "_25._tcp.mx.d.test SERVFAIL\n",
	"secure mx.d.test=usable@mx.d.test", "d.test:587", false},
    {"a host in brackets: no MX",
	SIGNED "_25._tcp.mx.d.test " TLSA "mx.d.test SERVFAIL MX\n",
	"secure mx.d.test=usable@mx.d.test", "[mx.d.test]", false},
};

static void
print_found(struct buf *b, const struct dane_found *f)
{
	buf_add_z(b, dane_mx_name(f->mx));
	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct dane_host *h = &f->hosts[i];

		buf_addf(
		    b, " %.*s=%s", STRF(h->name), dane_state_name(h->state));
		if (h->base.n)
			buf_addf(b, "@%.*s", STRF(h->base));
	}
	if (f->bogus.n)
		buf_addf(b, " bogus=%.*s", STRF(f->bogus));
}

static void
look_up(const char *zone, const char *key, bool insecure, bool tlsa,
    unsigned most, struct buf *b, unsigned *asked)
{
	struct dns_source *src;
	struct dane_found found;
	struct nexthop hop;
	struct arena a;
	struct dns d;
	struct dane_query q = {.dns = &d,
	    .hop = &hop,
	    .tlsa = tlsa,
	    .insecure_mx = insecure,
	    .max_hosts = most};

	buf_clear(b);
	if (!ok(dns_zone_parse(str_from_z(zone), &src, NULL) == 0, "zone"))
		return;
	arena_init(&a, 1 << 20);
	nexthop_parse(&a, str_from_z(key), &hop, NULL);
	dns_init(&d, src, &a, clock_mono_ms() + 1000, 200);
	dane_lookup(&q, &found);
	print_found(b, &found);
	*asked = d.questions;
	arena_fini(&a);
	dns_source_close(src);
}

/* Each of the answers of a case lost in turn: nothing becomes weaker. */
struct lossy {
	struct dns_source base;
	struct dns_source *real;
	unsigned asked, lost;
	enum dns_status as;
};

static struct dns_rrset *
lossy_resolve(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	struct lossy *l = (struct lossy *)src;

	if (l->asked++ == l->lost)
		return dns_rrset_new(l->as, false, 0, 0, NULL, "lost");
	return l->real->ops->resolve(l->real, name, type, deadline);
}

static const struct dns_source_ops lossy_ops = {lossy_resolve, NULL, NULL};

/* Loses the n-th answer; false when there are not so many. */
static bool
is_no_weaker(struct dns_source *real, unsigned n, enum dns_status as,
    enum dane_outcome before)
{
	struct lossy l = {{&lossy_ops}, real, 0, n, as};
	struct dane_verdict v;
	struct dane_found f;
	struct nexthop hop;
	struct arena a;
	struct dns d;
	struct dane_query q = {.dns = &d,
	    .hop = &hop,
	    .tlsa = true,
	    .insecure_mx = true,
	    .max_hosts = 30};

	arena_init(&a, 1 << 20);
	nexthop_parse(&a, STR("d.test"), &hop, NULL);
	dns_init(&d, &l.base, &a, clock_mono_ms() + 1000, 200);
	dane_lookup(&q, &f);
	dane_decide(f.mx, f.hosts, f.n_hosts, &v);
	/* one family of addresses may be lost without harm */
	if (before == DANE_OUT_ONLY)
		ok(v.outcome != DANE_OUT_NONE, "answer %u lost: %s", n,
		    dane_outcome_name(v.outcome));
	arena_fini(&a);
	return l.asked > n;
}

static void
test_losses(void)
{
	static const char *const zones[] = {
	    SIGNED "_25._tcp.mx.d.test " TLSA,
	    "test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test CNAME r.d.test.\n"
	    "r.d.test A 192.0.2.1\n_25._tcp.mx.d.test " TLSA,
	    "d.test SECURE\nd.test MX 10 mx.d.test.\nmx.d.test CNAME r.plain.\n"
	    "r.plain A 192.0.2.1\n_25._tcp.mx.d.test " TLSA,
	};

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		struct dns_source *src;

		dns_zone_parse(str_from_z(zones[i]), &src, NULL);
		for (unsigned n = 0;
		     is_no_weaker(src, n, DNS_TEMP, DANE_OUT_ONLY); n++)
			is_no_weaker(src, n, DNS_BOGUS, DANE_OUT_ONLY);
		dns_source_close(src);
	}
}

static void
test_bounds(void)
{
	struct buf zone, b;
	unsigned asked;

	buf_init(&zone, NULL, 1 << 20);
	buf_init(&b, NULL, 1 << 20);
	buf_add_z(&zone, "test SECURE\n");
	for (int i = 0; i < 200; i++)
		buf_addf(&zone,
		    "d.test MX %d m%d.d.test.\nm%d.d.test A "
		    "192.0.2.1\n",
		    i, i, i);
	look_up(buf_z(&zone), "d.test", true, true, 2, &b, &asked);
	ok(str_starts(buf_str(&b),
	       STR("secure m0.d.test=absent m1.d.test=absent "
		   "m2.d.test=address-failed m3.d.test=address-failed")),
	    "hosts above the limit are not looked at");
	is_int(asked, 1 + 2 * 3, "questions");
	look_up(buf_z(&zone), "d.test", true, true, 1000, &b, &asked);
	is_int(asked, 200, "the budget of questions holds");
	look_up(buf_z(&zone), "d.test", true, false, 2, &b, &asked);
	is_int(asked, 1, "without DANE the hosts are named only");
	buf_fini(&zone);
	buf_fini(&b);
}

int
main(void)
{
	struct buf b;
	unsigned asked;

	buf_init(&b, NULL, 1 << 16);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		look_up(cases[i].zone, cases[i].hop ? cases[i].hop : "d.test",
		    !cases[i].without_insecure, true, 30, &b, &asked);
		is_str(buf_str(&b), str_from_z(cases[i].want), cases[i].name);
	}
	test_losses();
	test_bounds();
	buf_fini(&b);
	return tap_done();
}
