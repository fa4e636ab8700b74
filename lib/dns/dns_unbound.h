/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The resolver of the programs: libunbound behind the cache of dns_cache.h.
 * One context with its one background thread, one thread of ours that takes
 * the answers, any number of threads that ask.
 */
#ifndef DNS_UNBOUND_H
#define DNS_UNBOUND_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/dns/dns.h"
#include "lib/dns/dns_cache.h"

enum dns_dnssec {
	DNS_DNSSEC_AUTO, /* validate if the self test says it can work */
	DNS_DNSSEC_VALIDATE,
	DNS_DNSSEC_OFF,
};

struct dns_unbound_config {
	/*
	 * "system" (the nameservers of /etc/resolv.conf) or "recursive" (from
	 * the root), each alone, or forwarders ADDR, ADDR@PORT, [V6]@PORT.
	 * None means "system".
	 */
	const char *const *servers;
	size_t n_servers;
	enum dns_dnssec dnssec;
	/*
	 * File of DS or DNSKEY records in zone file form. NULL or empty: where
	 * Debian's dns-root-data and unbound put the root's.
	 */
	const char *trust_anchor;
	int timeout_ms; /* most for one lookup beside the caller's deadline */
	/*
	 * 0: nothing is kept from one lookup to the next, neither here nor
	 * inside libunbound, be it an answer, a failure or a round trip time;
	 * lookups are made one after the other, prefetches are ignored. For
	 * tests that change the zones between two lookups.
	 */
	size_t cache_entries;
	uint32_t max_ttl, max_negative_ttl; /* seconds */
};

enum dns_selftest {
	DNS_SELFTEST_NONE, /* not done yet */
	DNS_SELFTEST_OFF, /* validation is off; the root answers */
	DNS_SELFTEST_VALIDATED, /* the root's answer was validated */
	/* answers come, and the trust anchors say nothing of the root */
	DNS_SELFTEST_UNSIGNED,
	/* answers come without signatures: all would be bogus */
	DNS_SELFTEST_STRIPPED,
	DNS_SELFTEST_BOGUS, /* signatures come but do not validate */
	DNS_SELFTEST_SILENT, /* no answer, or none of use */
	DNS_SELFTEST_COUNT
};

/* What opening found out; for the log of the program. */
struct dns_unbound_state {
	bool validating;
	enum dns_selftest selftest; /* DNS_SELFTEST_NONE unless AUTO */
	const char *what; /* plain words, constant */
};

/*
 * Opens the resolver; call it after daemonising, its threads do not survive a
 * fork. With DNS_DNSSEC_AUTO it asks for the root's SOA first and turns
 * validation off when the upstream strips signatures or there is no trust
 * anchor file; it leaves it on when nothing answers. This can take
 * timeout_ms. Returns 0, AVER_CONF with an explanation in d (a bad address, a
 * trust anchor that cannot be read), AVER_NOMEM, AVER_IO or AVER_TEMP.
 */
int dns_unbound_open(const struct dns_unbound_config *cfg,
    struct dns_source **out, struct diag *d);

/* The following: of a source made by dns_unbound_open(); any thread. */
void
dns_unbound_get_state(struct dns_source *src, struct dns_unbound_state *out);
void dns_unbound_stats(struct dns_source *src, struct dns_stats *out);
/*
 * Asks for the SOA of the root, waits for it at most timeout_ms of the
 * configuration, and says what that shows. *what (may be NULL): plain words,
 * constant.
 */
enum dns_selftest
dns_unbound_selftest(struct dns_source *src, const char **what);

#endif
