/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The two tables in files. A loaded one is immutable and reference-counted: an
 * engine takes a reference, a reload swaps the pointer.
 */
#ifndef TLSPOLICY_TLS_TABLE_FILE_H
#define TLSPOLICY_TLS_TABLE_FILE_H

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "tlspolicy/tls_table.h"

enum tls_file_kind { TLS_FILE_POLICY, TLS_FILE_REQUIRE };

struct tls_file;

/*
 * Reads and parses the file at path. Returns 0 with one reference in *out,
 * AVER_CONF or AVER_NOMEM, with "FILE: text" or "FILE:LINE: text" in d.
 */
int tls_file_load(enum tls_file_kind kind, const char *path,
    struct tls_file **out, struct diag *d);
/*
 * The same to find all errors: appends a line for each to errors, at most 100,
 * and keeps nothing.
 */
int
tls_file_check(enum tls_file_kind kind, const char *path, struct buf *errors);

/* NULL for NULL and for a file of the other kind. */
const struct tls_table *tls_file_policy(const struct tls_file *f);
const struct require_table *tls_file_require(const struct tls_file *f);
struct tls_file *tls_file_ref(struct tls_file *f); /* NULL allowed */
void tls_file_unref(struct tls_file *f); /* NULL allowed */

#endif
