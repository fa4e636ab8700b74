/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Enumerators and the words they have in records, headers and logs. An enum
 * X with X_COUNT at its end has one table
 *     static const char *const x_names[X_COUNT] = {[X_A] = "a", ...};
 * used by x_name() and x_from_name().
 */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include <stddef.h>

#include "lib/base/str.h"

/* The word of value i, "?" when there is none. */
const char *name_of(const char *const *names, size_t count, int i);
/* The value whose word equals s without regard to ASCII case, -1 if none. */
int name_find(const char *const *names, size_t count, struct str s);

#endif
