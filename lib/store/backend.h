/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What a back end of the store implements, part by part. The contracts are
 * those of store.h, ledger.h and their likes; every back end passes the
 * contract tests of t/unit/store*.t.c. What a call asks for has been checked
 * against the bounds of the headers before it comes here: see store.c,
 * store_report.c and store_tls.c.
 */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "lib/store/destination.h"
#include "lib/store/failure.h"
#include "lib/store/ledger.h"
#include "lib/store/store.h"
#include "lib/store/sts.h"
#include "lib/store/suppress.h"
#include "lib/store/take.h"
#include "lib/store/tls_result.h"
#include "lib/store/upkeep.h"

struct store_evaluation_ops {
	int (*each)(struct store *s, struct str policy_domain, int64_t from,
	    int64_t to,
	    int (*fn)(void *arg, const struct store_evaluation *row), void *arg,
	    struct diag *d);
	int (*each_domain)(struct store *s,
	    int (*fn)(void *arg, const struct store_domain *dom), void *arg,
	    struct diag *d);
	int (*remove)(struct store *s, struct str policy_domain,
	    uint64_t *removed, struct diag *d);
	int (*know)(struct store *s, const struct store_known *known, size_t n,
	    struct diag *d);
	int (*forget)(
	    struct store *s, int64_t before, uint64_t most, struct diag *d);
	int (*each_known)(struct store *s,
	    int (*fn)(void *arg, const struct store_known *known), void *arg,
	    struct diag *d);
};

struct store_take_ops {
	int (*each_due)(struct store *s, enum ledger_kind kind,
	    struct str after, int64_t to,
	    int (*fn)(void *arg, const struct store_due *due), void *arg,
	    struct diag *d);
	int (*get_due)(struct store *s, enum ledger_kind kind,
	    struct str policy_domain, int64_t to, struct arena *arena,
	    struct store_due *out, struct diag *d);
	int (*begin)(struct store *s, enum ledger_kind kind,
	    struct str policy_domain, int64_t from, int64_t to, int64_t now,
	    struct store_take **out, struct diag *d);
	int (*last)(struct store_take *t, struct arena *arena,
	    struct store_take_row *out, struct diag *d);
	int (*each)(struct store_take *t,
	    int (*fn)(void *arg, const struct store_take_row *row), void *arg,
	    struct diag *d);
	int (*report)(struct store_take *t, const struct ledger_report *report,
	    const struct ledger_submission *submissions, size_t n,
	    struct diag *d);
	int (*commit)(struct store_take *t, struct diag *d);
	void (*abort)(struct store_take *t);
};

struct store_ledger_ops {
	int (*each_report)(struct store *s, const struct ledger_filter *filter,
	    int (*fn)(void *arg, const struct ledger_report *r), void *arg,
	    struct diag *d);
	int (*get_report)(struct store *s, struct str id, bool with_body,
	    struct arena *arena, struct ledger_report *out, struct diag *d);
	int (*each_submission)(struct store *s, struct str report_id,
	    int (*fn)(void *arg, const struct ledger_submission *sub),
	    void *arg, struct diag *d);
	int (*get_submission)(struct store *s, struct str report_id,
	    unsigned number, struct arena *arena, struct ledger_submission *out,
	    struct diag *d);
	int (*each_due)(struct store *s, enum ledger_kind kind, int64_t now,
	    int (*fn)(void *arg, const struct ledger_submission *sub),
	    void *arg, struct diag *d);
	int (*next_due)(struct store *s, int64_t *out, struct diag *d);
	int (*count)(struct store *s, int64_t since, struct str destination,
	    uint64_t *out, struct diag *d);
	/* n > 0, fences are 0 */
	int (*claim)(struct store *s, struct ledger_claim *claims, size_t n,
	    int64_t now, int64_t lease, struct diag *d);
	int (*renew)(struct store *s, struct str report_id, unsigned number,
	    uint64_t fence, int64_t until, struct diag *d);
	int (*release)(struct store *s, struct str report_id, unsigned number,
	    uint64_t fence, int64_t last_try, struct diag *d);
	int (*finish)(struct store *s, struct str report_id, unsigned number,
	    uint64_t fence, enum ledger_state state, int64_t next_try,
	    struct str detail, struct diag *d);
	int (*set)(struct store *s, struct str report_id, unsigned number,
	    const struct ledger_change *change, uint64_t *changed,
	    struct diag *d);
	int (*put)(struct store *s, const struct ledger_report *r,
	    const struct ledger_submission *subs, size_t n, struct diag *d);
	/* id: this one alone, whenever it was made; empty: all */
	int (*forget)(struct store *s, int64_t before, struct str id,
	    uint64_t *forgotten, struct diag *d);
	/*
	 * made: what it becomes if there is none, NULL for random octets; out:
	 * what it is then.
	 */
	int (*secret)(struct store *s, struct str name,
	    const uint8_t made[STORE_SECRET], uint8_t out[STORE_SECRET],
	    struct diag *d);
};

struct store_suppress_ops {
	int (*put)(struct store *s, const struct store_suppression *sup,
	    struct diag *d);
	int (*remove)(struct store *s, enum suppress_kind kind,
	    struct str value, struct diag *d);
	int (*each)(struct store *s, enum suppress_kind kind,
	    int (*fn)(void *arg, const struct store_suppression *sup),
	    void *arg, struct diag *d);
	/* also what is over */
	int (*get)(struct store *s, enum suppress_kind kind, struct str value,
	    struct arena *arena, struct store_suppression *out, struct diag *d);
	/*
	 * Replaces the entry by what next() makes of it (NULL: there is none),
	 * at one instant.
	 */
	int (*change)(struct store *s, enum suppress_kind kind,
	    struct str value,
	    void (*next)(void *arg, const struct store_suppression *old,
		struct store_suppression *out),
	    void *arg, struct diag *d);
	int (*forget)(struct store *s, int64_t before, struct diag *d);
};

struct store_sts_ops {
	int (*put)(
	    struct store *s, const struct store_sts *sts, struct diag *d);
	/* NULL: one after the other */
	int (*put_many)(struct store *s, const struct store_sts *sts, size_t n,
	    struct diag *d);
	int (*fail)(
	    struct store *s, const struct store_sts *sts, struct diag *d);
	int (*touch)(struct store *s, const struct store_sts_use *use, size_t n,
	    struct diag *d);
	int (*get)(struct store *s, struct str domain, struct arena *arena,
	    struct store_sts *out, struct diag *d);
	int (*each)(struct store *s, struct str after,
	    int (*fn)(void *arg, const struct store_sts *sts), void *arg,
	    struct diag *d);
	int (*remove)(struct store *s, struct str domain, struct diag *d);
	int (*mark)(struct store *s, int64_t *mark, struct diag *d);
	int (*each_change)(struct store *s, int64_t *mark,
	    int (*fn)(
		void *arg, struct str domain, const struct store_sts *sts),
	    void *arg, struct diag *d);
	/* both NULL: the store is not shared */
	int (*claim)(struct store *s, const struct store_sts_claim *claim,
	    struct arena *arena, struct store_sts_claimed *out, struct diag *d);
	int (*unclaim)(
	    struct store *s, struct str domain, uint64_t fence, struct diag *d);
	int (*forget)(
	    struct store *s, int64_t unused, int64_t expired, struct diag *d);
};

/*
 * The numbers of the last changes of MTA-STS policies that a handle has made
 * itself, with none of others between them: above before, up to last.
 */
struct store_sts_own {
	int64_t before, last;
};

static inline void
store_sts_own_add(struct store_sts_own *own, int64_t number, int64_t before)
{
	if (before != own->last)
		own->before = before;
	own->last = number;
}

/* The mark, moved over what is the handle's own. */
static inline int64_t
store_sts_own_skip(const struct store_sts_own *own, int64_t mark)
{
	return mark >= own->before && mark < own->last ? own->last : mark;
}

struct store_destination_ops {
	int (*see)(struct store *s, const struct store_sighting *seen, size_t n,
	    struct diag *d);
	int (*each)(struct store *s, struct str domain, struct str after,
	    int (*fn)(void *arg, const struct store_destination *x), void *arg,
	    struct diag *d);
	int (*remove)(struct store *s, struct str domain, struct diag *d);
	int (*forget)(
	    struct store *s, int64_t before, uint64_t most, struct diag *d);
};

struct store_tls_ops {
	int (*each)(struct store *s, struct str policy_domain, int64_t from,
	    int64_t to,
	    int (*fn)(void *arg, const struct store_tls_result *row), void *arg,
	    struct diag *d);
	int (*each_domain)(struct store *s,
	    int (*fn)(void *arg, const struct store_tls_domain *dom), void *arg,
	    struct diag *d);
	int (*remove)(struct store *s, struct str policy_domain,
	    uint64_t *removed, struct diag *d);
	int (*add_bad)(struct store *s, const struct store_bad_datagram *bad,
	    size_t n, uint64_t more, struct diag *d);
	int (*each_bad)(struct store *s, uint64_t *total,
	    int (*fn)(void *arg, const struct store_bad_datagram *bad),
	    void *arg, struct diag *d);
};

struct store_failure_ops {
	int (*each)(struct store *s, struct str policy_domain,
	    int (*fn)(void *arg, const struct store_incident *row), void *arg,
	    struct diag *d);
	int (*remove)(struct store *s, struct str policy_domain, int64_t before,
	    uint64_t *removed, struct diag *d);
};

/* see upkeep.h */
struct store_upkeep_ops {
	int (*freeze)(struct store *s, struct diag *d);
	int (*each_source)(struct store *s,
	    int (*fn)(void *arg, struct str name, uint64_t seq), void *arg,
	    struct diag *d);
	int (*last_row)(struct store *s, enum ledger_kind kind,
	    struct str policy_domain, int64_t from, int64_t to,
	    struct arena *arena, struct store_take_row *out, struct diag *d);
	int (*inspect)(struct store *s, uint64_t *looked,
	    int (*fn)(void *arg, bool fault, struct str text), void *arg,
	    struct diag *d);
};

struct store_ops {
	void (*close)(struct store *s);
	/* everything that comes with a source and a number */
	int (*add)(
	    struct store *s, const struct store_batch *b, struct diag *d);
	int (*committed)(
	    struct store *s, struct str source, uint64_t *seq, struct diag *d);
	int (*fence)(struct store *s, struct str source,
	    struct store_fence *fence, uint64_t *seq, struct diag *d);
	int (*stats)(struct store *s, struct store_stats *out, struct diag *d);
	/* NULL: a commit is as safe as it will be */
	int (*flush)(struct store *s, struct diag *d);
	const struct store_evaluation_ops *evaluation;
	const struct store_take_ops *take;
	const struct store_ledger_ops *ledger;
	const struct store_suppress_ops *suppress;
	const struct store_sts_ops *sts;
	const struct store_destination_ops *destination;
	const struct store_tls_ops *tls;
	const struct store_failure_ops *failure;
	const struct store_upkeep_ops *upkeep;
};

/* The first member of a back end's handle. */
struct store {
	const struct store_ops *ops;
};

/* The first member of a back end's take. */
struct store_take {
	struct store *store;
};

/*
 * What a test may change: the schema steps (step i makes version i + 1 of
 * version i) and the length of the digest in a row's key.
 */
struct store_sqlite_options {
	const char *const *steps;
	size_t n_steps;
	unsigned digest_octets; /* 1-16 */
};

/* options: NULL for the program's own. */
int store_sqlite_open(const char *path, enum store_mode mode,
    const struct store_sqlite_options *options, struct store **out,
    struct diag *d);

/* spec: see redis_spec.h. */
int store_redis_open(
    const char *spec, enum store_mode mode, struct store **out, struct diag *d);
int store_redis_check(const char *spec, struct diag *d);

#endif
