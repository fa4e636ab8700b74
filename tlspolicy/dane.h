/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * DANE for SMTP: which TLSA records are of use, what they mean for each MX
 * host, and what all hosts together mean for the domain.
 */
#ifndef TLSPOLICY_DANE_H
#define TLSPOLICY_DANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"

#define TLSA_RECORDS_MAX 100 /* of one host; more are not looked at */

struct tlsa {
	uint8_t usage, selector, matching;
	struct str data;
};

/* Why a record is of no use. */
enum tlsa_fault {
	TLSA_USABLE,
	TLSA_SHORT, /* no octets of data, or fewer than three fields */
	TLSA_USAGE_PKIX, /* 0 and 1 have no meaning for SMTP */
	TLSA_USAGE_UNKNOWN,
	TLSA_SELECTOR_UNKNOWN,
	TLSA_MATCHING_UNKNOWN,
	TLSA_DIGEST_LENGTH,
	TLSA_NO_DER, /* full data that is no certificate or key */
	TLSA_WEAKER_DIGEST, /* usable, but a stronger digest stands beside it */
	TLSA_FAULT_COUNT
};

const char *tlsa_fault_name(enum tlsa_fault f);

/* Reads one record; data is a view of rdata. Fills out unless TLSA_SHORT. */
enum tlsa_fault tlsa_parse(struct str rdata, struct tlsa *out);
/* "3 1 1 0123456789abcdef..." as policy strings of reports have it. */
void tlsa_print(struct buf *b, const struct tlsa *t);

/* Outcome for one host. */
enum dane_state {
	/*
	 * The DNS proves that DANE does not apply: insecure answers, or
	 * authenticated denial. Ordinary opportunistic TLS.
	 */
	DANE_ABSENT,
	DANE_USABLE, /* TLS and authentication are a must */
	DANE_UNUSABLE, /* records, none of use: TLS a must, unauthenticated */
	DANE_FAILED, /* the TLSA lookup failed: never a fallback */
	DANE_NO_ADDRESS, /* the host has none: it will not be used */
	DANE_ADDRESS_FAILED, /* not known whether it has any: not to be used */
	DANE_UNASKED, /* whether it has records is not known here */
	DANE_STATE_COUNT
};

const char *dane_state_name(enum dane_state s);

struct dane_host {
	struct str name; /* lower-case A-labels, no trailing dot */
	uint16_t preference;
	enum dane_state state;
	struct str base; /* TLSA base domain, with USABLE and UNUSABLE */
	/* what is of use, or with UNUSABLE what was there */
	const struct tlsa *tlsa;
	size_t n_tlsa;
	struct str why; /* of FAILED and ADDRESS_FAILED: printable text */
	bool secure; /* the addresses were validated */
};

/* The MX answer. */
enum dane_mx {
	DANE_MX_UNASKED, /* DANE was not looked at: table, literal */
	/*
	 * Also: validated absence, so that the domain is the host; and a host
	 * in brackets, whose name the operator vouches for.
	 */
	DANE_MX_SECURE,
	DANE_MX_INSECURE,
	DANE_MX_FAILED, /* SERVFAIL, bogus, timeout: nothing is known */
	DANE_MX_NO_DOMAIN, /* NXDOMAIN */
	DANE_MX_NULL, /* "MX 0 .": it takes no mail */
	DANE_MX_COUNT
};

const char *dane_mx_name(enum dane_mx s);

/*
 * What the answer to a host's TLSA question means: USABLE, UNUSABLE, ABSENT or
 * FAILED. Sets state, tlsa and why of h (copies in the arena); name, base and
 * the rest are the caller's. Of usable records digest agility keeps, for each
 * usage and selector, full data and those of the strongest digest. Returns 0
 * or AVER_NOMEM (then the state is FAILED).
 */
int dane_host_tlsa(
    struct arena *a, const struct dns_rrset *rr, struct dane_host *h);

/* Outcome for the domain. */
enum dane_outcome {
	/* proven: no host has TLSA records that count; or nobody asked */
	DANE_OUT_NONE,
	DANE_OUT_ONLY, /* every host that can be used has usable records */
	/*
	 * Some have, or have unusable ones, or a lookup failed beside hosts
	 * that have: the MTA has to look for each.
	 */
	DANE_OUT_SOME,
	/*
	 * A TLSA lookup failed, and no host is known to have records: neither
	 * "none" nor MTA-STS may be concluded.
	 */
	DANE_OUT_UNSURE,
	/* Nothing can be delivered now: MX or all addresses failed. */
	DANE_OUT_TEMP,
	DANE_OUT_COUNT
};

const char *dane_outcome_name(enum dane_outcome o);

struct dane_verdict {
	enum dane_outcome outcome;
	size_t usable, unusable, absent, failed, no_address, address_failed;
	size_t unasked; /* with these "none" is what we do, and not proven */
	/* an address lookup failed beside hosts that count: keep it short */
	bool is_shaky;
	const struct dane_host *culprit; /* of failed lookups, or NULL */
};

/*
 * With DANE_MX_INSECURE the hosts' records may still be given, if looked up:
 * then SOME is the most, and a failed lookup counts as records, for then DANE
 * is not what protects the domain.
 */
void dane_decide(enum dane_mx mx, const struct dane_host *hosts, size_t n,
    struct dane_verdict *out);

#endif
