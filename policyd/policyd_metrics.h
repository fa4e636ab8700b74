/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the policy daemon counts, for Prometheus. */
#ifndef POLICYD_POLICYD_METRICS_H
#define POLICYD_POLICYD_METRICS_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "policyd/delegation.h"

struct policyd_metrics;
struct service;

/*
 * listen: as for metrics_http.h, empty for no server. What the parts of the
 * service count is read from them. Returns 0 or an aver_err with d filled.
 */
int policyd_metrics_open(struct service *s, const char *listen,
    struct policyd_metrics **out, struct diag *d);
void policyd_metrics_close(struct policyd_metrics *m); /* NULL allowed */

/* Any thread; m may be NULL: nothing is counted. */
/* A decision that was not in the cache, and what it took. */
void policyd_metrics_decision(struct policyd_metrics *m, int64_t us);
void policyd_metrics_delegation(
    struct policyd_metrics *m, enum delegation_outcome o);

/* Appends what /metrics shows. */
void policyd_metrics_print(struct policyd_metrics *m, struct buf *out);

#endif
