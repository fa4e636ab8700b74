/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The checksum of ring and spool: finds torn and stale octets, is no defence
 * against somebody who can write the files. A word that differs always
 * changes the sum, because each step is a bijection of the state.
 */
#ifndef STORE_SUM_H
#define STORE_SUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
sum64_word(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* Continues h over n octets; their number is part of the sum. */
static inline uint64_t
sum64(uint64_t h, const void *octets, size_t n)
{
	const char *p = octets;
	uint64_t word;
	size_t left = n;

	for (; left >= sizeof(word); p += sizeof(word), left -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = sum64_word(h, word);
	}
	word = 0;
	if (left)
		memcpy(&word, p, left);
	return sum64_word(sum64_word(h, word), n);
}

#endif
