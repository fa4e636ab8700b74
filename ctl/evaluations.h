/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver evaluations`: what the milter has recorded for aggregate reports.
 *
 *	list [--json]		one line for each policy domain
 *	show DOMAIN [--json]	its rows, decoded
 *	remove DOMAIN [--json]	forgets them and says how many there were
 *
 * With --json each prints one JSON document. Octets from mail that are not
 * printable ASCII, and the backslash, are shown as \xHH.
 */
#ifndef CTL_EVALUATIONS_H
#define CTL_EVALUATIONS_H

#include <stdio.h>

#include "lib/conf/conf.h"

/*
 * argv[0] is the name of the command. Returns the exit status: 0 ok, 1 failure
 * (text on standard error) or, for show, nothing recorded; 2 usage.
 */
int cmd_evaluations(const struct conf *c, int argc, char **argv, FILE *out);

#endif
