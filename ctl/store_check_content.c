/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the store keeps by name, and what it counts. */
#include <unistd.h>

#include "ctl/store_check.h"
#include "lib/arf/incident.h"
#include "lib/base/err.h"
#include "lib/store/destination.h"
#include "lib/store/evaluation.h"
#include "lib/store/failure.h"
#include "lib/store/sts.h"
#include "lib/store/suppress.h"
#include "lib/store/take.h"
#include "lib/store/tls_result.h"
#include "lib/store/upkeep.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "tlspolicy/sts_policy.h"

#define DAY 86400
#define MEMORY ((size_t)4 << 20)
#define NAMES 64 /* policy domains of a page */
#define LOOKS 5 /* at counts that change while they are summed */
#define PAUSE_US 100000
#define LATE (4 * DAY) /* since rows should have been reported */

/* A fault with that text about the thing of that name. */
static int
fault(struct check *c, struct str name, const char *text)
{
	check_about(c, name);
	buf_add_z(&c->text, text);
	return check_fault(c);
}

static bool
in_future(const struct check *c, int64_t t)
{
	return t > c->now + 2 * DAY;
}

/* --- by name */

static int
check_source(void *arg, struct str name, uint64_t seq)
{
	struct check *c = arg;

	c->looked[c->part]++;
	if (name.n == 0 || name.n > STORE_SOURCE_MAX)
		return fault(c, name, "is no name of a source");
	if (seq == 0 || seq > (uint64_t)1 << 62)
		return fault(c, name, "has an impossible number");
	return 0;
}

static int
check_known(void *arg, const struct store_known *known)
{
	struct check *c = arg;

	c->looked[c->part]++;
	if (known->seen % DAY || known->seen < 0 || in_future(c, known->seen))
		return fault(c, known->domain, "has an impossible day");
	return 0;
}

static int
check_suppression(void *arg, const struct store_suppression *sup)
{
	struct check *c = arg;

	c->looked[c->part]++;
	if (sup->until && sup->until < sup->since)
		return fault(c, sup->value, "ends before it begins");
	if (in_future(c, sup->since))
		return fault(c, sup->value, "begins in the future");
	return 0;
}

static int
check_policy(void *arg, const struct store_sts *sts)
{
	struct check *c = arg;
	struct sts_policy policy;
	struct diag d = {.text = ""};
	struct arena a;
	int err = 0;

	c->looked[c->part]++;
	if (sts->policy.n == 0 && sts->failed == 0)
		return fault(c, sts->domain, "cannot be read");
	if (sts->fetched > c->now + STORE_STS_SKEW ||
	    sts->failed > c->now + STORE_STS_SKEW)
		return fault(c, sts->domain, "is from the future");
	if (sts->policy.n == 0)
		return 0;
	arena_init(&a, 2 * STS_POLICY_MEMORY);
	if (sts_policy_parse(&a, sts->policy, &policy, &d)) {
		check_about(c, sts->domain);
		buf_addf(&c->text, "is no policy: %s", d.text);
		err = check_fault(c);
	} else if (sts->expires < sts->fetched) {
		err = fault(c, sts->domain, "expires before it was fetched");
	}
	arena_fini(&a);
	return err;
}

static int
check_destination(void *arg, const struct store_destination *x)
{
	const int64_t times[] = {
	    x->starttls, x->no_starttls, x->requiretls, x->no_requiretls};
	struct check *c = arg;
	int err = 0;

	c->looked[c->part]++;
	for (int i = 0; i < 4 && !err; i++)
		if (times[i] < 0 || times[i] > x->seen)
			err = fault(c, x->mx, "was seen before it was seen");
	if (!err && in_future(c, x->seen))
		err = fault(c, x->mx, "was seen in the future");
	return err;
}

int
check_content(struct check *c)
{
	int err;

	c->part = CHECK_SOURCES;
	err = store_each_source(c->s, check_source, c, c->d);
	c->part = CHECK_KNOWN;
	if (!err)
		err = store_each_known(c->s, check_known, c, c->d);
	c->part = CHECK_SUPPRESSIONS;
	if (!err)
		err = store_each_suppression(
		    c->s, SUPPRESS_KIND_COUNT, check_suppression, c, c->d);
	c->part = CHECK_POLICIES;
	if (!err)
		err = store_each_sts(c->s, STR_NONE, check_policy, c, c->d);
	c->part = CHECK_DESTINATIONS;
	if (!err)
		err = store_each_destination(
		    c->s, STR_NONE, STR_NONE, check_destination, c, c->d);
	return err;
}

/* --- what is counted */

struct rows {
	struct check *c;
	uint64_t sum;
	bool future;
	uint64_t unread, odd;
	struct arena arena;
};

static int
look_evaluation(void *arg, const struct store_evaluation *row)
{
	struct rows *r = arg;
	struct evaluation ev;

	r->sum += row->count;
	r->unread += evaluation_decode(row->octets, &ev) != 0;
	r->odd += row->hour % 3600 != 0;
	r->future = r->future || in_future(r->c, row->hour);
	return 0;
}

static int
look_tls_result(void *arg, const struct store_tls_result *row)
{
	struct rows *r = arg;
	struct tlsrpt_policy policy;
	struct tlsrpt_failure failure;

	arena_reset(&r->arena);
	r->sum += row->success + row->failure;
	r->unread +=
	    tlsrpt_policy_decode(&r->arena, row->policy, &policy) ||
	    (row->detail.n && tlsrpt_failure_decode(row->detail, &failure));
	r->odd += row->day % DAY != 0;
	r->future = r->future || in_future(r->c, row->day);
	return 0;
}

static int
look_incident(void *arg, const struct store_incident *row)
{
	struct rows *r = arg;
	struct arf_incident incident;

	r->sum++;
	r->unread += arf_incident_decode(row->octets, &incident) != 0;
	r->future = r->future || in_future(r->c, row->time);
	return 0;
}

static int
look_rows(
    struct check *c, enum ledger_kind kind, struct str domain, struct rows *r)
{
	switch (kind) {
	case LEDGER_DMARC:
		return store_each_evaluation(c->s, domain, INT64_MIN, INT64_MAX,
		    look_evaluation, r, c->d);
	case LEDGER_TLS:
		return store_each_tls_result(c->s, domain, INT64_MIN, INT64_MAX,
		    look_tls_result, r, c->d);
	case LEDGER_FAILURE:
	case LEDGER_KIND_COUNT:
		break;
	}
	return store_each_incident(c->s, domain, look_incident, r, c->d);
}

/* What the store says that the rows count, now. */
static int
ask_sum(
    struct check *c, enum ledger_kind kind, struct str domain, uint64_t *out)
{
	struct store_due due = {.messages = 0};
	struct arena a;
	int err;

	arena_init(&a, 1 << 16);
	err = store_get_due(c->s, kind, domain, INT64_MAX, &a, &due, c->d);
	*out = due.messages;
	arena_fini(&a);
	return err == AVER_NOTFOUND ? 0 : err;
}

static int
tell_rows(struct check *c, struct str domain, const struct rows *r)
{
	int err = 0;

	if (r->unread) {
		check_about(c, domain);
		buf_addf(&c->text, "%llu rows cannot be read",
		    (unsigned long long)r->unread);
		err = check_fault(c);
	}
	if (!err && r->odd)
		err = fault(c, domain, "has rows of no hour or day");
	if (!err && r->future)
		err = fault(c, domain, "has rows of the future");
	return err;
}

/*
 * While others add, the sum of the rows is between what the store said before
 * and what it says after; while a report is made of them it is anything.
 */
static int
check_domain(struct check *c, enum ledger_kind kind, struct str domain)
{
	struct rows r = {.c = c};
	uint64_t before = 0, after = 0;
	bool good = false;
	int err = 0;

	for (int i = 0; i < LOOKS && !good && !err; i++) {
		r = (struct rows){.c = c};
		arena_init(&r.arena, MEMORY);
		if (i > 0)
			usleep(PAUSE_US);
		err = ask_sum(c, kind, domain, &before);
		if (!err)
			err = look_rows(c, kind, domain, &r);
		if (!err)
			err = ask_sum(c, kind, domain, &after);
		good = before <= r.sum && r.sum <= after;
		arena_fini(&r.arena);
	}
	c->looked[c->part]++;
	if (!err)
		err = tell_rows(c, domain, &r);
	if (!err && !good) {
		check_about(c, domain);
		buf_addf(&c->text, "its rows count %llu, the store says %llu",
		    (unsigned long long)r.sum, (unsigned long long)after);
		err = check_fault(c);
	}
	return err;
}

struct page {
	struct arena arena;
	struct str names[NAMES];
	int64_t first; /* the earliest hour, day or second of all */
	size_t n;
};

static int
note_due(void *arg, const struct store_due *due)
{
	struct page *p = arg;

	p->names[p->n++] = arena_dup(&p->arena, due->policy_domain);
	if (due->first < p->first)
		p->first = due->first;
	return p->n == NAMES;
}

static int
check_kind(struct check *c, enum ledger_kind kind)
{
	struct page p = {.first = INT64_MAX};
	struct buf after;
	int err;

	buf_init(&after, NULL, 1 << 16);
	arena_init(&p.arena, MEMORY);
	do {
		arena_reset(&p.arena);
		p.n = 0;
		err = store_each_due(
		    c->s, kind, buf_str(&after), INT64_MAX, note_due, &p, c->d);
		if (err > 0)
			err = 0;
		if (!err && arena_failed(&p.arena))
			err = diag_set(c->d, AVER_NOMEM, 0, "out of memory");
		for (size_t i = 0; i < p.n && !err; i++)
			err = check_domain(c, kind, p.names[i]);
		buf_clear(&after);
		if (p.n)
			buf_add(&after, p.names[p.n - 1]);
	} while (!err && p.n == NAMES);
	arena_fini(&p.arena);
	buf_fini(&after);
	if (!err && p.first < c->now - LATE) {
		check_about(c, STR_NONE);
		buf_addf(&c->text, "the oldest wait for %lld days",
		    (long long)((c->now - p.first) / DAY));
		err = check_note(c);
	}
	return err;
}

int
check_rows(struct check *c)
{
	int err;

	c->part = CHECK_EVALUATIONS;
	err = check_kind(c, LEDGER_DMARC);
	c->part = CHECK_TLS_RESULTS;
	if (!err)
		err = check_kind(c, LEDGER_TLS);
	c->part = CHECK_INCIDENTS;
	return err ? err : check_kind(c, LEDGER_FAILURE);
}
