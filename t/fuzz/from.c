/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <stdlib.h>

#include "lib/mail/addr.h"
#include "lib/mail/from.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any header: a status, and domains that are A-labels already. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, body, again;
	struct hdr_list l;
	struct from f;
	struct arena a;

	arena_init(&a, 8 << 20);
	if (hdr_split_message(&a, text, &l, &body) || from_extract(&a, &l, &f))
		abort();
	if (f.n_domains > FROM_DOMAINS_MAX || f.status >= FROM_STATUS_COUNT)
		abort();
	if (f.status == FROM_OK && (f.n_domains != 1 || f.truncated))
		abort();
	for (size_t i = 0; i < f.n_domains; i++)
		if (domain_to_ascii(&a, f.domains[i], &again) ||
		    !str_eq(f.domains[i], again))
			abort();
	arena_fini(&a);
	return 0;
}
