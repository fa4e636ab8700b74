/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/store/items.h"

#include <stdlib.h>

#include "lib/base/err.h"

/* The array, made if it is not there. */
static void *
array(void *v, size_t size)
{
	return v ? v : calloc(BATCH_ROWS, size);
}

#define ARRAY(it, member) \
	((it)->member = array((it)->member, sizeof(*(it)->member)))

static uint64_t
times(uint64_t v, uint64_t count)
{
	uint64_t most = (uint64_t)1 << 48;

	return count && v > most / count ? most : v * count;
}

static int
sort_tls_result(struct items *it, const struct store_evaluation *row,
    struct store_batch *out)
{
	struct store_tls_result r;

	if (!ARRAY(it, tls_results))
		return AVER_NOMEM;
	if (!record_get_tls_result(row->octets, &r)) {
		it->refused++;
		return 0;
	}
	r.policy_domain = row->policy_domain;
	r.day = row->hour;
	r.success = times(r.success, row->count);
	r.failure = times(r.failure, row->count);
	it->tls_results[out->n_tls_results++] = r;
	return 0;
}

static int
sort_sighting(struct items *it, const struct store_evaluation *row,
    struct store_batch *out)
{
	struct store_sighting x;

	if (!ARRAY(it, sightings))
		return AVER_NOMEM;
	if (!record_get_sighting(row->octets, &x)) {
		it->refused++;
		return 0;
	}
	x.domain = row->policy_domain;
	x.time = row->hour;
	it->sightings[out->n_sightings++] = x;
	return 0;
}

static int
sort_incident(struct items *it, const struct store_evaluation *row,
    struct store_batch *out)
{
	if (!ARRAY(it, incidents))
		return AVER_NOMEM;
	it->incidents[out->n_incidents++] =
	    (struct store_incident){row->policy_domain, row->hour, row->octets};
	return 0;
}

static int
sort_bad_datagram(struct items *it, const struct store_evaluation *row,
    struct store_batch *out)
{
	struct store_bad_datagram x;

	if (!ARRAY(it, bad_datagrams))
		return AVER_NOMEM;
	if (!record_get_bad_datagram(row->octets, &x)) {
		it->refused++;
		return 0;
	}
	x.time = row->hour;
	it->bad_datagrams[out->n_bad_datagrams++] = x;
	return 0;
}

static int
sort_row(struct items *it, enum record_kind kind,
    const struct store_evaluation *row, struct store_batch *out)
{
	/* only bad datagrams have no domain that a back end may count on */
	if (kind != RECORD_EVALUATION && kind != RECORD_BAD_DATAGRAM &&
	    row->policy_domain.n == 0) {
		it->refused++;
		return 0;
	}
	switch (kind) {
	case RECORD_EVALUATION:
		if (!ARRAY(it, rows))
			return AVER_NOMEM;
		it->rows[out->n_rows++] = *row;
		return 0;
	case RECORD_TLS_RESULT:
		return sort_tls_result(it, row, out);
	case RECORD_SIGHTING:
		return sort_sighting(it, row, out);
	case RECORD_INCIDENT:
		return sort_incident(it, row, out);
	case RECORD_BAD_DATAGRAM:
		return sort_bad_datagram(it, row, out);
	case RECORD_KIND_COUNT:
		break;
	}
	it->refused++;
	return 0;
}

int
items_sort(struct items *it, struct batch *b, struct store_batch *out,
    struct store_evaluation **rows)
{
	size_t i = 0;
	int err = 0;

	while (i < b->n && b->kinds[i] == RECORD_EVALUATION)
		i++;
	if (i == b->n) {
		*rows = b->rows;
		out->rows = b->rows;
		out->n_rows = b->n;
		return 0;
	}
	for (i = 0; i < b->n && !err; i++)
		err = sort_row(
		    it, (enum record_kind)b->kinds[i], &b->rows[i], out);
	*rows = it->rows;
	out->rows = it->rows;
	out->tls_results = it->tls_results;
	out->sightings = it->sightings;
	out->incidents = it->incidents;
	out->bad_datagrams = it->bad_datagrams;
	return err;
}

void
items_fini(struct items *it)
{
	free(it->rows);
	free(it->tls_results);
	free(it->sightings);
	free(it->incidents);
	free(it->bad_datagrams);
}
