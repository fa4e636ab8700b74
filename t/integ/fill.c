/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Fills a store with made-up evaluations, for tests and benchmarks:
 *
 *	fill STORE DOMAINS EVALUATIONS DAY [SEED [DISTINCT]]
 *
 * DAY: the start of a UTC day in seconds since the epoch. Evaluations go to
 * d0.example, d1.example, ... in turn. DISTINCT: each row has another source
 * address. Prints the sum of what was added.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/store/evaluation.h"
#include "lib/store/store.h"

#define BATCH 2000
#define MEMORY ((size_t)64 << 20)

struct job {
	uint64_t domains, evaluations, seed;
	int64_t day;
	int distinct;
};

/* splitmix64: the same numbers on every machine */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static struct str
domain_of(struct arena *a, uint64_t i)
{
	struct buf b;

	buf_init(&b, a, 64);
	buf_addf(&b, "d%" PRIu64 ".example", i);
	return buf_str(&b);
}

static void
set_source(const struct job *job, uint64_t i, uint64_t r, struct evaluation *ev)
{
	uint64_t n = job->distinct ? i : r % 16;

	ev->source_ip.family = IP_V4;
	ev->source_ip.a[0] = 100;
	for (int k = 1; k < 4; k++)
		ev->source_ip.a[k] = (uint8_t)(n >> 8 * (3 - k));
}

/* About two thirds pass, as in the wild. */
static void
make_row(const struct job *job, struct arena *a, uint64_t i, uint64_t r,
    struct store_evaluation *row)
{
	struct evaluation ev = {.p = DMARC_POLICY_REJECT,
	    .discovery = DMARC_TREEWALK,
	    .fo = DMARC_FO_0,
	    .n_dkim = 1,
	    .has_spf = true};
	bool pass = r % 3 != 0;
	struct buf b;

	ev.policy_domain = ev.header_from = domain_of(a, i % job->domains);
	ev.envelope_from = ev.spf_domain = ev.policy_domain;
	ev.sp = ev.np = ev.p;
	set_source(job, i, r >> 8, &ev);
	ev.disposition = pass ? EVAL_DISP_PASS : EVAL_DISP_REJECT;
	ev.dkim_aligned = pass;
	ev.spf_aligned = pass && r % 2;
	ev.dkim[0] = (struct eval_dkim){
	    ev.policy_domain, STR("s2026"), pass ? DKIM_PASS : DKIM_FAIL};
	ev.spf_result = ev.spf_aligned ? SPF_PASS : SPF_FAIL;
	buf_init(&b, a, 4096);
	evaluation_encode(&b, &ev);
	*row = (struct store_evaluation){
	    .hour = job->day + (int64_t)((r >> 32) % 24) * 3600,
	    .policy_domain = ev.policy_domain,
	    .octets = buf_str(&b),
	    .count = 1};
}

static int
fill(struct store *s, const struct job *job, struct diag *d)
{
	static struct store_evaluation rows[BATCH];
	uint64_t state = job->seed;
	struct arena a;
	struct buf source;
	int err = 0;

	arena_init(&a, MEMORY);
	buf_init(&source, NULL, 64);
	buf_addf(&source, "fill-%" PRIu64, job->seed);
	for (uint64_t i = 0; i < job->evaluations && !err;) {
		size_t n = 0;

		arena_reset(&a);
		for (; n < BATCH && i < job->evaluations; n++, i++)
			make_row(job, &a, i, next_random(&state), &rows[n]);
		err = store_add_evaluations(s, buf_str(&source), i, rows, n, d);
	}
	buf_fini(&source);
	arena_fini(&a);
	return err;
}

int
main(int argc, char **argv)
{
	struct job job = {.seed = 1};
	struct diag d = {{0}, 0};
	struct store *s;
	int err;

	if (argc < 5) {
		fprintf(stderr, "usage: fill STORE DOMAINS EVALUATIONS DAY "
				"[SEED [distinct]]\n");
		return 2;
	}
	job.domains = strtoull(argv[2], NULL, 10);
	job.evaluations = strtoull(argv[3], NULL, 10);
	job.day = strtoll(argv[4], NULL, 10);
	if (argc > 5)
		job.seed = strtoull(argv[5], NULL, 10);
	job.distinct = argc > 6;
	err = store_open(argv[1], STORE_WRITE, &s, &d);
	if (!err)
		err = fill(s, &job, &d);
	if (err) {
		fprintf(stderr, "fill: %s\n", d.text);
		return 1;
	}
	store_close(s);
	printf("%" PRIu64 "\n", job.evaluations);
	return 0;
}
