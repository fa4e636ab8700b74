/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/conf/items.h"

#include "lib/base/scan.h"

static bool
is_separator(char c)
{
	return chars_is(c, CH_FWS) || c == ',';
}

bool
items_next(struct str *rest, struct str *item)
{
	struct scan s = scan_of(*rest);
	const char *from;

	while (!scan_done(&s) && is_separator(*s.p))
		s.p++;
	from = s.p;
	while (!scan_done(&s) && !is_separator(*s.p))
		s.p++;
	*item = (struct str){from, (size_t)(s.p - from)};
	*rest = scan_rest(&s);
	return item->n > 0;
}

size_t
items_count(struct str list)
{
	struct str item;
	size_t n = 0;

	while (items_next(&list, &item))
		n++;
	return n;
}
