/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/upkeep.h"

#include "lib/base/err.h"
#include "lib/store/backend.h"

int
store_freeze(struct store *s, struct diag *d)
{
	return s->ops->upkeep->freeze(s, d);
}

int
store_each_source(struct store *s,
    int (*fn)(void *arg, struct str name, uint64_t seq), void *arg,
    struct diag *d)
{
	return s->ops->upkeep->each_source(s, fn, arg, d);
}

int
store_last_row(struct store *s, enum ledger_kind kind, struct str policy_domain,
    int64_t from, int64_t to, struct arena *arena, struct store_take_row *out,
    struct diag *d)
{
	if (kind != LEDGER_DMARC && kind != LEDGER_TLS)
		return diag_set(d, AVER_BUG, 0, "there is no such kind");
	return s->ops->upkeep->last_row(
	    s, kind, policy_domain, from, to, arena, out, d);
}

int
store_inspect(struct store *s, uint64_t *looked,
    int (*fn)(void *arg, bool fault, struct str text), void *arg,
    struct diag *d)
{
	return s->ops->upkeep->inspect(s, looked, fn, arg, d);
}
