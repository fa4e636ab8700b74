/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A load of mail for a milter, or a chain of them: K connections at a time,
 * one message each, whole passes over the corpus; then one line of figures.
 * Checks what comes back: the number of Authentication-Results fields and
 * the results in them against the corpus's index.
 */
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "t/bench/mail.h"
#include "t/bench/mta.h"
#include "t/bench/proc.h"

#define PIDS_MAX 16
#define WORKERS_MAX 1024
#define RESULT_MAX 16

struct options {
	struct mta_address milters[MTA_CHAIN_MAX];
	size_t n_milters;
	const char *folder, *label;
	long connections, passes, warm_passes, authres_fields;
	double seconds;
	pid_t pids[PIDS_MAX];
	size_t n_pids;
	bool verbose;
};

/* What all workers share in one run. */
struct run {
	const struct options *o;
	const struct mail *mails;
	size_t n;
	long passes;
	int64_t start, until; /* ns; until 0: passes decide */
	atomic_ulong next;
	atomic_bool stop;
};

struct counts {
	unsigned long messages, octets, errors, fields, spf, dkim, dmarc;
};

struct worker {
	struct run *run;
	pthread_t thread;
	struct mta mta;
	struct counts counts;
	uint32_t *whole, *eom; /* latencies, microseconds */
	size_t n, room;
};

/* ---- checking ---------------------------------------------------------- */

struct results {
	char spf[RESULT_MAX], dkim[RESULT_MAX], dmarc[RESULT_MAX];
	unsigned fields;
};

static void
take_word(char out[RESULT_MAX], const char *p)
{
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz");

	n = n < RESULT_MAX ? n : RESULT_MAX - 1;
	memcpy(out, p, n);
	out[n] = '\0';
}

/* p: after a ";" outside of comments. Any passing signature counts. */
static void
take_result(struct results *r, const char *p)
{
	p += strspn(p, " \t\r\n");
	if (strncmp(p, "spf=", 4) == 0 && !r->spf[0])
		take_word(r->spf, p + 4);
	else if (strncmp(p, "dmarc=", 6) == 0 && !r->dmarc[0])
		take_word(r->dmarc, p + 6);
	else if (strncmp(p, "dkim=", 5) == 0 && strcmp(r->dkim, "pass") != 0)
		take_word(r->dkim, p + 5);
}

static void
read_authres(struct results *r, const char *p)
{
	int depth = 0;
	bool quoted = false;

	r->fields++;
	for (; *p; p++) {
		if (*p == '\\' && p[1] && (quoted || depth))
			p++;
		else if (*p == '"' && depth == 0)
			quoted = !quoted;
		else if (!quoted && *p == '(')
			depth++;
		else if (!quoted && *p == ')')
			depth--;
		else if (!quoted && depth == 0 && *p == ';')
			take_result(r, p + 1);
	}
}

static bool
differs(const char *got, const char *want)
{
	return strcmp(got, want) != 0;
}

static void
check(struct worker *w, const struct mail *mail)
{
	const struct options *o = w->run->o;
	struct results r = {.fields = 0};
	struct counts *c = &w->counts;

	for (size_t i = 0; i < w->mta.n_inserted; i++)
		if (strcmp(w->mta.inserted[i].name, "Authentication-Results") ==
		    0)
			read_authres(&r, w->mta.inserted[i].value);
	if (w->mta.verdict != 'c' ||
	    (o->authres_fields > 0 && r.fields != (unsigned)o->authres_fields))
		c->fields++;
	c->spf += differs(r.spf, mail->spf);
	c->dkim += differs(r.dkim, mail->dkim);
	c->dmarc += differs(r.dmarc, mail->dmarc);
	if (o->verbose &&
	    (differs(r.spf, mail->spf) || differs(r.dkim, mail->dkim) ||
		differs(r.dmarc, mail->dmarc)))
		fprintf(stderr, "%s: spf %s (%s) dkim %s (%s) dmarc %s (%s)\n",
		    mail->file, r.spf, mail->spf, r.dkim, mail->dkim, r.dmarc,
		    mail->dmarc);
}

/* ---- running ----------------------------------------------------------- */

static void
note_latency(struct worker *w, int64_t whole_ns, int64_t eom_ns)
{
	if (w->n == w->room) {
		w->room = w->room * 2 + 4096;
		w->whole = realloc(w->whole, w->room * sizeof(*w->whole));
		w->eom = realloc(w->eom, w->room * sizeof(*w->eom));
		if (!w->whole || !w->eom)
			errx(1, "out of memory");
	}
	w->whole[w->n] = (uint32_t)(whole_ns / 1000);
	w->eom[w->n++] = (uint32_t)(eom_ns / 1000);
}

/* The number of the next message, or false at the end of the last pass. */
static bool
next_message(struct run *r, unsigned long *out)
{
	unsigned long i = atomic_fetch_add(&r->next, 1);

	if (i % r->n == 0 && (r->until ? i > 0 && mta_now_ns() >= r->until
				       : i / r->n >= (unsigned long)r->passes))
		atomic_store(&r->stop, true);
	*out = i;
	return !atomic_load(&r->stop);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	unsigned long i;

	while (next_message(w->run, &i)) {
		const struct mail *mail = &w->run->mails[i % w->run->n];
		int64_t start = mta_now_ns();
		bool good = mta_deliver(&w->mta, mail, i);

		note_latency(w, mta_now_ns() - start, w->mta.eom_ns);
		w->counts.messages++;
		w->counts.octets += mail->octets;
		if (good) {
			check(w, mail);
			continue;
		}
		if (w->counts.errors++ == 0)
			warnx("%s: %s", mail->file, mta_trouble(&w->mta));
		if (w->counts.errors > 100)
			errx(1, "too many errors");
	}
	return NULL;
}

static void
run_all(struct run *r, struct worker *w, long n)
{
	for (long i = 0; i < n; i++) {
		w[i].run = r;
		if (!mta_init(&w[i].mta, r->o->milters, r->o->n_milters) ||
		    pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			errx(1, "cannot start a worker");
	}
	for (long i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		mta_fini(&w[i].mta);
	}
}

/* ---- figures ----------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
percentile_ms(const uint32_t *sorted, size_t n, double p)
{
	return n ? sorted[(size_t)(p * (double)(n - 1) + 0.5)] / 1000.0 : 0;
}

/* All workers' counts and latencies in the first one. */
static void
gather(struct worker *w, long n)
{
	for (long i = 1; i < n; i++) {
		for (size_t k = 0; k < w[i].n; k++)
			note_latency(w, (int64_t)w[i].whole[k] * 1000,
			    (int64_t)w[i].eom[k] * 1000);
		w->counts.messages += w[i].counts.messages;
		w->counts.octets += w[i].counts.octets;
		w->counts.errors += w[i].counts.errors;
		w->counts.fields += w[i].counts.fields;
		w->counts.spf += w[i].counts.spf;
		w->counts.dkim += w[i].counts.dkim;
		w->counts.dmarc += w[i].counts.dmarc;
		free(w[i].whole);
		free(w[i].eom);
	}
	if (w->n == 0)
		errx(1, "no messages");
	qsort(w->whole, w->n, sizeof(*w->whole), by_value);
	qsort(w->eom, w->n, sizeof(*w->eom), by_value);
}

static double
own_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
report(const struct options *o, const struct worker *w, double wall, double cpu,
    double own, double peak)
{
	const struct counts *c = &w->counts;
	double n = (double)c->messages;

	printf("label=%s conc=%ld msgs=%lu rate=%.0f mbs=%.0f", o->label,
	    o->connections, c->messages, n / wall,
	    (double)c->octets / 1e6 / wall);
	printf(" p50=%.3f p99=%.3f eom50=%.3f eom99=%.3f",
	    percentile_ms(w->whole, w->n, 0.5),
	    percentile_ms(w->whole, w->n, 0.99),
	    percentile_ms(w->eom, w->n, 0.5),
	    percentile_ms(w->eom, w->n, 0.99));
	printf(" cpu=%.4f load=%.4f rss=%.1f", cpu * 1000 / n, own * 1000 / n,
	    peak);
	printf(" errors=%lu fields=%lu spf=%lu dkim=%lu dmarc=%lu\n", c->errors,
	    c->fields, c->spf, c->dkim, c->dmarc);
}

static void
measure(const struct options *o, const struct mail *mails, size_t n)
{
	struct worker *w = calloc((size_t)o->connections, sizeof(*w));
	struct run r = {.o = o, .mails = mails, .n = n};
	struct proc_use before, after;
	double own, wall;

	if (!w)
		errx(1, "out of memory");
	r.passes = o->warm_passes;
	if (r.passes > 0)
		run_all(&r, w, o->connections);
	for (long i = 0; i < o->connections; i++) {
		w[i].n = 0;
		w[i].counts = (struct counts){0};
	}
	r.passes = o->passes;
	atomic_store(&r.next, 0);
	atomic_store(&r.stop, false);
	proc_reset_peak(o->pids, o->n_pids);
	proc_use(o->pids, o->n_pids, &before);
	own = own_cpu();
	r.start = mta_now_ns();
	r.until = o->seconds > 0 ? r.start + (int64_t)(o->seconds * 1e9) : 0;
	run_all(&r, w, o->connections);
	wall = (double)(mta_now_ns() - r.start) / 1e9;
	own = own_cpu() - own;
	proc_use(o->pids, o->n_pids, &after);
	if (after.processes < o->n_pids)
		warnx("%s: a process is gone", o->label);
	gather(w, o->connections);
	report(o, w, wall, after.cpu - before.cpu, own, after.peak_mb);
	free(w->whole);
	free(w->eom);
	free(w);
}

/* ---- options ----------------------------------------------------------- */

_Noreturn static void
usage(void)
{
	fprintf(stderr,
	    "usage: load -d FOLDER -s MILTER [-s MILTER]... [-c CONNECTIONS]\n"
	    "    [-t SECONDS | -n PASSES] [-w WARM-UP-PASSES] [-p PID]...\n"
	    "    [-l LABEL] [-a AUTHRES-FIELDS] [-v]\n"
	    "MILTER: unix:/path or inet:address:port; several are a chain\n"
	    "-p: whose CPU time and memory count, with its descendants\n"
	    "-a: how many such fields a message must get (1; 0: any)\n");
	exit(2);
}

static long
number(const char *text, long low, long high)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || end == text || n < low || n > high)
		errx(2, "\"%s\": expected a number from %ld to %ld", text, low,
		    high);
	return n;
}

static void
add_milter(struct options *o, const char *text)
{
	if (o->n_milters == MTA_CHAIN_MAX ||
	    !mta_address(&o->milters[o->n_milters++], text))
		errx(2, "%s: no address, or too many", text);
}

static void
add_pid(struct options *o, const char *text)
{
	if (o->n_pids == PIDS_MAX)
		errx(2, "too many processes");
	o->pids[o->n_pids++] = (pid_t)number(text, 2, 0x7fffffff);
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "a:c:d:l:n:p:s:t:vw:")) != -1) {
		switch (c) {
		case 'a':
			o->authres_fields = number(optarg, 0, 100);
			break;
		case 'c':
			o->connections = number(optarg, 1, WORKERS_MAX);
			break;
		case 'd':
			o->folder = optarg;
			break;
		case 'l':
			o->label = optarg;
			break;
		case 'n':
			o->passes = number(optarg, 1, 1000000);
			break;
		case 'p':
			add_pid(o, optarg);
			break;
		case 's':
			add_milter(o, optarg);
			break;
		case 't':
			o->seconds = (double)number(optarg, 1, 86400);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'w':
			o->warm_passes = number(optarg, 0, 1000);
			break;
		default:
			usage();
		}
	}
	if (optind < argc || o->n_milters == 0 || !o->folder)
		usage();
}

int
main(int argc, char **argv)
{
	struct options o = {.label = "milter",
	    .connections = 1,
	    .passes = 1,
	    .authres_fields = 1};
	struct mail *mails;
	size_t n;

	parse_options(&o, argc, argv);
	n = mail_load(o.folder, &mails);
	measure(&o, mails, n);
	return 0;
}
