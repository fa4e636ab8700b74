/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/sha256.h"

#include <openssl/evp.h>

#include "lib/base/b64.h"

/* There is no more to it than OpenSSL's own. */
static EVP_MD_CTX *
ctx_of(struct sha256 *x)
{
	return (EVP_MD_CTX *)x;
}

struct sha256 *
sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1)
		return (struct sha256 *)ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

void
sha256_free(struct sha256 *x)
{
	EVP_MD_CTX_free(ctx_of(x));
}

bool
sha256_add(struct sha256 *x, struct str octets)
{
	return EVP_DigestUpdate(
		   ctx_of(x), octets.n ? octets.p : "", octets.n) == 1;
}

bool
sha256_end(struct sha256 *x, struct buf *out)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_DigestFinal_ex(ctx_of(x), sum, &n) != 1)
		return false;
	hex_encode(out, (struct str){(const char *)sum, n});
	return true;
}
