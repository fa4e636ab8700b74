/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/dane_lookup.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/dns/rdata.h"

/* A host and what its addresses said. */
struct target {
	struct dname name;
	uint16_t preference;
	size_t order; /* in the answer: keeps the sort stable */
	bool has_addresses, secure, has_alias;
	struct dname alias; /* the fully expanded name */
};

struct lookup {
	const struct dane_query *q;
	struct dns *d;
	struct arena *arena;
	struct dane_found *out;
	struct target *targets; /* beside out->hosts */
	int64_t now;
};

/* ---- questions ---------------------------------------------------------- */

static struct str
name_text(struct lookup *l, const struct dname *name)
{
	struct buf b;

	buf_init(&b, l->arena, 4 * DNAME_MAX);
	dname_print(&b, name);
	return buf_str(&b);
}

/* One that is not kept by a cache makes all out of date at once. */
static const struct dns_rrset *
ask(struct lookup *l, const struct dname *name, uint16_t type)
{
	const struct dns_rrset *rr = dns_lookup(l->d, name, type);
	int64_t until = dns_rrset_until(rr, l->now);

	if (until < l->out->until)
		l->out->until = until;
	if (rr->status == DNS_BOGUS && l->out->bogus.n == 0) {
		l->out->bogus = name_text(l, name);
		l->out->bogus_why = str_from_z(rr->why);
	}
	return rr;
}

static bool
is_trouble(const struct dns_rrset *rr)
{
	return rr->status == DNS_TEMP || rr->status == DNS_BOGUS;
}

/* ---- mail hosts --------------------------------------------------------- */

/* A name that a client can connect to; anything else is nobody's host. */
static bool
is_host_name(const struct dname *name)
{
	const uint8_t *p = name->wire;

	if (*p == 0)
		return false;
	while (*p) {
		const uint8_t *end = p + 1 + *p;

		for (p++; p < end; p++)
			if (!chars_is((char)*p, CH_LDH) && *p != '_')
				return false;
	}
	return true;
}

static int
by_preference(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static bool
is_repeated(const struct target *v, size_t n, const struct dname *name)
{
	for (size_t i = 0; i < n; i++)
		if (dname_eq(&v[i].name, name))
			return true;
	return false;
}

/* Returns how many. */
static size_t
read_mx(const struct dns_rrset *rr, struct target *v)
{
	struct dname name;
	uint16_t preference;
	size_t n = 0;

	for (size_t i = 0; i < rr->n; i++) {
		if (!rdata_mx(rr->rdata[i], &preference, &name) ||
		    !is_host_name(&name))
			continue;
		v[n] = (struct target){
		    .name = name, .preference = preference, .order = n};
		n++;
	}
	return n;
}

/* RFC 7505 section 3 */
static bool
is_null_mx(const struct dns_rrset *rr)
{
	struct dname name;
	uint16_t preference;

	return rr->n == 1 && rdata_mx(rr->rdata[0], &preference, &name) &&
	       name.len == 1;
}

static bool
make_hosts(struct lookup *l, size_t n)
{
	struct dane_found *out = l->out;

	out->hosts = ARENA_ARRAY(l->arena, struct dane_host, n);
	for (size_t i = 0; out->hosts && i < n; i++) {
		struct dane_host *h = &out->hosts[i];

		h->name = name_text(l, &l->targets[i].name);
		h->preference = l->targets[i].preference;
		h->state = DANE_UNASKED;
	}
	out->n_hosts = out->hosts ? n : 0;
	return out->hosts != NULL;
}

static bool
take_mx(struct lookup *l, const struct dns_rrset *rr)
{
	size_t n, kept = 0;

	l->targets = ARENA_ARRAY(l->arena, struct target, rr->n);
	if (!l->targets)
		return false;
	n = read_mx(rr, l->targets);
	qsort(l->targets, n, sizeof(struct target), by_preference);
	for (size_t i = 0; i < n; i++)
		if (!is_repeated(l->targets, kept, &l->targets[i].name))
			l->targets[kept++] = l->targets[i];
	return make_hosts(l, kept);
}

/* RFC 5321 section 5.1: without MX records the domain is its own host. */
static bool
take_domain(struct lookup *l, const struct dname *domain)
{
	l->targets = ARENA_NEW(l->arena, struct target);
	if (!l->targets)
		return false;
	l->targets[0].name = *domain;
	return make_hosts(l, 1);
}

static void
fail(struct lookup *l, const char *why)
{
	l->out->mx = DANE_MX_FAILED;
	l->out->mx_why = str_from_z(why);
}

static void
find_hosts(struct lookup *l, const struct dname *domain)
{
	const struct dns_rrset *rr;
	struct dane_found *out = l->out;
	bool good = true;

	if (l->q->hop->kind == NEXTHOP_HOST) {
		out->mx = DANE_MX_SECURE;
		if (!take_domain(l, domain))
			fail(l, "out of memory");
		return;
	}
	rr = ask(l, domain, DNS_MX);
	out->mx = rr->secure ? DANE_MX_SECURE : DANE_MX_INSECURE;
	switch (rr->status) {
	case DNS_OK:
		if (is_null_mx(rr))
			out->mx = DANE_MX_NULL;
		else
			good = take_mx(l, rr);
		break;
	case DNS_NODATA:
		good = take_domain(l, domain);
		break;
	case DNS_NXDOMAIN:
		out->mx = DANE_MX_NO_DOMAIN;
		break;
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		fail(l, rr->why);
		break;
	}
	if (!good)
		fail(l, "out of memory");
}

/* ---- addresses ---------------------------------------------------------- */

static void
host_fails(struct dane_host *h, enum dane_state state, const char *why)
{
	h->state = state;
	h->why = str_from_z(why);
}

static void
take_alias(struct target *t, const struct dns_rrset *rr)
{
	if (!t->has_alias && rr->canonical.n)
		t->has_alias = dname_from_wire(rr->canonical, &t->alias, NULL);
}

static void
find_addresses(struct lookup *l, struct target *t, struct dane_host *h)
{
	const struct dns_rrset *v[2];

	v[0] = ask(l, &t->name, DNS_A);
	v[1] = ask(l, &t->name, DNS_AAAA);
	t->secure = true;
	for (size_t i = 0; i < 2; i++) {
		if (v[i]->status != DNS_OK)
			continue;
		t->has_addresses = true;
		t->secure = t->secure && v[i]->secure;
		take_alias(t, v[i]);
	}
	h->secure = t->has_addresses && t->secure;
	if (t->has_addresses)
		return;
	if (is_trouble(v[0]) || is_trouble(v[1]))
		host_fails(h, DANE_ADDRESS_FAILED,
		    is_trouble(v[0]) ? v[0]->why : v[1]->why);
	else
		h->state = DANE_NO_ADDRESS;
}

/* ---- TLSA records ------------------------------------------------------- */

static bool
tlsa_name(const struct lookup *l, const struct dname *base, struct dname *out)
{
	char prefix[32];
	struct str s = {prefix, 0};

	s.n = (size_t)snprintf(
	    prefix, sizeof(prefix), "_%u._tcp", l->q->hop->port);
	return dname_prepend(s, base, out);
}

/* The names to ask for, best first (RFC 7672 section 2.2.3). Returns 0-2. */
static size_t
candidates(struct lookup *l, struct target *t, struct dane_host *h,
    const struct dname *out[2])
{
	const struct dns_rrset *rr;

	if (!t->has_alias) {
		out[0] = &t->name;
		return t->secure ? 1 : 0;
	}
	if (t->secure) {
		/* the root is nobody's host */
		if (t->alias.len == 1) {
			host_fails(h, DANE_FAILED, "a CNAME to an odd name");
			return 0;
		}
		out[0] = &t->alias;
		out[1] = &t->name;
		return 2;
	}
	rr = ask(l, &t->name, DNS_CNAME);
	if (is_trouble(rr)) {
		host_fails(h, DANE_FAILED, rr->why);
		return 0;
	}
	out[0] = &t->name;
	return rr->status == DNS_OK && rr->secure ? 1 : 0;
}

/* The first candidate with validated records is the base domain. */
static void
find_tlsa(struct lookup *l, struct target *t, struct dane_host *h)
{
	const struct dname *names[2];
	struct dname owner;
	size_t n = candidates(l, t, h, names);

	for (size_t i = 0; i < n && h->state == DANE_ABSENT; i++) {
		if (!tlsa_name(l, names[i], &owner))
			continue;
		dane_host_tlsa(l->arena, ask(l, &owner, DNS_TLSA), h);
		if (h->state == DANE_USABLE || h->state == DANE_UNUSABLE)
			h->base = name_text(l, names[i]);
	}
}

static void
prefetch_tlsa(struct lookup *l, const struct target *t)
{
	struct dname owner;

	if (t->has_addresses && t->secure &&
	    tlsa_name(l, t->has_alias ? &t->alias : &t->name, &owner))
		dns_prefetch(l->d, &owner, DNS_TLSA);
}

/* RFC 7672 section 2.2.2: addresses before TLSA, of all hosts at once. */
static void
look_up_hosts(struct lookup *l)
{
	struct dane_found *out = l->out;
	size_t most =
	    l->q->max_hosts < DANE_HOSTS_MAX ? l->q->max_hosts : DANE_HOSTS_MAX;
	size_t n = out->n_hosts < most ? out->n_hosts : most;

	for (size_t i = n; i < out->n_hosts; i++)
		host_fails(&out->hosts[i], DANE_ADDRESS_FAILED,
		    "more MX hosts than are looked at");
	for (size_t i = 0; i < n; i++) {
		out->hosts[i].state = DANE_ABSENT;
		dns_prefetch(l->d, &l->targets[i].name, DNS_A);
		dns_prefetch(l->d, &l->targets[i].name, DNS_AAAA);
	}
	for (size_t i = 0; i < n; i++) {
		find_addresses(l, &l->targets[i], &out->hosts[i]);
		prefetch_tlsa(l, &l->targets[i]);
	}
	for (size_t i = 0; i < n; i++)
		if (l->targets[i].has_addresses)
			find_tlsa(l, &l->targets[i], &out->hosts[i]);
}

void
dane_lookup(const struct dane_query *q, struct dane_found *out)
{
	struct lookup l = {.q = q,
	    .d = q->dns,
	    .arena = q->dns->arena,
	    .out = out,
	    .now = clock_mono_ms()};
	struct dname domain;

	*out = (struct dane_found){.mx = DANE_MX_FAILED, .until = INT64_MAX};
	if (!dname_from_text(q->hop->domain, &domain)) {
		out->mx = DANE_MX_NO_DOMAIN;
		return;
	}
	find_hosts(&l, &domain);
	if (q->tlsa && (out->mx == DANE_MX_SECURE ||
			   (out->mx == DANE_MX_INSECURE && q->insecure_mx)))
		look_up_hosts(&l);
	if (arena_failed(l.arena)) {
		out->n_hosts = 0;
		fail(&l, "out of memory");
	}
}
