/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * An address: what parses was made with the secret, so making it again gives
 * the same address but for case; and no other secret opens it.
 */
#include <stdlib.h>

#include "lib/report/verp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[VERP_SECRET] = {7}, other[VERP_SECRET];
	struct verp_config c = {.local = STR("bounce"),
	    .domain = STR("mx.example"),
	    .separator = '+',
	    .secret = secret};
	struct str address = {(const char *)data, size};
	char id[REPORT_ID_OCTETS];
	struct buf b;
	unsigned n;

	if (verp_parse(&c, address, id, &n))
		return 0;
	buf_init(&b, NULL, 400);
	if (verp_make(&c, (struct str){id, sizeof(id)}, n, &b) ||
	    !str_contains_ci(address, buf_str(&b)))
		abort();
	buf_fini(&b);
	c.secret = other;
	if (verp_parse(&c, address, id, &n) == 0)
		abort();
	return 0;
}
