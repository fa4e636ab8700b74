/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/diag.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/chars.h"

int
diag_set(struct diag *d, int err, size_t offset, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	for (char *p = d->text; *p; p++)
		if (!chars_is(*p, CH_PRINT))
			*p = '?';
	d->offset = offset;
	return err;
}
