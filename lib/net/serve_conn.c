/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/net/serve_int.h"

/* reads of one connection before others have their turn */
#define ROUNDS 8
#define READ_MIN ((size_t)2048)
/* what a framer may need beyond the limit that it is given */
#define FRAME_EXTRA 16
/* see reads_on(): what a success is worth in failures; when to try anyway */
#define LUCK 4
#define LUCK_MAX 16
#define TRY_EVERY 16

/* ---- lists -------------------------------------------------------------- */

static void
list_remove(struct conn *c)
{
	struct conn_list *l = c->list;

	if (!l)
		return;
	*(c->prev ? &c->prev->next : &l->head) = c->next;
	*(c->next ? &c->next->prev : &l->tail) = c->prev;
	c->prev = c->next = NULL;
	c->list = NULL;
}

static void
list_append(struct conn_list *l, struct conn *c)
{
	c->list = l;
	c->next = NULL;
	c->prev = l->tail;
	*(l->tail ? &l->tail->next : &l->head) = c;
	l->tail = c;
}

void
conn_move(struct serve *s, struct conn *c, struct conn_list *to)
{
	c->since = s->now;
	c->progress = false;
	if (c->list == to && !c->next)
		return;
	list_remove(c);
	if (to)
		list_append(to, c);
}

/* ---- the end ------------------------------------------------------------ */

/* Events of this turn may still point to it: freed at the end of the turn. */
void
conn_close(struct serve *s, struct conn *c)
{
	poller_remove(s->poller, c->source.fd);
	close(c->source.fd);
	c->source.fd = -1;
	conn_move(s, c, &s->dead);
	atomic_fetch_sub(&s->connections, 1);
}

void
conn_trouble(struct serve *s, struct conn *c, enum serve_trouble t)
{
	serve_count(&s->trouble[t]);
	if (s->config.trouble)
		s->config.trouble(s->config.arg, t, &c->peer);
	conn_close(s, c);
}

/* ---- replies ------------------------------------------------------------ */

ssize_t
conn_write(int fd, struct str o)
{
	ssize_t n;

	do
		n = send(fd, o.p, o.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return n;
}

/* Keeps what the client did not take; false when memory is out. */
static bool
keep_output(struct serve *s, struct conn *c, struct str rest)
{
	c->out = malloc(rest.n);
	if (!c->out || !poller_want_out(s->poller, c->source.fd, c, true))
		return false;
	memcpy(c->out, rest.p, rest.n);
	c->out_at = 0;
	c->out_n = rest.n;
	conn_move(s, c, &s->stalled);
	return true;
}

bool
conn_send(struct serve *s, struct conn *c, struct str o)
{
	ssize_t n = conn_write(c->source.fd, o);

	if (n == (ssize_t)o.n)
		return true;
	if (n < 0)
		conn_close(s, c);
	else if (!keep_output(s, c, str_from(o, (size_t)n)))
		conn_trouble(s, c, SERVE_REFUSED);
	return false;
}

/* What was kept; true when nothing of it is left. */
static bool
flush(struct serve *s, struct conn *c)
{
	ssize_t n;

	if (c->out_n == 0)
		return true;
	n = conn_write(
	    c->source.fd, (struct str){c->out + c->out_at, c->out_n});
	if (n < 0) {
		conn_close(s, c);
		return false;
	}
	c->out_at += (size_t)n;
	c->out_n -= (size_t)n;
	if (c->out_n)
		return false;
	free(c->out);
	c->out = NULL;
	c->out_at = 0;
	poller_want_out(s->poller, c->source.fd, c, false);
	c->progress = true;
	return true;
}

static bool
send_copied(struct serve *s, struct conn *c)
{
	struct str o = {s->out, s->out_n};

	s->out_n = 0;
	return conn_send(s, c, o);
}

/* Behind what is kept already. */
static void
append_output(struct serve *s, struct conn *c, struct str more)
{
	char *p = realloc(c->out, c->out_at + c->out_n + more.n);

	if (!p) {
		conn_trouble(s, c, SERVE_REFUSED);
		return;
	}
	memcpy(p + c->out_at + c->out_n, more.p, more.n);
	c->out = p;
	c->out_n += more.n;
}

/*
 * One reply alone is sent from where it is. Before the protocol is asked for
 * the next one, it has to be copied.
 */
static bool
copy_direct(struct serve *s, struct conn *c)
{
	struct str o = s->direct;

	if (o.n == 0)
		return true;
	s->direct = STR_NONE;
	if (s->out_n + o.n > sizeof(s->out)) {
		if (s->out_n && !send_copied(s, c)) {
			if (c->source.fd >= 0)
				append_output(s, c, o);
			return false;
		}
		if (o.n > sizeof(s->out))
			return conn_send(s, c, o);
	}
	memcpy(s->out + s->out_n, o.p, o.n);
	s->out_n += o.n;
	return true;
}

/* All replies of this turn that were not sent yet. */
static bool
send_replies(struct serve *s, struct conn *c)
{
	struct str o = s->direct;

	if (s->out_n)
		return copy_direct(s, c) &&
		       (s->out_n == 0 || send_copied(s, c));
	s->direct = STR_NONE;
	return o.n == 0 || conn_send(s, c, o);
}

/* ---- requests ----------------------------------------------------------- */

static void
drop_input(struct conn *c)
{
	free(c->in);
	c->in = NULL;
	c->in_at = c->in_n = c->in_cap = 0;
	c->unframed = false;
}

/* rest: what is left of the input, in c->in already or elsewhere. */
static bool
keep_input(struct serve *s, struct conn *c, struct str rest)
{
	if (rest.n == 0) {
		if (c->in)
			drop_input(c);
		return true;
	}
	if (c->in) {
		c->in_at = (size_t)(rest.p - c->in);
		c->in_n = rest.n;
		return true;
	}
	c->in = malloc(rest.n);
	if (!c->in) {
		conn_trouble(s, c, SERVE_REFUSED);
		return false;
	}
	memcpy(c->in, rest.p, rest.n);
	c->in_at = 0;
	c->in_n = c->in_cap = rest.n;
	return true;
}

static bool
choose_protocol(struct serve *s, struct conn *c, char first)
{
	for (size_t i = 0; i < s->config.n_protocols; i++) {
		if (s->protocols[i].starts(first)) {
			c->proto = &s->protocols[i];
			return true;
		}
	}
	return false;
}

/* The requests before it are answered first. */
static bool
refuse(struct serve *s, struct conn *c, enum serve_trouble t)
{
	if (send_replies(s, c))
		conn_trouble(s, c, t);
	return false;
}

/* A request for a worker; in begins with it. */
static bool
hand_over(struct serve *s, struct conn *c, struct str in)
{
	struct str body = c->frame.body;
	size_t offset = (size_t)(body.p - in.p);

	if (!send_replies(s, c)) {
		/* again when the client has read */
		c->frame = (struct frame){0};
		c->unframed = true;
		if (c->source.fd >= 0)
			keep_input(s, c, in);
		return false;
	}
	if (!keep_input(s, c, in))
		return false;
	c->request = (struct str){c->in + c->in_at + offset, body.n};
	c->used = c->frame.used;
	c->frame = (struct frame){0};
	work_start(s, c);
	return false;
}

/* One request that is whole; false when the connection is out of our hands. */
static bool
answer(struct serve *s, struct conn *c, struct str in)
{
	struct str reply;

	serve_count(&s->requests);
	c->progress = true;
	switch (c->proto->now(c->proto->arg, c->frame.body, s->now, &reply)) {
	case SERVE_REPLY:
		serve_count(&s->at_once);
		s->direct = reply;
		return true;
	case SERVE_WORK:
		return hand_over(s, c, in);
	case SERVE_CLOSE:
		break;
	}
	if (send_replies(s, c))
		conn_close(s, c);
	return false;
}

/*
 * Answers the requests in the input and keeps the rest of it. False when the
 * connection is closed, away, or waits for its client to read.
 */
static bool
answer_all(struct serve *s, struct conn *c, struct str in)
{
	enum frame_result r = FRAME_MORE;

	if (in.n && !c->proto && !choose_protocol(s, c, in.p[0]))
		return refuse(s, c, SERVE_BAD_REQUEST);
	while (in.n) {
		r = c->proto->frame(in, c->proto->max, &c->frame);
		if (r != FRAME_READY)
			break;
		if (!copy_direct(s, c))
			break;
		if (!answer(s, c, in))
			return false;
		in = str_from(in, c->frame.used);
		c->frame = (struct frame){0};
		r = FRAME_MORE;
	}
	if (r == FRAME_BAD)
		return refuse(s, c, SERVE_BAD_REQUEST);
	if (r == FRAME_LONG)
		return refuse(s, c, SERVE_LONG_REQUEST);
	if (r == FRAME_MORE && send_replies(s, c)) {
		c->unframed = false;
		return keep_input(s, c, in);
	}
	/* the client has to read before we go on */
	if (c->source.fd >= 0) {
		c->frame = (struct frame){0};
		c->unframed = true;
		keep_input(s, c, in);
	}
	return false;
}

/* ---- reading ------------------------------------------------------------ */

/* Room behind what is kept; 0 when memory is out. */
static size_t
make_room(struct conn *c)
{
	size_t most = c->proto->max + FRAME_EXTRA, cap = c->in_n + READ_MIN;
	char *p;

	if (c->in_at) {
		memmove(c->in, c->in + c->in_at, c->in_n);
		c->in_at = 0;
	}
	if (cap < 2 * c->in_n)
		cap = 2 * c->in_n;
	if (cap > most)
		cap = most;
	if (cap > c->in_cap) {
		p = realloc(c->in, cap);
		if (!p)
			return 0;
		c->in = p;
		c->in_cap = cap;
	}
	return c->in_cap - c->in_n;
}

enum fill { FILL_SOME, FILL_ALL, FILL_NOTHING, FILL_GONE };

/* Reads; FILL_ALL: more than there was could have been read. */
static enum fill
fill(struct serve *s, struct conn *c, struct str *in)
{
	size_t room = c->in_n ? make_room(c) : sizeof(s->scratch);
	char *to = c->in_n ? c->in + c->in_n : s->scratch;
	ssize_t n;

	if (room == 0) {
		conn_trouble(s, c, SERVE_REFUSED);
		return FILL_GONE;
	}
	do
		n = recv(c->source.fd, to, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return FILL_NOTHING;
	if (n <= 0) {
		if (c->in_n)
			conn_trouble(s, c, SERVE_HALF_REQUEST);
		else
			conn_close(s, c);
		return FILL_GONE;
	}
	if (c->in_n) {
		c->in_n += (size_t)n;
		*in = (struct str){c->in, c->in_n};
	} else {
		*in = (struct str){to, (size_t)n};
	}
	return (size_t)n < room ? FILL_ALL : FILL_SOME;
}

/* It has to wait for its client: since when does not change by octets that
 * make no whole request. */
static void
settle(struct serve *s, struct conn *c)
{
	struct conn_list *to = c->in_n ? &s->stalled : &s->idle;

	if (c->list != to || c->progress)
		conn_move(s, c, to);
}

/*
 * A client that runs while its reply is sent may have its next request ready
 * when send() is back, and with other clients waiting this is often so: then
 * another read is cheaper than another turn of the poller, and what the client
 * needs is still in the processor's caches. Tried as long as it pays.
 */
static bool
reads_on(struct serve *s, const struct conn *c)
{
	return c->in_n == 0 && s->events > 1 &&
	       (s->luck > 0 || ++s->declined % TRY_EVERY == 0);
}

static void
learn(struct serve *s, bool success)
{
	s->luck += success ? LUCK : -1;
	if (s->luck > LUCK_MAX)
		s->luck = LUCK_MAX;
	if (s->luck < 0)
		s->luck = 0;
}

void
conn_run(struct serve *s, struct conn *c)
{
	enum fill got = FILL_SOME;
	bool dry = false; /* there was no more to read */

	if (!flush(s, c))
		return;
	if (c->unframed &&
	    !answer_all(s, c, (struct str){c->in + c->in_at, c->in_n}))
		return;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct str in = STR_NONE;

		got = fill(s, c, &in);
		if (dry)
			learn(s, got == FILL_SOME || got == FILL_ALL);
		if (got == FILL_GONE)
			return;
		if (got == FILL_NOTHING)
			break;
		if (!answer_all(s, c, in))
			return;
		/* behind all octets may stand the end, which is reported
		 * only once */
		dry = got == FILL_ALL && !c->hup;
		if (dry && !reads_on(s, c))
			break;
	}
	if (got == FILL_SOME || (got == FILL_ALL && c->hup))
		conn_move(s, c, &s->again);
	else
		settle(s, c);
}

void
conn_resume(struct serve *s, struct conn *c)
{
	struct str rest = {c->in + c->in_at + c->used, c->in_n - c->used};

	c->away = false;
	c->progress = true;
	poller_resume(s->poller, c->source.fd);
	c->unframed = rest.n > 0;
	keep_input(s, c, rest);
	/* more comes in the turns of the others */
	conn_move(s, c, c->out_n ? &s->stalled : &s->again);
}

bool
conn_has_input(const struct conn *c)
{
	char octet;

	return recv(c->source.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}
