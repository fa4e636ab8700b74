/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Counters of a program in the text format of Prometheus (version 0.0.4).
 *
 * A program has one static table of families. All label values stand in that
 * table and every series is there from the start with the value 0: nothing
 * that a client sends can make a new one. Counting takes no lock and no
 * memory; any thread may count and print at any time.
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_SUMMARY, /* how many and their sum, without quantiles */
	METRIC_HISTOGRAM,
	METRIC_TYPE_COUNT
};

#define METRIC_LABELS_MAX 2

/* One value for each label of the family, in that order. */
struct metric_series {
	const char *value[METRIC_LABELS_MAX];
};

struct metric_family {
	const char *name, *help;
	enum metric_type type;
	/* what is observed or set is microseconds, what is shown seconds */
	bool seconds;
	const char *label[METRIC_LABELS_MAX]; /* names; NULL: no such label */
	const struct metric_series *series;
	size_t n_series; /* 0: one series without labels */
	/* METRIC_HISTOGRAM: upper bounds, ascending, without infinity */
	const uint64_t *bounds;
	size_t n_bounds;
};

#define METRICS_COLLECTORS_MAX 4

struct metrics;

/*
 * families: a static table that outlives *out. Returns 0; AVER_NOMEM;
 * AVER_BUG with the reason in d when the table is wrong: a name or label the
 * format does not allow, a name or series that is there twice, a series that
 * lacks a label value, bounds that do not ascend.
 */
int metrics_new(const struct metric_family *families, size_t n,
    struct metrics **out, struct diag *d);
/* No other call may be in progress. NULL allowed. */
void metrics_free(struct metrics *m);

/*
 * family: index into the table; series: index into that family's, 0 when it
 * has no labels. An index that is out of range, or a family of a type that
 * the call is not for, does nothing.
 */
/* METRIC_COUNTER and METRIC_GAUGE: adds n. */
void metrics_add(struct metrics *m, size_t family, size_t series, uint64_t n);
/* METRIC_COUNTER and METRIC_GAUGE: for values that somebody else counts. */
void metrics_set(struct metrics *m, size_t family, size_t series, uint64_t v);
/* METRIC_SUMMARY: the same. */
void metrics_set_summary(struct metrics *m, size_t family, size_t series,
    uint64_t count, uint64_t sum);
/* METRIC_SUMMARY and METRIC_HISTOGRAM: one more value. */
void
metrics_observe(struct metrics *m, size_t family, size_t series, uint64_t v);

/*
 * collect(arg) is called at the begin of each metrics_print(), in its thread,
 * to metrics_set() what others count. Before the first metrics_print(). Returns
 * 0, or AVER_LIMIT above METRICS_COLLECTORS_MAX.
 */
int metrics_on_print(
    struct metrics *m, void (*collect)(struct metrics *, void *), void *arg);

/* Appends all families. */
void metrics_print(struct metrics *m, struct buf *out);

/* The Content-Type of what metrics_print() writes. */
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * The one escaper of the format: backslash and line feed, and with in_label
 * the double quote. Other octets than printable ASCII become "?".
 */
void metrics_escape(struct buf *b, struct str s, bool in_label);

#endif
