/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The octets of records: what is read encodes to the same octets. The first
 * octet chooses the kind.
 */
#include <stdlib.h>

#include "lib/store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
again(struct str in, struct buf *b, uint8_t kind)
{
	struct store_tls_result r;
	struct store_sighting x;
	struct store_bad_datagram bad;

	switch (kind % 3) {
	case 0:
		if (!record_get_tls_result(in, &r))
			return false;
		record_put_tls_result(b, &r);
		return true;
	case 1:
		if (!record_get_sighting(in, &x))
			return false;
		record_put_sighting(b, &x);
		return true;
	default:
		if (!record_get_bad_datagram(in, &bad))
			return false;
		record_put_bad_datagram(b, &bad);
		return true;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b;

	if (size == 0)
		return 0;
	buf_init(&b, NULL, 1 << 17);
	if (again(
		(struct str){(const char *)data + 1, size - 1}, &b, data[0]) &&
	    !str_eq(
		buf_str(&b), (struct str){(const char *)data + 1, size - 1}))
		abort();
	buf_fini(&b);
	return 0;
}
