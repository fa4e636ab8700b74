/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * HMAC-SHA256 (RFC 2104), and base32 in lower case (RFC 4648 section 6): what
 * identifiers that a stranger cannot make are made of.
 */
#ifndef BASE_MAC_H
#define BASE_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"

#define MAC_OCTETS 32

/* False when OpenSSL refuses. */
bool mac_sha256(struct str key, struct str data, uint8_t out[MAC_OCTETS]);

/*
 * n characters of a-z and 2-7, from the first 5 * n bits at p; not
 * NUL-terminated.
 */
void mac_base32(const uint8_t *p, char *out, size_t n);

#endif
