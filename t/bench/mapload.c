/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Asks a socketmap server as Postfix does, from many connections with one
 * request at a time on each, and prints what it saw and what the server used.
 *
 * usage: mapload -s SOCKET -m MAP -k KEYFILE [-c CONNECTIONS] [-t SECONDS]
 *                [-o] [-p PID] [-l LABEL]
 * -o: every key once, instead of a time.
 */
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "t/bench/proc.h"
#include "t/bench/sockets.h"

#define CONNECTIONS_MAX 1024
#define WAIT_S 30
/* latencies are counted in steps of 1 us, the last step holds all longer */
#define STEPS 100000

enum { SAID_OK, SAID_NOTFOUND, SAID_TEMP, SAID_OTHER, SAID_COUNT };

static const char *const said_names[SAID_COUNT] = {
    "ok", "notfound", "temp", "other"};

struct load {
	union sockets_address address;
	socklen_t size;
	char **requests; /* netstrings */
	size_t *sizes;
	size_t n;
	bool once;
	uint64_t end; /* in ns */
	atomic_size_t next;
};

struct client {
	struct load *load;
	pthread_t thread;
	uint32_t *steps;
	uint64_t said[SAID_COUNT];
	uint64_t errors;
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int
dial(const struct load *l)
{
	struct timeval wait = {WAIT_S, 0};
	int one = 1, fd = socket(l->address.sa.sa_family, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, &l->address.sa, l->size)) {
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* One reply; its first octets decide. -1 when there is none. */
static int
take(int fd)
{
	char b[65536];
	size_t have = 0;

	for (;;) {
		ssize_t n = recv(fd, b + have, sizeof(b) - have, 0);
		char *colon;

		if (n <= 0)
			return -1;
		have += (size_t)n;
		colon = memchr(b, ':', have < 8 ? have : 8);
		if (!colon)
			continue;
		if (have < (size_t)(colon - b) + 2 + strtoul(b, NULL, 10))
			continue;
		if (strncmp(colon + 1, "OK ", 3) == 0)
			return SAID_OK;
		if (strncmp(colon + 1, "NOTFOUND ", 9) == 0)
			return SAID_NOTFOUND;
		if (strncmp(colon + 1, "TEMP ", 5) == 0)
			return SAID_TEMP;
		return SAID_OTHER;
	}
}

/* The index of the next request, or n at the end. */
static size_t
choose(struct load *l)
{
	size_t i = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);

	if (l->once)
		return i < l->n ? i : l->n;
	/* from all over the file, so that the server's caches have work */
	return i * 2654435761u % l->n;
}

static void *
run(void *arg)
{
	struct client *c = arg;
	struct load *l = c->load;
	int fd = dial(l);

	for (;;) {
		size_t i = choose(l);
		uint64_t begin = now_ns(), step;
		int said = -1;

		if (i == l->n || (!l->once && begin >= l->end))
			break;
		if (fd >= 0 && send(fd, l->requests[i], l->sizes[i],
				   MSG_NOSIGNAL) == (ssize_t)l->sizes[i])
			said = take(fd);
		if (said < 0) {
			c->errors++;
			close(fd);
			fd = dial(l);
			continue;
		}
		c->said[said]++;
		step = (now_ns() - begin) / 1000;
		c->steps[step < STEPS ? step : STEPS - 1]++;
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static bool
read_keys(struct load *l, const char *path, const char *map)
{
	FILE *f = fopen(path, "r");
	char line[1024], request[1200];
	size_t cap = 0;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		int n;

		line[strcspn(line, "\r\n")] = '\0';
		if (l->n == cap) {
			cap = cap ? cap * 2 : 1024;
			l->requests =
			    realloc(l->requests, cap * sizeof(char *));
			l->sizes = realloc(l->sizes, cap * sizeof(size_t));
			if (!l->requests || !l->sizes)
				return false;
		}
		n = snprintf(request, sizeof(request), "%zu:%s %s,",
		    strlen(map) + 1 + strlen(line), map, line);
		l->requests[l->n] = strdup(request);
		l->sizes[l->n] = (size_t)n;
		if (!l->requests[l->n++])
			return false;
	}
	fclose(f);
	return l->n > 0;
}

static double
quantile(const uint64_t *steps, uint64_t n, double q)
{
	uint64_t seen = 0, want = (uint64_t)(q * (double)n);

	for (size_t i = 0; i < STEPS; i++) {
		seen += steps[i];
		if (seen > want)
			return (double)i;
	}
	return 0;
}

static void
print(const char *label, struct client *clients, int n, double seconds,
    double cpu, double rss)
{
	static uint64_t steps[STEPS];
	uint64_t said[SAID_COUNT] = {0}, errors = 0, all = 0;

	for (int i = 0; i < n; i++) {
		errors += clients[i].errors;
		for (int k = 0; k < SAID_COUNT; k++)
			said[k] += clients[i].said[k];
		for (size_t k = 0; k < STEPS; k++)
			steps[k] += clients[i].steps[k];
	}
	for (int k = 0; k < SAID_COUNT; k++)
		all += said[k];
	printf("label=%s conc=%d answers=%llu rate=%.0f p50=%.0f p99=%.0f "
	       "cpu=%.2f rss=%.1f errors=%llu",
	    label, n, (unsigned long long)all, (double)all / seconds,
	    quantile(steps, all, 0.5), quantile(steps, all, 0.99),
	    all ? cpu * 1e6 / (double)all : 0, rss, (unsigned long long)errors);
	for (int k = 0; k < SAID_COUNT; k++)
		printf(" %s=%llu", said_names[k], (unsigned long long)said[k]);
	printf("\n");
}

static bool
start(struct client *clients, int n, struct load *l)
{
	for (int i = 0; i < n; i++) {
		clients[i].load = l;
		clients[i].steps = calloc(STEPS, sizeof(uint32_t));
		if (!clients[i].steps ||
		    pthread_create(&clients[i].thread, NULL, run, &clients[i]))
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	static struct client clients[CONNECTIONS_MAX];
	static struct load l;
	const char *label = "?", *map = "tls", *keys = NULL;
	struct proc_use before = {0}, after = {0};
	double seconds = 2;
	int c, n = 1;
	uint64_t begin;
	pid_t pid = 0;

	while ((c = getopt(argc, argv, "s:m:k:c:t:op:l:")) != -1) {
		switch (c) {
		case 's':
			l.size = sockets_parse(optarg, &l.address);
			break;
		case 'm':
			map = optarg;
			break;
		case 'k':
			keys = optarg;
			break;
		case 'c':
			n = (int)strtol(optarg, NULL, 10);
			break;
		case 't':
			seconds = strtod(optarg, NULL);
			break;
		case 'o':
			l.once = true;
			break;
		case 'p':
			pid = (pid_t)strtol(optarg, NULL, 10);
			break;
		case 'l':
			label = optarg;
			break;
		default:
			return 2;
		}
	}
	if (l.size == 0 || !keys || n < 1 || n > CONNECTIONS_MAX ||
	    !read_keys(&l, keys, map)) {
		fprintf(stderr, "mapload: see the head of mapload.c\n");
		return 2;
	}
	if (pid)
		proc_use(&pid, 1, &before);
	begin = now_ns();
	l.end = begin + (uint64_t)(seconds * 1e9);
	if (!start(clients, n, &l)) {
		fprintf(stderr, "mapload: out of memory or threads\n");
		return 1;
	}
	for (int i = 0; i < n; i++)
		pthread_join(clients[i].thread, NULL);
	seconds = (double)(now_ns() - begin) / 1e9;
	if (pid)
		proc_use(&pid, 1, &after);
	print(
	    label, clients, n, seconds, after.cpu - before.cpu, after.peak_mb);
	return 0;
}
