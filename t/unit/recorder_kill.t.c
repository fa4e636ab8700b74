/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A process that records in several threads is killed with SIGKILL again and
 * again, at random moments, with the store there or away. Clients behave as
 * they do: a message whose reply was not read is sent again, now or after
 * some later restart; one whose reply was read is not, whether or not the
 * recorder was told. In the end every message is counted exactly once.
 */
#include "lib/store/recorder.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/store.h"
#include "t/tap.h"
#include "t/unit/redis_server.h"
#include "t/unit/tmpdir.h"

#define KILLS 60
#define THREADS 6
#define IDS 200000u
#define SECONDS 20 /* then fewer kills have to do */
#define KILLS_LEAST 15

enum { NEVER_SENT, SENT, REPLIED };

/* What the clients know; survives the process under test. */
struct clients {
	atomic_uint next; /* id of the next new message */
	atomic_uint retry; /* index into retries */
	atomic_uint lost;
	atomic_uint repeated; /* in this run */
	atomic_uint slowest; /* recorder_add(), us */
	unsigned n_retries;
	unsigned retries[IDS];
	_Atomic unsigned char state[IDS];
};

struct job {
	struct clients *c;
	struct recorder *r;
	uint64_t random;
	bool last; /* only what is to be sent again, then stop */
};

static uint64_t
next_random(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 33;
}

static void
nap_us(uint64_t us)
{
	nanosleep(&(struct timespec){0, (long)(us * 1000)}, NULL);
}

static bool
take_id(struct job *j, unsigned *id)
{
	unsigned i = atomic_fetch_add(&j->c->retry, 1);

	if (i < j->c->n_retries) {
		*id = j->c->retries[i];
		return true;
	}
	if (j->last)
		return false;
	*id = atomic_fetch_add(&j->c->next, 1);
	return *id < IDS;
}

static int
add_timed(struct job *j, const char *domain, const char *octets,
    const uint8_t fp[RECORDER_FINGERPRINT], struct recorder_ticket *t)
{
	int64_t start = clock_mono_us();
	int err = recorder_add(j->r, clock_now(), str_from_z(domain),
	    str_from_z(octets), false, fp, t);
	unsigned took = (unsigned)(clock_mono_us() - start);
	unsigned most = atomic_load(&j->c->slowest);

	while (took > most &&
	       !atomic_compare_exchange_weak(&j->c->slowest, &most, took))
		;
	return err;
}

static void
send_one(struct job *j, unsigned id)
{
	uint8_t fp[RECORDER_FINGERPRINT] = {0};
	struct recorder_ticket t;
	struct recorder_stats s;
	char octets[32], domain[32];

	memcpy(fp, &id, sizeof(id));
	snprintf(octets, sizeof(octets), "%u", id);
	snprintf(domain, sizeof(domain), "d%u.example", id % 50);
	atomic_store(&j->c->state[id], SENT);
	while (add_timed(j, domain, octets, fp, &t) != 0) {
		atomic_fetch_add(&j->c->lost, 1);
		nap_us(500);
	}
	/* the reply travels */
	if (next_random(&j->random) % 4 == 0)
		nap_us(next_random(&j->random) % 300);
	recorder_stats(j->r, &s);
	atomic_store(&j->c->repeated, (unsigned)s.repeated);
	atomic_store(&j->c->state[id], REPLIED);
	if (next_random(&j->random) % 4 == 0)
		nap_us(next_random(&j->random) % 300);
	recorder_confirm(j->r, &t);
	nap_us(next_random(&j->random) % 200);
}

static void *
client(void *arg)
{
	struct job *j = arg;
	unsigned id;

	while (take_id(j, &id))
		send_one(j, id);
	return NULL;
}

static int
run(const char *dir, const char *spec, struct clients *c, uint64_t seed,
    bool last)
{
	struct recorder_config conf = {.store = spec,
	    .directory = dir,
	    .ring_size = 256 << 10,
	    .batch_ms = 3,
	    .spool_max = 64 << 20,
	    .close_ms = 60000};
	struct recorder *r = NULL;
	pthread_t threads[THREADS];
	struct job jobs[THREADS];
	struct diag d;

	log_set_level(LOG_LVL_ERROR);
	if (recorder_open(&conf, &r, &d) != 0) {
		fprintf(stderr, "%s\n", d.text);
		return 1;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){c, r, seed * THREADS + i, last};
		if (pthread_create(&threads[i], NULL, client, &jobs[i]))
			return 1;
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	recorder_close(r);
	return 0;
}

/* Who sends again in the next run: most of those without a reply. */
static void
plan_retries(struct clients *c, uint64_t *random, bool all)
{
	unsigned top = atomic_load(&c->next);

	c->n_retries = 0;
	atomic_store(&c->retry, 0);
	for (unsigned i = 0; i < top && i < IDS; i++)
		if (atomic_load(&c->state[i]) == SENT &&
		    (all || next_random(random) % 3 != 0))
			c->retries[c->n_retries++] = i;
}

struct check {
	struct clients *c;
	unsigned char *count;
	unsigned unknown;
};

static int
check_row(void *arg, const struct store_evaluation *row)
{
	struct check *k = arg;
	uint64_t id;

	if (!str_to_u64(row->octets, IDS - 1, &id))
		k->unknown++;
	else if (k->count[id] < 200)
		k->count[id] = (unsigned char)(k->count[id] + row->count);
	return 0;
}

static void
check(const char *spec, struct clients *c)
{
	struct check k = {c, calloc(1, IDS), 0};
	unsigned top = atomic_load(&c->next), missing = 0, twice = 0;
	struct store *s = NULL;

	if (top > IDS)
		top = IDS;
	is_int(store_open(spec, STORE_READ, &s, NULL), 0, "the store");
	store_each_evaluation(s, STR_NONE, 0, INT64_MAX, check_row, &k, NULL);
	store_close(s);
	for (unsigned i = 0; i < top; i++) {
		/* an id that was drawn and not sent before the kill */
		if (atomic_load(&c->state[i]) == NEVER_SENT) {
			k.unknown += k.count[i];
			continue;
		}
		missing += k.count[i] == 0;
		twice += k.count[i] > 1;
	}
	printf("# %u messages, %u times no room\n", top, atomic_load(&c->lost));
	is_int(missing, 0, "no message is missing");
	is_int(twice, 0, "none is counted twice");
	is_int(k.unknown, 0, "nothing else is there");
	free(k.count);
}

/* --- where it is, and how it goes away */

struct place {
	const char *dir;
	struct tmppath spec, db, away;
	struct redis_server server;
	bool stopped, dead;
};

static void
send_away(struct place *p, uint64_t random)
{
	if (!p->server.pid) {
		rename(p->db.z, p->away.z);
	} else if (random % 2) {
		/* it takes connections and says nothing */
		kill(p->server.pid, SIGSTOP);
		p->stopped = true;
	} else {
		redis_server_stop(&p->server);
		p->dead = true;
	}
}

static void
bring_back(struct place *p)
{
	if (p->stopped)
		kill(p->server.pid, SIGCONT);
	else if (p->dead)
		p->server = redis_server_start(p->dir);
	else if (!p->server.pid)
		rename(p->away.z, p->db.z);
	p->stopped = p->dead = false;
}

/* Until the process has taken a message (before: the next one), or ended. */
static void
await_begin(struct clients *c, unsigned before, pid_t pid)
{
	siginfo_t end = {0};

	while (
	    atomic_load(&c->next) == before && atomic_load(&c->retry) == 0 &&
	    waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    end.si_pid == 0)
		nap_us(200);
}

static void
kill_again_and_again(struct place *p)
{
	uint64_t random = (uint64_t)clock_mono_us();
	int64_t end = clock_mono_ms() + SECONDS * 1000;
	unsigned kills = 0, early = 0, repeated = 0;
	struct clients *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (c == MAP_FAILED)
		exit(99);
	printf("# seed %llu\n", (unsigned long long)random);
	while (
	    kills < KILLS_LEAST || (kills < KILLS && clock_mono_ms() < end)) {
		unsigned before = atomic_load(&c->next);

		plan_retries(c, &random, false);
		if (kills % 3 == 1)
			send_away(p, next_random(&random));
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(run(p->dir, p->spec.z, c, random, false));
		/* one kill in four may come before it has begun */
		if (kills % 4)
			await_begin(c, before, pid);
		nap_us(next_random(&random) % 60000);
		/* while it runs: gone, or back */
		if (kills % 3 == 1 && next_random(&random) % 2)
			bring_back(p);
		else if (kills % 3 == 2 && next_random(&random) % 2)
			send_away(p, next_random(&random));
		nap_us(next_random(&random) % 60000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		early += !WIFSIGNALED(status);
		bring_back(p);
		repeated += atomic_exchange(&c->repeated, 0);
		kills++;
	}
	is_int(early, 0, "no process ended before it was killed");
	printf("# %u kills\n", kills);
	plan_retries(c, &random, true);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(run(p->dir, p->spec.z, c, random, true));
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the last run");
	repeated += atomic_load(&c->repeated);
	ok(repeated > 0, "%u were sent again and known", repeated);
	check(p->spec.z, c);
	/* t/unit/recorder.t shows that none waits for the store */
	printf("# the longest that a message waited for the recorder: %u us\n",
	    atomic_load(&c->slowest));
	munmap(c, sizeof(*c));
}

static void
on_sqlite_file(void)
{
	struct tmpdir dir = tmpdir_new();
	struct place p = {.dir = dir.path,
	    .db = tmp_in(dir.path, "db"),
	    .away = tmp_in(dir.path, "away")};

	printf("# SQLite\n");
	mkdir(p.db.z, 0755);
	snprintf(
	    p.spec.z, sizeof(p.spec.z), "sqlite:%.400s/db/store", dir.path);
	kill_again_and_again(&p);
	tmpdir_remove(dir.path);
}

static void
on_redis_server(void)
{
	struct tmpdir dir = tmpdir_new();
	struct place p = {.dir = dir.path};

	p.server = redis_server_start(dir.path);
	if (p.server.pid) {
		printf("# Redis\n");
		snprintf(p.spec.z, sizeof(p.spec.z),
		    "unix:%.400s?command_timeout=100", p.server.path);
		kill_again_and_again(&p);
		redis_server_stop(&p.server);
	} else {
		ok(true, "# SKIP redis-server is missing");
	}
	tmpdir_remove(dir.path);
}

int
main(void)
{
	on_sqlite_file();
	on_redis_server();
	return tap_done();
}
