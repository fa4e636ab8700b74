/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Octets to and from one server, over TCP or a local socket, with TLS or
 * without. Every wait ends: connecting and the TLS handshake together after
 * the spec's timeout, anything else when the other side has been silent for its
 * command timeout, or dawdled for ten times that.
 */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/store/redis_spec.h"
#include "lib/store/resp.h"

struct redis_link {
	int fd; /* -1: none */
	SSL *ssl;
	struct buf in;
	int64_t silence, end; /* deadlines, ms of clock_mono_ms() */
	unsigned patience;
};

void redis_link_init(struct redis_link *l);
void redis_link_close(struct redis_link *l);
void redis_link_fini(struct redis_link *l);

/* host NULL: spec's path. ctx NULL: no TLS. AVER_TEMP, AVER_CRYPTO. */
int redis_link_open(struct redis_link *l, const struct redis_spec *spec,
    const struct redis_host *host, SSL_CTX *ctx, struct diag *d);

/* False when the other side has closed, or says what nobody asked for. */
bool redis_link_idle(struct redis_link *l);

/* Starts the deadlines of a call. */
void redis_link_start(struct redis_link *l, unsigned patience);
/* AVER_TEMP. */
int redis_link_send(struct redis_link *l, struct str octets, struct diag *d);
/*
 * Reads one reply: its octets stay in l->in until the next call. AVER_TEMP,
 * AVER_IO when it is no RESP or too large.
 */
int redis_link_reply(struct redis_link *l, struct str *octets, struct diag *d);

#endif
