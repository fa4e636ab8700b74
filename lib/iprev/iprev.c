/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/iprev/iprev.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/name.h"
#include "lib/dns/rdata.h"

static const char *const result_names[IPREV_RESULT_COUNT] = {
    [IPREV_PASS] = "pass",
    [IPREV_FAIL] = "fail",
    [IPREV_TEMPERROR] = "temperror",
    [IPREV_PERMERROR] = "permerror",
};

static const char *const reason_names[IPREV_REASON_COUNT] = {
    [IPREV_WHY_NONE] = "",
    [IPREV_WHY_NO_NAME] = "no name",
    [IPREV_WHY_OTHER_ADDRESS] = "the name has other addresses",
    [IPREV_WHY_NO_ADDRESS] = "the name has no address",
    [IPREV_WHY_DNS] = "DNS lookup failed",
    [IPREV_WHY_BOGUS] = "DNSSEC validation failed",
    [IPREV_WHY_BUDGET] = "limit reached",
    [IPREV_WHY_NO_CLIENT] = "no client address",
};

const char *
iprev_result_name(enum iprev_result r)
{
	return name_of(result_names, IPREV_RESULT_COUNT, (int)r);
}

const char *
iprev_reason_name(enum iprev_reason r)
{
	return name_of(reason_names, IPREV_REASON_COUNT, (int)r);
}

/* RFC 1035 section 3.5, RFC 3596 section 2.5. */
bool
iprev_name(const struct ip *ip, struct dname *out)
{
	static const char hex[] = "0123456789abcdef";
	struct ip plain = ip_unmap(*ip);
	char text[16 * 4 + sizeof("ip6.arpa")];
	size_t n = 0;

	if (plain.family == IP_NONE)
		return false;
	if (plain.family == IP_V4) {
		snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa",
		    plain.a[3], plain.a[2], plain.a[1], plain.a[0]);
		return dname_from_text(str_from_z(text), out);
	}
	for (int i = 15; i >= 0; i--) {
		text[n++] = hex[plain.a[i] & 15];
		text[n++] = '.';
		text[n++] = hex[plain.a[i] >> 4];
		text[n++] = '.';
	}
	memcpy(text + n, "ip6.arpa", sizeof("ip6.arpa"));
	return dname_from_text(str_from_z(text), out);
}

void
iprev_prefetch(struct dns *dns, const struct ip *ip)
{
	struct dname name;

	if (iprev_name(ip, &name))
		dns_prefetch(dns, &name, DNS_PTR);
}

/* One evaluation under way. */
struct state {
	struct dns *dns;
	struct arena *a;
	struct iprev *out;
	struct ip ip; /* never IPv4-mapped */
	struct dname *names;
	unsigned n;
};

static void
set(struct state *s, enum iprev_result result, enum iprev_reason why)
{
	s->out->result = result;
	s->out->reason = why;
}

/* An answer that is none. */
static enum iprev_reason
trouble(const struct state *s, const struct dns_rrset *rr)
{
	if (rr->status == DNS_BOGUS)
		return IPREV_WHY_BOGUS;
	return s->dns->over_budget ? IPREV_WHY_BUDGET : IPREV_WHY_DNS;
}

static void
set_name(struct state *s, const struct dname *name)
{
	struct buf b;

	buf_init(&b, s->a, 4 * DNAME_MAX);
	dname_print(&b, name);
	s->out->name = buf_str(&b);
}

static int
compare(const struct dname *a, const struct dname *b)
{
	return str_cmp((struct str){(const char *)a->wire, a->len},
	    (struct str){(const char *)b->wire, b->len});
}

/* Keeps the first max names, sorted; the root is the name of no host. */
static void
add_name(struct state *s, unsigned max, const struct dname *name)
{
	unsigned at = s->n;

	if (name->len <= 1)
		return;
	while (at > 0 && compare(name, &s->names[at - 1]) < 0)
		at--;
	if (at == max || (at > 0 && dname_eq(name, &s->names[at - 1])))
		return;
	if (s->n < max)
		s->n++;
	for (unsigned i = s->n - 1; i > at; i--)
		s->names[i] = s->names[i - 1];
	s->names[at] = *name;
}

/* The names of the client; false when the result is set. */
static bool
load_names(struct state *s, unsigned max)
{
	const struct dns_rrset *rr;
	struct dname name;

	if (!iprev_name(&s->ip, &name)) {
		set(s, IPREV_PERMERROR, IPREV_WHY_NO_CLIENT);
		return false;
	}
	rr = dns_lookup(s->dns, &name, DNS_PTR);
	s->out->secure = rr->secure;
	if (rr->status == DNS_TEMP || rr->status == DNS_BOGUS) {
		set(s, IPREV_TEMPERROR, trouble(s, rr));
		return false;
	}
	s->names = ARENA_ARRAY(s->a, struct dname, max);
	if (!s->names) {
		set(s, IPREV_TEMPERROR, IPREV_WHY_BUDGET);
		return false;
	}
	for (size_t i = 0; i < rr->n; i++)
		if (rdata_name(rr->rdata[i], &name))
			add_name(s, max, &name);
	/* RFC 8601 section 2.7.3: no PTR record is permerror */
	if (s->n == 0)
		set(s, IPREV_PERMERROR, IPREV_WHY_NO_NAME);
	return s->n > 0;
}

static bool
holds_client(const struct state *s, const struct dns_rrset *rr)
{
	struct ip ip;

	for (size_t i = 0; i < rr->n; i++)
		if (rdata_addr(rr->rdata[i], &ip) && ip_eq(&ip, &s->ip))
			return true;
	return false;
}

/*
 * RFC 8601 section 3: pass if the address is among those of any name. Else a
 * lookup that failed might have made it pass: temperror before fail.
 */
static void
try_names(struct state *s, uint16_t type)
{
	bool ptr_secure = s->out->secure;

	set(s, IPREV_FAIL, IPREV_WHY_NO_ADDRESS);
	for (unsigned i = 0; i < s->n; i++) {
		const struct dns_rrset *rr =
		    dns_lookup(s->dns, &s->names[i], type);

		if (rr->status == DNS_OK && holds_client(s, rr)) {
			set(s, IPREV_PASS, IPREV_WHY_NONE);
			s->out->secure = ptr_secure && rr->secure;
			set_name(s, &s->names[i]);
			return;
		}
		s->out->secure = s->out->secure && rr->secure;
		if (s->out->result == IPREV_TEMPERROR)
			continue;
		if (rr->status == DNS_TEMP || rr->status == DNS_BOGUS)
			set(s, IPREV_TEMPERROR, trouble(s, rr));
		else if (rr->status == DNS_OK)
			set(s, IPREV_FAIL, IPREV_WHY_OTHER_ADDRESS);
	}
	set_name(s, &s->names[0]);
}

void
iprev_eval(struct dns *dns, struct arena *a, const struct ip *ip,
    unsigned max_names, struct iprev *out)
{
	struct state s = {.dns = dns, .a = a, .out = out, .ip = ip_unmap(*ip)};
	uint16_t type = s.ip.family == IP_V4 ? DNS_A : DNS_AAAA;

	if (max_names == 0)
		max_names = 1;
	if (max_names > IPREV_NAMES_MAX)
		max_names = IPREV_NAMES_MAX;
	*out = (struct iprev){.result = IPREV_TEMPERROR};
	if (!load_names(&s, max_names))
		return;
	for (unsigned i = 1; i < s.n; i++)
		dns_prefetch(dns, &s.names[i], type);
	try_names(&s, type);
}
