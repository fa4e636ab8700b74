/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the tables of this folder share: logical lines, messages with the line
 * of the file, and an index by key. For the files of this folder only.
 *
 *     table = *( line LF )
 *     line  = empty / "#" text / entry / continuation
 *     entry = key 1*WSP text         continuation = 1*WSP text
 */
#ifndef TLSPOLICY_TLS_LINES_H
#define TLSPOLICY_TLS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

struct tls_slot {
	struct str key; /* p NULL: free */
	uint32_t value;
};

/* Open addressing; at least half of the slots are free. Zeroed is empty. */
struct tls_index {
	struct tls_slot *slots;
	size_t n, cap;
};

/*
 * The slot of key, made with value when there is none: then *is_new. NULL
 * without memory. key has to live as long as the index.
 */
struct tls_slot *tls_index_put(struct tls_index *x, struct arena *a,
    struct str key, uint32_t value, bool *is_new);
/* NULL when there is none. */
const struct tls_slot *tls_index_get(const struct tls_index *x, struct str key);

struct tls_lines {
	struct arena *a;
	const char *name; /* of the file */
	struct buf *errors; /* may be NULL: the first error ends it */
	struct diag *d;
	unsigned line; /* where the entry being read begins */
	unsigned n_errors;
	int err; /* of the first */
};

/* Reports an error of the entry being read. */
void tls_lines_wrong(struct tls_lines *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void tls_lines_nomem(struct tls_lines *l);

/*
 * Calls entry for each, with the key and the rest, trimmed and joined: views
 * that are good for the call. Returns l->err, or AVER_NOMEM.
 */
int tls_lines_read(struct tls_lines *l, struct str text,
    void (*entry)(void *arg, struct str key, struct str rest), void *arg);

#endif
