/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/cmd_reload.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/compat/compat.h"
#include "lib/conf/conf.h"

#define ERRORS_MAX_OCTETS ((size_t)1 << 20)

/* Says what is wrong with the file. */
static bool
is_good(const char *path, FILE *err)
{
	struct buf errors;
	int failed;

	buf_init(&errors, NULL, ERRORS_MAX_OCTETS);
	failed = conf_check(path, &errors);
	if (failed)
		fprintf(
		    err, "%saver reload: nothing is changed\n", buf_z(&errors));
	buf_fini(&errors);
	return !failed;
}

int
cmd_reload(const char *path, const char *pidfile, FILE *err)
{
	struct diag d = {{0}, 0};
	pid_t pid;

	if (!is_good(path, err))
		return 1;
	if (compat_pidfile_owner(pidfile, &pid, &d)) {
		fprintf(
		    err, "aver reload: aver-milter does not run: %s\n", d.text);
		return 1;
	}
	/* libmilter takes SIGHUP for an order to stop: ours is SIGUSR1 */
	if (kill(pid, SIGUSR1) < 0) {
		fprintf(err, "aver reload: process %ld: %s\n", (long)pid,
		    strerror(errno));
		return 1;
	}
	return 0;
}
