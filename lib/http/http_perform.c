/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* For callers that have nothing else to do. */
#include "lib/http/http.h"

#include <pthread.h>

struct awaited {
	struct http_job job; /* first: done() knows this one */
	struct http_result *out;
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool is_over;
};

static void
on_done(struct http_job *job, const struct http_result *result)
{
	struct awaited *w = (struct awaited *)job;

	pthread_mutex_lock(&w->lock);
	*w->out = *result;
	w->out->content_type = w->out->body = STR_NONE;
	w->is_over = true;
	pthread_cond_signal(&w->over);
	pthread_mutex_unlock(&w->lock);
}

void
http_perform(
    struct http_client *c, struct http_job *job, struct http_result *out)
{
	struct awaited w = {.job = *job, .out = out};

	w.job.done = on_done;
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.over, NULL);
	http_start(c, &w.job);
	pthread_mutex_lock(&w.lock);
	while (!w.is_over)
		pthread_cond_wait(&w.over, &w.lock);
	pthread_mutex_unlock(&w.lock);
	pthread_cond_destroy(&w.over);
	pthread_mutex_destroy(&w.lock);
}
