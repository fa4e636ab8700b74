/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* SHA-256 of octets that come piece by piece. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

struct sha256;

/* NULL when memory is out or OpenSSL refuses. */
struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *x); /* NULL allowed */
bool sha256_add(struct sha256 *x, struct str octets);
/* Appends the sum in hex, 64 octets; x is good for nothing else then. */
bool sha256_end(struct sha256 *x, struct buf *out);

#endif
