/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The recorder's ring file with anything in it. The input stands for the
 * header's first 320 octets, then a slot, then the data.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/store/ring_format.h"

#define HEAD 320

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
look(void *arg, const struct ring_entry *e)
{
	uint64_t *sum = arg;

	for (size_t i = 0; e && i < e->policy_domain.n; i++)
		*sum += (unsigned char)e->policy_domain.p[i];
	for (size_t i = 0; e && i < e->octets.n; i++)
		*sum += (unsigned char)e->octets.p[i];
	if (e && (unsigned)e->kind >= RECORD_KIND_COUNT)
		abort();
	if (e && ring_payload_hash(e->source, e->policy_domain, e->octets) !=
		     e->hash)
		abort();
	return 0;
}

/* Signs the first record as the mutator left it, or nothing gets past here. */
static void
sign(char *p, size_t n)
{
	struct ring_record h;
	struct str rest;

	if (n < sizeof(h))
		return;
	memcpy(&h, p, sizeof(h));
	rest = (struct str){p + sizeof(h), n - sizeof(h)};
	if (h.domain_n + (size_t)h.octets_n > rest.n)
		return;
	h.hash = ring_payload_hash(h.source, str_head(rest, h.domain_n),
	    str_head(str_from(rest, h.domain_n), h.octets_n));
	h.sum = ring_record_sum(&h);
	memcpy(p, &h, sizeof(h));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t head = size < HEAD ? size : HEAD;
	char *image = calloc(1, RING_DATA + size);
	struct ring_salvaged out;
	uint64_t sum = 0;

	if (!image)
		return 0;
	memcpy(image, data, head);
	memcpy(image + RING_DATA, data + head, size - head);
	ring_salvage_image(image, RING_DATA + size - head, look, &sum, &out);
	sign(image + RING_DATA, size - head);
	ring_salvage_image(image, RING_DATA + size - head, look, &sum, &out);
	/* as it is: too short to be a ring, or cut anywhere */
	ring_salvage_image(data, size, look, &sum, &out);
	free(image);
	return 0;
}
