/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Addresses of sockets in Postfix's notation, for the programs here. */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

union sockets_address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_un file;
};

/* unix:/PATH or inet:ADDRESS:PORT (IPv4); its size, 0 when it is neither. */
__attribute__((unused)) static socklen_t
sockets_parse(const char *text, union sockets_address *out)
{
	const char *rest = text + 5, *colon;
	char host[64];

	memset(out, 0, sizeof(*out));
	if (strncmp(text, "unix:", 5) == 0) {
		out->file.sun_family = AF_UNIX;
		if (strlen(rest) >= sizeof(out->file.sun_path))
			return 0;
		memcpy(out->file.sun_path, rest, strlen(rest) + 1);
		return sizeof(out->file);
	}
	colon = strrchr(text, ':');
	if (strncmp(text, "inet:", 5) != 0 || !colon || colon < rest ||
	    (size_t)(colon - rest) >= sizeof(host))
		return 0;
	memcpy(host, rest, (size_t)(colon - rest));
	host[colon - rest] = '\0';
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1
		   ? sizeof(out->v4)
		   : 0;
}

#endif
