/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dns/dns_zone_file.h"

#include "lib/base/err.h"
#include "lib/base/file.h"
#include "lib/dns/dns_zone.h"

#define ZONE_MAX ((size_t)64 << 20)

int
dns_zone_file_open(const char *path, struct dns_source **out, struct diag *d)
{
	struct buf text;
	int err;

	/* one octet more, to notice a file that is too large */
	buf_init(&text, NULL, ZONE_MAX + 1);
	err = file_read(path, &text, NULL, d);
	if (!err && text.n > ZONE_MAX)
		err = file_fail(path, AVER_LIMIT, "too large", NULL, d);
	if (!err)
		err = dns_zone_parse(buf_str(&text), out, d);
	buf_fini(&text);
	return err;
}
