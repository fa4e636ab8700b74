/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the policy daemon counts, for Prometheus. */
#ifndef POLICYD_POLICYD_METRICS_H
#define POLICYD_POLICYD_METRICS_H

#include <stdint.h>

#include "lib/base/diag.h"
#include "policyd/delegation.h"

struct metrics_daemon;
struct service;

/*
 * listen: as for metrics_http.h, empty for no server. What the parts of the
 * service count is read from them, until metrics_daemon_close(). As
 * metrics_daemon_open().
 */
int policyd_metrics_open(struct service *s, const char *listen,
    struct metrics_daemon **out, struct diag *d);

/* Any thread; m may be NULL: nothing is counted. */
/* A decision that was not in the cache, and what it took. */
void policyd_metrics_decision(struct metrics_daemon *m, int64_t us);
void
policyd_metrics_delegation(struct metrics_daemon *m, enum delegation_outcome o);

#endif
