/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/resolver.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/dns/dns_unbound.h"

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

int
resolver_open(const struct conf *c, struct dns_source **out, bool *validating,
    struct diag *d)
{
	struct dns_unbound_config cfg = {
	    .servers = c->dns_servers.v,
	    .n_servers = c->dns_servers.n,
	    .dnssec = dnssec_mode(c->dnssec),
	    .trust_anchor = c->dns_trust_anchor,
	    .timeout_ms = (int)c->dns_timeout,
	    .cache_entries = (size_t)c->dns_cache_entries,
	    .max_ttl = (uint32_t)c->dns_max_ttl,
	    .max_negative_ttl = (uint32_t)c->dns_max_negative_ttl,
	};
	struct dns_unbound_state st;
	bool trouble;
	int err = dns_unbound_open(&cfg, out, d);

	if (err)
		return err;
	dns_unbound_get_state(*out, &st);
	*validating = st.validating;
	trouble = st.selftest == DNS_SELFTEST_STRIPPED ||
		  st.selftest == DNS_SELFTEST_BOGUS ||
		  st.selftest == DNS_SELFTEST_SILENT;
	log_msg(trouble ? LOG_LVL_WARN : LOG_LVL_INFO, "%s", st.what);
	return 0;
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
resolver_is_same(const struct conf *a, const struct conf *b)
{
	return same_strings(&a->dns_servers, &b->dns_servers) &&
	       a->dnssec == b->dnssec &&
	       strcmp(a->dns_trust_anchor, b->dns_trust_anchor) == 0 &&
	       a->dns_timeout == b->dns_timeout &&
	       a->dns_cache_entries == b->dns_cache_entries &&
	       a->dns_max_ttl == b->dns_max_ttl &&
	       a->dns_max_negative_ttl == b->dns_max_negative_ttl;
}
