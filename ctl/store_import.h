/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The inverse of store_export.h. The file is read twice: nothing of it enters a
 * store unless all of it is sound. It may be killed and done again: what has
 * numbers in the store (rows, incidents, bad datagrams) is added once for the
 * same file, by the store's own rule for batches; a batch is known by the
 * file's checksum and its last line. Everything else may be put twice.
 */
#ifndef CTL_STORE_IMPORT_H
#define CTL_STORE_IMPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/diag.h"
#include "ctl/portable.h"
#include "lib/store/store.h"

struct store_imported {
	uint64_t lines[PORTABLE_KIND_COUNT]; /* of the file */
	uint64_t messages, sessions; /* that its rows count */
	uint64_t done; /* rows up to this line have been in it for sure */
	uint64_t there; /* reports of that id were there: not changed */
	bool again; /* the store knew the file: goes on with it, or had it */
};

/*
 * Reads f, which can be rewound; name is for errors. to was opened with
 * STORE_WRITE.
 * Unless add is set it has to be empty, but for its secrets and sources, or
 * have had a part of this file: AVER_CONF. AVER_LIMIT: it has a secret of its
 * own, so that what bounces would not be known: nothing was added. AVER_SYNTAX,
 * AVER_IO: the file is not sound, nothing was added. AVER_TEMP: the store is
 * busy or away; do it again.
 */
int store_import(struct store *to, FILE *f, const char *name, bool add,
    struct store_imported *out, struct diag *d);

#endif
