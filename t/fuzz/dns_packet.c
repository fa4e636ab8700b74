/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/dns/dns_packet.h"
#include "lib/dns/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first octet chooses the type. What is read reads back. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dname name = {.len = 11, .wire = "\1a\7example"};
	static const uint16_t types[] = {DNS_A, DNS_NS, DNS_CNAME, DNS_SOA,
	    DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA};
	struct dname target;
	struct dns_rrset *rr;
	uint16_t type, pref;
	bool kept;

	if (size == 0)
		return 0;
	type = types[data[0] % (sizeof(types) / sizeof(types[0]))];
	rr = dns_packet_read((struct str){(const char *)data + 1, size - 1},
	    &name, type, true, &kept);
	assert((rr->status == DNS_OK) == (rr->n > 0) && rr->n <= 500);
	assert(rr->secure == (rr->status != DNS_TEMP));
	assert(rr->canonical.n == 0 ||
	       dname_from_wire(rr->canonical, &target, NULL));
	for (size_t i = 0; i < rr->n; i++) {
		if (type == DNS_MX)
			assert(rdata_mx(rr->rdata[i], &pref, &target));
		if (type == DNS_NS || type == DNS_CNAME || type == DNS_PTR)
			assert(rdata_name(rr->rdata[i], &target));
	}
	dns_rrset_unref(rr);
	return 0;
}
