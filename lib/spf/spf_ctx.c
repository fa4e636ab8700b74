/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/spf/spf_ctx.h"

#include "lib/base/chars.h"
#include "lib/dns/rdata.h"

#define DETAIL_MAX ((size_t)300)

enum spf_match
spf_ctx_fail(struct spf_ctx *c, enum spf_result result, enum spf_reason why,
    struct str detail)
{
	struct buf b;

	if (c->failed)
		return SPF_MATCH_ERROR;
	detail = str_head(detail, DETAIL_MAX);
	buf_init(&b, c->arena, DETAIL_MAX);
	for (size_t i = 0; i < detail.n; i++)
		buf_add_c(
		    &b, chars_is(detail.p[i], CH_PRINT) ? detail.p[i] : '?');
	c->failed = true;
	c->out->result = result;
	c->out->reason = why;
	c->out->detail = buf_str(&b);
	return SPF_MATCH_ERROR;
}

enum spf_match
spf_ctx_fail_term(struct spf_ctx *c, enum spf_reason why)
{
	return spf_ctx_fail(c, SPF_PERMERROR, why,
	    c->term ? c->term->text : c->host->name.text);
}

/* RFC 7208 sections 2.6.6 and 5: an answer that is none. */
enum spf_match
spf_ctx_fail_dns(struct spf_ctx *c, const struct dns_rrset *rr,
    const struct dname *name, uint16_t type)
{
	enum spf_reason why = SPF_WHY_DNS;
	struct buf b;

	if (rr->status == DNS_BOGUS)
		why = SPF_WHY_BOGUS;
	else if (c->dns->over_budget)
		why = SPF_WHY_BUDGET;
	buf_init(&b, c->arena, 4 * DNAME_MAX + 16);
	buf_add_z(&b, dns_type_name(type));
	buf_add_c(&b, ' ');
	dname_print(&b, name);
	return spf_ctx_fail(c, SPF_TEMPERROR, why, buf_str(&b));
}

/*
 * Where RFC 7208 has errors ignored (ptr), a spent budget still ends the
 * evaluation: it is no statement of the DNS.
 */
const struct dns_rrset *
spf_ctx_ask(struct spf_ctx *c, const struct dname *name, uint16_t type)
{
	const struct dns_rrset *rr = dns_lookup(c->dns, name, type);

	if (c->explaining)
		return rr;
	c->out->secure = rr->secure && (c->out->secure || !c->asked);
	c->asked = true;
	if (rr->status == DNS_TEMP && c->dns->over_budget)
		spf_ctx_fail_dns(c, rr, name, type);
	return rr;
}

/*
 * RFC 7208 section 4.6.4 limits the number of terms whose queries come back
 * empty: a term counts once, so that an mx of several IPv4-only hosts is no
 * error for an IPv6 client.
 */
enum spf_match
spf_ctx_void(struct spf_ctx *c)
{
	if (c->explaining || c->term_void)
		return SPF_MATCH_NO;
	c->term_void = true;
	if (++c->out->voids > c->in->limits.max_void)
		return spf_ctx_fail_term(c, SPF_WHY_VOID);
	return SPF_MATCH_NO;
}

uint16_t
spf_ctx_addr_type(const struct spf_ctx *c)
{
	return c->ip.family == IP_V4 ? DNS_A : DNS_AAAA;
}

bool
spf_ctx_holds_client(
    const struct spf_ctx *c, const struct dns_rrset *rr, unsigned bits)
{
	struct ip ip;

	for (size_t i = 0; i < rr->n; i++)
		if (rdata_addr(rr->rdata[i], &ip) && ip_in(&c->ip, &ip, bits))
			return true;
	return false;
}

const struct str *
spf_ctx_pick(
    struct spf_ctx *c, const struct dns_rrset *rr, size_t max, size_t *n)
{
	struct str *v;

	*n = 0;
	max = rr->n < max ? rr->n : max;
	v = ARENA_ARRAY(c->arena, struct str, max);
	for (size_t i = 0; v && i < rr->n; i++) {
		size_t at = *n;

		for (; at > 0 && str_cmp(rr->rdata[i], v[at - 1]) < 0; at--)
			if (at < max)
				v[at] = v[at - 1];
		if (at < max)
			v[at] = rr->rdata[i];
		if (*n < max)
			++*n;
	}
	return v;
}
