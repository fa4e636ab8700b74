/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/cmd_reload.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
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

const struct reload_daemon reload_daemons[] = {
    {"aver-milter", AVER_RUNDIR "/aver-milter.pid"},
    {"aver-policyd", AVER_RUNDIR "/aver-policyd.pid"}, {NULL, NULL}};

/* 0, AVER_NOTFOUND when it does not run (d says why), AVER_IO. */
static int
tell(const struct reload_daemon *daemon, struct diag *d)
{
	pid_t pid;
	int err = compat_pidfile_owner(daemon->pidfile, &pid, d);

	if (err)
		return err;
	/* libmilter takes SIGHUP for an order to stop: ours is SIGUSR1 */
	if (kill(pid, SIGUSR1) < 0)
		return diag_set(d, AVER_IO, 0, "process %ld: %s", (long)pid,
		    strerror(errno));
	return 0;
}

int
cmd_reload(const char *path, const struct reload_daemon *daemons, FILE *err)
{
	unsigned told = 0, failed = 0;

	if (!is_good(path, err))
		return 1;
	for (const struct reload_daemon *r = daemons; r->name; r++) {
		struct diag d = {{0}, 0};
		int e = tell(r, &d);

		told += e == 0;
		if (e == 0 || e == AVER_NOTFOUND)
			continue;
		fprintf(err, "aver reload: %s: %s\n", r->name, d.text);
		failed++;
	}
	if (told == 0 && failed == 0)
		for (const struct reload_daemon *r = daemons; r->name; r++) {
			struct diag d = {{0}, 0};

			compat_pidfile_owner(r->pidfile, &(pid_t){0}, &d);
			fprintf(err, "aver reload: %s does not run: %s\n",
			    r->name, d.text);
		}
	return told == 0 || failed > 0;
}
