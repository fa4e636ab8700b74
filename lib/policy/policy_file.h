/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A policy table in a file. A loaded one is immutable. Decisions hold views of
 * it, so it is kept until the evaluation is recorded.
 */
#ifndef POLICY_FILE_H
#define POLICY_FILE_H

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/policy/policy_table.h"

struct policy_file;

/*
 * Reads and parses the file at path. Returns 0 with *out,
 * AVER_CONF (the file cannot be read, or is wrong) or AVER_NOMEM, with "FILE:
 * text" or "FILE:LINE: text" in d.
 */
int
policy_file_load(const char *path, struct policy_file **out, struct diag *d);
/*
 * The same to find all errors: appends a line for each to errors, at most 100,
 * and keeps nothing.
 */
int policy_file_check(const char *path, struct buf *errors);

/* The table; NULL for NULL, which policy_decide() takes as an empty one. */
const struct policy_table *policy_file_table(const struct policy_file *f);
void policy_file_free(struct policy_file *f); /* NULL allowed */

#endif
