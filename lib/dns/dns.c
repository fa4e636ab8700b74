/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/name.h"

/* A reference to give back when the arena of a message is reset. */
struct dns_held {
	struct dns_held *next;
	struct dns_rrset *rr;
};

static const char *const status_names[DNS_STATUS_COUNT] = {
    [DNS_OK] = "ok",
    [DNS_NODATA] = "nodata",
    [DNS_NXDOMAIN] = "nxdomain",
    [DNS_TEMP] = "temperror",
    [DNS_BOGUS] = "bogus",
};

/* refs = 0 marks an answer that is neither counted nor freed */
static const struct dns_rrset faults[DNS_FAULT_COUNT] = {
    [DNS_FAULT_NOMEM] = {.status = DNS_TEMP, .why = "out of memory"},
    [DNS_FAULT_TIMEOUT] = {.status = DNS_TEMP, .why = "no answer in time"},
    [DNS_FAULT_BUDGET] = {.status = DNS_TEMP,
	.why = "too many DNS questions for one message"},
    [DNS_FAULT_BUSY] = {.status = DNS_TEMP,
	.why = "too many DNS questions in flight"},
    [DNS_FAULT_RESOLVER] = {.status = DNS_TEMP, .why = "the resolver failed"},
};

const char *
dns_status_name(enum dns_status st)
{
	return name_of(status_names, DNS_STATUS_COUNT, (int)st);
}

const char *
dns_type_name(uint16_t type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_NS:
		return "NS";
	case DNS_CNAME:
		return "CNAME";
	case DNS_SOA:
		return "SOA";
	case DNS_PTR:
		return "PTR";
	case DNS_MX:
		return "MX";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	case DNS_TLSA:
		return "TLSA";
	}
	return "?";
}

/* ---- answers ------------------------------------------------------------ */

/* Octets of the block, 0 when they cannot be counted. */
static size_t
block_size(size_t n, const struct str *rdata, size_t texts)
{
	size_t size = sizeof(struct dns_rrset) + texts;

	if (n > (SIZE_MAX - size) / sizeof(struct str))
		return 0;
	size += n * sizeof(struct str);
	for (size_t i = 0; i < n; i++) {
		if (rdata[i].n > SIZE_MAX - size)
			return 0;
		size += rdata[i].n;
	}
	return size;
}

struct dns_rrset *
dns_rrset_new(enum dns_status st, bool secure, uint32_t ttl, size_t n,
    const struct str *rdata, const char *why)
{
	return dns_rrset_new_alias(NULL, st, secure, ttl, n, rdata, why);
}

struct dns_rrset *
dns_rrset_new_alias(const struct dname *canonical, enum dns_status st,
    bool secure, uint32_t ttl, size_t n, const struct str *rdata,
    const char *why)
{
	struct str text = {why ? why : "", why ? strlen(why) : 0};
	size_t name = canonical ? canonical->len : 0;
	size_t size = block_size(n, rdata, text.n + 1 + name);
	struct dns_rrset *rr = size ? malloc(size) : NULL;
	struct str *item;
	char *at;

	if (!rr)
		return NULL;
	item = (struct str *)(rr + 1);
	at = (char *)(item + n);
	*rr = (struct dns_rrset){
	    .status = st, .secure = secure, .ttl = ttl, .n = n, .rdata = item};
	atomic_init(&rr->refs, 1);
	atomic_init(&rr->memos, NULL);
	for (size_t i = 0; i < n; i++) {
		item[i] = (struct str){at, rdata[i].n};
		if (rdata[i].n)
			memcpy(at, rdata[i].p, rdata[i].n);
		at += rdata[i].n;
	}
	if (name) {
		memcpy(at, canonical->wire, name);
		rr->canonical = (struct str){at, name};
		at += name;
	}
	memcpy(at, text.p, text.n);
	at[text.n] = '\0';
	rr->why = at;
	return rr;
}

int64_t
dns_rrset_until(const struct dns_rrset *rr, int64_t now)
{
	return rr->until ? rr->until : now + (int64_t)rr->ttl * 1000;
}

struct dns_rrset *
dns_rrset_fault(enum dns_fault fault)
{
	/* never written to: every function below looks for refs = 0 first */
	return (struct dns_rrset *)&faults[fault];
}

struct dns_rrset *
dns_rrset_nomem(void)
{
	return dns_rrset_fault(DNS_FAULT_NOMEM);
}

static bool
is_static(const struct dns_rrset *rr)
{
	return atomic_load_explicit(&rr->refs, memory_order_relaxed) == 0;
}

struct dns_rrset *
dns_rrset_ref(struct dns_rrset *rr)
{
	if (!is_static(rr))
		atomic_fetch_add_explicit(&rr->refs, 1, memory_order_relaxed);
	return rr;
}

void
dns_rrset_unref(struct dns_rrset *rr)
{
	struct dns_memo *m, *next;

	if (!rr || is_static(rr) ||
	    atomic_fetch_sub_explicit(&rr->refs, 1, memory_order_acq_rel) != 1)
		return;
	m = atomic_load_explicit(&rr->memos, memory_order_relaxed);
	for (; m; m = next) {
		next = m->next;
		dns_memo_free(m);
	}
	free(rr);
}

/* ---- memos -------------------------------------------------------------- */

static struct dns_memo *
find_memo(struct dns_memo *m, const void *kind)
{
	while (m && m->kind != kind)
		m = m->next;
	return m;
}

void *
dns_memo_get(const struct dns_rrset *rr, const void *kind)
{
	struct dns_memo *m = find_memo(
	    atomic_load_explicit(&rr->memos, memory_order_acquire), kind);

	return m ? m->value : NULL;
}

struct dns_memo *
dns_memo_new(const void *kind, size_t cap)
{
	struct dns_memo *m = malloc(sizeof(*m));

	if (!m)
		return NULL;
	*m = (struct dns_memo){.kind = kind};
	arena_init(&m->arena, cap);
	return m;
}

void
dns_memo_free(struct dns_memo *m)
{
	if (!m)
		return;
	arena_fini(&m->arena);
	free(m);
}

void *
dns_memo_add(const struct dns_rrset *rr, struct dns_memo *m)
{
	/* memos are a cache beside the answer, which itself does not change */
	_Atomic(struct dns_memo *) *memos = &((struct dns_rrset *)rr)->memos;
	struct dns_memo *first, *other;

	if (is_static(rr)) {
		dns_memo_free(m);
		return NULL;
	}
	first = atomic_load_explicit(memos, memory_order_acquire);
	do {
		other = find_memo(first, m->kind);
		if (other) {
			dns_memo_free(m);
			return other->value;
		}
		m->next = first;
	} while (!atomic_compare_exchange_weak_explicit(
	    memos, &first, m, memory_order_acq_rel, memory_order_acquire));
	return m->value;
}

/* ---- the view of one message -------------------------------------------- */

void
dns_source_close(struct dns_source *src)
{
	if (src)
		src->ops->close(src);
}

void
dns_init(struct dns *d, struct dns_source *src, struct arena *arena,
    int64_t deadline, unsigned max_questions)
{
	*d = (struct dns){.source = src,
	    .arena = arena,
	    .deadline = deadline,
	    .max_questions = max_questions};
}

static void
release_all(void *p)
{
	struct dns_held **head = p;

	for (struct dns_held *h = *head; h; h = h->next)
		dns_rrset_unref(h->rr);
	*head = NULL;
}

/* Keeps rr alive until the arena is reset; takes over the reference. */
static const struct dns_rrset *
hold(struct dns *d, struct dns_rrset *rr)
{
	struct dns_held *h;

	if (is_static(rr))
		return rr;
	if (!d->held) {
		d->held = ARENA_NEW(d->arena, struct dns_held *);
		if (d->held && !arena_on_free(d->arena, release_all, d->held))
			d->held = NULL;
	}
	h = d->held ? arena_alloc(d->arena, sizeof(*h)) : NULL;
	if (!h) {
		dns_rrset_unref(rr);
		return dns_rrset_nomem();
	}
	*h = (struct dns_held){*d->held, rr};
	*d->held = h;
	return rr;
}

/* Without memory the question is missing from the log; nothing else fails. */
static void
log_question(struct dns *d, const struct dname *name, uint16_t type,
    const struct dns_rrset *answer)
{
	struct dns_question *q = arena_alloc(d->arena, sizeof(*q));

	if (!q)
		return;
	q->next = d->log;
	q->name.len = name->len;
	memcpy(q->name.wire, name->wire, name->len);
	q->type = type;
	q->answer = answer;
	d->log = q;
}

const struct dns_rrset *
dns_lookup(struct dns *d, const struct dname *name, uint16_t type)
{
	const struct dns_rrset *rr;

	if (d->questions >= d->max_questions) {
		d->over_budget = true;
		rr = dns_rrset_fault(DNS_FAULT_BUDGET);
	} else {
		d->questions++;
		rr = hold(d, d->source->ops->resolve(
				 d->source, name, type, d->deadline));
	}
	if (d->keep_log)
		log_question(d, name, type, rr);
	return rr;
}

void
dns_prefetch(struct dns *d, const struct dname *name, uint16_t type)
{
	if (!d->source->ops->prefetch || d->prefetches >= d->max_questions)
		return;
	d->prefetches++;
	d->source->ops->prefetch(d->source, name, type);
}
