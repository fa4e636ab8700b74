/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the milter counts, and serves on metrics_listen. */
#ifndef MILTER_MILTER_METRICS_H
#define MILTER_MILTER_METRICS_H

#include <stdint.h>

#include "lib/base/diag.h"
#include "milter/service.h"
#include "milter/session.h"

struct metrics_daemon;

/*
 * listen: of metrics_http.h; when it is empty all is counted and nothing
 * served. service: opened, and open until metrics_daemon_close(); may be NULL
 * for tests. As metrics_daemon_open().
 */
int milter_metrics_open(struct service *service, const char *listen,
    struct metrics_daemon **out, struct diag *d);

/*
 * Counts a message after its evaluation; us: microseconds that the end of
 * message took. Any thread, no lock. m may be NULL: nothing is counted.
 */
void milter_metrics_message(struct metrics_daemon *m, const struct session *s,
    const struct session_verdict *v, int64_t us);

#endif
