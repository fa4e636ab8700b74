/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * aver-policyd: start, reload, stop. The main thread waits for signals; all
 * else happens in the threads of the service.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/compat/compat.h"
#include "lib/net/datagram.h"
#include "lib/net/listen.h"
#include "policyd/service.h"

#define PIDFILE AVER_RUNDIR "/aver-policyd.pid"
/* for clients to take their last replies; workers end by themselves */
#define PATIENCE_MS 5000
#define QUEUE_ENOUGH 256u

struct program {
	const char *conf_path;
	bool test_only;
	struct service service;
	struct listeners listeners;
	struct listener tlsrpt; /* fd < 0: none */
};

static int
usage(void)
{
	fprintf(stderr, "usage: aver-policyd [-ftV] [-c FILE]\n");
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
			printf("aver-policyd %s\n", AVER_VERSION);
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
	log_open("aver-policyd",
	    c->log_destination == CONF_LOG_STDERR ? LOG_TO_STDERR
						  : LOG_TO_SYSLOG,
	    c->log_facility);
	log_set_level((enum log_level)c->log_level);
}

/* The signals the main thread waits for; blocked in every thread. */
static void
prepare_signals(sigset_t *set)
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

static void
reload(struct program *p)
{
	struct conf *c;
	struct diag d = {{0}, 0};
	int err;

	compat_notify("RELOADING=1");
	err = conf_load(p->conf_path, &c, &d);
	if (!err)
		err = service_reload(&p->service, c, &d);
	if (err)
		log_msg(LOG_LVL_ERROR, "reload refused, going on as before: %s",
		    d.text);
	else
		log_msg(LOG_LVL_INFO, "configuration reloaded");
	compat_notify("READY=1");
}

/* SIGUSR1 as for aver-milter, where libmilter takes SIGHUP for itself. */
static void
wait_for_signals(struct program *p, const sigset_t *set)
{
	for (;;) {
		int sig = 0;

		if (sigwait(set, &sig) != 0)
			continue;
		if (sig != SIGUSR1 && sig != SIGHUP)
			return;
		reload(p);
	}
}

static void
serve(struct program *p, const sigset_t *set)
{
	log_msg(LOG_LVL_INFO, "aver-policyd %s ready", AVER_VERSION);
	compat_notify("READY=1");
	wait_for_signals(p, set);
	compat_notify("STOPPING=1");
	log_msg(LOG_LVL_INFO, "stopping");
	service_stop(&p->service, PATIENCE_MS);
	log_msg(LOG_LVL_INFO, "stopped");
}

/* Those of the service manager, or else those of the configuration. */
static int
open_listeners(struct program *p, const struct conf *c, struct diag *d)
{
	struct listen_access access = {
	    .mode = (mode_t)c->policyd_socket_mode,
	    .group = c->policyd_socket_group,
	};
	int err = listen_inherit(&p->listeners, d);

	if (!err && p->listeners.n)
		log_msg(LOG_LVL_INFO,
		    "listening on %zu sockets of the service manager, not on "
		    "policyd_listen",
		    p->listeners.n);
	if (err || p->listeners.n)
		return err;
	for (size_t i = 0; i < c->policyd_listen.n && !err; i++)
		err = listen_add(
		    &p->listeners, c->policyd_listen.v[i], &access, d);
	return err;
}

/* A sender that does not wait loses what is above the length. */
static void
warn_queue(void)
{
	unsigned n = datagram_queue_length();

	if (n && n < QUEUE_ENOUGH)
		log_msg(LOG_LVL_WARN,
		    "net.unix.max_dgram_qlen is %u: when more datagrams about "
		    "TLS sessions come at once, Postfix loses them; set it to "
		    "%u or more and restart",
		    n, QUEUE_ENOUGH);
}

static int
open_tlsrpt(struct program *p, const struct conf *c, struct diag *d)
{
	struct datagram_access access = {
	    .mode = (mode_t)c->tlsrpt_socket_mode,
	    .owner = c->tlsrpt_socket_owner,
	    .group = c->tlsrpt_socket_group,
	};

	if (!c->record_tls_results || !*c->tlsrpt_socket)
		return 0;
	warn_queue();
	return datagram_open(c->tlsrpt_socket, &access,
	    (size_t)c->tlsrpt_socket_buffer, &p->tlsrpt, d);
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
	if (!err)
		err = open_listeners(p, c, d);
	if (!err)
		err = open_tlsrpt(p, c, d);
	return err ? err : compat_drop_privileges(c->user, d);
}

static int
test_configuration(struct conf *c)
{
	struct buf errors;
	int err;

	buf_init(&errors, NULL, (size_t)1 << 20);
	err = service_check(c, &errors);
	fputs(buf_z(&errors), stderr);
	buf_fini(&errors);
	conf_unref(c);
	return err ? 1 : 0;
}

static int
start(struct program *p, struct conf *c, struct diag *d)
{
	int err = start_privileged(p, c, d);

	if (err) {
		conf_unref(c);
		return err;
	}
	err = service_open(&p->service, c, d);
	if (!err)
		err = service_collect(&p->service, p->tlsrpt.fd, d);
	if (!err)
		err = service_start(&p->service, &p->listeners, d);
	if (err)
		service_close(&p->service);
	return err;
}

static int
run(struct program *p)
{
	struct diag d = {{0}, 0};
	struct conf *c;
	sigset_t set;

	if (conf_load(p->conf_path, &c, &d)) {
		fprintf(stderr, "aver-policyd: %s\n", d.text);
		return 1;
	}
	if (p->test_only)
		return test_configuration(c);
	open_log(c);
	/* a connection and a DNS question take a descriptor each */
	compat_raise_files();
	prepare_signals(&set);
	if (start(p, c, &d)) {
		fprintf(stderr, "aver-policyd: %s\n", d.text);
		listen_close(&p->listeners);
		datagram_close(&p->tlsrpt);
		return 1;
	}
	serve(p, &set);
	service_close(&p->service);
	listen_close(&p->listeners);
	datagram_close(&p->tlsrpt);
	unlink(PIDFILE);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct program program = {.tlsrpt = {.fd = -1}};
	int status = parse_options(argc, argv, &program);

	if (status)
		return status < 0 ? 0 : status;
	return run(&program);
}
