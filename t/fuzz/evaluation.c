/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/store/evaluation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted is the one encoding of what it says. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str octets = {(const char *)data, size};
	struct evaluation ev;
	struct buf b;

	if (evaluation_decode(octets, &ev))
		return 0;
	assert(ev.n_dkim <= EVAL_DKIM_MAX && ev.n_reasons <= EVAL_REASONS_MAX);
	buf_init(&b, NULL, 65536);
	evaluation_encode(&b, &ev);
	assert(buf_ok(&b) && str_eq(buf_str(&b), octets));
	buf_fini(&b);
	return 0;
}
