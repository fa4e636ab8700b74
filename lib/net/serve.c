/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/net/serve.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/net/serve_int.h"

#define EVENTS 64
#define ACCEPTS 64 /* in one turn, of one listener */
#define LAST_ACCEPTS 64 /* such turns, when it ends */
#define WAIT_MAX_MS 60000
#define DEAF_MS 100 /* until it is tried again to accept */
#define DRAIN_MS 10 /* between two looks at what is left */

static const char *const trouble_names[SERVE_TROUBLE_COUNT] = {
    [SERVE_BAD_REQUEST] = "bad request",
    [SERVE_LONG_REQUEST] = "long request",
    [SERVE_HALF_REQUEST] = "half request",
    [SERVE_STALLED] = "stalled",
    [SERVE_CROWDED] = "crowded",
    [SERVE_REFUSED] = "refused",
};

const char *
serve_trouble_name(enum serve_trouble t)
{
	return trouble_names[t];
}

/* ---- new connections ---------------------------------------------------- */

static void
fill_peer(struct ip *out, const struct sockaddr_storage *sa)
{
	*out = (struct ip){.family = IP_NONE};
	if (sa->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)sa;

		out->family = IP_V4;
		memcpy(out->a, &v4->sin_addr, 4);
	} else if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)sa;

		out->family = IP_V6;
		memcpy(out->a, &v6->sin6_addr, 16);
	}
}

static void
refuse(struct serve *s, int fd, const struct ip *peer)
{
	serve_count(&s->trouble[SERVE_REFUSED]);
	if (s->config.trouble)
		s->config.trouble(s->config.arg, SERVE_REFUSED, peer);
	close(fd);
}

/* Ends the connection that has been idle for longest; false: none is idle. */
static bool
make_place(struct serve *s)
{
	struct conn *c, *next;

	for (c = s->idle.head; c; c = next) {
		next = c->next;
		/* it has just sent something: not that one */
		if (!conn_has_input(c)) {
			conn_trouble(s, c, SERVE_CROWDED);
			return true;
		}
	}
	return false;
}

/* A connection that was accepted, here or by the first poller. */
static void
welcome(struct serve *s, struct conn *c)
{
	struct ip peer = c->peer;
	int fd = c->source.fd;

	/* it counts already */
	if (atomic_load(&s->connections) > s->config.max_connections &&
	    !make_place(s)) {
		atomic_fetch_sub(&s->connections, 1);
		free(c);
		refuse(s, fd, &peer);
		return;
	}
	if (!poller_add(s->poller, fd, c)) {
		atomic_fetch_sub(&s->connections, 1);
		free(c);
		refuse(s, fd, &peer);
		return;
	}
	serve_count(&s->accepted);
	conn_move(s, c, &s->idle);
	/* what came with it may be reported already, or not */
	conn_run(s, c);
}

/* Those that the first poller has accepted for this one. */
static void
welcome_arrived(struct serve *s)
{
	struct conn *c, *next;

	pthread_mutex_lock(&s->lock);
	c = s->arrived.head;
	s->arrived.head = NULL;
	s->arrived.tail = &s->arrived.head;
	pthread_mutex_unlock(&s->lock);
	for (; c; c = next) {
		next = c->queue;
		welcome(s, c);
	}
}

/* The poller with the fewest connections. */
static struct serve *
least_loaded(struct serve *s)
{
	struct serve *best = s->all[0];

	for (unsigned i = 1; i < s->n_all; i++)
		if (atomic_load(&s->all[i]->connections) <
		    atomic_load(&best->connections))
			best = s->all[i];
	return best;
}

static void
give(struct serve *s, struct serve *to, int fd, const struct ip *peer)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c || !listen_set_flags(fd)) {
		free(c);
		refuse(s, fd, peer);
		return;
	}
	c->source = (struct source){SOURCE_CONN, fd};
	c->peer = *peer;
	atomic_fetch_add(&to->connections, 1);
	if (to == s) {
		welcome(s, c);
		return;
	}
	pthread_mutex_lock(&to->lock);
	queue_push(&to->arrived, c);
	pthread_mutex_unlock(&to->lock);
	serve_wake(to);
}

static void
set_deaf(struct serve *s, bool deaf)
{
	for (size_t i = 0; i < s->n_listeners && s->deaf != deaf; i++) {
		if (deaf)
			poller_pause(s->poller, s->listeners[i].fd);
		else
			poller_resume(s->poller, s->listeners[i].fd);
	}
	s->deaf = deaf;
}

static bool
somebody_waits(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* Another poller makes place itself when it takes one of those. */
static bool
is_full(const struct serve *s, const struct serve *to)
{
	return atomic_load(&to->connections) >=
	       to->config.max_connections + (to == s ? 0 : SERVE_ARRIVALS);
}

/* False when nobody more can be accepted now. */
static bool
accept_one(struct serve *s, int listener, bool *more)
{
	struct serve *to = least_loaded(s);
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	struct ip peer;
	int fd;

	*more = false;
	if (is_full(s, to) && !somebody_waits(listener))
		return true;
	if (is_full(s, to) && (to != s || !make_place(s)))
		return false;
	memset(&sa, 0, sizeof(sa));
	fd = accept(listener, (struct sockaddr *)&sa, &n);
	if (fd >= 0) {
		*more = true;
		fill_peer(&peer, &sa);
		give(s, to, fd, &peer);
		return true;
	}
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return *more = make_place(s);
	case EAGAIN:
		return true;
	default:
		/* the client has gone already; or EINTR */
		return *more = true;
	}
}

static void
accept_some(struct serve *s, struct source *listener)
{
	bool more = true;

	for (unsigned i = 0; more && i < ACCEPTS; i++)
		if (!accept_one(s, listener->fd, &more)) {
			set_deaf(s, true);
			return;
		}
	/* others have their turn, and an edge is reported once */
	s->eager |= more;
}

static void
accept_all(struct serve *s)
{
	set_deaf(s, false);
	s->eager = false;
	for (size_t i = 0; i < s->n_listeners; i++)
		accept_some(s, &s->listeners[i]);
}

/* ---- the poller's turns ------------------------------------------------- */

void
serve_wake(struct serve *s)
{
	ssize_t n;

	/* when the pipe is full, the poller is about to look anyway */
	do
		n = write(s->wake[1], "", 1);
	while (n < 0 && errno == EINTR);
}

static void
empty_pipe(struct serve *s)
{
	char octets[256];

	while (read(s->wake[0], octets, sizeof(octets)) > 0)
		continue;
}

static void
on_event(struct serve *s, const struct poller_event *ev)
{
	struct source *source = ev->data;
	struct conn *c;

	switch (source->kind) {
	case SOURCE_PIPE:
		/* first the pipe: who comes after the queues wakes again */
		empty_pipe(s);
		s->woken = true;
		return;
	case SOURCE_LISTENER:
		accept_some(s, source);
		return;
	case SOURCE_CONN:
		break;
	}
	c = (struct conn *)source;
	if (source->fd < 0)
		return;
	c->hup |= ev->hup;
	/* whoever has it will look by itself */
	if (!c->away && (c->out_n == 0 || ev->out || ev->hup))
		conn_run(s, c);
}

/* Those that had more to read than is fair in one turn. */
static void
run_again(struct serve *s)
{
	struct conn *last = s->again.tail, *c = NULL;

	while (last && c != last) {
		c = s->again.head;
		conn_move(s, c, NULL);
		conn_run(s, c);
	}
}

static void
expire(struct serve *s)
{
	struct conn *c;

	while ((c = s->idle.head) && c->since + s->config.idle_ms <= s->now) {
		serve_count(&s->idle_ends);
		conn_close(s, c);
	}
	while ((c = s->stalled.head) && c->since + s->config.stall_ms <= s->now)
		conn_trouble(s, c, SERVE_STALLED);
}

static void
conn_free(struct conn *c)
{
	free(c->in);
	free(c->out);
	free(c);
}

static void
bury(struct serve *s)
{
	struct conn *c, *next;

	for (c = s->dead.head; c; c = next) {
		next = c->next;
		conn_free(c);
	}
	s->dead.head = s->dead.tail = NULL;
}

static int64_t
sooner(const struct conn_list *l, int64_t after, int64_t than)
{
	return l->head && l->head->since + after < than ? l->head->since + after
							: than;
}

static int
timeout(const struct serve *s)
{
	int64_t end = s->now + WAIT_MAX_MS;

	if (s->again.head || s->eager)
		return 0;
	if (atomic_load(&s->stopping))
		return DRAIN_MS;
	if (s->deaf)
		return DEAF_MS;
	end = sooner(&s->idle, s->config.idle_ms, end);
	end = sooner(&s->stalled, s->config.stall_ms, end);
	return end > s->now ? (int)(end - s->now) + 1 : 0;
}

static void
turn(struct serve *s)
{
	struct poller_event ev[EVENTS];
	size_t n = poller_wait(s->poller, ev, EVENTS, timeout(s));

	s->now = clock_mono_ms();
	s->events = n;
	for (size_t i = 0; i < n; i++)
		on_event(s, &ev[i]);
	if (s->woken) {
		s->woken = false;
		work_take_back(s);
		welcome_arrived(s);
	}
	run_again(s);
	expire(s);
	if ((s->deaf || s->eager) && !atomic_load(&s->stopping))
		accept_all(s);
	bury(s);
}

/* ---- the end ------------------------------------------------------------ */

/* Whoever waits in the queue of a listener came in time. */
static void
stop_listening(struct serve *s)
{
	listen_hide(s->listening);
	for (unsigned i = 0; i == 0 || (s->eager && i < LAST_ACCEPTS); i++)
		accept_all(s);
	s->eager = s->deaf = false;
	for (size_t i = 0; i < s->n_listeners; i++)
		poller_remove(s->poller, s->listeners[i].fd);
	s->n_listeners = 0;
	listen_close(s->listening);
}

static void
close_list(struct serve *s, struct conn_list *l)
{
	while (l->head)
		conn_close(s, l->head);
}

/* Answers what has arrived on connections that are idle, and ends these. */
static void
drain(struct serve *s)
{
	struct conn *last = s->idle.tail, *c = NULL;

	while (last && c != last) {
		c = s->idle.head;
		conn_run(s, c);
		if (c->source.fd >= 0 && c->list == &s->idle)
			conn_close(s, c);
	}
	if (s->now >= atomic_load(&s->give_up)) {
		close_list(s, &s->stalled);
		close_list(s, &s->again);
	}
	bury(s);
}

static bool
is_done(const struct serve *s)
{
	/* in this order: who is silent gives away no connection any more */
	return atomic_load(&s->all[0]->silent) &&
	       atomic_load(&s->connections) == 0;
}

static void *
poller_thread(void *arg)
{
	struct serve *s = arg;

	while (!atomic_load(&s->stopping))
		turn(s);
	if (s == s->all[0]) {
		stop_listening(s);
		atomic_store(&s->silent, true);
	}
	/* those at a worker come back */
	while (!is_done(s)) {
		drain(s);
		if (!is_done(s))
			turn(s);
	}
	bury(s);
	return NULL;
}

/* Ends the workers that were started. */
static void
stop_workers(struct serve *s)
{
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < s->n_workers; i++)
		pthread_join(s->workers[i], NULL);
}

static void
serve_free(struct serve *s)
{
	poller_close(s->poller);
	if (s->wake[0] >= 0) {
		close(s->wake[0]);
		close(s->wake[1]);
	}
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
	free(s->workers);
	free(s);
}

/* Also of a server that was not started to the end. */
static void
free_all(struct serve **all, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		stop_workers(all[i]);
		serve_free(all[i]);
	}
	free(all);
}

static void
stop_pollers(struct serve **all, unsigned n, int64_t patience_ms)
{
	int64_t end = clock_mono_ms() + patience_ms;

	for (unsigned i = 0; i < n; i++) {
		atomic_store(&all[i]->give_up, end);
		atomic_store(&all[i]->stopping, true);
		serve_wake(all[i]);
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(all[i]->poller_thread, NULL);
}

void
serve_stop(struct serve *s, int64_t patience_ms)
{
	if (!s)
		return;
	stop_pollers(s->all, s->n_all, patience_ms);
	free_all(s->all, s->n_all);
}

/* ---- the start ---------------------------------------------------------- */

static bool
open_pipe(struct serve *s)
{
	if (pipe(s->wake) < 0) {
		s->wake[0] = -1;
		return false;
	}
	s->pipe = (struct source){SOURCE_PIPE, s->wake[0]};
	return listen_set_flags(s->wake[0]) && listen_set_flags(s->wake[1]) &&
	       poller_add(s->poller, s->wake[0], &s->pipe);
}

static bool
open_listeners(struct serve *s, struct listeners *l)
{
	s->listening = l;
	for (size_t i = 0; i < l->n; i++) {
		s->listeners[i] = (struct source){SOURCE_LISTENER, l->v[i].fd};
		if (!poller_add(s->poller, l->v[i].fd, &s->listeners[i]))
			return false;
		s->n_listeners++;
	}
	return true;
}

static bool
start_workers(struct serve *s)
{
	s->workers = calloc(s->config.workers + 1, sizeof(*s->workers));
	if (!s->workers)
		return false;
	for (; s->n_workers < s->config.workers; s->n_workers++)
		if (pthread_create(
			&s->workers[s->n_workers], NULL, work_thread, s))
			return false;
	return true;
}

/* The i-th of n: its share of the limits, rounded up. */
static struct serve *
serve_new(const struct serve_config *c, unsigned i, unsigned n)
{
	struct serve *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *c;
	s->config.workers = (c->workers + n - 1) / n;
	s->config.max_connections = (c->max_connections + n - 1) / n;
	for (size_t k = 0; k < c->n_protocols && k < SERVE_PROTOCOLS_MAX; k++)
		s->protocols[k] = c->protocols[i * c->n_protocols + k];
	s->config.protocols = s->protocols;
	s->todo.tail = &s->todo.head;
	s->done.tail = &s->done.head;
	s->arrived.tail = &s->arrived.head;
	s->wake[0] = s->wake[1] = -1;
	s->now = clock_mono_ms();
	/* only spreads the buckets of what is at the workers */
	s->seed = (uint64_t)clock_mono_us() * 0x9e3779b97f4a7c15u;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	return s;
}

/* Everything but the pollers' threads. */
static bool
open_all(const struct serve_config *c, struct listeners *l, struct serve **all,
    unsigned n, unsigned *made)
{
	for (; *made < n; ++*made) {
		struct serve *s = serve_new(c, *made, n);

		if (!s)
			return false;
		all[*made] = s;
		s->all = all;
		s->n_all = n;
		s->poller = poller_open();
		if (!s->poller || !open_pipe(s) || !start_workers(s)) {
			++*made;
			return false;
		}
	}
	return open_listeners(all[0], l);
}

int
serve_start(const struct serve_config *c, struct listeners *l,
    struct serve **out, struct diag *d)
{
	unsigned n = c->pollers ? c->pollers : 1, made = 0, running = 0;
	struct serve **all = calloc(n, sizeof(*all));
	bool good = all && open_all(c, l, all, n, &made);

	while (good && running < n) {
		struct serve *s = all[running];

		good = pthread_create(
			   &s->poller_thread, NULL, poller_thread, s) == 0;
		running += good;
	}
	if (good) {
		*out = all[0];
		return 0;
	}
	diag_set(d, AVER_IO, 0, "cannot serve: %s", strerror(errno));
	if (running)
		stop_pollers(all, running, 0);
	free_all(all, made);
	return AVER_IO;
}

static uint64_t
read_count(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void
add_stats(const struct serve *s, struct serve_stats *out)
{
	out->accepted += read_count(&s->accepted);
	out->requests += read_count(&s->requests);
	out->at_once += read_count(&s->at_once);
	out->worked += read_count(&s->worked);
	out->shared += read_count(&s->shared);
	out->late += read_count(&s->late);
	out->idle += read_count(&s->idle_ends);
	out->connections += atomic_load(&s->connections);
	out->working += atomic_load_explicit(&s->working, memory_order_relaxed);
	for (size_t i = 0; i < SERVE_TROUBLE_COUNT; i++)
		out->trouble[i] += read_count(&s->trouble[i]);
}

void
serve_get_stats(struct serve *s, struct serve_stats *out)
{
	*out = (struct serve_stats){.accepted = 0};
	for (unsigned i = 0; i < s->n_all; i++)
		add_stats(s->all[i], out);
}
