/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Two processes under one name. A killed one whose batch is still on its way to
 * Redis: between the recorder and the server is somebody who holds batches back
 * and lets them go in the order that is wanted. And two at the same time, of
 * which one has a copy of the other's files. Each record is counted once.
 */
#include "lib/store/recorder.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/store/ring.h"
#include "lib/store/writer.h"
#include "t/unit/store_backend.h"

#define HELD "held.example"
#define WAYS 16
#define MANY 20000 /* records: several blocks of the spool */
#define RING ((size_t)8 << 20) /* they fit */
#define EVER ((int64_t)1 << 40)

/* What the processes tell each other. */
struct shared {
	atomic_uint hold; /* batches that are to be held back */
	atomic_uint held; /* so many are */
	atomic_uint let_go; /* a bit for each */
	atomic_uint answered; /* the server's reply has come */
	atomic_uint step; /* of the process that records */
};

static struct shared *sh;

static void
nap(void)
{
	nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* Until at least so much is there; gives up after a minute. */
static void
await(const char *what, atomic_uint *v, unsigned want)
{
	int64_t until = clock_mono_ms() + 60000;

	while (atomic_load(v) < want) {
		if (clock_mono_ms() > until) {
			printf("Bail out! waited in vain for %s\n", what);
			exit(99);
		}
		nap();
	}
}

static void
await_bit(const char *what, atomic_uint *v, unsigned bit)
{
	int64_t until = clock_mono_ms() + 60000;

	while (!(atomic_load(v) & 1u << bit)) {
		if (clock_mono_ms() > until) {
			printf("Bail out! waited in vain for %s\n", what);
			exit(99);
		}
		nap();
	}
}

/* --- between */

struct way {
	int client, server; /* -1: closed */
	int number; /* of what is or was held back; -1: nothing */
	bool gone; /* let go */
	char *octets;
	size_t n;
};

static bool
put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static void
keep(struct way *w, const char *p, size_t n)
{
	w->octets = realloc(w->octets, w->n + n);
	if (!w->octets)
		_exit(99);
	memcpy(w->octets + w->n, p, n);
	w->n += n;
}

static void
shut(struct way *w)
{
	if (w->client >= 0)
		close(w->client);
	if (w->server >= 0)
		close(w->server);
	free(w->octets);
	*w = (struct way){.client = -1, .server = -1, .number = -1};
}

static bool
is_held(const char *p, size_t n)
{
	for (size_t i = 0; i + strlen(HELD) <= n; i++)
		if (memcmp(p + i, HELD, strlen(HELD)) == 0)
			return true;
	return false;
}

static void
from_client(struct way *w)
{
	char p[1 << 17];
	ssize_t n = read(w->client, p, sizeof(p));
	bool holds = w->number >= 0 && !w->gone;

	if (n <= 0 && holds) {
		/* the kernel has it still */
		close(w->client);
		w->client = -1;
	} else if (n <= 0) {
		shut(w);
	} else if (holds) {
		keep(w, p, (size_t)n);
	} else if (atomic_load(&sh->hold) > 0 && is_held(p, (size_t)n)) {
		keep(w, p, (size_t)n);
		w->gone = false;
		w->number = (int)atomic_load(&sh->held);
		atomic_fetch_sub(&sh->hold, 1);
		atomic_fetch_add(&sh->held, 1);
	} else if (!put(w->server, p, (size_t)n)) {
		shut(w);
	}
}

static void
from_server(struct way *w)
{
	char p[1 << 16];
	ssize_t n = read(w->server, p, sizeof(p));

	if (n > 0 && w->gone)
		atomic_fetch_or(&sh->answered, 1u << w->number);
	if (n <= 0 || w->client < 0 || !put(w->client, p, (size_t)n))
		shut(w);
}

static void
let_go(struct way *w)
{
	if (w->number < 0 || w->gone ||
	    !(atomic_load(&sh->let_go) & 1u << w->number))
		return;
	w->gone = true;
	if (!put(w->server, w->octets, w->n))
		_exit(99);
	w->n = 0;
}

static void
serve(int listener, const char *server)
{
	struct way ways[WAYS];

	for (int i = 0; i < WAYS; i++)
		ways[i] =
		    (struct way){.client = -1, .server = -1, .number = -1};
	for (;;) {
		struct pollfd p[2 * WAYS + 1];

		p[2 * WAYS] = (struct pollfd){listener, POLLIN, 0};
		for (int i = 0; i < WAYS; i++) {
			let_go(&ways[i]);
			p[2 * i] = (struct pollfd){ways[i].client, POLLIN, 0};
			p[2 * i + 1] =
			    (struct pollfd){ways[i].server, POLLIN, 0};
		}
		poll(p, 2 * WAYS + 1, 2);
		for (int i = 0; i < WAYS; i++) {
			if (p[2 * i].revents && ways[i].client >= 0)
				from_client(&ways[i]);
			if (p[2 * i + 1].revents && ways[i].server >= 0)
				from_server(&ways[i]);
		}
		for (int i = 0; p[2 * WAYS].revents && i < WAYS; i++) {
			if (ways[i].server >= 0)
				continue;
			ways[i].client = accept(listener, NULL, NULL);
			ways[i].server = unix_socket(server, false);
			break;
		}
	}
}

/* --- processes that record */

static struct recorder *
open_at(const char *dir, const char *spec)
{
	struct recorder_config c = {.store = spec,
	    .directory = dir,
	    .ring_size = RING,
	    .batch_ms = 5,
	    .spool_max = 64 << 20,
	    .close_ms = 20000};
	struct recorder *r = NULL;
	struct diag d = {.text = ""};

	if (recorder_open(&c, &r, &d)) {
		printf("Bail out! %s\n", d.text);
		_exit(99);
	}
	return r;
}

static void
add(struct recorder *r, const char *domain, unsigned n)
{
	static unsigned id;
	struct recorder_ticket t;

	for (unsigned i = 0; i < n; i++) {
		uint8_t fp[RECORDER_FINGERPRINT] = {0};
		char octets[32];

		id++;
		memcpy(fp, &id, sizeof(id));
		snprintf(octets, sizeof(octets), "%ld %u", (long)getpid(), id);
		while (recorder_add(r, clock_now(), str_from_z(domain),
		    str_from_z(octets), false, fp, &t))
			nap();
		recorder_confirm(r, &t);
	}
}

static void
await_committed(struct recorder *r, uint64_t want)
{
	struct recorder_stats st;

	do {
		nap();
		recorder_stats(r, &st);
	} while (st.committed < want);
}

static int
add_up(void *arg, const struct store_evaluation *row)
{
	*(uint64_t *)arg += row->count;
	return 0;
}

static void
is_sum(const char *spec, const char *domain, unsigned want, const char *name)
{
	struct store *s = store_now(spec, STORE_READ);
	uint64_t sum = 0;

	is_int(store_each_evaluation(
		   s, str_from_z(domain), 0, EVER, add_up, &sum, NULL),
	    0, "a walk");
	is_int((int64_t)sum, want, name);
	store_close(s);
}

/* --- a batch that arrives late */

/* Two records are on their way, two more wait, when it is killed. */
static void
first_process(const char *dir, const char *spec)
{
	struct recorder *r = open_at(dir, spec);

	add(r, "first.example", 3);
	await_committed(r, 3);
	atomic_store(&sh->hold, 1);
	add(r, HELD, 2);
	await("the first batch", &sh->held, 1);
	add(r, HELD, 2);
	atomic_store(&sh->step, 1);
	pause();
}

static void
second_process(const char *dir, const char *spec)
{
	struct recorder *r = open_at(dir, spec);

	add(r, HELD, 1);
	recorder_close(r);
	_exit(0);
}

static pid_t
start(void (*run)(const char *dir, const char *spec), const char *dir,
    const char *spec)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(dir, spec);
		_exit(0);
	}
	return pid;
}

static void
end(pid_t pid, bool by_kill, const char *name)
{
	int status = 0;

	if (by_kill)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!by_kill)
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", name);
}

static void
arrives(unsigned number)
{
	atomic_fetch_or(&sh->let_go, 1u << number);
	await_bit("an answer", &sh->answered, number);
}

enum order { LATE_FIRST, LATE_LAST, BEFORE, ORDERS };

static const char *const order_names[ORDERS] = {
    [LATE_FIRST] = "after the number was read, before the successor's batch",
    [LATE_LAST] = "after the successor's batch",
    [BEFORE] = "before the number was read",
};

static void
late(const char *server, const char *between, enum order order)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath spec, direct;
	pid_t pid;

	printf("# a batch arrives %s\n", order_names[order]);
	atomic_store(&sh->hold, 0);
	atomic_store(&sh->held, 0);
	atomic_store(&sh->let_go, 0);
	atomic_store(&sh->answered, 0);
	atomic_store(&sh->step, 0);
	snprintf(spec.z, sizeof(spec.z),
	    "unix:%.600s?prefix=late%d&timeout=5000&command_timeout=60000",
	    between, (int)order);
	snprintf(direct.z, sizeof(direct.z), "unix:%s?prefix=late%d", server,
	    (int)order);
	pid = start(first_process, dir.path, spec.z);
	await("the first process", &sh->step, 1);
	end(pid, true, NULL);
	if (order == BEFORE)
		arrives(0);
	else
		atomic_store(&sh->hold, 1);
	pid = start(second_process, dir.path, spec.z);
	if (order != BEFORE) {
		await("the successor's batch", &sh->held, 2);
		arrives(order == LATE_FIRST ? 0 : 1);
		arrives(order == LATE_FIRST ? 1 : 0);
	}
	end(pid, false, "the successor ends");
	is_sum(direct.z, "first.example", 3, "counted before the kill");
	is_sum(direct.z, HELD, 5, "each is counted once");
	tmpdir_remove(dir.path);
}

static void
late_batches(void)
{
	struct tmpdir dir = tmpdir_new();
	struct redis_server server = redis_server_start(dir.path);
	struct tmppath between = tmp_in(dir.path, "between");
	int listener;
	pid_t pid;

	if (!server.pid) {
		ok(true, "late batches # SKIP redis-server is missing");
		tmpdir_remove(dir.path);
		return;
	}
	listener = unix_socket(between.z, true);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener, server.path);
	}
	for (int i = 0; i < ORDERS; i++)
		late(server.path, between.z, (enum order)i);
	end(pid, true, NULL);
	close(listener);
	redis_server_stop(&server);
	tmpdir_remove(dir.path);
}

/* --- a copy of the files */

static void
copy_file(const char *from, const char *to, const char *name)
{
	struct tmppath x = tmp_in(from, name), y = tmp_in(to, name);
	size_t n = 0;
	char *p = tmp_read(x.z, &n);

	tmp_write(y.z, p, n);
	free(p);
}

static struct tmpdir
copy_of(const char *dir)
{
	struct tmpdir to = tmpdir_new();

	copy_file(dir, to.path, "evaluations.ring");
	copy_file(dir, to.path, "evaluations.spool");
	return to;
}

static struct ring_naming
naming_in(const char *dir)
{
	struct tmppath path = tmp_in(dir, "evaluations.ring");
	struct ring_naming out;
	size_t n = 0;
	char *p = tmp_read(path.z, &n);

	ring_naming_of(p, p ? n : 0, &out);
	free(p);
	return out;
}

static void
await_name(const char *dir)
{
	int64_t until = clock_mono_ms() + 60000;

	while (naming_in(dir).name == 0) {
		if (clock_mono_ms() > until) {
			printf("Bail out! no other name\n");
			exit(99);
		}
		nap();
	}
}

/* Both run; who was there first takes another name. */
static void
two_at_once(const char *spec)
{
	struct tmpdir dir = tmpdir_new(), other;
	struct recorder *a = open_at(dir.path, spec), *b;

	add(a, "a.example", 3);
	await_committed(a, 3);
	other = copy_of(dir.path);
	b = open_at(other.path, spec);
	add(b, "b.example", 4);
	await_committed(b, 4);
	/* its numbers are those that the other one has used */
	add(a, "a.example", 2);
	await_committed(a, 5);
	add(b, "b.example", 2);
	await_committed(b, 6);
	add(a, "a.example", 1);
	recorder_close(a);
	recorder_close(b);
	ok(naming_in(dir.path).name != 0, "the first one has another name");
	ok(naming_in(other.path).name == 0, "the second one has that of old");
	a = open_at(dir.path, spec);
	b = open_at(other.path, spec);
	add(a, "a.example", 1);
	add(b, "b.example", 1);
	recorder_close(a);
	recorder_close(b);
	is_sum(spec, "a.example", 7, "the first one's are counted once");
	is_sum(spec, "b.example", 7, "the second one's are counted once");
	tmpdir_remove(dir.path);
	tmpdir_remove(other.path);
}

/* --- the same with a spool, and kills */

/* The store goes away; many records come; it may be killed any time. */
static void
spooling_process(const char *dir, const char *spec)
{
	struct recorder *r = open_at(dir, spec);
	struct recorder_stats st;

	add(r, "a.example", 3);
	await_committed(r, 3);
	atomic_store(&sh->step, 1);
	await("the store to be away", &sh->step, 2);
	add(r, "a.example", MANY);
	do {
		nap();
		recorder_stats(r, &st);
	} while (st.queued > 0 || st.spooled == 0);
	atomic_store(&sh->step, 3);
	pause();
}

static void
draining_process(const char *dir, const char *spec)
{
	struct recorder *r = open_at(dir, spec);
	struct recorder_stats st;

	do {
		nap();
		recorder_stats(r, &st);
	} while (st.queued > 0 || st.spooled > 0);
	recorder_close(r);
	_exit(0);
}

/* Kills it after so many milliseconds; true when it had ended by itself. */
static bool
kill_after(pid_t pid, unsigned ms)
{
	int status = 0;

	nanosleep(&(struct timespec){0, (long)ms * 1000000}, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
with_spool(void)
{
	struct tmpdir dir = tmpdir_new(), place = tmpdir_new(), other;
	struct tmppath db = tmp_in(place.path, "db");
	struct tmppath away = tmp_in(place.path, "away");
	struct store_spec spec, elsewhere;
	struct recorder *b;
	unsigned kills = 0;
	pid_t pid;

	mkdir(db.z, 0755);
	snprintf(spec.z, sizeof(spec.z), "sqlite:%s/db/store", place.path);
	snprintf(elsewhere.z, sizeof(elsewhere.z), "sqlite:%s/away/store",
	    place.path);
	atomic_store(&sh->step, 0);
	pid = start(spooling_process, dir.path, spec.z);
	await("three records", &sh->step, 1);
	other = copy_of(dir.path);
	rename(db.z, away.z);
	atomic_store(&sh->step, 2);
	await("a spool", &sh->step, 3);
	b = open_at(other.path, elsewhere.z);
	add(b, "b.example", 40);
	recorder_close(b);
	rename(away.z, db.z);
	await_name(dir.path);
	if (!kill_after(pid, 3))
		kills++;
	for (unsigned i = 0;; i++) {
		pid = start(draining_process, dir.path, spec.z);
		if (kill_after(pid, 20 + 10 * i))
			break;
		kills++;
	}
	ok(kills > 1, "it was killed %u times", kills);
	is_sum(spec.z, "a.example", MANY + 3,
	    "the first one's are counted "
	    "once");
	is_sum(spec.z, "b.example", 40, "the second one's are counted once");
	tmpdir_remove(dir.path);
	tmpdir_remove(place.path);
	tmpdir_remove(other.path);
}

/* --- the ring keeps a name */

static int
no_entry(void *arg, const struct ring_entry *e)
{
	(void)arg;
	(void)e;
	return 0;
}

static void
names(void)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath path = tmp_in(dir.path, "x.ring");
	struct ring_salvaged old;
	struct ring *r = NULL;
	uint64_t source, done = 1;

	ok(ring_open(path.z, RING_SIZE_MIN, &r, NULL) == 0, "a ring");
	source = r->source;
	ok(ring_name(r, source, &done) == source && done == 0,
	    "is known by its source");
	ring_rename(r, 77, 4096);
	ring_close(r);
	ok(ring_open(path.z, RING_SIZE_MIN, &r, NULL) == 0, "opened again");
	ok(ring_name(r, source, &done) == 77 && done == 4096,
	    "it has another name from a number on");
	ok(ring_name(r, source + 1, &done) == source + 1 && done == 0,
	    "others have not");
	ring_close(r);
	ok(ring_open(path.z, 2 * RING_SIZE_MIN, &r, NULL) == 0 &&
		r->state == RING_RESIZED &&
		ring_salvage(r, no_entry, NULL, &old, NULL) == 0 &&
		ring_renew(r, &old, NULL) == 0,
	    "with another size");
	ok(r->source != source && ring_name(r, source, &done) == 77 &&
		done == 4096,
	    "what may be in the spool keeps its name");
	ok(ring_name(r, r->source, &done) == r->source && done == 0,
	    "what comes is known by its own");
	ring_rename(r, 78, 0);
	ok(ring_name(r, r->source, &done) == 78, "until it is renamed");
	ring_close(r);
	tmpdir_remove(dir.path);
}

int
main(void)
{
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		return 99;
	late_batches();
	on_each_backend("copies", two_at_once);
	with_spool();
	names();
	return tap_done();
}
