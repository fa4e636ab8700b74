/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What is read can be printed, and what is printed reads as the same. */

#include <stdint.h>
#include <stdlib.h>

#include "lib/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *c = NULL, *again = NULL;
	struct buf first, second;
	struct diag d;

	if (conf_parse("f", (struct str){(const char *)data, size}, &c, &d))
		return 0;
	buf_init(&first, NULL, (size_t)1 << 20);
	buf_init(&second, NULL, (size_t)1 << 20);
	conf_print(&first, c, CONF_PRINT_ALL);
	if (buf_ok(&first)) {
		if (conf_parse("f", buf_str(&first), &again, &d))
			abort();
		conf_print(&second, again, CONF_PRINT_ALL);
		if (!str_eq(buf_str(&first), buf_str(&second)))
			abort();
	}
	buf_fini(&first);
	buf_fini(&second);
	conf_unref(c);
	conf_unref(again);
	return 0;
}
