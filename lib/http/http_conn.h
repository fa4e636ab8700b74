/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * One request on a connection of its own, without ever waiting: TCP to one of
 * the addresses given, TLS, the request, the answer.
 */
#ifndef HTTP_HTTP_CONN_H
#define HTTP_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/compat/poller.h"
#include "lib/http/http.h"
#include "lib/http/http_answer.h"
#include "lib/http/http_trust.h"

enum http_stage {
	HTTP_STAGE_CONNECT,
	HTTP_STAGE_TLS,
	HTTP_STAGE_TALK,
};

/* What two connections of a client share; the caller's. */
struct http_env {
	struct http_config cfg;
	struct http_trust *trust;
	struct poller *poller;
};

struct http_conn {
	struct http_job *job; /* NULL: it is idle */
	struct http_conn *next; /* the caller's */
	/* private */
	struct http_env *env;
	enum http_stage stage;
	struct ssl_st *ssl;
	int fd; /* the one that got through, or -1 */
	bool wants_out; /* the poller was told so */
	/* addresses in the order they are tried, and a socket for each */
	struct ip addrs[HTTP_ADDRS];
	int trying[HTTP_ADDRS]; /* -1: failed, or not tried yet */
	size_t n_addrs, n_tried;
	int error; /* errno of the last that failed */
	struct buf request; /* the head */
	size_t sent; /* octets of head and content */
	struct http_answer answer;
	/* of clock_mono_ms() */
	int64_t until, until_tls, next_try, slow_at;
	size_t octets; /* moved since slow_at was set */
	char host[HTTP_HOST_MAX + 1];
};

/* env: as long as the connection lives. */
void http_conn_init(struct http_conn *c, struct http_env *env);
void http_conn_fini(struct http_conn *c);

/* Begins with a job that was checked. False without memory: it is idle. */
bool http_conn_start(struct http_conn *c, struct http_job *job, int64_t now);
/*
 * Goes on as far as it can. True: it is over, *r says how, with views into c up
 * to http_conn_stop(), which has to follow.
 */
bool http_conn_step(struct http_conn *c, int64_t now, struct http_result *r);
/* The time to call it at, if the poller has nothing to tell before. */
int64_t http_conn_wakeup(const struct http_conn *c);
/* Closes; it is idle then. */
void http_conn_stop(struct http_conn *c);

#endif
