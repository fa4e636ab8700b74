/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim.h"

#include "lib/base/err.h"
#include "lib/dkim/dkim_body.h"
#include "lib/dkim/dkim_check.h"
#include "lib/dkim/dkim_engine.h"
#include "lib/dkim/dkim_key.h"
#include "lib/dkim/dkim_sig.h"

/* Fields parsed at most, whatever max_signatures is. */
#define MAX_FIELDS 100

struct field {
	struct field *next;
	struct dkim_verdict verdict;
	struct signature *sig; /* NULL once the verdict is final */
};

/* What only a signature that is evaluated needs. */
struct signature {
	struct dkim_sig tags;
	struct hdr h;
	struct dname key_name;
	struct dkim_body_hash *body;
};

struct dkim_verifier {
	struct arena *arena;
	const struct dkim_engine *engine;
	struct dkim_limits limits;
	int64_t now;
	bool smtputf8;
	struct field *fields, **tail;
	size_t n; /* fields given */
	bool broken; /* no memory for one of them and those after it */
	unsigned evaluated;
	struct dkim_bodies bodies;
	struct dkim_hasher hasher; /* from dkim_verifier_finish() on */
};

/* RFC 8601 section 2.7.1; what RFC 6376 section 6.1 calls PERMFAIL, but for a
 * mismatch, is permerror. */
static const enum dkim_result result_of[DKIM_REASON_COUNT] = {
    [DKIM_WHY_NONE] = DKIM_PASS,
    [DKIM_WHY_SYNTAX] = DKIM_PERMERROR,
    [DKIM_WHY_VERSION] = DKIM_PERMERROR,
    [DKIM_WHY_MISSING] = DKIM_PERMERROR,
    [DKIM_WHY_ALGORITHM] = DKIM_PERMERROR,
    [DKIM_WHY_SHA1] = DKIM_PERMERROR,
    [DKIM_WHY_DOMAIN] = DKIM_PERMERROR,
    [DKIM_WHY_FROM] = DKIM_PERMERROR,
    [DKIM_WHY_EXPIRED] = DKIM_PERMERROR,
    [DKIM_WHY_FUTURE] = DKIM_PERMERROR,
    [DKIM_WHY_QUERY] = DKIM_PERMERROR,
    [DKIM_WHY_CANON] = DKIM_PERMERROR,
    [DKIM_WHY_NO_KEY] = DKIM_PERMERROR,
    [DKIM_WHY_KEY_SYNTAX] = DKIM_PERMERROR,
    [DKIM_WHY_REVOKED] = DKIM_PERMERROR,
    [DKIM_WHY_KEY_TYPE] = DKIM_PERMERROR,
    [DKIM_WHY_KEY_FLAG] = DKIM_PERMERROR,
    [DKIM_WHY_KEY_SMALL] = DKIM_PERMERROR,
    [DKIM_WHY_KEY_LARGE] = DKIM_PERMERROR,
    [DKIM_WHY_BODY_LENGTH] = DKIM_PERMERROR,
    [DKIM_WHY_BODY_HASH] = DKIM_FAIL,
    [DKIM_WHY_SIGNATURE] = DKIM_FAIL,
    [DKIM_WHY_UNSIGNED] = DKIM_POLICY,
    [DKIM_WHY_DNS] = DKIM_TEMPERROR,
    [DKIM_WHY_BOGUS] = DKIM_TEMPERROR,
    [DKIM_WHY_BUDGET] = DKIM_PERMERROR,
};

static void
conclude_as(struct field *f, enum dkim_result r, enum dkim_reason why)
{
	f->verdict.result = r;
	f->verdict.reason = why;
	f->sig = NULL;
}

static void
conclude(struct field *f, enum dkim_reason why)
{
	conclude_as(f, result_of[why], why);
}

/* No memory, no answer from OpenSSL, no question left: it may work later. */
static void
give_up(struct field *f)
{
	conclude_as(f, DKIM_TEMPERROR, DKIM_WHY_BUDGET);
}

struct dkim_verifier *
dkim_verifier_new(struct arena *a, const struct dkim_engine *engine,
    const struct dkim_limits *limits, int64_t now, bool smtputf8)
{
	struct dkim_verifier *v = arena_alloc(a, sizeof(*v));

	if (!v)
		return NULL;
	v->arena = a;
	v->engine = engine;
	v->limits = *limits;
	v->now = now;
	v->smtputf8 = smtputf8;
	v->fields = NULL;
	v->tail = &v->fields;
	v->n = 0;
	v->broken = false;
	v->evaluated = 0;
	dkim_bodies_init(&v->bodies, a, engine, limits->max_body_hashes);
	return v;
}

/* ---- fields ------------------------------------------------------------- */

static enum dkim_reason
examine(struct dkim_verifier *v, struct field *f, const struct hdr *h)
{
	struct signature *sig = f->sig;
	enum dkim_reason why =
	    dkim_sig_parse(v->arena, h, v->smtputf8, &sig->tags, NULL);

	sig->h = *h;
	f->verdict.domain = sig->tags.domain;
	f->verdict.selector = sig->tags.selector;
	f->verdict.domain_text = sig->tags.domain_text;
	f->verdict.selector_text = sig->tags.selector_text;
	f->verdict.identity = sig->tags.identity;
	f->verdict.algorithm = sig->tags.algorithm;
	f->verdict.b = sig->tags.b;
	if (why)
		return why;
	if (!dkim_key_name(&sig->tags, &sig->key_name))
		return DKIM_WHY_DOMAIN;
	return dkim_sig_time(&sig->tags, v->now, v->limits.clock_drift);
}

static void
start_field(struct dkim_verifier *v, struct dns *dns, struct field *f,
    const struct hdr *h)
{
	enum dkim_reason why;

	if (v->evaluated == v->limits.max_signatures || v->n > MAX_FIELDS) {
		conclude(f, DKIM_WHY_BUDGET);
		return;
	}
	f->sig = arena_alloc(v->arena, sizeof(*f->sig));
	why = f->sig ? examine(v, f, h) : DKIM_WHY_BUDGET;
	if (why == DKIM_WHY_BUDGET) {
		give_up(f);
		return;
	}
	if (why) {
		conclude(f, why);
		return;
	}
	v->evaluated++;
	if (dns)
		dns_prefetch(dns, &f->sig->key_name, DNS_TXT);
}

void
dkim_verifier_field(
    struct dkim_verifier *v, struct dns *dns, const struct hdr *h)
{
	struct field *f = v->broken ? NULL : ARENA_NEW(v->arena, struct field);

	v->n++;
	if (!f) {
		v->broken = true;
		return;
	}
	*v->tail = f;
	v->tail = &f->next;
	start_field(v, dns, f, h);
}

/* ---- body --------------------------------------------------------------- */

bool
dkim_verifier_eoh(struct dkim_verifier *v)
{
	for (struct field *f = v->fields; f; f = f->next) {
		int err;

		if (!f->sig)
			continue;
		err = dkim_bodies_want(&v->bodies, f->sig->tags.body_canon,
		    f->sig->tags.body_length, &f->sig->body);
		if (err == AVER_LIMIT)
			conclude(f, DKIM_WHY_BUDGET);
		else if (err)
			give_up(f);
	}
	return v->bodies.n > 0;
}

struct dkim_bodies *
dkim_verifier_bodies(struct dkim_verifier *v)
{
	return &v->bodies;
}

void
dkim_verifier_body(struct dkim_verifier *v, struct str chunk)
{
	dkim_bodies_add(&v->bodies, chunk);
}

/* ---- key ---------------------------------------------------------------- */

static enum dkim_reason
check_key(const struct dkim_verifier *v, const struct dkim_sig *sig,
    const struct dkim_key *k)
{
	enum dkim_reason why = dkim_key_fits(
	    k, sig->algorithm, v->limits.min_rsa_bits, v->limits.max_rsa_bits);

	/* RFC 6376 section 3.6.1: t=s */
	if (!why && k->strict && !str_eq(sig->identity_domain, sig->domain))
		return DKIM_WHY_KEY_FLAG;
	return why;
}

struct attempt {
	struct dkim_verifier *v;
	struct field *f;
	bool hashed;
	unsigned char sha256[DKIM_HASH_SIZE];
};

/* Makes the header hash when it is first needed; false ends the field. */
static bool
need_hash(struct attempt *t)
{
	struct signature *sig = t->f->sig;
	int err = 0;

	if (!t->hashed)
		err = dkim_hasher_message(
		    &t->v->hasher, &sig->tags, &sig->h, t->sha256);
	t->hashed = true;
	if (err == AVER_LIMIT)
		conclude(t->f, DKIM_WHY_BUDGET);
	else if (err)
		give_up(t->f);
	return !err;
}

static enum dkim_reason
try_key(struct attempt *t, const struct dkim_key *k)
{
	struct signature *sig = t->f->sig;
	enum dkim_reason why = check_key(t->v, &sig->tags, k);

	if (!why)
		why = dkim_body_fits(&sig->tags, sig->body);
	if (why)
		return why;
	if (!need_hash(t))
		return DKIM_WHY_BUDGET;
	return dkim_key_verify(k, t->sha256, sig->tags.signature)
		   ? DKIM_WHY_NONE
		   : DKIM_WHY_SIGNATURE;
}

static void
accept(struct dkim_verifier *v, struct field *f)
{
	/* RFC 6376 section 8.2: what is not signed may have been appended */
	f->verdict.partial = f->sig->body->over;
	conclude(f, f->verdict.partial && !v->limits.accept_partial
			? DKIM_WHY_UNSIGNED
			: DKIM_WHY_NONE);
}

/*
 * RFC 6376 section 6.1.2 step 4: several records are tried in turn. When all
 * fail, that one speaks which came furthest; the reasons are numbered in the
 * order of the checks.
 */
static void
try_keys(
    struct dkim_verifier *v, struct field *f, const struct dkim_keyset *set)
{
	struct attempt t = {.v = v, .f = f};
	enum dkim_reason best = DKIM_WHY_NO_KEY;

	for (size_t i = 0; i < set->n; i++) {
		const struct dkim_key *k = &set->key[i];
		enum dkim_reason why = try_key(&t, k);

		if (!f->sig)
			return;
		if (!why || why > best) {
			f->verdict.key_bits = k->bits;
			f->verdict.testing = k->testing;
			best = why;
		}
		if (!why)
			break;
	}
	if (best)
		conclude(f, best);
	else
		accept(v, f);
}

static void
verify_field(struct dkim_verifier *v, struct dns *dns, struct field *f)
{
	unsigned asked = dns->questions;
	const struct dns_rrset *rr =
	    dns_lookup(dns, &f->sig->key_name, DNS_TXT);
	const struct dkim_keyset *set;

	f->verdict.secure = rr->secure;
	switch (rr->status) {
	case DNS_OK:
		set = dkim_keyset_of(rr, v->engine);
		if (set && !f->sig->body->failed)
			try_keys(v, f, set);
		else
			give_up(f);
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		conclude(f, DKIM_WHY_NO_KEY);
		break;
	case DNS_BOGUS:
		conclude(f, DKIM_WHY_BOGUS);
		break;
	case DNS_TEMP:
	case DNS_STATUS_COUNT:
		/* a refused question is not counted */
		if (dns->questions == asked)
			give_up(f);
		else
			conclude(f, DKIM_WHY_DNS);
		break;
	}
}

/* ---- the end ------------------------------------------------------------ */

static void
collect(struct dkim_verifier *v, const struct dkim_verdict **out, size_t *n)
{
	static const struct dkim_verdict no_memory = {
	    .result = DKIM_TEMPERROR, .reason = DKIM_WHY_BUDGET};
	struct dkim_verdict *verdicts =
	    ARENA_ARRAY(v->arena, struct dkim_verdict, v->n);
	size_t i = 0;

	*out = verdicts;
	*n = v->n;
	if (!verdicts) {
		/* not the same as no signature */
		*out = &no_memory;
		*n = v->n > 0;
		return;
	}
	for (struct field *f = v->fields; f; f = f->next)
		verdicts[i++] = f->verdict;
	while (i < v->n)
		verdicts[i++] = no_memory;
}

void
dkim_verifier_finish(struct dkim_verifier *v, struct dns *dns,
    const struct hdr_list *headers, const struct dkim_verdict **out, size_t *n)
{
	bool ready = false;

	if (v->bodies.n) {
		dkim_bodies_end(&v->bodies);
		ready = dkim_hasher_init(&v->hasher, v->arena, v->engine,
			    headers, v->limits.max_header_octets) == 0;
	}
	for (struct field *f = v->fields; f; f = f->next) {
		if (!f->sig)
			continue;
		if (ready)
			verify_field(v, dns, f);
		else
			give_up(f);
	}
	collect(v, out, n);
}
