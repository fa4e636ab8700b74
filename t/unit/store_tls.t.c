/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The contracts of lib/store/sts.h, destination.h, tls_result.h and failure.h,
 * which every back end has to keep.
 */
#include "lib/store/tls_result.h"

#include <time.h>

#include "lib/base/arena.h"
#include "lib/store/destination.h"
#include "lib/store/failure.h"
#include "lib/store/sts.h"
#include "t/unit/store_backend.h"

#define DAY 86400
#define EVER ((int64_t)1 << 40)

static char big[STORE_INCIDENT_MAX + 1];

/* --- MTA-STS */

static void
print_sts_to(struct buf *b, const struct store_sts *x)
{
	buf_addf(b, "%.*s %.*s/%zu %lld-%lld used %lld ok %lld",
	    STRF(x->domain), STRF(x->id), x->policy.n, (long long)x->fetched,
	    (long long)x->expires, (long long)x->last_used,
	    (long long)x->refreshed);
	if (x->failure || x->next_try)
		buf_addf(b, " failed %lld %d %.*s next %lld",
		    (long long)x->failed, x->failure, STRF(x->failure_detail),
		    (long long)x->next_try);
	buf_add_c(b, '\n');
}

static int
print_sts(void *arg, const struct store_sts *x)
{
	print_sts_to(arg, x);
	return 0;
}

static void
is_sts(struct store *s, const char *domain, const char *want, const char *name)
{
	struct store_sts x;
	struct arena a;
	struct buf b;
	int err;

	arena_init(&a, 1 << 20);
	buf_init(&b, NULL, 1 << 16);
	err = store_get_sts(s, str_from_z(domain), &a, &x, NULL);
	if (err == 0)
		print_sts_to(&b, &x);
	is_int(err, *want ? 0 : AVER_NOTFOUND, name);
	is_text(&b, want, name);
	buf_fini(&b);
	arena_fini(&a);
}

static void
is_all_sts(
    struct store *s, const char *after, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(
	    store_each_sts(s, str_from_z(after), print_sts, &b, NULL), 0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static struct store_sts
policy(const char *domain, const char *id, int64_t fetched)
{
	return (struct store_sts){.domain = str_from_z(domain),
	    .id = str_from_z(id),
	    .policy = STR("version: STSv1\nmode: enforce\n"),
	    .fetched = fetched,
	    .expires = fetched + 1000,
	    .last_used = fetched,
	    .refreshed = fetched};
}

static struct store_sts
failure(const char *domain, int64_t at)
{
	return (struct store_sts){.domain = str_from_z(domain),
	    .failed = at,
	    .failure = 7,
	    .failure_detail = STR("refused"),
	    .next_try = at + 300};
}

static void
contract_sts(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_sts x = policy("a.example", "1", 100);
	const struct store_sts_use use[] = {{STR("a.example"), 350},
	    {STR("n.example"), 360}, {STR("a.example"), 340}};
	struct diag d;

	is_sts(s, "a.example", "", "none");
	is_int(store_put_sts(s, &x, &d), 0, "put");
	is_sts(s, "a.example", "a.example 1/29 100-1100 used 100 ok 100\n",
	    "there");
	x = failure("a.example", 200);
	is_int(store_fail_sts(s, &x, &d), 0, "a failure");
	is_sts(s, "a.example",
	    "a.example 1/29 100-1100 used 100 ok 100 failed 200 7 refused next "
	    "500\n",
	    "leaves the policy alone");
	x = failure("a.example", 199);
	is_int(store_fail_sts(s, &x, &d), 0, "one that comes late");
	is_sts(s, "a.example",
	    "a.example 1/29 100-1100 used 100 ok 100 failed 200 7 refused next "
	    "500\n",
	    "changes nothing");
	x = policy("a.example", "1", 300);
	is_int(store_put_sts(s, &x, &d), 0, "fetched again");
	is_sts(s, "a.example", "a.example 1/29 300-1300 used 300 ok 300\n",
	    "there is no failure any more");
	x = failure("a.example", 299);
	store_fail_sts(s, &x, &d);
	is_sts(s, "a.example", "a.example 1/29 300-1300 used 300 ok 300\n",
	    "a failure before that changes nothing");
	is_int(store_touch_sts(s, use, 3, &d), 0, "used");
	is_sts(s, "a.example", "a.example 1/29 300-1300 used 350 ok 300\n",
	    "the latest counts");
	is_sts(s, "n.example", "", "unknown ones are passed over");
	x = policy("a.example", "0", 99);
	is_int(store_put_sts(s, &x, &d), 0, "an older fetch");
	is_sts(s, "a.example", "a.example 1/29 300-1300 used 350 ok 300\n",
	    "changes nothing");
	x = policy("a.example", "3", 400);
	x.last_used = 0;
	is_int(store_put_sts(s, &x, &d), 0, "a newer one");
	is_sts(s, "a.example", "a.example 3/29 400-1400 used 350 ok 400\n",
	    "replaces it");
	x = failure("f.example", 500);
	is_int(store_fail_sts(s, &x, &d), 0, "a failure without a policy");
	is_sts(s, "f.example",
	    "f.example /0 0-0 used 0 ok 0 failed 500 7 refused next 800\n",
	    "is remembered");
	x = policy("f.example", "9", 600);
	store_put_sts(s, &x, &d);
	is_sts(s, "f.example", "f.example 9/29 600-1600 used 600 ok 600\n",
	    "until there is one");
	is_all_sts(s, "",
	    "a.example 3/29 400-1400 used 350 ok 400\n"
	    "f.example 9/29 600-1600 used 600 ok 600\n",
	    "all");
	is_all_sts(s, "a.example", "f.example 9/29 600-1600 used 600 ok 600\n",
	    "after a");
	is_int(store_remove_sts(s, STR("a.example"), &d), 0, "removed");
	is_int(
	    store_remove_sts(s, STR("a.example"), &d), AVER_NOTFOUND, "once");
	is_sts(s, "a.example", "", "gone");
	store_close(s);
}

static void
contract_sts_end(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_sts x, got;
	struct arena a, small;
	struct diag d;

	arena_init(&a, 1 << 20);
	arena_init(&small, 0);
	x = policy("old.example", "1", 100);
	store_put_sts(s, &x, &d);
	x = policy("used.example", "1", 100);
	x.last_used = 900;
	store_put_sts(s, &x, &d);
	x = policy("new.example", "1", 900);
	store_put_sts(s, &x, &d);
	x = failure("failed.example", 950);
	store_fail_sts(s, &x, &d);
	is_int(store_forget_sts(s, 900, 0, &d), 0, "forget what is not used");
	is_all_sts(s, "",
	    "failed.example /0 0-0 used 0 ok 0 failed 950 7 refused next 1250\n"
	    "new.example 1/29 900-1900 used 900 ok 900\n"
	    "used.example 1/29 100-1100 used 900 ok 100\n",
	    "one");
	is_int(store_forget_sts(s, 0, 1101, &d), 0, "forget what expired");
	is_all_sts(s, "", "new.example 1/29 900-1900 used 900 ok 900\n",
	    "and a failure of then");
	x = policy("big.example", "1", 100);
	x.policy = (struct str){big, STORE_STS_POLICY_MAX};
	is_int(store_put_sts(s, &x, &d), 0, "the largest policy");
	is_int(store_get_sts(s, x.domain, &a, &got, &d), 0, "is there");
	is_str(got.policy, x.policy, "whole");
	is_int(store_get_sts(s, x.domain, &small, &got, &d), AVER_NOMEM,
	    "an arena that is full");
	x.policy.n++;
	is_int(store_put_sts(s, &x, &d), AVER_LIMIT, "a larger one");
	x = policy("", "1", 100);
	is_int(store_put_sts(s, &x, &d), AVER_LIMIT, "no domain");
	is_int(store_fail_sts(s, &x, &d), AVER_LIMIT, "no domain");
	x.domain = (struct str){big, 256};
	is_int(store_put_sts(s, &x, &d), AVER_LIMIT, "a long domain");
	x = policy("x.example", "1", 100);
	x.id = (struct str){big, STORE_STS_ID_MAX + 1};
	is_int(store_put_sts(s, &x, &d), AVER_LIMIT, "a long id");
	is_int(store_touch_sts(s, NULL, 0, &d), 0, "no use");
	arena_fini(&a);
	arena_fini(&small);
	store_close(s);
}

static int
print_change(void *arg, struct str domain, const struct store_sts *sts)
{
	buf_addf(arg, "%.*s %lld\n", STRF(domain),
	    sts ? (long long)sts->fetched : -1);
	return 0;
}

static int
stop_change(void *arg, struct str domain, const struct store_sts *sts)
{
	print_change(arg, domain, sts);
	return 7;
}

static void
is_changes(struct store *s, int64_t *mark, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_sts_change(s, mark, print_change, &b, NULL), 0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
put_at(struct store *s, const char *domain, int64_t fetched)
{
	struct store_sts x = policy(domain, "1", fetched);
	struct diag d = {{0}, 0};

	if (store_put_sts(s, &x, &d))
		ok(false, "put %s: %s", domain, d.text);
}

/* Many policies in one go. */
static void
contract_many(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store *o = store_now(spec, STORE_WRITE);
	struct store_sts v[] = {policy("m.example", "1", 100),
	    policy("n.example", "2", 200), policy("o.example", "3", 300)};
	int64_t mark = -1, own;
	struct diag d;

	put_at(o, "first.example", 10);
	is_int(store_mark_sts(s, &mark, &d), 0, "a mark");
	own = mark;
	is_int(store_put_sts_many(o, v, 0, &d), 0, "none is nothing");
	is_changes(s, &mark, "", "and changes nothing");
	is_int(store_put_sts_many(o, v, 3, &d), 0, "three");
	is_sts(s, "n.example", "n.example 2/29 200-1200 used 200 ok 200\n",
	    "one of them");
	is_changes(s, &mark, "m.example 100\nn.example 200\no.example 300\n",
	    "others learn of them");
	is_changes(o, &own, "", "who has put them does not");
	v[0].fetched = v[2].fetched = 50;
	v[1].fetched = 900;
	is_int(store_put_sts_many(o, v, 3, &d), 0, "two of three are older");
	is_changes(s, &mark, "n.example 900\n", "they change nothing");
	v[2].domain = STR_NONE;
	v[1].fetched = 950;
	is_int(store_put_sts_many(o, v, 3, &d), AVER_LIMIT, "one has no name");
	is_changes(s, &mark, "", "none is put");
	store_remove_sts(o, STR("first.example"), &d);
	store_remove_sts(o, STR("o.example"), &d);
	store_remove_sts(o, STR("m.example"), &d);
	store_remove_sts(o, STR("n.example"), &d);
	store_close(s);
	store_close(o);
}

/* What one handle changes, another one learns. */
static void
contract_changes(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store *o = store_now(spec, STORE_WRITE);
	int64_t mark = -1, from, far;
	struct store_sts x;
	struct diag d;
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_mark_sts(s, &mark, &d), 0, "a mark");
	is_changes(s, &mark, "", "nothing has changed");
	put_at(o, "a.example", 100);
	is_int(store_mark_sts(s, &mark, &d), 0, "a mark");
	is_changes(s, &mark, "", "nothing after it");
	from = mark;
	put_at(o, "b.example", 200);
	put_at(o, "a.example", 300);
	put_at(o, "a.example", 299);
	is_changes(s, &mark, "b.example 200\na.example 300\n", "both");
	is_changes(s, &mark, "", "once");
	x = failure("a.example", 400);
	store_fail_sts(o, &x, &d);
	is_int(store_touch_sts(
		   o, &(struct store_sts_use){STR("a.example"), 500}, 1, &d),
	    0, "used");
	is_changes(s, &mark, "", "a failure is no change, nor is a use");
	is_int(store_remove_sts(o, STR("a.example"), &d), 0, "remove");
	is_int(
	    store_remove_sts(o, STR("a.example"), &d), AVER_NOTFOUND, "twice");
	x = failure("a.example", 700);
	store_fail_sts(o, &x, &d);
	is_changes(
	    s, &mark, "a.example -1\n", "a removal, whatever failed later");
	put_at(o, "a.example", 800);
	is_changes(s, &mark, "a.example 800\n", "and back");
	is_int(store_forget_sts(o, 0, 100000, &d), 0, "all are forgotten");
	is_changes(s, &mark, "", "which is no change");
	mark = from;
	is_changes(s, &mark, "", "nor taken for a removal later");
	/* its own are left out as long as others do not come between */
	put_at(s, "own1.example", 1000);
	put_at(s, "own2.example", 1000);
	put_at(s, "own3.example", 1000);
	far = mark;
	is_changes(s, &mark, "", "no change of its own");
	is_changes(o, &far,
	    "own1.example 1000\nown2.example 1000\nown3.example 1000\n",
	    "but for another");
	put_at(o, "other.example", 2000);
	put_at(s, "own.example", 2001);
	from = mark;
	is_int(store_each_sts_change(s, &mark, stop_change, &b, &d), 7, "stop");
	is_text(&b, "other.example 2000\n", "after one");
	is_changes(s, &mark, "", "the mark has moved on");
	far = mark + ((int64_t)1 << 50);
	is_int(store_each_sts_change(s, &far, print_change, &b, &d),
	    AVER_NOTFOUND, "a mark of another store");
	/* who is away for long has to read all */
	for (int i = 0; i < 20000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d%d.example", i);
		put_at(o, name, 3000);
	}
	is_int(store_each_sts_change(s, &from, print_change, &b, &d),
	    AVER_NOTFOUND, "too much has changed since");
	buf_fini(&b);
	store_close(o);
	store_close(s);
}

/* A clock that was wrong keeps nobody from correcting it. */
static void
contract_clock(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	int64_t now = time(NULL);
	struct store_sts x;
	struct arena a;
	struct diag d;

	arena_init(&a, 1 << 20);
	put_at(s, "a.example", now + STORE_STS_SKEW - 60);
	put_at(s, "a.example", now);
	is_int(store_get_sts(s, STR("a.example"), &a, &x, &d), 0, "get");
	is_int(x.fetched - now, STORE_STS_SKEW - 60, "a bit ahead is newer");
	put_at(s, "b.example", now + STORE_STS_SKEW + 3600);
	put_at(s, "b.example", now);
	is_int(store_get_sts(s, STR("b.example"), &a, &x, &d), 0, "get");
	is_int(x.fetched - now, 0, "far ahead is wrong");
	arena_fini(&a);
	store_close(s);
}

static uint64_t
claim(struct store *s, const char *id, int64_t now, int64_t newer, bool *there)
{
	const struct store_sts_claim x = {.domain = STR("a.example"),
	    .id = str_from_z(id),
	    .now = now,
	    .newer = newer,
	    .lease_ms = 60000};
	struct store_sts_claimed got = {.fence = 0};
	struct diag d = {{0}, 0};
	struct arena a;

	arena_init(&a, 1 << 20);
	if (store_claim_sts(s, &x, &a, &got, &d))
		ok(false, "claim: %s", d.text);
	*there = got.is_there;
	if (got.is_there)
		is_str(got.sts.domain, x.domain, "of the domain");
	arena_fini(&a);
	return got.fence;
}

/* Where a store is not shared, all are granted. */
static void
contract_no_claims(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	bool there;

	ok(!store_sts_is_shared(s), "not shared");
	ok(claim(s, "1", 0, 0, &there) && claim(s, "1", 0, 0, &there),
	    "two claims");
	is_int(store_unclaim_sts(s, STR("a.example"), 1, NULL), 0, "one less");
	store_close(s);
}

static void
contract_claims(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store *o = store_now(spec, STORE_WRITE);
	struct store_sts_claim x = {.domain = STR("b.example"), .lease_ms = 1};
	struct store_sts_claimed got;
	struct arena a;
	struct diag d;
	uint64_t f, g;
	bool there;

	arena_init(&a, 1 << 20);
	ok(store_sts_is_shared(s), "shared");
	f = claim(s, "1", 100, 0, &there);
	ok(f && !there, "nothing there: a claim");
	is_int(claim(o, "1", 100, 0, &there), 0, "the only one");
	is_int(store_unclaim_sts(o, STR("a.example"), f + 1, &d), 0,
	    "another fence");
	is_int(claim(o, "1", 100, 0, &there), 0, "ends nothing");
	is_int(store_unclaim_sts(s, STR("a.example"), f, &d), 0, "given back");
	g = claim(o, "1", 100, 0, &there);
	ok(g > f && !there, "the next has a higher fence");
	put_at(o, "a.example", 100);
	is_int(claim(s, "1", 100, 99, &there), 0, "there is a policy");
	ok(there, "which will do");
	is_int(claim(s, "", 1099, 99, &there), 0, "for any id");
	ok(there, "until it expires");
	is_int(claim(s, "2", 100, 99, &there), 0, "for another id");
	ok(!there, "it will not");
	claim(s, "1", 1100, 99, &there);
	ok(!there, "nor when it has expired");
	claim(s, "1", 100, 100, &there);
	ok(!there, "nor when a newer one is wanted");
	put_at(o, "a.example", 100 + STORE_STS_SKEW + 1);
	claim(s, "1", 100, 99, &there);
	ok(!there, "nor from the future");
	is_int(store_unclaim_sts(s, STR("a.example"), g, &d), 0, "given back");
	x.id = STR("1");
	is_int(store_claim_sts(s, &x, &a, &got, &d), 0, "a short claim");
	usleep(20000);
	is_int(store_claim_sts(o, &x, &a, &got, &d), 0, "again");
	ok(got.fence, "it has ended by itself");
	x.lease_ms = 0;
	is_int(store_claim_sts(s, &x, &a, &got, &d), AVER_LIMIT, "no lease");
	arena_fini(&a);
	store_close(o);
	store_close(s);
}

/* Sends commands to the server of "unix:PATH?..." */
static void
to_server(const char *spec, const char *commands)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t n = strcspn(spec + 5, "?");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char reply[4];

	memcpy(un.sun_path, spec + 5, n);
	ok(connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 &&
		write(fd, commands, strlen(commands)) ==
		    (ssize_t)strlen(commands) &&
		read(fd, reply, 4) == 4 && reply[0] != '-',
	    "the server is told");
	close(fd);
}

/* What does not belong there stops nobody, and gives way. */
static void
contract_odd_rows(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store *o = store_now(spec, STORE_WRITE);
	int64_t mark = 0;
	struct store_sts x;
	bool there;

	put_at(o, "a.example", 100);
	put_at(o, "b.example", 100);
	put_at(o, "c.example", 100);
	store_mark_sts(s, &mark, NULL);
	put_at(o, "a.example", 200);
	put_at(o, "b.example", 200);
	put_at(o, "c.example", 200);
	to_server(spec, "SET {odd-rows}:m:a.example x\r\n");
	to_server(spec, "HSET {odd-rows}:m:b.example fetched y used z\r\n");
	is_all_sts(s, "",
	    "a.example /0 0-0 used 0 ok 0\n"
	    "b.example /0 0-0 used 0 ok 0\n"
	    "c.example 1/29 200-1200 used 200 ok 200\n",
	    "all, of which two cannot be read");
	is_sts(s, "a.example", "a.example /0 0-0 used 0 ok 0\n", "get");
	is_changes(
	    s, &mark, "a.example 0\nb.example 0\nc.example 200\n", "changes");
	ok(claim(s, "1", 200, 0, &there) && !there, "such a one will not do");
	x = failure("b.example", 300);
	is_int(store_fail_sts(o, &x, NULL), 0, "a failure");
	is_int(store_touch_sts(
		   o, &(struct store_sts_use){STR("b.example"), 900}, 1, NULL),
	    0, "a use");
	put_at(o, "a.example", 300);
	put_at(o, "b.example", 300);
	is_all_sts(s, "",
	    "a.example 1/29 300-1300 used 300 ok 300\n"
	    "b.example 1/29 300-1300 used 900 ok 300\n"
	    "c.example 1/29 200-1200 used 200 ok 200\n",
	    "a policy takes its place");
	to_server(spec, "SET {odd-rows}:m:a.example x\r\n");
	is_int(store_forget_sts(o, 0, 1, NULL), 0, "the odd are forgotten");
	is_sts(s, "a.example", "", "gone");
	store_close(o);
	store_close(s);
}

/* --- destinations */

static int
print_destination(void *arg, const struct store_destination *x)
{
	buf_addf(arg, "%.*s %.*s tls %lld/%lld require %lld/%lld seen %lld\n",
	    STRF(x->domain), STRF(x->mx), (long long)x->starttls,
	    (long long)x->no_starttls, (long long)x->requiretls,
	    (long long)x->no_requiretls, (long long)x->seen);
	return 0;
}

static void
is_destinations(struct store *s, const char *domain, const char *after,
    const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_destination(s, str_from_z(domain), str_from_z(after),
		   print_destination, &b, NULL),
	    0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
contract_destinations(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_sighting x[] = {
	    {STR("b.example"), STR("mx2.example"), 50, STORE_OFFERED,
		STORE_OFFER_UNKNOWN},
	    {STR("b.example"), STR("mx1.example"), 60, STORE_OFFERED,
		STORE_OFFERED},
	    {STR("b.example"), STR("mx1.example"), 40, STORE_NOT_OFFERED,
		STORE_OFFERED},
	    {STR("a.example"), STR("mx1.example"), 70, STORE_OFFER_UNKNOWN,
		STORE_NOT_OFFERED},
	};
	static const char all[] =
	    "a.example mx1.example tls 0/0 require 0/70 seen 70\n"
	    "b.example mx1.example tls 60/40 require 60/0 seen 60\n"
	    "b.example mx2.example tls 50/0 require 0/0 seen 50\n";
	struct diag d;

	is_destinations(s, "", "", "", "none");
	is_int(store_see_destinations(s, x, 4, &d), 0, "see");
	is_destinations(s, "", "", all, "all");
	is_int(store_see_destinations(s, x, 4, &d), 0, "again");
	is_destinations(s, "", "", all, "changes nothing");
	is_destinations(s, "", "a.example",
	    "b.example mx1.example tls 60/40 require 60/0 seen 60\n"
	    "b.example mx2.example tls 50/0 require 0/0 seen 50\n",
	    "after a");
	is_destinations(s, "a.example", "",
	    "a.example mx1.example tls 0/0 require 0/70 seen 70\n", "of a");
	x[3].mx = (struct str){big, 256};
	is_int(store_see_destinations(s, x, 4, &d), AVER_LIMIT, "a long name");
	x[3].mx = STR_NONE;
	is_int(store_see_destinations(s, x, 4, &d), AVER_LIMIT, "no name");
	is_int(store_forget_destinations(s, 51, 99, &d), 0, "forget old ones");
	is_destinations(s, "b.example", "",
	    "b.example mx1.example tls 60/40 require 60/0 seen 60\n", "one");
	is_int(store_forget_destinations(s, 0, 1, &d), 0, "and all but one");
	is_destinations(s, "", "",
	    "a.example mx1.example tls 0/0 require 0/70 seen 70\n",
	    "the newest stays");
	is_int(store_remove_destination(s, STR("a.example"), &d), 0, "remove");
	is_int(store_remove_destination(s, STR("a.example"), &d), AVER_NOTFOUND,
	    "once");
	store_close(s);
}

/* --- results */

static int
print_result(void *arg, const struct store_tls_result *r)
{
	buf_addf(arg, "%.*s %lld %.*s %.*s/%.*s %llu %llu%s\n",
	    STRF(r->policy_domain), (long long)(r->day / DAY),
	    STRF(r->recipient_domain), STRF(r->policy), STRF(r->detail),
	    (unsigned long long)r->success, (unsigned long long)r->failure,
	    r->wanted ? "" : " unwanted");
	return 0;
}

static int
print_tls_domain(void *arg, const struct store_tls_domain *x)
{
	buf_addf(arg, "%.*s %lld-%lld %llu %llu %llu %llu\n",
	    STRF(x->policy_domain), (long long)(x->first_day / DAY),
	    (long long)(x->last_day / DAY), (unsigned long long)x->rows,
	    (unsigned long long)x->success, (unsigned long long)x->failure,
	    (unsigned long long)x->unwanted);
	return 0;
}

static void
is_results(struct store *s, const char *domain, int64_t from, int64_t to,
    const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_tls_result(s, str_from_z(domain), from * DAY,
		   to * DAY, print_result, &b, NULL),
	    0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
contract_results(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_tls_result rows[] = {
	    {.day = 3 * DAY + 5,
		.policy_domain = STR("p.example"),
		.recipient_domain = STR("r.example"),
		.policy = STR("sts"),
		.success = 2,
		.wanted = true},
	    {.day = 3 * DAY,
		.policy_domain = STR("p.example"),
		.recipient_domain = STR("r.example"),
		.policy = STR("sts"),
		.success = 3,
		.wanted = true},
	    {.day = 4 * DAY,
		.policy_domain = STR("p.example"),
		.recipient_domain = STR("r.example"),
		.policy = STR("st"),
		.detail = STR("s"),
		.failure = 1},
	    {.day = 4 * DAY,
		.policy_domain = STR("m.example"),
		.recipient_domain = STR("r.example"),
		.policy = STR("tlsa"),
		.failure = 1,
		.wanted = true},
	};
	uint64_t removed = 0, seq = 0;
	struct diag d;
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_add_tls_results(s, STR("p"), 9, rows, 4, &d), 0, "add");
	is_int(store_add_tls_results(s, STR("p"), 9, rows, 4, &d), 0, "again");
	is_int(store_add_tls_results(s, STR("p"), 5, rows, 4, &d), 0, "older");
	is_results(s, "", 0, 9,
	    "m.example 4 r.example tlsa/ 0 1\n"
	    "p.example 3 r.example sts/ 5 0\n"
	    "p.example 4 r.example st/s 0 1 unwanted\n",
	    "counted once, by the day");
	store_committed(s, STR("p"), &seq, &d);
	is_int(seq, 9, "the number is remembered");
	is_int(store_add_tls_results(s, STR("q"), 1, rows, 1, &d), 0,
	    "another source");
	is_int(store_add_tls_results(s, STR("p"), 0, rows, 1, &d), 0,
	    "without a number");
	is_int(store_add_tls_results(s, STR("p"), 0, rows, 1, &d), 0, "twice");
	store_committed(s, STR("p"), &seq, &d);
	is_int(seq, 9, "which stays");
	is_results(s, "p.example", 3, 4, "p.example 3 r.example sts/ 11 0\n",
	    "always counted");
	store_each_tls_domain(s, print_tls_domain, &b, &d);
	is_text(&b,
	    "m.example 4-4 1 0 1 0\n"
	    "p.example 3-4 2 11 1 1\n",
	    "domains");
	is_int(store_remove_tls_results(s, STR("p.example"), &removed, &d), 0,
	    "remove");
	is_int(removed, 12, "its sessions");
	is_int(store_remove_tls_results(s, STR("p.example"), NULL, &d), 0,
	    "again");
	is_results(s, "", 0, 9, "m.example 4 r.example tlsa/ 0 1\n", "gone");
#define REFUSED(field, value)                                            \
	do {                                                             \
		struct store_tls_result r_[2] = {rows[0], rows[0]};      \
		r_[1].field = value;                                     \
		is_int(store_add_tls_results(s, STR("z"), 1, r_, 2, &d), \
		    AVER_LIMIT, #field " = " #value);                    \
	} while (0)
	REFUSED(policy_domain, STR_NONE);
	REFUSED(policy_domain, ((struct str){big, 256}));
	REFUSED(recipient_domain, ((struct str){big, 256}));
	REFUSED(policy, ((struct str){big, STORE_TLS_POLICY_MAX + 1}));
	REFUSED(detail, ((struct str){big, STORE_TLS_DETAIL_MAX + 1}));
	REFUSED(success, UINT64_MAX);
	REFUSED(failure, UINT64_MAX);
	is_results(s, "p.example", 0, 9, "", "nothing of it is there");
	buf_fini(&b);
	store_close(s);
}

static int
print_bad(void *arg, const struct store_bad_datagram *x)
{
	buf_addf(arg, "%lld %.*s %zu\n", (long long)x->time, STRF(x->why),
	    x->octets.n);
	return 0;
}

static int
count_bad(void *arg, const struct store_bad_datagram *x)
{
	int *n = arg;

	/* the newest first */
	*n = x->time == 1099 - *n ? *n + 1 : -1000;
	return 0;
}

static void
contract_bad(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_bad_datagram x[250],
	    two[] = {
		{5, STR("no JSON"), STR("x\0y")},
		{6, {big, STORE_BAD_WHY + 5}, {big, STORE_BAD_OCTETS + 5}},
	    };
	uint64_t total = 99;
	struct diag d;
	struct buf b;
	int n = 0;

	buf_init(&b, NULL, 1 << 16);
	store_each_bad_datagram(s, &total, print_bad, &b, &d);
	is_int(total, 0, "none");
	is_int(store_add_bad_datagrams(s, two, 1, 0, &d), 0, "one");
	store_each_bad_datagram(s, &total, print_bad, &b, &d);
	is_text(&b, "5 no JSON 3\n", "kept");
	is_int(total, 1, "counted");
	is_int(
	    store_add_bad_datagrams(s, two + 1, 1, 7, &d), 0, "one of eight");
	store_each_bad_datagram(s, &total, print_bad, &b, &d);
	ok(buf_str(&b).n == 2 + STORE_BAD_WHY + 6 + 12, "cut to its bounds");
	is_int(total, 9, "counted");
	for (int i = 0; i < 250; i++)
		x[i] = (struct store_bad_datagram){
		    850 + i, STR("bad"), STR("octets")};
	is_int(store_add_bad_datagrams(s, x, 30, 0, &d), 0, "thirty");
	is_int(store_add_bad_datagrams(s, x + 30, 220, 0, &d), 0, "and more");
	store_each_bad_datagram(s, &total, count_bad, &n, &d);
	is_int(n, STORE_BAD_MAX, "the last hundred are kept");
	is_int(total, 259, "all are counted");
	is_int(store_add_bad_datagrams(s, NULL, 0, 1, &d), 0, "only counted");
	store_each_bad_datagram(s, &total, count_bad, &n, &d);
	is_int(total, 260, "is counted");
	buf_fini(&b);
	store_close(s);
}

/* --- incidents */

static int
print_incident(void *arg, const struct store_incident *x)
{
	buf_addf(arg, "%.*s %lld %.*s\n", STRF(x->policy_domain),
	    (long long)x->time, STRF(x->octets));
	return 0;
}

static void
is_incidents(
    struct store *s, const char *domain, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_incident(
		   s, str_from_z(domain), print_incident, &b, NULL),
	    0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
contract_incidents(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_incident x[] = {
	    {STR("p.example"), 20, STR("second")},
	    {STR("p.example"), 10, STR("first")},
	    {STR("a.example"), 30, STR("other")},
	};
	uint64_t removed = 0;
	struct diag d;

	is_int(store_add_incidents(s, STR("m"), 4, x, 3, &d), 0, "add");
	is_int(store_add_incidents(s, STR("m"), 4, x, 3, &d), 0, "again");
	is_incidents(s, "",
	    "a.example 30 other\n"
	    "p.example 10 first\n"
	    "p.example 20 second\n",
	    "once");
	is_incidents(s, "p.example",
	    "p.example 10 first\np.example 20 second\n", "of one");
	is_int(store_remove_incidents(s, STR("p.example"), 20, &removed, &d), 0,
	    "remove");
	is_int(removed, 1, "one");
	is_int(store_remove_incidents(s, STR_NONE, 99, &removed, &d), 0, "all");
	is_int(removed, 2, "both");
	is_incidents(s, "", "", "gone");
	x[2].octets = (struct str){big, STORE_INCIDENT_MAX + 1};
	is_int(store_add_incidents(s, STR("m"), 5, x, 3, &d), AVER_LIMIT,
	    "too large");
	x[2].octets.n--;
	x[2].policy_domain = STR_NONE;
	is_int(store_add_incidents(s, STR("m"), 5, x, 3, &d), AVER_LIMIT,
	    "no domain");
	x[2].policy_domain = STR("big.example");
	is_int(store_add_incidents(s, STR("m"), 5, x, 3, &d), 0, "the largest");
	store_close(s);
}

/* The queue is full: first of a domain, then in all. */
static void
contract_flood(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	static struct store_incident x[150];
	struct store_stats st;
	struct diag d;
	char name[32];

	for (int i = 0; i < 150; i++)
		x[i] =
		    (struct store_incident){STR("p.example"), i, STR("octets")};
	is_int(store_add_incidents(s, STR("m"), 1, x, 150, &d), 0, "150");
	store_stats(s, &st, &d);
	is_int(st.incidents, STORE_INCIDENTS_DOMAIN, "100 of a domain");
	is_int(st.incidents_dropped, 50, "the rest is counted");
	for (int k = 0; k < 110; k++) {
		snprintf(name, sizeof(name), "d%d.example", k);
		for (int i = 0; i < 100; i++)
			x[i] = (struct store_incident){
			    str_from_z(name), i, STR("octets")};
		if (store_add_incidents(
			s, STR("m"), (uint64_t)k + 2, x, 100, &d))
			ok(false, "%s", d.text);
	}
	store_stats(s, &st, &d);
	is_int(st.incidents, STORE_INCIDENTS_MOST, "the most");
	is_int(st.incidents_dropped, 50 + 1100, "the rest is counted");
	store_close(s);
}

/* --- all in one batch */

static void
contract_batch(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	const struct store_evaluation row = {
	    .hour = 3600, .policy_domain = STR("e.example"), .count = 1};
	const struct store_known known = {STR("k.example"), DAY};
	const struct store_tls_result tls = {
	    .policy_domain = STR("p.example"), .success = 1};
	const struct store_bad_datagram bad = {1, STR("why"), STR("what")};
	const struct store_incident incident = {STR("i.example"), 1, STR("x")};
	const struct store_sighting seen = {
	    STR("d.example"), STR("mx.example"), 5, STORE_OFFERED, 0};
	struct store_batch b = {.source = STR("all"),
	    .seq = 1,
	    .rows = &row,
	    .n_rows = 1,
	    .known = &known,
	    .n_known = 1,
	    .tls_results = &tls,
	    .n_tls_results = 1,
	    .bad_datagrams = &bad,
	    .n_bad_datagrams = 1,
	    .incidents = &incident,
	    .n_incidents = 1,
	    .sightings = &seen,
	    .n_sightings = 1};
	struct store_stats st;
	struct diag d;

	is_int(store_add_batch(s, &b, &d), 0, "one of each");
	is_int(store_add_batch(s, &b, &d), 0, "again");
	is_int(store_stats(s, &st, &d), 0, "figures");
	ok(st.evaluations == 1 && st.known_domains == 1 &&
		st.tls_results == 1 && st.bad_datagrams == 1 &&
		st.incidents == 1 && st.destinations == 1 &&
		st.sts_policies == 0 && st.suppressions == 0 &&
		st.reports == 0 && st.pending == 0 && st.octets > 0,
	    "are each counted once");
	store_close(s);
}

int
main(void)
{
	memset(big, 'x', sizeof(big));
	on_each_backend("sts", contract_sts);
	on_each_backend("sts-end", contract_sts_end);
	on_each_backend("many", contract_many);
	on_each_backend("changes", contract_changes);
	on_each_backend("clock", contract_clock);
	on_sqlite("no-claims", contract_no_claims);
	on_redis("claims", contract_claims);
	/* speaks to the server itself, on its socket */
	if (!getenv("AVER_STORE"))
		on_redis("odd-rows", contract_odd_rows);
	on_each_backend("destinations", contract_destinations);
	on_each_backend("results", contract_results);
	on_each_backend("bad", contract_bad);
	on_each_backend("incidents", contract_incidents);
	on_each_backend("flood", contract_flood);
	on_each_backend("batch", contract_batch);
	return tap_done();
}
