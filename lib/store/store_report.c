/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The store's part for reports: checks the bounds and asks the back end.
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/store/backend.h"
#include "lib/store/bounds.h"

#define SECRET_NAME_MAX 64
/* Strikes are forgotten after so many times the base. */
#define FORGIVE 64

static const struct str kind_names[LEDGER_KIND_COUNT] = {
    [LEDGER_DMARC] = STR_INIT("dmarc"),
    [LEDGER_FAILURE] = STR_INIT("failure"),
    [LEDGER_TLS] = STR_INIT("tls"),
};

static const struct str state_names[LEDGER_STATE_COUNT] = {
    [LEDGER_PENDING] = STR_INIT("pending"),
    [LEDGER_SENT] = STR_INIT("sent"),
    [LEDGER_FAILED] = STR_INIT("failed"),
    [LEDGER_CANCELLED] = STR_INIT("cancelled"),
    [LEDGER_SUPPRESSED] = STR_INIT("suppressed"),
    [LEDGER_BOUNCED] = STR_INIT("bounced"),
};

static const struct str suppress_names[SUPPRESS_KIND_COUNT] = {
    [SUPPRESS_ADDRESS] = STR_INIT("address"),
    [SUPPRESS_RUA_DOMAIN] = STR_INIT("rua-domain"),
    [SUPPRESS_POLICY_DOMAIN] = STR_INIT("policy-domain"),
};

static const char *
name_of(const struct str *names, unsigned n, unsigned i)
{
	return i < n ? names[i].p : "unknown";
}

/* n when there is none. */
static unsigned
find_name(const struct str *names, unsigned n, struct str name)
{
	unsigned i = 0;

	while (i < n && !str_eq(names[i], name))
		i++;
	return i;
}

const char *
ledger_kind_name(enum ledger_kind k)
{
	return name_of(kind_names, LEDGER_KIND_COUNT, k);
}

const char *
ledger_state_name(enum ledger_state s)
{
	return name_of(state_names, LEDGER_STATE_COUNT, s);
}

const char *
suppress_kind_name(enum suppress_kind k)
{
	return name_of(suppress_names, SUPPRESS_KIND_COUNT, k);
}

bool
ledger_kind_from_name(struct str name, enum ledger_kind *out)
{
	unsigned i = find_name(kind_names, LEDGER_KIND_COUNT, name);

	if (i == LEDGER_KIND_COUNT)
		return false;
	*out = (enum ledger_kind)i;
	return true;
}

bool
ledger_state_from_name(struct str name, enum ledger_state *out)
{
	unsigned i = find_name(state_names, LEDGER_STATE_COUNT, name);

	if (i == LEDGER_STATE_COUNT)
		return false;
	*out = (enum ledger_state)i;
	return true;
}

bool
suppress_kind_from_name(struct str name, enum suppress_kind *out)
{
	unsigned i = find_name(suppress_names, SUPPRESS_KIND_COUNT, name);

	if (i == SUPPRESS_KIND_COUNT)
		return false;
	*out = (enum suppress_kind)i;
	return true;
}

const char *
store_secret_name(unsigned i)
{
	/* reports that bounce, report ids, redacted failure reports */
	static const char *const names[] = {
	    "verp", "report-id", "failure report redaction"};

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

/* --- bounds */

bool
bounds_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] < ' ' || id.p[i] == 0x7f)
			return false;
	return id.n > 0 && id.n <= LEDGER_ID_MAX;
}

static bool
report_ok(const struct ledger_report *r)
{
	return bounds_id(r->id) && (unsigned)r->kind < LEDGER_KIND_COUNT &&
	       bounds_domain(r->policy_domain) &&
	       r->file_name.n <= LEDGER_FILE_NAME_MAX &&
	       r->record.n <= LEDGER_RECORD_MAX &&
	       r->body.n <= LEDGER_BODY_MAX && r->rows <= BOUNDS_COUNT &&
	       r->messages <= BOUNDS_COUNT;
}

static bool
submissions_ok(const struct ledger_submission *subs, size_t n)
{
	uint64_t used[LEDGER_SUBMISSIONS_MAX / 64 + 1] = {0};

	if (n > LEDGER_SUBMISSIONS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned number =
		    subs[i].number ? subs[i].number : (unsigned)i + 1;

		if (number > LEDGER_SUBMISSIONS_MAX ||
		    used[number / 64] >> number % 64 & 1 ||
		    subs[i].uri.n > LEDGER_URI_MAX ||
		    subs[i].destination.n > BOUNDS_DOMAIN ||
		    (unsigned)subs[i].state >= LEDGER_STATE_COUNT)
			return false;
		used[number / 64] |= (uint64_t)1 << number % 64;
	}
	return true;
}

static int
check_report(const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n, struct diag *d)
{
	if (report_ok(r) && submissions_ok(subs, n))
		return 0;
	return diag_set(
	    d, AVER_LIMIT, 0, "the report or a submission is above its bounds");
}

static int
bad_kind(struct diag *d)
{
	return diag_set(d, AVER_BUG, 0, "there is no such kind or state");
}

/* --- takes */

int
store_each_due(struct store *s, enum ledger_kind kind, struct str after,
    int64_t to, int (*fn)(void *arg, const struct store_due *due), void *arg,
    struct diag *d)
{
	if ((unsigned)kind >= LEDGER_KIND_COUNT)
		return bad_kind(d);
	return s->ops->take->each_due(s, kind, after, to, fn, arg, d);
}

int
store_get_due(struct store *s, enum ledger_kind kind, struct str policy_domain,
    int64_t to, struct arena *arena, struct store_due *out, struct diag *d)
{
	if ((unsigned)kind >= LEDGER_KIND_COUNT)
		return bad_kind(d);
	return s->ops->take->get_due(s, kind, policy_domain, to, arena, out, d);
}

int
store_take_begin(struct store *s, enum ledger_kind kind,
    struct str policy_domain, int64_t from, int64_t to, int64_t now,
    struct store_take **out, struct diag *d)
{
	if ((unsigned)kind >= LEDGER_KIND_COUNT)
		return bad_kind(d);
	return s->ops->take->begin(
	    s, kind, policy_domain, from, to, now, out, d);
}

int
store_take_last(struct store_take *t, struct arena *arena,
    struct store_take_row *out, struct diag *d)
{
	return t->store->ops->take->last(t, arena, out, d);
}

int
store_take_each(struct store_take *t,
    int (*fn)(void *arg, const struct store_take_row *row), void *arg,
    struct diag *d)
{
	return t->store->ops->take->each(t, fn, arg, d);
}

int
store_take_report(struct store_take *t, const struct ledger_report *report,
    const struct ledger_submission *submissions, size_t n, struct diag *d)
{
	int err = check_report(report, submissions, n, d);

	return err ? err
		   : t->store->ops->take->report(t, report, submissions, n, d);
}

int
store_take_commit(struct store_take *t, struct diag *d)
{
	return t->store->ops->take->commit(t, d);
}

void
store_take_abort(struct store_take *t)
{
	if (t)
		t->store->ops->take->abort(t);
}

/* --- ledger */

int
store_each_report(struct store *s, const struct ledger_filter *filter,
    int (*fn)(void *arg, const struct ledger_report *r), void *arg,
    struct diag *d)
{
	static const struct ledger_filter all;

	return s->ops->ledger->each_report(
	    s, filter ? filter : &all, fn, arg, d);
}

int
store_get_report(struct store *s, struct str id, bool with_body,
    struct arena *arena, struct ledger_report *out, struct diag *d)
{
	return s->ops->ledger->get_report(s, id, with_body, arena, out, d);
}

int
store_each_submission(struct store *s, struct str report_id,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	return s->ops->ledger->each_submission(s, report_id, fn, arg, d);
}

int
store_get_submission(struct store *s, struct str report_id, unsigned number,
    struct arena *arena, struct ledger_submission *out, struct diag *d)
{
	return s->ops->ledger->get_submission(
	    s, report_id, number, arena, out, d);
}

int
store_each_due_submission(struct store *s, enum ledger_kind kind, int64_t now,
    int (*fn)(void *arg, const struct ledger_submission *sub), void *arg,
    struct diag *d)
{
	return s->ops->ledger->each_due(s, kind, now, fn, arg, d);
}

int
store_next_due(struct store *s, int64_t *out, struct diag *d)
{
	return s->ops->ledger->next_due(s, out, d);
}

int
store_count_submissions(struct store *s, int64_t since, struct str destination,
    uint64_t *out, struct diag *d)
{
	return s->ops->ledger->count(s, since, destination, out, d);
}

int
store_claim_submissions(struct store *s, struct ledger_claim *claims, size_t n,
    int64_t now, int64_t lease, struct diag *d)
{
	if (lease <= 0)
		return diag_set(d, AVER_BUG, 0, "a lease needs time");
	for (size_t i = 0; i < n; i++)
		claims[i].fence = 0;
	return n ? s->ops->ledger->claim(s, claims, n, now, lease, d) : 0;
}

int
store_claim_submission(struct store *s, struct str report_id, unsigned number,
    int64_t now, int64_t lease, uint64_t *fence, struct diag *d)
{
	struct ledger_claim c = {.report_id = report_id, .number = number};
	int err = store_claim_submissions(s, &c, 1, now, lease, d);

	if (!err && !c.fence)
		return diag_set(
		    d, AVER_NOTFOUND, 0, "the submission is not to be had");
	if (!err)
		*fence = c.fence;
	return err;
}

int
store_renew_submission(struct store *s, struct str report_id, unsigned number,
    uint64_t fence, int64_t until, struct diag *d)
{
	if (until <= 0)
		return diag_set(d, AVER_BUG, 0, "a lease needs time");
	return s->ops->ledger->renew(s, report_id, number, fence, until, d);
}

int
store_finish_submission(struct store *s, struct str report_id, unsigned number,
    uint64_t fence, enum ledger_state state, int64_t next_try,
    struct str detail, struct diag *d)
{
	if ((unsigned)state >= LEDGER_STATE_COUNT)
		return bad_kind(d);
	return s->ops->ledger->finish(
	    s, report_id, number, fence, state, next_try, detail, d);
}

int
store_release_submission(struct store *s, struct str report_id, unsigned number,
    uint64_t fence, int64_t last_try, struct diag *d)
{
	return s->ops->ledger->release(
	    s, report_id, number, fence, last_try, d);
}

int
store_set_submissions(struct store *s, struct str report_id, unsigned number,
    const struct ledger_change *change, uint64_t *changed, struct diag *d)
{
	if ((unsigned)change->state >= LEDGER_STATE_COUNT ||
	    change->state == LEDGER_SENT)
		return bad_kind(d);
	return s->ops->ledger->set(s, report_id, number, change, changed, d);
}

int
store_put_report(struct store *s, const struct ledger_report *r,
    const struct ledger_submission *subs, size_t n, struct diag *d)
{
	int err = check_report(r, subs, n, d);

	return err ? err : s->ops->ledger->put(s, r, subs, n, d);
}

int
store_forget_reports(
    struct store *s, int64_t before, uint64_t *forgotten, struct diag *d)
{
	return s->ops->ledger->forget(s, before, STR_NONE, forgotten, d);
}

int
store_forget_report(struct store *s, struct str id, struct diag *d)
{
	if (id.n == 0)
		return 0;
	return s->ops->ledger->forget(s, INT64_MAX, id, NULL, d);
}

int
store_secret(
    struct store *s, struct str name, uint8_t out[STORE_SECRET], struct diag *d)
{
	if (name.n == 0 || name.n > SECRET_NAME_MAX)
		return diag_set(d, AVER_LIMIT, 0, "the name is too long");
	return s->ops->ledger->secret(s, name, NULL, out, d);
}

int
store_put_secret(struct store *s, struct str name,
    const uint8_t secret[STORE_SECRET], struct diag *d)
{
	uint8_t is[STORE_SECRET];
	int err;

	if (name.n == 0 || name.n > SECRET_NAME_MAX)
		return diag_set(d, AVER_LIMIT, 0, "the name is too long");
	err = s->ops->ledger->secret(s, name, secret, is, d);
	if (!err && memcmp(is, secret, STORE_SECRET) != 0)
		err = diag_set(d, AVER_LIMIT, 0,
		    "the store has another secret \"%.*s\"", STRF(name));
	return err;
}

/* --- suppressions */

static int
check_value(enum suppress_kind kind, struct str value, struct diag *d)
{
	if ((unsigned)kind >= SUPPRESS_KIND_COUNT)
		return bad_kind(d);
	if (value.n == 0 || value.n > SUPPRESS_VALUE_MAX)
		return diag_set(
		    d, AVER_LIMIT, 0, "the value is empty or too long");
	return 0;
}

int
store_suppress(
    struct store *s, const struct store_suppression *sup, struct diag *d)
{
	struct store_suppression most = *sup;
	int err = check_value(sup->kind, sup->value, d);

	if (most.strikes > SUPPRESS_STRIKES_MAX)
		most.strikes = SUPPRESS_STRIKES_MAX;
	return err ? err : s->ops->suppress->put(s, &most, d);
}

int
store_unsuppress(
    struct store *s, enum suppress_kind kind, struct str value, struct diag *d)
{
	return s->ops->suppress->remove(s, kind, value, d);
}

int
store_each_suppression(struct store *s, enum suppress_kind kind,
    int (*fn)(void *arg, const struct store_suppression *sup), void *arg,
    struct diag *d)
{
	return s->ops->suppress->each(s, kind, fn, arg, d);
}

static bool
runs(const struct store_suppression *sup, int64_t now)
{
	return sup->until == 0 || now < sup->until;
}

int
store_suppressed(struct store *s, enum suppress_kind kind, struct str value,
    int64_t now, struct arena *arena, struct store_suppression *out,
    struct diag *d)
{
	struct store_suppression sup;
	int err = s->ops->suppress->get(s, kind, value, arena, &sup, d);

	if (err)
		return err;
	if (!runs(&sup, now))
		return diag_set(d, AVER_NOTFOUND, 0, "it is over");
	if (out)
		*out = sup;
	return 0;
}

struct bounce {
	struct str address, comment;
	int64_t now, base;
	struct store_suppression made;
};

static int64_t
doubled(int64_t base, unsigned strikes)
{
	for (unsigned i = 1; i < strikes; i++)
		base = base > INT64_MAX / 4 ? base : base * 2;
	return base;
}

static void
strike(void *arg, const struct store_suppression *old,
    struct store_suppression *out)
{
	struct bounce *b = arg;
	unsigned strikes = old ? old->strikes : 0;

	if (old && (old->manual || (strikes && runs(old, b->now)))) {
		*out = *old;
		b->made = *old;
	} else {
		if (old && old->until < b->now &&
		    (b->now - old->until) / FORGIVE >= b->base)
			strikes = 0;
		if (strikes < SUPPRESS_STRIKES_MAX)
			strikes++;
		*out = b->made =
		    (struct store_suppression){.kind = SUPPRESS_ADDRESS,
			.value = b->address,
			.since = b->now,
			.until = b->now + doubled(b->base, strikes),
			.strikes = strikes,
			.comment = b->comment};
	}
	/* what outlives this call */
	b->made.value = b->address;
	b->made.comment = b->comment;
}

int
store_suppress_bounce(struct store *s, struct str address, int64_t now,
    int64_t base_seconds, struct str comment, struct store_suppression *out,
    struct diag *d)
{
	struct bounce b = {.address = address,
	    .comment = comment,
	    .now = now,
	    .base = base_seconds};
	int err = check_value(SUPPRESS_ADDRESS, address, d);

	if (!err && (base_seconds <= 0 || now < 0 || base_seconds > INT32_MAX))
		return diag_set(d, AVER_BUG, 0, "impossible time");
	if (!err)
		err = s->ops->suppress->change(
		    s, SUPPRESS_ADDRESS, address, strike, &b, d);
	if (!err && out)
		*out = b.made;
	return err;
}

int
store_forget_suppressions(struct store *s, int64_t before, struct diag *d)
{
	return s->ops->suppress->forget(s, before, d);
}
