/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/daemon/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/compat/compat.h"

#define ERRORS_MAX ((size_t)1 << 20)
#define USAGE "usage: %s [-fhtV] [-c FILE]\n"

/* --- the begin */

static int
usage(const struct daemon *d)
{
	fprintf(stderr, USAGE, d->name);
	return 2;
}

static void
help(const struct daemon *d)
{
	printf(USAGE "  -c FILE     read this configuration\n"
		     "  -f          run in the foreground, as it does anyway\n"
		     "  -t          check the configuration and exit\n"
		     "  -V          print the version and exit\n"
		     "  -h, --help  print this and exit\n",
	    d->name);
}

/* Negative: it is done. */
static int
parse_options(struct daemon *d, int argc, char **argv)
{
	static const struct option longer[] = {
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:fhtV", longer, NULL)) != -1) {
		switch (c) {
		case 'c':
			d->conf_path = optarg;
			break;
		case 'f': /* always in the foreground */
			break;
		case 't':
			d->test_only = true;
			break;
		case 'V':
			printf("%s %s\n", d->name, AVER_VERSION);
			return -1;
		case 'h':
			help(d);
			return -1;
		default:
			return usage(d);
		}
	}
	return optind < argc ? usage(d) : 0;
}

static int
test_configuration(const struct daemon *d, struct conf *c)
{
	struct buf errors;
	int err;

	buf_init(&errors, NULL, ERRORS_MAX);
	err = d->check(c, &errors);
	fputs(buf_z(&errors), stderr);
	buf_fini(&errors);
	conf_unref(c);
	return err ? 1 : 0;
}

static void
open_log(const struct daemon *d, const struct conf *c)
{
	log_open(d->name,
	    c->log_destination == CONF_LOG_STDERR ? LOG_TO_STDERR
						  : LOG_TO_SYSLOG,
	    c->log_facility);
	log_set_level((enum log_level)c->log_level);
}

/* The signals the main thread waits for; blocked in every thread. */
static void
block_signals(sigset_t *set)
{
	struct sigaction sa;

	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

int
daemon_refuse(const struct daemon *d, const struct diag *why)
{
	fprintf(stderr, "%s: %s\n", d->name, why->text);
	return 1;
}

static bool
has_file(const struct daemon *d)
{
	const char *path = d->conf_path ? d->conf_path : conf_default_path();

	/* one that cannot be reached is told by who reads it */
	return access(path, F_OK) == 0 || errno != ENOENT;
}

bool
daemon_begin(
    struct daemon *d, int argc, char **argv, struct conf **out, int *status)
{
	struct diag why = {{0}, 0};
	int err;

	compat_hold_standard_files();
	err = parse_options(d, argc, argv);
	if (err) {
		*status = err < 0 ? 0 : err;
		return false;
	}
	if (conf_load(d->conf_path, out, &why)) {
		*status = daemon_refuse(d, &why);
		return false;
	}
	d->had_file = has_file(d);
	if (d->test_only) {
		*status = test_configuration(d, *out);
		return false;
	}
	open_log(d, *out);
	/* a connection and a DNS question take a descriptor each */
	compat_raise_files();
	block_signals(&d->signals);
	return true;
}

int
daemon_directories(
    const struct daemon *d, const struct conf *c, struct diag *why)
{
	struct diag state = {{0}, 0};
	int err;

	if (compat_make_directory(AVER_RUNDIR, 0755, c->user, why) ||
	    compat_pidfile(d->pidfile, why) < 0)
		log_msg(LOG_LVL_WARN,
		    "%s; `aver reload` will not reach this process", why->text);
	err = compat_make_directory(c->state_directory, 0750, c->user, &state);
	return err ? diag_set(why, err, 0,
			 "parameter state_directory: %s; make it and give it "
			 "to the user of this program",
			 state.text)
		   : 0;
}

int
daemon_become_user(const struct conf *c, struct diag *why)
{
	int err = compat_drop_privileges(c->user, why);
	const struct passwd *pw;

	if (err || access(c->state_directory, W_OK | X_OK) == 0)
		return err;
	err = errno;
	pw = getpwuid(geteuid());
	return diag_set(why, AVER_IO, 0,
	    "parameter state_directory: the user %s cannot write to %s: %s; "
	    "give it to that user",
	    pw ? pw->pw_name : "that runs this", c->state_directory,
	    strerror(err));
}

/* --- reload */

void
daemon_warn_fixed(const struct conf *old, const struct conf *fresh)
{
	struct buf names;

	buf_init(&names, NULL, 4096);
	conf_restart_wanted(&names, old, fresh);
	if (names.n)
		log_msg(LOG_LVL_WARN, "to change these, restart: %s",
		    buf_z(&names));
	buf_fini(&names);
}

static void
reload(struct daemon *d)
{
	struct diag why = {{0}, 0};
	struct conf *c;
	int err;

	compat_notify("RELOADING=1");
	/* a file that was lost is no wish for the defaults */
	if (d->had_file && !has_file(d))
		err = diag_set(
		    &why, AVER_CONF, 0, "the configuration file is gone");
	else
		err = conf_load(d->conf_path, &c, &why);
	if (!err)
		err = d->reload(d->arg, c, &why);
	if (!err)
		d->had_file = has_file(d);
	if (err)
		log_msg(LOG_LVL_ERROR, "reload refused, going on as before: %s",
		    why.text);
	else
		log_msg(LOG_LVL_INFO, "configuration reloaded");
	compat_notify("READY=1");
}

void
daemon_wait(struct daemon *d)
{
	for (;;) {
		int sig = sigwaitinfo(&d->signals, NULL);

		if (sig < 0)
			continue;
		if (sig != SIGUSR1 && !(sig == SIGHUP && d->hup_reloads))
			return;
		reload(d);
	}
}
