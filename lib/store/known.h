/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What a batch says about the domains this site knows: an accepted aligned
 * pass makes its domains known, and a rejection counts as optional while its
 * policy domain is not. Both are settled by the store, in the batch's
 * transaction; here the rows are read, once each, and what the store has been
 * told today is not told again.
 */
#ifndef STORE_KNOWN_H
#define STORE_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/store/batch.h"
#include "lib/store/store.h"

#define KNOWN_SLOTS 2048
#define KNOWN_NAME_MAX 255
/* Most domains in the store; the ones seen last stay. */
#define KNOWN_DOMAINS_MAX 1000000

/* A domain the store has, with a day not before this one. */
struct known_slot {
	int64_t day; /* seconds since the epoch */
	uint8_t n; /* octets of name; 0: empty */
	char name[KNOWN_NAME_MAX];
};

struct known {
	struct known_slot slots[KNOWN_SLOTS];
	/* of the batch read last; views of its rows */
	struct store_known news[2 * BATCH_ROWS];
	size_t n_news;
};

/* NULL when memory is out; free() it. */
struct known *known_new(void);

/*
 * Reads n rows, at most BATCH_ROWS: fills news and sets if_known in rows. The
 * news count as told; call known_forget() unless the store took them.
 */
void known_read(struct known *k, struct store_evaluation *rows, size_t n);

/* Nothing has been told. */
void known_forget(struct known *k);

#endif
