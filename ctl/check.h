/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver check`: connects to the mail hosts of a destination, as the MTA would,
 * and tells in plain words whether they do what the decision demands. What they
 * offer is remembered for smtp_requiretls_policy. No mail is sent.
 */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include <stdio.h>

#include "lib/conf/conf.h"

/*
 * argv[0] is the name of the command. Returns the exit status: 0 when every
 * host that could be reached does, 1 when one does not or none could, 2 usage.
 */
int cmd_check(const struct conf *c, int argc, char **argv, FILE *out);

#endif
