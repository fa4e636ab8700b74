/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver policy`: the MTA-STS policies in the store.
 *
 *	list [--json]		one line for each domain
 *	refresh DOMAIN		fetches it now and keeps what comes
 *	remove DOMAIN		forgets it
 *	export			the enforced ones as a table for Postfix
 */
#ifndef CTL_POLICIES_H
#define CTL_POLICIES_H

#include <stdio.h>

#include "lib/conf/conf.h"

/* argv[0] is the name of the command. Returns the exit status. */
int cmd_policy(const struct conf *c, int argc, char **argv, FILE *out);

#endif
