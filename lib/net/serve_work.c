/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/clock.h"
#include "lib/net/serve_int.h"

#define REPLY_MAX ((size_t)1 << 20)

void
queue_push(struct conn_queue *q, struct conn *c)
{
	c->queue = NULL;
	*q->tail = c;
	q->tail = &c->queue;
}

struct conn *
queue_pop(struct conn_queue *q)
{
	struct conn *c = q->head;

	if (c && !(q->head = c->queue))
		q->tail = &q->head;
	return c;
}

/* ---- the poller's side -------------------------------------------------- */

static struct conn **
bucket(struct serve *s, uint64_t hash)
{
	return &s->flights[hash & (SERVE_FLIGHTS - 1)];
}

/* True when another connection's equal request is at a worker. */
static bool
join(struct serve *s, struct conn *c)
{
	c->hash = str_hash(c->request, s->seed);
	for (struct conn *f = *bucket(s, c->hash); f; f = f->chain) {
		if (f->hash == c->hash && f->proto == c->proto &&
		    str_eq(f->request, c->request)) {
			c->follower = f->followers;
			f->followers = c;
			return true;
		}
	}
	c->chain = *bucket(s, c->hash);
	*bucket(s, c->hash) = c;
	return false;
}

static void
leave(struct serve *s, struct conn *c)
{
	struct conn **at = bucket(s, c->hash);

	while (*at && *at != c)
		at = &(*at)->chain;
	if (*at)
		*at = c->chain;
}

static void
count_working(struct serve *s, int by)
{
	size_t n = atomic_load_explicit(&s->working, memory_order_relaxed);

	atomic_store_explicit(
	    &s->working, by < 0 ? n - 1 : n + 1, memory_order_relaxed);
}

void
work_start(struct serve *s, struct conn *c)
{
	conn_move(s, c, NULL);
	c->away = true;
	c->followers = c->follower = c->chain = NULL;
	c->asked = s->now;
	poller_pause(s->poller, c->source.fd);
	if (c->proto->share && join(s, c))
		return;
	buf_init(&c->answer.reply, NULL, REPLY_MAX);
	c->answer.close = c->broken = false;
	c->answer.until = 0;
	c->answer.mark = 0;
	c->sent = 0;
	count_working(s, 1);
	pthread_mutex_lock(&s->lock);
	queue_push(&s->todo, c);
	pthread_mutex_unlock(&s->lock);
	pthread_cond_signal(&s->work);
}

/* What is not sent of the reply yet. */
static void
deliver(
    struct serve *s, struct conn *c, const struct serve_answer *a, size_t sent)
{
	struct str rest = str_from(buf_str(&a->reply), sent);

	c->away = false;
	if (a->close || !buf_ok(&a->reply) || c->broken)
		conn_close(s, c);
	else if (rest.n == 0 || conn_send(s, c, rest) || c->source.fd >= 0)
		conn_resume(s, c);
}

static void
take_back(struct serve *s, struct conn *c)
{
	const struct serve_protocol *p = c->proto;
	struct serve_answer a = c->answer;
	struct conn *f = c->followers;

	serve_count(c->late ? &s->late : &s->worked);
	count_working(s, -1);
	if (p->share)
		leave(s, c);
	if (p->after && !a.close && buf_ok(&a.reply))
		p->after(p->arg, c->request, &a);
	deliver(s, c, &a, c->sent);
	while (f) {
		struct conn *next = f->follower;

		serve_count(&s->shared);
		f->broken = false;
		deliver(s, f, &a, 0);
		f = next;
	}
	buf_fini(&a.reply);
}

void
work_take_back(struct serve *s)
{
	struct conn *c, *next;

	pthread_mutex_lock(&s->lock);
	c = s->done.head;
	s->done.head = NULL;
	s->done.tail = &s->done.head;
	pthread_mutex_unlock(&s->lock);
	for (; c; c = next) {
		next = c->queue;
		take_back(s, c);
	}
}

/* ---- a worker's side ---------------------------------------------------- */

static void
work_on(struct serve *s, struct conn *c)
{
	const struct serve_protocol *p = c->proto;
	struct str reply;
	ssize_t n;

	c->late = clock_mono_ms() - c->asked > s->config.wait_ms;
	if (c->late)
		p->late(p->arg, c->request, &c->answer);
	else
		p->work(p->arg, c->request, &c->answer);
	reply = buf_str(&c->answer.reply);
	if (c->answer.close || reply.n == 0)
		return;
	/* saves the client the poller's turn */
	n = conn_write(c->source.fd, reply);
	c->broken = n < 0;
	c->sent = n > 0 ? (size_t)n : 0;
}

void *
work_thread(void *serve)
{
	struct serve *s = serve;
	struct conn *c;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		bool first;

		while (!(c = queue_pop(&s->todo)) && !s->quit)
			pthread_cond_wait(&s->work, &s->lock);
		if (!c)
			break;
		pthread_mutex_unlock(&s->lock);
		work_on(s, c);
		pthread_mutex_lock(&s->lock);
		first = !s->done.head;
		queue_push(&s->done, c);
		if (first) {
			/* the poller wants the lock at once */
			pthread_mutex_unlock(&s->lock);
			serve_wake(s);
			pthread_mutex_lock(&s->lock);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}
