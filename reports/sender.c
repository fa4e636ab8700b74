/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/sender.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/report/message.h"

/* a report that is being sent, and what is made of it */
#define JOB_MEMORY (LEDGER_BODY_MAX + ((size_t)1 << 20))
#define MESSAGE_MAX ((size_t)96 << 20)
/* a longer message does not keep its memory */
#define MESSAGE_KEPT ((size_t)1 << 20)

enum sender_state { IDLE, GIVEN, ENDED };

struct sender {
	struct send_job job; /* first: a job leads to its sender */
	struct senders *all;
	struct transport *transport; /* NULL: not open yet */
	struct buf message; /* keeps its memory from one to the next */
	pthread_cond_t given;
	enum sender_state state; /* with the lock */
	/* of the caller's thread alone */
	bool taken, retired, has_thread;
	pthread_t thread;
};

struct senders {
	struct reporter *r;
	const struct submit_kind *kind;
	unsigned n, left; /* left: that are not retired */
	unsigned taken;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool quit;
	struct sender sender[SENDERS_MAX];
};

/* --- one submission, in the sender's thread */

static int
compose(struct sender *w)
{
	struct reporter *r = w->all->r;
	struct send_job *j = &w->job;
	const struct ledger_report *rep = &j->report;
	struct report_message m = {
	    .name = {.kind = w->all->kind->report,
		.policy_domain = rep->policy_domain,
		.begin = rep->begin,
		.end = rep->end},
	    .id = rep->id,
	    .from = r->email,
	    .from_name = r->org_name,
	    .to = j->to.address,
	    .date = rep->created,
	    .submitter = r->domain,
	    .organization = r->org_name,
	    .contact = str_from_z(r->conf->report_contact_info),
	    .document = rep->body,
	    .gzip = true,
	    .rows = rep->rows,
	    .messages = rep->messages,
	    .engine = r->engine,
	};
	int err = 0;

	memcpy(m.sign, r->sign, sizeof(m.sign));
	if (w->all->kind->fill)
		err = w->all->kind->fill(rep, &j->arena, &m, &j->why);
	buf_clear(&w->message);
	return err ? err : report_message_write(&m, &w->message, NULL, &j->why);
}

static bool
open_transport(struct sender *w)
{
	struct transport_reply *out = &w->job.reply;
	struct diag d = {{0}, 0};

	if (w->transport || !reporter_transport(w->all->r, &w->transport, &d))
		return true;
	*out = (struct transport_reply){
	    .outcome = TRANSPORT_TEMP, .transport_down = true};
	snprintf(out->status, sizeof(out->status), "4.3.5");
	snprintf(out->text, sizeof(out->text), "%s", d.text);
	return false;
}

static int
send_mail(struct sender *w)
{
	struct reporter *r = w->all->r;
	struct send_job *j = &w->job;
	struct transport_message m = {.rcpt = j->to.address};
	struct buf sender;
	int err = compose(w);

	if (err)
		return err;
	m.message = buf_str(&w->message);
	buf_init(&sender, &j->arena, 512);
	if (verp_make(&r->verp, j->report.id, j->number, &sender))
		return diag_set(
		    &j->why, AVER_SYNTAX, 0, "cannot make an envelope sender");
	m.envelope_from = buf_str(&sender);
	if (!open_transport(w))
		return 0;
	if (j->may_stage)
		transport_stage(w->transport, &m, &j->stage, &j->reply);
	else
		transport_send(w->transport, &m, &j->reply);
	return 0;
}

static void
perform(struct sender *w)
{
	struct send_job *j = &w->job;

	if (j->https)
		https_post(w->all->r, j->uri, w->all->kind->https_type,
		    j->report.body, &j->https_reply);
	else
		j->err = send_mail(w);
}

static void *
run(void *arg)
{
	struct sender *w = arg;
	struct senders *s = w->all;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (w->state != GIVEN && !s->quit)
			pthread_cond_wait(&w->given, &s->lock);
		if (s->quit)
			break;
		pthread_mutex_unlock(&s->lock);
		perform(w);
		pthread_mutex_lock(&s->lock);
		w->state = ENDED;
		pthread_cond_signal(&s->ended);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- all of them */

/* On a clock that nobody sets. */
static bool
make_condition(pthread_cond_t *c)
{
	pthread_condattr_t attr;
	bool good;

	if (pthread_condattr_init(&attr))
		return false;
	good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
	       pthread_cond_init(c, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return good;
}

int
senders_open(struct reporter *r, const struct submit_kind *kind,
    struct senders **out, struct diag *d)
{
	struct senders *s = calloc(1, sizeof(*s));

	if (!s || !make_condition(&s->ended)) {
		free(s);
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	pthread_mutex_init(&s->lock, NULL);
	s->r = r;
	s->kind = kind;
	s->n = s->left = (unsigned)r->conf->report_senders;
	for (unsigned i = 0; i < s->n; i++) {
		struct sender *w = &s->sender[i];

		w->all = s;
		pthread_cond_init(&w->given, NULL);
		arena_init(&w->job.arena, JOB_MEMORY);
		buf_init(&w->message, NULL, MESSAGE_MAX);
	}
	/* what is staged is delivered with the reporter's, meanwhile */
	if (s->n == 1 || !transport_can_stage(r->transport))
		s->sender[0].transport = r->transport;
	*out = s;
	return 0;
}

void
senders_close(struct senders *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	for (unsigned i = 0; i < s->n; i++)
		pthread_cond_signal(&s->sender[i].given);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < s->n; i++) {
		struct sender *w = &s->sender[i];

		if (w->has_thread)
			pthread_join(w->thread, NULL);
		if (w->transport != s->r->transport)
			transport_close(w->transport);
		buf_fini(&w->message);
		arena_fini(&w->job.arena);
		pthread_cond_destroy(&w->given);
	}
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* The first is taken first: few connections for little work. */
struct send_job *
senders_idle(struct senders *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!s->sender[i].taken && !s->sender[i].retired)
			return &s->sender[i].job;
	return NULL;
}

static struct sender *
sender_of(struct send_job *job)
{
	return (struct sender *)job;
}

/* Without a thread, as with one sender alone, it is done here. */
void
senders_start(struct senders *s, struct send_job *job)
{
	struct sender *w = sender_of(job);

	w->taken = true;
	s->taken++;
	if (s->n > 1 && !w->has_thread)
		w->has_thread = pthread_create(&w->thread, NULL, run, w) == 0;
	if (!w->has_thread)
		perform(w);
	pthread_mutex_lock(&s->lock);
	w->state = w->has_thread ? GIVEN : ENDED;
	pthread_cond_signal(&w->given);
	pthread_mutex_unlock(&s->lock);
}

bool
senders_busy(const struct senders *s)
{
	return s->taken > 0;
}

static struct sender *
find_ended(struct senders *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->sender[i].state == ENDED)
			return &s->sender[i];
	return NULL;
}

struct send_job *
senders_ended(struct senders *s, int ms)
{
	struct sender *w;
	struct timespec end;
	int e = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += (long)(ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->lock);
	while (!(w = find_ended(s)) && e != ETIMEDOUT)
		e = ms < 0 ? pthread_cond_wait(&s->ended, &s->lock)
			   : pthread_cond_timedwait(&s->ended, &s->lock, &end);
	pthread_mutex_unlock(&s->lock);
	return w ? &w->job : NULL;
}

void
senders_free(struct senders *s, struct send_job *job)
{
	struct sender *w = sender_of(job);
	struct arena kept = job->arena;

	arena_reset(&kept);
	*job = (struct send_job){.arena = kept};
	if (w->message.cap > MESSAGE_KEPT) {
		buf_fini(&w->message);
		buf_init(&w->message, NULL, MESSAGE_MAX);
	}
	if (w->taken)
		s->taken--;
	w->taken = false;
	pthread_mutex_lock(&s->lock);
	w->state = IDLE;
	pthread_mutex_unlock(&s->lock);
}

bool
senders_retire(struct senders *s, struct send_job *job)
{
	struct sender *w = sender_of(job);

	if (s->left == 1)
		return false;
	s->left--;
	w->retired = true;
	if (w->transport != s->r->transport) {
		transport_close(w->transport);
		w->transport = NULL;
	}
	return true;
}
