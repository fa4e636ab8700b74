/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* DANE: TLSA records, what an answer means for a host, and for a domain. */

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/dns/dname.h"
#include "lib/dns/dns_zone.h"
#include "t/tap.h"
#include "tlspolicy/dane.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define MEMORY ((size_t)1 << 20)
#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B32 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct {
	const char *name;
	struct str rdata;
	enum tlsa_fault want;
} records[] = {
    {"3 1 1", STR_INIT("\3\1\1" A32), TLSA_USABLE},
    {"3 0 1", STR_INIT("\3\0\1" A32), TLSA_USABLE},
    {"2 0 1", STR_INIT("\2\0\1" A32), TLSA_USABLE},
    {"2 1 2", STR_INIT("\2\1\2" A32 B32), TLSA_USABLE},
    {"a key", STR_INIT("\3\1\0\x30\5\x30\0\3\1k"), TLSA_USABLE},
    {"a certificate", STR_INIT("\3\0\0\x30\7\x30\0\x30\0\3\1s"), TLSA_USABLE},
    {"a certificate, long lengths",
	STR_INIT("\2\0\0\x30\x81\x2b\x30\x82\0\x20" A32 "\x30\0\3\x83\0\0\0"),
	TLSA_USABLE},
    {"PKIX-TA", STR_INIT("\0\1\1" A32), TLSA_USAGE_PKIX},
    {"PKIX-EE", STR_INIT("\1\1\1" A32), TLSA_USAGE_PKIX},
    {"usage 4", STR_INIT("\4\1\1" A32), TLSA_USAGE_UNKNOWN},
    {"private usage", STR_INIT("\xff\1\1" A32), TLSA_USAGE_UNKNOWN},
    {"selector 2", STR_INIT("\3\2\1" A32), TLSA_SELECTOR_UNKNOWN},
    {"private selector", STR_INIT("\3\xff\1" A32), TLSA_SELECTOR_UNKNOWN},
    {"matching 3", STR_INIT("\3\1\3" A32), TLSA_MATCHING_UNKNOWN},
    {"SHA-256 too short", STR_INIT("\3\1\1abc"), TLSA_DIGEST_LENGTH},
    {"SHA-256 too long", STR_INIT("\3\1\1" A32 "a"), TLSA_DIGEST_LENGTH},
    {"SHA-512 of 32", STR_INIT("\3\1\2" A32), TLSA_DIGEST_LENGTH},
    {"full data, no DER", STR_INIT("\3\1\0hello"), TLSA_NO_DER},
    {"full data, cut", STR_INIT("\3\1\0\x30\5ab"), TLSA_NO_DER},
    {"full data, more behind", STR_INIT("\3\1\0\x30\1ab"), TLSA_NO_DER},
    {"full data, endless length", STR_INIT("\3\1\0\x30\x80"), TLSA_NO_DER},
    {"full data, length of 5 octets", STR_INIT("\3\1\0\x30\x85\0\0\0\0\1a"),
	TLSA_NO_DER},
    {"full data, length cut", STR_INIT("\3\1\0\x30\x82\0"), TLSA_NO_DER},
    {"a certificate for a key", STR_INIT("\3\1\0\x30\7\x30\0\x30\0\3\1s"),
	TLSA_NO_DER},
    {"a key for a certificate", STR_INIT("\3\0\0\x30\5\x30\0\3\1k"),
	TLSA_NO_DER},
    {"a key, more behind", STR_INIT("\3\1\0\x30\5\x30\0\3\1kk"), TLSA_NO_DER},
    {"a key, more in it", STR_INIT("\3\1\0\x30\7\x30\0\3\1k\5\0"), TLSA_NO_DER},
    {"a key that has no end", STR_INIT("\3\1\0\x30\5\x30\0\3\2k"), TLSA_NO_DER},
    {"an empty SEQUENCE", STR_INIT("\3\1\0\x30\0"), TLSA_NO_DER},
    {"nothing", STR_INIT(""), TLSA_SHORT},
    {"three fields", STR_INIT("\3\1\1"), TLSA_SHORT},
    {"two fields", STR_INIT("\3\1"), TLSA_SHORT},
};

static void
test_records(void)
{
	struct tlsa t;

	for (size_t i = 0; i < N(records); i++)
		is_str(str_from_z(
			   tlsa_fault_name(tlsa_parse(records[i].rdata, &t))),
		    str_from_z(tlsa_fault_name(records[i].want)),
		    records[i].name);
}

/* --- a host ------------------------------------------------------------ */

#define T "_25._tcp.mx.example TLSA "
#define H256                               \
	"61616161616161616161616161616161" \
	"61616161616161616161616161616161"
#define O256                               \
	"62626262626262626262626262626262" \
	"62626262626262626262626262626262"
#define H512 H256 O256
#define SECURE "mx.example SECURE\n"

static const struct {
	const char *name, *zone;
	enum dane_state want;
	const char *kept; /* records, "|" after each */
} hosts[] = {
    {"usable", SECURE T "3 1 1 " H256, DANE_USABLE, "3 1 1 " H256 "|"},
    {"insecure", T "3 1 1 " H256, DANE_ABSENT, ""},
    {"denied, secure", SECURE "mx.example A 192.0.2.1", DANE_ABSENT, ""},
    {"denied, insecure", "mx.example A 192.0.2.1", DANE_ABSENT, ""},
    {"no data", SECURE "_25._tcp.mx.example A 192.0.2.1", DANE_ABSENT, ""},
    {"SERVFAIL", SECURE "_25._tcp.mx.example SERVFAIL", DANE_FAILED, ""},
    {"timeout", "_25._tcp.mx.example TIMEOUT", DANE_FAILED, ""},
    {"bogus", T "3 1 1 " H256 "\n_25._tcp.mx.example BOGUS", DANE_FAILED, ""},
    {"bogus denial", "mx.example BOGUS", DANE_FAILED, ""},
    {"none usable", SECURE T "1 1 1 " H256 "\n" T "3 1 1 6161", DANE_UNUSABLE,
	"1 1 1 " H256 "|3 1 1 6161|"},
    {"one usable",
	SECURE T "0 0 1 " H256 "\n" T "2 0 1 " H256 "\n" T "3 9 1 " H256,
	DANE_USABLE, "2 0 1 " H256 "|"},
    {"the stronger digest",
	SECURE T "3 1 1 " H256 "\n" T "3 1 2 " H512 "\n" T "3 1 1 " O256,
	DANE_USABLE, "3 1 2 " H512 "|"},
    {"a weaker digest of another selector stays",
	SECURE T "3 1 2 " H512 "\n" T "3 0 1 " H256 "\n" T "2 1 1 " O256,
	DANE_USABLE, "3 1 2 " H512 "|3 0 1 " H256 "|2 1 1 " O256 "|"},
    {"full data stays beside digests",
	SECURE T "3 1 0 30053000030160\n" T "3 1 1 " H256 "\n" T "3 1 2 " H512,
	DANE_USABLE, "3 1 0 30053000030160|3 1 2 " H512 "|"},
    {"a strong one that is malformed outdoes nothing",
	SECURE T "3 1 1 " H256 "\n" T "3 1 2 " H256, DANE_USABLE,
	"3 1 1 " H256 "|"},
    {"behind a CNAME",
	SECURE "_25._tcp.mx.example CNAME t.mx.example\n"
	       "t.mx.example TLSA 3 1 1 " H256,
	DANE_USABLE, "3 1 1 " H256 "|"},
    {"behind a CNAME to an insecure zone",
	SECURE "_25._tcp.mx.example CNAME t.example\n"
	       "t.example TLSA 3 1 1 " H256,
	DANE_ABSENT, ""},
};

static struct str
shown(struct arena *a, const struct dane_host *h)
{
	struct buf b;

	buf_init(&b, a, 4000);
	for (size_t i = 0; i < h->n_tlsa; i++) {
		tlsa_print(&b, &h->tlsa[i]);
		buf_add_c(&b, '|');
	}
	return buf_str(&b);
}

static void
test_hosts(void)
{
	for (size_t i = 0; i < N(hosts); i++) {
		struct dane_host h = {.name = STR("mx.example")};
		struct dns_source *source = NULL;
		struct dns_rrset *rr;
		struct dname name;
		struct arena a;
		struct diag d;

		arena_init(&a, MEMORY);
		if (dns_zone_parse(str_from_z(hosts[i].zone), &source, &d) ||
		    !dname_from_text(STR("_25._tcp.mx.example"), &name)) {
			ok(false, "%s: %s", hosts[i].name, d.text);
			continue;
		}
		rr = source->ops->resolve(source, &name, DNS_TLSA, 0);
		is_int(dane_host_tlsa(&a, rr, &h), 0, hosts[i].name);
		dns_rrset_unref(rr);
		dns_source_close(source);
		is_str(str_from_z(dane_state_name(h.state)),
		    str_from_z(dane_state_name(hosts[i].want)), hosts[i].name);
		is_str(shown(&a, &h), str_from_z(hosts[i].kept), hosts[i].name);
		ok((h.why.n > 0) == (h.state == DANE_FAILED),
		    "%s: a reason where it failed", hosts[i].name);
		arena_fini(&a);
	}
}

static void
test_many(void)
{
	static struct str rdata[1000];
	struct dane_host h = {.state = DANE_ABSENT};
	struct dns_rrset *rr;
	struct arena a;

	for (size_t i = 0; i < N(rdata); i++)
		rdata[i] = STR("\3\1\1" A32);
	rr = dns_rrset_new(DNS_OK, true, 60, N(rdata), rdata, NULL);
	arena_init(&a, MEMORY);
	ok(dane_host_tlsa(&a, rr, &h) == 0 && h.state == DANE_USABLE &&
		h.n_tlsa == TLSA_RECORDS_MAX,
	    "a thousand records");
	arena_fini(&a);
	arena_init(&a, 100);
	ok(dane_host_tlsa(&a, rr, &h) == AVER_NOMEM && h.state == DANE_FAILED &&
		h.n_tlsa == 0,
	    "out of memory is a failed lookup");
	arena_fini(&a);
	dns_rrset_unref(rr);
}

/* --- a domain ---------------------------------------------------------- */

/* u usable, n unusable, a absent, f failed, 0 no address, x address failed */
static const struct {
	enum dane_mx mx;
	const char *hosts;
	enum dane_outcome want;
	bool is_shaky;
} domains[] = {
    {DANE_MX_SECURE, "u", DANE_OUT_ONLY, false},
    {DANE_MX_SECURE, "uuu", DANE_OUT_ONLY, false},
    {DANE_MX_SECURE, "u0", DANE_OUT_ONLY, false},
    {DANE_MX_SECURE, "ux", DANE_OUT_ONLY, true},
    {DANE_MX_SECURE, "ua", DANE_OUT_SOME, false},
    {DANE_MX_SECURE, "un", DANE_OUT_SOME, false},
    {DANE_MX_SECURE, "uf", DANE_OUT_SOME, true},
    {DANE_MX_SECURE, "n", DANE_OUT_SOME, false},
    {DANE_MX_SECURE, "na", DANE_OUT_SOME, false},
    {DANE_MX_SECURE, "a", DANE_OUT_NONE, false},
    {DANE_MX_SECURE, "aa0", DANE_OUT_NONE, false},
    {DANE_MX_SECURE, "ax", DANE_OUT_NONE, true},
    {DANE_MX_SECURE, "af", DANE_OUT_UNSURE, true},
    {DANE_MX_SECURE, "f", DANE_OUT_UNSURE, true},
    {DANE_MX_SECURE, "fx0", DANE_OUT_UNSURE, true},
    {DANE_MX_SECURE, "x", DANE_OUT_TEMP, true},
    {DANE_MX_SECURE, "x0", DANE_OUT_TEMP, true},
    {DANE_MX_SECURE, "0", DANE_OUT_NONE, false},
    {DANE_MX_SECURE, "", DANE_OUT_NONE, false},
    {DANE_MX_INSECURE, "u", DANE_OUT_SOME, false},
    {DANE_MX_INSECURE, "f", DANE_OUT_SOME, true},
    {DANE_MX_INSECURE, "af", DANE_OUT_SOME, true},
    {DANE_MX_INSECURE, "aa", DANE_OUT_NONE, false},
    {DANE_MX_INSECURE, "", DANE_OUT_NONE, false},
    {DANE_MX_INSECURE, "x", DANE_OUT_TEMP, true},
    {DANE_MX_FAILED, "", DANE_OUT_TEMP, false},
    {DANE_MX_NO_DOMAIN, "", DANE_OUT_NONE, false},
    {DANE_MX_NULL, "", DANE_OUT_NONE, false},
    {DANE_MX_UNASKED, "u", DANE_OUT_NONE, false},
};

static void
test_domains(void)
{
	static const char letters[] = "aunf0x"; /* as enum dane_state */

	for (size_t i = 0; i < N(domains); i++) {
		const char *list = domains[i].hosts;
		struct dane_host v[8] = {{.state = DANE_ABSENT}};
		struct dane_verdict got;
		char name[80];
		size_t n = 0;

		for (; list[n]; n++)
			v[n].state = (enum dane_state)(
			    strchr(letters, list[n]) - letters);
		dane_decide(domains[i].mx, v, n, &got);
		snprintf(name, sizeof(name), "MX %s, hosts \"%s\"",
		    dane_mx_name(domains[i].mx), list);
		is_str(str_from_z(dane_outcome_name(got.outcome)),
		    str_from_z(dane_outcome_name(domains[i].want)), name);
		is_int(got.is_shaky, domains[i].is_shaky, name);
		ok(got.usable + got.unusable + got.absent + got.failed +
			    got.no_address + got.address_failed ==
			n,
		    "%s: every host is counted", name);
		ok(!got.culprit || got.culprit->state == DANE_FAILED ||
			(got.failed == 0 &&
			    got.culprit->state == DANE_ADDRESS_FAILED),
		    "%s: who is to blame", name);
	}
}

int
main(void)
{
	test_records();
	test_hosts();
	test_many();
	test_domains();
	return tap_done();
}
