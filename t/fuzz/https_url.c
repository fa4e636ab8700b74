/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * An HTTPS URI of a record: what is taken names a host by letters, digits,
 * "-", "_" and dots, and a path that is one line of HTTP; put together again
 * it is read as the same.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/chars.h"
#include "reports/https.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct arena *a, const struct https_url *u)
{
	struct https_url again;
	struct buf b;

	assert(u->host.n > 0 && u->host.n <= HTTP_HOST_MAX);
	for (size_t i = 0; i < u->host.n; i++)
		assert(chars_is(u->host.p[i], CH_LDH) || u->host.p[i] == '.' ||
		       u->host.p[i] == '_');
	assert(u->port >= 0 && u->port < 65536);
	assert(u->path.n > 0 && u->path.p[0] == '/');
	assert(u->path.n <= HTTP_PATH_MAX);
	assert(str_chr(u->path, '#') == u->path.n);
	buf_init(&b, a, 4096);
	buf_addf(&b, "https://%.*s", STRF(u->host));
	if (u->port)
		buf_addf(&b, ":%d", u->port);
	buf_add(&b, u->path);
	assert(https_url_parse(a, buf_str(&b), &again) == 0);
	assert(str_eq(again.host, u->host) && again.port == u->port &&
	       str_eq(again.path, u->path));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct https_url u;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (https_url_parse(&a, (struct str){(const char *)data, size}, &u) ==
	    0)
		check(&a, &u);
	arena_fini(&a);
	return 0;
}
