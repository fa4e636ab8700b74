/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/store.h"

#include "lib/base/err.h"
#include "lib/store/backend.h"
#include "lib/store/bounds.h"
#include "lib/store/redis_spec.h"

/* The path after "sqlite:"; NULL: the spec is of another kind. */
static const char *
sqlite_path(const char *spec)
{
	static const struct str sqlite = STR_INIT("sqlite:");
	struct str s = str_from_z(spec);

	return str_starts(s, sqlite) && s.n > sqlite.n ? spec + sqlite.n : NULL;
}

static int
refuse(const char *spec, struct diag *d)
{
	return diag_set(d, AVER_CONF, 0,
	    "store \"%s\": expected sqlite:PATH or redis://HOST",
	    spec ? spec : "");
}

int
store_open(
    const char *spec, enum store_mode mode, struct store **out, struct diag *d)
{
	const char *path = sqlite_path(spec);

	if (path)
		return store_sqlite_open(path, mode, NULL, out, d);
	if (redis_spec_is(str_from_z(spec)))
		return store_redis_open(spec, mode, out, d);
	return refuse(spec, d);
}

int
store_check_spec(const char *spec, struct diag *d)
{
	if (sqlite_path(spec))
		return 0;
	if (redis_spec_is(str_from_z(spec)))
		return store_redis_check(spec, d);
	return refuse(spec, d);
}

void
store_close(struct store *s)
{
	if (s)
		s->ops->close(s);
}

/* --- batches */

bool
bounds_domain(struct str domain)
{
	return domain.n > 0 && domain.n <= BOUNDS_DOMAIN;
}

static bool
tls_result_ok(const struct store_tls_result *r)
{
	return bounds_domain(r->policy_domain) &&
	       r->recipient_domain.n <= BOUNDS_DOMAIN &&
	       r->policy.n <= STORE_TLS_POLICY_MAX &&
	       r->detail.n <= STORE_TLS_DETAIL_MAX &&
	       r->success <= BOUNDS_COUNT && r->failure <= BOUNDS_COUNT;
}

static bool
incident_ok(const struct store_incident *i)
{
	return bounds_domain(i->policy_domain) &&
	       i->octets.n <= STORE_INCIDENT_MAX;
}

static bool
batch_ok(const struct store_batch *b)
{
	for (size_t i = 0; i < b->n_tls_results; i++)
		if (!tls_result_ok(&b->tls_results[i]))
			return false;
	for (size_t i = 0; i < b->n_incidents; i++)
		if (!incident_ok(&b->incidents[i]))
			return false;
	return bounds_sightings(b->sightings, b->n_sightings);
}

int
store_add_evaluations(struct store *s, struct str source, uint64_t seq,
    const struct store_evaluation *rows, size_t n, struct diag *d)
{
	const struct store_batch b = {
	    .source = source, .seq = seq, .rows = rows, .n_rows = n};

	return store_add_batch(s, &b, d);
}

int
store_add_tls_results(struct store *s, struct str source, uint64_t seq,
    const struct store_tls_result *rows, size_t n, struct diag *d)
{
	const struct store_batch b = {.source = source,
	    .seq = seq,
	    .tls_results = rows,
	    .n_tls_results = n};

	return store_add_batch(s, &b, d);
}

int
store_add_incidents(struct store *s, struct str source, uint64_t seq,
    const struct store_incident *rows, size_t n, struct diag *d)
{
	const struct store_batch b = {
	    .source = source, .seq = seq, .incidents = rows, .n_incidents = n};

	return store_add_batch(s, &b, d);
}

int
store_add_batch(struct store *s, const struct store_batch *b, struct diag *d)
{
	if (!batch_ok(b))
		return diag_set(
		    d, AVER_LIMIT, 0, "something is above its bounds");
	return s->ops->add(s, b, d);
}

int
store_committed(
    struct store *s, struct str source, uint64_t *seq, struct diag *d)
{
	return s->ops->committed(s, source, seq, d);
}

int
store_fence_source(struct store *s, struct str source,
    struct store_fence *fence, uint64_t *seq, struct diag *d)
{
	return s->ops->fence(s, source, fence, seq, d);
}

int
store_flush(struct store *s, struct diag *d)
{
	return s->ops->flush ? s->ops->flush(s, d) : 0;
}

int
store_stats(struct store *s, struct store_stats *out, struct diag *d)
{
	return s->ops->stats(s, out, d);
}

/* --- evaluations and known domains */

int
store_each_evaluation(struct store *s, struct str policy_domain, int64_t from,
    int64_t to, int (*fn)(void *arg, const struct store_evaluation *row),
    void *arg, struct diag *d)
{
	return s->ops->evaluation->each(s, policy_domain, from, to, fn, arg, d);
}

int
store_each_domain(struct store *s,
    int (*fn)(void *arg, const struct store_domain *dom), void *arg,
    struct diag *d)
{
	return s->ops->evaluation->each_domain(s, fn, arg, d);
}

int
store_remove_evaluations(struct store *s, struct str policy_domain,
    uint64_t *removed, struct diag *d)
{
	return s->ops->evaluation->remove(s, policy_domain, removed, d);
}

int
store_know_domains(
    struct store *s, const struct store_known *known, size_t n, struct diag *d)
{
	return s->ops->evaluation->know(s, known, n, d);
}

int
store_forget_domains(
    struct store *s, int64_t before, uint64_t most, struct diag *d)
{
	return s->ops->evaluation->forget(s, before, most, d);
}

int
store_each_known(struct store *s,
    int (*fn)(void *arg, const struct store_known *known), void *arg,
    struct diag *d)
{
	return s->ops->evaluation->each_known(s, fn, arg, d);
}
