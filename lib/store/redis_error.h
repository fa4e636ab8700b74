/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What a server's error means. No I/O. */
#ifndef STORE_REDIS_ERROR_H
#define STORE_REDIS_ERROR_H

#include <stdbool.h>

#include "lib/base/str.h"

/*
 * The error as redis_conn.h names it. *shown: what of the text is for an
 * operator, without what was sent. *drops: another server may do better.
 */
int redis_error(struct str text, struct str *shown, bool *drops);

#endif
