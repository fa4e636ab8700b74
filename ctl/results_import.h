/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver results import`: results out of a file of Postfix's log, or of
 * datagrams, one a line. The same content is counted once, however often it is
 * imported and wherever an import was interrupted: each batch has the number
 * of its place under a name that is a digest of the whole.
 */
#ifndef CTL_RESULTS_IMPORT_H
#define CTL_RESULTS_IMPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/conf/conf.h"

/* argv[0] is the name of the command. Returns an exit status. */
int results_import(
    const struct conf *c, int argc, char **argv, FILE *in, FILE *out);

#endif
