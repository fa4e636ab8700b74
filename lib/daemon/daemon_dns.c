/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/daemon/daemon_dns.h"

#include "lib/base/log.h"
#include "lib/dns/dns_conf.h"
#include "lib/dns/dns_unbound.h"

int
daemon_dns_open(const struct conf *c, struct dns_source **out, bool *validating,
    struct diag *d)
{
	struct dns_unbound_config cfg = dns_conf_unbound(c);
	struct dns_unbound_state st;
	bool trouble;
	int err = dns_unbound_open(&cfg, out, d);

	if (err)
		return err;
	dns_unbound_get_state(*out, &st);
	*validating = st.validating;
	trouble = (c->dnssec == CONF_DNSSEC_AUTO && !st.validating) ||
		  st.selftest == DNS_SELFTEST_STRIPPED ||
		  st.selftest == DNS_SELFTEST_BOGUS ||
		  st.selftest == DNS_SELFTEST_SILENT;
	log_msg(trouble ? LOG_LVL_WARN : LOG_LVL_INFO, "%s%s", st.what,
	    trouble ? " (parameters dns_servers, dns_trust_anchor, dnssec)"
		    : "");
	return 0;
}
