/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The store's part for TLS: checks the bounds and asks the back end. */
#include "lib/base/err.h"
#include "lib/store/backend.h"
#include "lib/store/bounds.h"

static int
too_long(struct diag *d)
{
	return diag_set(d, AVER_LIMIT, 0, "a name or text is too long");
}

/* --- MTA-STS */

static bool
is_sts_too_long(const struct store_sts *sts)
{
	return !bounds_domain(sts->domain) || sts->id.n > STORE_STS_ID_MAX ||
	       sts->policy.n > STORE_STS_POLICY_MAX;
}

int
store_put_sts(struct store *s, const struct store_sts *sts, struct diag *d)
{
	if (is_sts_too_long(sts))
		return too_long(d);
	return s->ops->sts->put(s, sts, d);
}

int
store_put_sts_many(
    struct store *s, const struct store_sts *sts, size_t n, struct diag *d)
{
	int err = 0;

	for (size_t i = 0; i < n; i++)
		if (is_sts_too_long(&sts[i]))
			return too_long(d);
	if (n > 1 && s->ops->sts->put_many)
		return s->ops->sts->put_many(s, sts, n, d);
	for (size_t i = 0; !err && i < n; i++)
		err = s->ops->sts->put(s, &sts[i], d);
	return err;
}

int
store_fail_sts(struct store *s, const struct store_sts *sts, struct diag *d)
{
	if (!bounds_domain(sts->domain))
		return too_long(d);
	return s->ops->sts->fail(s, sts, d);
}

int
store_touch_sts(
    struct store *s, const struct store_sts_use *use, size_t n, struct diag *d)
{
	return n ? s->ops->sts->touch(s, use, n, d) : 0;
}

int
store_get_sts(struct store *s, struct str domain, struct arena *arena,
    struct store_sts *out, struct diag *d)
{
	return s->ops->sts->get(s, domain, arena, out, d);
}

int
store_each_sts(struct store *s, struct str after,
    int (*fn)(void *arg, const struct store_sts *sts), void *arg,
    struct diag *d)
{
	return s->ops->sts->each(s, after, fn, arg, d);
}

int
store_remove_sts(struct store *s, struct str domain, struct diag *d)
{
	return s->ops->sts->remove(s, domain, d);
}

int
store_mark_sts(struct store *s, int64_t *mark, struct diag *d)
{
	return s->ops->sts->mark(s, mark, d);
}

int
store_each_sts_change(struct store *s, int64_t *mark,
    int (*fn)(void *arg, struct str domain, const struct store_sts *sts),
    void *arg, struct diag *d)
{
	return s->ops->sts->each_change(s, mark, fn, arg, d);
}

bool
store_sts_is_shared(const struct store *s)
{
	return s->ops->sts->claim != NULL;
}

int
store_claim_sts(struct store *s, const struct store_sts_claim *claim,
    struct arena *arena, struct store_sts_claimed *out, struct diag *d)
{
	if (!bounds_domain(claim->domain) || claim->lease_ms <= 0)
		return too_long(d);
	if (s->ops->sts->claim)
		return s->ops->sts->claim(s, claim, arena, out, d);
	*out = (struct store_sts_claimed){.fence = 1};
	return 0;
}

int
store_unclaim_sts(
    struct store *s, struct str domain, uint64_t fence, struct diag *d)
{
	return s->ops->sts->unclaim ? s->ops->sts->unclaim(s, domain, fence, d)
				    : 0;
}

int
store_forget_sts(
    struct store *s, int64_t unused, int64_t expired, struct diag *d)
{
	return s->ops->sts->forget(s, unused, expired, d);
}

/* --- destinations */

bool
bounds_sightings(const struct store_sighting *seen, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!bounds_domain(seen[i].domain) ||
		    !bounds_domain(seen[i].mx))
			return false;
	return true;
}

int
store_see_destinations(struct store *s, const struct store_sighting *seen,
    size_t n, struct diag *d)
{
	if (!bounds_sightings(seen, n))
		return too_long(d);
	return n ? s->ops->destination->see(s, seen, n, d) : 0;
}

int
store_each_destination(struct store *s, struct str domain, struct str after,
    int (*fn)(void *arg, const struct store_destination *x), void *arg,
    struct diag *d)
{
	return s->ops->destination->each(s, domain, after, fn, arg, d);
}

int
store_remove_destination(struct store *s, struct str domain, struct diag *d)
{
	return s->ops->destination->remove(s, domain, d);
}

int
store_forget_destinations(
    struct store *s, int64_t before, uint64_t most, struct diag *d)
{
	return s->ops->destination->forget(s, before, most, d);
}

/* --- results */

int
store_each_tls_result(struct store *s, struct str policy_domain, int64_t from,
    int64_t to, int (*fn)(void *arg, const struct store_tls_result *row),
    void *arg, struct diag *d)
{
	return s->ops->tls->each(s, policy_domain, from, to, fn, arg, d);
}

int
store_each_tls_domain(struct store *s,
    int (*fn)(void *arg, const struct store_tls_domain *dom), void *arg,
    struct diag *d)
{
	return s->ops->tls->each_domain(s, fn, arg, d);
}

int
store_remove_tls_results(struct store *s, struct str policy_domain,
    uint64_t *removed, struct diag *d)
{
	return s->ops->tls->remove(s, policy_domain, removed, d);
}

int
store_add_bad_datagrams(struct store *s, const struct store_bad_datagram *bad,
    size_t n, uint64_t more, struct diag *d)
{
	return n || more ? s->ops->tls->add_bad(s, bad, n, more, d) : 0;
}

int
store_each_bad_datagram(struct store *s, uint64_t *total,
    int (*fn)(void *arg, const struct store_bad_datagram *bad), void *arg,
    struct diag *d)
{
	return s->ops->tls->each_bad(s, total, fn, arg, d);
}

/* --- incidents */

int
store_each_incident(struct store *s, struct str policy_domain,
    int (*fn)(void *arg, const struct store_incident *row), void *arg,
    struct diag *d)
{
	return s->ops->failure->each(s, policy_domain, fn, arg, d);
}

int
store_remove_incidents(struct store *s, struct str policy_domain,
    int64_t before, uint64_t *removed, struct diag *d)
{
	return s->ops->failure->remove(s, policy_domain, before, removed, d);
}
