/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Counts results of TLS sessions and sightings of hosts in memory, until they
 * are recorded: what is equal is one row. One thread.
 */
#ifndef COLLECT_TALLY_H
#define COLLECT_TALLY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/store/destination.h"
#include "lib/store/tls_result.h"

#define TALLY_ROWS ((size_t)8192) /* of each kind */
#define TALLY_OCTETS ((size_t)8 << 20)

struct tally;

struct tally *tally_new(void); /* NULL without memory */
void tally_free(struct tally *t); /* NULL allowed */

/*
 * Count a row, with its success and failure, or take note of a sighting;
 * strings are copied. AVER_LIMIT or AVER_NOMEM: there is no room, nothing
 * changed.
 */
int tally_add(struct tally *t, const struct store_tls_result *row);
int tally_see(struct tally *t, const struct store_sighting *seen);

/* So much is there that it should be taken away before there is more. */
bool tally_is_full(const struct tally *t);

/* In the order in which they came first; good until the next change. */
const struct store_tls_result *tally_rows(const struct tally *t, size_t *n);
const struct store_sighting *tally_sightings(const struct tally *t, size_t *n);
void tally_clear(struct tally *t);

#endif
