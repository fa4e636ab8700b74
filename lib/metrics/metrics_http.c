/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/metrics/metrics_http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "lib/base/err.h"
#include "lib/metrics/metrics_listen.h"

#define CONNECTIONS 20
/* with so many, the oldest goes when another one comes */
#define CROWD 16
#define IDLE_SECONDS 5
#define CONNECTION_MEMORY ((size_t)16 * 1024)
#define BODY_MAX ((size_t)1024 * 1024)

struct connection {
	bool used;
	bool ended; /* shut down by us, not yet closed */
	int fd;
	uint64_t number; /* in the order of arrival */
};

struct metrics_http {
	struct metrics_http_config config;
	struct MHD_Daemon *daemon;
	/* of the server's thread */
	struct connection connections[CONNECTIONS];
	uint64_t arrived;
};

/* ---- requests ----------------------------------------------------------- */

struct header {
	const char *name, *value;
};

static enum MHD_Result
reply(struct MHD_Connection *c, unsigned status, struct str body,
    const char *type, const struct header *more)
{
	struct MHD_Response *r;
	enum MHD_Result done;

	/* it copies, whatever its prototype says */
	r = MHD_create_response_from_buffer(
	    body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	/* one request a connection: there is no idle state to be kept in */
	if (!MHD_add_response_header(r, "Content-Type", type) ||
	    !MHD_add_response_header(r, "Cache-Control", "no-store") ||
	    !MHD_add_response_header(r, "Connection", "close") ||
	    (more && !MHD_add_response_header(r, more->name, more->value)))
		done = MHD_NO;
	else
		done = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result
reply_text(struct MHD_Connection *c, unsigned status, const char *text,
    const struct header *more)
{
	char line[256];
	size_t n = strlen(text);

	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	memcpy(line, text, n);
	line[n++] = '\n';
	return reply(c, status, (struct str){line, n},
	    "text/plain; charset=utf-8", more);
}

static enum MHD_Result
reply_metrics(struct metrics_http *h, struct MHD_Connection *c)
{
	enum MHD_Result done;
	struct buf b;

	buf_init(&b, NULL, BODY_MAX);
	metrics_print(h->config.metrics, &b);
	if (buf_ok(&b))
		done = reply(c, 200, buf_str(&b), METRICS_CONTENT_TYPE, NULL);
	else
		done = reply_text(c, 500, "out of memory", NULL);
	buf_fini(&b);
	return done;
}

static enum MHD_Result
reply_health(struct metrics_http *h, struct MHD_Connection *c)
{
	const char *why = NULL;

	if (h->config.ailment)
		why = h->config.ailment(h->config.arg);
	if (!why)
		return reply_text(c, 200, "ok", NULL);
	return reply_text(c, 503, why, NULL);
}

/*
 * Called first when the request's header is there; we reply at once, and a
 * body that may follow is never read.
 */
static enum MHD_Result
on_request(void *cls, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_size, void **state)
{
	static const struct header allow = {"Allow", "GET, HEAD"};
	struct metrics_http *h = cls;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_text(c, 405, "only GET and HEAD", &allow);
	if (strcmp(url, "/metrics") == 0)
		return reply_metrics(h, c);
	if (strcmp(url, "/healthz") == 0)
		return reply_health(h, c);
	return reply_text(c, 404, "there is /metrics and /healthz", NULL);
}

/* ---- connections -------------------------------------------------------- */

/*
 * libmicrohttpd ends a connection that is idle, but one that sends an octet
 * now and then would stay for hours, and 20 of these would keep everybody
 * out.
 */
static void
end_oldest(struct metrics_http *h)
{
	struct connection *oldest = NULL;
	unsigned live = 0;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *k = &h->connections[i];

		if (!k->used || k->ended)
			continue;
		live++;
		if (!oldest || k->number < oldest->number)
			oldest = k;
	}
	if (live < CROWD)
		return;
	/* libmicrohttpd reads the end of input, and closes */
	oldest->ended = true;
	shutdown(oldest->fd, SHUT_RDWR);
}

static void
on_connection(void *cls, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info;
	struct metrics_http *h = cls;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		struct connection *k = *context;

		if (k)
			k->used = false;
		return;
	}
	end_oldest(h);
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (size_t i = 0; info && i < CONNECTIONS; i++) {
		if (h->connections[i].used)
			continue;
		h->connections[i] = (struct connection){
		    .used = true,
		    .fd = info->connect_fd,
		    .number = h->arrived++,
		};
		*context = &h->connections[i];
		return;
	}
}

/* ---- the server --------------------------------------------------------- */

static struct MHD_Daemon *
start(struct metrics_http *h, int fd)
{
	/* poll() and not select(): the milter may have thousands of files */
	return MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0,
	    NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, (void *)h, MHD_OPTION_END);
}

int
metrics_http_open(const struct metrics_http_config *c,
    struct metrics_http **out, struct diag *d)
{
	struct metrics_http *h;
	int fd;

	*out = NULL;
	if (!*c->listen)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	h->config = *c;
	fd = metrics_listen(c->listen, d);
	if (fd < 0) {
		free(h);
		return fd;
	}
	/* the socket is its own from here on, also when it fails */
	h->daemon = start(h, fd);
	if (!h->daemon) {
		free(h);
		return diag_set(d, AVER_IO, 0,
		    "cannot start the server for metrics on %s", c->listen);
	}
	*out = h;
	return 0;
}

void
metrics_http_close(struct metrics_http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	free(h);
}

bool
metrics_http_built(void)
{
	return true;
}
