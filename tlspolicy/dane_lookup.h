/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The DNS questions of DANE for SMTP (RFC 7672 section 2): mail hosts, their
 * addresses, their TLSA records, each with its DNSSEC state.
 */
#ifndef TLSPOLICY_DANE_LOOKUP_H
#define TLSPOLICY_DANE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/dns/dns.h"
#include "tlspolicy/dane.h"
#include "tlspolicy/nexthop.h"

#define DANE_HOSTS_MAX 100

struct dane_query {
	struct dns *dns; /* its arena holds what is found */
	const struct nexthop *hop; /* NEXTHOP_DOMAIN or NEXTHOP_HOST */
	/* false: the hosts are named only, and all are DANE_UNASKED */
	bool tlsa;
	bool insecure_mx; /* look also behind MX records without DNSSEC */
	unsigned max_hosts; /* looked at, at most DANE_HOSTS_MAX */
};

struct dane_found {
	enum dane_mx mx;
	struct str mx_why; /* of DANE_MX_FAILED */
	struct dane_host *hosts; /* in order of preference */
	size_t n_hosts;
	/* an answer that failed validation: the name it is about; or empty */
	struct str bogus;
	struct str bogus_why;
	/* clock_mono_ms() up to which all of this is good */
	int64_t until;
};

/*
 * Asks. Hosts above max_hosts are DANE_ADDRESS_FAILED. Without memory
 * DANE_MX_FAILED.
 */
void dane_lookup(const struct dane_query *q, struct dane_found *out);

#endif
