/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The store in one SQLite file: opening it, and batches, which bring something
 * for several parts and one number for all of it.
 */
#include "lib/store/backend.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/store/sqlite_parts.h"

#define SEQ_MAX ((uint64_t)1 << 62)

static void
sqlite_close(struct store *base)
{
	struct sqlite_store *s = db_of(base);

	db_close(s);
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->sha256);
	free(s->path);
	free(s);
}

/* --- batches */

int
sqlite_count_up(struct sqlite_store *s, struct str name, uint64_t n)
{
	int64_t ignored;

	if (n == 0)
		return DB_OK;
	db_put_text(s, ST_COUNT_UP, 1, name);
	db_put_int(s, ST_COUNT_UP, 2, n > INT32_MAX ? INT32_MAX : (int64_t)n);
	return db_get(s, ST_COUNT_UP, &ignored, 1);
}

/* The first of n numbers that are higher than all before. */
static int
next_stamps(struct sqlite_store *s, size_t n, int64_t *stamp)
{
	int rc;

	if (n == 0)
		return DB_OK;
	db_put_text(s, ST_COUNT_UP, 1, STR("stamp"));
	db_put_int(s, ST_COUNT_UP, 2, (int64_t)n);
	rc = db_get(s, ST_COUNT_UP, stamp, 1);
	*stamp -= (int64_t)n - 1;
	return rc;
}

struct source {
	int64_t seq, fence, token;
	int64_t old_fence, old_token, old_seq; /* of who had it before */
};

/* All 0 when it is unknown. */
static int
get_source(struct sqlite_store *s, struct str name, struct source *out)
{
	int64_t v[6] = {0};
	int rc;

	db_put_text(s, ST_SOURCE_GET, 1, name);
	rc = db_get(s, ST_SOURCE_GET, v, 6);
	if (v[0] < 0 || (uint64_t)v[0] > SEQ_MAX || v[1] < 0)
		return DB_CORRUPT;
	*out = (struct source){v[0], v[1], v[2], v[3], v[4], v[5]};
	return rc;
}

static int
fence_source(
    struct sqlite_store *s, struct str name, const struct store_fence *fence)
{
	db_put_text(s, ST_SOURCE_FENCE, 1, name);
	db_put_int(s, ST_SOURCE_FENCE, 2, (int64_t)fence->number);
	db_put_int(s, ST_SOURCE_FENCE, 3, (int64_t)fence->token);
	return db_run(s, ST_SOURCE_FENCE);
}

static int
put_source(struct sqlite_store *s, struct str source, uint64_t seq)
{
	if (seq == 0)
		return DB_OK;
	db_put_text(s, ST_SOURCE_PUT, 1, source);
	db_put_int(s, ST_SOURCE_PUT, 2, (int64_t)seq);
	return db_run(s, ST_SOURCE_PUT);
}

/* In the transaction that is open. */
static int
add_batch(struct sqlite_store *s, const struct store_batch *b)
{
	int64_t stamp = 0;
	int rc = next_stamps(s, b->n_rows + b->n_tls_results, &stamp);

	if (rc == DB_OK)
		rc = sqlite_add_evaluations(s, b, stamp);
	if (rc == DB_OK)
		rc = sqlite_add_tls_results(s, b, stamp + (int64_t)b->n_rows);
	if (rc == DB_OK)
		rc = sqlite_add_incidents(s, b);
	if (rc == DB_OK)
		rc = sqlite_add_sightings(s, b->sightings, b->n_sightings);
	if (rc == DB_OK)
		rc = sqlite_add_bad_datagrams(s, b->bad_datagrams,
		    b->n_bad_datagrams, b->more_bad_datagrams);
	return rc == DB_OK ? put_source(s, b->source, b->seq) : rc;
}

/* What to do with a batch of a fence. */
enum fenced { FENCED_OWN, FENCED_DONE, FENCED_OTHER, FENCED_PART };

static enum fenced
look_at_fence(const struct source *src, const struct store_batch *b)
{
	int64_t mine = (int64_t)b->fence->number;
	int64_t token = (int64_t)b->fence->token;
	uint64_t seq = (uint64_t)src->seq;

	if (src->fence > mine || (src->fence == mine && src->token != token))
		return src->old_fence == mine && src->old_token == token &&
			       (uint64_t)src->old_seq >= b->seq
			   ? FENCED_DONE
			   : FENCED_OTHER;
	return seq > b->after && seq < b->seq ? FENCED_PART : FENCED_OWN;
}

/* In the transaction that is open; *done: it is counted already. */
static int
may_add(struct sqlite_store *s, const struct store_batch *b, int *rc,
    bool *done, struct diag *d)
{
	struct source src = {0};
	enum fenced what = FENCED_OWN;

	*rc = get_source(s, b->source, &src);
	if (*rc != DB_OK || b->seq == 0)
		return 0;
	if (b->fence)
		what = look_at_fence(&src, b);
	if (what == FENCED_OTHER)
		return diag_set(d, AVER_NOTFOUND, 0,
		    "another process records as %.*s now", STRF(b->source));
	if (what == FENCED_PART)
		return diag_set(d, AVER_IO, 0,
		    "the number of %.*s is not what it was", STRF(b->source));
	/* a commit that seemed to fail did not */
	*done = what == FENCED_DONE || (uint64_t)src.seq >= b->seq;
	if (!*done && b->fence && src.fence < (int64_t)b->fence->number)
		*rc = fence_source(s, b->source, b->fence);
	return 0;
}

static int
sqlite_add(struct store *base, const struct store_batch *b, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	bool done = false;
	int rc, err;

	if (b->seq > SEQ_MAX)
		return diag_set(
		    d, AVER_BUG, 0, "%s: impossible number", s->path);
	err = db_begin(s, false, d);
	if (err)
		return err;
	err = may_add(s, b, &rc, &done, d);
	if (err || done) {
		db_rollback(s);
		return err;
	}
	if (rc == DB_OK)
		rc = add_batch(s, b);
	return db_finish(s, rc, d);
}

static int
sqlite_committed(
    struct store *base, struct str source, uint64_t *seq, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct source src;
	int rc = get_source(s, source, &src);

	if (rc != DB_OK)
		return db_failed(s, d, rc);
	*seq = (uint64_t)src.seq;
	return 0;
}

/*
 * A killed process commits nothing any more, but two whose files are copies of
 * each other may have one store.
 */
static int
sqlite_fence(struct store *base, struct str source, struct store_fence *fence,
    uint64_t *seq, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	struct store_fence next = *fence;
	struct source src;
	int rc, err = db_begin(s, false, d);

	if (err)
		return err;
	rc = get_source(s, source, &src);
	if (rc == DB_OK && src.token == (int64_t)fence->token) {
		next.number = (uint64_t)src.fence;
	} else if (rc == DB_OK && next.number > 0 &&
		   src.fence >= (int64_t)next.number) {
		db_rollback(s);
		return diag_set(d, AVER_NOTFOUND, 0,
		    "another process records as %.*s now", STRF(source));
	} else if (rc == DB_OK) {
		if (next.number == 0)
			next.number = (uint64_t)src.fence + 1;
		rc = fence_source(s, source, &next);
	}
	err = db_finish(s, rc, d);
	if (err)
		return err;
	*fence = next;
	*seq = (uint64_t)src.seq;
	return 0;
}

/*
 * What is relaxed goes to the disk with what is not. Another handle, or a
 * process that was killed, may have committed it.
 */
static int
sqlite_flush(struct store *base, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int err = db_begin(s, false, d);

	if (err)
		return err;
	return db_finish(s, sqlite_count_up(s, STR("stamp"), 1), d);
}

static int
sqlite_stats(struct store *base, struct store_stats *out, struct diag *d)
{
	struct sqlite_store *s = db_of(base);
	int64_t v[12] = {0};
	int rc = db_get(s, ST_STATS, v, 12);

	if (rc != DB_OK)
		return db_failed(s, d, rc);
	*out = (struct store_stats){
	    .evaluations = (uint64_t)v[0],
	    .known_domains = (uint64_t)v[1],
	    .tls_results = (uint64_t)v[2],
	    .incidents = (uint64_t)v[3],
	    .destinations = (uint64_t)v[4],
	    .sts_policies = (uint64_t)v[5],
	    .suppressions = (uint64_t)v[6],
	    .reports = (uint64_t)v[7],
	    .pending = (uint64_t)v[8],
	    .bad_datagrams = (uint64_t)v[9],
	    .incidents_dropped = (uint64_t)v[10],
	    .octets = (uint64_t)v[11],
	};
	return 0;
}

/* --- open */

static const struct store_ops ops = {
    .close = sqlite_close,
    .add = sqlite_add,
    .committed = sqlite_committed,
    .fence = sqlite_fence,
    .stats = sqlite_stats,
    .flush = sqlite_flush,
    .evaluation = &sqlite_evaluation_ops,
    .take = &sqlite_take_ops,
    .ledger = &sqlite_ledger_ops,
    .suppress = &sqlite_suppress_ops,
    .sts = &sqlite_sts_ops,
    .destination = &sqlite_destination_ops,
    .tls = &sqlite_tls_ops,
    .failure = &sqlite_failure_ops,
    .upkeep = &sqlite_upkeep_ops,
};

int
store_sqlite_open(const char *path, enum store_mode mode,
    const struct store_sqlite_options *options, struct store **out,
    struct diag *d)
{
	const struct store_sqlite_options *o = options ? options : &sql_schema;
	struct sqlite_store *s = calloc(1, sizeof(*s));
	int err = 0;

	if (!s)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	s->base.ops = &ops;
	s->path = strdup(path);
	s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->digest = EVP_MD_CTX_new();
	if (!s->path || !s->sha256 || !s->digest)
		err = diag_set(d, AVER_NOMEM, 0, "out of memory");
	if (!err)
		err = db_open(s, mode, o, d);
	if (err) {
		sqlite_close(&s->base);
		return err;
	}
	*out = &s->base;
	return 0;
}
