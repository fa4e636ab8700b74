/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/redis_parts.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "lib/base/err.h"

#define PAGE 256
#define REPORT_FIELDS 11

static int
not_found(struct diag *d, const char *what)
{
	return diag_set(d, AVER_NOTFOUND, 0, "%s", what);
}

/* --- reports */

static void
put(struct redis_conn *c, const char *field, struct str value)
{
	redis_arg(c, str_from_z(field));
	redis_arg(c, value);
}

static void
put_int(struct redis_conn *c, const char *field, int64_t value)
{
	redis_arg(c, str_from_z(field));
	redis_arg_int(c, value);
}

static void
put_submission(
    struct redis_conn *c, unsigned number, const struct ledger_submission *sub)
{
	static const struct {
		char letter;
		size_t at; /* 0: begins as 0 */
	} numbers[] = {
	    {'n', offsetof(struct ledger_submission, next_try)},
	    {'g', offsetof(struct ledger_submission, give_up)},
	    {'l', offsetof(struct ledger_submission, last_try)},
	    {'f', 0},
	    {'e', 0},
	};
	char f[16];
	int64_t v;

	snprintf(f, sizeof(f), "%u#", number);
	put_int(c, f, number);
	snprintf(f, sizeof(f), "%us", number);
	put_int(c, f, (int64_t)sub->state);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		v = 0;
		if (numbers[i].at)
			memcpy(
			    &v, (const char *)sub + numbers[i].at, sizeof(v));
		snprintf(f, sizeof(f), "%u%c", number, numbers[i].letter);
		put_int(c, f, v);
	}
	snprintf(f, sizeof(f), "%ua", number);
	put_int(c, f, sub->attempts);
	snprintf(f, sizeof(f), "%ud", number);
	put(c, f, sub->destination);
	snprintf(f, sizeof(f), "%uu", number);
	put(c, f, sub->uri);
	snprintf(f, sizeof(f), "%ut", number);
	put(c, f, str_head(sub->detail, LEDGER_DETAIL_MAX));
}

void
redis_report_args(struct redis_conn *c, const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n)
{
	char list[LEDGER_SUBMISSIONS_MAX * 4 + 1];
	size_t at = 0;

	redis_arg(c, r->id);
	put_int(c, "kind", (int64_t)r->kind);
	put(c, "domain", r->policy_domain);
	put_int(c, "begin", r->begin);
	put_int(c, "end", r->end);
	put_int(c, "created", r->created);
	put_int(c, "rows", (int64_t)r->rows);
	put_int(c, "messages", (int64_t)r->messages);
	put_int(c, "size", (int64_t)r->body.n);
	put(c, "file", r->file_name);
	put(c, "record", r->record);
	put(c, "body", r->body);
	for (size_t i = 0; i < n; i++) {
		unsigned number =
		    subs[i].number ? subs[i].number : (unsigned)i + 1;

		put_submission(c, number, &subs[i]);
		at += (size_t)snprintf(
		    list + at, sizeof(list) - at, "%u ", number);
	}
	put(c, "subs", (struct str){list, at});
}

static int
put_report(struct store *base, const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int64_t there = 0;
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, REDIS_PUT);
	redis_arg(s->c, STR_NONE);
	redis_report_args(s->c, r, subs, n);
	err = redis_run_int(s, false, &there, d);
	if (!err && there)
		err = diag_set(
		    d, AVER_LIMIT, 0, "there is a report with that id");
	return err;
}

static bool
read_report(const struct resp *i, struct ledger_report *out)
{
	bool bad = false;
	int64_t kind;

	*out = (struct ledger_report){.id = redis_text(&i[0], &bad),
	    .policy_domain = redis_text(&i[2], &bad),
	    .begin = redis_int(&i[3], &bad),
	    .end = redis_int(&i[4], &bad),
	    .created = redis_int(&i[5], &bad),
	    .rows = redis_uint(&i[6], &bad),
	    .messages = redis_uint(&i[7], &bad),
	    .body_size = redis_uint(&i[8], &bad),
	    .file_name = redis_text(&i[9], &bad),
	    .record = redis_text(&i[10], &bad)};
	kind = redis_int(&i[1], &bad);
	out->kind = (enum ledger_kind)kind;
	return !bad && kind >= 0 && kind < LEDGER_KIND_COUNT;
}

static int
get_report(struct store *base, struct str id, bool with_body,
    struct arena *arena, struct ledger_report *out, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct ledger_report r;
	const struct resp *i;
	struct arena a;
	struct resp reply;
	bool bad = false;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(s->c, REDIS_REPORT);
	redis_arg(s->c, id);
	redis_arg(s->c, with_body ? STR("1") : STR("0"));
	err = redis_run(s->c, true, &a, &reply, d);
	if (!err && reply.type == RESP_NIL)
		err = not_found(d, "there is no such report");
	if (!err) {
		i = redis_items(&reply, REPORT_FIELDS + with_body, &bad);
		if (bad || !read_report(i, &r))
			err = redis_odd(s->c, d);
		else if (with_body)
			r.body = redis_text(&i[REPORT_FIELDS], &bad);
		if (!err && bad)
			err = redis_odd(s->c, d);
	}
	if (!err)
		err = redis_dup(arena,
		    (struct str *[]){&r.id, &r.policy_domain, &r.file_name,
			&r.record, &r.body},
		    5, d);
	arena_fini(&a);
	if (!err)
		*out = r;
	return err;
}

struct report_walk {
	struct redis_store *s;
	const struct ledger_filter *f;
	int (*fn)(void *arg, const struct ledger_report *r);
	void *arg;
	struct diag *d;
};

/* What reports.begin at the rank; *n: how many were looked at. */
static int
report_page(struct report_walk *w, size_t at, size_t *n, struct arena *a)
{
	struct redis_conn *c = w->s->c;
	const struct ledger_filter *f = w->f;
	const struct resp *i, *item;
	struct ledger_report r;
	struct resp reply;
	bool bad = false;
	char until[24];
	int err;

	snprintf(until, sizeof(until), "(%lld", (long long)f->until);
	redis_begin(c, REDIS_REPORTS);
	redis_arg(c, f->policy_domain);
	redis_arg_int(c, f->since);
	redis_arg(c, f->until ? str_from_z(until) : STR("+inf"));
	redis_arg(c, f->newest_first ? STR("1") : STR("0"));
	redis_arg_int(c, (int64_t)at);
	redis_arg_int(c, PAGE);
	redis_arg_int(c, f->has_kind ? (int64_t)f->kind : -1);
	redis_arg_int(c, f->has_state ? (int64_t)f->state : -1);
	err = redis_run(c, true, a, &reply, w->d);
	if (err)
		return err;
	i = redis_items(&reply, 0, &bad);
	if (bad || reply.n == 0)
		return redis_odd(c, w->d);
	*n = (size_t)redis_uint(&i[0], &bad);
	for (size_t k = 1; k < reply.n && !bad; k++) {
		item = redis_items(&i[k], REPORT_FIELDS + 2, &bad);
		if (bad || !read_report(item, &r))
			return redis_odd(c, w->d);
		err = w->fn(w->arg, &r);
		if (err)
			return err;
	}
	return bad ? redis_odd(c, w->d) : 0;
}

static int
each_report(struct store *base, const struct ledger_filter *f,
    int (*fn)(void *arg, const struct ledger_report *r), void *arg,
    struct diag *d)
{
	struct report_walk w = {redis_of(base), f, fn, arg, d};
	size_t at = 0, n = PAGE;
	int err = 0;

	w.s->walking++;
	while (n == PAGE && !err) {
		struct arena a;

		arena_init(&a, REDIS_ARENA);
		err = report_page(&w, at, &n, &a);
		arena_fini(&a);
		at += n;
	}
	w.s->walking--;
	return err;
}

static int
forget(struct store *base, int64_t before, struct str id, uint64_t *forgotten,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	uint64_t seen = PAGE, gone, kept = 0, all = 0;
	int err = redis_may_write(s, d);

	while (!err && seen == PAGE) {
		const struct resp *i;
		struct arena a;
		struct resp r;
		bool bad = false;

		arena_init(&a, 1 << 16);
		redis_begin(s->c, REDIS_FORGET_REPORTS);
		redis_arg_int(s->c, before);
		redis_arg_int(s->c, (int64_t)kept);
		redis_arg_int(s->c, PAGE);
		redis_arg(s->c, id);
		err = redis_run(s->c, true, &a, &r, d);
		i = err ? NULL : redis_items(&r, 2, &bad);
		if (i) {
			seen = redis_uint(&i[0], &bad);
			gone = redis_uint(&i[1], &bad);
			all += gone;
			kept += seen - gone;
		}
		if (bad)
			err = redis_odd(s->c, d);
		arena_fini(&a);
	}
	if (!err && forgotten)
		*forgotten = all;
	return err;
}

/* --- submissions */

static bool
read_submission(const struct resp *r, struct ledger_submission *out)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 12, &bad);
	int64_t state;

	if (bad)
		return false;
	*out = (struct ledger_submission){
	    .number = (unsigned)redis_uint(&i[0], &bad),
	    .attempts = (unsigned)redis_uint(&i[2], &bad),
	    .next_try = redis_int(&i[3], &bad),
	    .last_try = redis_int(&i[4], &bad),
	    .give_up = redis_int(&i[5], &bad),
	    .fence = redis_uint(&i[6], &bad),
	    .lease = redis_int(&i[7], &bad),
	    .destination = redis_text(&i[8], &bad),
	    .uri = redis_text(&i[9], &bad),
	    .detail = redis_text(&i[10], &bad),
	    .report_id = redis_text(&i[11], &bad)};
	state = redis_int(&i[1], &bad);
	out->state = (enum ledger_state)state;
	return !bad && state >= 0 && state < LEDGER_STATE_COUNT;
}

/* The submissions from the item on. */
static int
give_submissions(struct redis_store *s, const struct resp *r, size_t from,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	bool bad = false;
	const struct resp *i = redis_items(r, 0, &bad);

	if (bad)
		return redis_odd(s->c, d);
	for (size_t k = from; k < r->n; k++) {
		struct ledger_submission sub;
		int stop;

		if (!read_submission(&i[k], &sub))
			return redis_odd(s->c, d);
		stop = fn(arg, &sub);
		if (stop)
			return stop;
	}
	return 0;
}

/* number 0: all */
static int
submissions(struct redis_store *s, struct str report_id, unsigned number,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	struct arena a;
	struct resp r;
	int err;

	arena_init(&a, REDIS_ARENA);
	redis_begin(s->c, REDIS_SUBS);
	redis_arg(s->c, report_id);
	redis_arg_int(s->c, number);
	err = redis_run(s->c, true, &a, &r, d);
	s->walking++;
	if (!err)
		err = give_submissions(s, &r, 0, fn, arg, d);
	s->walking--;
	arena_fini(&a);
	return err;
}

static int
each_submission(struct store *base, struct str report_id,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	return submissions(redis_of(base), report_id, 0, fn, arg, d);
}

struct copy {
	struct arena *arena;
	struct ledger_submission *out;
	struct diag *d;
	bool found;
};

static int
copy_submission(void *arg, const struct ledger_submission *sub)
{
	struct copy *c = arg;
	struct ledger_submission copy = *sub;
	int err = redis_dup(c->arena,
	    (struct str *[]){
		&copy.report_id, &copy.uri, &copy.destination, &copy.detail},
	    4, c->d);

	if (err)
		return err;
	c->found = true;
	*c->out = copy;
	return 0;
}

static int
get_submission(struct store *base, struct str report_id, unsigned number,
    struct arena *arena, struct ledger_submission *out, struct diag *d)
{
	struct copy c = {arena, out, d, false};
	int err = number ? submissions(redis_of(base), report_id, number,
			       copy_submission, &c, d)
			 : 0;

	if (err || c.found)
		return err;
	return not_found(d, "there is no such submission");
}

static int
due_page(struct redis_store *s, enum ledger_kind kind, int64_t now, size_t at,
    size_t *n, struct arena *a,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	struct resp r;
	bool bad = false;
	const struct resp *i;
	int err;

	redis_begin(s->c, REDIS_DUES);
	redis_arg_int(s->c, now);
	redis_arg_int(s->c, kind == LEDGER_KIND_COUNT ? -1 : (int64_t)kind);
	redis_arg_int(s->c, (int64_t)at);
	redis_arg_int(s->c, PAGE);
	err = redis_run(s->c, true, a, &r, d);
	if (err)
		return err;
	i = redis_items(&r, 0, &bad);
	if (bad || r.n == 0)
		return redis_odd(s->c, d);
	*n = (size_t)redis_uint(&i[0], &bad);
	if (bad)
		return redis_odd(s->c, d);
	return give_submissions(s, &r, 1, fn, arg, d);
}

static int
each_due(struct store *base, enum ledger_kind kind, int64_t now,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	size_t at = 0, n = PAGE;
	int err = 0;

	s->walking++;
	while (n == PAGE && !err) {
		struct arena a;

		arena_init(&a, REDIS_ARENA);
		err = due_page(s, kind, now, at, &n, &a, fn, arg, d);
		arena_fini(&a);
		at += n;
	}
	s->walking--;
	return err;
}

static int
next_due(struct store *base, int64_t *out, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	const struct resp *i;
	struct arena a;
	struct resp r;
	bool bad = false;
	int64_t next = 0;
	int err;

	arena_init(&a, 1 << 16);
	redis_begin(s->c, REDIS_NEXT);
	err = redis_run(s->c, true, &a, &r, d);
	if (!err && r.type == RESP_ARRAY && r.n == 0) {
		err = not_found(d, "no submission is pending");
	} else if (!err) {
		i = redis_items(&r, 2, &bad);
		if (i)
			next = redis_int(&i[1], &bad);
		if (bad)
			err = redis_odd(s->c, d);
	}
	arena_fini(&a);
	if (!err)
		*out = next;
	return err;
}

static int
count(struct store *base, int64_t since, struct str destination, uint64_t *out,
    struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int64_t n = 0;
	int err;

	redis_begin(s->c, REDIS_COUNT);
	redis_arg_int(s->c, since);
	redis_arg(s->c, destination);
	err = redis_run_int(s, true, &n, d);
	if (!err)
		*out = (uint64_t)n;
	return err;
}

/* --- claims */

/* The call of a script about one submission, or why there is none. */
static int
this_one(struct redis_store *s, enum redis_script script, struct str id,
    unsigned number, struct diag *d)
{
	int err = redis_may_write(s, d);

	if (err)
		return err;
	redis_begin(s->c, script);
	redis_arg(s->c, id);
	redis_arg_int(s->c, number);
	return 0;
}

/* Runs what answers nil or a number. */
static int
run_found(struct redis_store *s, int64_t *out, const char *what, struct diag *d)
{
	struct arena a;
	struct resp r;
	bool bad = false;
	int64_t v = 0;
	int err;

	arena_init(&a, 1 << 16);
	err = redis_run(s->c, false, &a, &r, d);
	if (!err && r.type == RESP_NIL)
		err = not_found(d, what);
	else if (!err)
		v = redis_int(&r, &bad);
	if (bad)
		err = redis_odd(s->c, d);
	arena_fini(&a);
	if (!err)
		*out = v;
	return err;
}

/*
 * The name of this call: what has it as that of the last one has been done, so
 * the call can be repeated after a lost reply.
 */
static int
put_call_name(struct redis_conn *c, struct diag *d)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[8];
	char name[2 * sizeof(random)];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return diag_set(d, AVER_CRYPTO, 0, "no random octets");
	for (size_t i = 0; i < sizeof(random); i++) {
		name[2 * i] = digits[random[i] >> 4];
		name[2 * i + 1] = digits[random[i] & 15];
	}
	redis_arg(c, (struct str){name, sizeof(name)});
	return 0;
}

static int
claim_page(struct redis_store *s, struct ledger_claim *claims, size_t n,
    int64_t now, int64_t lease, struct diag *d)
{
	const struct resp *i = NULL;
	struct arena a;
	struct resp r;
	bool bad = false;
	int err;

	redis_begin(s->c, REDIS_CLAIM);
	redis_arg_int(s->c, now);
	redis_arg_int(s->c, lease < INT64_MAX - now ? now + lease : INT64_MAX);
	err = put_call_name(s->c, d);
	if (err)
		return err;
	for (size_t k = 0; k < n; k++) {
		redis_arg(s->c, claims[k].report_id);
		redis_arg_int(s->c, claims[k].number);
	}
	arena_init(&a, 1 << 16);
	err = redis_run(s->c, true, &a, &r, d);
	if (!err)
		i = redis_items(&r, n, &bad);
	for (size_t k = 0; i && k < n; k++)
		claims[k].fence = redis_uint(&i[k], &bad);
	if (bad)
		err = redis_odd(s->c, d);
	arena_fini(&a);
	return err;
}

static int
claim(struct store *base, struct ledger_claim *claims, size_t n, int64_t now,
    int64_t lease, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = redis_may_write(s, d);

	for (size_t i = 0; i < n && !err; i += PAGE)
		err = claim_page(
		    s, claims + i, n - i < PAGE ? n - i : PAGE, now, lease, d);
	return err;
}

static int
with_claim(struct redis_store *s, struct diag *d)
{
	int64_t changed = 0;
	int err = redis_run_int(s, true, &changed, d);

	if (!err && !changed)
		err = not_found(d, "the claim has ended");
	return err;
}

static int
renew(struct store *base, struct str report_id, unsigned number, uint64_t fence,
    int64_t until, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = this_one(s, REDIS_RENEW, report_id, number, d);

	if (err)
		return err;
	redis_arg_int(s->c, (int64_t)fence);
	redis_arg_int(s->c, until);
	return with_claim(s, d);
}

static int
release(struct store *base, struct str report_id, unsigned number,
    uint64_t fence, int64_t last_try, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = this_one(s, REDIS_RELEASE, report_id, number, d);

	if (err)
		return err;
	redis_arg_int(s->c, (int64_t)fence);
	err = put_call_name(s->c, d);
	if (err)
		return err;
	redis_arg_int(s->c, last_try);
	return with_claim(s, d);
}

static int
finish(struct store *base, struct str report_id, unsigned number,
    uint64_t fence, enum ledger_state state, int64_t next_try,
    struct str detail, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int err = this_one(s, REDIS_FINISH, report_id, number, d);

	if (err)
		return err;
	redis_arg_int(s->c, (int64_t)fence);
	err = put_call_name(s->c, d);
	if (err)
		return err;
	redis_arg_int(s->c, (int64_t)state);
	redis_arg_int(s->c, next_try);
	redis_arg(s->c, str_head(detail, LEDGER_DETAIL_MAX));
	return with_claim(s, d);
}

static int
set(struct store *base, struct str report_id, unsigned number,
    const struct ledger_change *change, uint64_t *changed, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	int64_t n = 0;
	int err = this_one(s, REDIS_SET, report_id, number, d);

	if (err)
		return err;
	redis_arg_int(s->c, (int64_t)change->state);
	redis_arg_int(s->c, change->next_try);
	redis_arg_int(s->c, change->give_up);
	redis_arg(s->c, str_head(change->detail, LEDGER_DETAIL_MAX));
	err = run_found(s, &n, "there is no such report or submission", d);
	if (!err && changed)
		*changed = (uint64_t)n;
	return err;
}

/* --- secrets */

static int
secret(struct store *base, struct str name, const uint8_t given[STORE_SECRET],
    uint8_t out[STORE_SECRET], struct diag *d)
{
	struct redis_store *s = redis_of(base);
	uint8_t made[STORE_SECRET];
	struct arena a;
	struct resp r;
	int err;

	if (given)
		memcpy(made, given, sizeof(made));
	else if (RAND_priv_bytes(made, sizeof(made)) != 1)
		return diag_set(d, AVER_CRYPTO, 0, "no random octets");
	arena_init(&a, 1 << 16);
	redis_begin(s->c, REDIS_SECRET);
	redis_arg(s->c, name);
	redis_arg(s->c, s->read_only
			    ? STR_NONE
			    : (struct str){(const char *)made, sizeof(made)});
	err = redis_run(s->c, true, &a, &r, d);
	if (!err && r.type == RESP_NIL)
		err = not_found(d, "there is no such secret");
	else if (!err && (r.type != RESP_BULK || r.s.n != STORE_SECRET))
		err = redis_odd(s->c, d);
	if (!err)
		memcpy(out, r.s.p, STORE_SECRET);
	arena_fini(&a);
	return err;
}

const struct store_ledger_ops redis_ledger_ops = {
    .each_report = each_report,
    .get_report = get_report,
    .each_submission = each_submission,
    .get_submission = get_submission,
    .each_due = each_due,
    .next_due = next_due,
    .count = count,
    .claim = claim,
    .renew = renew,
    .release = release,
    .finish = finish,
    .set = set,
    .put = put_report,
    .forget = forget,
    .secret = secret,
};
