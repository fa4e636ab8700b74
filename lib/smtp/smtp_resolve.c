/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/smtp_resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/err.h"

#define ADDRESSES_MAX 32

/* Shared by the one who asks and the thread; the last one frees it. */
struct question {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned refs;
	bool answered;
	int error; /* of getaddrinfo(3) */
	struct ip ip[ADDRESSES_MAX];
	size_t n;
	char host[];
};

static void
unref(struct question *q) /* with the lock held, which goes */
{
	bool last = --q->refs == 0;

	pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	pthread_cond_destroy(&q->done);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool
address_of(const struct addrinfo *ai, struct ip *out)
{
	if (ai->ai_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ai->ai_addr;

		*out = ip_from_bytes(IP_V4, &in->sin_addr);
		return true;
	}
	if (ai->ai_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)ai->ai_addr;

		*out = ip_from_bytes(IP_V6, &in->sin6_addr);
		return in->sin6_scope_id == 0;
	}
	return false;
}

static void *
ask(void *arg)
{
	struct question *q = arg;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int error = getaddrinfo(q->host, NULL, &hints, &list);

	pthread_mutex_lock(&q->lock);
	q->error = error;
	for (struct addrinfo *ai = list; error == 0 && ai; ai = ai->ai_next)
		if (q->n < ADDRESSES_MAX && address_of(ai, &q->ip[q->n]))
			q->n++;
	q->answered = true;
	pthread_cond_signal(&q->done);
	unref(q);
	if (list)
		freeaddrinfo(list);
	return NULL;
}

static struct question *
new_question(const char *host)
{
	size_t size = strlen(host) + 1;
	struct question *q = calloc(1, sizeof(*q) + size);
	pthread_condattr_t attr;

	if (!q)
		return NULL;
	memcpy(q->host, host, size);
	q->refs = 2;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->done, &attr);
	pthread_condattr_destroy(&attr);
	return q;
}

/* The thread gets no signals: they are the program's. */
static bool
start(struct question *q)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	bool started;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	started = pthread_create(&thread, &attr, ask, q) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return started;
}

static int
wait_answer(struct question *q, int64_t deadline, struct ip *out, size_t max,
    size_t *n, struct diag *d)
{
	struct timespec until = {.tv_sec = (time_t)(deadline / 1000),
	    .tv_nsec = (long)(deadline % 1000) * 1000000};
	int err = 0, waited = 0;

	pthread_mutex_lock(&q->lock);
	while (!q->answered && waited == 0)
		waited = pthread_cond_timedwait(&q->done, &q->lock, &until);
	if (!q->answered)
		err =
		    diag_set(d, AVER_TEMP, 0, "%s: no answer in time", q->host);
	else if (q->error)
		err = diag_set(d,
		    q->error == EAI_NONAME ? AVER_NOTFOUND : AVER_TEMP, 0,
		    "%s: %s", q->host, gai_strerror(q->error));
	else if (q->n == 0)
		err = diag_set(d, AVER_NOTFOUND, 0, "%s: no address", q->host);
	if (err == 0) {
		*n = q->n < max ? q->n : max;
		memcpy(out, q->ip, *n * sizeof(*out));
	}
	unref(q);
	return err;
}

int
smtp_resolve(const char *host, int64_t deadline, struct ip *out, size_t max,
    size_t *n, struct diag *d)
{
	struct question *q;

	if (ip_parse(str_from_z(host), out)) {
		*n = 1;
		return 0;
	}
	q = new_question(host);
	if (!q)
		return AVER_NOMEM;
	if (!start(q)) {
		pthread_mutex_lock(&q->lock);
		q->refs = 1;
		unref(q);
		return diag_set(d, AVER_TEMP, 0, "%s: no thread", host);
	}
	return wait_answer(q, deadline, out, max, n, d);
}
