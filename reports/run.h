/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A run of a subcommand that makes and sends reports: its arguments, what it
 * opens, the order of its steps, what it logs and its exit code.
 */
#ifndef REPORTS_RUN_H
#define REPORTS_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/conf/conf.h"
#include "lib/store/take.h"
#include "reports/reporter.h"
#include "reports/submit.h"

struct run_kind;

/* What the subcommands have in common; the first member of what each has. */
struct run {
	const struct run_kind *kind;
	struct reporter r;
	struct reporter_options options;
	const char *domain; /* the only one to report about; NULL: all */
	bool dry; /* say what would be done, do nothing */
	uint64_t most; /* reports to send */
	int64_t now; /* when it began */
	struct arena arena; /* of one domain; reset before plan() */
	/* what was done; of messages, sessions or incidents but for reports */
	uint64_t reports, dropped, kept;
	bool busy; /* something is left that the next run may do */
	struct diag d;
};

/* What is not in common. Functions return 0 or an error with k->d. */
struct run_kind {
	size_t size; /* of the struct that begins with a struct run */
	size_t memory; /* of the arena */
	bool waits; /* knows --no-wait */
	const char *off; /* what is said when is_on() is false */
	bool (*is_on)(const struct conf *c);
	struct submit_kind submit;
	/* seconds to wait for what becomes due; NULL: 0 */
	int64_t (*patience)(const struct run *k);
	/* all else is open; NULL: nothing to do */
	int (*open)(struct run *k);
	/* before make(), not in a dry run; NULL: nothing to do */
	int (*prepare)(struct run *k, bool on);
	/* one or more run_walk() */
	int (*make)(struct run *k);
	/* a domain of which something is due: report it, or show the plan */
	int (*plan)(struct run *k, const struct store_due *due);
	/* after make(), not in a dry run or with a domain; NULL: nothing */
	int (*clean_up)(struct run *k);
	/* its own numbers for the log, which follow the reports */
	void (*count)(const struct run *k, struct buf *line);
	void (*close)(struct run *k); /* NULL: nothing to do */
};

/* All of it, with the arguments behind the subcommand's name. An exit code. */
int run_reports(
    const struct run_kind *kind, const struct conf *c, int argc, char **argv);

/* plan() for all domains, or the one asked for, with rows before that time. */
int run_walk(struct run *k, int64_t before);
/* AVER_TEMP is no error: its data stay for the next run. due NULL: silently. */
int run_later(struct run *k, const struct store_due *due, int err);
/*
 * Drops what is recorded for this kind of report (in a take) of the domain
 * before that time, and counts it; when more has come than due says all of it
 * stays for the next run. Returns as run_later().
 */
int run_drop(struct run *k, const struct store_due *due, int64_t before);
/* An address that gets no report. */
void run_log_skipped(struct run *k, const struct store_due *due, struct str uri,
    const char *why, struct str detail);
/*
 * Nothing is kept for ever: expire() for each domain with rows before that
 * time, then reports and suppressions that are over are forgotten.
 */
int run_clean_up(struct run *k, int64_t before,
    int (*expire)(void *arg, const struct store_due *due));

#endif
