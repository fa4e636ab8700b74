/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What stands where in the ring's file; for ring.c, ring_salvage.c, tests. */
#ifndef STORE_RING_FORMAT_H
#define STORE_RING_FORMAT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/store/ring.h"

#define RING_VERSION 1
#define RING_ALIGN 8

struct ring_header {
	char magic[8]; /* written last */
	uint32_t version, slots;
	uint64_t size; /* of the data */
	uint64_t source;
	uint64_t sum; /* of the four numbers above */
	/* see ring_rename(); 0 in older files */
	_Atomic uint64_t renamed, name, done;
	char unused1[64];
	_Atomic uint64_t head;
	char unused2[120];
	_Atomic uint64_t tail;
};

#define RING_FREE 0u
#define RING_OPEN 1u
#define RING_DOUBT 2u

struct ring_slot {
	uint8_t fingerprint[RING_FINGERPRINT];
	uint64_t seq;
	_Atomic uint64_t word; /* seconds since the epoch << 2 | state */
};

struct ring_record {
	uint64_t sum; /* of the numbers below, hash included */
	uint32_t magic;
	uint32_t size; /* of all, a multiple of RING_ALIGN */
	uint64_t source, seq;
	int64_t time;
	uint64_t hash; /* of policy domain and octets, which follow */
	uint32_t octets_n;
	uint16_t domain_n, flags; /* RECORD_FLAGS() */
};

#define RING_RECORD_MAGIC 0x31724561u /* "aEr1" */

_Static_assert(sizeof(struct ring_slot) == RING_SLOT_SIZE, "slot");
_Static_assert(sizeof(struct ring_record) == 56, "record");
_Static_assert(
    RING_RECORD_MAX >= 56 + RING_DOMAIN_MAX + RING_OCTETS_MAX + RING_ALIGN - 1,
    "the largest record");
_Static_assert(RING_DATA % RING_UNIT == 0, "the data begins on a page");
_Static_assert(RING_SLOTS < UINT16_MAX, "slot + 1 fits the lists");

extern const char ring_magic[8];

uint64_t ring_header_sum(const struct ring_header *h);
uint64_t ring_record_sum(const struct ring_record *h);
uint64_t
ring_payload_hash(uint64_t source, struct str policy_domain, struct str octets);
/* The sizes make sense and the sum is right. */
bool ring_header_ok(const struct ring_header *h);
/* Is there a whole record at this offset of the data? */
bool ring_record_at(const struct ring_view *v, uint64_t offset,
    struct ring_entry *out, uint32_t *size);
/* What a slot of a former process is worth: its time, -1 when nothing. */
int64_t ring_slot_worth(const struct ring_slot *s, uint64_t last_seq);

#endif
