/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_packet.h"

#include "t/tap.h"

/* "a.example" asked for; names below point into the question */
#define QUESTION "\1a\7example\0\0\1\0\1"
#define A_NAME "\300\14"
#define EXAMPLE "\300\16"
#define IN_60 "\0\1\0\0\0\74"
#define HEAD(rcode, answers, authorities) \
	"\1\2\201" rcode "\0\1\0" answers "\0" authorities "\0\0" QUESTION

#define REC_A A_NAME "\0\1" IN_60 "\0\4\300\0\2\1"
#define REC_CNAME A_NAME "\0\5" IN_60 "\0\4\1b" EXAMPLE
/* SOA with a TTL of 60 and a minimum of 7 */
#define REC_SOA                                      \
	EXAMPLE "\0\6" IN_60 "\0\30" EXAMPLE EXAMPLE \
		"\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\7"

#define PACKET(lit) STR_INIT(lit)

struct sample {
	const char *name;
	struct str packet;
	uint16_t type;
	enum dns_status status;
	size_t n;
	struct str first; /* rdata */
	struct str canonical;
	uint32_t ttl;
	bool kept;
};

#define B_EXAMPLE STR_INIT("\1b\7example\0")
#define NOTHING         \
	{               \
		NULL, 0 \
	}

static const struct sample samples[] = {
    {"one address", PACKET(HEAD("\200", "\1", "\0") REC_A), DNS_A, DNS_OK, 1,
	STR_INIT("\300\0\2\1"), NOTHING, 60, false},
    {"two, the least TTL",
	PACKET(HEAD("\200", "\2", "\0") REC_A A_NAME
	    "\0\1\0\1\0\0\0\5\0\4\1\2\3\4"),
	DNS_A, DNS_OK, 2, STR_INIT("\300\0\2\1"), NOTHING, 5, false},
    {"a TTL above 31 bits counts as 0",
	PACKET(
	    HEAD("\200", "\1", "\0") A_NAME "\0\1\0\1\377\0\0\5\0\4\1\2\3\4"),
	DNS_A, DNS_OK, 1, STR_INIT("\1\2\3\4"), NOTHING, 0, false},
    {"records of another name, type and class do not count",
	PACKET(HEAD("\200", "\3", "\1") EXAMPLE
	    "\0\1" IN_60 "\0\4\1\2\3\4" A_NAME "\0\20" IN_60 "\0\2\1x" A_NAME
	    "\0\1\0\3\0\0\0\74\0\4\1\2\3\4" REC_SOA),
	DNS_A, DNS_NODATA, 0, NOTHING, NOTHING, 7, false},
    {"a name in another case",
	PACKET(HEAD("\200", "\1", "\0") "\1A\7EXAMPLE\0\0\1" IN_60
					"\0\4\300\0\2\1"),
	DNS_A, DNS_OK, 1, STR_INIT("\300\0\2\1"), NOTHING, 60, false},
    {"MX with a compressed name",
	PACKET(HEAD("\200", "\1", "\0") A_NAME "\0\17" IN_60
					       "\0\6\0\12\1M" EXAMPLE),
	DNS_MX, DNS_OK, 1, STR_INIT("\0\12\1M\7example\0"), NOTHING, 60, false},
    {"an alias in the message",
	PACKET(HEAD("\200", "\2", "\0") REC_CNAME "\1b" EXAMPLE "\0\1" IN_60
						  "\0\4\300\0\2\2"),
	DNS_A, DNS_OK, 1, STR_INIT("\300\0\2\2"), B_EXAMPLE, 60, true},
    {"its record before it",
	PACKET(HEAD("\200", "\2", "\0") "\1b" EXAMPLE "\0\1" IN_60
					"\0\4\300\0\2\2" REC_CNAME),
	DNS_A, DNS_OK, 1, STR_INIT("\300\0\2\2"), B_EXAMPLE, 60, true},
    {"an alias that leads to nothing",
	PACKET(HEAD("\200", "\1", "\1") REC_CNAME REC_SOA), DNS_A, DNS_NODATA,
	0, NOTHING, B_EXAMPLE, 7, true},
    {"an alias to a name that is not",
	PACKET(HEAD("\203", "\1", "\1") REC_CNAME REC_SOA), DNS_A, DNS_NXDOMAIN,
	0, NOTHING, B_EXAMPLE, 7, true},
    {"the alias itself", PACKET(HEAD("\200", "\1", "\0") REC_CNAME), DNS_CNAME,
	DNS_OK, 1, STR_INIT("\1b\7example\0"), NOTHING, 60, false},
    {"no record", PACKET(HEAD("\200", "\0", "\1") REC_SOA), DNS_A, DNS_NODATA,
	0, NOTHING, NOTHING, 7, false},
    {"no record and no SOA", PACKET(HEAD("\200", "\0", "\0")), DNS_A,
	DNS_NODATA, 0, NOTHING, NOTHING, 0, true},
    {"no such name", PACKET(HEAD("\203", "\0", "\1") REC_SOA), DNS_A,
	DNS_NXDOMAIN, 0, NOTHING, NOTHING, 7, false},
    {"SERVFAIL", PACKET(HEAD("\202", "\0", "\0")), DNS_A, DNS_TEMP, 0, NOTHING,
	NOTHING, 5, true},
    {"an odd RCODE", PACKET(HEAD("\211", "\0", "\0")), DNS_A, DNS_TEMP, 0,
	NOTHING, NOTHING, 5, true},
};

/* All are DNS_TEMP: what cannot be read is not known. */
static const struct {
	const char *name;
	struct str packet;
} malformed[] = {
    {"nothing", NOTHING},
    {"half a header", PACKET("\1\2\201\200\0\1")},
    {"a question cut short", PACKET("\1\2\201\200\0\1\0\0\0\0\0\0\1a\7exam")},
    {"fewer answers than promised", PACKET(HEAD("\200", "\2", "\0") REC_A)},
    {"fewer authorities", PACKET(HEAD("\200", "\0", "\1"))},
    {"rdata past the end",
	PACKET(HEAD("\200", "\1", "\0") A_NAME "\0\1" IN_60 "\0\5\1\2\3\4")},
    {"a pointer to itself",
	PACKET(HEAD("\200", "\1", "\0") "\300\33\0\1" IN_60 "\0\4\1\2\3\4")},
    {"a pointer forward",
	PACKET(HEAD("\200", "\1", "\0") "\300\100\0\1" IN_60 "\0\4\1\2\3\4")},
    {"a label of an unknown kind",
	PACKET(HEAD("\200", "\1", "\0") "\100x\0\0\1" IN_60 "\0\4\1\2\3\4")},
    {"an alias that leaves its rdata unread",
	PACKET(HEAD("\200", "\2", "\0") A_NAME "\0\5" IN_60 "\0\1\1" REC_A)},
    {"a loop of aliases",
	PACKET(HEAD("\200", "\1", "\0") A_NAME "\0\5" IN_60 "\0\2" A_NAME)},
};

static const struct dname asked = {.len = 11, .wire = "\1a\7example"};

static void
test_samples(void)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		bool kept = !s->kept;
		struct dns_rrset *rr =
		    dns_packet_read(s->packet, &asked, s->type, true, &kept);

		is_int(rr->status, s->status, s->name);
		is_int(rr->n, s->n, s->name);
		if (rr->n)
			is_str(rr->rdata[0], s->first, s->name);
		is_str(rr->canonical, s->canonical, s->name);
		is_int(rr->ttl, s->ttl, s->name);
		ok(rr->secure == (s->status != DNS_TEMP), "%s: secure",
		    s->name);
		ok(kept == s->kept, "%s: kept", s->name);
		dns_rrset_unref(rr);
	}
}

static void
test_malformed(void)
{
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		bool kept = false;
		struct dns_rrset *rr = dns_packet_read(
		    malformed[i].packet, &asked, DNS_A, true, &kept);

		ok(rr->status == DNS_TEMP && kept && !rr->secure, "%s: %s",
		    malformed[i].name, rr->why);
		dns_rrset_unref(rr);
	}
}

/* Every answer that is cut is not known: never "there is none". */
static void
test_cut(void)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		unsigned wrong = 0;

		for (size_t n = 0; n < s->packet.n; n++) {
			bool kept;
			struct dns_rrset *rr =
			    dns_packet_read(str_head(s->packet, n), &asked,
				s->type, true, &kept);

			/* of an answer the authorities are not read */
			wrong += rr->status != DNS_TEMP &&
				 (s->status == DNS_NODATA ||
				     rr->status != s->status);
			dns_rrset_unref(rr);
		}
		is_int(wrong, 0, s->name);
	}
}

static void
test_many(void)
{
	static char packet[20000];
	struct str head = STR(HEAD("\200", "\0", "\0"));
	struct str record = STR(REC_A);
	static const size_t counts[] = {500, 501};

	for (size_t i = 0; i < 2; i++) {
		struct dns_rrset *rr;
		size_t n = head.n;
		bool kept;

		memcpy(packet, head.p, n);
		packet[6] = (char)(counts[i] >> 8);
		packet[7] = (char)(counts[i] & 0xff);
		for (size_t j = 0; j < counts[i]; j++, n += record.n)
			memcpy(packet + n, record.p, record.n);
		rr = dns_packet_read(
		    (struct str){packet, n}, &asked, DNS_A, false, &kept);
		ok(i ? rr->status == DNS_TEMP : rr->n == 500, "%zu records",
		    counts[i]);
		dns_rrset_unref(rr);
	}
}

int
main(void)
{
	test_samples();
	test_malformed();
	test_cut();
	test_many();
	return tap_done();
}
