/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Receives what Postfix 3.10 and later tells of its TLS sessions through
 * libtlsrpt. One thread: it empties the socket, counts equal results together
 * and hands them to the recorder before it waits again, so that a killed
 * process loses no more than what the kernel held for it and the at most
 * DATAGRAMS_BATCH datagrams in hand.
 */
#ifndef POLICYD_DATAGRAMS_H
#define POLICYD_DATAGRAMS_H

#include <stdint.h>

#include "lib/base/diag.h"
#include "policyd/collector.h"

#define DATAGRAMS_BATCH 512u

struct datagrams;

struct datagrams_stats {
	uint64_t read; /* and taken for results */
	uint64_t bad; /* could not be read; of those: kept in the store */
	uint64_t bad_kept;
	uint64_t dropped; /* not looked at: above tlsrpt_max_rate */
	uint64_t odd_version; /* of another version; counted all the same */
	uint64_t cut; /* parts beyond the bounds */
};

/*
 * fd: the socket, not blocking; the caller's. max_rate: datagrams of one second
 * that are looked at. The collector outlives it. Returns 0 or an aver_err with
 * d filled.
 */
int datagrams_start(int fd, unsigned max_rate, struct collector *c,
    struct datagrams **out, struct diag *d);
/* Takes what is waiting, for a moment at most, then ends. NULL allowed. */
void datagrams_stop(struct datagrams *g);

/* Any thread. A datagram is counted when its results are in the recorder. */
void
datagrams_get_stats(const struct datagrams *g, struct datagrams_stats *out);

#endif
