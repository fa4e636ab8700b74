/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The authorities that hosts have to be signed by, read once for all
 * connections: to read them costs more than a handshake.
 */
#ifndef HTTP_HTTP_ROOTS_H
#define HTTP_HTTP_ROOTS_H

#include <stdint.h>
#include <time.h>

#include <openssl/types.h>

#include "lib/base/diag.h"

struct http_roots {
	X509_STORE *store;
	/* private */
	char *file; /* NULL: OpenSSL's places */
	struct timespec changed;
	int64_t checked; /* clock_mono_ms() */
};

/*
 * file: NULL for OpenSSL's places. Returns 0, AVER_CONF (the file), AVER_NOMEM,
 * with d filled; http_roots_fini() is allowed after all of them.
 */
int http_roots_init(struct http_roots *r, const char *file, struct diag *d);
void http_roots_fini(struct http_roots *r); /* all zero: nothing to do */
/*
 * Reads the file again if it has changed, looking at most once a minute. One
 * that cannot be read any more leaves the authorities as they were.
 */
void http_roots_refresh(struct http_roots *r);

#endif
