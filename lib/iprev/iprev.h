/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The reverse DNS test of RFC 8601 section 3: does a name of the client's
 * address lead back to it? Address and resolver in, a verdict out.
 */
#ifndef IPREV_IPREV_H
#define IPREV_IPREV_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"

/* RFC 8601 section 2.7.3 */
enum iprev_result {
	IPREV_PASS,
	IPREV_FAIL,
	IPREV_TEMPERROR,
	IPREV_PERMERROR,
	IPREV_RESULT_COUNT
};

enum iprev_reason {
	IPREV_WHY_NONE, /* pass */
	IPREV_WHY_NO_NAME, /* no PTR record, or none of use */
	IPREV_WHY_OTHER_ADDRESS, /* the names have other addresses */
	IPREV_WHY_NO_ADDRESS, /* the names have no address at all */
	IPREV_WHY_DNS, /* a lookup failed */
	IPREV_WHY_BOGUS, /* DNSSEC validation failed */
	IPREV_WHY_BUDGET, /* the message's questions or memory are spent */
	IPREV_WHY_NO_CLIENT, /* there is no address */
	IPREV_REASON_COUNT
};

/* "pass", "fail", "temperror", "permerror" */
const char *iprev_result_name(enum iprev_result r);
/* A short phrase for logs and comments, "" for IPREV_WHY_NONE. */
const char *iprev_reason_name(enum iprev_reason r);

/* RFC 8601 sections 3 and 7.4 want a limit; this is SPF's. */
#define IPREV_NAMES_DEFAULT 10u
#define IPREV_NAMES_MAX 100u

struct iprev {
	enum iprev_result result;
	enum iprev_reason reason;
	/*
	 * pass: the name that leads back; otherwise the first name that was
	 * tried, for a comment, as the owner of the address claims it; empty
	 * without one. As dname_print() writes it: printable ASCII.
	 */
	struct str name;
	/* every answer the result rests on was validated by DNSSEC */
	bool secure;
};

/* 4.3.2.1.in-addr.arpa and the like; false for an IP_NONE. */
bool iprev_name(const struct ip *ip, struct dname *out);

/* Prefetches the PTR record. */
void iprev_prefetch(struct dns *dns, const struct ip *ip);

/*
 * Always fills *out; the name is in the arena. ip: an IPv4-mapped address is
 * treated as IPv4. Of the names the first max_names in the order of their
 * octets are tried (1 to IPREV_NAMES_MAX), so that the result does not depend
 * on the order of an answer; only addresses of the client's family are asked
 * for. Without an address (a local client) permerror with
 * IPREV_WHY_NO_CLIENT, which is not to be reported.
 */
void iprev_eval(struct dns *dns, struct arena *a, const struct ip *ip,
    unsigned max_names, struct iprev *out);

#endif
