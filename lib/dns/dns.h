/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The resolver as evaluators see it: struct dns, one for each message, with
 * two methods, dns_lookup() and dns_prefetch(). Behind it stands a shared
 * struct dns_source (libunbound with its cache, or a zone file). An answer is
 * an immutable, reference-counted struct dns_rrset; a struct dns holds the
 * references until its arena is reset, so an evaluator never frees one.
 *
 * dns_lookup() never fails: trouble of any kind is an answer whose status is
 * DNS_TEMP or DNS_BOGUS.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/dns/dname.h"

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52,
};

enum dns_status {
	DNS_OK, /* NOERROR with at least one record of the type */
	DNS_NODATA, /* NOERROR without */
	DNS_NXDOMAIN, /* the name does not exist */
	DNS_TEMP, /* SERVFAIL, another RCODE, timeout, budget, memory */
	DNS_BOGUS, /* DNSSEC validation failed: never to be used */
	DNS_STATUS_COUNT
};

/* "ok", "nodata", "nxdomain", "temperror", "bogus" */
const char *dns_status_name(enum dns_status st);
/* "A", "TXT", ...; "TYPE123" is not produced: "?" for types not above. */
const char *dns_type_name(uint16_t type);

/*
 * A parsed form of an answer, kept with it so that a record is parsed once
 * for each time it is fetched. kind is the address of a static object of the
 * module that parses. The value lives in the memo's own arena.
 */
struct dns_memo {
	const void *kind;
	void *value;
	struct arena arena;
	struct dns_memo *next;
};

struct dns_rrset {
	atomic_uint refs; /* 0: static */
	enum dns_status status;
	bool secure; /* validated by DNSSEC (the answer or its absence) */
	uint32_t ttl; /* seconds; of the negative answer where there is none */
	size_t n;
	const struct str *rdata; /* n items, wire form, uncompressed names */
	/*
	 * The name in wire form, lower case, that CNAMEs led to and the answer
	 * is about (RFC 7672 section 2.2.2 calls it fully expanded), also when
	 * there is no record. Empty without CNAME, and for TEMP and BOGUS. With
	 * secure the whole chain is.
	 */
	struct str canonical;
	/*
	 * The time of clock_mono_ms() when a cache forgets the answer; 0: it
	 * comes from none, or is not kept.
	 */
	int64_t until;
	const char *why; /* short constant or owned text for TEMP, BOGUS, "" */
	_Atomic(struct dns_memo *) memos;
};

/*
 * A new rrset with one reference; the rdata and why are copied. NULL when
 * memory is out. why may be NULL.
 */
struct dns_rrset *dns_rrset_new(enum dns_status st, bool secure, uint32_t ttl,
    size_t n, const struct str *rdata, const char *why);
/* The same for an answer behind CNAMEs; canonical may be NULL: behind none. */
struct dns_rrset *dns_rrset_new_alias(const struct dname *canonical,
    enum dns_status st, bool secure, uint32_t ttl, size_t n,
    const struct str *rdata, const char *why);
/*
 * When the answer is out of date, on the clock of now (clock_mono_ms()): what
 * is left of its TTL, or all of it where nobody knows better. One that a cache
 * has forgotten since it was asked for, or has never kept, is so at once.
 */
int64_t dns_rrset_until(const struct dns_rrset *rr, int64_t now);
/* Seconds a SERVFAIL or a bogus answer is kept at most. RFC 9520 section 3.2
 * wants 1 second to 5 minutes. */
#define DNS_CACHE_FAILURE_TTL 5

/* Answers of DNS_TEMP that are ours, not the DNS's. */
enum dns_fault {
	DNS_FAULT_NOMEM,
	DNS_FAULT_TIMEOUT, /* no answer before the deadline */
	DNS_FAULT_BUDGET, /* the message asked too many questions */
	DNS_FAULT_BUSY, /* too many questions are in flight */
	DNS_FAULT_RESOLVER, /* the resolver does not work */
	DNS_FAULT_COUNT
};

/* The static answer of a fault; ref and unref are no-ops on it, ttl is 0. */
struct dns_rrset *dns_rrset_fault(enum dns_fault fault);
/* dns_rrset_fault(DNS_FAULT_NOMEM) */
struct dns_rrset *dns_rrset_nomem(void);
struct dns_rrset *dns_rrset_ref(struct dns_rrset *rr);
void dns_rrset_unref(struct dns_rrset *rr); /* NULL allowed */

/* The value of the memo of this kind, NULL if there is none yet. */
void *dns_memo_get(const struct dns_rrset *rr, const void *kind);
/*
 * A memo to be filled, with an arena of at most cap octets; give it to
 * dns_memo_add() or dns_memo_free(). NULL when memory is out.
 */
struct dns_memo *dns_memo_new(const void *kind, size_t cap);
void dns_memo_free(struct dns_memo *m);
/*
 * Attaches m; the rrset owns it from now on. Two threads may do so at once:
 * the first wins, the other's memo is freed. Returns the value that is
 * attached. Nothing can be attached to the static answer of a fault: m is then
 * freed and NULL returned.
 */
void *dns_memo_add(const struct dns_rrset *rr, struct dns_memo *m);

struct dns_source;

struct dns_source_ops {
	/*
	 * Answers with a new reference, never NULL. deadline: of
	 * clock_mono_ms(); past it what is not known yet is DNS_TEMP.
	 * Thread-safe.
	 */
	struct dns_rrset *(*resolve)(struct dns_source *, const struct dname *,
	    uint16_t type, int64_t deadline);
	/* Starts a lookup whose answer will be wanted soon; may be NULL. */
	void (*prefetch)(
	    struct dns_source *, const struct dname *, uint16_t type);
	/* No call may be in progress. */
	void (*close)(struct dns_source *);
};

struct dns_source {
	const struct dns_source_ops *ops;
};

void dns_source_close(struct dns_source *src); /* NULL allowed */

/* One question a message asked, for --explain and traces. */
struct dns_question {
	struct dns_question *next; /* newest first */
	struct dname name;
	uint16_t type;
	const struct dns_rrset *answer;
};

struct dns_held;

struct dns {
	struct dns_source *source;
	struct arena *arena; /* keeps the answers alive */
	int64_t deadline; /* of clock_mono_ms() */
	unsigned questions; /* asked so far */
	unsigned max_questions;
	unsigned prefetches; /* started so far, at most max_questions */
	bool over_budget; /* a lookup was refused by max_questions */
	bool keep_log;
	struct dns_question *log; /* newest first, only with keep_log */
	struct dns_held **held; /* in the arena: what to unref at its reset */
};

/*
 * arena: of the message; answers are valid until it is reset, and then d has
 * to be initialised again. A repeated question of one message counts again.
 */
void dns_init(struct dns *d, struct dns_source *src, struct arena *arena,
    int64_t deadline, unsigned max_questions);

/* Never NULL, valid until the arena given to dns_init() is reset. */
const struct dns_rrset *
dns_lookup(struct dns *d, const struct dname *name, uint16_t type);
/*
 * A hint; costs nothing of the budget and has no result. After max_questions
 * hints the rest is ignored: a message with 1000 signatures starts no flood.
 */
void dns_prefetch(struct dns *d, const struct dname *name, uint16_t type);

#endif
