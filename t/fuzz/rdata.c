/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The decoders on any octets. The first one chooses the type; what is printed
 * reads back as a zone file and prints the same again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/dns/dns_zone.h"
#include "lib/dns/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
print_and_read(uint16_t type, struct str rdata)
{
	struct dname x = {.len = 3, .wire = {1, 'x', 0}};
	struct dns_source *src;
	struct dns_rrset *rr;
	struct buf b, again;

	buf_init(&b, NULL, 1 << 20);
	buf_init(&again, NULL, 1 << 20);
	rdata_print(&again, type, rdata);
	buf_addf(&b, "x TYPE%u %s\n", type, buf_z(&again));
	if (dns_zone_parse(buf_str(&b), &src, NULL))
		abort();
	rr = src->ops->resolve(src, &x, type, 0);
	buf_clear(&b);
	if (rr->n == 1)
		rdata_print(&b, type, rr->rdata[0]);
	if (rr->status != DNS_TEMP && !str_eq(buf_str(&b), buf_str(&again)))
		abort();
	dns_rrset_unref(rr);
	dns_source_close(src);
	buf_fini(&b);
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {DNS_A, DNS_NS, DNS_CNAME, DNS_SOA,
	    DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA, 99};
	struct str rdata, txt;
	struct arena a;
	struct dname name;
	struct ip ip;
	struct rdata_tlsa tlsa;
	uint16_t preference;

	if (size == 0 || size > 65535)
		return 0;
	rdata = str_from((struct str){(const char *)data, size}, 1);
	arena_init(&a, 1 << 20);
	rdata_txt(&a, rdata, &txt);
	rdata_addr(rdata, &ip);
	rdata_name(rdata, &name);
	rdata_mx(rdata, &preference, &name);
	if (rdata_tlsa(rdata, &tlsa) &&
	    (tlsa.data.n + 3 != rdata.n ||
		(tlsa.data.n && tlsa.data.p != rdata.p + 3)))
		abort();
	print_and_read(types[data[0] % 10], rdata);
	arena_fini(&a);
	return 0;
}
