/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_fetch.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tlspolicy/sts_policy.h"

#define DOMAIN_MAX 253

/*
 * A fetch is computation for the most part, TLS and certificates, which one
 * client does on one thread: several share the work.
 */
#define LINES_MAX 4
#define PER_LINE 16 /* connections at the same time, at least */

struct line {
	struct http_client *http;
	atomic_uint jobs; /* waiting or under way */
};

struct fetcher {
	struct sts_fetcher base;
	unsigned n;
	struct line lines[LINES_MAX];
};

/* ---- how it ended ------------------------------------------------------- */

static void
judge_answer(const struct http_result *a, struct sts_fetch_result *r)
{
	/* RFC 8461 section 3.3: nothing but 200 will do, and no redirect */
	if (a->status != 200) {
		r->result = TLSRPT_STS_POLICY_FETCH_ERROR;
		snprintf(r->reason, sizeof(r->reason), "HTTP status %d%s",
		    a->status,
		    a->status / 100 == 3 ? "; redirects are not followed" : "");
	} else if (!sts_policy_content_type(a->content_type)) {
		r->result = TLSRPT_STS_POLICY_INVALID;
		snprintf(r->reason, sizeof(r->reason),
		    "the content type is not text/plain");
	} else {
		r->result = TLSRPT_SUCCESS;
		r->body = a->body;
	}
}

static void
judge(const struct http_result *a, struct sts_fetch_result *r)
{
	r->result = TLSRPT_STS_POLICY_FETCH_ERROR;
	memcpy(r->reason, a->reason, sizeof(r->reason));
	switch (a->end) {
	case HTTP_ANSWER:
		judge_answer(a, r);
		break;
	case HTTP_CERTIFICATE:
		r->result = TLSRPT_STS_WEBPKI_INVALID;
		break;
	case HTTP_TOO_LARGE:
		r->result = TLSRPT_STS_POLICY_INVALID;
		snprintf(
		    r->reason, sizeof(r->reason), "the policy is too large");
		break;
	case HTTP_OURS:
		r->is_ours = true;
		break;
	case HTTP_TIMEOUT:
	case HTTP_TOO_MANY_FIELDS:
	case HTTP_FAILED:
		break;
	}
}

static void
on_done(struct http_job *http, const struct http_result *a)
{
	struct sts_fetch_job *job =
	    (struct sts_fetch_job *)((char *)http -
				     offsetof(struct sts_fetch_job, http));
	struct sts_fetch_result r = {.result = TLSRPT_SUCCESS};

	judge(a, &r);
	/* the job is somebody else's after done() */
	atomic_fetch_sub(job->jobs, 1);
	job->done(job, &r);
}

/* ---- the fetcher -------------------------------------------------------- */

/* The one with the least to do: slow hosts on one keep no others waiting. */
static struct line *
choose(struct fetcher *f)
{
	struct line *best = &f->lines[0];

	for (unsigned i = 1; i < f->n; i++)
		if (atomic_load(&f->lines[i].jobs) < atomic_load(&best->jobs))
			best = &f->lines[i];
	return best;
}

static void
fetch_start(struct sts_fetcher *base, struct sts_fetch_job *job)
{
	struct line *line = choose((struct fetcher *)base);
	struct str domain = str_head(job->domain, DOMAIN_MAX + 1);
	int n = snprintf(
	    job->host, sizeof(job->host), "mta-sts.%.*s", STRF(domain));

	job->http = (struct http_job){
	    .path = STR("/.well-known/mta-sts.txt"), .done = on_done};
	/* any other is refused there */
	if (domain.n && domain.n <= DOMAIN_MAX)
		job->http.host = (struct str){job->host, (size_t)n};
	memcpy(job->http.addrs, job->addrs, sizeof(job->addrs));
	job->http.n_addrs = job->n_addrs;
	job->jobs = &line->jobs;
	atomic_fetch_add(job->jobs, 1);
	http_start(line->http, &job->http);
}

static void
fetch_close(struct sts_fetcher *base)
{
	struct fetcher *f = (struct fetcher *)base;

	for (unsigned i = 0; i < f->n; i++)
		http_close(f->lines[i].http);
	free(f);
}

static const struct sts_fetcher_ops fetch_ops = {fetch_start, fetch_close};

/* As many as there are processors and work for. */
static unsigned
count_lines(const struct sts_fetch_config *cfg)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cfg->at_once / PER_LINE;

	if (n > LINES_MAX)
		n = LINES_MAX;
	if (cpus > 0 && n > (unsigned long)cpus)
		n = (unsigned)cpus;
	return n ? n : 1;
}

/* The share of one of n in what is allowed to all. */
static unsigned
share(unsigned all, unsigned n, unsigned i)
{
	return all / n + (i < all % n);
}

int
sts_fetch_open(const struct sts_fetch_config *cfg, struct sts_fetcher **out,
    struct diag *d)
{
	struct http_config http = {.ca_file = cfg->ca_file,
	    .port = cfg->port,
	    .timeout_ms = cfg->timeout_ms,
	    .max_size = cfg->max_size};
	struct fetcher *f = calloc(1, sizeof(*f));
	unsigned n = count_lines(cfg);
	int err = 0;

	if (!f)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	f->base.ops = &fetch_ops;
	for (unsigned i = 0; i < n && !err; i++) {
		http.at_once = share(cfg->at_once, n, i);
		http.queue = share(cfg->queue, n, i);
		err = http_open(&http, &f->lines[i].http, d);
		f->n += !err;
	}
	if (err) {
		fetch_close(&f->base);
		return err;
	}
	*out = &f->base;
	return 0;
}
