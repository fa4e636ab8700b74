/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The contracts of lib/store/ledger.h and suppress.h, which every back end
 * has to keep.
 */
#include "lib/store/ledger.h"

#include <sys/wait.h>

#include "lib/base/arena.h"
#include "lib/store/suppress.h"
#include "t/unit/store_backend.h"

static void
put_report(struct store *s, const char *id, enum ledger_kind kind,
    const char *domain, int64_t created, size_t n)
{
	const struct ledger_submission subs[] = {
	    {.uri = STR("mailto:a@one.example"),
		.destination = STR("one.example"),
		.next_try = created + 10,
		.give_up = created + 1000},
	    {.uri = STR("https://two.example/r"),
		.destination = STR("two.example"),
		.next_try = created,
		.give_up = created + 1000},
	    {.number = 7,
		.uri = STR("mailto:c@one.example"),
		.destination = STR("one.example"),
		.state = LEDGER_SUPPRESSED},
	};
	const struct ledger_report r = {.id = str_from_z(id),
	    .kind = kind,
	    .policy_domain = str_from_z(domain),
	    .created = created,
	    .body = STR("body")};
	struct diag d = {.text = ""};

	ok(store_put_report(s, &r, subs, n, &d) == 0, "put %s %s", id, d.text);
}

/* --- as text */

static int
print_report(void *arg, const struct ledger_report *r)
{
	buf_addf(arg, "%.*s%s", STRF(r->id), r->body.n ? "!" : " ");
	return 0;
}

static int
print_submission(void *arg, const struct ledger_submission *sub)
{
	buf_addf(arg, "%.*s#%u %s try %u next %lld last %lld lease %lld %.*s\n",
	    STRF(sub->report_id), sub->number, ledger_state_name(sub->state),
	    sub->attempts, (long long)sub->next_try, (long long)sub->last_try,
	    (long long)sub->lease, STRF(sub->detail));
	return 0;
}

static int
print_name(void *arg, const struct ledger_submission *sub)
{
	buf_addf(arg, "%.*s#%u ", STRF(sub->report_id), sub->number);
	return 0;
}

static void
is_listed(struct store *s, const struct ledger_filter *f, const char *want,
    const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_report(s, f, print_report, &b, NULL), 0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
is_submissions(
    struct store *s, const char *id, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_submission(
		   s, str_from_z(id), print_submission, &b, NULL),
	    0, name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
is_due(struct store *s, enum ledger_kind kind, int64_t now, const char *want,
    const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_due_submission(s, kind, now, print_name, &b, NULL), 0,
	    name);
	is_text(&b, want, name);
	buf_fini(&b);
}

/* --- lists */

static int
stop(void *arg, const struct ledger_report *r)
{
	(void)r;
	++*(int *)arg;
	return 5;
}

static void
contract_lists(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	const struct ledger_filter tls = {.has_kind = true, .kind = LEDGER_TLS},
				   b = {.policy_domain = STR("b.example")},
				   window = {.since = 200, .until = 300},
				   newest = {.newest_first = true},
				   b_newest = {.policy_domain =
						   STR("b.example"),
				       .newest_first = true},
				   b_tls = {.policy_domain = STR("b.example"),
				       .has_kind = true,
				       .kind = LEDGER_TLS,
				       .since = 200,
				       .until = 201},
				   b_later = {.policy_domain = STR("b.example"),
				       .since = 201},
				   suppressed = {.has_state = true,
				       .state = LEDGER_SUPPRESSED},
				   sent = {
				       .has_state = true, .state = LEDGER_SENT};
	int calls = 0;

	is_listed(s, NULL, "", "none");
	put_report(s, "r3", LEDGER_DMARC, "a.example", 300, 1);
	put_report(s, "r1", LEDGER_DMARC, "a.example", 100, 2);
	put_report(s, "r2", LEDGER_TLS, "b.example", 200, 3);
	put_report(s, "q2", LEDGER_FAILURE, "b.example", 200, 0);
	is_listed(s, NULL, "r1 r2 q2 r3 ", "in order, without bodies");
	is_listed(s, &newest, "r3 q2 r2 r1 ", "newest first");
	is_listed(s, &tls, "r2 ", "of a kind");
	is_listed(s, &b, "r2 q2 ", "of a domain");
	is_listed(s, &b_newest, "q2 r2 ", "newest first");
	is_listed(s, &b_tls, "r2 ", "of a domain, kind and time");
	is_listed(s, &b_later, "", "of a later time");
	is_listed(s, &window, "r2 q2 ", "of a time");
	is_listed(s, &suppressed, "r2 ", "with a state");
	is_listed(s, &sent, "", "with another");
	is_int(store_each_report(s, NULL, stop, &calls, NULL), 5, "stops");
	is_int(calls, 1, "at once");
	store_close(s);
}

static void
contract_due(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct ledger_submission sub = {.number = 99};
	int64_t next = -7;
	struct arena a;
	struct diag d;

	arena_init(&a, 1 << 16);
	is_int(store_next_due(s, &next, &d), AVER_NOTFOUND, "none is due");
	is_int(next, -7, "untouched");
	put_report(s, "r1", LEDGER_DMARC, "a.example", 100, 3);
	put_report(s, "t1", LEDGER_TLS, "a.example", 90, 2);
	is_int(store_next_due(s, &next, &d), 0, "next");
	is_int(next, 90, "at 90");
	is_due(s, LEDGER_KIND_COUNT, 89, "", "before it");
	is_due(s, LEDGER_KIND_COUNT, 100, "t1#2 r1#2 t1#1 ", "by time");
	is_due(s, LEDGER_KIND_COUNT, 1000, "t1#2 r1#2 t1#1 r1#1 ", "all");
	is_due(s, LEDGER_TLS, 1000, "t1#2 t1#1 ", "of a kind");
	is_due(s, LEDGER_FAILURE, 1000, "", "of another");
	is_int(store_get_submission(s, STR("r1"), 7, &a, &sub, &d), 0, "one");
	ok(sub.number == 7 && sub.state == LEDGER_SUPPRESSED &&
		str_eq(sub.uri, STR("mailto:c@one.example")) &&
		str_eq(sub.destination, STR("one.example")) &&
		str_eq(sub.report_id, STR("r1")),
	    "all of it");
	is_int(store_get_submission(s, STR("r1"), 3, &a, &sub, &d),
	    AVER_NOTFOUND, "no such number");
	is_int(store_get_submission(s, STR("r9"), 1, &a, &sub, &d),
	    AVER_NOTFOUND, "no such report");
	is_int(sub.number, 7, "untouched");
	arena_fini(&a);
	store_close(s);
}

/* --- claims */

static void
contract_claims(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store *other = store_now(spec, STORE_WRITE);
	uint64_t fence = 0, theirs = 0, n = 9;
	struct diag d;

	put_report(s, "r1", LEDGER_DMARC, "a.example", 100, 3);
	is_int(store_claim_submission(s, STR("r1"), 1, 109, 60, &fence, &d),
	    AVER_NOTFOUND, "not due");
	is_int(store_claim_submission(s, STR("r1"), 7, 500, 60, &fence, &d),
	    AVER_NOTFOUND, "not pending");
	is_int(store_claim_submission(s, STR("r1"), 3, 500, 60, &fence, &d),
	    AVER_NOTFOUND, "no such number");
	is_int(store_claim_submission(s, STR("r9"), 1, 500, 60, &fence, &d),
	    AVER_NOTFOUND, "no such report");
	is_int(store_claim_submission(s, STR("r1"), 1, 500, 0, &fence, &d),
	    AVER_BUG, "no lease");
	is_int(fence, 0, "untouched");
	is_int(store_claim_submission(s, STR("r1"), 1, 110, 60, &fence, &d), 0,
	    "claimed");
	ok(fence > 0, "with a fence");
	is_int(
	    store_claim_submission(other, STR("r1"), 1, 110, 60, &theirs, &d),
	    AVER_NOTFOUND, "not for others");
	is_int(store_claim_submission(s, STR("r1"), 1, 169, 60, &theirs, &d),
	    AVER_NOTFOUND, "nor for the same, until it is over");
	is_due(other, LEDGER_DMARC, 169, "r1#2 ", "it is not due meanwhile");
	is_submissions(s, "r1",
	    "r1#1 pending try 1 next 110 last 110 lease 170 \n"
	    "r1#2 pending try 0 next 100 last 0 lease 0 \n"
	    "r1#7 suppressed try 0 next 0 last 0 lease 0 \n",
	    "as claimed");
	is_int(store_count_submissions(s, 110, STR("one.example"), &n, &d), 0,
	    "count");
	is_int(n, 1, "what is being tried counts");
	store_count_submissions(s, 111, STR("one.example"), &n, &d);
	is_int(n, 0, "not from later on");
	store_count_submissions(s, 0, STR("two.example"), &n, &d);
	is_int(n, 0, "not elsewhere");
	store_count_submissions(s, 0, STR_NONE, &n, &d);
	is_int(n, 1, "in all, as what was never tried does not");
	/* the lease runs out, somebody else takes over */
	is_due(other, LEDGER_DMARC, 170, "r1#2 r1#1 ", "due again");
	is_int(
	    store_claim_submission(other, STR("r1"), 1, 170, 60, &theirs, &d),
	    0, "taken over");
	ok(theirs > fence, "with a higher fence");
	is_int(store_finish_submission(
		   s, STR("r1"), 1, fence, LEDGER_SENT, 0, STR("stale"), &d),
	    AVER_NOTFOUND, "the first comes too late");
	is_int(store_renew_submission(s, STR("r1"), 1, fence, 999, &d),
	    AVER_NOTFOUND, "and cannot go on");
	is_int(store_renew_submission(other, STR("r1"), 1, theirs, 300, &d), 0,
	    "the second can");
	is_int(store_claim_submission(s, STR("r1"), 1, 299, 60, &fence, &d),
	    AVER_NOTFOUND, "until then");
	is_int(store_finish_submission(other, STR("r1"), 1, theirs,
		   LEDGER_PENDING, 400, STR("451 later"), &d),
	    0, "to be tried again");
	is_int(store_finish_submission(
		   other, STR("r1"), 1, theirs, LEDGER_SENT, 0, STR_NONE, &d),
	    AVER_NOTFOUND, "a claim ends once");
	is_due(s, LEDGER_DMARC, 399, "r1#2 ", "not before its time");
	is_int(store_claim_submission(s, STR("r1"), 1, 400, 60, &fence, &d), 0,
	    "third try");
	ok(fence > theirs, "fences go up");
	is_int(store_finish_submission(
		   s, STR("r1"), 1, fence, LEDGER_SENT, 0, STR("250 ok"), &d),
	    0, "sent");
	is_int(store_claim_submission(s, STR("r1"), 1, 900, 60, &fence, &d),
	    AVER_NOTFOUND, "and never again");
	is_submissions(s, "r1",
	    "r1#1 sent try 3 next 0 last 400 lease 0 250 ok\n"
	    "r1#2 pending try 0 next 100 last 0 lease 0 \n"
	    "r1#7 suppressed try 0 next 0 last 0 lease 0 \n",
	    "in the end");
	is_int(store_finish_submission(
		   s, STR("r1"), 1, fence, LEDGER_STATE_COUNT, 0, STR_NONE, &d),
	    AVER_BUG, "no state");
	store_close(other);
	store_close(s);
}

static void
contract_release(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store *other = store_now(spec, STORE_WRITE);
	uint64_t fence = 0, n = 0;
	struct diag d;

	put_report(s, "r1", LEDGER_DMARC, "a.example", 100, 3);
	store_claim_submission(s, STR("r1"), 1, 110, 60, &fence, &d);
	is_int(store_release_submission(s, STR("r1"), 1, fence, 0, &d), 0,
	    "not tried after all");
	is_submissions(other, "r1",
	    "r1#1 pending try 0 next 110 last 0 lease 0 \n"
	    "r1#2 pending try 0 next 100 last 0 lease 0 \n"
	    "r1#7 suppressed try 0 next 0 last 0 lease 0 \n",
	    "it is as it was");
	is_due(other, LEDGER_DMARC, 110, "r1#2 r1#1 ", "and due");
	store_count_submissions(other, 0, STR_NONE, &n, &d);
	is_int(n, 0, "no cap counts it");
	is_int(store_release_submission(s, STR("r1"), 1, fence, 0, &d),
	    AVER_NOTFOUND, "once only");
	store_claim_submission(s, STR("r1"), 1, 120, 60, &fence, &d);
	store_finish_submission(
	    s, STR("r1"), 1, fence, LEDGER_PENDING, 200, STR("451 x"), &d);
	store_claim_submission(s, STR("r1"), 1, 200, 60, &fence, &d);
	is_int(store_release_submission(s, STR("r1"), 1, fence, 120, &d), 0,
	    "after one try");
	is_submissions(other, "r1",
	    "r1#1 pending try 1 next 200 last 120 lease 0 451 x\n"
	    "r1#2 pending try 0 next 100 last 0 lease 0 \n"
	    "r1#7 suppressed try 0 next 0 last 0 lease 0 \n",
	    "that one stays");
	store_count_submissions(other, 120, STR("one.example"), &n, &d);
	is_int(n, 1, "and counts");
	store_count_submissions(other, 121, STR_NONE, &n, &d);
	is_int(n, 0, "at its time");
	store_claim_submission(s, STR("r1"), 1, 200, 60, &fence, &d);
	store_claim_submission(other, STR("r1"), 1, 260, 60, &n, &d);
	is_int(store_release_submission(s, STR("r1"), 1, fence, 120, &d),
	    AVER_NOTFOUND, "what somebody else has claimed is theirs");
	store_close(other);
	store_close(s);
}

static void
contract_claim_many(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store *other = store_now(spec, STORE_WRITE);
	struct ledger_claim c[] = {
	    {.report_id = STR("r1"), .number = 1, .fence = 77},
	    {.report_id = STR("r1"), .number = 2},
	    {.report_id = STR("r9"), .number = 1},
	    {.report_id = STR("r1"), .number = 2},
	    {.report_id = STR("r2"), .number = 1, .fence = 77}};
	uint64_t fence = 0;
	struct diag d;

	put_report(s, "r1", LEDGER_DMARC, "a.example", 100, 3);
	put_report(s, "r2", LEDGER_DMARC, "b.example", 100, 1);
	is_int(store_claim_submission(other, STR("r2"), 1, 500, 60, &fence, &d),
	    0, "one is taken");
	is_int(
	    store_claim_submissions(s, c, 5, 500, 0, &d), AVER_BUG, "no lease");
	is_int(store_claim_submissions(s, c, 0, 500, 60, &d), 0, "none");
	is_int(store_claim_submissions(s, c, 5, 500, 60, &d), 0, "several");
	ok(c[0].fence > 0 && c[1].fence > 0, "claimed, with fences");
	is_int(c[2].fence, 0, "an unknown one is not");
	is_int(c[3].fence, 0, "nor one a second time");
	is_int(c[4].fence, 0, "nor what somebody else has");
	is_submissions(other, "r1",
	    "r1#1 pending try 1 next 110 last 500 lease 560 \n"
	    "r1#2 pending try 1 next 100 last 500 lease 560 \n"
	    "r1#7 suppressed try 0 next 0 last 0 lease 0 \n",
	    "as if one by one");
	is_int(store_claim_submissions(other, c, 2, 559, 60, &d), 0,
	    "somebody else");
	ok(c[0].fence == 0 && c[1].fence == 0, "gets none of them");
	is_int(store_claim_submissions(other, c, 2, 560, 60, &d), 0,
	    "when the leases are over");
	ok(c[0].fence > 0 && c[1].fence > 0, "all of them");
	is_int(store_finish_submission(other, STR("r1"), 2, c[1].fence,
		   LEDGER_SENT, 0, STR_NONE, &d),
	    0, "each is finished by itself");
	is_submissions(s, "r1",
	    "r1#1 pending try 2 next 110 last 560 lease 620 \n"
	    "r1#2 sent try 2 next 0 last 560 lease 0 \n"
	    "r1#7 suppressed try 0 next 0 last 0 lease 0 \n",
	    "and the other goes on");
	store_close(other);
	store_close(s);
}

static void
change(struct store *s, unsigned number, enum ledger_state state, int want,
    uint64_t want_n, const char *name)
{
	const struct ledger_change c = {.state = state,
	    .next_try = 700,
	    .give_up = 900,
	    .detail = STR("changed")};
	uint64_t n = 0;

	is_int(store_set_submissions(s, STR("r1"), number, &c, &n, NULL), want,
	    name);
	is_int(n, want_n, name);
}

static void
contract_changes(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	uint64_t fence = 0;
	struct diag d;

	change(s, 0, LEDGER_CANCELLED, AVER_NOTFOUND, 0, "no such report");
	put_report(s, "r1", LEDGER_DMARC, "a.example", 100, 3);
	put_report(s, "r2", LEDGER_DMARC, "a.example", 100, 3);
	change(s, 3, LEDGER_CANCELLED, AVER_NOTFOUND, 0, "no such number");
	change(s, 1, LEDGER_SENT, AVER_BUG, 0, "sent is said by the sender");
	change(s, 1, LEDGER_STATE_COUNT, AVER_BUG, 0, "no state");
	change(s, 0, LEDGER_BOUNCED, 0, 0, "nothing was sent");
	change(s, 0, LEDGER_CANCELLED, 0, 2, "what is pending is cancelled");
	is_due(s, LEDGER_DMARC, 999, "r2#2 r2#1 ", "not due any more");
	change(s, 1, LEDGER_PENDING, 0, 1, "resend one");
	is_submissions(s, "r1",
	    "r1#1 pending try 0 next 700 last 0 lease 0 changed\n"
	    "r1#2 cancelled try 0 next 100 last 0 lease 0 changed\n"
	    "r1#7 suppressed try 0 next 0 last 0 lease 0 \n",
	    "is due later");
	/* while it is being sent */
	store_claim_submission(s, STR("r1"), 1, 700, 60, &fence, &d);
	change(s, 1, LEDGER_CANCELLED, 0, 1, "cancelled while being sent");
	is_int(store_finish_submission(
		   s, STR("r1"), 1, fence, LEDGER_PENDING, 800, STR("451"), &d),
	    0, "which failed");
	is_due(s, LEDGER_DMARC, 999, "r2#2 r2#1 ", "is not tried again");
	change(s, 1, LEDGER_PENDING, 0, 1, "again");
	store_claim_submission(s, STR("r1"), 1, 700, 60, &fence, &d);
	change(s, 1, LEDGER_CANCELLED, 0, 1, "cancelled while being sent");
	store_finish_submission(
	    s, STR("r1"), 1, fence, LEDGER_SENT, 0, STR("250"), &d);
	change(s, 1, LEDGER_BOUNCED, 0, 1, "but it was sent, and bounces");
	change(s, 1, LEDGER_PENDING, 0, 1, "again");
	store_claim_submission(s, STR("r1"), 1, 700, 60, &fence, &d);
	change(s, 1, LEDGER_BOUNCED, 0, 1, "bounces before the sender knows");
	store_finish_submission(
	    s, STR("r1"), 1, fence, LEDGER_SENT, 0, STR("250"), &d);
	is_submissions(s, "r1",
	    "r1#1 bounced try 1 next 0 last 700 lease 0 250\n"
	    "r1#2 cancelled try 0 next 100 last 0 lease 0 changed\n"
	    "r1#7 suppressed try 0 next 0 last 0 lease 0 \n",
	    "stays bounced");
	change(s, 0, LEDGER_PENDING, 0, 3, "resend all");
	store_claim_submission(s, STR("r1"), 1, 700, 60, &fence, &d);
	change(s, 1, LEDGER_PENDING, 0, 1, "also while it is being sent");
	is_int(store_finish_submission(
		   s, STR("r1"), 1, fence, LEDGER_SENT, 0, STR_NONE, &d),
	    AVER_NOTFOUND, "whose sender has lost it");
	is_due(s, LEDGER_DMARC, 999, "r2#2 r2#1 r1#1 r1#2 r1#7 ", "all due");
	store_close(s);
}

static void
contract_forget(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	const struct ledger_change cancel = {.state = LEDGER_CANCELLED};
	struct ledger_report again = {
	    .id = STR("r1"), .policy_domain = STR("a.example"), .created = 400};
	uint64_t n = 9;
	struct diag d;

	put_report(s, "r1", LEDGER_DMARC, "a.example", 100, 3);
	put_report(s, "r2", LEDGER_DMARC, "a.example", 100, 3);
	put_report(s, "r3", LEDGER_DMARC, "a.example", 200, 0);
	is_int(store_put_report(s, &again, NULL, 0, &d), AVER_LIMIT,
	    "an id is there once");
	store_set_submissions(s, STR("r1"), 0, &cancel, NULL, NULL);
	is_int(store_forget_reports(s, 100, &n, &d), 0, "nothing before 100");
	is_int(n, 0, "nothing");
	is_int(store_forget_reports(s, 200, &n, &d), 0, "before 200");
	is_int(n, 1, "the one that is done with");
	is_listed(s, NULL, "r2 r3 ", "others stay");
	is_submissions(s, "r1", "", "its submissions are gone");
	is_int(store_put_report(s, &again, NULL, 0, &d), 0, "its id is free");
	is_submissions(s, "r1", "", "and has none of the old ones");
	is_int(store_forget_reports(s, 1000, NULL, &d), 0, "all");
	is_listed(s, NULL, "r2 ", "but what is pending");
	store_close(s);
}

static void
contract_secret(const char *spec)
{
	struct store *s, *reader;
	uint8_t a[STORE_SECRET] = {0}, b[STORE_SECRET], c[STORE_SECRET];
	static char name[65];
	struct diag d;

	memset(name, 'n', sizeof(name));
	s = store_now(spec, STORE_WRITE);
	reader = store_now(spec, STORE_READ);
	is_int(store_secret(reader, STR("verp"), a, &d), AVER_NOTFOUND,
	    "a reader makes none");
	is_int(store_secret(s, STR("verp"), a, &d), 0, "made");
	is_int(store_secret(s, STR("verp"), b, &d), 0, "again");
	ok(memcmp(a, b, sizeof(a)) == 0, "the same");
	is_int(store_secret(reader, STR("verp"), b, &d), 0, "a reader");
	ok(memcmp(a, b, sizeof(a)) == 0, "has the same");
	is_int(store_secret(s, STR("other"), c, &d), 0, "another");
	ok(memcmp(a, c, sizeof(a)) != 0, "is another");
	memset(b, 0, sizeof(b));
	ok(memcmp(a, b, sizeof(a)) != 0, "no zeros");
	is_int(store_secret(s, (struct str){name, 65}, a, &d), AVER_LIMIT,
	    "a long name");
	is_int(store_secret(s, STR_NONE, a, &d), AVER_LIMIT, "no name");
	is_int(
	    store_secret(s, (struct str){name, 64}, a, &d), 0, "the longest");
	store_close(reader);
	store_close(s);
}

/* --- two runners and more */

#define RUNNERS 4
#define REPORTS 40

/*
 * Goes through all submissions until none is to be had, and sends what it
 * claims by one octet down the pipe.
 */
static bool
run_once(struct store *s, unsigned i, int fd)
{
	unsigned char who = (unsigned char)i;
	uint64_t fence;
	char id[16];
	int err;

	snprintf(id, sizeof(id), "r%u", i);
	err =
	    store_claim_submission(s, str_from_z(id), 1, 500, 60, &fence, NULL);
	if (err)
		return err == AVER_TEMP;
	if (write(fd, &who, 1) != 1)
		_exit(3);
	while ((err = store_finish_submission(s, str_from_z(id), 1, fence,
		    LEDGER_SENT, 0, STR_NONE, NULL)) == AVER_TEMP)
		usleep(100);
	if (err)
		_exit(4);
	return true;
}

static void
run(const char *spec, int fd)
{
	struct store *s = NULL;
	bool more = true;

	while (store_open(spec, STORE_WRITE, &s, NULL))
		usleep(1000);
	while (more) {
		more = false;
		for (unsigned i = 0; i < REPORTS; i++)
			more |= run_once(s, i, fd);
	}
	store_close(s);
	_exit(0);
}

static int
count_report(void *arg, const struct ledger_report *r)
{
	(void)r;
	++*(int *)arg;
	return 0;
}

static void
contract_runners(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	const struct ledger_filter sent = {
	    .has_state = true, .state = LEDGER_SENT};
	unsigned seen[REPORTS] = {0}, twice = 0, never = 0;
	unsigned char who;
	int fds[2], status, bad = 0, listed = 0;

	for (unsigned i = 0; i < REPORTS; i++) {
		char id[16];

		snprintf(id, sizeof(id), "r%u", i);
		put_report(s, id, LEDGER_DMARC, "a.example", 100, 1);
	}
	store_close(s);
	if (pipe(fds))
		exit(99);
	fflush(stdout);
	for (int i = 0; i < RUNNERS; i++)
		if (fork() == 0)
			run(spec, fds[1]);
	close(fds[1]);
	while (read(fds[0], &who, 1) == 1)
		seen[who]++;
	close(fds[0]);
	for (int i = 0; i < RUNNERS; i++) {
		wait(&status);
		bad += status != 0;
	}
	for (unsigned i = 0; i < REPORTS; i++) {
		twice += seen[i] > 1;
		never += seen[i] == 0;
	}
	is_int(bad, 0, "runners end well");
	is_int(twice, 0, "no submission is sent twice");
	is_int(never, 0, "each is sent");
	s = store_now(spec, STORE_READ);
	is_int(store_each_report(s, &sent, count_report, &listed, NULL), 0,
	    "list");
	is_int(listed, REPORTS, "all are known to be sent");
	is_due(s, LEDGER_DMARC, 9999, "", "nothing is left");
	store_close(s);
}

/* --- suppressions */

static int
print_suppression(void *arg, const struct store_suppression *sup)
{
	buf_addf(arg, "%s %.*s %lld-%lld %u%s %.*s\n",
	    suppress_kind_name(sup->kind), STRF(sup->value),
	    (long long)sup->since, (long long)sup->until, sup->strikes,
	    sup->manual ? " manual" : "", STRF(sup->comment));
	return 0;
}

static void
is_suppressed(struct store *s, enum suppress_kind kind, const char *want,
    const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 1 << 16);
	is_int(store_each_suppression(s, kind, print_suppression, &b, NULL), 0,
	    name);
	is_text(&b, want, name);
	buf_fini(&b);
}

static void
contract_suppress(const char *spec)
{
	static char big[SUPPRESS_VALUE_MAX + 1];
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_suppression out = {.strikes = 99},
				 x = {.kind = SUPPRESS_RUA_DOMAIN,
				     .value = STR("r.example"),
				     .since = 5,
				     .manual = true,
				     .comment = STR("asked")},
				 y = {.kind = SUPPRESS_ADDRESS,
				     .value = STR("r.example"),
				     .since = 5,
				     .until = 50};
	struct arena a;
	struct diag d;

	arena_init(&a, 1 << 16);
	memset(big, 'x', sizeof(big));
	is_suppressed(s, SUPPRESS_KIND_COUNT, "", "none");
	is_int(store_suppress(s, &x, &d), 0, "put");
	is_int(store_suppress(s, &y, &d), 0, "put another kind");
	is_suppressed(s, SUPPRESS_KIND_COUNT,
	    "address r.example 5-50 0 \n"
	    "rua-domain r.example 5-0 0 manual asked\n",
	    "both");
	is_suppressed(s, SUPPRESS_RUA_DOMAIN,
	    "rua-domain r.example 5-0 0 manual asked\n", "one");
	is_int(store_suppressed(
		   s, SUPPRESS_ADDRESS, STR("r.example"), 49, &a, &out, &d),
	    0, "suppressed");
	is_int(out.until, 50, "until");
	is_int(store_suppressed(
		   s, SUPPRESS_ADDRESS, STR("r.example"), 50, &a, NULL, &d),
	    AVER_NOTFOUND, "over");
	is_int(store_suppressed(s, SUPPRESS_RUA_DOMAIN, STR("r.example"),
		   (int64_t)1 << 40, &a, NULL, &d),
	    0, "for good");
	is_int(store_suppressed(s, SUPPRESS_POLICY_DOMAIN, STR("r.example"), 1,
		   &a, NULL, &d),
	    AVER_NOTFOUND, "of no other kind");
	y.until = 90;
	is_int(store_suppress(s, &y, &d), 0, "replaced");
	is_suppressed(
	    s, SUPPRESS_ADDRESS, "address r.example 5-90 0 \n", "once");
	y.strikes = SUPPRESS_STRIKES_MAX + 1;
	is_int(store_suppress(s, &y, &d), 0, "with more strikes than count");
	is_suppressed(s, SUPPRESS_ADDRESS, "address r.example 5-90 16 \n",
	    "it can be read");
	y.strikes = 0;
	is_int(store_suppress(s, &y, &d), 0, "and replaced");
	is_int(store_unsuppress(s, SUPPRESS_RUA_DOMAIN, STR("r.example"), &d),
	    0, "removed");
	is_int(store_unsuppress(s, SUPPRESS_RUA_DOMAIN, STR("r.example"), &d),
	    AVER_NOTFOUND, "once");
	is_int(store_forget_suppressions(s, 90, &d), 0, "forget");
	is_suppressed(
	    s, SUPPRESS_KIND_COUNT, "address r.example 5-90 0 \n", "not yet");
	is_int(store_forget_suppressions(s, 91, &d), 0, "forget");
	is_suppressed(s, SUPPRESS_KIND_COUNT, "", "now");
	y.value = (struct str){big, SUPPRESS_VALUE_MAX + 1};
	is_int(store_suppress(s, &y, &d), AVER_LIMIT, "too long");
	y.value = STR_NONE;
	is_int(store_suppress(s, &y, &d), AVER_LIMIT, "empty");
	y = x;
	y.kind = SUPPRESS_KIND_COUNT;
	is_int(store_suppress(s, &y, &d), AVER_BUG, "no kind");
	arena_fini(&a);
	store_close(s);
}

static void
bounce(struct store *s, int64_t now, int64_t until, unsigned strikes,
    const char *name)
{
	struct store_suppression out = {.strikes = 99};

	is_int(store_suppress_bounce(
		   s, STR("a@b.example"), now, 100, STR("5.1.1"), &out, NULL),
	    0, name);
	ok(out.until == until && out.strikes == strikes,
	    "%s: until %lld, strike %u", name, (long long)out.until,
	    out.strikes);
}

static void
contract_bounces(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_suppression by_hand = {.kind = SUPPRESS_ADDRESS,
	    .value = STR("a@b.example"),
	    .manual = true};
	struct diag d;

	bounce(s, 1000, 1100, 1, "first");
	bounce(s, 1099, 1100, 1, "one that was under way");
	bounce(s, 1100, 1300, 2, "second");
	bounce(s, 5000, 5400, 3, "third");
	is_suppressed(s, SUPPRESS_ADDRESS,
	    "address a@b.example 5000-5400 3 5.1.1\n", "as kept");
	bounce(s, 5400 + 6399, 5400 + 6399 + 800, 4, "not forgiven");
	bounce(s, 12599 + 6400, 12599 + 6400 + 100, 1, "forgiven");
	is_int(store_suppress(s, &by_hand, &d), 0, "by hand");
	bounce(s, 30000, 0, 0, "stays as it is");
	is_suppressed(
	    s, SUPPRESS_ADDRESS, "address a@b.example 0-0 0 manual \n", "so");
	store_unsuppress(s, SUPPRESS_ADDRESS, STR("a@b.example"), &d);
	for (int64_t i = 0, at = 0; i < 30; i++) {
		struct store_suppression out = {.until = -1};

		is_int(store_suppress_bounce(s, STR("a@b.example"), at,
			   INT32_MAX, STR_NONE, &out, &d),
		    0, "again and again");
		ok(out.until > at && out.strikes <= SUPPRESS_STRIKES_MAX,
		    "is bounded: %u", out.strikes);
		at = out.until;
	}
	is_int(store_suppress_bounce(
		   s, STR("a@b.example"), 5, 0, STR_NONE, NULL, &d),
	    AVER_BUG, "no time");
	is_int(store_suppress_bounce(s, STR_NONE, 5, 9, STR_NONE, NULL, &d),
	    AVER_LIMIT, "no address");
	store_close(s);
}

static void
names(void)
{
	enum ledger_kind k = LEDGER_TLS;
	enum ledger_state st;
	enum suppress_kind sk;

	for (unsigned i = 0; i < LEDGER_KIND_COUNT; i++)
		ok(ledger_kind_from_name(
		       str_from_z(ledger_kind_name((enum ledger_kind)i)), &k) &&
			k == i,
		    "%s", ledger_kind_name((enum ledger_kind)i));
	for (unsigned i = 0; i < LEDGER_STATE_COUNT; i++)
		ok(ledger_state_from_name(
		       str_from_z(ledger_state_name((enum ledger_state)i)),
		       &st) &&
			st == i,
		    "%s", ledger_state_name((enum ledger_state)i));
	for (unsigned i = 0; i < SUPPRESS_KIND_COUNT; i++)
		ok(suppress_kind_from_name(
		       str_from_z(suppress_kind_name((enum suppress_kind)i)),
		       &sk) &&
			sk == i,
		    "%s", suppress_kind_name((enum suppress_kind)i));
	ok(!ledger_kind_from_name(STR("DMARC"), &k) &&
		!ledger_state_from_name(STR(""), &st) &&
		!suppress_kind_from_name(STR("unknown"), &sk),
	    "no such names");
}

int
main(void)
{
	names();
	on_each_backend("lists", contract_lists);
	on_each_backend("due", contract_due);
	on_each_backend("claims", contract_claims);
	on_each_backend("claim_many", contract_claim_many);
	on_each_backend("release", contract_release);
	on_each_backend("changes", contract_changes);
	on_each_backend("forget", contract_forget);
	on_each_backend("secret", contract_secret);
	on_each_backend("runners", contract_runners);
	on_each_backend("suppress", contract_suppress);
	on_each_backend("bounces", contract_bounces);
	return tap_done();
}
