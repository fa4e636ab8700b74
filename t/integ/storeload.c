/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What programs do with a store, for tests that harm the server meanwhile:
 *
 *	storeload SPEC add SOURCE N	batches 1 to N of the source
 *	storeload SPEC run SECONDS	takes, reports and sends; 0: to the end
 *	storeload SPEC sum		what is there, in one line
 *	storeload SPEC try		opens it, adds one row
 *	storeload - want N		what N batches of a source count
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/store/take.h"

#define DOMAINS 7
#define GIVE_UP 120000 /* ms without success */
#define LEASE 5

static int64_t good; /* when something last went well */

static void
pause_or_die(int err, const struct diag *d)
{
	if (err != AVER_TEMP || clock_mono_ms() - good > GIVE_UP) {
		fprintf(stderr, "%s: %s\n", aver_err_name(err), d->text);
		exit(1);
	}
	usleep(20000);
}

static struct store *
open_store(const char *spec, enum store_mode mode)
{
	struct store *s = NULL;
	struct diag d = {.text = ""};
	int err;

	good = clock_mono_ms();
	while ((err = store_open(spec, mode, &s, &d)) != 0)
		pause_or_die(err, &d);
	return s;
}

/* --- add */

static struct store_evaluation
row_of(uint64_t seq, char domain[32], char octets[32])
{
	snprintf(domain, 32, "d%u.example", (unsigned)(seq % DOMAINS));
	snprintf(octets, 32, "o%u", (unsigned)(seq % 17));
	return (struct store_evaluation){.hour = 3600 * (int64_t)(seq % 5),
	    .policy_domain = str_from_z(domain),
	    .octets = str_from_z(octets),
	    .count = 1 + seq % 3};
}

static int
add(const char *spec, struct str source, uint64_t n)
{
	struct store *s = open_store(spec, STORE_WRITE);
	struct diag d = {.text = ""};
	uint64_t seq = 0;
	int err;

	while ((err = store_committed(s, source, &seq, &d)) != 0)
		pause_or_die(err, &d);
	while (seq < n) {
		char domain[32], octets[32];
		struct store_evaluation row = row_of(seq + 1, domain, octets);

		err = store_add_evaluations(s, source, seq + 1, &row, 1, &d);
		if (err) {
			pause_or_die(err, &d);
			continue;
		}
		seq++;
		good = clock_mono_ms();
		usleep(300);
	}
	store_close(s);
	return 0;
}

/* --- run */

static int
sum_row(void *arg, const struct store_take_row *r)
{
	*(uint64_t *)arg += r->count;
	return 0;
}

/* 0, or what the take came to. */
static int
report_one(struct store *s, unsigned i, struct diag *d)
{
	char domain[32], id[64];
	static unsigned n;
	struct ledger_submission sub = {
	    .uri = STR("mailto:a@b.example"), .destination = STR("b.example")};
	struct ledger_report r = {.kind = LEDGER_DMARC, .body = STR("body")};
	struct store_take *t;
	int err;

	snprintf(domain, sizeof(domain), "d%u.example", i);
	err = store_take_begin(
	    s, LEDGER_DMARC, str_from_z(domain), 0, 99999, clock_now(), &t, d);
	if (err)
		return err == AVER_NOTFOUND ? 0 : err;
	snprintf(id, sizeof(id), "%d-%lld-%u", (int)getpid(),
	    (long long)clock_mono_us(), n++);
	r.id = str_from_z(id);
	r.policy_domain = str_from_z(domain);
	r.created = clock_now();
	err = store_take_each(t, sum_row, &r.messages, d);
	if (!err)
		err = store_take_report(t, &r, &sub, 1, d);
	if (err) {
		store_take_abort(t);
		return err;
	}
	return store_take_commit(t, d);
}

struct id {
	char p[LEDGER_ID_MAX];
	size_t n;
};

static int
take_id(void *arg, const struct ledger_submission *sub)
{
	struct id *id = arg;

	id->n = sub->report_id.n;
	memcpy(id->p, sub->report_id.p, id->n);
	return 1;
}

/* Sends one; *more: there was something. */
static int
send_one(struct store *s, bool *more, struct diag *d)
{
	struct id id = {.n = 0};
	struct str name;
	uint64_t fence;
	int64_t next;
	int err = store_each_due_submission(
	    s, LEDGER_DMARC, clock_now(), take_id, &id, d);

	if (err < 0)
		return err;
	name = (struct str){id.p, id.n};
	if (id.n == 0) {
		/* one that somebody who died has claimed still waits */
		err = store_next_due(s, &next, d);
		*more = err == 0;
		return err == AVER_NOTFOUND ? 0 : err;
	}
	*more = true;
	err = store_claim_submission(s, name, 1, clock_now(), LEASE, &fence, d);
	if (err)
		return err == AVER_NOTFOUND ? 0 : err;
	err = store_finish_submission(
	    s, name, 1, fence, LEDGER_SENT, 0, STR("250"), d);
	/* the lease is over, or an answer was lost */
	return err == AVER_NOTFOUND ? 0 : err;
}

static int
run(const char *spec, int64_t seconds)
{
	struct store *s = open_store(spec, STORE_WRITE);
	int64_t end = clock_mono_ms() + seconds * 1000;
	struct diag d = {.text = ""};
	bool more = true;

	while (seconds ? clock_mono_ms() < end : more) {
		int err = 0;

		more = false;
		for (unsigned i = 0; i < DOMAINS && !err; i++)
			err = report_one(s, i, &d);
		if (!err)
			err = send_one(s, &more, &d);
		if (err) {
			pause_or_die(err, &d);
			more = true;
		} else {
			good = clock_mono_ms();
		}
		usleep(2000);
	}
	store_close(s);
	return 0;
}

/* --- sum */

struct tally {
	uint64_t rows, messages, reports, sent;
};

static int
count_row(void *arg, const struct store_evaluation *r)
{
	((struct tally *)arg)->rows += r->count;
	return 0;
}

static int
count_report(void *arg, const struct ledger_report *r)
{
	struct tally *t = arg;

	t->messages += r->messages;
	t->reports++;
	return 0;
}

static int
sum(const char *spec)
{
	const struct ledger_filter sent = {
	    .has_state = true, .state = LEDGER_SENT};
	struct store *s = open_store(spec, STORE_READ);
	struct tally t = {0}, done = {0};
	struct diag d = {.text = ""};
	int err =
	    store_each_evaluation(s, STR_NONE, 0, INT64_MAX, count_row, &t, &d);

	if (!err)
		err = store_each_report(s, NULL, count_report, &t, &d);
	if (!err)
		err = store_each_report(s, &sent, count_report, &done, &d);
	store_close(s);
	if (err) {
		fprintf(stderr, "%s\n", d.text);
		return 1;
	}
	printf("rows %llu reported %llu reports %llu sent %llu\n",
	    (unsigned long long)t.rows, (unsigned long long)t.messages,
	    (unsigned long long)t.reports, (unsigned long long)done.reports);
	return 0;
}

static int
try(const char *spec)
{
	struct store_evaluation row = {
	    .policy_domain = STR("d0.example"), .octets = STR("o"), .count = 1};
	struct store *s = NULL;
	struct diag d = {.text = ""};
	int64_t start = clock_mono_ms();
	int err = store_open(spec, STORE_WRITE, &s, &d);

	/* as anything else in the program may leave it */
	ERR_raise(ERR_LIB_USER, 1);
	if (!err)
		err = store_add_evaluations(s, STR("try"), 0, &row, 1, &d);
	store_close(s);
	printf("%s: %s\n%lld\n", aver_err_name(err), err ? d.text : "",
	    (long long)(clock_mono_ms() - start));
	return 0;
}

int
main(int argc, char **argv)
{
	uint64_t n = 0, want = 0;
	char domain[32], octets[32];

	if (argc > 3 && !str_to_u64(str_from_z(argv[argc - 1]), 1u << 30, &n))
		return 2;
	if (argc == 3 && strcmp(argv[2], "sum") == 0)
		return sum(argv[1]);
	if (argc == 3 && strcmp(argv[2], "try") == 0)
		return try(argv[1]);
	if (argc == 5 && strcmp(argv[2], "add") == 0)
		return add(argv[1], str_from_z(argv[3]), n);
	if (argc == 4 && strcmp(argv[2], "run") == 0)
		return run(argv[1], (int64_t)n);
	if (argc != 4 || strcmp(argv[2], "want") != 0)
		return 2;
	for (uint64_t i = 1; i <= n; i++)
		want += row_of(i, domain, octets).count;
	printf("%llu\n", (unsigned long long)want);
	return 0;
}
