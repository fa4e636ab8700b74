/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver query`: what the MTA would be told about a destination, and why: every
 * DNS answer with its DNSSEC state, the policy and its age, the decision.
 */
#ifndef CTL_QUERY_H
#define CTL_QUERY_H

#include <stdio.h>

#include "lib/conf/conf.h"

/*
 * argv[0] is the name of the command. Returns the exit status: 0, 1 (text on
 * standard error, or the mail would be deferred), 2 usage.
 */
int cmd_query(const struct conf *c, int argc, char **argv, FILE *out);

#endif
