/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * aver-milter: start, reload, stop.
 *
 * The main thread waits for signals, a second one runs smfi_main(). libmilter
 * too waits for SIGTERM, SIGINT and SIGHUP in a thread of its own and would
 * stop at once, with messages in flight; the kernel gives a signal for the
 * process to the main thread when that can take it, so we come first and
 * drain. Should libmilter win on some system, the MTA sees the connection
 * close and its client tries again: nothing is lost.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/compat/compat.h"
#include "lib/inbound/inbound_conf.h"
#include "milter/callbacks.h"
#include "milter/service.h"

#define PIDFILE AVER_RUNDIR "/aver-milter.pid"
/* beyond the deadline of one message, for what follows the verdict */
#define DRAIN_EXTRA_MS 2000

struct program {
	const char *conf_path;
	bool test_only;
	struct service service;
	atomic_bool finished; /* smfi_main() has returned */
	pthread_t runner;
};

static int
usage(void)
{
	fprintf(stderr, "usage: aver-milter [-ftV] [-c FILE]\n");
	return 2;
}

static int
parse_options(int argc, char **argv, struct program *p)
{
	int c;

	while ((c = getopt(argc, argv, "c:ftV")) != -1) {
		switch (c) {
		case 'c':
			p->conf_path = optarg;
			break;
		case 'f': /* always in the foreground */
			break;
		case 't':
			p->test_only = true;
			break;
		case 'V':
			printf("aver-milter %s\n", AVER_VERSION);
			return -1;
		default:
			return usage();
		}
	}
	return optind < argc ? usage() : 0;
}

static void
open_log(const struct conf *c)
{
	log_open("aver-milter",
	    c->log_destination == CONF_LOG_STDERR ? LOG_TO_STDERR
						  : LOG_TO_SYSLOG,
	    c->log_facility);
	log_set_level((enum log_level)c->log_level);
}

/* The signals the main thread waits for; blocked in every thread. */
static void
our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR1);
}

static void
wake(int sig)
{
	(void)sig;
}

static void
prepare_signals(sigset_t *set)
{
	struct sigaction sa;

	our_signals(set);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	/* only to interrupt the poll of libmilter's listener at the end */
	sa.sa_handler = wake;
	sigaction(SIGUSR2, &sa, NULL);
}

static void *
run_libmilter(void *arg)
{
	struct program *p = arg;

	if (callbacks_run())
		log_msg(LOG_LVL_ERROR, "libmilter ended with an error");
	atomic_store(&p->finished, true);
	/* the main thread waits for signals: give it one */
	kill(getpid(), SIGTERM);
	return NULL;
}

static void
reload(struct program *p)
{
	struct conf *c;
	struct diag d = {{0}, 0};

	compat_notify("RELOADING=1");
	if (conf_load(p->conf_path, &c, &d)) {
		log_msg(LOG_LVL_ERROR,
		    "reload refused, going on as before: "
		    "%s",
		    d.text);
	} else if (service_reload(&p->service, c, &d)) {
		log_msg(LOG_LVL_ERROR,
		    "reload refused, going on as before: "
		    "%s",
		    d.text);
	} else {
		log_msg(LOG_LVL_INFO, "configuration reloaded");
	}
	compat_notify("READY=1");
}

static void
sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

/* No new connections; those in the middle of a message may finish it. */
static void
drain(struct program *p)
{
	struct snapshot *snap = service_snapshot(&p->service);
	int64_t end = clock_mono_ms() + snap->conf->message_deadline * 1000 +
		      DRAIN_EXTRA_MS;

	snapshot_unref(snap);
	atomic_store(&p->service.draining, true);
	compat_notify("STOPPING=1");
	log_msg(LOG_LVL_INFO, "stopping: %u messages in flight",
	    atomic_load(&p->service.messages));
	while (atomic_load(&p->service.messages) > 0 && clock_mono_ms() < end &&
	       !atomic_load(&p->finished))
		sleep_ms(20);
}

static void
stop_libmilter(struct program *p)
{
	callbacks_stop();
	/* its listener looks at the flag when its poll is interrupted */
	for (int i = 0; i < 300 && !atomic_load(&p->finished); i++) {
		pthread_kill(p->runner, SIGUSR2);
		sleep_ms(20);
	}
	if (atomic_load(&p->finished))
		pthread_join(p->runner, NULL);
}

static void
wait_for_signals(struct program *p, const sigset_t *set)
{
	for (;;) {
		int sig = 0;

		if (sigwait(set, &sig) != 0)
			continue;
		if (sig != SIGUSR1)
			return;
		reload(p);
	}
}

static int
serve(struct program *p, const sigset_t *set)
{
	bool failed;

	if (pthread_create(&p->runner, NULL, run_libmilter, p)) {
		log_msg(LOG_LVL_ERROR, "cannot start a thread");
		return 1;
	}
	compat_notify("READY=1");
	wait_for_signals(p, set);
	failed = atomic_load(&p->finished);
	drain(p);
	stop_libmilter(p);
	log_msg(LOG_LVL_INFO, "stopped after %llu messages",
	    atomic_load(&p->service.seen));
	/* with sessions left, threads may still use what this would free */
	if (atomic_load(&p->service.messages) == 0)
		service_close(&p->service);
	unlink(PIDFILE);
	return failed ? 1 : 0;
}

/* Everything that needs the privileges the program was started with. */
static int
start_privileged(struct program *p, const struct conf *c, struct diag *d)
{
	int err;

	/* without it only `aver reload` does not work */
	if (compat_make_directory(AVER_RUNDIR, 0755, c->user, d) ||
	    compat_pidfile(PIDFILE, d) < 0)
		log_msg(LOG_LVL_WARN, "%s", d->text);
	err = compat_make_directory(c->state_directory, 0750, c->user, d);
	if (err)
		return err;
	err = callbacks_listen(&p->service, c->milter_listen, d);
	if (err)
		return err;
	/* libmilter never sets it, and Nagle costs 40 ms a message */
	compat_nodelay_listeners();
	if (str_starts(str_from_z(c->milter_listen), STR("unix:")))
		err = compat_set_access(c->milter_listen + 5,
		    (mode_t)c->milter_socket_mode, c->milter_socket_group, d);
	if (err)
		return err;
	return compat_drop_privileges(c->user, d);
}

static int
test_configuration(struct conf *c)
{
	struct buf errors;
	int err;

	buf_init(&errors, NULL, (size_t)1 << 20);
	err = inbound_conf_check(c, &errors);
	fputs(buf_z(&errors), stderr);
	buf_fini(&errors);
	conf_unref(c);
	return err ? 1 : 0;
}

static int
run(struct program *p)
{
	struct diag d = {{0}, 0};
	struct conf *c;
	sigset_t set;

	if (conf_load(p->conf_path, &c, &d)) {
		fprintf(stderr, "aver-milter: %s\n", d.text);
		return 1;
	}
	if (p->test_only)
		return test_configuration(c);
	open_log(c);
	/* a connection and a DNS question take a descriptor each */
	compat_raise_files();
	prepare_signals(&set);
	if (start_privileged(p, c, &d)) {
		fprintf(stderr, "aver-milter: %s\n", d.text);
		conf_unref(c);
		return 1;
	}
	if (service_open(&p->service, c, &d)) {
		fprintf(stderr, "aver-milter: %s\n", d.text);
		return 1;
	}
	log_msg(LOG_LVL_INFO, "aver-milter %s ready", AVER_VERSION);
	return serve(p, &set);
}

int
main(int argc, char **argv)
{
	static struct program program;
	int status = parse_options(argc, argv, &program);

	if (status)
		return status < 0 ? 0 : status;
	return run(&program);
}
