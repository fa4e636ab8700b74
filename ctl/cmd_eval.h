/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver eval`: what the milter would find out about a message, for operators
 * who want a decision explained, for the conformance suites and for bug
 * reports. One JSON object for each message.
 */
#ifndef CTL_CMD_EVAL_H
#define CTL_CMD_EVAL_H

#include <stdio.h>

#include "lib/conf/conf.h"

/*
 * argv[0] is the name of the command. Returns the exit status: 0 ok, 1
 * failure, 2 usage.
 */
int cmd_eval(const struct conf *c, int argc, char **argv, FILE *in, FILE *out);

#endif
