/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* `aver store export` and `import`. */
#ifndef CTL_STORE_COPY_H
#define CTL_STORE_COPY_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Writes all that the store at place holds to path, which is replaced when it
 * is whole, or to out when path is NULL. Returns an exit code.
 */
int store_copy_out(const char *place, const char *path, FILE *out);

/* Reads such a file into the store at place; add: although it has something. */
int store_copy_in(const char *place, const char *path, bool add, FILE *out);

#endif
