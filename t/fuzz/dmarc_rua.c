/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/chars.h"
#include "lib/dmarc/dmarc_rua.h"
#include "lib/dns/dns_zone.h"
#include "lib/mail/mailto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines of the input: policy domain, URIs ("," between), then a zone file. */

#define MOST 3

static bool
can_stand_in_smtp(struct str address)
{
	bool quoted = false;

	for (size_t i = 0; i < address.n; i++) {
		if (chars_is(address.p[i], CH_CTL))
			return false;
		if (address.p[i] == '"')
			quoted = true;
		if (!quoted && str_chr(STR(" <>()\\,;:"), address.p[i]) < 9)
			return false;
	}
	return address.n > 0 && address.n <= MAILTO_ADDRESS_MAX;
}

static void
check_mailto(struct arena *a, struct str uri)
{
	struct mailto m, again;
	struct buf b;

	if (mailto_parse(a, uri, &m, NULL))
		return;
	assert(can_stand_in_smtp(m.address));
	/* an address written as a URI is itself again */
	buf_init(&b, a, 8192);
	buf_add_z(&b, "mailto:");
	for (size_t i = 0; i < m.address.n; i++)
		buf_addf(&b, "%%%02X", (unsigned char)m.address.p[i]);
	assert(mailto_parse(a, buf_str(&b), &again, NULL) == 0);
	assert(str_eq(m.address, again.address));
	assert(str_eq(m.domain, again.domain));
}

static void
check_dests(const struct dmarc_dests *l)
{
	size_t usable = 0, later = 0;

	assert(l->n <= DMARC_DESTS_MAX);
	for (size_t i = 0; i < l->n; i++) {
		const struct dmarc_dest *d = &l->v[i];
		enum dmarc_dest_state st = dmarc_dest_state(d->why);

		usable += st == DMARC_DEST_USE;
		later += st == DMARC_DEST_LATER;
		assert(d->why < DMARC_DEST_WHY_COUNT);
		if (st != DMARC_DEST_USE)
			continue;
		assert(can_stand_in_smtp(d->address));
		for (size_t k = 0; k < i; k++)
			assert(
			    dmarc_dest_state(l->v[k].why) != DMARC_DEST_USE ||
			    !str_eq(l->v[k].address, d->address));
	}
	assert(usable == l->usable && later == l->later && usable <= MOST);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, domain, list, uris[20];
	struct dns_source *source = NULL;
	struct dmarc_finder finder;
	struct dmarc_dests dests;
	struct arena a;
	struct dns dns;
	size_t n = 0;

	domain = str_cut(text, '\n', &text);
	list = str_cut(text, '\n', &text);
	if (dns_zone_parse(text, &source, NULL) &&
	    dns_zone_parse(STR_NONE, &source, NULL))
		return 0;
	arena_init(&a, (size_t)1 << 20);
	while (list.p && n < 20)
		uris[n++] = str_cut(list, ',', &list);
	for (size_t i = 0; i < n; i++)
		check_mailto(&a, uris[i]);
	dns_init(&dns, source, &a, INT64_MAX, 100);
	dmarc_finder_init(&finder, &dns, DMARC_TREEWALK, NULL);
	if (dmarc_destinations(&finder, &a, domain, uris, n,
		size % 2 ? DMARC_RUA : DMARC_RUF, MOST, &dests) == 0)
		check_dests(&dests);
	arena_fini(&a);
	dns_source_close(source);
	return 0;
}
