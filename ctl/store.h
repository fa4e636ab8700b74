/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* `aver store`: what the store holds, and moving to another one. */
#ifndef CTL_STORE_H
#define CTL_STORE_H

#include <stdio.h>

#include "lib/conf/conf.h"

/* argv[0] is the name of the command. Returns an exit code. */
int cmd_store(const struct conf *c, int argc, char **argv, FILE *out);

#endif
