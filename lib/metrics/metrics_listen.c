/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/metrics/metrics_listen.h"

#include <errno.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/net/listen.h"

#define BACKLOG 32

bool
metrics_listen_parse(struct str s, struct ip *ip, uint16_t *port)
{
	size_t colon = str_rchr(s, ':');
	struct str host = str_head(s, colon);
	bool brackets =
	    host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	uint64_t n;

	if (!str_to_u64(str_from(s, colon + 1), 65535, &n) || n == 0)
		return false;
	if (brackets)
		host = (struct str){host.p + 1, host.n - 2};
	if (!ip_parse(host, ip) || (ip->family == IP_V6) != brackets)
		return false;
	*port = (uint16_t)n;
	return true;
}

int
metrics_listen(const char *where, struct diag *d)
{
	struct ip ip;
	uint16_t port;
	int fd;

	if (!metrics_listen_parse(str_from_z(where), &ip, &port))
		return diag_set(d, AVER_CONF, 0,
		    "bad address \"%s\": expected ADDRESS:PORT or [IPV6]:PORT",
		    where);
	fd = listen_inet(&ip, port, BACKLOG);
	if (fd >= 0)
		return fd;
	return diag_set(d, AVER_IO, 0, "metrics: cannot listen on %s: %s",
	    where, strerror(errno));
}
