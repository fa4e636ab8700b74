/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses prints to a text that parses to the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct ip_net net;
	struct ip ip, again;
	struct buf b;

	buf_init(&b, NULL, 64);
	if (ip_parse(in, &ip)) {
		ip_print(&b, &ip);
		assert(ip_parse(buf_str(&b), &again) && ip_eq(&ip, &again));
	}
	if (ip_net_parse(in, &net)) {
		assert(net.bits <= (net.ip.family == IP_V4 ? 32 : 128));
		assert(ip_in(&net.ip, &net.ip, net.bits));
	}
	buf_fini(&b);
	return 0;
}
