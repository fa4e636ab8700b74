/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the store costs: adds distinct evaluations of many policy domains,
 * takes all of them for reports of an ordinary size, sends these, and counts
 * TLS results. Prints the CPU and wall-clock time of one operation and the
 * largest resident set. Usage: store SPEC DOMAINS ROWS-OF-EACH
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/base/arena.h"
#include "lib/store/take.h"
#include "lib/store/tls_result.h"

#define BATCH 1024
#define STRIDE 7919 /* a prime */
#define TLS_RESULTS 100000
#define BODY 3000 /* octets of a compressed report */

struct lap {
	double cpu, wall;
};

static double
seconds(struct timespec t)
{
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct lap
now(void)
{
	struct timespec cpu, wall;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	clock_gettime(CLOCK_MONOTONIC, &wall);
	return (struct lap){seconds(cpu), seconds(wall)};
}

static void
tell(struct lap *last, const char *what, unsigned long n)
{
	struct lap t = now();
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	printf("%-24s %8lu  cpu %9.2f us each, %7.2f s  wall %7.2f s  rss %ld "
	       "kB\n",
	    what, n, (t.cpu - last->cpu) * 1e6 / (double)n, t.cpu - last->cpu,
	    t.wall - last->wall, r.ru_maxrss);
	fflush(stdout);
	*last = now();
}

static void
must(int err, const struct diag *d)
{
	if (!err)
		return;
	fprintf(stderr, "%s\n", d->text);
	exit(1);
}

struct names {
	char domain[BATCH][32], octets[BATCH][256];
};

/*
 * Row n of all: one hour after the other; its domains in an order that is not
 * the table's, each as often as the others unless STRIDE divides them.
 */
static struct store_evaluation
row_of(struct names *x, unsigned long at, unsigned long n,
    unsigned long domains, unsigned long all)
{
	unsigned long which = n * STRIDE % domains;

	snprintf(x->domain[at], sizeof(x->domain[at]), "d%06lu.example", which);
	snprintf(x->octets[at], sizeof(x->octets[at]),
	    "%08lx as long as the octets of an evaluation are, with an "
	    "address, header.from d%06lu.example, envelope bounces.example, "
	    "one signature of selector s1 and its results %lu",
	    n * 2654435761u & 0xffffffff, which, n / domains);
	return (struct store_evaluation){.hour = 3600 * (int64_t)(n * 24 / all),
	    .policy_domain = str_from_z(x->domain[at]),
	    .octets = str_from_z(x->octets[at]),
	    .count = 1};
}

static void
add(struct store *s, unsigned long domains, unsigned long all)
{
	static struct store_evaluation rows[BATCH];
	static struct names names;
	struct diag d;
	uint64_t seq = 0;

	for (unsigned long n = 0; n < all;) {
		size_t k = 0;

		for (; k < BATCH && n < all; k++, n++)
			rows[k] = row_of(&names, k, n, domains, all);
		must(store_add_evaluations(s, STR("bench"), ++seq, rows, k, &d),
		    &d);
	}
}

static int
count_row(void *arg, const struct store_take_row *row)
{
	*(uint64_t *)arg += row->count;
	return 0;
}

static void
id_of(char id[32], unsigned long i)
{
	snprintf(id, 32, "%08lxr%lu", i * 2654435761u & 0xffffffff, i);
}

static uint64_t
take(struct store *s, unsigned long i, struct arena *a)
{
	static const char body[BODY] = "x";
	const struct ledger_submission sub = {
	    .uri = STR("mailto:r@b.example"), .destination = STR("b.example")};
	struct ledger_report r = {.body = {body, BODY},
	    .file_name = STR("a!b!1!2.xml.gz"),
	    .record = STR("v=DMARC1; p=none; rua=mailto:r@b.example")};
	struct store_take_row last;
	struct store_take *t;
	char domain[32], id[32];
	struct diag d;

	snprintf(domain, sizeof(domain), "d%06lu.example", i);
	id_of(id, i);
	r.id = str_from_z(id);
	r.policy_domain = str_from_z(domain);
	must(store_take_begin(
		 s, LEDGER_DMARC, r.policy_domain, 0, 86400, 0, &t, &d),
	    &d);
	must(store_take_last(t, a, &last, &d), &d);
	must(store_take_each(t, count_row, &r.messages, &d), &d);
	must(store_take_report(t, &r, &sub, 1, &d), &d);
	must(store_take_commit(t, &d), &d);
	arena_reset(a);
	return r.messages;
}

static void
send_report(struct store *s, unsigned long i)
{
	uint64_t fence;
	struct diag d;
	char id[32];

	id_of(id, i);
	must(
	    store_claim_submission(s, str_from_z(id), 1, 99999, 60, &fence, &d),
	    &d);
	must(store_finish_submission(s, str_from_z(id), 1, fence, LEDGER_SENT,
		 0, STR("250 2.0.0 Ok"), &d),
	    &d);
}

static void
add_tls(struct store *s)
{
	struct store_tls_result rows[256];
	char domain[256][32];
	uint64_t seq = 0;
	struct diag d;

	for (unsigned n = 0; n < TLS_RESULTS;) {
		size_t k = 0;

		for (; k < 256 && n < TLS_RESULTS; k++, n++) {
			snprintf(domain[k], 32, "p%u.example", n % 10000);
			rows[k] = (struct store_tls_result){
			    .policy_domain = str_from_z(domain[k]),
			    .recipient_domain = STR("r.example"),
			    .policy = STR("sts version: STSv1 mode: enforce"),
			    .success = 1,
			    .wanted = true};
		}
		must(store_add_tls_results(s, STR("tls"), ++seq, rows, k, &d),
		    &d);
	}
}

int
main(int argc, char **argv)
{
	unsigned long domains = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned long each = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	uint64_t messages = 0;
	struct store *s;
	struct arena a;
	struct lap last;
	struct diag d;

	if (domains == 0 || each == 0) {
		fprintf(stderr, "usage: store SPEC DOMAINS ROWS-OF-EACH\n");
		return 2;
	}
	arena_init(&a, 1 << 20);
	must(store_open(argv[1], STORE_WRITE, &s, &d), &d);
	last = now();
	add(s, domains, domains * each);
	tell(&last, "add distinct rows", domains * each);
	for (unsigned long i = 0; i < domains; i++)
		messages += take(s, i, &a);
	tell(&last, "take and commit", domains);
	for (unsigned long i = 0; i < domains; i++)
		send_report(s, i);
	tell(&last, "claim and finish", domains);
	add_tls(s);
	tell(&last, "add TLS results", TLS_RESULTS);
	store_close(s);
	arena_fini(&a);
	return messages == domains * each ? 0 : 1;
}
