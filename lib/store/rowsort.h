/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Sorts more rows than fit into memory: what is above a bound goes in sorted
 * runs to files that have no name, in $TMPDIR or /var/tmp or /tmp, and is
 * merged when it is read.
 */
#ifndef STORE_ROWSORT_H
#define STORE_ROWSORT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"

#define ROWSORT_OCTETS ((size_t)4 << 20) /* most of one row */

struct rowsort_row {
	struct str octets;
	int64_t hour;
	uint64_t source, flag; /* ours to order by and to tell apart */
	uint64_t a, b; /* what they count */
};

struct rowsort;

/* memory: octets of rows that are held at once, about. NULL: out of memory. */
struct rowsort *rowsort_new(size_t memory);
void rowsort_free(struct rowsort *s); /* NULL allowed */

/* Not after rowsort_each(). AVER_NOMEM, AVER_IO (the files), AVER_LIMIT. */
int
rowsort_add(struct rowsort *s, const struct rowsort_row *row, struct diag *d);

/*
 * All of them by octets, hour, source, flag; of those that are equal in all of
 * these only one. It may be called again. A view is valid for its call; what
 * fn returns, if not 0, ends the walk and is returned.
 */
int rowsort_each(struct rowsort *s,
    int (*fn)(void *arg, const struct rowsort_row *row), void *arg,
    struct diag *d);

#endif
