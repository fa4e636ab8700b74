/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* `aver reload`: has the running daemons read their configuration again. */
#ifndef CTL_CMD_RELOAD_H
#define CTL_CMD_RELOAD_H

#include <stdio.h>

struct reload_daemon {
	const char *name; /* NULL ends a list */
	const char *pidfile;
};

/* The daemons of this installation. */
extern const struct reload_daemon reload_daemons[];

/*
 * Checks the file at path (NULL: the default one) first: with an error in it
 * no daemon is bothered. Then every daemon of the list that runs gets the
 * signal. Returns the exit status: 0 it is sent to at least one and none
 * failed, 1 failure.
 */
int
cmd_reload(const char *path, const struct reload_daemon *daemons, FILE *err);

#endif
