/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/part.h"

#include <stdio.h>

#include "lib/base/err.h"
#include "reports/window.h"

#define DROP_MEMORY ((size_t)1 << 16)

int
part_choose_id(struct reporter *r, struct report_name *name, unsigned most,
    struct arena *a, char id[REPORT_ID_OCTETS], struct diag *d)
{
	struct str salt = {(const char *)r->id_salt, STORE_SECRET};
	struct ledger_report known;
	int err;

	for (; name->part < most; name->part++) {
		err = report_id_make(name, salt, id);
		if (err)
			return diag_set(d, err, 0, "cannot make an ID");
		err = store_get_report(r->store,
		    (struct str){id, REPORT_ID_OCTETS}, false, a, &known, d);
		if (err)
			return err == AVER_NOTFOUND ? 0 : err;
	}
	return diag_set(d, AVER_LIMIT, 0, "more than %u parts", most);
}

void
part_submit(struct part_submissions *s, const struct plan_target *t,
    struct str id, int64_t now, int64_t spread)
{
	char text[REPORT_ID_OCTETS + 16];
	unsigned number = (unsigned)s->n + 1;
	int n = snprintf(text, sizeof(text), "%.*s/%u", STRF(id), number);
	int64_t first =
	    now + spread_offset((struct str){text, (size_t)n}, spread);

	if (s->n == LEDGER_SUBMISSIONS_MAX || (t->skip && !t->suppressed))
		return;
	s->v[s->n++] = (struct ledger_submission){
	    .number = number,
	    .uri = t->uri,
	    .destination = t->destination,
	    .state = t->suppressed ? LEDGER_SUPPRESSED : LEDGER_PENDING,
	    .next_try = first,
	    .give_up = first + RETRY_GIVE_UP,
	    .detail = str_from_z(t->suppressed ? t->skip : ""),
	};
}

int
part_end(struct store_take *take, int err, struct diag *d)
{
	if (!err)
		return store_take_commit(take, d);
	store_take_abort(take);
	if (err == AVER_NOMEM)
		diag_set(d, err, 0, "out of memory");
	return err;
}

/* As it is now that nobody can add to it. */
static int
check_same(struct reporter *r, enum ledger_kind kind,
    const struct store_due *due, int64_t before, struct diag *d)
{
	struct store_due held;
	struct arena a;
	int err;

	arena_init(&a, DROP_MEMORY);
	err = store_get_due(
	    r->store, kind, due->policy_domain, before, &a, &held, d);
	arena_fini(&a);
	if (!err &&
	    (held.messages > due->messages || held.optional != due->optional))
		err = diag_set(d, AVER_TEMP, 0, "more has come meanwhile");
	return err;
}

int
part_drop(struct reporter *r, enum ledger_kind kind,
    const struct store_due *due, int64_t before, int64_t now, struct diag *d)
{
	struct store_take *take;
	int err = store_take_begin(r->store, kind, due->policy_domain,
	    INT64_MIN, before, now, &take, d);

	if (err)
		return err;
	return part_end(take, check_same(r, kind, due, before, d), d);
}
