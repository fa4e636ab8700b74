/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* A key record; and its octets as DER. */
#include <stdlib.h>

#include "lib/dkim/dkim_key.h"
#include "lib/dkim/dkim_rsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char hash[32];
	struct str text = {(const char *)data, size};
	struct arena a;
	struct dkim_engine *e;
	struct dkim_rsa rsa;
	struct dkim_key k;

	arena_init(&a, 1 << 20);
	e = dkim_engine_new(&a);
	if (e && dkim_key_parse(&a, e, text, &k, NULL) == 0 &&
	    k.why == DKIM_WHY_NONE && dkim_key_verify(&k, hash, text))
		abort();
	if (dkim_rsa_read(text, &rsa) &&
	    (rsa.n.n == 0 || rsa.bits > 8 * rsa.n.n ||
		rsa.bits <= 8 * (rsa.n.n - 1)))
		abort();
	arena_fini(&a);
	return 0;
}
