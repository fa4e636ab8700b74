/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* aver suppress: where no reports go. */
#ifndef CTL_SUPPRESS_H
#define CTL_SUPPRESS_H

#include <stdio.h>

#include "lib/conf/conf.h"

/* argv[0] is the name of the command. in: of import. Returns an exit code. */
int
cmd_suppress(const struct conf *c, int argc, char **argv, FILE *in, FILE *out);

#endif
