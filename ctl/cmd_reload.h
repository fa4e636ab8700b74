/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* `aver reload`: has the running daemon read its configuration again. */
#ifndef CTL_CMD_RELOAD_H
#define CTL_CMD_RELOAD_H

#include <stdio.h>

/*
 * Checks the file at path (NULL: the default one) first: with an error in it
 * no daemon is bothered. pidfile: of aver-milter. Returns the exit status: 0
 * the signal is sent, 1 failure.
 */
int cmd_reload(const char *path, const char *pidfile, FILE *err);

#endif
