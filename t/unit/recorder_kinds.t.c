/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Records of other kinds than evaluations on their way through ring, spool and
 * writer: each is in the store once, also when the process is killed.
 */
#include "lib/store/recorder.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/failure.h"
#include "lib/store/record.h"
#include "lib/store/store.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define DAY 86400
#define RING_SIZE ((size_t)256 << 10)

static char big[70000];

/* --- the octets */

static void
octets(void)
{
	const struct store_tls_result r = {.recipient_domain = STR("r.example"),
	    .policy = STR("pol\0icy"),
	    .detail = STR("detail"),
	    .success = 3,
	    .failure = 4,
	    .wanted = true};
	const struct store_sighting x = {.mx = STR("mx.example"),
	    .starttls = STORE_OFFERED,
	    .requiretls = STORE_NOT_OFFERED};
	const struct store_bad_datagram bad = {
	    .why = STR("no JSON"), .octets = STR("x\0y")};
	struct store_tls_result r2;
	struct store_sighting x2;
	struct store_bad_datagram bad2;
	unsigned accepted = 0;
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	record_put_tls_result(&b, &r);
	ok(record_get_tls_result(buf_str(&b), &r2) &&
		str_eq(r2.recipient_domain, r.recipient_domain) &&
		str_eq(r2.policy, r.policy) && str_eq(r2.detail, r.detail) &&
		r2.success == 3 && r2.failure == 4 && r2.wanted,
	    "a TLS result");
	for (size_t i = 0; i < b.n - r.detail.n; i++)
		accepted += record_get_tls_result((struct str){b.p, i}, &r2);
	is_int(accepted, 0, "cut short anywhere it is none");
	buf_clear(&b);
	record_put_sighting(&b, &x);
	ok(record_get_sighting(buf_str(&b), &x2) && str_eq(x2.mx, x.mx) &&
		x2.starttls == x.starttls && x2.requiretls == x.requiretls,
	    "a sighting");
	for (size_t i = 0; i < 3; i++)
		accepted += record_get_sighting((struct str){b.p, i}, &x2);
	b.p[0] = 3;
	accepted += record_get_sighting(buf_str(&b), &x2);
	is_int(accepted, 0, "cut short or changed it is none");
	buf_clear(&b);
	record_put_bad_datagram(&b, &bad);
	ok(record_get_bad_datagram(buf_str(&b), &bad2) &&
		str_eq(bad2.why, bad.why) && str_eq(bad2.octets, bad.octets),
	    "a bad datagram");
	for (size_t i = 0; i < 1 + bad.why.n; i++)
		accepted +=
		    record_get_bad_datagram((struct str){b.p, i}, &bad2);
	is_int(accepted, 0, "cut short it is none");
	buf_fini(&b);
}

static void
flags(void)
{
	unsigned wrong = 0;

	for (uint32_t f = 0; f < 0x20000; f++) {
		bool good = f == 0 || f == 1 ||
			    (f % 256 == 0 && f / 256 < RECORD_KIND_COUNT);

		wrong += record_flags_ok(f) != good;
	}
	is_int(wrong, 0, "flags of a former version, and kinds");
}

/* --- a recorder */

struct place {
	struct tmpdir dir;
	struct tmppath spec;
};

static struct place
place_new(void)
{
	struct place p;

	p.dir = tmpdir_fast();
	mkdir(tmp_in(p.dir.path, "db").z, 0755);
	p.spec = tmp_in(p.dir.path, "");
	snprintf(p.spec.z, sizeof(p.spec.z), "sqlite:%s/db/store", p.dir.path);
	return p;
}

static void
move_store(const struct place *p, const char *from, const char *to)
{
	rename(tmp_in(p->dir.path, from).z, tmp_in(p->dir.path, to).z);
}

/* close_ms: for a store that is away a short time, else until all is there */
static struct recorder *
open_for(const struct place *p, size_t ring_size, unsigned close_ms)
{
	struct recorder_config c = {.store = p->spec.z,
	    .directory = p->dir.path,
	    .name = "policyd",
	    .ring_size = ring_size,
	    .batch_ms = 3,
	    .spool_max = 64 << 20,
	    .close_ms = close_ms};
	struct recorder *r = NULL;
	struct diag d = {.text = ""};

	if (recorder_open(&c, &r, &d))
		fprintf(stderr, "recorder_open: %s\n", d.text);
	return r;
}

static struct recorder *
open_at(const struct place *p, size_t ring_size)
{
	return open_for(p, ring_size, 60000);
}

static struct store_tls_result
result(const char *policy_domain, const char *detail)
{
	return (struct store_tls_result){.day = 3 * DAY + 77,
	    .policy_domain = str_from_z(policy_domain),
	    .recipient_domain = STR("r.example"),
	    .policy = STR("sts"),
	    .detail = str_from_z(detail),
	    .success = 1,
	    .failure = 2,
	    .wanted = true};
}

static void
add_all(struct recorder *r)
{
	const struct store_tls_result tls = result("p.example", "");
	struct store_sighting seen = {.domain = STR("d.example"),
	    .mx = STR("mx.example"),
	    .time = 50,
	    .starttls = STORE_OFFERED};
	const struct store_bad_datagram bad = {
	    .time = 7, .why = STR("why"), .octets = STR("what")};
	uint8_t fp[RECORDER_FINGERPRINT] = {1};
	struct recorder_ticket t;
	int err = 0;

	for (int i = 0; i < 5; i++)
		err |= recorder_add_tls_result(r, &tls);
	for (int i = 0; i < 3; i++, seen.time += i == 2 ? -30 : 10)
		err |= recorder_add_sighting(r, &seen);
	for (int i = 0; i < 2; i++)
		err |= recorder_add_bad_datagram(r, &bad);
	for (unsigned char i = 0; i < 2; i++) {
		fp[1] = i;
		err |= recorder_add_message(r, 3700, STR("e.example"),
		    STR("evaluation"), i == 1, STR("incident"), fp, &t);
		recorder_confirm(r, &t);
	}
	is_int(err, 0, "all are taken");
}

static int
print_tls(void *arg, const struct store_tls_result *x)
{
	buf_addf(arg, "tls %.*s %lld %.*s %llu/%llu%s\n",
	    STRF(x->policy_domain), (long long)x->day,
	    STRF(x->recipient_domain), (unsigned long long)x->success,
	    (unsigned long long)x->failure, x->wanted ? "" : " unwanted");
	return 0;
}

static int
print_destination(void *arg, const struct store_destination *x)
{
	buf_addf(arg, "dest %.*s %.*s %lld %lld\n", STRF(x->domain),
	    STRF(x->mx), (long long)x->starttls, (long long)x->seen);
	return 0;
}

static int
print_bad(void *arg, const struct store_bad_datagram *x)
{
	buf_addf(arg, "bad %lld %.*s %.*s\n", (long long)x->time, STRF(x->why),
	    STRF(x->octets));
	return 0;
}

static int
print_incident(void *arg, const struct store_incident *x)
{
	buf_addf(arg, "incident %.*s %lld %.*s\n", STRF(x->policy_domain),
	    (long long)x->time, STRF(x->octets));
	return 0;
}

static int
print_row(void *arg, const struct store_evaluation *x)
{
	buf_addf(arg, "row %.*s %lld %.*s %llu%s\n", STRF(x->policy_domain),
	    (long long)x->hour, STRF(x->octets), (unsigned long long)x->count,
	    x->optional ? " optional" : "");
	return 0;
}

static void
is_stored(const struct place *p, const char *want, const char *name)
{
	struct store *s = NULL;
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	if (store_open(p->spec.z, STORE_READ, &s, NULL) == 0) {
		store_each_evaluation(
		    s, STR_NONE, 0, INT64_MAX, print_row, &b, NULL);
		store_each_tls_result(
		    s, STR_NONE, 0, INT64_MAX, print_tls, &b, NULL);
		store_each_destination(
		    s, STR_NONE, STR_NONE, print_destination, &b, NULL);
		store_each_bad_datagram(s, NULL, print_bad, &b, NULL);
		store_each_incident(s, STR_NONE, print_incident, &b, NULL);
		store_close(s);
	}
	is_str(buf_str(&b), str_from_z(want), name);
	buf_fini(&b);
}

static const char all[] = "row e.example 3600 evaluation 1\n"
			  "row e.example 3600 evaluation 1 optional\n"
			  "tls p.example 259200 r.example 5/10\n"
			  "dest d.example mx.example 60 60\n"
			  "bad 7 why what\n"
			  "bad 7 why what\n"
			  "incident e.example 3700 incident\n"
			  "incident e.example 3700 incident\n";

static void
through(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, RING_SIZE);

	add_all(r);
	recorder_close(r);
	is_stored(&p, all, "all are in the store");
	ok(access(tmp_in(p.dir.path, "policyd.ring").z, F_OK) == 0,
	    "the ring has its name");
	tmpdir_remove(p.dir.path);

	/* by way of the spool, and across a restart */
	p = place_new();
	move_store(&p, "db", "away");
	r = open_for(&p, RING_SIZE, 300);
	add_all(r);
	recorder_close(r);
	is_stored(&p, "", "the store is away");
	/* a ring of another size is salvaged to the spool */
	r = open_for(&p, 2 * RING_SIZE, 300);
	recorder_close(r);
	move_store(&p, "away", "db");
	r = open_at(&p, 2 * RING_SIZE);
	recorder_close(r);
	is_stored(&p, all, "from the spool, each once");
	tmpdir_remove(p.dir.path);
}

/* A damaged ring file: what is whole in it is taken over. */
static void
damaged(void)
{
	struct place p = place_new();
	struct tmppath ring = tmp_in(p.dir.path, "policyd.ring");
	struct recorder *r;
	size_t n = 0;
	char *image;

	move_store(&p, "db", "away");
	r = open_for(&p, RING_SIZE, 300);
	add_all(r);
	recorder_close(r);
	image = tmp_read(ring.z, &n);
	image[0] ^= 1;
	tmp_write(ring.z, image, n);
	free(image);
	move_store(&p, "away", "db");
	r = open_at(&p, RING_SIZE);
	recorder_close(r);
	is_stored(&p, all, "salvaged");
	tmpdir_remove(p.dir.path);
}

static void
bounds(void)
{
	struct place p = place_new();
	struct recorder *r = open_at(&p, RING_SIZE);
	const struct store_tls_result good = result("p.example", "");
	const struct store_sighting good_x = {
	    .domain = STR("d.example"), .mx = STR("mx.example")};
	const struct str long_name = {big, 256};
	struct store_tls_result t;
	struct store_sighting x;
	struct store_bad_datagram bad = {
	    .why = {big, 9999}, .octets = {big, 9999}};
	struct recorder_stats st;
	struct recorder_ticket ticket;
	uint8_t fp[RECORDER_FINGERPRINT] = {9};

#define REFUSED(member, value)                                     \
	do {                                                       \
		t = good;                                          \
		t.member = value;                                  \
		is_int(recorder_add_tls_result(r, &t), AVER_LIMIT, \
		    #member " = " #value);                         \
	} while (0)
	REFUSED(policy_domain, STR_NONE);
	REFUSED(policy_domain, long_name);
	REFUSED(recipient_domain, long_name);
	REFUSED(policy, ((struct str){big, STORE_TLS_POLICY_MAX + 1}));
	REFUSED(detail, ((struct str){big, STORE_TLS_DETAIL_MAX + 1}));
	REFUSED(success, UINT64_MAX);
#define REFUSED_X(member, value)                                 \
	do {                                                     \
		x = good_x;                                      \
		x.member = value;                                \
		is_int(recorder_add_sighting(r, &x), AVER_LIMIT, \
		    "sighting: " #member " = " #value);          \
	} while (0)
	REFUSED_X(domain, STR_NONE);
	REFUSED_X(domain, long_name);
	REFUSED_X(mx, STR_NONE);
	REFUSED_X(mx, long_name);
	REFUSED_X(starttls, (enum store_offer)3);
	is_int(recorder_add_bad_datagram(r, &bad), 0, "cut to its bounds");
	t = good;
	t.policy = (struct str){big, STORE_TLS_POLICY_MAX};
	t.detail = (struct str){big, STORE_TLS_DETAIL_MAX};
	is_int(recorder_add_tls_result(r, &t), 0, "the largest");
	is_int(recorder_add_message(r, 3700, STR("e.example"), STR("x"), false,
		   (struct str){big, STORE_INCIDENT_MAX + 1}, fp, &ticket),
	    0, "an incident that is too large");
	recorder_stats(r, &st);
	is_int(st.lost, 1, "is lost alone, and counted");
	is_int(st.added, 3, "the message is recorded");
	recorder_close(r);
	tmpdir_remove(p.dir.path);
}

/* --- killed */

#define KILLS 30
#define SECONDS 12 /* then fewer kills have to do */
#define KILLS_LEAST 10
#define IDS 9000u /* as many incidents as the queue holds */
#define THREADS 3

enum { NOT_DONE, DOING, DONE };

struct work {
	atomic_uint next, retry;
	unsigned n_retries, retries[IDS];
	_Atomic unsigned char message[IDS], tls[IDS], seen[IDS];
};

struct job {
	struct work *w;
	struct recorder *r;
};

static void
do_message(struct job *j, unsigned id, const char *domain)
{
	uint8_t fp[RECORDER_FINGERPRINT] = {0};
	struct recorder_ticket t;
	char text[16];

	memcpy(fp, &id, sizeof(id));
	snprintf(text, sizeof(text), "%u", id);
	atomic_store(&j->w->message[id], DOING);
	while (recorder_add_message(j->r, clock_now(), str_from_z(domain),
	    str_from_z(text), false, str_from_z(text), fp, &t))
		usleep(300);
	atomic_store(&j->w->message[id], DONE);
	recorder_confirm(j->r, &t);
}

static void
do_others(struct job *j, unsigned id, const char *domain)
{
	char text[16];
	struct store_tls_result tls = result(domain, text);
	struct store_sighting x = {.domain = str_from_z(domain),
	    .mx = STR("mx.example"),
	    .time = id + 1,
	    .starttls = STORE_OFFERED};

	snprintf(text, sizeof(text), "%u", id);
	tls.detail = str_from_z(text);
	atomic_store(&j->w->tls[id], DOING);
	while (recorder_add_tls_result(j->r, &tls))
		usleep(300);
	atomic_store(&j->w->tls[id], DONE);
	while (recorder_add_sighting(j->r, &x))
		usleep(300);
	atomic_store(&j->w->seen[id], DONE);
}

static void *
work(void *arg)
{
	struct job *j = arg;

	for (;;) {
		unsigned i = atomic_fetch_add(&j->w->retry, 1), id;
		bool again = i < j->w->n_retries;
		char domain[32];

		id =
		    again ? j->w->retries[i] : atomic_fetch_add(&j->w->next, 1);
		if (id >= IDS)
			return NULL;
		snprintf(domain, sizeof(domain), "d%u.example", id / 90);
		do_message(j, id, domain);
		if (!again)
			do_others(j, id, domain);
		usleep(200);
	}
}

static void
run(const struct place *p, struct work *w)
{
	struct recorder *r;
	pthread_t threads[THREADS];
	struct job j = {.w = w};

	log_set_level(LOG_LVL_ERROR);
	r = open_at(p, RING_SIZE);
	if (!r)
		_exit(1);
	j.r = r;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, &j))
			_exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	recorder_close(r);
	_exit(0);
}

struct count {
	unsigned rows[IDS], incidents[IDS], tls[IDS], stray;
};

static unsigned *
slot_of(struct count *c, unsigned *of, struct str text)
{
	uint64_t id;

	return str_to_u64(text, IDS - 1, &id) ? &of[id] : &c->stray;
}

static int
count_row(void *arg, const struct store_evaluation *x)
{
	struct count *c = arg;

	*slot_of(c, c->rows, x->octets) += (unsigned)x->count;
	return 0;
}

static int
count_incident(void *arg, const struct store_incident *x)
{
	struct count *c = arg;

	++*slot_of(c, c->incidents, x->octets);
	return 0;
}

static int
count_tls(void *arg, const struct store_tls_result *x)
{
	struct count *c = arg;

	*slot_of(c, c->tls, x->detail) += (unsigned)x->success;
	if (x->failure != 2 * x->success)
		c->stray++;
	return 0;
}

static int
latest(void *arg, const struct store_destination *x)
{
	int64_t *of = arg;
	uint64_t i;

	if (str_to_u64(
		str_head(str_from(x->domain, 1), str_chr(x->domain, '.') - 1),
		IDS, &i))
		of[i] = x->starttls;
	return 0;
}

static void
check(const struct place *p, const struct work *w)
{
	static struct count c;
	static int64_t seen[IDS + 1];
	unsigned done = 0, rows = 0, incidents = 0, tls = 0, old = 0;
	struct store *s = NULL;

	is_int(store_open(p->spec.z, STORE_READ, &s, NULL), 0, "the store");
	store_each_evaluation(s, STR_NONE, 0, INT64_MAX, count_row, &c, NULL);
	store_each_incident(s, STR_NONE, count_incident, &c, NULL);
	store_each_tls_result(s, STR_NONE, 0, INT64_MAX, count_tls, &c, NULL);
	store_each_destination(s, STR_NONE, STR_NONE, latest, seen, NULL);
	store_close(s);
	for (unsigned i = 0; i < IDS; i++) {
		done += w->message[i] == DONE;
		rows += c.rows[i] != (w->message[i] == DONE);
		incidents += c.incidents[i] != c.rows[i];
		/* one that was being added may be there or not */
		tls += w->tls[i] == DONE ? c.tls[i] != 1 : c.tls[i] > 1;
		old += w->seen[i] == DONE && seen[i / 90] < i + 1;
	}
	printf("# %u messages\n", done);
	ok(done > 0, "something was done");
	is_int(rows, 0, "each message is counted once");
	is_int(incidents, 0, "each with its incident");
	is_int(tls, 0, "each TLS result once");
	is_int(old, 0, "each sighting is there");
	is_int(c.stray, 0, "and nothing else");
}

static void
plan(struct work *w)
{
	w->n_retries = 0;
	atomic_store(&w->retry, 0);
	for (unsigned i = 0; i < IDS; i++)
		if (atomic_load(&w->message[i]) == DOING)
			w->retries[w->n_retries++] = i;
}

static void
killed(void)
{
	struct place p = place_new();
	struct work *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t end = clock_mono_ms() + SECONDS * 1000;
	unsigned seed = (unsigned)clock_mono_us();
	int kills, status = 0;
	pid_t pid;

	if (w == MAP_FAILED)
		exit(99);
	printf("# seed %u\n", seed);
	for (kills = 0;
	     kills < KILLS_LEAST || (kills < KILLS && clock_mono_ms() < end);
	     kills++) {
		unsigned begun = atomic_load(&w->next);

		plan(w);
		if (kills % 3 == 1)
			move_store(&p, "db", "away");
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			run(&p, w);
		/* one kill in three may come before it has begun */
		while (kills % 3 && atomic_load(&w->next) == begun &&
		       waitpid(pid, &status, WNOHANG) == 0)
			usleep(200);
		usleep(5000 + (useconds_t)rand_r(&seed) % 60000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		move_store(&p, "away", "db");
	}
	printf("# %d kills\n", kills);
	/* what is to be sent again, and nothing new */
	plan(w);
	atomic_store(&w->next, IDS);
	pid = fork();
	if (pid == 0)
		run(&p, w);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the last run");
	check(&p, w);
	tmpdir_remove(p.dir.path);
}

int
main(void)
{
	memset(big, 'x', sizeof(big));
	octets();
	flags();
	through();
	damaged();
	bounds();
	killed();
	return tap_done();
}
