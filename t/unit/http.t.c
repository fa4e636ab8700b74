/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The client with hosts that do not speak TLS; those that do are in
 * t/integ/sts_fetch.t.
 */
#include "lib/http/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/tap.h"

#define PATIENCE_MS 60000

struct asked {
	struct http_job job; /* first */
	pthread_mutex_t lock;
	pthread_cond_t over;
	unsigned calls;
	struct http_result result;
};

static void
on_done(struct http_job *job, const struct http_result *r)
{
	struct asked *a = (struct asked *)job;

	pthread_mutex_lock(&a->lock);
	a->calls++;
	a->result = *r;
	pthread_cond_signal(&a->over);
	pthread_mutex_unlock(&a->lock);
}

static void
asked_init(struct asked *a, int port)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	*a = (struct asked){.job = {.host = STR("host.example"),
				.port = port,
				.path = STR("/x"),
				.n_addrs = 1,
				.done = on_done}};
	a->job.addrs[0] = ip_from_bytes(IP_V4, loopback);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->over, NULL);
}

static unsigned
calls_of(struct asked *a)
{
	unsigned n;

	pthread_mutex_lock(&a->lock);
	n = a->calls;
	pthread_mutex_unlock(&a->lock);
	return n;
}

static void
await(struct asked *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->calls == 0)
		pthread_cond_wait(&a->over, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

static void
is_ours(struct asked *a, const char *reason, const char *name)
{
	ok(a->calls == 1 && a->result.end == HTTP_OURS &&
		strcmp(a->result.reason, reason) == 0,
	    "%s: %s", name, a->result.reason);
}

/* A socket that takes connections into its queue; nobody answers there. */
static int
listen_mute(int *port)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)&sa, &n))
		return -1;
	*port = ntohs(sa.sin_port);
	return fd;
}

static struct http_client *
client_of(int64_t timeout_ms, unsigned at_once, unsigned queue)
{
	struct http_config cfg = {.timeout_ms = timeout_ms,
	    .max_size = 1000,
	    .at_once = at_once,
	    .queue = queue};
	struct http_client *c = NULL;
	struct diag d;

	ok(http_open(&cfg, &c, &d) == 0, "open");
	return c;
}

static void
test_refused(void)
{
	static char path[HTTP_PATH_MAX + 2];
	struct http_client *c = client_of(PATIENCE_MS, 1, 1);
	struct asked a;

	memset(path, '/', sizeof(path));
	for (int i = 0; i < 7; i++) {
		static const char *const names[] = {"no address",
		    "too many of them", "one of no family", "no host",
		    "a host that would inject", "a path that would",
		    "a path that is too long"};

		asked_init(&a, 1);
		if (i == 0)
			a.job.n_addrs = 0;
		else if (i == 1)
			a.job.n_addrs = HTTP_ADDRS + 1;
		else if (i == 2)
			a.job.addrs[0].family = IP_NONE;
		else if (i == 3)
			a.job.host = STR_NONE;
		else if (i == 4)
			a.job.host = STR("a\r\nb");
		else if (i == 5)
			a.job.path = STR("/x HTTP/1.1\r\nHost: y");
		else
			a.job.path = (struct str){path, sizeof(path)};
		http_start(c, &a.job);
		is_ours(&a, i < 5 ? "no name or address to ask" : "no path",
		    names[i]);
	}
	http_close(c);
}

static void
test_mute(void)
{
	int port = 0, fd = listen_mute(&port);
	struct http_client *c = client_of(50, 1, 8);
	struct http_result r;
	struct asked a;

	ok(fd >= 0, "a host that says nothing");
	asked_init(&a, port);
	http_start(c, &a.job);
	await(&a);
	is_int(a.result.end, HTTP_TIMEOUT, "it is not waited for");
	close(fd);
	http_perform(c, &a.job, &r);
	is_int(r.end, HTTP_FAILED, "nobody listens");
	ok(str_starts(str_from_z(r.reason), STR("Failed to connect")), "%s",
	    r.reason);
	http_close(c);
}

/* Of three one is under way and one waits; then the client ends. */
static void
test_end(void)
{
	int port = 0, fd = listen_mute(&port), peer;
	struct http_client *c = client_of(PATIENCE_MS, 1, 1);
	struct asked v[3];
	char octet;

	for (size_t i = 0; i < 3; i++)
		asked_init(&v[i], port);
	http_start(c, &v[0].job);
	peer = accept(fd, NULL, NULL);
	ok(peer >= 0 && recv(peer, &octet, 1, 0) == 1, "one is under way");
	http_start(c, &v[1].job);
	is_int(calls_of(&v[1]), 0, "one waits");
	http_start(c, &v[2].job);
	is_ours(&v[2], "too many requests", "one is too many");
	is_int(calls_of(&v[0]), 0, "it is under way still");
	http_close(c);
	is_ours(&v[0], "the client ends", "the one under way");
	is_ours(&v[1], "the client ends", "the one that waited");
	close(peer);
	close(fd);
}

int
main(void)
{
	test_refused();
	test_mute();
	test_end();
	return tap_done();
}
