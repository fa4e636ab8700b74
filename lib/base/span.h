/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Time spans as people write them on a command line. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

/*
 * Digits and one of s, m, h, d or w: "90m", "30d". *out: seconds, more than
 * nothing and less than a hundred years. False for anything else.
 */
bool span_parse(struct str text, int64_t *out);

#endif
