/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The contract of lib/store/store.h, which every back end has to keep, and
 * what is SQLite's own: schema versions, foreign files, locks, modes.
 */
#include "lib/store/store.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/store/backend.h"
#include "lib/store/sql.h"
#include "t/unit/store_backend.h"

#define HOUR 3600
#define DAY (24 * HOUR)

static struct store_evaluation
row(const char *domain, int64_t hour, const char *octets, uint64_t count,
    bool optional)
{
	return (struct store_evaluation){.hour = hour * HOUR,
	    .policy_domain = str_from_z(domain),
	    .octets = str_from_z(octets),
	    .count = count,
	    .optional = optional};
}

/* Rows as text: "domain hour octets count[ optional]\n". */
static int
print_row(void *arg, const struct store_evaluation *r)
{
	buf_add(arg, r->policy_domain);
	buf_addf(arg, " %lld ", (long long)(r->hour / HOUR));
	buf_add(arg, r->octets);
	buf_addf(arg, " %llu%s\n", (unsigned long long)r->count,
	    r->optional ? " optional" : "");
	return 0;
}

static int
print_domain(void *arg, const struct store_domain *d)
{
	buf_addf(arg, "%.*s %lld-%lld rows %llu messages %llu optional %llu\n",
	    STRF(d->policy_domain), (long long)(d->first_hour / HOUR),
	    (long long)(d->last_hour / HOUR), (unsigned long long)d->rows,
	    (unsigned long long)d->messages,
	    (unsigned long long)d->optional_messages);
	return 0;
}

static int
stop_at_once(void *arg, const struct store_evaluation *r)
{
	(void)r;
	++*(int *)arg;
	return 42;
}

static int
stop_at_domain(void *arg, const struct store_domain *d)
{
	(void)d;
	++*(int *)arg;
	return 43;
}

static void
is_rows(struct store *s, const char *domain, int64_t from, int64_t to,
    const char *want, const char *name)
{
	struct buf b;
	int err;

	buf_init(&b, NULL, 1 << 20);
	err = store_each_evaluation(
	    s, str_from_z(domain), from * HOUR, to * HOUR, print_row, &b, NULL);
	ok(err == 0, "%s: 0", name);
	is_str(buf_str(&b), str_from_z(want), name);
	buf_fini(&b);
}

static void
is_domains(struct store *s, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 20);
	is_int(store_each_domain(s, print_domain, &b, NULL), 0, name);
	is_str(buf_str(&b), str_from_z(want), name);
	buf_fini(&b);
}

/* Known domains as text: "domain day\n". */
static int
print_known(void *arg, const struct store_known *k)
{
	if (k->seen % DAY != 0)
		buf_add_z(arg, "no day: ");
	buf_add(arg, k->domain);
	buf_addf(arg, " %lld\n", (long long)(k->seen / DAY));
	return 0;
}

static int
stop_at_known(void *arg, const struct store_known *k)
{
	(void)k;
	++*(int *)arg;
	return 44;
}

static void
is_known(struct store *s, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 20);
	is_int(store_each_known(s, print_known, &b, NULL), 0, name);
	is_str(buf_str(&b), str_from_z(want), name);
	buf_fini(&b);
}

/* --- the contract */

static void
contract_rows(struct store *s)
{
	struct store_evaluation first[] = {
	    row("b.example", 10, "x", 3, false),
	    row("a.example", 11, "x", 1, false),
	    row("a.example", 10, "y", 2, false),
	    row("a.example", 10, "y", 5, true),
	};
	struct store_evaluation second[] = {
	    row("a.example", 10, "y", 4, false),
	    row("a.example", 10, "y", 1, false),
	    row("c.example", 9, "", 1, true),
	};
	uint64_t seq = 7;

	is_int(store_committed(s, STR("one"), &seq, NULL), 0, "committed");
	is_int(seq, 0, "an unknown source is at 0");
	is_int(store_add_evaluations(s, STR("one"), 100, first, 4, NULL), 0,
	    "add");
	is_int(store_add_evaluations(s, STR("one"), 200, second, 3, NULL), 0,
	    "add again");
	store_committed(s, STR("one"), &seq, NULL);
	is_int(seq, 200, "the source is at the last number");
	store_committed(s, STR("two"), &seq, NULL);
	is_int(seq, 0, "another one is not");
	is_rows(s, "", 0, 100,
	    "a.example 10 y 7\na.example 10 y 5 optional\n"
	    "a.example 11 x 1\nb.example 10 x 3\nc.example 9  1 optional\n",
	    "equal rows are counted together, ordered by domain and hour");
	is_rows(s, "a.example", 10, 11,
	    "a.example 10 y 7\na.example 10 y 5 optional\n",
	    "one domain, from <= hour < to");
	is_rows(s, "example", 0, 100, "", "no such domain");
	is_domains(s,
	    "a.example 10-11 rows 3 messages 13 optional 5\n"
	    "b.example 10-10 rows 1 messages 3 optional 0\n"
	    "c.example 9-9 rows 1 messages 1 optional 1\n",
	    "domains");
}

static void
contract_again(struct store *s)
{
	struct store_evaluation r = row("b.example", 10, "x", 1, false);
	uint64_t seq;

	is_int(store_add_evaluations(s, STR("one"), 200, &r, 1, NULL), 0,
	    "a number that is committed: 0");
	is_int(store_add_evaluations(s, STR("one"), 150, &r, 1, NULL), 0,
	    "an older one: 0");
	is_rows(s, "b.example", 0, 100, "b.example 10 x 3\n",
	    "and nothing is counted");
	is_int(store_add_evaluations(s, STR("two"), 150, &r, 1, NULL), 0,
	    "of another source");
	is_rows(s, "b.example", 0, 100, "b.example 10 x 4\n", "it is counted");
	is_int(store_add_evaluations(s, STR("one"), 300, NULL, 0, NULL), 0,
	    "no rows");
	store_committed(s, STR("one"), &seq, NULL);
	is_int(seq, 300, "move the number too");
}

static void
contract_octets(struct store *s)
{
	static char big[65536];
	struct store_evaluation odd[] = {
	    {.hour = HOUR,
		.policy_domain = STR("o\0\xff.example"),
		.octets = STR("\0\x01\xfe"),
		.count = 1},
	    {.hour = HOUR,
		.policy_domain = STR("o\0\xff.example"),
		.octets = {big, sizeof(big)},
		.count = 2},
	    {.hour = HOUR,
		.policy_domain = STR("o"),
		.octets = STR("'; DROP TABLE evaluation; --"),
		.count = 3},
	};
	struct buf b;
	uint64_t removed = 0;

	memset(big, 'z', sizeof(big));
	is_int(store_add_evaluations(s, STR("o'x"), 1, odd, 3, NULL), 0,
	    "any octets");
	buf_init(&b, NULL, 1 << 20);
	store_each_evaluation(
	    s, odd[0].policy_domain, 0, 2 * HOUR, print_row, &b, NULL);
	ok(b.n > sizeof(big) && memchr(b.p, 0xfe, b.n), "come back");
	buf_fini(&b);
	is_int(
	    store_remove_evaluations(s, odd[0].policy_domain, &removed, NULL),
	    0, "remove");
	is_int(removed, 3, "messages of a name with NUL");
	is_rows(s, "o", 0, 2, "o 1 '; DROP TABLE evaluation; -- 3\n",
	    "its prefix stays");
	store_remove_evaluations(s, STR("o"), &removed, NULL);
}

static void
contract_stop_and_remove(struct store *s)
{
	uint64_t removed = 99;
	int calls = 0;

	is_int(store_each_evaluation(
		   s, STR_NONE, 0, 100 * HOUR, stop_at_once, &calls, NULL),
	    42, "what fn returns");
	is_int(store_each_domain(s, stop_at_domain, &calls, NULL), 43,
	    "of domains too");
	is_int(calls, 2, "after one call each");
	is_int(store_remove_evaluations(s, STR("a.example"), &removed, NULL), 0,
	    "remove");
	is_int(removed, 13, "messages");
	is_int(store_remove_evaluations(s, STR("a.example"), &removed, NULL), 0,
	    "remove what is not there");
	is_int(removed, 0, "no messages");
	is_rows(s, "", 0, 100, "b.example 10 x 4\nc.example 9  1 optional\n",
	    "the others stay");
}

static void
contract_two_handles(const char *spec, struct store *s)
{
	struct store_evaluation r = row("two.example", 1, "x", 1, false);
	struct store *reader = NULL, *writer = NULL;
	struct diag d;

	is_int(store_open(spec, STORE_READ, &reader, &d), 0, "a reader");
	is_int(
	    store_open(spec, STORE_WRITE, &writer, &d), 0, "a second writer");
	store_add_evaluations(s, STR("h1"), 1, &r, 1, NULL);
	store_add_evaluations(writer, STR("h2"), 1, &r, 1, NULL);
	is_rows(reader, "two.example", 0, 9, "two.example 1 x 2\n",
	    "it sees what both wrote");
	ok(store_add_evaluations(reader, STR("h3"), 1, &r, 1, &d) < 0,
	    "a reader cannot write: %s", d.text);
	is_rows(reader, "two.example", 0, 9, "two.example 1 x 2\n",
	    "and goes on reading");
	store_close(reader);
	store_close(writer);
	store_close(NULL);
}

/* --- known domains, in a store without any */

static void
contract_know(struct store *s)
{
	const struct store_known first[] = {
	    {STR("b.example"), 10 * DAY + 5}, {STR("a.example"), 11 * DAY}};
	const struct store_known second[] = {
	    {STR("a.example"), 10 * DAY}, /* late */
	    {STR("b.example"), 13 * DAY - 1},
	    {STR("o\0\xff'"), -1},
	    {STR("b.example"), 12 * DAY},
	};
	int calls = 0;

	is_known(s, "", "nobody is known at first");
	is_int(store_know_domains(s, first, 2, NULL), 0, "know");
	is_int(store_know_domains(s, NULL, 0, NULL), 0, "know no more");
	is_known(s, "a.example 11\nb.example 10\n", "the day counts");
	is_int(store_know_domains(s, second, 4, NULL), 0, "know again");
	is_int(store_each_known(s, stop_at_known, &calls, NULL), 44,
	    "what fn returns");
	is_int(calls, 1, "after one call");
	is_int(store_forget_domains(s, DAY, 100, NULL), 0, "forget");
	is_known(s, "a.example 11\nb.example 12\n",
	    "the last day stays; any octets go");
}

static void
contract_forget(struct store *s)
{
	const struct store_known more[] = {{STR("c.example"), 5 * DAY},
	    {STR("d.example"), 13 * DAY}, {STR("e.example"), 11 * DAY}};

	store_know_domains(s, more, 3, NULL);
	is_int(store_forget_domains(s, 11 * DAY + 7, 100, NULL), 0, "forget");
	is_known(s, "a.example 11\nb.example 12\nd.example 13\ne.example 11\n",
	    "what is older than the day");
	is_int(store_forget_domains(s, 0, 4, NULL), 0, "as many as may be");
	is_int(store_forget_domains(s, 0, UINT64_MAX, NULL), 0, "or far less");
	is_known(s, "a.example 11\nb.example 12\nd.example 13\ne.example 11\n",
	    "stay");
	is_int(store_forget_domains(s, 0, 2, NULL), 0, "above the bound");
	is_known(s, "b.example 12\nd.example 13\n", "the last ones stay");
	is_int(store_forget_domains(s, 0, 0, NULL), 0, "a bound of none");
	is_known(s, "", "none stays");
}

/* A row to be judged, its hour in days. */
static struct store_evaluation
doubtful(const char *domain, int64_t day, bool optional)
{
	struct store_evaluation r = row(domain, 24 * day + 7, "r", 1, optional);

	r.if_known = true;
	return r;
}

static void
contract_judge(struct store *s)
{
	const struct store_known known[] = {{STR("k.example"), 100 * DAY},
	    {STR("now.example"), 110 * DAY + HOUR}};
	const struct store_evaluation rows[] = {
	    doubtful("k.example", 99, false),
	    doubtful("k.example", 100, true),
	    doubtful("k.example", 110, false),
	    doubtful("k.example", 111, false),
	    doubtful("x.example", 110, false),
	    doubtful("sub.k.example", 100, false),
	    doubtful("now.example", 110, false),
	    row("y.example", 24 * 110, "r", 1, false),
	};
	struct store_batch b = {.source = STR("j"),
	    .seq = 1,
	    .rows = rows,
	    .n_rows = 8,
	    .known = known + 1,
	    .n_known = 1,
	    .known_days = 10};
	const struct store_known news[] = {{STR("z.example"), DAY}};

	store_know_domains(s, known, 1, NULL);
	is_int(store_add_batch(s, &b, NULL), 0, "a batch");
	is_rows(s, "", 24 * 90, 24 * 200,
	    "k.example 2383 r 1\nk.example 2407 r 1 optional\n"
	    "k.example 2647 r 1\nk.example 2671 r 1 optional\n"
	    "now.example 2647 r 1\nsub.k.example 2407 r 1 optional\n"
	    "x.example 2647 r 1 optional\ny.example 2640 r 1\n",
	    "known, optional already, on the last day, after it, never; what "
	    "the batch teaches counts");
	is_known(s, "k.example 100\nnow.example 110\n", "and is kept");
	b.known = news;
	is_int(store_add_batch(s, &b, NULL), 0, "again");
	is_known(s, "k.example 100\nnow.example 110\n",
	    "a number that is committed teaches nothing");
	b.seq = 2;
	b.known_days = 11;
	is_int(store_add_batch(s, &b, NULL), 0, "with a day more");
	is_rows(s, "k.example", 2671, 2672,
	    "k.example 2671 r 1\nk.example 2671 r 1 optional\n",
	    "it counts; the flags make two rows");
	store_forget_domains(s, 0, 0, NULL);
}

static void
contract_known(const char *spec)
{
	const struct store_known k = {STR("k.example"), DAY};
	struct store *s = NULL, *reader = NULL;
	struct diag d;

	if (!ok(store_open(spec, STORE_WRITE, &s, &d) == 0, "open %s", spec))
		return;
	contract_know(s);
	contract_forget(s);
	contract_judge(s);
	is_int(store_open(spec, STORE_READ, &reader, &d), 0, "a reader");
	ok(store_know_domains(reader, &k, 1, &d) < 0, "learns nothing: %s",
	    d.text);
	ok(store_forget_domains(reader, 0, 0, &d) < 0, "forgets nothing: %s",
	    d.text);
	is_int(store_know_domains(s, &k, 1, &d), 0, "but the writer does");
	is_known(reader, "k.example 1\n", "which it sees");
	store_close(reader);
	store_close(s);
}

static void
contract(const char *spec)
{
	struct store *s = NULL;
	struct diag d;

	ok(store_open(spec, STORE_CHANGE, &s, &d) < 0 &&
		strstr(d.text, "nothing has been recorded yet"),
	    "a store that is not there cannot be changed: %s", d.text);
	/* or the one before has made it */
	ok(store_open(spec, STORE_READ, &s, &d) < 0 &&
		strstr(d.text, "nothing has been recorded yet"),
	    "nor read: %s", d.text);
	if (!ok(store_open(spec, STORE_WRITE, &s, &d) == 0, "open %s", spec))
		return;
	contract_rows(s);
	contract_again(s);
	contract_octets(s);
	contract_stop_and_remove(s);
	contract_two_handles(spec, s);
	store_close(s);
	is_int(store_open(spec, STORE_WRITE, &s, &d), 0, "open again");
	is_rows(s, "b.example", 0, 100, "b.example 10 x 4\n",
	    "what was there is there");
	store_close(s);
}

/* --- specs */

static void
bad_specs(void)
{
	static const char *const specs[] = {
	    "", "sqlite:", "SQLITE:x", "redis:x", "/var/lib/x", "sqlite", NULL};
	struct store *s;
	struct diag d;

	for (size_t i = 0; specs[i]; i++)
		ok(store_open(specs[i], STORE_WRITE, &s, &d) == AVER_CONF &&
			strstr(d.text, "expected sqlite:PATH"),
		    "spec \"%s\": %s", specs[i], d.text);
	ok(store_open(NULL, STORE_WRITE, &s, NULL) == AVER_CONF, "no spec");
	ok(store_open("sqlite:/nonexistent/dir/x", STORE_WRITE, &s, &d) ==
		AVER_IO,
	    "no such folder: %s", d.text);
	ok(store_open("sqlite:/tmp", STORE_WRITE, &s, &d) < 0, "a folder: %s",
	    d.text);
}

/* --- schema */

static const char *const old_steps[] = {
    "CREATE TABLE thing (a INTEGER); INSERT INTO thing VALUES (1)"};
#define NEW_STEPS 4
static const char *const new_steps[NEW_STEPS] = {
    "CREATE TABLE thing (a INTEGER); INSERT INTO thing VALUES (1)",
    "ALTER TABLE thing ADD COLUMN b INTEGER; UPDATE thing SET b = a + 1",
    NULL, /* the program's own, see all_steps() */
    "INSERT INTO evaluation (policy_domain, hour, optional, digest, stamp,"
    " count, octets) SELECT 'kept.example', 3600, 0, x'00', 1, a + b, x'6f'"
    " FROM thing"};
static const char *const bad_steps[] = {
    "CREATE TABLE thing (a INTEGER); INSERT INTO thing VALUES (1)",
    "ALTER TABLE thing ADD COLUMN b INTEGER; this is no SQL"};

/* The program's own steps as one. */
static const char *
all_steps(void)
{
	static struct buf b;

	if (!b.max) {
		buf_init(&b, NULL, 1 << 16);
		for (size_t i = 0; i < sql_schema.n_steps; i++)
			buf_add_z(&b, sql_schema.steps[i]);
	}
	return buf_z(&b);
}

static int
open_steps(const char *path, enum store_mode mode, const char *const *steps,
    size_t n, struct store **s, struct diag *d)
{
	const char *with_own[NEW_STEPS];
	const struct store_sqlite_options o = {with_own, n, 16};

	for (size_t i = 0; i < n; i++)
		with_own[i] = steps[i] ? steps[i] : all_steps();
	return store_sqlite_open(path, mode, &o, s, d);
}

static void
migrations(const char *dir)
{
	struct tmppath p = tmp_in(dir, "old.db");
	struct store *s = NULL;
	struct diag d;

	/* the first schema lacks the tables of the statements */
	ok(open_steps(p.z, STORE_WRITE, old_steps, 1, &s, &d) < 0,
	    "version 1 is made");
	ok(open_steps(p.z, STORE_READ, new_steps, 4, &s, &d) == AVER_CONF &&
		strstr(d.text, "version 1; the milter migrates it to 4"),
	    "a reader does not migrate: %s", d.text);
	ok(open_steps(p.z, STORE_WRITE, bad_steps, 2, &s, &d) < 0,
	    "a step that fails: %s", d.text);
	is_int(open_steps(p.z, STORE_WRITE, new_steps, 4, &s, &d), 0,
	    "is undone as a whole; 1 becomes 4");
	is_rows(s, "", 0, 10, "kept.example 1 o 3\n", "with its data");
	store_close(s);
	is_int(
	    open_steps(p.z, STORE_WRITE, new_steps, 4, &s, &d), 0, "4 stays 4");
	is_rows(s, "", 0, 10, "kept.example 1 o 3\n", "no step runs twice");
	store_close(s);
	ok(open_steps(p.z, STORE_WRITE, new_steps, 3, &s, &d) == AVER_CONF &&
		strstr(d.text, "version 4, newer than this program's 3"),
	    "a newer one is refused: %s", d.text);
	ok(open_steps(p.z, STORE_READ, new_steps, 3, &s, &d) == AVER_CONF,
	    "by a reader too");
	is_int(open_steps(p.z, STORE_READ, new_steps, 4, &s, &d), 0,
	    "and is as it was");
	store_close(s);
}

/*
 * A store as schema version 1 has it, with a row and a source, is
 * taken over by this program.
 */
static const char *const version_1[] = {
    "CREATE TABLE evaluation ("
    " id INTEGER PRIMARY KEY,"
    " policy_domain TEXT NOT NULL,"
    " hour INTEGER NOT NULL,"
    " optional INTEGER NOT NULL,"
    " digest BLOB NOT NULL,"
    " count INTEGER NOT NULL,"
    " octets BLOB NOT NULL,"
    " UNIQUE (policy_domain, hour, optional, digest)"
    ") STRICT;"
    "CREATE TABLE source ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " seq INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO evaluation VALUES (1, 'v1.example', 3600, 1, x'00', 5,"
    " x'6f');"
    "INSERT INTO source VALUES ('ring', 77)"};

/* Further: domains, rows in the order they came, and a large one. */
static const char *const version_2[] = {NULL, /* version 1 */
    "CREATE TABLE known_domain ("
    " domain TEXT NOT NULL PRIMARY KEY,"
    " day INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX known_domain_day ON known_domain (day);"
    "INSERT INTO known_domain VALUES ('k2.example', 86400);"
    "INSERT INTO evaluation VALUES (3, 'v2.example', 7200, 0, x'02', 1,"
    " x'61');"
    "INSERT INTO evaluation VALUES (2, 'v2.example', 7200, 0,"
    " x'3e23e8160039594a33894f6564e1b134', 2, x'62');"
    "INSERT INTO evaluation VALUES (9, 'big.example', 7200, 0, x'01', 2,"
    " zeroblob(65536));"};

/* What a taken over store holds; takes and ledger work on it. */
static void
taken_over(struct store *s)
{
	struct store_take *take = NULL;
	struct store_take_row last = {0};
	struct store_evaluation again = row("v2.example", 2, "b", 1, false);
	struct arena a;
	struct diag d;

	arena_init(&a, 1 << 20);
	is_int(store_take_begin(s, LEDGER_DMARC, STR("v2.example"), 0, 3 * HOUR,
		   0, &take, &d),
	    0, "a take");
	if (!take)
		return;
	store_take_last(take, &a, &last, NULL);
	is_str(last.octets, STR("a"), "whose last row is the last that came");
	store_take_abort(take);
	store_add_evaluations(s, STR("ring"), 78, &again, 1, NULL);
	store_take_begin(
	    s, LEDGER_DMARC, STR("v2.example"), 0, 3 * HOUR, 0, &take, NULL);
	store_take_last(take, &a, &last, NULL);
	is_str(last.octets, STR("b"), "or was counted last since");
	is_int(last.count, 3, "with its count");
	is_int(store_take_commit(take, &d), 0, "gone");
	is_rows(s, "v2.example", 0, 9, "", "in the tables of today");
	arena_fini(&a);
}

static void
from_version(const char *dir, unsigned version, enum store_mode mode)
{
	const char *const steps[] = {version_1[0], version_2[1]};
	struct tmppath p;
	const struct store_known k = {STR("k.example"), 86400};
	struct store_fence fence = {.token = 1};
	struct store *s = NULL;
	char want[80], name[32];
	uint64_t seq = 0;
	struct diag d;

	snprintf(name, sizeof(name), "v%u-%d.db", version, (int)mode);
	p = tmp_in(dir, name);
	/* the statements of today need more */
	ok(open_steps(p.z, STORE_WRITE, steps, version, &s, &d) < 0,
	    "a store of version %u", version);
	snprintf(want, sizeof(want),
	    "version %u; the milter migrates it to %zu", version,
	    sql_schema.n_steps);
	ok(store_sqlite_open(p.z, STORE_READ, NULL, &s, &d) == AVER_CONF &&
		strstr(d.text, want),
	    "is not migrated by a reader: %s", d.text);
	if (!ok(store_sqlite_open(p.z, mode, NULL, &s, &d) == 0,
		"becomes today's for who %s",
		mode == STORE_WRITE ? "records" : "changes it"))
		return;
	is_rows(s, "v1.example", 0, 10, "v1.example 1 o 5 optional\n",
	    "with its rows");
	store_committed(s, STR("ring"), &seq, NULL);
	is_int(seq, 77, "and its sources");
	seq = 0;
	is_int(store_fence_source(s, STR("ring"), &fence, &seq, NULL), 0,
	    "of which one gets an owner");
	ok(seq == 77 && fence.number == 1, "the first one");
	is_known(s, version == 1 ? "" : "k2.example 1\n", "and its domains");
	is_int(store_know_domains(s, &k, 1, &d), 0, "learns one");
	if (version == 2)
		taken_over(s);
	store_close(s);
	is_int(store_sqlite_open(p.z, STORE_READ, NULL, &s, &d), 0,
	    "and stays it");
	is_known(s,
	    version == 1 ? "k.example 1\n" : "k.example 1\nk2.example 1\n",
	    "with its domain");
	store_close(s);
}

/* A database of another program, made from the outside of ours. */
static void
foreign_files(const char *dir)
{
	static const struct {
		const char *name, *octets;
	} t[] = {
	    {"text", "this is a text file that somebody put there, and it is "
		     "long enough to hold a header of one hundred octets. "},
	    {"short", "x"},
	};
	struct tmppath p;
	struct store *s;
	struct diag d;
	size_t n;
	char *db;

	for (size_t i = 0; i < 2; i++) {
		p = tmp_in(dir, t[i].name);
		tmp_write(p.z, t[i].octets, strlen(t[i].octets));
		ok(store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d) ==
			AVER_CONF,
		    "%s is refused: %s", t[i].name, d.text);
		ok(store_sqlite_open(p.z, STORE_READ, NULL, &s, &d) ==
			AVER_CONF,
		    "%s is refused to readers", t[i].name);
		db = tmp_read(p.z, &n);
		ok(str_eq((struct str){db, n}, str_from_z(t[i].octets)),
		    "and not changed");
		free(db);
	}
	/* an aver store with the application's number changed */
	p = tmp_in(dir, "foreign.db");
	store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d);
	store_close(s);
	db = tmp_read(p.z, &n);
	ok(n > 100 && memcmp(db + 68, "aver", 4) == 0, "application id");
	memcpy(db + 68, "veto", 4);
	tmp_write(p.z, db, n);
	ok(store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d) == AVER_CONF &&
		strstr(d.text, "another program"),
	    "foreign: %s", d.text);
	memset(db + 68, 0, 4);
	tmp_write(p.z, db, n);
	ok(store_sqlite_open(p.z, STORE_READ, NULL, &s, &d) == AVER_CONF,
	    "without a number: %s", d.text);
	free(db);
	p = tmp_in(dir, "empty.db");
	tmp_write(p.z, "", 0);
	ok(store_sqlite_open(p.z, STORE_READ, NULL, &s, &d) == AVER_TEMP,
	    "an empty file, read: %s", d.text);
	ok(store_sqlite_open(p.z, STORE_CHANGE, NULL, &s, &d) == AVER_TEMP,
	    "to be changed: %s", d.text);
	is_int(store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d), 0,
	    "an empty file becomes a store");
	store_close(s);
}

/* --- keys */

/* With a digest of one octet most rows collide. */
static void
collisions(const char *dir)
{
	const struct store_sqlite_options o = {
	    sql_schema.steps, sql_schema.n_steps, 1};
	struct tmppath p = tmp_in(dir, "collide.db");
	struct store *s = NULL;
	struct diag d;
	struct buf b;
	int err = 0, lines = 0, threes = 0;

	is_int(store_sqlite_open(p.z, STORE_WRITE, &o, &s, &d), 0, "open");
	for (unsigned i = 0; i < 600; i++) {
		char octets[16];
		struct store_evaluation r;

		snprintf(octets, sizeof(octets), "o%u", i % 200);
		r = row("d.example", 1, octets, 1, false);
		err |= store_add_evaluations(s, STR("x"), i + 1, &r, 1, &d);
	}
	is_int(err, 0, "200 evaluations, three times each");
	buf_init(&b, NULL, 1 << 20);
	store_each_evaluation(s, STR_NONE, 0, 9 * HOUR, print_row, &b, NULL);
	for (size_t i = 0; i + 1 < b.n; i++)
		if (b.p[i + 1] == '\n') {
			lines++;
			threes += b.p[i] == '3' && b.p[i - 1] == ' ';
		}
	buf_fini(&b);
	is_int(lines, 200, "are 200 rows");
	is_int(threes, 200, "of three each, although digests collide");
	store_close(s);
}

/* --- trouble */

/* Takes SQLite's lock of the one writer, as documented for WAL files. */
static bool
lock_writer(const char *path, int *fd)
{
	struct tmppath shm;
	struct flock l = {.l_type = F_WRLCK,
	    .l_whence = SEEK_SET,
	    .l_start = 120,
	    .l_len = 1};

	shm = tmp_beside(path, "-shm");
	*fd = open(shm.z, O_RDWR);
	return *fd >= 0 && fcntl(*fd, F_SETLK, &l) == 0;
}

/* Runs a process that holds the lock until its pipe is closed. */
static pid_t
hold_lock(const char *path, int *release)
{
	int ready[2], go[2], fd;
	pid_t pid;
	char c = 0;

	if (pipe(ready) < 0 || pipe(go) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		close(ready[0]);
		c = lock_writer(path, &fd) ? '+' : '-';
		(void)!write(ready[1], &c, 1);
		(void)!read(go[0], &c, 1);
		_exit(0);
	}
	close(go[0]);
	close(ready[1]);
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	*release = go[1];
	ok(c == '+', "another process has the lock");
	return pid;
}

static void
locked(const char *dir)
{
	struct store_evaluation r = row("l.example", 1, "x", 1, false);
	const struct store_known k = {STR("k.example"), DAY};
	struct tmppath p = tmp_in(dir, "locked.db");
	struct store *s = NULL, *reader = NULL;
	struct diag d;
	uint64_t n;
	int release = -1;
	pid_t pid;

	store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d);
	store_add_evaluations(s, STR("x"), 1, &r, 1, &d);
	pid = hold_lock(p.z, &release);
	ok(store_add_evaluations(s, STR("x"), 2, &r, 1, &d) == AVER_TEMP,
	    "add: %s", d.text);
	ok(store_remove_evaluations(s, STR("l.example"), &n, &d) == AVER_TEMP,
	    "remove: %s", d.text);
	ok(store_know_domains(s, &k, 1, &d) == AVER_TEMP, "know: %s", d.text);
	ok(store_forget_domains(s, 0, 0, &d) == AVER_TEMP, "forget: %s",
	    d.text);
	is_int(store_sqlite_open(p.z, STORE_READ, NULL, &reader, &d), 0,
	    "readers do not care");
	is_rows(reader, "", 0, 9, "l.example 1 x 1\n", "and see what is there");
	store_close(reader);
	close(release);
	waitpid(pid, NULL, 0);
	is_int(store_add_evaluations(s, STR("x"), 2, &r, 1, &d), 0,
	    "add when it is gone");
	is_rows(s, "", 0, 9, "l.example 1 x 2\n", "counted once");
	is_known(s, "", "nothing of the others");
	store_close(s);
}

/* In a child: the limit is the process's. Exit status 0 is success. */
static int
full_child(const char *path)
{
	static char big[60000];
	struct store_evaluation r = row("f.example", 1, "x", 1, false);
	struct rlimit l = {0};
	struct store *s = NULL;
	struct diag d;
	struct buf b;
	int err, status = 0;

	signal(SIGXFSZ, SIG_IGN);
	if (store_sqlite_open(path, STORE_WRITE, NULL, &s, &d) != 0 ||
	    store_add_evaluations(s, STR("x"), 1, &r, 1, &d) != 0)
		return 1;
	getrlimit(RLIMIT_FSIZE, &l);
	l.rlim_cur = 64 << 10;
	setrlimit(RLIMIT_FSIZE, &l);
	r.octets = (struct str){big, sizeof(big)};
	err = store_add_evaluations(s, STR("x"), 2, &r, 1, &d);
	if (err != AVER_TEMP)
		return 2;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_FSIZE, &l);
	r.octets = STR("x");
	if (store_add_evaluations(s, STR("x"), 2, &r, 1, &d) != 0)
		return 3;
	buf_init(&b, NULL, 1 << 20);
	store_each_evaluation(s, STR_NONE, 0, 9 * HOUR, print_row, &b, NULL);
	if (!str_eq(buf_str(&b), STR("f.example 1 x 2\n")))
		status = 4;
	buf_fini(&b);
	store_close(s);
	return status;
}

static void
full_disk(const char *dir)
{
	struct tmppath p = tmp_in(dir, "full.db");
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(full_child(p.z));
	waitpid(pid, &status, 0);
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0,
	    "no room is AVER_TEMP, and then it goes on");
}

/*
 * A take that meets a full disk: SQLite may end the transaction by itself,
 * and a commit after that must not remove rows without their report.
 */
static int
full_take_child(const char *path)
{
	static char body[4 << 20];
	const struct rlimit little = {512 << 10, RLIM_INFINITY},
			    all = {RLIM_INFINITY, RLIM_INFINITY};
	struct store_evaluation r = row("f.example", 1, "x", 3, false);
	struct ledger_report report = {.id = STR("r"),
	    .policy_domain = STR("f.example"),
	    .body = {body, sizeof(body)}};
	struct store_take *t;
	struct store *s;
	unsigned seed = 7;
	int err;

	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)rand_r(&seed);
	if (store_sqlite_open(path, STORE_WRITE, NULL, &s, NULL) ||
	    store_add_evaluations(s, STR("x"), 1, &r, 1, NULL))
		return 1;
	setrlimit(RLIMIT_FSIZE, &little);
	if (store_take_begin(
		s, LEDGER_DMARC, STR("f.example"), 0, DAY, 0, &t, NULL))
		return 2;
	err = store_take_report(t, &report, NULL, 0, NULL);
	if (err != 0 && err != AVER_TEMP)
		return 3;
	/* a caller who goes on all the same */
	if (store_take_commit(t, NULL) != AVER_TEMP)
		return 4;
	setrlimit(RLIMIT_FSIZE, &all);
	if (store_take_begin(
		s, LEDGER_DMARC, STR("f.example"), 0, DAY, 0, &t, NULL))
		return 5;
	if (store_take_report(t, &report, NULL, 0, NULL) ||
	    store_take_commit(t, NULL))
		return 6;
	if (store_take_begin(s, LEDGER_DMARC, STR("f.example"), 0, DAY, 0, &t,
		NULL) != AVER_NOTFOUND)
		return 7;
	store_close(s);
	return 0;
}

static void
full_take(const char *dir)
{
	struct tmppath p = tmp_in(dir, "full_take.db");
	pid_t pid;
	int status = -1;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(full_take_child(p.z));
	waitpid(pid, &status, 0);
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0,
	    "a take without room is as if it had not been");
}

static void
replaced(const char *dir)
{
	struct store_evaluation r = row("r.example", 1, "x", 1, false);
	struct tmppath p = tmp_in(dir, "gone.db");
	struct store *s = NULL;
	struct diag d;

	store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d);
	unlink(p.z);
	ok(store_add_evaluations(s, STR("x"), 1, &r, 1, &d) == AVER_IO,
	    "a file that was removed: %s", d.text);
	ok(store_know_domains(s, NULL, 0, &d) == AVER_IO, "to know in: %s",
	    d.text);
	tmp_write(p.z, "", 0);
	ok(store_add_evaluations(s, STR("x"), 1, &r, 1, &d) == AVER_IO,
	    "or replaced: %s", d.text);
	store_close(s);
	is_int(store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d), 0,
	    "the new one can be opened");
	is_int(store_add_evaluations(s, STR("x"), 1, &r, 1, &d), 0, "used");
	store_close(s);
}

/* Pages of the file overwritten: an error, no crash. */
static void
damaged(const char *dir)
{
	struct tmppath p = tmp_in(dir, "damaged.db");
	struct store *s = NULL;
	struct diag d;
	size_t n = 0;
	char *db;
	int err, tries = 0;

	store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d);
	for (unsigned i = 0; i < 300; i++) {
		char octets[512];
		struct store_evaluation r;

		snprintf(octets, sizeof(octets), "%0500u", i);
		r = row("d.example", i, octets, 1, false);
		store_add_evaluations(s, STR("x"), i + 1, &r, 1, &d);
	}
	store_close(s);
	db = tmp_read(p.z, &n);
	for (size_t at = 100; at < n; at += n / 40, tries++) {
		struct buf b;
		char *bad = malloc(n);

		memcpy(bad, db, n);
		for (size_t i = at; i < at + 64 && i < n; i++)
			bad[i] = (char)(bad[i] * 7 + 13);
		tmp_write(p.z, bad, n);
		free(bad);
		err = store_sqlite_open(p.z, STORE_WRITE, NULL, &s, &d);
		if (err)
			continue;
		buf_init(&b, NULL, 1 << 20);
		store_each_evaluation(
		    s, STR_NONE, 0, 999 * HOUR, print_row, &b, &d);
		store_each_domain(s, print_domain, &b, &d);
		buf_fini(&b);
		store_close(s);
	}
	free(db);
	ok(tries >= 40, "%d ways of damage", tries);
}

/* --- files */

static void
modes(const char *dir)
{
	struct store_evaluation r = row("m.example", 1, "x", 1, false);
	struct tmppath p = tmp_in(dir, "mode.db"), wal, shm;
	struct store *s = NULL;
	struct stat st;
	mode_t before = umask(022);

	store_sqlite_open(p.z, STORE_WRITE, NULL, &s, NULL);
	store_add_evaluations(s, STR("x"), 1, &r, 1, NULL);
	wal = tmp_beside(p.z, "-wal");
	shm = tmp_beside(p.z, "-shm");
	stat(p.z, &st);
	is_int(st.st_mode & 0777, 0640, "mode of the file");
	stat(wal.z, &st);
	is_int(st.st_mode & 0777, 0640, "of the log");
	stat(shm.z, &st);
	is_int(st.st_mode & 0777, 0640, "of the index");
	store_close(s);
	ok(access(wal.z, F_OK) < 0, "the log is gone after the last close");
	umask(before);
}

/* What root makes belongs to whom the folder belongs to. */
static void
made_by_root(const char *dir)
{
	struct tmppath folder = tmp_in(dir, "theirs"), p, wal;
	struct store_evaluation r = row("m.example", 1, "x", 1, false);
	struct store *s = NULL;
	struct stat st;

	if (geteuid() != 0)
		return;
	mkdir(folder.z, 0750);
	ok(chown(folder.z, 65534, 65533) == 0, "a folder of somebody's");
	p = tmp_in(folder.z, "root.db");
	is_int(store_sqlite_open(p.z, STORE_WRITE, NULL, &s, NULL), 0,
	    "root makes a database in it");
	store_add_evaluations(s, STR("x"), 1, &r, 1, NULL);
	wal = tmp_beside(p.z, "-wal");
	stat(p.z, &st);
	ok(st.st_uid == 65534 && st.st_gid == 65533, "it is theirs");
	stat(wal.z, &st);
	is_int(st.st_uid, 65534, "its log, too");
	store_close(s);
	unlink(p.z);
	rmdir(folder.z);
}

/* As somebody who may read the file and write nothing. 0 is success. */
static int
unprivileged_child(const char *path)
{
	struct store *s = NULL;
	struct diag d;
	struct buf b;
	int status = 0;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 9;
	if (store_sqlite_open(path, STORE_READ, NULL, &s, &d) != 0) {
		printf("# %s\n", d.text);
		fflush(stdout);
		return 1;
	}
	buf_init(&b, NULL, 1 << 20);
	if (store_each_evaluation(
		s, STR_NONE, 0, 9 * HOUR, print_row, &b, NULL) != 0 ||
	    !str_eq(buf_str(&b), STR("p.example 1 x 1\n")))
		status = 2;
	buf_fini(&b);
	store_close(s);
	return status;
}

static void
unprivileged(const char *dir, const char *path, const char *name)
{
	int status = -1;
	pid_t pid;

	chmod(dir, 0555);
	pid = fork();
	if (pid == 0)
		_exit(unprivileged_child(path));
	waitpid(pid, &status, 0);
	chmod(dir, 0755);
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0, name);
}

static void
read_only_folder(void)
{
	struct store_evaluation r = row("p.example", 1, "x", 1, false);
	struct tmpdir dir = tmpdir_new();
	struct tmppath p = tmp_in(dir.path, "100% of?it#x"), shm, wal;
	struct store *s = NULL;

	store_sqlite_open(p.z, STORE_WRITE, NULL, &s, NULL);
	store_add_evaluations(s, STR("x"), 1, &r, 1, NULL);
	wal = tmp_beside(p.z, "-wal");
	shm = tmp_beside(p.z, "-shm");
	chmod(p.z, 0644);
	chmod(wal.z, 0644);
	chmod(shm.z, 0644);
	unprivileged(dir.path, p.z, "a reader without rights, beside a writer");
	store_close(s);
	unprivileged(dir.path, p.z, "and when there is no writer");
	tmpdir_remove(dir.path);
}

/* --- known domains that are seen again while they are read */

#define KNOWN_MANY 12000
#define KNOWN_PART 500
#define KNOWN_READS 20

/* They belong to the names of numbers from the first on. */
static void
know_part(struct store *s, unsigned first, int64_t day)
{
	static char names[KNOWN_PART][32];
	struct store_known known[KNOWN_PART];

	for (unsigned i = 0; i < KNOWN_PART; i++) {
		snprintf(names[i], sizeof(names[i]), "k%u.example", first + i);
		known[i] = (struct store_known){str_from_z(names[i]), day};
	}
	while (store_know_domains(s, known, KNOWN_PART, NULL) == AVER_TEMP)
		usleep(1000);
}

static void
see_again(const char *spec)
{
	struct store *s = NULL;

	if (store_open(spec, STORE_WRITE, &s, NULL))
		_exit(1);
	for (int64_t day = 2;; day++)
		for (unsigned i = 0; i < KNOWN_MANY / 2; i += KNOWN_PART)
			know_part(s, i, day * 86400);
}

static int
count_known(void *arg, const struct store_known *known)
{
	(void)known;
	++*(unsigned *)arg;
	return 0;
}

static void
known_while_seen(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	unsigned least = KNOWN_MANY;
	pid_t pid;

	for (unsigned i = 0; i < KNOWN_MANY; i += KNOWN_PART)
		know_part(s, i, 86400);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		see_again(spec);
	for (int i = 0; i < KNOWN_READS; i++) {
		unsigned n = 0;

		if (store_each_known(s, count_known, &n, NULL))
			ok(false, "read known domains");
		least = n < least ? n : least;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(least, KNOWN_MANY, "none is missed while others are seen");
	store_close(s);
}

int
main(void)
{
	struct tmpdir dir = tmpdir_new();

	on_each_backend("contract", contract);
	on_each_backend("known", contract_known);
	bad_specs();
	migrations(dir.path);
	from_version(dir.path, 1, STORE_WRITE);
	from_version(dir.path, 2, STORE_WRITE);
	from_version(dir.path, 1, STORE_CHANGE);
	from_version(dir.path, 2, STORE_CHANGE);
	foreign_files(dir.path);
	collisions(dir.path);
	locked(dir.path);
	full_disk(dir.path);
	full_take(dir.path);
	replaced(dir.path);
	damaged(dir.path);
	modes(dir.path);
	made_by_root(dir.path);
	read_only_folder();
	tmpdir_remove(dir.path);
	on_each_backend("seen", known_while_seen);
	return tap_done();
}
