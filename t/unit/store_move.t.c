/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * From SQLite to Redis and back: all that was there is there again. And the
 * same while somebody records and who moves is killed again and again: nothing
 * is lost and nothing doubled.
 */
#include "lib/store/move.h"

#include "lib/base/clock.h"
#include "lib/store/destination.h"
#include "lib/store/failure.h"
#include "lib/store/sts.h"
#include "lib/store/suppress.h"
#include "lib/store/take.h"
#include "lib/store/tls_result.h"
#include "t/unit/store_backend.h"
#include "t/unit/store_fill.h"

#define KILLS 25
#define BATCHES 3000

/* --- all of it as text */

static int
print_row(void *arg, const struct store_evaluation *r)
{
	buf_addf(arg, "%.*s %lld %llu%s %zu %.*s\n", STRF(r->policy_domain),
	    (long long)r->hour, (unsigned long long)r->count,
	    r->optional ? "?" : "", r->octets.n, STRF(str_head(r->octets, 10)));
	return 0;
}

static int
print_tls(void *arg, const struct store_tls_result *r)
{
	buf_addf(arg, "%.*s %lld %.*s %llu %llu%s ", STRF(r->policy_domain),
	    (long long)r->day, STRF(r->recipient_domain),
	    (unsigned long long)r->success, (unsigned long long)r->failure,
	    r->wanted ? "" : "?");
	buf_add(arg, r->policy);
	buf_add(arg, r->detail);
	return 0;
}

static int
print_incident(void *arg, const struct store_incident *x)
{
	buf_addf(arg, "%.*s %lld %.*s\n", STRF(x->policy_domain),
	    (long long)x->time, STRF(x->octets));
	return 0;
}

static int
print_known(void *arg, const struct store_known *k)
{
	buf_addf(arg, "%.*s %lld\n", STRF(k->domain), (long long)k->seen);
	return 0;
}

static int
print_destination(void *arg, const struct store_destination *x)
{
	buf_addf(arg, "%.*s %.*s %lld %lld %lld %lld %lld\n", STRF(x->domain),
	    STRF(x->mx), (long long)x->starttls, (long long)x->no_starttls,
	    (long long)x->requiretls, (long long)x->no_requiretls,
	    (long long)x->seen);
	return 0;
}

static int
print_suppression(void *arg, const struct store_suppression *x)
{
	buf_addf(arg, "%d %.*s %lld %lld %u %.*s\n", (int)x->kind,
	    STRF(x->value), (long long)x->since, (long long)x->until,
	    x->strikes, STRF(x->comment));
	return 0;
}

static int
print_sts(void *arg, const struct store_sts *x)
{
	buf_addf(arg, "%.*s %.*s %.*s %lld %lld %lld %lld %lld %d %.*s %lld\n",
	    STRF(x->domain), STRF(x->id), STRF(x->policy),
	    (long long)x->fetched, (long long)x->expires,
	    (long long)x->last_used, (long long)x->refreshed,
	    (long long)x->failed, x->failure, STRF(x->failure_detail),
	    (long long)x->next_try);
	return 0;
}

static int
print_report(void *arg, const struct ledger_report *r)
{
	buf_addf(arg, "%.*s %d %.*s %lld %zu\n", STRF(r->id), (int)r->kind,
	    STRF(r->policy_domain), (long long)r->created,
	    (size_t)r->body_size);
	return 0;
}

static int
print_submission(void *arg, const struct ledger_submission *x)
{
	buf_addf(arg, "%u %.*s %.*s %s %lld %lld\n", x->number, STRF(x->uri),
	    STRF(x->destination), ledger_state_name(x->state),
	    (long long)x->next_try, (long long)x->give_up);
	return 0;
}

static void
dump(struct store *s, struct buf *b)
{
	uint8_t secret[STORE_SECRET];
	struct store_take_row last;
	struct store_take *t;
	struct arena a;

	buf_clear(b);
	arena_init(&a, 1 << 20);
	store_each_evaluation(s, STR_NONE, 0, INT64_MAX, print_row, b, NULL);
	store_each_tls_result(s, STR_NONE, 0, INT64_MAX, print_tls, b, NULL);
	store_each_incident(s, STR_NONE, print_incident, b, NULL);
	store_each_known(s, print_known, b, NULL);
	store_each_destination(
	    s, STR_NONE, STR_NONE, print_destination, b, NULL);
	store_each_suppression(
	    s, SUPPRESS_KIND_COUNT, print_suppression, b, NULL);
	store_each_sts(s, STR_NONE, print_sts, b, NULL);
	store_each_report(s, NULL, print_report, b, NULL);
	store_each_submission(s, STR("r1"), print_submission, b, NULL);
	store_secret(s, STR("verp"), secret, NULL);
	buf_add(b, (struct str){(const char *)secret, sizeof(secret)});
	if (store_take_begin(
		s, LEDGER_DMARC, STR("a.example"), 0, DAY, 0, &t, NULL) == 0) {
		store_take_last(t, &a, &last, NULL);
		buf_add(b, last.octets);
		store_take_abort(t);
	}
	arena_fini(&a);
}

static void
move(struct store *from, struct store *to, const char *name)
{
	struct store_moved n = {0};
	struct store_stats st;
	struct diag d = {.text = ""};
	int64_t next;

	ok(store_move(from, to, &n, &d) == 0, "%s %s", name, d.text);
	ok(n.messages == 14 && n.sessions == 10 && n.incidents == 2 &&
		n.reports == 1 && n.busy == 0 && n.known == 2,
	    "what moved is told: %d %d %d %d", (int)n.messages, (int)n.sessions,
	    (int)n.incidents, (int)n.reports);
	store_stats(from, &st, NULL);
	ok(st.evaluations + st.tls_results + st.incidents == 0,
	    "nothing recorded stays");
	is_int(store_next_due(from, &next, NULL), AVER_NOTFOUND,
	    "nothing is sent from there");
}

static void
there_and_back(const char *spec)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath one = tmp_in(dir.path, "1"), two = tmp_in(dir.path, "2");
	struct store *a, *b, *c;
	struct store_spec x, y;
	struct store_moved n = {0};
	struct buf first, second, third;
	uint8_t secret[STORE_SECRET] = {1};
	struct diag d;

	snprintf(x.z, sizeof(x.z), "sqlite:%.700s", one.z);
	snprintf(y.z, sizeof(y.z), "sqlite:%.700s", two.z);
	a = store_now(x.z, STORE_WRITE);
	b = store_now(spec, STORE_WRITE);
	c = store_now(y.z, STORE_WRITE);
	buf_init(&first, NULL, 1 << 20);
	buf_init(&second, NULL, 1 << 20);
	buf_init(&third, NULL, 1 << 20);
	store_fill(a);
	dump(a, &first);
	move(a, b, "SQLite to the other");
	dump(b, &second);
	is_str(buf_str(&second), buf_str(&first), "all is there");
	move(b, c, "and back");
	dump(c, &third);
	is_str(buf_str(&third), buf_str(&first), "all is there again");
	is_int(store_move(b, c, &n, &d), 0, "once more");
	dump(c, &third);
	is_str(buf_str(&third), buf_str(&first), "moves nothing");
	is_int(store_put_secret(b, STR("verp"), secret, &d), AVER_LIMIT,
	    "a secret is not replaced");
	buf_fini(&first);
	buf_fini(&second);
	buf_fini(&third);
	store_close(a);
	store_close(b);
	store_close(c);
	tmpdir_remove(dir.path);
}

/* --- many parts */

#define PARTS 150

static int sum_rows(void *arg, const struct store_evaluation *r);

/* As a run that was killed leaves them behind, of a domain with many rows. */
static void
many_parts(const char *spec)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath one = tmp_in(dir.path, "1");
	struct store_moved n = {0};
	struct store *a = store_now(spec, STORE_WRITE), *b;
	struct store_spec x;
	struct diag d = {.text = ""};
	uint64_t got = 0;
	char id[32];

	snprintf(x.z, sizeof(x.z), "sqlite:%.700s", one.z);
	b = store_now(x.z, STORE_WRITE);
	for (unsigned i = 0; i < PARTS; i++) {
		snprintf(id, sizeof(id), "move-00-%u", i);
		store_put_part(a, id);
	}
	/* one that does not end */
	alarm(60);
	ok(store_move(a, b, &n, &d) == 0, "parts of an earlier run %s", d.text);
	alarm(0);
	store_each_evaluation(b, STR_NONE, 0, INT64_MAX, sum_rows, &got, NULL);
	is_int(got, PARTS, "all of them arrive, once");
	is_int(store_get_report(a, str_from_z(id), false, NULL, NULL, NULL),
	    AVER_NOTFOUND, "and none is left");
	store_close(a);
	store_close(b);
	tmpdir_remove(dir.path);
}

/* --- killed */

static uint64_t
record(struct store *s, uint64_t seq)
{
	char domain[32], octets[32];
	struct store_evaluation row = {.hour = HOUR * (int64_t)(seq % 9),
	    .count = 1 + seq % 4,
	    .optional = seq % 5 == 0};

	snprintf(domain, sizeof(domain), "d%u.example", (unsigned)(seq % 11));
	snprintf(octets, sizeof(octets), "o%u", (unsigned)(seq % 23));
	row.policy_domain = str_from_z(domain);
	row.octets = str_from_z(octets);
	while (store_add_evaluations(s, STR("r"), seq, &row, 1, NULL))
		usleep(1000);
	return row.count;
}

static int
sum_rows(void *arg, const struct store_evaluation *r)
{
	*(uint64_t *)arg += r->count;
	return 0;
}

static pid_t
start(const char *from, const char *to)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct store *a = NULL, *b = NULL;
		struct store_moved n = {0};
		int err = store_open(from, STORE_WRITE, &a, NULL);

		if (!err)
			err = store_open(to, STORE_WRITE, &b, NULL);
		while (!err || err == AVER_TEMP)
			err = store_move(a, b, &n, NULL);
		_exit(1);
	}
	return pid;
}

static void
killed(const char *from, const char *to, const char *name)
{
	struct store *a = store_now(from, STORE_WRITE);
	struct store *b = store_now(to, STORE_WRITE);
	struct store_moved n = {0};
	uint64_t want = 0, got = 0, rest = 0, seq = 0, part;
	unsigned seed = (unsigned)clock_mono_us();
	struct diag d = {.text = ""};
	int err, status, early = 0;

	printf("# %s, seed %u\n", name, seed);
	store_each_evaluation(a, STR_NONE, 0, INT64_MAX, sum_rows, &want, NULL);
	store_committed(a, STR("r"), &seq, NULL);
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = start(from, to);

		for (part = 0; part < BATCHES / KILLS; part++)
			want += record(a, ++seq);
		usleep((useconds_t)rand_r(&seed) % 100000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		early += !WIFSIGNALED(status);
	}
	is_int(early, 0, "none ended by itself");
	while ((err = store_move(a, b, &n, &d)) == AVER_TEMP)
		usleep(10000);
	ok(err == 0, "the last run ends %s", d.text);
	store_each_evaluation(b, STR_NONE, 0, INT64_MAX, sum_rows, &got, NULL);
	store_each_evaluation(a, STR_NONE, 0, INT64_MAX, sum_rows, &rest, NULL);
	is_int(rest, 0, "nothing stays");
	is_int(got, want, "nothing is lost, nothing doubled");
	store_close(a);
	store_close(b);
}

static void
killed_both_ways(const char *spec)
{
	struct tmpdir dir = tmpdir_new();
	struct tmppath one = tmp_in(dir.path, "1");
	struct store_spec x;

	snprintf(x.z, sizeof(x.z), "sqlite:%.700s", one.z);
	killed(x.z, spec, "from SQLite");
	killed(spec, x.z, "to SQLite");
	tmpdir_remove(dir.path);
}

int
main(void)
{
	on_each_backend("move", there_and_back);
	on_each_backend("parts", many_parts);
	on_redis("killed", killed_both_ways);
	return tap_done();
}
