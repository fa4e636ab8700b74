/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the protocol and the kernel cost by themselves: a socketmap server with
 * a thread for each connection that answers everything with the same reply.
 * usage: nullmap unix:/PATH|inet:127.0.0.1:PORT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/bench/sockets.h"

#define REPLY "9:NOTFOUND ,"

/* Answers all whole requests in the buffer; what is left, or -1. */
static ssize_t
answer(int fd, char *b, size_t have)
{
	char *colon;

	while ((colon = memchr(b, ':', have))) {
		size_t n = strtoul(b, NULL, 10);
		size_t all = (size_t)(colon - b) + 1 + n + 1;

		if (have < all)
			break;
		if (send(fd, REPLY, sizeof(REPLY) - 1, MSG_NOSIGNAL) !=
		    sizeof(REPLY) - 1)
			return -1;
		have -= all;
		memmove(b, b + all, have);
	}
	return (ssize_t)have;
}

static void *
serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char b[8192];
	size_t have = 0;
	ssize_t n;

	while ((n = recv(fd, b + have, sizeof(b) - have, 0)) > 0) {
		n = answer(fd, b, have + (size_t)n);
		if (n < 0 || (size_t)n == sizeof(b))
			break;
		have = (size_t)n;
	}
	close(fd);
	return NULL;
}

int
main(int argc, char **argv)
{
	union sockets_address a;
	socklen_t size = argc == 2 ? sockets_parse(argv[1], &a) : 0;
	int one = 1, s;

	if (size == 0) {
		fprintf(stderr, "usage: nullmap unix:/PATH|inet:ADDR:PORT\n");
		return 2;
	}
	s = socket(a.sa.sa_family, SOCK_STREAM, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(s, &a.sa, size) || listen(s, 512)) {
		perror("nullmap");
		return 1;
	}
	for (;;) {
		int fd = accept(s, NULL, NULL);
		pthread_t t;

		if (fd < 0)
			continue;
		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd))
			close(fd);
		else
			pthread_detach(t);
	}
}
