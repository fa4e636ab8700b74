/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * aver-policyd: start, reload, stop. The main thread waits for signals; all
 * else happens in the threads of the service.
 */
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/compat/compat.h"
#include "lib/daemon/daemon.h"
#include "lib/net/datagram.h"
#include "lib/net/listen.h"
#include "policyd/service.h"

#define PIDFILE AVER_RUNDIR "/aver-policyd.pid"
/* for clients to take their last replies; workers end by themselves */
#define PATIENCE_MS 5000
#define QUEUE_ENOUGH 256u

struct program {
	struct daemon daemon;
	struct service service;
	struct listeners listeners;
	struct listener tlsrpt; /* fd < 0: none */
};

static void
serve(struct program *p)
{
	log_msg(LOG_LVL_INFO, "aver-policyd %s ready", AVER_VERSION);
	compat_notify("READY=1");
	daemon_wait(&p->daemon);
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
	int err = daemon_directories(&p->daemon, c, d);

	if (!err)
		err = open_listeners(p, c, d);
	if (!err)
		err = open_tlsrpt(p, c, d);
	return err ? err : daemon_become_user(c, d);
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

/* SIGUSR1 as for aver-milter, where libmilter takes SIGHUP for itself. */
static int
reload(void *arg, struct conf *c, struct diag *d)
{
	return service_reload(&((struct program *)arg)->service, c, d);
}

int
main(int argc, char **argv)
{
	static struct program p = {
	    .daemon = {.name = "aver-policyd",
		.pidfile = PIDFILE,
		.check = service_check,
		.reload = reload,
		.arg = &p,
		.hup_reloads = true},
	    .tlsrpt = {.fd = -1},
	};
	struct diag d = {{0}, 0};
	struct conf *c;
	int status = 0;

	if (!daemon_begin(&p.daemon, argc, argv, &c, &status))
		return status;
	if (start(&p, c, &d)) {
		status = daemon_refuse(&p.daemon, &d);
	} else {
		serve(&p);
		service_close(&p.service);
		unlink(PIDFILE);
	}
	listen_close(&p.listeners);
	datagram_close(&p.tlsrpt);
	return status;
}
