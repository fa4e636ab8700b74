/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Names from text and from wire form; what is one survives both ways. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/dns/dname.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct dname *name)
{
	struct str wire = {(const char *)name->wire, name->len};
	struct dname again, up = *name;
	struct buf b;
	size_t used;

	if (!dname_from_wire(wire, &again, &used) || used != name->len ||
	    !dname_eq(name, &again))
		abort();
	for (unsigned n = dname_labels(name); n; n--)
		if (!dname_parent(&up, &up) || !dname_is_below(name, &up))
			abort();
	if (dname_parent(&up, &up))
		abort();
	if (dname_prepend(STR("_dmarc"), name, &again) &&
	    (!dname_parent(&again, &again) || !dname_eq(name, &again)))
		abort();
	buf_init(&b, NULL, 4 * DNAME_MAX);
	dname_print(&b, name);
	if (!buf_ok(&b))
		abort();
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct dname name;

	if (dname_from_text(in, &name))
		check(&name);
	if (dname_from_wire(in, &name, NULL))
		check(&name);
	return 0;
}
