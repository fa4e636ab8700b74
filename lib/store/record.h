/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The kinds of records that go through ring and spool, and the octets of
 * those that are no evaluations. A record has a kind, a time, a domain and
 * octets, which together are the whole of it:
 *
 *	evaluation	policy domain; of evaluation_encode()
 *	TLS result	the day; policy domain; of record_put_tls_result()
 *	sighting	recipient domain; of record_put_sighting()
 *	incident	policy domain; as they are
 *	bad datagram	no domain; of record_put_bad_datagram()
 *
 * Numbers are in the order of the machine, as those of ring and spool.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/store/destination.h"
#include "lib/store/failure.h"
#include "lib/store/tls_result.h"

/* The numbers are stored. */
enum record_kind {
	RECORD_EVALUATION,
	RECORD_TLS_RESULT,
	RECORD_SIGHTING,
	RECORD_INCIDENT,
	RECORD_BAD_DATAGRAM,
	RECORD_KIND_COUNT
};

/* A kind and a flag in one number, as ring and spool have it. */
#define RECORD_FLAGS(kind, optional) ((unsigned)(kind) << 8 | (optional))
bool record_flags_ok(uint32_t flags);
#define RECORD_OPTIONAL(flags) (((flags)&1) != 0)
#define RECORD_KIND(flags) ((enum record_kind)((flags) >> 8))

/* Append the octets; the buffer fails on what is above the store's bounds. */
void record_put_tls_result(struct buf *b, const struct store_tls_result *r);
void record_put_sighting(struct buf *b, const struct store_sighting *x);
void record_put_bad_datagram(struct buf *b, const struct store_bad_datagram *x);

/*
 * The inverse: fill in all but domain and time, with views of octets. False
 * for octets that the functions above did not write.
 */
bool record_get_tls_result(struct str octets, struct store_tls_result *out);
bool record_get_sighting(struct str octets, struct store_sighting *out);
bool record_get_bad_datagram(struct str octets, struct store_bad_datagram *out);

#endif
