/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/spf/spf_value.h"

#include "lib/dns/rdata.h"

static void
print_reversed(struct buf *b, const struct ip *ip)
{
	if (ip->family == IP_V4) {
		buf_addf(b, "%u.%u.%u.%u.in-addr.arpa", ip->a[3], ip->a[2],
		    ip->a[1], ip->a[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		buf_addf(b, "%x.%x.", ip->a[i] & 15u, ip->a[i] >> 4);
	buf_add_z(b, "ip6.arpa");
}

/*
 * RFC 7208 section 5.5: the names of the client, at most max_names of them
 * (section 4.6.4: the rest is ignored). Asked once an evaluation.
 */
static void
load_ptr(struct spf_ctx *c)
{
	const struct dns_rrset *rr;
	const struct str *v;
	struct dname name;
	struct buf b;
	size_t n;

	c->ptr_known = true;
	c->ptr_status = DNS_TEMP;
	buf_init(&b, c->arena, 100);
	print_reversed(&b, &c->ip);
	if (!dname_from_text(buf_str(&b), &name))
		return;
	rr = spf_ctx_ask(c, &name, DNS_PTR);
	c->ptr_status = rr->status;
	if (rr->status != DNS_OK)
		return;
	v = spf_ctx_pick(c, rr, c->in->limits.max_names, &n);
	c->ptr = ARENA_ARRAY(c->arena, struct spf_ptr_name, n);
	for (size_t i = 0; v && c->ptr && i < n; i++)
		if (rdata_name(v[i], &c->ptr[c->n_ptr].dname))
			c->n_ptr++;
}

static void
count_ptr_void(struct spf_ctx *c)
{
	if (!c->ptr_known)
		load_ptr(c);
	if (c->ptr_status == DNS_NODATA || c->ptr_status == DNS_NXDOMAIN)
		spf_ctx_void(c);
}

/*
 * Is the client an address of the name? RFC 7208 section 5.5: "If a DNS error
 * occurs while doing an A RR lookup, then that domain name is skipped".
 */
static bool
is_valid_ptr(struct spf_ctx *c, struct spf_ptr_name *p)
{
	const struct dns_rrset *rr;

	if (p->state == SPF_PTR_UNKNOWN) {
		rr = spf_ctx_ask(c, &p->dname, spf_ctx_addr_type(c));
		p->state =
		    rr->status == DNS_OK && spf_ctx_holds_client(c, rr, 128)
			? SPF_PTR_VALID
			: SPF_PTR_INVALID;
		if (rr->status == DNS_NODATA || rr->status == DNS_NXDOMAIN)
			spf_ctx_void(c);
	}
	return p->state == SPF_PTR_VALID && !c->failed;
}

enum spf_match
spf_match_ptr(struct spf_ctx *c, const struct dname *target)
{
	count_ptr_void(c);
	for (size_t i = 0; i < c->n_ptr && !c->failed; i++)
		if (dname_is_below(&c->ptr[i].dname, target) &&
		    is_valid_ptr(c, &c->ptr[i]))
			return SPF_MATCH_YES;
	return c->failed ? SPF_MATCH_ERROR : SPF_MATCH_NO;
}

/* RFC 7208 section 7.3: <domain> itself, else one below it, else any. */
static struct spf_ptr_name *
best_ptr(struct spf_ctx *c)
{
	const struct dname *domain = &c->host->dname;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < c->n_ptr && !c->failed; i++) {
			struct spf_ptr_name *p = &c->ptr[i];

			if (round == 0 && !dname_eq(&p->dname, domain))
				continue;
			if (round == 1 && !dname_is_below(&p->dname, domain))
				continue;
			if (is_valid_ptr(c, p))
				return p;
		}
	}
	return NULL;
}

static void
print_best_ptr(struct spf_ctx *c)
{
	struct spf_ptr_name *p;

	count_ptr_void(c);
	p = best_ptr(c);
	if (p)
		dname_print(&c->value, &p->dname);
	else
		buf_add_z(&c->value, "unknown");
}

/*
 * RFC 7208 section 7.2: dotted nibbles for IPv6. No name cares about their
 * case, which is that of section 7.4; in the text of an explanation it is the
 * one that the test suite of that RFC and other programs have.
 */
static void
print_dotted(struct buf *b, const struct ip *ip, bool capitals)
{
	const char *hex = capitals ? "0123456789ABCDEF" : "0123456789abcdef";

	if (ip->family == IP_V4) {
		ip_print(b, ip);
		return;
	}
	for (int i = 0; i < 16; i++) {
		if (i)
			buf_add_c(b, '.');
		buf_add_c(b, hex[ip->a[i] >> 4]);
		buf_add_c(b, '.');
		buf_add_c(b, hex[ip->a[i] & 15u]);
	}
}

static void
print_sender(struct spf_ctx *c)
{
	buf_add(&c->value, c->id.local);
	buf_add_c(&c->value, '@');
	buf_add(&c->value, c->id.domain);
}

/* The letters whose value has to be made. */
static struct str
made_value(struct spf_ctx *c, char letter)
{
	struct buf *b = &c->value;

	/* one buffer for all, however often a record asks */
	if (!b->max)
		buf_init(b, c->arena, c->id.local.n + 4 * DNAME_MAX);
	buf_clear(b);
	if (letter == 's')
		print_sender(c);
	else if (letter == 'p')
		print_best_ptr(c);
	else if (letter == 'i')
		print_dotted(b, &c->ip, c->explaining);
	else if (letter == 'c')
		ip_print(b, &c->ip);
	else if (letter == 't')
		buf_add_u64(b, c->in->now > 0 ? (uint64_t)c->in->now : 0);
	return buf_str(b);
}

/* RFC 7208 section 7.2 */
struct str
spf_value(void *arg, char letter)
{
	struct spf_ctx *c = arg;

	switch (letter) {
	case 'l':
		return c->id.local;
	case 'o':
		return c->id.domain;
	case 'd':
		return c->host->name.text;
	case 'v':
		return c->ip.family == IP_V4 ? STR("in-addr") : STR("ip6");
	case 'h':
		return c->in->helo;
	case 'r':
		return c->in->receiver.n ? c->in->receiver : STR("unknown");
	}
	return made_value(c, letter);
}
