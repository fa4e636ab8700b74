/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The contract of lib/store/take.h, which every back end has to keep. */
#include "lib/store/take.h"

#include "lib/base/arena.h"
#include "lib/store/failure.h"
#include "lib/store/tls_result.h"
#include "t/unit/store_backend.h"

#define HOUR 3600
#define DAY 86400
#define EVER ((int64_t)1 << 40)

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

static struct store_tls_result
result(const char *domain, int64_t day, const char *recipient,
    const char *policy, const char *detail, uint64_t success, uint64_t failure,
    bool wanted)
{
	return (struct store_tls_result){.policy_domain = str_from_z(domain),
	    .day = day * DAY,
	    .recipient_domain = str_from_z(recipient),
	    .policy = str_from_z(policy),
	    .detail = str_from_z(detail),
	    .success = success,
	    .failure = failure,
	    .wanted = wanted};
}

static struct ledger_report
report(const char *id, enum ledger_kind kind, const char *domain)
{
	return (struct ledger_report){.id = str_from_z(id),
	    .kind = kind,
	    .policy_domain = str_from_z(domain),
	    .begin = 10 * HOUR,
	    .end = 12 * HOUR,
	    .created = 13 * HOUR,
	    .file_name = STR("file.xml.gz"),
	    .body = STR("\x1f\x8b\0body"),
	    .rows = 2,
	    .messages = 11,
	    .record = STR("v=DMARC1; p=none")};
}

static const struct ledger_submission two_uris[] = {
    {.uri = STR_INIT("mailto:a@rua.example"),
	.destination = STR_INIT("rua.example"),
	.next_try = 100,
	.give_up = 1000},
    {.uri = STR_INIT("mailto:b@other.example"),
	.destination = STR_INIT("other.example"),
	.state = LEDGER_SUPPRESSED,
	.detail = STR_INIT("bounced before")},
};

/* --- as text */

static int
print_due(void *arg, const struct store_due *due)
{
	buf_addf(arg, "%.*s %lld-%lld %llu %llu %llu\n",
	    STRF(due->policy_domain), (long long)due->first,
	    (long long)due->last, (unsigned long long)due->rows,
	    (unsigned long long)due->messages,
	    (unsigned long long)due->optional);
	return 0;
}

static int
print_row(void *arg, const struct store_take_row *r)
{
	buf_addf(arg, "%.*s %llu %llu %lld", STRF(r->octets),
	    (unsigned long long)r->count, (unsigned long long)r->wanted,
	    (long long)r->time);
	if (r->recipient_domain.n)
		buf_addf(arg, " %.*s %.*s %llu/%llu", STRF(r->recipient_domain),
		    STRF(r->detail), (unsigned long long)r->success,
		    (unsigned long long)r->failure);
	buf_add_c(arg, '\n');
	return 0;
}

static int
print_report(void *arg, const struct ledger_report *r)
{
	buf_addf(arg, "%.*s %s %.*s\n", STRF(r->id), ledger_kind_name(r->kind),
	    STRF(r->policy_domain));
	return 0;
}

static int
print_submission(void *arg, const struct ledger_submission *sub)
{
	buf_addf(arg, "%u %.*s %.*s %s %lld %lld \"%.*s\"\n", sub->number,
	    STRF(sub->uri), STRF(sub->destination),
	    ledger_state_name(sub->state), (long long)sub->next_try,
	    (long long)sub->give_up, STRF(sub->detail));
	return 0;
}

static void
is_due(struct store *s, enum ledger_kind kind, const char *after, int64_t to,
    const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(
	    store_each_due(s, kind, str_from_z(after), to, print_due, &b, NULL),
	    0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
is_taken(struct store_take *t, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_take_each(t, print_row, &b, NULL), 0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
is_reports(struct store *s, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_report(s, NULL, print_report, &b, NULL), 0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static struct store_take *
take_now(struct store *s, enum ledger_kind kind, const char *domain,
    int64_t from, int64_t to)
{
	struct store_take *t = NULL;
	struct diag d = {.text = ""};

	ok(store_take_begin(
	       s, kind, str_from_z(domain), from, to, 13 * HOUR, &t, &d) == 0,
	    "take %s %s", domain, d.text);
	return t;
}

/* --- what is due */

static int
stop_at(void *arg, const struct store_due *due)
{
	(void)due;
	return --*(int *)arg ? 0 : 77;
}

static void
add_rows(struct store *s)
{
	const struct store_evaluation rows[] = {
	    row("b.example", 10, "x", 3, false),
	    row("b.example", 11, "x", 4, false),
	    row("b.example", 11, "x", 1, true),
	    row("b.example", 11, "a", 2, true),
	    row("b.example", 11, "c", 1, false),
	    row("b.example", 12, "x", 100, false),
	    row("a.example", 11, "y", 5, true),
	    row("c.example", 12, "z", 1, false),
	};

	is_int(store_add_evaluations(
		   s, STR("t"), 1, rows, sizeof(rows) / sizeof(*rows), NULL),
	    0, "eight rows");
}

static void
contract_due(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_due due = {.rows = 7};
	int left = 1;
	struct arena a;

	arena_init(&a, 1 << 16);
	is_due(s, LEDGER_DMARC, "", EVER, "", "nothing is due");
	add_rows(s);
	is_due(s, LEDGER_DMARC, "", 12 * HOUR,
	    "a.example 39600-39600 1 5 5\n"
	    "b.example 36000-39600 5 11 3\n",
	    "by name, before noon");
	is_due(s, LEDGER_DMARC, "a.example", EVER,
	    "b.example 36000-43200 6 111 3\n"
	    "c.example 43200-43200 1 1 0\n",
	    "after the first, in all");
	is_due(s, LEDGER_DMARC, "a.exampl", 11 * HOUR,
	    "b.example 36000-36000 1 3 0\n", "what is due of all after");
	is_due(s, LEDGER_DMARC, "c.example", EVER, "", "after the last");
	is_due(s, LEDGER_TLS, "", EVER, "", "of another kind");
	is_due(s, LEDGER_FAILURE, "", EVER, "", "and the third");
	is_int(store_each_due(
		   s, LEDGER_DMARC, STR_NONE, EVER, stop_at, &left, NULL),
	    77, "fn stops");
	is_int(left, 0, "at once");
	is_int(store_get_due(s, LEDGER_DMARC, STR("b.example"), 12 * HOUR, &a,
		   &due, NULL),
	    0, "of one");
	ok(str_eq(due.policy_domain, STR("b.example")) &&
		due.first == 10 * HOUR && due.last == 11 * HOUR &&
		due.rows == 5 && due.messages == 11 && due.optional == 3,
	    "all of it");
	is_int(store_get_due(s, LEDGER_DMARC, STR("c.example"), 12 * HOUR, &a,
		   &due, NULL),
	    AVER_NOTFOUND, "not yet");
	is_int(store_get_due(s, LEDGER_KIND_COUNT, STR("c.example"), 12 * HOUR,
		   &a, &due, NULL),
	    AVER_BUG, "no kind");
	is_int(due.rows, 5, "out is untouched");
	store_close(s);
	arena_fini(&a);
}

/* --- takes */

static const char before_noon[] = "a 2 0 39600\n"
				  "c 1 1 39600\n"
				  "x 8 7 36000\n";

static void
contract_take(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct ledger_report r = report("r1", LEDGER_DMARC, "b.example");
	struct store_take *t = NULL;
	struct store_take_row last;
	struct diag d;
	struct arena a;

	arena_init(&a, 1 << 16);
	add_rows(s);
	is_int(store_take_begin(
		   s, LEDGER_DMARC, STR("b.example"), 0, 10 * HOUR, 0, &t, &d),
	    AVER_NOTFOUND, "nothing before ten");
	is_int(store_take_begin(
		   s, LEDGER_DMARC, STR("no.example"), 0, EVER, 0, &t, &d),
	    AVER_NOTFOUND, "nothing of a stranger");
	is_int(store_take_begin(
		   s, LEDGER_TLS, STR("b.example"), 0, EVER, 0, &t, &d),
	    AVER_NOTFOUND, "nothing of another kind");
	ok(t == NULL, "and no take");

	t = take_now(s, LEDGER_DMARC, "b.example", 0, 12 * HOUR);
	is_taken(t, before_noon, "grouped over the hours");
	is_taken(t, before_noon, "and again");
	is_int(store_take_last(t, &a, &last, &d), 0, "the last");
	is_str(last.octets, STR("c"), "is what came last in the last hour");
	is_int(last.time, 11 * HOUR, "at eleven");
	store_take_abort(t);
	is_due(s, LEDGER_DMARC, "", 12 * HOUR,
	    "a.example 39600-39600 1 5 5\n"
	    "b.example 36000-39600 5 11 3\n",
	    "an abort leaves all");
	is_reports(s, "", "no report");

	t = take_now(s, LEDGER_DMARC, "b.example", 0, 12 * HOUR);
	is_int(store_take_report(t, &r, two_uris, 2, &d), 0, "a report");
	store_take_abort(t);
	is_reports(s, "", "is not there after an abort");
	t = take_now(s, LEDGER_DMARC, "b.example", 0, 12 * HOUR);
	is_int(store_take_report(t, &r, two_uris, 2, &d), 0, "a report");
	r.id = STR("r2");
	is_int(store_take_report(t, &r, two_uris, 1, &d), 0, "its second part");
	is_taken(t, before_noon, "the rows are still there");
	is_int(store_take_commit(t, &d), 0, "commit");
	is_due(s, LEDGER_DMARC, "", EVER,
	    "a.example 39600-39600 1 5 5\n"
	    "b.example 43200-43200 1 100 0\n"
	    "c.example 43200-43200 1 1 0\n",
	    "the window's rows are gone, no others");
	is_reports(s, "r1 dmarc b.example\nr2 dmarc b.example\n",
	    "the reports are there");
	store_close(s);

	s = store_now(spec, STORE_WRITE);
	t = take_now(s, LEDGER_DMARC, "c.example", 12 * HOUR, 13 * HOUR);
	is_int(store_take_commit(t, &d), 0, "without a report");
	is_due(s, LEDGER_DMARC, "b.example", EVER, "", "rows are dropped");
	is_int(store_take_begin(
		   s, LEDGER_DMARC, STR("c.example"), 0, EVER, 0, &t, &d),
	    AVER_NOTFOUND, "once");
	store_take_abort(NULL);
	store_close(s);
	arena_fini(&a);
}

static void
contract_put(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct ledger_report r = report("r1", LEDGER_DMARC, "b.example"), got;
	struct store_take *t;
	struct arena a, small;
	struct diag d;
	struct buf b;

	arena_init(&a, 1 << 20);
	arena_init(&small, 0);
	buf_init(&b, NULL, 1 << 16);
	add_rows(s);
	t = take_now(s, LEDGER_DMARC, "b.example", 0, 11 * HOUR);
	store_take_report(t, &r, two_uris, 2, &d);
	store_take_commit(t, &d);
	is_int(store_get_report(s, STR("r1"), true, &a, &got, &d), 0, "get");
	ok(got.kind == LEDGER_DMARC && got.begin == r.begin &&
		got.end == r.end && got.created == r.created && got.rows == 2 &&
		got.messages == 11 && got.body_size == 7,
	    "numbers");
	is_str(got.policy_domain, r.policy_domain, "policy domain");
	is_str(got.body, r.body, "body, with its NUL");
	is_str(got.file_name, r.file_name, "file name");
	is_str(got.record, r.record, "record");
	is_int(store_get_report(s, STR("r1"), false, &a, &got, &d), 0,
	    "without body");
	ok(got.body.n == 0 && got.body_size == 7, "only its size");
	is_int(store_get_report(s, STR("r9"), true, &a, &got, &d),
	    AVER_NOTFOUND, "no such report");
	is_int(store_get_report(s, STR("r1"), true, &small, &got, &d),
	    AVER_NOMEM, "an arena that is full");
	store_each_submission(s, STR("r1"), print_submission, &b, &d);
	is_text(&b,
	    "1 mailto:a@rua.example rua.example pending 100 1000 \"\"\n"
	    "2 mailto:b@other.example other.example suppressed 0 0 "
	    "\"bounced before\"\n",
	    "submissions");

	/* the same window again: what came late */
	t = take_now(s, LEDGER_DMARC, "b.example", 0, 12 * HOUR);
	is_int(store_take_report(t, &r, two_uris, 2, &d), AVER_LIMIT,
	    "an id that is there");
	r.id = STR("r1-2");
	is_int(store_take_report(t, &r, NULL, 0, &d), 0, "gets another");
	is_int(store_take_commit(t, &d), 0, "and all is well");
	is_reports(s, "r1 dmarc b.example\nr1-2 dmarc b.example\n", "both");
	store_each_submission(s, STR("r1-2"), print_submission, &b, &d);
	is_text(&b, "", "without submissions");
	buf_fini(&b);
	arena_fini(&a);
	arena_fini(&small);
	store_close(s);
}

/* --- many rows, and odd names */

#define MANY 1700u /* in each of two hours: some pages of a back end */

struct many {
	char last[32];
	unsigned rows, unsorted, odd;
};

static int
look_at_many(void *arg, const struct store_take_row *row)
{
	struct many *m = arg;
	struct str last = str_from_z(m->last);
	/* hours 10 and 11 have it, and it was added once more in both */
	bool good = row->count == 4 && row->wanted == 2 &&
		    row->time == 10 * HOUR && row->octets.n < sizeof(m->last);

	if (m->rows && str_cmp(last, row->octets) >= 0)
		m->unsorted++;
	if (!good)
		m->odd++;
	else
		snprintf(m->last, sizeof(m->last), "%.*s", STRF(row->octets));
	m->rows++;
	return 0;
}

static void
add_many(struct store *s, uint64_t seq)
{
	struct store_evaluation rows[100];
	char octets[100][32];
	int err = 0;

	for (unsigned n = 0; n < 2 * MANY && !err;) {
		size_t k = 0;

		for (; k < 100 && n < 2 * MANY; k++, n++) {
			unsigned i = n % MANY * 7u % MANY;

			snprintf(octets[k], sizeof(octets[k]), "row %u", i);
			rows[k] = row("a.example", n < MANY ? 10 : 11,
			    octets[k], 1, n >= MANY);
		}
		err =
		    store_add_evaluations(s, STR("many"), seq++, rows, k, NULL);
	}
	is_int(err, 0, "many rows");
}

/* What a take that was given up had, and what came since, in one. */
static void
contract_many(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_take *t;
	struct many m;
	struct diag d;

	add_many(s, 1);
	t = take_now(s, LEDGER_DMARC, "a.example", 0, EVER);
	store_take_abort(t);
	add_many(s, 1000);
	t = take_now(s, LEDGER_DMARC, "a.example", 0, EVER);
	for (int i = 0; i < 2; i++) {
		m = (struct many){.rows = 0};
		is_int(store_take_each(t, look_at_many, &m, &d), 0, "a walk");
		is_int(m.rows, MANY, "has each row once");
		is_int(m.odd, 0, "with what it counts");
		is_int(m.unsorted, 0, "in order");
	}
	is_int(store_take_commit(t, &d), 0, "commit");
	is_due(s, LEDGER_DMARC, "", EVER, "", "all of it is gone");
	store_close(s);
}

/* Names that begin as another's entries in an index do. */
static void
contract_names(const char *spec)
{
	static const char odd[] = "a.example\0008000000000008ca0l";
	const struct str name = {odd, sizeof(odd) - 1};
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_evaluation rows[] = {row("a.example", 10, "x", 1, false),
	    row("", 10, "y", 2, false), row("a.examplf", 10, "z", 4, false)};
	struct store_take *t;
	struct store_due due;
	struct arena a;
	struct diag d;

	arena_init(&a, 1 << 16);
	rows[1].policy_domain = name;
	is_int(store_add_evaluations(s, STR("n"), 1, rows, 3, &d), 0, "three");
	is_int(store_get_due(
		   s, LEDGER_DMARC, STR("a.example"), EVER, &a, &due, &d),
	    0, "what is due of one");
	is_int((int64_t)due.messages, 1, "is its own");
	t = take_now(s, LEDGER_DMARC, "a.example", 0, EVER);
	is_taken(t, "x 1 1 36000\n", "a take has its own rows");
	is_int(store_take_commit(t, &d), 0, "commit");
	is_int(store_get_due(s, LEDGER_DMARC, name, EVER, &a, &due, &d), 0,
	    "the other");
	is_int((int64_t)due.messages, 2, "is there still");
	is_int(store_take_begin(s, LEDGER_DMARC, name, 0, EVER, 0, &t, &d), 0,
	    "its take");
	is_taken(t, "y 2 2 36000\n", "has its rows");
	store_take_abort(t);
	is_int(store_get_due(
		   s, LEDGER_DMARC, STR("a.examplf"), EVER, &a, &due, &d),
	    0, "and the third");
	is_int((int64_t)due.messages, 4, "too");
	arena_fini(&a);
	store_close(s);
}

/* --- the other kinds */

static void
contract_tls(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct ledger_report r = report("t1", LEDGER_TLS, "p.example");
	const struct store_tls_result rows[] = {
	    result("p.example", 3, "r1.example", "sts", "", 5, 0, true),
	    result("p.example", 4, "r1.example", "sts", "", 7, 0, true),
	    result("p.example", 3, "r1.example", "sts", "cert", 0, 2, true),
	    result("p.example", 3, "r1.example", "sts", "", 1, 0, false),
	    result("p.example", 3, "r0.example", "sts", "", 9, 0, true),
	    result("p.example", 3, "r0.example", "no", "", 1, 1, true),
	    result("q.example", 3, "q.example", "sts", "", 1, 0, true),
	};
	struct store_take *t = NULL;
	struct store_take_row last;
	struct diag d;
	struct arena a;

	arena_init(&a, 1 << 16);
	is_int(store_add_tls_results(s, STR("t"), 1, rows, 7, &d), 0, "seven");
	is_due(s, LEDGER_TLS, "", 4 * DAY,
	    "p.example 259200-259200 5 19 1\n"
	    "q.example 259200-259200 1 1 0\n",
	    "due before the fourth day");
	t = take_now(s, LEDGER_TLS, "p.example", 3 * DAY, 4 * DAY);
	is_taken(t,
	    "no 2 2 259200 r0.example  1/1\n"
	    "sts 9 9 259200 r0.example  9/0\n"
	    "sts 6 5 259200 r1.example  6/0\n"
	    "sts 2 2 259200 r1.example cert 0/2\n",
	    "by policy, recipient and detail");
	is_int(store_take_last(t, &a, &last, &d), 0, "the last");
	is_str(last.octets, STR("no"), "is what was counted last");
	is_int(store_take_report(t, &r, two_uris, 2, &d), 0, "a report");
	is_int(store_take_commit(t, &d), 0, "commit");
	is_due(s, LEDGER_TLS, "", EVER,
	    "p.example 345600-345600 1 7 0\n"
	    "q.example 259200-259200 1 1 0\n",
	    "the day is gone");
	is_reports(s, "t1 tls p.example\n", "and reported");
	arena_fini(&a);
	store_close(s);
}

static void
contract_failure(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct ledger_report r = report("f1", LEDGER_FAILURE, "p.example");
	const struct store_incident rows[] = {
	    {STR("p.example"), 20, STR("late")},
	    {STR("p.example"), 10, STR("first")},
	    {STR("p.example"), 10, STR("first too")},
	    {STR("p.example"), 30, STR("later")},
	    {STR("q.example"), 10, STR("other")},
	};
	struct store_take_row last;
	struct store_take *t;
	struct diag d;
	struct arena a;

	arena_init(&a, 1 << 16);
	is_int(store_add_incidents(s, STR("t"), 1, rows, 5, &d), 0, "five");
	is_due(s, LEDGER_FAILURE, "", EVER,
	    "p.example 10-30 4 4 0\nq.example 10-10 1 1 0\n", "are due");
	t = take_now(s, LEDGER_FAILURE, "p.example", 0, 30);
	is_taken(t,
	    "first 1 1 10\n"
	    "first too 1 1 10\n"
	    "late 1 1 20\n",
	    "by time, then as they came");
	store_take_last(t, &a, &last, &d);
	is_str(last.octets, STR("late"), "the last");
	store_take_report(t, &r, two_uris, 1, &d);
	is_int(store_take_commit(t, &d), 0, "commit");
	is_due(s, LEDGER_FAILURE, "", EVER,
	    "p.example 30-30 1 1 0\nq.example 10-10 1 1 0\n", "are gone");
	is_reports(s, "f1 failure p.example\n", "and reported");
	arena_fini(&a);
	store_close(s);
}

/* --- what is refused */

static int
write_in_walk(void *arg, const struct store_due *due)
{
	uint64_t removed;

	(void)due;
	return store_remove_evaluations(arg, STR("a.example"), &removed, NULL);
}

struct late_report {
	struct store_take *take;
	struct ledger_report report;
};

static int
report_in_walk(void *arg, const struct store_take_row *r)
{
	struct late_report *late = arg;

	if (!str_eq(r->octets, STR("c")))
		return 0;
	return store_take_report(late->take, &late->report, NULL, 0, NULL);
}

static void
contract_rules(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE), *reader;
	struct late_report late = {
	    .report = report("in-walk", LEDGER_DMARC, "b.example")};
	struct store_evaluation one = row("n.example", 1, "n", 1, false);
	struct store_take *t, *second = NULL;
	uint64_t removed = 9;
	struct diag d;

	add_rows(s);
	t = take_now(s, LEDGER_DMARC, "b.example", 0, 12 * HOUR);
	is_int(store_take_begin(
		   s, LEDGER_DMARC, STR("a.example"), 0, EVER, 0, &second, &d),
	    AVER_BUG, "a second take of the handle");
	is_int(store_add_evaluations(s, STR("t"), 2, &one, 1, &d), AVER_BUG,
	    "a write beside a take");
	is_int(store_remove_evaluations(s, STR("a.example"), &removed, &d),
	    AVER_BUG, "a removal beside it");
	is_int(removed, 9, "removes nothing");
	is_reports(s, "", "reading is allowed");
	late.take = t;
	is_int(store_take_each(t, report_in_walk, &late, &d), 0,
	    "a report is put while rows are read");
	is_int(store_take_commit(t, &d), 0, "and committed");
	is_reports(s, "in-walk dmarc b.example\n", "it is there");
	is_int(store_each_due(
		   s, LEDGER_DMARC, STR_NONE, EVER, write_in_walk, s, &d),
	    AVER_BUG, "a write in a walk");
	is_int(store_add_evaluations(s, STR("t"), 2, &one, 1, &d), 0,
	    "afterwards it may");
	reader = store_now(spec, STORE_READ);
	is_int(store_take_begin(
		   reader, LEDGER_DMARC, STR("a.example"), 0, EVER, 0, &t, &d),
	    AVER_BUG, "a reader takes nothing");
	is_due(reader, LEDGER_DMARC, "b", 12 * HOUR,
	    "n.example 3600-3600 1 1 0\n", "but sees what is due");
	store_close(reader);
	store_close(s);
}

/* Somebody else: waits or fails, and never has the same rows. */
static void
contract_others(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store *other = store_now(spec, STORE_WRITE);
	struct store_take *t, *theirs = NULL;
	struct store_evaluation late = row("b.example", 11, "late", 1, false);
	struct diag d;
	int err;

	add_rows(s);
	t = take_now(s, LEDGER_DMARC, "b.example", 0, 12 * HOUR);
	is_int(store_take_begin(other, LEDGER_DMARC, STR("b.example"), 0,
		   12 * HOUR, 0, &theirs, &d),
	    AVER_TEMP, "held by somebody else");
	/* what is recorded meanwhile waits, or is kept for the next take */
	err = store_add_evaluations(other, STR("u"), 1, &late, 1, &d);
	ok(err == 0 || err == AVER_TEMP, "a record meanwhile");
	is_int(store_take_commit(t, &d), 0, "commit");
	if (err)
		is_int(store_add_evaluations(other, STR("u"), 1, &late, 1, &d),
		    0, "and again");
	is_int(store_take_begin(other, LEDGER_DMARC, STR("b.example"), 0,
		   12 * HOUR, 0, &theirs, &d),
	    0, "now they may");
	is_taken(theirs, "late 1 1 39600\n", "and get what came late");
	store_take_abort(theirs);
	store_close(other);
	store_close(s);
}

static void
contract_bounds(const char *spec)
{
	static char big[LEDGER_RECORD_MAX + 1];
	struct store *s = store_now(spec, STORE_WRITE);
	const struct ledger_report good =
	    report("g", LEDGER_DMARC, "b.example");
	struct ledger_submission many[LEDGER_SUBMISSIONS_MAX + 1];
	struct ledger_submission bad;
	struct store_take *t;
	struct diag d;

	memset(big, 'x', sizeof(big));
	memset(many, 0, sizeof(many));
	add_rows(s);
	t = take_now(s, LEDGER_DMARC, "b.example", 0, EVER);
#define REFUSED(field, value)                                              \
	do {                                                               \
		struct ledger_report r_ = good;                            \
		r_.field = value;                                          \
		is_int(store_take_report(t, &r_, NULL, 0, &d), AVER_LIMIT, \
		    #field " = " #value);                                  \
	} while (0)
	REFUSED(id, STR_NONE);
	REFUSED(id, ((struct str){big, LEDGER_ID_MAX + 1}));
	REFUSED(kind, LEDGER_KIND_COUNT);
	REFUSED(policy_domain, STR_NONE);
	REFUSED(policy_domain, ((struct str){big, 256}));
	REFUSED(file_name, ((struct str){big, LEDGER_FILE_NAME_MAX + 1}));
	REFUSED(record, ((struct str){big, LEDGER_RECORD_MAX + 1}));
	REFUSED(body, ((struct str){big, LEDGER_BODY_MAX + 1}));
	REFUSED(rows, UINT64_MAX);
	REFUSED(messages, UINT64_MAX);
#define REFUSED_SUB(field, value)                                            \
	do {                                                                 \
		bad = two_uris[0];                                           \
		bad.field = value;                                           \
		is_int(store_take_report(t, &good, &bad, 1, &d), AVER_LIMIT, \
		    "submission " #field " = " #value);                      \
	} while (0)
	REFUSED_SUB(number, LEDGER_SUBMISSIONS_MAX + 1);
	REFUSED_SUB(number, UINT32_MAX);
	REFUSED_SUB(uri, ((struct str){big, LEDGER_URI_MAX + 1}));
	REFUSED_SUB(destination, ((struct str){big, 256}));
	REFUSED_SUB(state, LEDGER_STATE_COUNT);
	is_int(
	    store_take_report(t, &good, many, LEDGER_SUBMISSIONS_MAX + 1, &d),
	    AVER_LIMIT, "too many submissions");
	many[3].number = 1;
	is_int(store_take_report(t, &good, many, 4, &d), AVER_LIMIT,
	    "a number twice");
	many[3].number = LEDGER_SUBMISSIONS_MAX;
	many[2].detail = (struct str){big, LEDGER_DETAIL_MAX + 9};
	is_int(store_take_report(t, &good, many, 4, &d), 0, "the good one");
	is_int(store_take_commit(t, &d), 0, "is all there is");
	is_reports(s, "g dmarc b.example\n", "in the ledger");
	store_close(s);
}

int
main(void)
{
	on_each_backend("due", contract_due);
	on_each_backend("take", contract_take);
	on_each_backend("put", contract_put);
	on_each_backend("tls", contract_tls);
	on_each_backend("many", contract_many);
	on_redis("names", contract_names);
	on_each_backend("failure", contract_failure);
	on_each_backend("rules", contract_rules);
	on_each_backend("others", contract_others);
	on_each_backend("bounds", contract_bounds);
	return tap_done();
}
