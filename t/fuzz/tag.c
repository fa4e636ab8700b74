/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/tag/tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first octet chooses the flags. Every view lies inside the text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data + 1, size ? size - 1 : 0};
	struct tag_list l;
	struct arena a;
	struct diag d;

	if (size == 0)
		return 0;
	arena_init(&a, (size_t)1 << 20);
	if (tag_list_parse(&a, text, data[0] & 15u, &l, &d) == 0) {
		assert(l.n > 0 && l.n <= TAG_LIST_MAX);
		for (size_t i = 0; i < l.n; i++) {
			const struct tag *t = &l.v[i];

			assert(t->name.n > 0 && t->raw.n >= t->value.n);
			assert(t->raw.p + t->raw.n <= text.p + text.n);
			assert(tag_find(&l, t->name)->name.p <= t->name.p);
		}
	}
	arena_fini(&a);
	return 0;
}
