/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the milter counts, and serves on metrics_listen. */
#ifndef MILTER_MILTER_METRICS_H
#define MILTER_MILTER_METRICS_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "milter/service.h"
#include "milter/session.h"

struct milter_metrics;

/*
 * listen: of metrics_http.h; when it is empty all is counted and nothing
 * served. service: opened, and open until milter_metrics_close(); may be NULL
 * for tests. Returns 0 or what metrics_new() and metrics_http_open() return,
 * with d filled.
 */
int milter_metrics_open(struct service *service, const char *listen,
    struct milter_metrics **out, struct diag *d);
/* No session may run any more. NULL allowed. */
void milter_metrics_close(struct milter_metrics *m);

/*
 * Counts a message after its evaluation; us: microseconds that the end of
 * message took. Any thread, no lock. m may be NULL: nothing is counted.
 */
void milter_metrics_message(struct milter_metrics *m, const struct session *s,
    const struct session_verdict *v, int64_t us);

/* Appends what /metrics shows. */
void milter_metrics_print(struct milter_metrics *m, struct buf *out);

#endif
