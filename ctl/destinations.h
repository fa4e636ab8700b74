/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver destinations`: what mail hosts were seen to offer.
 *
 *	list [--json]		one line for each domain and host
 *	show DOMAIN [--json]	those of a domain
 *	forget DOMAIN		forgets it
 */
#ifndef CTL_DESTINATIONS_H
#define CTL_DESTINATIONS_H

#include <stdio.h>

#include "lib/conf/conf.h"

/* argv[0] is the name of the command. Returns the exit status. */
int cmd_destinations(const struct conf *c, int argc, char **argv, FILE *out);

#endif
