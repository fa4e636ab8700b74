/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What dkim_engine_new() of lib/dkim/dkim.h makes. Read only. */
#ifndef DKIM_DKIM_ENGINE_H
#define DKIM_DKIM_ENGINE_H

#include <stdint.h>

#include <openssl/evp.h>

#include "lib/base/arena.h"

struct dkim_engine {
	EVP_MD *sha256;
	uint64_t seed; /* of hash tables with names of a message as keys */
};

/* A digest context that the arena frees; NULL when memory is out. */
EVP_MD_CTX *dkim_engine_md_ctx(struct arena *a);

#endif
