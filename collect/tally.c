/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "collect/tally.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

#define SLOTS (4 * TALLY_ROWS) /* of the table, for both kinds */

struct tally {
	struct arena a; /* strings of the rows */
	uint64_t seed;
	struct store_tls_result *rows;
	struct store_sighting *seen;
	uint64_t *hashes; /* of rows, then of sightings */
	size_t n_rows, n_seen;
	/* 0: free; 2 * index + 1: a row, 2 * index + 2: a sighting */
	uint32_t *table;
};

struct tally *
tally_new(void)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->rows = calloc(TALLY_ROWS, sizeof(*t->rows));
	t->seen = calloc(TALLY_ROWS, sizeof(*t->seen));
	t->hashes = calloc(2 * TALLY_ROWS, sizeof(*t->hashes));
	t->table = calloc(SLOTS, sizeof(*t->table));
	/* twice as much, so that a datagram always fits above the mark */
	arena_init(&t->a, 2 * TALLY_OCTETS);
	if (!t->rows || !t->seen || !t->hashes || !t->table ||
	    getentropy(&t->seed, sizeof(t->seed)) != 0) {
		tally_free(t);
		return NULL;
	}
	return t;
}

void
tally_free(struct tally *t)
{
	if (!t)
		return;
	arena_fini(&t->a);
	free(t->rows);
	free(t->seen);
	free(t->hashes);
	free(t->table);
	free(t);
}

static uint64_t
hash_row(const struct tally *t, const struct store_tls_result *r)
{
	uint64_t h = str_hash(r->policy_domain, t->seed);

	h = str_hash(r->recipient_domain, h);
	h = str_hash(r->policy, h + (uint64_t)r->day);
	return str_hash(r->detail, h + r->wanted);
}

static bool
same_row(const struct store_tls_result *a, const struct store_tls_result *b)
{
	return a->day == b->day && a->wanted == b->wanted &&
	       str_eq(a->policy_domain, b->policy_domain) &&
	       str_eq(a->recipient_domain, b->recipient_domain) &&
	       str_eq(a->detail, b->detail) && str_eq(a->policy, b->policy);
}

static uint64_t
hash_seen(const struct tally *t, const struct store_sighting *x)
{
	return str_hash(
	    x->mx, str_hash(x->domain, t->seed + 4u * (unsigned)x->starttls +
					   (unsigned)x->requiretls));
}

static bool
same_seen(const struct store_sighting *a, const struct store_sighting *b)
{
	return a->starttls == b->starttls && a->requiretls == b->requiretls &&
	       str_eq(a->domain, b->domain) && str_eq(a->mx, b->mx);
}

/* A copy; that of the last row where it is the same, as it often is. */
static bool
keep(struct tally *t, struct str last, struct str s, struct str *out)
{
	if (str_eq(last, s))
		*out = last;
	else
		*out = arena_dup(&t->a, s);
	return s.n == 0 || out->p;
}

static int
append_row(struct tally *t, const struct store_tls_result *row)
{
	static const struct store_tls_result none;
	const struct store_tls_result *last =
	    t->n_rows ? &t->rows[t->n_rows - 1] : &none;
	struct store_tls_result *r = &t->rows[t->n_rows];

	*r = *row;
	if (!keep(t, last->policy_domain, row->policy_domain,
		&r->policy_domain) ||
	    !keep(t, last->recipient_domain, row->recipient_domain,
		&r->recipient_domain) ||
	    !keep(t, last->policy, row->policy, &r->policy) ||
	    !keep(t, last->detail, row->detail, &r->detail))
		return AVER_LIMIT;
	return 0;
}

int
tally_add(struct tally *t, const struct store_tls_result *row)
{
	uint64_t h = hash_row(t, row);
	size_t at = (size_t)(h % SLOTS);
	int err;

	for (; t->table[at]; at = (at + 1) % SLOTS) {
		size_t i = (t->table[at] - 1) / 2;

		if (t->table[at] % 2 == 0 || t->hashes[i] != h ||
		    !same_row(&t->rows[i], row))
			continue;
		t->rows[i].success += row->success;
		t->rows[i].failure += row->failure;
		return 0;
	}
	if (t->n_rows == TALLY_ROWS)
		return AVER_LIMIT;
	err = append_row(t, row);
	if (err)
		return err;
	t->hashes[t->n_rows] = h;
	t->table[at] = (uint32_t)(2 * t->n_rows + 1);
	t->n_rows++;
	return 0;
}

int
tally_see(struct tally *t, const struct store_sighting *seen)
{
	uint64_t h = hash_seen(t, seen);
	size_t at = (size_t)(h % SLOTS);
	struct store_sighting *x;

	for (; t->table[at]; at = (at + 1) % SLOTS) {
		size_t i = (t->table[at] - 1) / 2;

		if (t->table[at] % 2 || t->hashes[TALLY_ROWS + i] != h ||
		    !same_seen(&t->seen[i], seen))
			continue;
		if (t->seen[i].time < seen->time)
			t->seen[i].time = seen->time;
		return 0;
	}
	if (t->n_seen == TALLY_ROWS)
		return AVER_LIMIT;
	x = &t->seen[t->n_seen];
	*x = *seen;
	if (!keep(t, STR_NONE, seen->domain, &x->domain) ||
	    !keep(t, STR_NONE, seen->mx, &x->mx))
		return AVER_LIMIT;
	t->hashes[TALLY_ROWS + t->n_seen] = h;
	t->table[at] = (uint32_t)(2 * t->n_seen + 2);
	t->n_seen++;
	return 0;
}

bool
tally_is_full(const struct tally *t)
{
	return t->n_rows > TALLY_ROWS / 2 || t->n_seen > TALLY_ROWS / 2 ||
	       t->a.taken > TALLY_OCTETS;
}

const struct store_tls_result *
tally_rows(const struct tally *t, size_t *n)
{
	*n = t->n_rows;
	return t->rows;
}

const struct store_sighting *
tally_sightings(const struct tally *t, size_t *n)
{
	*n = t->n_seen;
	return t->seen;
}

void
tally_clear(struct tally *t)
{
	if (t->n_rows || t->n_seen)
		memset(t->table, 0, SLOTS * sizeof(*t->table));
	t->n_rows = t->n_seen = 0;
	arena_reset(&t->a);
}
