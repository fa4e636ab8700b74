/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The HTTP server of the metrics, with one thread of its own. GET and HEAD:
 *   /metrics  what metrics_print() writes
 *   /healthz  200 "ok", or 503 and the reason
 * It asks for no password: whoever reaches the address can read. Clients get
 * at most 20 connections of 16 kB each; when they are many, the oldest one
 * goes, so that idle or slow ones keep nobody out.
 */
#ifndef METRICS_METRICS_HTTP_H
#define METRICS_METRICS_HTTP_H

#include <stdbool.h>

#include "lib/base/diag.h"
#include "lib/metrics/metrics.h"

struct metrics_http;

struct metrics_http_config {
	const char *listen; /* as metrics_listen.h says; empty: no server */
	struct metrics *metrics; /* outlives the server */
	/*
	 * Why the program is not well, a constant text without line end;
	 * NULL: it is. Called by the server's thread. May be NULL: always
	 * well.
	 */
	const char *(*ailment)(void *arg);
	void *arg;
};

/*
 * Call after daemonising and dropping privileges (its thread does not survive
 * a fork), with SIGPIPE ignored and the program's signals blocked. *out is NULL
 * when there is to be no server. Returns 0; AVER_CONF (a bad address, or
 * built without the server), AVER_IO (cannot listen there, no thread),
 * AVER_NOMEM; with d filled.
 */
int metrics_http_open(const struct metrics_http_config *c,
    struct metrics_http **out, struct diag *d);
/* Ends its thread and closes all connections. NULL allowed. */
void metrics_http_close(struct metrics_http *h);

/* False when built --without-metrics. */
bool metrics_http_built(void);

#endif
