/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/b64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decoding is total; encode, then decode is the identity. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size}, out;
	struct arena a;
	struct buf b;

	arena_init(&a, (size_t)1 << 24);
	if (b64_decode(&a, in, &out) == 0)
		assert(out.n <= size / 4 * 3 + 2);
	buf_init(&b, NULL, size * 2 + 4);
	b64_encode(&b, in);
	assert(buf_ok(&b) && b.n == (size + 2) / 3 * 4);
	assert(b64_decode(&a, buf_str(&b), &out) == 0 && str_eq(in, out));
	buf_fini(&b);
	arena_fini(&a);
	return 0;
}
