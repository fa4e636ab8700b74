/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * HTTPS requests to hosts that strangers name, many at a time on one thread.
 * Only http.c includes <curl/curl.h>.
 *
 * The caller resolves the name. A connection goes to one of the addresses
 * given and nowhere else: no proxy, no redirect, no other protocol, nothing of
 * the environment. What comes back is bounded in octets and in time.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"

#define HTTP_ADDRS 8
#define HTTP_HOST_MAX 264 /* octets */
#define HTTP_PATH_MAX 2048
#define HTTP_REASON 128

enum http_end {
	HTTP_ANSWER, /* a status, whatever it is */
	HTTP_TIMEOUT,
	HTTP_CERTIFICATE, /* the server's is not valid for the host */
	HTTP_TOO_LARGE, /* the body is above max_size; never of a POST */
	HTTP_TOO_MANY_FIELDS,
	HTTP_FAILED, /* connection, TLS, protocol */
	HTTP_OURS, /* nothing was tried: load, memory, arguments, the end */
};

struct http_result {
	enum http_end end;
	/* of HTTP_ANSWER */
	int status;
	struct str content_type, body; /* valid for the call */
	/* of all others: why; printable ASCII */
	char reason[HTTP_REASON];
};

/* One request; the caller's, untouched by it until done() is called. */
struct http_job {
	struct str host; /* A-labels; letters, digits, "-", "_" and dots */
	int port; /* 0: that of the client's configuration */
	struct str path; /* "/..." with the query; no fragment */
	struct ip addrs[HTTP_ADDRS]; /* of the host, allowed ones */
	size_t n_addrs;
	/* NULL: it is a GET; else a POST of content with that type. */
	const char *content_type;
	struct str content;
	bool any_certificate; /* of anybody for any name */
	/*
	 * Called exactly once, from any thread, with no lock held, possibly
	 * before http_start() returns. It must not block.
	 */
	void (*done)(struct http_job *job, const struct http_result *result);
};

struct http_config {
	const char *ca_file; /* of trusted roots; NULL or "": the system's */
	int port; /* 0: 443 */
	int64_t timeout_ms; /* for all of one request */
	bool may_be_slow; /* no limit on the rate, as while a server works */
	size_t max_size; /* octets of a body that comes back */
	unsigned at_once; /* most connections at the same time */
	unsigned queue; /* most jobs that wait for one; more fail at once */
};

struct http_client;

/*
 * Starts the thread. The CA file is read again when it has changed. Returns 0,
 * AVER_CONF (the CA file) or AVER_NOMEM with d filled.
 */
int http_open(
    const struct http_config *cfg, struct http_client **out, struct diag *d);
void http_start(struct http_client *c, struct http_job *job);
/* Ends; what is in flight gets its done() before this returns. NULL too. */
void http_close(struct http_client *c);

/*
 * Carries out one job and waits for it; done is set here. Of the result the
 * body and the content type are empty.
 */
void http_perform(
    struct http_client *c, struct http_job *job, struct http_result *out);

#endif
