/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The metrics of a daemon: its table, what it counts, their HTTP server. */
#ifndef METRICS_METRICS_DAEMON_H
#define METRICS_METRICS_DAEMON_H

#include "lib/base/diag.h"
#include "lib/metrics/metrics.h"

/* clang-format off */
/* Rows of the table; `of` is the array of the series or of the bounds. */
#define COUNTER(word, text) \
	{.name = (word), .type = METRIC_COUNTER, .help = (text)}
#define GAUGE(word, text) \
	{.name = (word), .type = METRIC_GAUGE, .help = (text)}
#define COUNTERS(word, text, l1, l2, of) \
	{.name = (word), .type = METRIC_COUNTER, .help = (text), \
	 .label = {(l1), (l2)}, .series = (of), \
	 .n_series = sizeof(of) / sizeof((of)[0])}
#define HISTOGRAM(word, text, of) \
	{.name = (word), .type = METRIC_HISTOGRAM, .seconds = true, \
	 .help = (text), .bounds = (of), \
	 .n_bounds = sizeof(of) / sizeof((of)[0])}
/* 1 always, and what matters is the label; see build_info below */
#define VERSION_GAUGE \
	{.name = "aver_build_info", .type = METRIC_GAUGE, \
	 .help = "1, with the version of the program.", \
	 .label = {"version"}, \
	 .series = (const struct metric_series[]){{{AVER_VERSION}}}, \
	 .n_series = 1}
/* clang-format on */

struct metrics_http;

struct metrics_daemon {
	struct metrics *metrics; /* never NULL */
	struct metrics_http *http; /* NULL: not served */
};

struct metrics_daemon_config {
	const struct metric_family *families; /* of metrics_new() */
	size_t n_families;
	size_t build_info; /* the family that is 1 */
	void (*collect)(struct metrics *m, void *arg); /* metrics_on_print() */
	const char *(*ailment)(void *arg); /* of struct metrics_http_config */
	void *arg; /* of both; NULL: nothing is collected */
	const char *listen; /* of struct metrics_http_config; may be empty */
};

/*
 * When metrics_http_open() may be called. Returns 0 or what that, metrics_new()
 * and metrics_on_print() return, with d filled; *out is NULL then.
 */
int metrics_daemon_open(const struct metrics_daemon_config *c,
    struct metrics_daemon **out, struct diag *d);
/* NULL allowed. Nobody may count any more. */
void metrics_daemon_close(struct metrics_daemon *m);

#endif
