/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/http/http.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/compat/pipe.h"
#include "lib/compat/poller.h"
#include "lib/http/http_conn.h"
#include "lib/http/http_trust.h"

#define WAIT_MS 60000 /* the thread looks around at least that often */
#define EVENTS 64

struct waiting {
	struct waiting *next;
	struct http_job *job;
};

struct http_client {
	struct http_env env;
	pthread_t thread;

	/* of the thread alone */
	struct http_conn *conns; /* cfg.at_once of them */
	struct http_conn *idle;
	int64_t wakeup; /* clock_mono_ms(): a connection wants it */

	int wake[2]; /* a pipe that interrupts the thread */
	pthread_mutex_t lock;
	struct waiting *first, **last; /* in order */
	unsigned n_waiting;
	bool is_asleep; /* or about to be: a new job has to wake it */
	bool quit;
};

/* ---- jobs --------------------------------------------------------------- */

/* Nothing to inject with. */
static bool
is_host(struct str host)
{
	for (size_t i = 0; i < host.n; i++)
		if (!chars_is(host.p[i], CH_LDH) && host.p[i] != '.' &&
		    host.p[i] != '_')
			return false;
	return host.n > 0 && host.n <= HTTP_HOST_MAX;
}

static bool
is_path(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if (!chars_is(path.p[i], CH_PRINT) || path.p[i] == ' ' ||
		    path.p[i] == '#' || path.p[i] == '\\')
			return false;
	return path.n > 0 && path.p[0] == '/' && path.n <= HTTP_PATH_MAX;
}

/* NULL when it can be tried. */
static const char *
fault_of(const struct http_job *job)
{
	if (!is_host(job->host) || job->n_addrs == 0 ||
	    job->n_addrs > HTTP_ADDRS)
		return "no name or address to ask";
	for (size_t i = 0; i < job->n_addrs; i++)
		if (job->addrs[i].family == IP_NONE)
			return "no name or address to ask";
	return is_path(job->path) ? NULL : "no path";
}

/* Nothing was tried, for a reason of ours. */
static void
refuse(struct http_job *job, const char *why)
{
	struct http_result r = {.end = HTTP_OURS};

	snprintf(r.reason, sizeof(r.reason), "%s", why);
	job->done(job, &r);
}

static void
wake(struct http_client *c)
{
	/* a full pipe wakes it as well */
	if (write(c->wake[1], "", 1) < 0)
		return;
}

void
http_start(struct http_client *c, struct http_job *job)
{
	struct waiting *w = NULL;
	const char *why = fault_of(job);
	bool was_asleep = false;

	if (!why && !(w = malloc(sizeof(*w))))
		why = "out of memory";
	if (why) {
		refuse(job, why);
		return;
	}
	*w = (struct waiting){NULL, job};
	pthread_mutex_lock(&c->lock);
	if (c->quit || c->n_waiting >= c->env.cfg.queue) {
		why = c->quit ? "the client ends" : "too many requests";
	} else {
		*c->last = w;
		c->last = &w->next;
		c->n_waiting++;
		was_asleep = c->is_asleep;
		c->is_asleep = false;
	}
	pthread_mutex_unlock(&c->lock);
	if (why) {
		free(w);
		refuse(job, why);
	} else if (was_asleep) {
		wake(c);
	}
}

/* ---- the thread --------------------------------------------------------- */

/* The next job, when there is one and room for it. */
static struct http_job *
take_job(struct http_client *c)
{
	struct http_job *job = NULL;
	struct waiting *w;

	if (!c->idle)
		return NULL;
	pthread_mutex_lock(&c->lock);
	w = c->first;
	if (w) {
		c->first = w->next;
		if (!c->first)
			c->last = &c->first;
		c->n_waiting--;
	}
	pthread_mutex_unlock(&c->lock);
	if (w)
		job = w->job;
	free(w);
	return job;
}

static void
step(struct http_client *c, struct http_conn *conn, int64_t now)
{
	struct http_result r = {.end = HTTP_ANSWER};
	struct http_job *job = conn->job;
	int64_t at;

	/* an event of a connection that the one before it has ended */
	if (!job)
		return;
	if (!http_conn_step(conn, now, &r)) {
		at = http_conn_wakeup(conn);
		if (at < c->wakeup)
			c->wakeup = at;
		return;
	}
	job->done(job, &r);
	http_conn_stop(conn);
	conn->next = c->idle;
	c->idle = conn;
}

static void
start_jobs(struct http_client *c)
{
	struct http_job *job;

	while ((job = take_job(c))) {
		struct http_conn *conn = c->idle;
		int64_t now = clock_mono_ms();

		http_trust_refresh(c->env.trust, now);
		if (!http_conn_start(conn, job, now)) {
			refuse(job, "out of memory");
			continue;
		}
		c->idle = conn->next;
		step(c, conn, now);
	}
}

static void
step_overdue(struct http_client *c)
{
	int64_t now = clock_mono_ms();

	if (now < c->wakeup)
		return;
	c->wakeup = now + WAIT_MS;
	for (unsigned i = 0; i < c->env.cfg.at_once; i++) {
		struct http_conn *conn = &c->conns[i];

		if (!conn->job)
			continue;
		if (http_conn_wakeup(conn) <= now)
			step(c, conn, now);
		else if (http_conn_wakeup(conn) < c->wakeup)
			c->wakeup = http_conn_wakeup(conn);
	}
}

static void
drain(struct http_client *c)
{
	char room[64];

	while (read(c->wake[0], room, sizeof(room)) == (ssize_t)sizeof(room))
		;
}

/* False: the end. *wait: how long, in milliseconds. */
static bool
may_sleep(struct http_client *c, int *wait)
{
	int64_t left = c->wakeup - clock_mono_ms();
	bool quit;

	pthread_mutex_lock(&c->lock);
	quit = c->quit;
	if (left < 0 || (c->first && c->idle))
		left = 0;
	c->is_asleep = left > 0;
	pthread_mutex_unlock(&c->lock);
	*wait = left < WAIT_MS ? (int)left : WAIT_MS;
	return !quit;
}

/*
 * By the thread, whose signals are all blocked: to write to a connection that
 * the server has closed is SIGPIPE.
 */
static void
stop_all(struct http_client *c)
{
	for (unsigned i = 0; i < c->env.cfg.at_once; i++) {
		struct http_job *job = c->conns[i].job;

		if (!job)
			continue;
		http_conn_stop(&c->conns[i]);
		refuse(job, "the client ends");
	}
}

static void *
run(void *arg)
{
	struct http_client *c = arg;
	struct poller_event ev[EVENTS];
	int wait;

	c->wakeup = clock_mono_ms() + WAIT_MS;
	while (may_sleep(c, &wait)) {
		size_t n = poller_wait(c->env.poller, ev, EVENTS, wait);
		int64_t now = clock_mono_ms();

		for (size_t i = 0; i < n; i++) {
			if (ev[i].data)
				step(c, ev[i].data, now);
			else
				drain(c);
		}
		step_overdue(c);
		start_jobs(c);
	}
	stop_all(c);
	return NULL;
}

/* ---- the client --------------------------------------------------------- */

static void
free_conns(struct http_client *c)
{
	for (unsigned i = 0; c->conns && i < c->env.cfg.at_once; i++)
		http_conn_fini(&c->conns[i]);
	free(c->conns);
}

static void
client_free(struct http_client *c)
{
	free_conns(c);
	poller_close(c->env.poller);
	http_trust_close(c->env.trust);
	for (int i = 0; i < 2; i++)
		if (c->wake[i] >= 0)
			close(c->wake[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void
http_close(struct http_client *c)
{
	struct waiting *w;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->quit = true;
	pthread_mutex_unlock(&c->lock);
	wake(c);
	pthread_join(c->thread, NULL);
	while ((w = c->first)) {
		c->first = w->next;
		refuse(w->job, "the client ends");
		free(w);
	}
	client_free(c);
}

static bool
make_conns(struct http_client *c)
{
	c->conns = calloc(c->env.cfg.at_once, sizeof(*c->conns));
	for (unsigned i = 0; c->conns && i < c->env.cfg.at_once; i++) {
		struct http_conn *conn = &c->conns[i];

		http_conn_init(conn, &c->env);
		conn->next = c->idle;
		c->idle = conn;
	}
	return c->conns != NULL;
}

static bool
make_poller(struct http_client *c)
{
	if (compat_pipe(c->wake))
		return false;
	for (int i = 0; i < 2; i++)
		if (fcntl(c->wake[i], F_SETFL, O_NONBLOCK) < 0)
			return false;
	c->env.poller = poller_open();
	return c->env.poller && poller_add(c->env.poller, c->wake[0], NULL);
}

static bool
start_thread(struct http_client *c)
{
	sigset_t all, old;
	bool good;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	good = pthread_create(&c->thread, NULL, run, c) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return good;
}

int
http_open(
    const struct http_config *cfg, struct http_client **out, struct diag *d)
{
	struct http_client *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	c->env.cfg = *cfg;
	c->last = &c->first;
	c->wake[0] = c->wake[1] = -1;
	pthread_mutex_init(&c->lock, NULL);
	err = http_trust_open(cfg->ca_file, &c->env.trust, d);
	if (!err && !(make_poller(c) && make_conns(c) && start_thread(c)))
		err =
		    diag_set(d, AVER_NOMEM, 0, "the HTTPS client cannot start");
	if (err) {
		client_free(c);
		return err;
	}
	*out = c;
	return 0;
}
