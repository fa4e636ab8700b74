/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/report/report_mx.h"

#include "lib/base/name.h"
#include "lib/dns/rdata.h"

static const char *const names[REPORT_MX_COUNT] = {
    [REPORT_MX_OK] = "takes mail",
    [REPORT_MX_NULL] = "null MX",
    [REPORT_MX_NONE] = "no MX and no address",
    [REPORT_MX_TEMP] = "MX lookup failed",
};

const char *
report_mx_name(enum report_mx mx)
{
	return name_of(names, REPORT_MX_COUNT, (int)mx);
}

/* RFC 7505 section 3: one MX record, and it names the root */
static bool
is_null_mx(const struct dns_rrset *rr)
{
	uint16_t preference;
	struct dname host;

	return rr->n == 1 && rdata_mx(rr->rdata[0], &preference, &host) &&
	       host.len == 1;
}

/* RFC 5321 section 5.1: without MX the name itself is the host */
static enum report_mx
check_address(struct dns *dns, const struct dname *name)
{
	static const uint16_t types[] = {DNS_A, DNS_AAAA};
	enum report_mx found = REPORT_MX_NONE;

	for (size_t i = 0; i < 2; i++) {
		const struct dns_rrset *rr = dns_lookup(dns, name, types[i]);

		if (rr->status == DNS_OK)
			return REPORT_MX_OK;
		if (rr->status == DNS_TEMP || rr->status == DNS_BOGUS)
			found = REPORT_MX_TEMP;
	}
	return found;
}

enum report_mx
report_mx_check(struct dns *dns, struct str domain)
{
	const struct dns_rrset *rr;
	struct dname name;

	if (!dname_from_text(domain, &name) || name.len == 1)
		return REPORT_MX_NONE;
	rr = dns_lookup(dns, &name, DNS_MX);
	switch (rr->status) {
	case DNS_OK:
		return is_null_mx(rr) ? REPORT_MX_NULL : REPORT_MX_OK;
	case DNS_NODATA:
		return check_address(dns, &name);
	case DNS_NXDOMAIN:
		return REPORT_MX_NONE;
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		break;
	}
	return REPORT_MX_TEMP;
}
