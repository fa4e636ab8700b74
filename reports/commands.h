/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The subcommands of aver-report. Each is given its own arguments, with its
 * name as the first, and returns an exit code of reporter.h.
 */
#ifndef REPORTS_COMMANDS_H
#define REPORTS_COMMANDS_H

#include "lib/conf/conf.h"

/* DMARC aggregate reports: make those that are due, send those that are. */
int command_dmarc(const struct conf *c, int argc, char **argv);
/* DMARC failure reports, of what the milter recorded for them. */
int command_failure(const struct conf *c, int argc, char **argv);
/* SMTP TLS reports: make those that are due, send those that are. */
int command_tls(const struct conf *c, int argc, char **argv);
/* A message that came back for a report, on standard input. */
int command_bounce(const struct conf *c, int argc, char **argv);
/* Can our reports be delivered, and will they be believed? */
int command_check(const struct conf *c, int argc, char **argv);

#endif
