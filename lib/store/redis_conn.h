/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A connection to Redis or Valkey: found through Sentinel or a Cluster where
 * there is one, over TLS, made again when it is lost. Each wait has an end. All
 * keys of a store are in one slot, so a Cluster has one node for them, and
 * MOVED means to talk to another node. While the slot is moved the store is
 * away. Of several hosts each is asked in turn until one leads to a server that
 * takes us, the next time first the one that did.
 *
 * A breaker keeps a server that is away from costing time: after a failure no
 * new connection is tried for BREAK_MS at first, twice as long after each
 * further one up to BREAK_MAX_MS; calls fail at once meanwhile. A handle
 * belongs to one thread.
 */
#ifndef STORE_REDIS_CONN_H
#define STORE_REDIS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/redis_lua.h"
#include "lib/store/redis_spec.h"
#include "lib/store/resp.h"
#include "lib/store/store.h"

#define REDIS_REPLY_MAX ((size_t)64 << 20)
#define REDIS_BREAK_MS 200
#define REDIS_BREAK_MAX_MS 5000

struct redis_conn;

/*
 * Reads the files of passwords and certificates, which are read again after a
 * server refused us or we refused its certificate: one that cannot be read then
 * leaves all as it was. Connects at the first call. mode: see hello.
 */
int redis_conn_new(const struct redis_spec *spec, enum store_mode mode,
    struct redis_conn **out, struct diag *d);
void redis_conn_free(struct redis_conn *c); /* NULL allowed */
const struct redis_spec *redis_conn_spec(const struct redis_conn *c);

/* Connects if it is not, whatever the breaker says. */
int redis_conn_open(struct redis_conn *c, struct diag *d);

/*
 * A call of a script: redis_begin(), its arguments, then redis_run(), which
 * leaves the reply in arena. Arguments keep a sticky error. again: doing it
 * twice is the same as once, so that it may be repeated after a lost reply.
 *
 * Errors: AVER_TEMP: not reachable, or the server cannot now (LOADING, OOM,
 * READONLY, BUSY, CLUSTERDOWN, no answer in time), or Sentinel knows no such
 * master. AVER_CONF: NOAUTH, NOPERM, another version. AVER_IO: no RESP, or an
 * error that does not pass by itself. After AVER_TEMP and AVER_IO it is not
 * known whether it was done.
 */
void redis_begin(struct redis_conn *c, enum redis_script script);
void redis_arg(struct redis_conn *c, struct str s);
void redis_arg_int(struct redis_conn *c, int64_t v);
void redis_arg_cat(struct redis_conn *c, struct str x, struct str y);
void redis_arg_two(struct redis_conn *c, uint64_t a, uint64_t b); /* "A B" */
int redis_run(struct redis_conn *c, bool again, struct arena *arena,
    struct resp *out, struct diag *d);

/* For a reply of the wrong shape: AVER_IO, and the connection is dropped. */
int redis_odd(struct redis_conn *c, struct diag *d);

#endif
