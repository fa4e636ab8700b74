/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/metrics/metrics_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"

#define BACKLOG 32

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

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

static socklen_t
fill_address(union address *a, const struct ip *ip, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (ip->family == IP_V4) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		memcpy(&a->v4.sin_addr, ip->a, 4);
		return sizeof(a->v4);
	}
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons(port);
	memcpy(&a->v6.sin6_addr, ip->a, 16);
	return sizeof(a->v6);
}

/* fcntl() and not SOCK_NONBLOCK, which POSIX.1-2008 lacks. */
static bool
set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static bool
bind_socket(int fd, const union address *a, socklen_t size)
{
	int one = 1;

	if (!set_flags(fd) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		return false;
	/* [::] means IPv6 whatever the system's default is */
	if (a->sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		return false;
	return bind(fd, &a->sa, size) == 0 && listen(fd, BACKLOG) == 0;
}

int
metrics_listen(const char *where, struct diag *d)
{
	union address a;
	struct ip ip;
	uint16_t port;
	socklen_t size;
	int fd, saved;

	if (!metrics_listen_parse(str_from_z(where), &ip, &port))
		return diag_set(d, AVER_CONF, 0,
		    "bad address \"%s\": expected ADDRESS:PORT or [IPV6]:PORT",
		    where);
	size = fill_address(&a, &ip, port);
	fd = socket(a.sa.sa_family, SOCK_STREAM, 0);
	if (fd >= 0 && bind_socket(fd, &a, size))
		return fd;
	saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return diag_set(
	    d, AVER_IO, 0, "cannot listen on %s: %s", where, strerror(saved));
}
