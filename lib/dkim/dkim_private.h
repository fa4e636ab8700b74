/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What dkim_private_read() of lib/dkim/dkim_sign.h makes. Read only. */
#ifndef DKIM_DKIM_PRIVATE_H
#define DKIM_DKIM_PRIVATE_H

#include <openssl/evp.h>

#include "lib/dkim/dkim_sign.h"

struct dkim_private {
	const struct dkim_engine *engine;
	EVP_PKEY *pkey;
	enum dkim_algorithm algorithm;
	unsigned bits;
};

/*
 * The signature of the DKIM_HASH_SIZE octets at sha256, in the arena; the same
 * for the same octets. Returns 0, AVER_CRYPTO or AVER_NOMEM.
 */
int dkim_private_sign(const struct dkim_private *k, struct arena *a,
    const unsigned char *sha256, struct str *out);

#endif
