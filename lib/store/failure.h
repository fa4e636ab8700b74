/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Incidents that may become DMARC failure reports (RFC 9991): a bounded queue.
 * They leave the store by a take of kind LEDGER_FAILURE (take.h). Times are
 * seconds since the epoch. Errors, handles, threads and callbacks as in
 * ledger.h.
 */
#ifndef STORE_FAILURE_H
#define STORE_FAILURE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

#define STORE_INCIDENT_MAX 65536 /* octets of one */
#define STORE_INCIDENTS_DOMAIN 100 /* waiting for one policy domain */
#define STORE_INCIDENTS_MOST 10000 /* waiting in all */

struct store_incident {
	struct str policy_domain; /* 1 to 255 octets */
	int64_t time;
	struct str octets; /* the caller's encoding */
};

/*
 * Queues them once for each source and seq, as store_add_evaluations() does;
 * seq 0: always. What the queue has no room for is dropped and counted
 * (struct store_stats): the old ones stay, so a flood pushes nothing out.
 * AVER_LIMIT: one is above its bounds; nothing was added. For daemons: see
 * also recorder.h.
 */
int store_add_incidents(struct store *s, struct str source, uint64_t seq,
    const struct store_incident *rows, size_t n, struct diag *d);

/*
 * The policy domain's incidents (empty: all) ordered by domain, time, and when
 * they came.
 */
int store_each_incident(struct store *s, struct str policy_domain,
    int (*fn)(void *arg, const struct store_incident *row), void *arg,
    struct diag *d);

/*
 * Removes a policy domain's incidents (empty: of all) before that time;
 * *removed (may be NULL): how many.
 */
int store_remove_incidents(struct store *s, struct str policy_domain,
    int64_t before, uint64_t *removed, struct diag *d);

#endif
