/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What every daemon does in the same way: options, -t, the log, the PID file,
 * signals, and the reload. All of it by the main thread.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <signal.h>
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/conf/conf.h"

struct daemon {
	const char *name; /* "aver-milter" */
	const char *pidfile;
	/* all that is wrong with the configuration, beyond its syntax */
	int (*check)(const struct conf *c, struct buf *errors);
	/* takes c, also when it fails */
	int (*reload)(void *arg, struct conf *c, struct diag *d);
	void *arg;
	bool hup_reloads; /* SIGHUP too; else it ends the program */
	/* of the command line and the system */
	const char *conf_path; /* NULL: the usual one */
	bool test_only;
	bool had_file; /* the configuration is no mere default */
	sigset_t signals;
};

/*
 * Reads the options and the configuration, which is *out then, opens the log
 * and blocks the signals that daemon_wait() waits for. False: the program ends
 * with *status, as after -h, -V or -t, and what is wrong has been said.
 */
bool daemon_begin(
    struct daemon *d, int argc, char **argv, struct conf **out, int *status);

/*
 * The PID file, without which only `aver reload` does not work, and
 * state_directory. As root, before privileges are dropped. 0 or an error.
 */
int daemon_directories(
    const struct daemon *d, const struct conf *c, struct diag *why);

/*
 * Gives up the privileges of root for those of `user`, and looks whether
 * state_directory can be written with what is left. Before threads are
 * started. Returns 0, AVER_CONF or AVER_IO, with why filled.
 */
int daemon_become_user(const struct conf *c, struct diag *why);

/* Says on standard error why the daemon does not start; its exit code. */
int daemon_refuse(const struct daemon *d, const struct diag *why);

/*
 * For reload(): warns of parameters that differ and need a restart, which is
 * said, not silently ignored.
 */
void daemon_warn_fixed(const struct conf *old, const struct conf *fresh);

/* Reloads when it is told to; returns when it is told to end. */
void daemon_wait(struct daemon *d);

#endif
