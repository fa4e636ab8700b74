/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What each subcommand takes: for `aver help`, `--help`, and after mistakes. */
#ifndef CTL_USAGE_H
#define CTL_USAGE_H

#include <stdio.h>

#define USAGE_STATUS 2 /* the exit status of who was called wrongly */

/* Lines that end in a newline, the first with "usage: "; NULL: no command. */
const char *usage_text(const char *command);

/*
 * Says on f what is wrong with the arguments of a command (NULL or "": that has
 * been said, by getopt_long() for one), and what it takes. Returns
 * USAGE_STATUS.
 */
int usage_fail(FILE *f, const char *command, const char *what);

#endif
