/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/walk.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/mail/addr.h"

#define NAMES 256 /* domains between two questions to the store */
#define NAMES_MEMORY ((size_t)NAMES * 320)
#define NAME_MAX_OCTETS 255

struct walk {
	struct arena names;
	struct store_due due[NAMES];
	size_t n;
};

static int
collect(void *arg, const struct store_due *due)
{
	struct walk *w = arg;
	struct store_due *to = &w->due[w->n];

	*to = *due;
	to->policy_domain = arena_dup(&w->names, due->policy_domain);
	if (due->policy_domain.n && !to->policy_domain.n)
		return AVER_NOMEM;
	return ++w->n == NAMES;
}

static int
walk(struct walk *w, struct reporter *r, enum ledger_kind kind, int64_t before,
    int (*fn)(void *arg, const struct store_due *due), void *arg,
    struct diag *d)
{
	char last[NAME_MAX_OCTETS];
	struct str after = {last, 0};
	int err;

	do {
		arena_reset(&w->names);
		w->n = 0;
		err = store_each_due(
		    r->store, kind, after, before, collect, w, d);
		if (err < 0)
			return err;
		err = 0;
		for (size_t i = 0; i < w->n && !err; i++) {
			if (reporter_stopped())
				return 0;
			err = fn(arg, &w->due[i]);
		}
		if (w->n) {
			after = str_head(
			    w->due[w->n - 1].policy_domain, sizeof(last));
			memcpy(last, after.p, after.n);
			after.p = last;
		}
	} while (!err && w->n == NAMES);
	return err;
}

int
walk_due(struct reporter *r, enum ledger_kind kind, int64_t before,
    int (*fn)(void *arg, const struct store_due *due), void *arg,
    struct diag *d)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	arena_init(&w->names, NAMES_MEMORY);
	err = walk(w, r, kind, before, fn, arg, d);
	arena_fini(&w->names);
	free(w);
	return err;
}

int
walk_on(const struct store_due *due, int err, bool *later, struct diag *d)
{
	if (!err || err == AVER_IO || err == AVER_CONF)
		return err;
	log_msg(LOG_LVL_ERROR, "domain %.*s: %s; its data stay for another run",
	    STRF(due->policy_domain), *d->text ? d->text : aver_err_name(err));
	d->text[0] = '\0';
	*later = true;
	return 0;
}

int
walk_one(struct reporter *r, enum ledger_kind kind, int64_t before,
    struct str domain, int (*fn)(void *arg, const struct store_due *due),
    void *arg, struct diag *d)
{
	struct store_due due;
	struct arena a;
	int err;

	arena_init(&a, NAMES_MEMORY);
	domain_to_ascii(&a, domain, &domain);
	err = store_get_due(r->store, kind, domain, before, &a, &due, d);
	if (!err)
		err = fn(arg, &due);
	else if (err == AVER_NOTFOUND)
		log_msg(LOG_LVL_INFO,
		    "domain %.*s: nothing is due to be reported", STRF(domain));
	arena_fini(&a);
	return err == AVER_NOTFOUND ? 0 : err;
}
