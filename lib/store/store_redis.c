/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The store on Redis or Valkey, for hosts that share one. All keys of a store
 * are in one slot, so each call is one script at one instant, on a Cluster too;
 * who outgrows one server gives his sites stores of their own (prefix).
 */
#include "lib/store/redis_parts.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "lib/base/err.h"

static void
redis_close(struct store *base)
{
	struct redis_store *s = redis_of(base);

	redis_conn_free(s->c);
	free(s);
}

static int
add_rows(void *arg, const struct redis_due *due)
{
	*(uint64_t *)arg += due->rows;
	return 0;
}

/* What the server knows without looking at rows. */
static int
read_figures(struct redis_store *s, struct store_stats *st, struct diag *d)
{
	uint64_t *const fields[] = {&st->known_domains, &st->incidents,
	    &st->destinations, &st->sts_policies, &st->suppressions,
	    &st->reports, &st->pending, &st->bad_datagrams,
	    &st->incidents_dropped, &st->octets};
	const size_t n = sizeof(fields) / sizeof(fields[0]);
	const struct resp *items;
	struct arena a;
	struct resp r;
	bool bad = false;
	int err;

	arena_init(&a, 1 << 16);
	redis_begin(s->c, REDIS_STATS);
	err = redis_run(s->c, true, &a, &r, d);
	items = err ? NULL : redis_items(&r, n, &bad);
	for (size_t i = 0; items && i < n; i++)
		*fields[i] = redis_uint(&items[i], &bad);
	if (bad)
		err = redis_odd(s->c, d);
	arena_fini(&a);
	return err;
}

static int
redis_stats(struct store *base, struct store_stats *out, struct diag *d)
{
	struct redis_store *s = redis_of(base);
	struct store_stats st = {.evaluations = 0};
	int err = read_figures(s, &st, d);

	if (!err)
		err = redis_each_due(s, REDIS_DMARC, STR_NONE, INT64_MAX, false,
		    add_rows, &st.evaluations, d);
	if (!err)
		err = redis_each_due(s, REDIS_TLS, STR_NONE, INT64_MAX, false,
		    add_rows, &st.tls_results, d);
	if (!err)
		*out = st;
	return err;
}

static const struct store_ops ops = {
    .close = redis_close,
    .add = redis_add,
    .committed = redis_committed,
    .fence = redis_fence,
    .stats = redis_stats,
    .evaluation = &redis_evaluation_ops,
    .take = &redis_take_ops,
    .ledger = &redis_ledger_ops,
    .suppress = &redis_suppress_ops,
    .sts = &redis_sts_ops,
    .destination = &redis_destination_ops,
    .tls = &redis_tls_ops,
    .failure = &redis_failure_ops,
    .upkeep = &redis_upkeep_ops,
};

static int
new_conn(const char *text, enum store_mode mode, struct redis_conn **out,
    struct diag *d)
{
	struct redis_spec spec;
	int err = redis_spec_parse(str_from_z(text), &spec, d);

	if (!err)
		err = redis_conn_new(&spec, mode, out, d);
	OPENSSL_cleanse(spec.password, sizeof(spec.password));
	return err;
}

int
store_redis_check(const char *text, struct diag *d)
{
	struct redis_conn *c = NULL;
	int err = new_conn(text, STORE_READ, &c, d);

	redis_conn_free(c);
	return err;
}

int
store_redis_open(
    const char *text, enum store_mode mode, struct store **out, struct diag *d)
{
	struct redis_store *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	s->base.ops = &ops;
	s->read_only = mode == STORE_READ;
	err = new_conn(text, mode, &s->c, d);
	if (!err)
		err = redis_conn_open(s->c, d);
	if (err) {
		redis_close(&s->base);
		return err;
	}
	*out = &s->base;
	return 0;
}
