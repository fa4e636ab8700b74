/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The store: what has been recorded and has to survive. One interface, back
 * ends behind it (SQLite now). An evaluation is not a row for each message:
 * rows are keyed by (hour, policy domain, canonical octets) and carry a count.
 * A handle belongs to one thread.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"

struct store;

enum store_mode { STORE_READ, STORE_WRITE };

/*
 * spec: "sqlite:PATH". STORE_WRITE creates what is missing and migrates an
 * older schema; a newer schema than this program's is refused (AVER_CONF).
 * Returns 0 with *out, or AVER_CONF, AVER_IO, AVER_TEMP (locked), AVER_NOMEM
 * with d filled.
 */
int store_open(
    const char *spec, enum store_mode mode, struct store **out, struct diag *d);
void store_close(struct store *s); /* NULL allowed */

/* One row to be counted. octets: of evaluation_encode(). */
struct store_evaluation {
	int64_t hour; /* seconds since the epoch, a multiple of 3600 */
	struct str policy_domain;
	struct str octets;
	uint64_t count;
	bool optional;
};

/*
 * Adds the counts and remembers that source (a name for the ring that the
 * rows come from) is committed up to seq: one transaction. Returns 0,
 * AVER_TEMP (locked, full disk: try again), AVER_IO, AVER_NOMEM.
 */
int store_add_evaluations(struct store *s, struct str source, uint64_t seq,
    const struct store_evaluation *rows, size_t n, struct diag *d);
/* The last seq of that source, 0 when it is unknown. */
int store_committed(
    struct store *s, struct str source, uint64_t *seq, struct diag *d);

/*
 * Calls fn for each row of the policy domain (all when it is empty) with
 * from <= hour < to, ordered by policy domain, hour; views are valid for the
 * call. fn returns 0 to go on; anything else stops and is returned. It may call
 * any function of the handle but this one.
 */
int
store_each_evaluation(struct store *s, struct str policy_domain, int64_t from,
    int64_t to, int (*fn)(void *arg, const struct store_evaluation *row),
    void *arg, struct diag *d);

struct store_domain {
	struct str policy_domain;
	int64_t first_hour, last_hour;
	uint64_t rows, messages, optional_messages;
};

/* One call of fn for each policy domain, ordered by name. */
int store_each_domain(struct store *s,
    int (*fn)(void *arg, const struct store_domain *dom), void *arg,
    struct diag *d);

/* Removes a policy domain's evaluations; *removed: messages they counted. */
int store_remove_evaluations(struct store *s, struct str policy_domain,
    uint64_t *removed, struct diag *d);

#endif
