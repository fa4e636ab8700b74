/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* `aver results`: what is recorded of TLS sessions. */
#ifndef CTL_RESULTS_H
#define CTL_RESULTS_H

#include <stdio.h>

#include "lib/conf/conf.h"

/* Returns an exit status. */
int
cmd_results(const struct conf *c, int argc, char **argv, FILE *in, FILE *out);

#endif
