/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <stdlib.h>

#include "lib/mail/hdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields, their CRLFs and the body follow each other without a gap. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, body;
	struct hdr_list l;
	struct arena a;
	size_t octets = 0;

	arena_init(&a, 8 << 20);
	if (hdr_split_message(&a, text, &l, &body))
		abort();
	for (size_t i = 0; i < l.n; i++) {
		struct hdr h = l.v[i];

		if (i && h.raw.p != l.v[i - 1].raw.p + l.v[i - 1].raw.n + 2)
			abort();
		if (!hdr_find(&l, h.name, hdr_count(&l, h.name) - 1) ||
		    h.name.n + h.value.n > h.raw.n)
			abort();
		octets += h.raw.n + 2;
	}
	if (l.octets != octets ||
	    (body.p && l.n && body.p != l.v[0].raw.p + octets + 2))
		abort();
	arena_fini(&a);
	return 0;
}
