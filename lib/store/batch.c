/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/batch.h"

#include <stdlib.h>
#include <string.h>

#define TABLE (2 * BATCH_ROWS)

/*
 * Somebody who makes many evaluations with one hash gets rows of his own in
 * the batch after so many looks; the store counts them into one all the same.
 */
#define PROBES 32

_Static_assert(BATCH_ROWS < UINT16_MAX, "index + 1 fits the table");

struct batch *
batch_new(void)
{
	return calloc(1, sizeof(struct batch));
}

void
batch_clear(struct batch *b, uint64_t from)
{
	if (b->n)
		memset(b->table, 0, sizeof(b->table));
	b->n = 0;
	b->octets = 0;
	b->records = 0;
	b->from = b->to = from;
}

/* The time that is part of a row. */
static int64_t
row_time(const struct ring_entry *e)
{
	int64_t time = e->time < 0 ? 0 : e->time;

	return e->kind == RECORD_EVALUATION ? time - time % 3600 : time;
}

/* Incidents and bad datagrams are told apart even if they are equal. */
static bool
countable(enum record_kind kind)
{
	return kind == RECORD_EVALUATION || kind == RECORD_TLS_RESULT ||
	       kind == RECORD_SIGHTING;
}

static bool
same(const struct store_evaluation *row, int64_t time,
    const struct ring_entry *e)
{
	return (row->hour == time || e->kind == RECORD_SIGHTING) &&
	       row->optional == e->optional &&
	       str_eq(row->policy_domain, e->policy_domain) &&
	       str_eq(row->octets, e->octets);
}

bool
batch_add(struct batch *b, const struct ring_entry *e)
{
	int64_t time = row_time(e);
	size_t octets = e->policy_domain.n + e->octets.n;
	size_t at = (size_t)(e->hash % TABLE);
	unsigned probe = 0;
	size_t i;

	while (countable(e->kind) && b->table[at] && probe < PROBES) {
		i = b->table[at] - 1u;
		if (b->hashes[i] == e->hash && b->kinds[i] == e->kind &&
		    same(&b->rows[i], time, e))
			goto count;
		at = (at + 1) % TABLE;
		probe++;
	}
	if (b->n == BATCH_ROWS || (b->n && b->octets + octets > BATCH_OCTETS))
		return false;
	i = b->n++;
	b->rows[i] = (struct store_evaluation){.hour = time,
	    .policy_domain = e->policy_domain,
	    .octets = e->octets,
	    .optional = e->optional};
	b->kinds[i] = (uint8_t)e->kind;
	b->hashes[i] = e->hash;
	b->octets += octets;
	if (!b->table[at])
		b->table[at] = (uint16_t)(i + 1);
count:
	b->rows[i].count++;
	if (b->rows[i].hour < time)
		b->rows[i].hour = time;
	b->seqs[i] = e->seq;
	b->records++;
	b->to = e->seq;
	return true;
}
