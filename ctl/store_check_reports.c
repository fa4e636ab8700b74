/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The ledger: reports, their documents and their submissions. */
#include "ctl/store_check.h"
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/store/ledger.h"
#include "lib/zip/gz.h"

#define DAY 86400
#define MEMORY (LEDGER_BODY_MAX + ((size_t)4 << 20))
#define IDS_MAX ((size_t)256 << 20)
#define DOCUMENT_MAX ((uint64_t)1 << 30)
#define OVERDUE (2 * DAY)

static int
fault(struct check *c, struct str id, const char *text)
{
	check_about(c, id);
	buf_add_z(&c->text, text);
	return check_fault(c);
}

struct subs {
	struct check *c;
	unsigned n;
	int err;
};

static int
check_submission(void *arg, const struct ledger_submission *sub)
{
	struct subs *x = arg;
	struct check *c = x->c;
	bool pending = sub->state == LEDGER_PENDING;

	x->n++;
	check_about(c, sub->report_id);
	buf_addf(&c->text, "submission %u ", sub->number);
	if ((unsigned)sub->state >= LEDGER_STATE_COUNT) {
		buf_add_z(&c->text, "is in no state");
		x->err = check_fault(c);
	} else if (pending && sub->next_try < c->now - OVERDUE) {
		buf_addf(&c->text, "should have been sent %lld days ago",
		    (long long)((c->now - sub->next_try) / DAY));
		x->err = check_fault(c);
	} else if (pending && sub->lease && sub->lease < c->now) {
		buf_add_z(&c->text,
		    "was being sent by a program that died; the next run "
		    "sends it");
		x->err = check_note(c);
	}
	return x->err;
}

static int
ignore(void *arg, struct str octets)
{
	(void)arg, (void)octets;
	return 0;
}

static int
check_document(struct check *c, const struct ledger_report *r)
{
	struct diag d = {.text = ""};

	if (r->body.n == 0)
		return fault(c, r->id, "has no document");
	if (r->body.n != r->body_size)
		return fault(c, r->id, "has not all of its document");
	if (gz_is(r->body) &&
	    gz_inflate(r->body, DOCUMENT_MAX, ignore, NULL, &d) != 0)
		return fault(c, r->id, "has a damaged document");
	return 0;
}

static int
check_report(struct check *c, struct str id, struct arena *a)
{
	struct subs subs = {.c = c};
	struct ledger_report r;
	int err = store_get_report(c->s, id, true, a, &r, c->d);

	if (err) /* forgotten meanwhile */
		return err == AVER_NOTFOUND ? 0 : err;
	c->looked[c->part]++;
	if (str_starts(id, STR("move-")))
		return fault(c, id,
		    "are rows on their way to another store: run aver store "
		    "migrate again");
	if (r.begin > r.end)
		err = fault(c, id, "ends before it begins");
	if (!err && r.created > c->now + DAY)
		err = fault(c, id, "is from the future");
	if (!err)
		err = check_document(c, &r);
	if (!err)
		err = store_each_submission(
		    c->s, id, check_submission, &subs, c->d);
	if (!err && subs.n == 0) {
		check_about(c, id);
		buf_add_z(&c->text, "goes to nobody");
		err = check_note(c);
	}
	return err;
}

static int
note_id(void *arg, const struct ledger_report *r)
{
	buf_add(arg, r->id);
	buf_add_c(arg, '\n');
	return 0;
}

int
check_reports(struct check *c)
{
	struct str rest;
	struct arena a;
	struct buf ids;
	int err;

	c->part = CHECK_REPORTS;
	arena_init(&a, MEMORY);
	buf_init(&ids, NULL, IDS_MAX);
	err = store_each_report(c->s, NULL, note_id, &ids, c->d);
	if (!err && !buf_ok(&ids))
		err = diag_set(c->d, AVER_NOMEM, 0, "out of memory");
	rest = buf_str(&ids);
	while (rest.n && !err) {
		arena_reset(&a);
		err = check_report(c, str_cut(rest, '\n', &rest), &a);
	}
	buf_fini(&ids);
	arena_fini(&a);
	return err;
}
