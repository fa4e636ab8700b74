/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What goes into one transaction, or one block of the spool: equal
 * evaluations of an hour are one row with a count. So are equal TLS results of
 * a day, and equal sightings, of which the last time counts. A row of another
 * kind than an evaluation has the record's domain, octets and time in the same
 * places.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/store/ring.h"
#include "lib/store/store.h"

#define BATCH_ROWS 4096
#define BATCH_OCTETS ((size_t)1 << 20) /* of the rows' strings */

struct batch {
	struct store_evaluation rows[BATCH_ROWS]; /* views, see batch_add() */
	uint8_t kinds[BATCH_ROWS]; /* enum record_kind */
	uint64_t seqs[BATCH_ROWS]; /* of the last record in each row */
	uint64_t hashes[BATCH_ROWS];
	uint16_t table[2 * BATCH_ROWS]; /* index + 1 */
	size_t n, octets;
	uint64_t records; /* the sum of the counts */
	uint64_t from, to; /* seq before the first, and of the last */
};

/* NULL when memory is out; free() it. Most of it is touched only when used. */
struct batch *batch_new(void);
/* Empty; the first record comes after seq from. */
void batch_clear(struct batch *b, uint64_t from);
/*
 * Counts one record. The strings must stay until batch_clear(). False when
 * the batch is full.
 */
bool batch_add(struct batch *b, const struct ring_entry *e);

#endif
