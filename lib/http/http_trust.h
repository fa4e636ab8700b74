/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Settings of TLS and the authorities that are trusted, for all connections of
 * a client: to make them for each costs as much as half a handshake.
 */
#ifndef HTTP_HTTP_TRUST_H
#define HTTP_HTTP_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"

struct http_trust;
struct ssl_st;

/*
 * ca_file: NULL or "" for the system's. Returns 0, AVER_CONF (the file),
 * AVER_NOMEM, with d filled.
 */
int
http_trust_open(const char *ca_file, struct http_trust **out, struct diag *d);
void http_trust_close(struct http_trust *t); /* NULL allowed */
/*
 * Reads the file again if it has changed, looking at most once a minute. One
 * that cannot be read any more leaves the authorities as they were. now:
 * clock_mono_ms().
 */
void http_trust_refresh(struct http_trust *t, int64_t now);
/*
 * A connection with the name of the host that its certificate has to be for,
 * by a DNS-ID and nothing else; or, with any_certificate, by none. NULL when
 * memory is out.
 */
struct ssl_st *http_trust_connect(
    struct http_trust *t, const char *host, bool any_certificate);

#endif
