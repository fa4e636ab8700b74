/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Everything that a store holds, written as portable.h has it, while programs
 * go on working on it. With SQLite it is the store of one moment. With Redis
 * what is recorded meanwhile may be in it or not, but what a report is made of
 * meanwhile would be there twice or not at all: then the export fails.
 */
#ifndef CTL_STORE_EXPORT_H
#define CTL_STORE_EXPORT_H

#include <stdint.h>
#include <stdio.h>

#include "lib/base/diag.h"
#include "ctl/portable.h"
#include "lib/store/store.h"

struct store_exported {
	uint64_t lines[PORTABLE_KIND_COUNT];
	uint64_t messages, sessions; /* that rows count */
};

/*
 * Writes to f, which stays the caller's. s was opened with STORE_READ, and is
 * not good for anything but store_close() afterwards. AVER_TEMP: reports were
 * made or the store was not to be had; try again. What was written is no whole
 * export unless 0 is returned: it has no last line.
 */
int store_export(
    struct store *s, FILE *f, struct store_exported *out, struct diag *d);

#endif
