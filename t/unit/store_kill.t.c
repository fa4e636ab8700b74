/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Processes that record, report and send on one store are killed with SIGKILL
 * at random moments. In the end every message that was recorded is in exactly
 * one report or still waits for one, each report was sent, and no submission
 * was ever in two hands at once.
 */
#include "lib/store/take.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/clock.h"
#include "t/unit/store_backend.h"

#define KILLS 150
#define SECONDS 15 /* then fewer kills have to do */
#define KILLS_LEAST 30
#define DOMAINS 6
#define LEASE 60 /* milliseconds here: the store takes any clock */
#define REPORTS_MAX 100000

struct shared {
	atomic_uint next_report;
	/* when the claim of that report's submission ends; 0: nobody has it */
	_Atomic int64_t held[REPORTS_MAX];
	atomic_uint overlaps, sent, stale, errors;
};

struct job {
	const char *spec;
	struct shared *sh;
	unsigned seed;
	bool last; /* until nothing is left to be done */
};

/* --- record */

/* The batch number seq of a source: what and how much follows from seq. */
static struct store_evaluation
row_of(uint64_t seq, char domain[32], char octets[32])
{
	snprintf(domain, 32, "d%u.example", (unsigned)(seq % DOMAINS));
	snprintf(octets, 32, "o%u", (unsigned)(seq % 17));
	return (struct store_evaluation){.hour = 3600 * (int64_t)(seq % 5),
	    .policy_domain = str_from_z(domain),
	    .octets = str_from_z(octets),
	    .count = 1 + seq % 3,
	    .optional = seq % 7 == 0};
}

static void
record(struct store *s, struct job *j)
{
	char domain[32], octets[32];
	uint64_t seq = 0;

	while (store_committed(s, STR("ring"), &seq, NULL))
		usleep(100);
	while (!j->last) {
		struct store_evaluation row = row_of(seq + 1, domain, octets);
		int err = store_add_evaluations(
		    s, STR("ring"), seq + 1, &row, 1, NULL);

		if (err == 0)
			seq++;
		else if (err != AVER_TEMP)
			atomic_fetch_add(&j->sh->errors, 1);
		usleep((useconds_t)rand_r(&j->seed) % 400);
	}
}

/* --- report */

static int
sum_row(void *arg, const struct store_take_row *r)
{
	*(uint64_t *)arg += r->count;
	return 0;
}

/* True when there was something. */
static bool
report_one(struct store *s, struct job *j, unsigned i)
{
	char domain[32], id[32];
	struct store_take *t;
	struct ledger_submission sub = {
	    .uri = STR("mailto:a@b.example"), .destination = STR("b.example")};
	struct ledger_report r = {.kind = LEDGER_DMARC, .body = STR("body")};
	unsigned number;
	int err;

	snprintf(domain, sizeof(domain), "d%u.example", i);
	err = store_take_begin(s, LEDGER_DMARC, str_from_z(domain), 0, 99999,
	    clock_now(), &t, NULL);
	if (err)
		return err != AVER_NOTFOUND;
	number = atomic_fetch_add(&j->sh->next_report, 1);
	if (number >= REPORTS_MAX || rand_r(&j->seed) % 8 == 0) {
		store_take_abort(t);
		return true;
	}
	snprintf(id, sizeof(id), "%u", number);
	r.id = str_from_z(id);
	r.policy_domain = str_from_z(domain);
	err = store_take_each(t, sum_row, &r.messages, NULL);
	if (!err)
		err = store_take_report(t, &r, &sub, 1, NULL);
	if (err) {
		atomic_fetch_add(&j->sh->errors, err != AVER_TEMP);
		store_take_abort(t);
	} else {
		store_take_commit(t, NULL);
	}
	return true;
}

/* --- send */

struct next {
	char id[32];
	size_t n;
	unsigned skip;
};

static int
take_id(void *arg, const struct ledger_submission *sub)
{
	struct next *x = arg;

	x->n = sub->report_id.n < sizeof(x->id) ? sub->report_id.n : 0;
	memcpy(x->id, sub->report_id.p, x->n);
	return x->skip-- ? 0 : 1;
}

static void
hold(struct job *j, uint64_t report, int64_t now)
{
	int64_t was = atomic_exchange(&j->sh->held[report], now + LEASE);

	/*
	 * The times of both claims intersect. Who was kept from coming here
	 * until his own had ended is not one of two.
	 */
	if (was > now && was - LEASE < now + LEASE)
		atomic_fetch_add(&j->sh->overlaps, 1);
}

static bool
send_one(struct store *s, struct job *j)
{
	struct next x = {.skip = (unsigned)rand_r(&j->seed) % 4};
	int64_t now = clock_mono_ms();
	uint64_t fence, report;
	struct str id;
	int err;

	store_each_due_submission(s, LEDGER_DMARC, now, take_id, &x, NULL);
	/* or one that somebody else may have in hand, without a look */
	if (!j->last && rand_r(&j->seed) % 2)
		x.n = (size_t)snprintf(x.id, sizeof(x.id), "%d",
		    (int)atomic_load(&j->sh->next_report) - 1 -
			rand_r(&j->seed) % 8);
	id = (struct str){x.id, x.n};
	if (x.n == 0 || !str_to_u64(id, REPORTS_MAX - 1, &report))
		return false;
	now = clock_mono_ms();
	if (store_claim_submission(s, id, 1, now, LEASE, &fence, NULL))
		return true;
	hold(j, report, now);
	usleep((useconds_t)rand_r(&j->seed) % 500);
	/* some dawdle, and come too late or just in time */
	if (rand_r(&j->seed) % 50 == 0)
		usleep(LEASE * 1200);
	atomic_store(&j->sh->held[report], 0);
	do {
		err = store_finish_submission(s, id, 1, fence,
		    rand_r(&j->seed) % 4 ? LEDGER_SENT : LEDGER_PENDING,
		    clock_mono_ms() + 5, STR("said"), NULL);
	} while (err == AVER_TEMP);
	if (err == AVER_NOTFOUND)
		atomic_fetch_add(&j->sh->stale, 1);
	else if (err)
		atomic_fetch_add(&j->sh->errors, 1);
	return true;
}

static void
run(struct store *s, struct job *j)
{
	bool more = true;

	while (!j->last || more) {
		int64_t next;

		more = false;
		for (unsigned i = 0; i < DOMAINS; i++)
			more |= report_one(s, j, i);
		for (unsigned i = 0; i < 10; i++)
			more |= send_one(s, j);
		more |= store_next_due(s, &next, NULL) != AVER_NOTFOUND;
		usleep(300);
	}
}

static pid_t
start(void (*work)(struct store *s, struct job *j), struct job *j)
{
	pid_t pid;

	j->seed = (unsigned)rand_r(&j->seed) + 1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct store *s = NULL;

		while (store_open(j->spec, STORE_WRITE, &s, NULL))
			usleep(1000);
		work(s, j);
		store_close(s);
		_exit(0);
	}
	return pid;
}

/* --- the end */

struct tally {
	uint64_t rows, messages, reports;
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

static void
check(struct job *j)
{
	const struct ledger_filter sent = {
	    .has_state = true, .state = LEDGER_SENT};
	struct store *s = store_now(j->spec, STORE_READ);
	struct tally t = {0}, done = {0};
	uint64_t seq = 0, want = 0;
	char domain[32], octets[32];
	int64_t next;

	store_committed(s, STR("ring"), &seq, NULL);
	for (uint64_t i = 1; i <= seq; i++)
		want += row_of(i, domain, octets).count;
	store_each_evaluation(s, STR_NONE, 0, INT64_MAX, count_row, &t, NULL);
	store_each_report(s, NULL, count_report, &t, NULL);
	store_each_report(s, &sent, count_report, &done, NULL);
	printf("# %llu messages, %llu reports, %u stale\n",
	    (unsigned long long)want, (unsigned long long)t.reports,
	    atomic_load(&j->sh->stale));
	ok(t.reports > 0 && want > 0, "something was done");
	is_int(t.messages + t.rows, want, "nothing lost, nothing doubled");
	is_int(t.rows, 0, "all is reported");
	is_int(done.reports, t.reports, "and sent");
	is_int(store_next_due(s, &next, NULL), AVER_NOTFOUND, "nothing waits");
	is_int(atomic_load(&j->sh->overlaps), 0, "no two hands on one");
	is_int(atomic_load(&j->sh->errors), 0, "and no error");
	store_close(s);
}

static void
contract_kills(const char *spec)
{
	struct job j = {.spec = spec, .seed = (unsigned)clock_mono_us()};
	int64_t end = clock_mono_ms() + SECONDS * 1000;
	void (*const works[])(struct store *, struct job *) = {
	    record, run, run};
	pid_t pids[3];
	int kills, status = -1;

	printf("# seed %u\n", j.seed);
	j.sh = mmap(NULL, sizeof(*j.sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (j.sh == MAP_FAILED)
		exit(99);
	store_close(store_now(spec, STORE_WRITE));
	for (unsigned i = 0; i < 3; i++)
		pids[i] = start(works[i], &j);
	for (kills = 0;
	     kills < KILLS_LEAST || (kills < KILLS && clock_mono_ms() < end);
	     kills++) {
		unsigned i = (unsigned)rand_r(&j.seed) % 3;

		usleep((useconds_t)rand_r(&j.seed) % 80000);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
		pids[i] = start(works[i], &j);
	}
	for (unsigned i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	printf("# %d kills\n", kills);
	j.last = true;
	waitpid(start(run, &j), &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the last run ends");
	check(&j);
	munmap(j.sh, sizeof(*j.sh));
}

int
main(void)
{
	on_each_backend("kills", contract_kills);
	return tap_done();
}
