/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The spool: an append-only file of blocks for batches that the store cannot
 * take now. A block is
 *
 *	sum, magic, version, octets of all
 *	source, from, to	the records (from, to] of that source
 *	hash of what follows, number of rows, 0
 *	rows: octets of all, of the evaluation, of the policy domain, flags
 *	(RECORD_FLAGS()), count, hour, last seq; domain, evaluation, zeros up
 *	to a multiple of 8; for other kinds see batch.h and record.h
 *
 * A block is written and flushed before the ring gives its records up; a
 * block cut short by a crash fails its checksum and its records are still in
 * the ring. Reading finds the next whole block after damaged octets. Numbers
 * are in the order of the machine.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/record.h"
#include "lib/store/store.h"

struct spool_block {
	uint64_t source, from, to;
	uint32_t n_rows;
	uint64_t size; /* octets of the file */
	struct str rows;
};

/*
 * The whole block at the start of octets, of which all rows are sound; out
 * has views. False when there is none.
 */
bool spool_block_parse(struct str octets, struct spool_block *out);
/*
 * Takes the first row off block->rows. seq: of its last record. False at the
 * end.
 */
bool spool_row_next(struct spool_block *block, struct store_evaluation *out,
    enum record_kind *kind, uint64_t *seq);

struct spool {
	char *path;
	int fd;
	uint64_t read, end, max; /* octets */
	uint64_t damaged; /* octets passed over so far: no whole block */
	char *buf;
	size_t cap;
};

/*
 * Opens or creates the file; cuts off what is behind the last whole block.
 * max: octets it may have. Returns 0, AVER_IO, AVER_NOMEM.
 */
int
spool_open(const char *path, uint64_t max, struct spool **out, struct diag *d);
void spool_close(struct spool *sp); /* NULL allowed */
/* Octets waiting. */
uint64_t spool_waiting(const struct spool *sp);
/* The last seq of that source in the file, 0 when there is none. */
int
spool_last(struct spool *sp, uint64_t source, uint64_t *out, struct diag *d);
/*
 * Appends one block and waits until it is on the disk. kinds: enum record_kind
 * of each row; NULL: all are evaluations. seqs: of the last record of each
 * row. Returns 0, AVER_LIMIT (max), AVER_IO (disk full, ...;
 * the file is as before), AVER_NOMEM.
 */
int spool_append(struct spool *sp, uint64_t source, uint64_t from, uint64_t to,
    const struct store_evaluation *rows, const uint8_t *kinds,
    const uint64_t *seqs, size_t n, struct diag *d);
/*
 * The first block not popped; views are valid until the next call. Returns 1,
 * 0 when there is none, AVER_IO, AVER_NOMEM.
 */
int spool_peek(struct spool *sp, struct spool_block *out, struct diag *d);
/* Done with it. The file is emptied after the last one. */
void spool_pop(struct spool *sp, const struct spool_block *block);

#endif
