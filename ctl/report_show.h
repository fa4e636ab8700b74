/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver report show [--json] FILE ...`: prints the reports that others sent,
 * whatever they are wrapped in. "-" is standard input.
 */
#ifndef CTL_REPORT_SHOW_H
#define CTL_REPORT_SHOW_H

#include <stdio.h>

/*
 * argv[0] is the name of the command. Returns the exit status: 0 every file
 * held a report and all of them are sound, 1 not so (text on err), 2 usage.
 */
int cmd_report(int argc, char **argv, FILE *in, FILE *out, FILE *err);

#endif
