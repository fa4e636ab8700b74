/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/chars.h"
#include "tlspolicy/nexthop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The canonical key means the same, and nothing in it is of use elsewhere. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str key = {(const char *)data, size};
	struct nexthop n, again;
	struct arena a;
	struct diag d;

	arena_init(&a, (size_t)64 << 10);
	assert(nexthop_parse(&a, key, &n, &d) == 0);
	assert(n.kind < NEXTHOP_KIND_COUNT && n.port > 0);
	if (n.key.n) {
		for (size_t i = 0; i < n.key.n; i++)
			assert(chars_is(n.key.p[i], CH_LDH | CH_TAGNAME) ||
			       str_chr(STR(".:[]"), n.key.p[i]) < 4);
		assert(nexthop_parse(&a, n.key, &again, &d) == 0);
		assert(again.kind == n.kind && again.port == n.port);
		assert(str_eq(again.key, n.key));
		assert(str_eq(again.domain, n.domain));
	}
	assert(n.kind != NEXTHOP_DOMAIN || n.domain.n > 0);
	assert(n.kind != NEXTHOP_HOST || n.domain.n > 0);
	assert(n.kind != NEXTHOP_LITERAL || n.domain.n == 0);
	assert(n.kind != NEXTHOP_INVALID || n.key.n == 0);
	/* keys of parents never become anything else */
	assert((size > 0 && data[0] == '.') == (n.kind == NEXTHOP_PARENT) ||
	       size > NEXTHOP_KEY_MAX);
	arena_fini(&a);
	return 0;
}
