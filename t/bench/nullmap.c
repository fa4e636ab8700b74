/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the protocol and the kernel cost by themselves: a socketmap server that
 * answers everything with the same reply.
 * usage: nullmap [-t THREADS] [-r OCTETS] unix:/PATH|inet:127.0.0.1:PORT
 * -t: so many threads, which wait for all connections with epoll(7); without
 * it, each connection has a thread that waits in recv(2).
 * -r: the length of the reply, its netstring not counted, 9 to 9999.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/bench/sockets.h"

#define THREADS_MAX 64
#define EVENTS 64

struct client {
	int fd;
	size_t have;
	char b[8192];
};

static char reply[10010];
static size_t reply_n;
static int pollers[THREADS_MAX];

/* Answers all whole requests; false when the client is to be dropped. */
static bool
answer(struct client *c)
{
	char *colon;

	while ((colon = memchr(c->b, ':', c->have))) {
		size_t n = strtoul(c->b, NULL, 10);
		size_t all = (size_t)(colon - c->b) + 1 + n + 1;

		if (c->have < all)
			break;
		if (send(c->fd, reply, reply_n, MSG_NOSIGNAL) !=
		    (ssize_t)reply_n)
			return false;
		c->have -= all;
		memmove(c->b, c->b + all, c->have);
	}
	return c->have < sizeof(c->b);
}

static bool
turn(struct client *c)
{
	ssize_t n = recv(c->fd, c->b + c->have, sizeof(c->b) - c->have, 0);

	if (n <= 0)
		return false;
	c->have += (size_t)n;
	return answer(c);
}

static void
drop(struct client *c)
{
	close(c->fd);
	free(c);
}

static void *
serve_one(void *arg)
{
	while (turn(arg))
		continue;
	drop(arg);
	return NULL;
}

static void *
serve_many(void *arg)
{
	struct epoll_event ev[EVENTS];

	for (;;) {
		int n = epoll_wait(*(int *)arg, ev, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (!turn(ev[i].data.ptr))
				drop(ev[i].data.ptr);
	}
	return NULL;
}

static bool
give(struct client *c, unsigned threads)
{
	static unsigned turns;
	struct epoll_event ev = {
	    .events = EPOLLIN | (unsigned)EPOLLET,
	    .data.ptr = c,
	};
	pthread_t t;

	if (threads)
		return epoll_ctl(pollers[turns++ % threads], EPOLL_CTL_ADD,
			   c->fd, &ev) == 0;
	if (pthread_create(&t, NULL, serve_one, c))
		return false;
	pthread_detach(t);
	return true;
}

static bool
start(unsigned threads)
{
	pthread_t t;

	for (unsigned i = 0; i < threads; i++) {
		pollers[i] = epoll_create1(0);
		if (pollers[i] < 0 ||
		    pthread_create(&t, NULL, serve_many, &pollers[i]))
			return false;
	}
	return true;
}

static void
make_reply(size_t n)
{
	int k = snprintf(reply, sizeof(reply), "%zu:NOTFOUND ", n);
	size_t body = (size_t)k - 9;

	memset(reply + k, 'x', n - 9);
	reply[body + n] = ',';
	reply_n = body + n + 1;
}

static int
usage(void)
{
	fprintf(stderr, "usage: nullmap [-t THREADS] [-r OCTETS] "
			"unix:/PATH|inet:ADDR:PORT\n");
	return 2;
}

static int
open_socket(const char *address)
{
	union sockets_address a;
	socklen_t size = sockets_parse(address, &a);
	int one = 1, s;

	if (size == 0)
		exit(usage());
	s = socket(a.sa.sa_family, SOCK_STREAM, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(s, &a.sa, size) || listen(s, 512)) {
		perror("nullmap");
		exit(1);
	}
	return s;
}

int
main(int argc, char **argv)
{
	unsigned threads = 0;
	unsigned long n = 9;
	int c, s;

	while ((c = getopt(argc, argv, "t:r:")) != -1) {
		if (c == 't')
			threads = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			n = strtoul(optarg, NULL, 10);
		else
			return usage();
	}
	if (optind + 1 != argc || threads > THREADS_MAX || n < 9 || n > 9999)
		return usage();
	make_reply(n);
	s = open_socket(argv[optind]);
	if (!start(threads))
		return 1;
	for (;;) {
		struct client *k = calloc(1, sizeof(*k));
		int fd = accept(s, NULL, NULL);

		if (k && fd >= 0) {
			k->fd = fd;
			if (give(k, threads))
				continue;
		}
		free(k);
		close(fd);
	}
}
