/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* base64 (RFC 4648 section 4) and hexadecimal. */
#ifndef BASE_B64_H
#define BASE_B64_H

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

/*
 * Decodes in; space, tab, CR and LF are skipped wherever they stand (RFC 6376
 * section 3.2). Padding may be missing. Returns 0 with *out in the arena,
 * AVER_SYNTAX on any other octet, data after padding, or a lone last
 * character, AVER_NOMEM. An empty input gives an empty *out.
 */
int b64_decode(struct arena *a, struct str in, struct str *out);
/* The value of a base64 digit, -1 for another octet. */
int b64_value(char c);
/* Appends the base64 of in, padded, without line ends. */
void b64_encode(struct buf *b, struct str in);
/* Appends in as lower-case hexadecimal digits. */
void hex_encode(struct buf *b, struct str in);

#endif
