/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Files that an operator writes and a program reads as a whole. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "lib/base/buf.h"
#include "lib/base/diag.h"

/* "PATH: why" goes to d, and as a line to errors, unless NULL. Returns err. */
int file_fail(const char *path, int err, const char *why, struct buf *errors,
    struct diag *d);

/*
 * Appends the file at path to text, whose memory is best not an arena's: to the
 * end, or until text has its maximum. AVER_CONF (it cannot be read) or
 * AVER_NOMEM as file_fail().
 */
int file_read(
    const char *path, struct buf *text, struct buf *errors, struct diag *d);

#endif
