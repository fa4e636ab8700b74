/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_conf.h"

#include <string.h>

static enum dns_dnssec
dnssec_mode(enum conf_dnssec mode)
{
	switch (mode) {
	case CONF_DNSSEC_AUTO:
		return DNS_DNSSEC_AUTO;
	case CONF_DNSSEC_VALIDATE:
		return DNS_DNSSEC_VALIDATE;
	case CONF_DNSSEC_OFF:
		break;
	}
	return DNS_DNSSEC_OFF;
}

struct dns_unbound_config
dns_conf_unbound(const struct conf *c)
{
	return (struct dns_unbound_config){
	    .servers = c->dns_servers.v,
	    .n_servers = c->dns_servers.n,
	    .dnssec = dnssec_mode(c->dnssec),
	    .trust_anchor = c->dns_trust_anchor,
	    .timeout_ms = (int)c->dns_timeout,
	    .cache_entries = (size_t)c->dns_cache_entries,
	    .max_ttl = (uint32_t)c->dns_max_ttl,
	    .max_negative_ttl = (uint32_t)c->dns_max_negative_ttl,
	};
}

static bool
same_strings(const struct conf_strings *a, const struct conf_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

bool
dns_conf_same(const struct conf *a, const struct conf *b)
{
	return same_strings(&a->dns_servers, &b->dns_servers) &&
	       a->dnssec == b->dnssec &&
	       strcmp(a->dns_trust_anchor, b->dns_trust_anchor) == 0 &&
	       a->dns_timeout == b->dns_timeout &&
	       a->dns_cache_entries == b->dns_cache_entries &&
	       a->dns_max_ttl == b->dns_max_ttl &&
	       a->dns_max_negative_ttl == b->dns_max_negative_ttl;
}
