/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the subcommands that make and send reports have in common: their
 * arguments and their exit codes.
 */
#ifndef REPORTS_RUN_ARGS_H
#define REPORTS_RUN_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "reports/reporter.h"

struct run_args {
	struct reporter_options options;
	const char *domain; /* the only one to report about; NULL: all */
	bool dry; /* say what would be done, do nothing */
	uint64_t most; /* reports of this run */
};

/*
 * Reads the arguments after argv[0], the name of the subcommand; waits: it
 * knows --no-wait. False with a message on standard error when they are wrong.
 */
bool run_args_parse(struct run_args *a, const struct conf *c, bool waits,
    int argc, char **argv);

/*
 * The exit code of reporter.h for how a run ended, said to the log. busy:
 * something is left that the next run may do. Trouble that the next run will
 * meet again goes to standard error too, which cron mails.
 */
int
run_exit_code(const struct conf *c, int err, const struct diag *d, bool busy);

#endif
