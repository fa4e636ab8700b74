/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A batch of records of all kinds, sorted into what the store takes.
 */
#ifndef STORE_ITEMS_H
#define STORE_ITEMS_H

#include <stddef.h>

#include "lib/store/batch.h"
#include "lib/store/record.h"
#include "lib/store/store.h"

/* Arrays of BATCH_ROWS, made when they are first needed. */
struct items {
	struct store_evaluation *rows;
	struct store_tls_result *tls_results;
	struct store_sighting *sightings;
	struct store_incident *incidents;
	struct store_bad_datagram *bad_datagrams;
	/* how many records could not be read, ever */
	uint64_t refused;
};

/*
 * Sets rows, and the arrays of the other kinds, in out. The evaluations are
 * out's to change: if there are no others they are the batch's own. Views as
 * those of the batch. Returns 0 or AVER_NOMEM.
 */
int items_sort(struct items *it, struct batch *b, struct store_batch *out,
    struct store_evaluation **rows);
void items_fini(struct items *it);

#endif
