/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_engine.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include "lib/dkim/dkim.h"

static void
free_md(void *p)
{
	EVP_MD_free(p);
}

static void
free_md_ctx(void *p)
{
	EVP_MD_CTX_free(p);
}

static bool
has_signature(const char *name)
{
	EVP_SIGNATURE *s = EVP_SIGNATURE_fetch(NULL, name, NULL);

	EVP_SIGNATURE_free(s);
	return s;
}

struct dkim_engine *
dkim_engine_new(struct arena *a)
{
	struct dkim_engine *e = ARENA_NEW(a, struct dkim_engine);

	if (!e)
		return NULL;
	e->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!e->sha256 || !has_signature("RSA") || !has_signature("ED25519") ||
	    RAND_bytes((unsigned char *)&e->seed, sizeof(e->seed)) != 1) {
		EVP_MD_free(e->sha256);
		ERR_clear_error();
		return NULL;
	}
	return arena_on_free(a, free_md, e->sha256) ? e : NULL;
}

EVP_MD_CTX *
dkim_engine_md_ctx(struct arena *a)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || !arena_on_free(a, free_md_ctx, ctx))
		return NULL;
	return ctx;
}
