/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/mail/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name that converts stays as it is the second time. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str path = {(const char *)data, size}, local, domain, x, y;
	struct arena a;
	int err;

	arena_init(&a, 1 << 20);
	addr_split(addr_strip(path), &local, &domain);
	err = domain_to_ascii(&a, domain.p ? domain : local, &x);
	if (err != 0 && err != AVER_SYNTAX)
		abort();
	if (err == 0) {
		unsigned n = domain_labels(x);

		if (x.n == 0 || x.n > 253 || domain_to_ascii(&a, x, &y) ||
		    !str_eq(x, y) || !str_eq(domain_tail(x, n), x))
			abort();
		if (!domain_is_below(x, domain_tail(x, n / 2 + 1)))
			abort();
	}
	arena_fini(&a);
	return 0;
}
