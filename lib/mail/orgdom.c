/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/mail/orgdom.h"

#include <string.h>

#include <libpsl.h>

/* RFC 1035 section 2.3.4: no name is longer. */
#define NAME_OCTETS 253

/*
 * struct orgdom has no definition: a pointer to it is libpsl's context under
 * a name of ours, so that nothing else needs libpsl's header.
 */
static const psl_ctx_t *
psl_of(const struct orgdom *o)
{
	return (const psl_ctx_t *)o;
}

struct orgdom *
orgdom_open(const char *path)
{
	psl_ctx_t *psl;

	/* psl_latest() is the built-in list when no newer file is there */
	psl = path && *path ? psl_load_file(path) : psl_latest(NULL);
	/* -1 when the format does not tell */
	if (psl && psl_suffix_count(psl) == 0) {
		psl_free(psl);
		psl = NULL;
	}
	return (struct orgdom *)psl;
}

void
orgdom_close(struct orgdom *o)
{
	psl_free((psl_ctx_t *)o);
}

struct str
orgdom_of(const struct orgdom *o, struct str name)
{
	char z[NAME_OCTETS + 1];
	const char *tail;

	if (name.n == 0 || name.n > NAME_OCTETS || str_chr(name, '\0') < name.n)
		return name;
	memcpy(z, name.p, name.n);
	z[name.n] = '\0';
	tail = psl_registrable_domain(psl_of(o), z);
	return tail ? str_from(name, (size_t)(tail - z)) : name;
}
