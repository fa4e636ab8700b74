/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Records of TLSA, each an octet of length and as many octets. */

#include <assert.h>

#include "tlspolicy/dane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 200

static void
check_kept(const struct dane_host *h)
{
	for (size_t i = 0; i < h->n_tlsa; i++) {
		const struct tlsa *t = &h->tlsa[i];

		assert(t->usage == 2 || t->usage == 3);
		assert(t->selector <= 1 && t->matching <= 2);
		for (size_t k = 0; k < h->n_tlsa; k++)
			assert(t->matching != 1 || h->tlsa[k].matching != 2 ||
			       h->tlsa[k].usage != t->usage ||
			       h->tlsa[k].selector != t->selector);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, rdata[MOST];
	struct dane_host h = {.state = DANE_ABSENT};
	struct dns_rrset *rr;
	size_t n = 0, usable = 0, parsed = 0;
	struct arena a;
	struct buf b;

	while (rest.n && n < MOST) {
		size_t len = (unsigned char)rest.p[0];
		struct tlsa t;

		rdata[n] = str_head(str_from(rest, 1), len);
		rest = str_from(rest, 1 + rdata[n].n);
		if (n < TLSA_RECORDS_MAX) {
			enum tlsa_fault f = tlsa_parse(rdata[n], &t);

			usable += f == TLSA_USABLE;
			parsed += f != TLSA_SHORT;
		}
		n++;
	}
	arena_init(&a, (size_t)1 << 20);
	rr = dns_rrset_new(DNS_OK, true, 60, n, rdata, NULL);
	assert(rr && dane_host_tlsa(&a, rr, &h) == 0);
	assert(h.state == (usable ? DANE_USABLE : DANE_UNUSABLE));
	assert(h.n_tlsa <= (usable ? usable : parsed));
	assert(!usable || h.n_tlsa > 0);
	if (usable)
		check_kept(&h);
	buf_init(&b, &a, 100000);
	for (size_t i = 0; i < h.n_tlsa; i++)
		tlsa_print(&b, &h.tlsa[i]);
	dns_rrset_unref(rr);
	arena_fini(&a);
	return 0;
}
