/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * aver-milter: start, reload, stop.
 *
 * The main thread waits for signals, a second one runs smfi_main(). libmilter
 * too waits for SIGTERM, SIGINT and SIGHUP, in a thread of its own, and would
 * stop at once, with messages in flight. It would get the signal whenever the
 * main thread is not waiting, as in a reload; so it is given none.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/compat/compat.h"
#include "lib/daemon/daemon.h"
#include "lib/inbound/inbound_conf.h"
#include "milter/callbacks.h"
#include "milter/service.h"

#define PIDFILE AVER_RUNDIR "/aver-milter.pid"
/* beyond the deadline of one message, for what follows the verdict */
#define DRAIN_EXTRA_MS 2000

struct program {
	struct daemon daemon;
	struct service service;
	atomic_bool finished; /* smfi_main() has returned */
	pthread_t runner;
};

/*
 * Stands before the one of the C library for all of the program, which is
 * libmilter alone: daemon_wait() uses sigwaitinfo().
 */
int
sigwait(const sigset_t *set, int *sig)
{
	(void)set;
	(void)sig;
	for (;;)
		pause();
}

static void
wake(int sig)
{
	(void)sig;
}

/* Only to interrupt the poll of libmilter's listener at the end. */
static void
catch_wake_up(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
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

static int
reload(void *arg, struct conf *c, struct diag *d)
{
	return service_reload(&((struct program *)arg)->service, c, d);
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

static void *
ask_libmilter(void *arg)
{
	(void)arg;
	callbacks_stop();
	return NULL;
}

/*
 * smfi_stop() sets its flag and then waits for a lock, which the listener keeps
 * while it polls, five seconds at a time: so another thread calls it, and this
 * one interrupts the poll until the listener has seen the flag.
 */
static void
stop_libmilter(struct program *p)
{
	pthread_t asker;

	if (pthread_create(&asker, NULL, ask_libmilter, NULL))
		callbacks_stop();
	else
		pthread_detach(asker);
	for (int i = 0; i < 300 && !atomic_load(&p->finished); i++) {
		pthread_kill(p->runner, SIGUSR2);
		sleep_ms(20);
	}
	if (atomic_load(&p->finished))
		pthread_join(p->runner, NULL);
	else
		log_msg(LOG_LVL_WARN, "libmilter does not stop");
}

static int
serve(struct program *p)
{
	bool failed;

	if (pthread_create(&p->runner, NULL, run_libmilter, p)) {
		log_msg(LOG_LVL_ERROR, "cannot start a thread");
		return 1;
	}
	compat_notify("READY=1");
	daemon_wait(&p->daemon);
	failed = atomic_load(&p->finished);
	drain(p);
	stop_libmilter(p);
	log_msg(LOG_LVL_INFO, "stopped after %llu messages",
	    atomic_load(&p->service.seen));
	service_finish(&p->service);
	unlink(PIDFILE);
	/* a session that is left may use anything, of libraries too */
	if (atomic_load(&p->service.sessions) > 0 || !atomic_load(&p->finished))
		_exit(failed ? 1 : 0);
	service_close(&p->service);
	return failed ? 1 : 0;
}

/* Everything that needs the privileges the program was started with. */
static int
start_privileged(struct program *p, const struct conf *c, struct diag *d)
{
	int err = daemon_directories(&p->daemon, c, d);

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
	return daemon_become_user(c, d);
}

int
main(int argc, char **argv)
{
	static struct program p = {
	    .daemon = {.name = "aver-milter",
		.pidfile = PIDFILE,
		.check = inbound_conf_check,
		.reload = reload,
		.arg = &p},
	};
	struct diag d = {{0}, 0};
	struct conf *c;
	int status = 0;

	if (!daemon_begin(&p.daemon, argc, argv, &c, &status))
		return status;
	catch_wake_up();
	if (start_privileged(&p, c, &d)) {
		conf_unref(c);
		return daemon_refuse(&p.daemon, &d);
	}
	if (service_open(&p.service, c, &d))
		return daemon_refuse(&p.daemon, &d);
	log_msg(LOG_LVL_INFO, "aver-milter %s ready", AVER_VERSION);
	return serve(&p);
}
