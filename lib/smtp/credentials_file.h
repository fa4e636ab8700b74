/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Reading the file of the credentials, and who else may. */
#ifndef SMTP_CREDENTIALS_FILE_H
#define SMTP_CREDENTIALS_FILE_H

#include "lib/smtp/credentials.h"

/*
 * Reads path; the values are in a. The file has to be a regular one, no
 * symbolic link, and nobody's but ours to read: either it belongs to this
 * process's user and has no permission for group or others (0600), or it
 * belongs to root, and then its group may read it too (0640). Both are
 * checked on the open file. Returns 0, AVER_CONF with d "PATH: what is wrong",
 * AVER_NOMEM.
 */
int credentials_load(
    struct arena *a, const char *path, struct credentials *out, struct diag *d);

#endif
