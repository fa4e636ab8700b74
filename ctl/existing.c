/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/existing.h"

#include "lib/base/err.h"

int
existing_open(const char *spec, struct store **out, struct diag *d)
{
	struct store *s = NULL;
	int err = store_open(spec, STORE_READ, &s, d);

	store_close(s);
	/* one that reading refuses for its version is brought to this one */
	return err == AVER_IO ? err : store_open(spec, STORE_WRITE, out, d);
}
