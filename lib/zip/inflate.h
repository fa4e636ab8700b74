/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Inflating with a bound, for the gzip and the ZIP reader. */
#ifndef ZIP_INFLATE_H
#define ZIP_INFLATE_H

#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"

enum inflate_format {
	INFLATE_GZIP, /* RFC 1952, its check sum is compared */
	INFLATE_RAW, /* RFC 1951 alone; the check sum is for the caller */
};

struct inflate_state;

/* sink, arg and max are the caller's to set, the rest begin sets. */
struct inflate_job {
	int (*sink)(void *arg, struct str octets);
	void *arg;
	uint64_t max; /* octets of output, over all runs */
	uint64_t size; /* of the output so far */
	uint32_t crc; /* of the output so far, as ZIP has it */
	struct inflate_state *state;
};

/* 0 or AVER_NOMEM. */
int inflate_begin(
    struct inflate_job *job, enum inflate_format format, struct diag *d);
/*
 * Inflates one stream (member) that `in` begins with; *rest is what follows
 * it. Results as for gz_inflate().
 */
int inflate_run(
    struct inflate_job *job, struct str in, struct str *rest, struct diag *d);
void inflate_end(struct inflate_job *job);

/* The same accounting for octets that are stored as they are. */
int inflate_stored(struct inflate_job *job, struct str in, struct diag *d);

#endif
