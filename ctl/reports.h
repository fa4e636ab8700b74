/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* aver reports: the ledger of the reports that were made. */
#ifndef CTL_REPORTS_H
#define CTL_REPORTS_H

#include <stdio.h>

#include "lib/conf/conf.h"

/* argv[0] is the name of the command. Returns an exit code. */
int cmd_reports(const struct conf *c, int argc, char **argv, FILE *out);

#endif
