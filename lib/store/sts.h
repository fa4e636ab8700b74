/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * MTA-STS policies that survive restarts (RFC 8461), and what the
 * last fetch came to. Domains are A-labels in lower case, 1 to 255 octets.
 * Times are seconds since the epoch, 0: never. Errors, handles, threads and
 * callbacks as in ledger.h.
 *
 * Several may use one store: daemons on one host or, where the store is shared,
 * on many, and commands beside them. What one of them puts or removes, the
 * others learn by asking once a second or so for what has changed
 * (store_each_sts_change()). Times come from the clocks of those who fetch;
 * they may differ by STORE_STS_SKEW.
 */
#ifndef STORE_STS_H
#define STORE_STS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

#define STORE_STS_ID_MAX 255
#define STORE_STS_POLICY_MAX 65536
#define STORE_STS_DETAIL_MAX 512 /* more is cut off */
#define STORE_STS_SKEW 300 /* seconds between two hosts' clocks, at most */

struct store_sts {
	struct str domain;
	/* the policy; empty when there is only a failure to remember */
	struct str id;
	struct str policy; /* as it was fetched */
	int64_t fetched;
	int64_t expires;
	int64_t last_used;
	int64_t refreshed; /* when it was last found to be current */
	/* the last failure since the policy was fetched or found current */
	int64_t failed;
	int failure; /* the caller's code; 0: none */
	struct str failure_detail;
	int64_t next_try; /* no fetch before that */
};

/*
 * A policy was fetched: puts id, policy, fetched, expires and refreshed; there
 * is no failure any more and next_try is as given. last_used does not go back.
 * One fetched before the one that is there (by another host) changes nothing,
 * unless that was fetched later than now by more than STORE_STS_SKEW: then the
 * clock was wrong. AVER_LIMIT: too long.
 */
int store_put_sts(struct store *s, const struct store_sts *sts, struct diag *d);
/*
 * The same for many at once, which costs less: SQLite has them all or, after an
 * error, none; others the first of them.
 */
int store_put_sts_many(
    struct store *s, const struct store_sts *sts, size_t n, struct diag *d);

/*
 * A fetch failed: sets failed, failure, failure_detail and next_try of the
 * domain and leaves its policy alone; without one it remembers the failure
 * alone. A failure before the last one, or before the policy was fetched or
 * found current, changes nothing.
 */
int
store_fail_sts(struct store *s, const struct store_sts *sts, struct diag *d);

struct store_sts_use {
	struct str domain;
	int64_t last_used;
};

/* last_used of many in one go; unknown domains are passed over. */
int store_touch_sts(
    struct store *s, const struct store_sts_use *use, size_t n, struct diag *d);

/*
 * AVER_NOTFOUND. Expired ones are given too. What cannot be read is given as
 * its name alone, here and below. Strings in arena.
 */
int store_get_sts(struct store *s, struct str domain, struct arena *arena,
    struct store_sts *out, struct diag *d);

/* Ordered by domain, those after that name (empty: all). */
int store_each_sts(struct store *s, struct str after,
    int (*fn)(void *arg, const struct store_sts *sts), void *arg,
    struct diag *d);

/* Forgets the domain. AVER_NOTFOUND. */
int store_remove_sts(struct store *s, struct str domain, struct diag *d);

/*
 * Where a reader of the changes is. Puts and removals are changes; failures,
 * uses and what is forgotten because its time is over are none.
 */
int store_mark_sts(struct store *s, int64_t *mark, struct diag *d);

/*
 * Calls fn for each domain that was changed after the mark, as it is now: sts
 * is its policy, or NULL when it was removed by store_remove_sts(). Most that
 * the handle itself has changed is left out; a domain may come repeatedly.
 * Afterwards, also when fn stopped it, *mark stands behind what fn was given.
 * When nothing has changed that is one short question. AVER_NOTFOUND: changes
 * after the mark were forgotten, or the store is another one, or was emptied;
 * so take a mark, read all, and do not take for removed what is not there.
 */
int store_each_sts_change(struct store *s, int64_t *mark,
    int (*fn)(void *arg, struct str domain, const struct store_sts *sts),
    void *arg, struct diag *d);

/*
 * Who fetches, of several hosts that share a store: one gets a claim for a
 * short time, which ends by itself; the others look again. It costs a stale
 * holder nothing but work: what he fetched is still a policy.
 */
struct store_sts_claim {
	struct str domain;
	struct str id; /* of the TXT record; empty: any will do */
	int64_t now;
	int64_t newer; /* only a policy fetched after that will do */
	int64_t lease_ms; /* above 0 */
};

struct store_sts_claimed {
	bool is_there; /* a policy that will do: no fetch is wanted */
	struct store_sts sts; /* then, in the arena */
	uint64_t fence; /* else: the claim is the caller's; 0: another's */
};

/*
 * Is the store one for several hosts? Where it is not, all claims are granted
 * unseen.
 */
bool store_sts_is_shared(const struct store *s);
/*
 * A policy will do that has the id, was fetched after newer and not in the
 * future (STORE_STS_SKEW), and has not expired.
 */
int store_claim_sts(struct store *s, const struct store_sts_claim *claim,
    struct arena *arena, struct store_sts_claimed *out, struct diag *d);
/* Gives a claim back, if it is that one still. */
int store_unclaim_sts(
    struct store *s, struct str domain, uint64_t fence, struct diag *d);

/*
 * Forgets what was last used, fetched and failed before unused, and what
 * expired before expired and has no failure after that.
 */
int store_forget_sts(
    struct store *s, int64_t unused, int64_t expired, struct diag *d);

#endif
