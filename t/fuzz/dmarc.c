/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/err.h"
#include "lib/dmarc/dmarc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_uris(const struct str *uri, size_t n, struct str text)
{
	assert(n <= DMARC_URIS_MAX);
	for (size_t i = 0; i < n; i++) {
		assert(uri[i].n >= 3 && uri[i].n <= DMARC_URI_MAX);
		assert(uri[i].p >= text.p);
		assert(uri[i].p + uri[i].n <= text.p + text.n);
	}
}

/* Both readings of a record: values in range, views inside the text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct dmarc_record r;
	struct arena a;
	struct diag d;
	int err;

	for (int mode = 0; mode < DMARC_DISCOVERY_COUNT; mode++) {
		arena_init(&a, (size_t)1 << 18);
		err = dmarc_record_parse_mode(&a, text, mode, &r, &d);
		assert(err == 0 || err == AVER_SYNTAX || err == AVER_NOTFOUND);
		if (err == 0) {
			check_uris(r.rua, r.n_rua, text);
			check_uris(r.ruf, r.n_ruf, text);
			assert(r.p < DMARC_POLICY_COUNT && r.pct <= 100);
			assert(r.has_p != r.bad_policy && r.fo);
			assert(r.has_sp || r.sp == r.p);
			assert(r.has_np || r.np == r.sp);
			assert(!r.bad_policy || r.n_rua);
		}
		arena_fini(&a);
	}
	return 0;
}
