/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* UTF-8 as RFC 3629 section 4 allows it. */
#ifndef MAIL_UTF8_H
#define MAIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/str.h"

/*
 * Octets (1 to 4) of the well-formed character that s begins with; 0 when it
 * begins with none: overlong, surrogate, above U+10FFFF, cut off, empty s.
 */
size_t utf8_len(struct str s);
/* All of s is well-formed; true for an empty s. */
bool utf8_ok(struct str s);

#endif
