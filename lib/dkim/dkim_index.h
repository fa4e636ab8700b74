/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The fields of a message by name, bottom to top, the order in which h= uses
 * them (RFC 6376 section 5.4.2). Built once for all signatures of a message;
 * each step costs the same however many fields and names there are.
 */
#ifndef DKIM_DKIM_INDEX_H
#define DKIM_DKIM_INDEX_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/mail/hdr.h"

struct dkim_index_slot {
	uint32_t hash;
	uint32_t bottom; /* lowest field of the name, from 1; 0: empty slot */
	uint32_t next; /* to be used next in this round, from 1; 0: none */
	uint32_t round; /* to which next belongs */
};

struct dkim_index {
	const struct hdr_list *headers;
	uint64_t seed;
	size_t mask; /* slots - 1 */
	struct dkim_index_slot *slots;
	uint32_t *above; /* of field i: the next one up of its name, from 1 */
	uint32_t round;
};

/* seed: unknown to senders. Returns 0, AVER_LIMIT or AVER_NOMEM. */
int dkim_index_init(struct dkim_index *x, struct arena *a,
    const struct hdr_list *headers, uint64_t seed);
/* All fields are unused again, for the next signature. */
void dkim_index_rewind(struct dkim_index *x);
/*
 * The lowest unused field of that name (case ignored), NULL when there is
 * none left. It is used from then on.
 */
const struct hdr *dkim_index_take(struct dkim_index *x, struct str name);

#endif
