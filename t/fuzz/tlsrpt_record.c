/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/tlsrpt/tlsrpt_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct tlsrpt_record r;
	size_t usable = 0;
	struct arena a;
	struct diag d;
	int err;

	arena_init(&a, (size_t)1 << 20);
	err = tlsrpt_record_parse(&a, text, &r, &d);
	assert(err == 0 || err == AVER_SYNTAX || err == AVER_LIMIT);
	if (err == 0) {
		assert(tlsrpt_record_is(text) && r.n_rua > 0);
		for (size_t i = 0; i < r.n_rua; i++) {
			const struct tlsrpt_uri *u = &r.rua[i];

			usable += u->scheme != TLSRPT_OTHER;
			assert(u->text.p > text.p && u->text.n > 0);
			assert(u->text.p + u->text.n <= text.p + text.n);
			assert(
			    (u->scheme == TLSRPT_MAILTO) == (u->address.n > 0));
			/* nothing in an address ends a line */
			for (size_t k = 0; k < u->address.n; k++)
				assert(!chars_is(u->address.p[k], CH_CTL));
		}
		assert(usable == r.n_usable);
	}
	arena_fini(&a);
	return 0;
}
