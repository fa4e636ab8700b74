/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Decides how TLS has to be done for a next hop: the table of the operator,
 * then DANE, then MTA-STS, with a cache of policies that survives a restart.
 * One engine for each process, used by any number of threads at once.
 *
 * Trouble never weakens an answer: it is the cached policy, or a decision to
 * defer, whose reason says why.
 */
#ifndef TLSPOLICY_ENGINE_H
#define TLSPOLICY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"
#include "lib/tlsrpt/tlsrpt_result.h"
#include "tlspolicy/decision.h"
#include "tlspolicy/sts_addr.h"
#include "tlspolicy/sts_fetch.h"
#include "tlspolicy/sts_record.h"

struct conf;
struct engine;
struct tls_file;

/*
 * What the engine found wrong while it decided: the material of TLS reports
 * that no delivery agent knows. result is one of
 *   STS_POLICY_FETCH_ERROR, STS_POLICY_INVALID, STS_WEBPKI_INVALID
 *	a fetch failed, once for each attempt that was due
 *   TLSA_INVALID    a host with TLSA records, none of which is usable
 *   DNSSEC_INVALID  a bogus answer about the MX, a host or its TLSA records
 *   DANE_REQUIRED
 *	the table demands verified TLS, leaves DANE as the only way, and the
 *	DNS proves that there is none
 *   VALIDATION_FAILURE
 *	an MX host that no pattern of an enforced or tested policy names
 */
struct engine_event {
	enum tlsrpt_result result;
	enum tlsrpt_policy_type type; /* TLSRPT_STS or TLSRPT_TLSA */
	/* A-labels in lower case; with TLSA the TLSA base domain, if known */
	struct str policy_domain;
	struct str recipient_domain; /* that was decided for */
	struct str mx; /* the MX host it is about; else empty */
	/* for failure-reason-code: a short phrase of printable ASCII */
	struct str reason;
	/* text of the cached policy this is about, for STS; else empty */
	struct str policy;
	int64_t time; /* seconds since the epoch */
};

/*
 * Called from any thread that decides or refreshes, with no lock of the
 * engine's held; views are valid for the call. It must not block.
 */
struct engine_hook {
	void (*event)(void *arg, const struct engine_event *ev); /* or NULL */
	/*
	 * For the log, or NULL: trouble with the store, about the policy of a
	 * domain that was not taken from it, or (domain empty) all of it
	 */
	void (*note)(void *arg, struct str domain, const char *what);
	void *arg;
};

/* All strings and arrays are copied by engine_open(). */
struct engine_config {
	/* --- at the start only */
	struct dns_source *dns; /* stays the caller's; outlives the engine */
	const char *store; /* as for store_open(); NULL: memory only */
	const char *directory; /* of what a host has beside a shared one */
	/* for a command beside the daemon: the store is read, not written */
	bool read_only;
	size_t cache_entries; /* most domains in memory, at least 1 */
	size_t cache_octets; /* most octets of them */
	const char *ca_file; /* NULL or empty: the system's */
	int port; /* of the policy hosts; 0: 443 */
	int64_t fetch_timeout_ms; /* all of one fetch */
	size_t max_policy; /* octets of a policy */
	unsigned fetches; /* most at the same time */
	/* a daemon: load all policies, refresh them in the background */
	bool refresh;
	int64_t refresh_time; /* seconds from one refresh to the next */
	int64_t unused_time; /* seconds until an unused one is not refreshed */
	/* addresses that are fetched from though they are not public */
	struct sts_nets allow;
	/* for tests: used in place of libcurl, then the engine's; else NULL */
	struct sts_fetcher *fetcher;
	int64_t (*now)(void); /* for tests: seconds; NULL: clock_now() */
	struct engine_hook hook;

	/* --- changed by engine_reload() too */
	bool sts, dane; /* what is used at all */
	bool insecure_mx; /* look for TLSA behind MX records without DNSSEC */
	/*
	 * dns validates nothing: no TLSA record can count, and none is asked
	 * for, nor the addresses of the mail hosts
	 */
	bool no_dnssec;
	/* the DNS fails and nothing is cached: defer, or no policy */
	bool defer_unknown;
	int64_t min_valid, max_valid; /* seconds an answer may be kept */
	unsigned max_hosts; /* looked at */
	unsigned max_questions; /* DNS questions of one decision */
};

/*
 * What the configuration says, with the strings of c, which has to live as
 * long; dns, hook, read_only, refresh, no_dnssec and the fields for tests are
 * the caller's to fill, and are 0.
 */
void engine_config_init(struct engine_config *cfg, const struct conf *c);

/*
 * Opens; call it after daemonising, it starts threads. table: of
 * tls_policy_table, or NULL; the engine takes a reference of its own. Policies
 * are loaded from the store. A store that cannot be opened is an error, one
 * that fails later is not: the engine goes on from memory and counts. One that
 * several hosts share may be away at the start of a daemon (refresh) too. With
 * read_only it goes on without a store, and d says why there is none.
 * Returns 0, AVER_CONF (no such CA file), AVER_NOMEM, AVER_IO, AVER_TEMP with d
 * filled.
 */
int engine_open(const struct engine_config *cfg, struct tls_file *table,
    struct engine **out, struct diag *d);
/*
 * Takes the second half of cfg and the table, for all later decisions, and
 * follows the store, so that a policy somebody removed or put there counts at
 * once; a store that is away changes nothing. Whoever keeps answers has to drop
 * them. Returns 0 or AVER_NOMEM.
 */
int engine_reload(
    struct engine *e, const struct engine_config *cfg, struct tls_file *table);
/* Writes what is to be written. Nobody may be inside a call. NULL allowed. */
void engine_close(struct engine *e);

/*
 * Decides for the next hop, waiting for DNS until deadline (of
 * clock_mono_ms()) and for one HTTPS fetch 10 seconds at most. Always fills
 * *out, whose views live in arena (512 KB are enough for any answer; without
 * memory the decision is to defer). Returns the time of clock_mono_ms() up to
 * which the answer may be given again for the same next hop; one to defer gets
 * seconds only. A fetch that takes longer goes on, for the next one who asks.
 */
int64_t engine_decide(struct engine *e, const struct nexthop *hop,
    int64_t deadline, struct arena *arena, struct tls_decision *out);

/*
 * What others put into the store or remove there, commands on this host or
 * whoever is on another one, counts a second later at most. Whoever keeps an
 * answer notes the number of its domain before engine_decide(), and drops the
 * answer when the domain's slot has another one. The slot is one of
 * ENGINE_SLOTS, shared with other domains: then an answer is dropped in vain.
 */
#define ENGINE_SLOTS 8192

unsigned engine_slot(const struct engine *e, struct str domain);
/* Any thread; as cheap as reading an integer. */
uint16_t engine_slot_number(const struct engine *e, unsigned slot);

/*
 * Fills facts.known of a decision with what the store remembers of the
 * destination; empty without engine_known(). The next hop that was decided for
 * has to be there still.
 */
void engine_known(struct engine *e, struct tls_decision *d);

/* How a decision came about, for people. */
struct engine_detail {
	const struct dns *dns; /* all questions with their answers, in arena */
	bool sts_asked; /* the record was looked up */
	enum sts_found record; /* what it said */
	struct str record_id;
	struct str record_why; /* unless STS_FOUND; may be empty */
	bool has_fetched; /* or waited for who did */
	int64_t valid; /* milliseconds the answer may be kept */
};

/* The same, and tells how; it waits for a fetch until deadline. */
int64_t engine_explain(struct engine *e, const struct nexthop *hop,
    int64_t deadline, struct arena *arena, struct tls_decision *out,
    struct engine_detail *detail);

/*
 * Fetches the domain's policy now, whatever its record says, and keeps it.
 * *out is what is in force then, in the arena; its failure tells how the fetch
 * went. Returns 0, AVER_NOTFOUND (it is no domain), or AVER_TEMP when the
 * deadline passed.
 */
int engine_refresh(struct engine *e, const struct nexthop *hop,
    int64_t deadline, struct arena *arena, struct tls_sts *out);

struct engine_stats {
	uint64_t decisions, deferred; /* calls, and those that ended so */
	uint64_t dane, sts_enforce, sts_testing, none, table; /* the others */
	uint64_t fetches; /* that have begun */
	uint64_t fetched, fetch_errors, fetch_invalid, fetch_webpki; /* ended */
	uint64_t joined; /* waited for a fetch that another one had started */
	uint64_t taken; /* from another host in place of a fetch */
	uint64_t refreshed, refresh_failures;
	uint64_t stale; /* answered from the cache in spite of trouble */
	uint64_t dnssec_invalid; /* decisions that met a bogus answer */
	uint64_t store_errors;
	size_t policies, octets; /* in memory now */
	size_t fetching; /* now */
	bool store_is_away; /* now */
};

/* Any thread, any time. */
void engine_stats(struct engine *e, struct engine_stats *out);

#endif
