/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* A DKIM-Signature field: the first octet chooses smtputf8. */
#include <stdlib.h>

#include "lib/dkim/dkim_sig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size}, rest, name;
	struct hdr h = hdr_of(str_from(all, 1));
	struct dkim_sig sig;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (dkim_sig_parse(&a, &h, size && data[0] & 1, &sig, NULL) ==
	    DKIM_WHY_NONE) {
		/* b= lies within the field; h= has names; d= has a dot */
		if (sig.b_raw.p < h.value.p ||
		    sig.b_raw.p + sig.b_raw.n > h.value.p + h.value.n)
			abort();
		for (rest = sig.names; dkim_list_next(&rest, &name);)
			if (name.n == 0)
				abort();
		if (str_chr(sig.domain, '.') == sig.domain.n)
			abort();
	}
	arena_fini(&a);
	return 0;
}
