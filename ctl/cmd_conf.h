/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * `aver conf`: what is configured, what could be, and whether it is right.
 * Verbs as in postconf(1): -n what differs from the defaults, -d the defaults;
 * -t checks the file, -v adds what each parameter means, -c names
 * another file.
 */
#ifndef CTL_CMD_CONF_H
#define CTL_CMD_CONF_H

#include <stdio.h>

/*
 * path: of the file, NULL for the default. argv[0] is the name of the command.
 * Settings go to out, errors to err. Returns the exit status: 0 ok, 1 failure,
 * 2 usage.
 */
int cmd_conf(const char *path, int argc, char **argv, FILE *out, FILE *err);

#endif
