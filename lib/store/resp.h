/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * RESP, the protocol of Redis and Valkey, in version 2: commands out, replies
 * in. A reply may come from anybody, so its octets, its values and their depth
 * are bounded, and nothing is allocated by a number that it names. Of our own
 * because hiredis bounds neither time nor size as a whole, and its TLS is not
 * everywhere.
 */
#ifndef STORE_RESP_H
#define STORE_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

#define RESP_DEPTH 8 /* of arrays in arrays */
#define RESP_VALUES ((uint64_t)1 << 20) /* of one reply, in all */
#define RESP_LINE 4096 /* octets of a status, error or number */

enum resp_type {
	RESP_STATUS,
	RESP_ERROR,
	RESP_INT,
	RESP_BULK,
	RESP_NIL,
	RESP_ARRAY
};

struct resp {
	enum resp_type type;
	int64_t number; /* RESP_INT */
	struct str s; /* RESP_STATUS, RESP_ERROR, RESP_BULK */
	const struct resp *items; /* RESP_ARRAY */
	size_t n;
};

/* A command is resp_put_count(words), then so many resp_put_word(). */
void resp_put_count(struct buf *b, size_t words);
void resp_put_word(struct buf *b, struct str word);
/* The same in parts: the head, then n octets, then "\r\n". */
void resp_put_head(struct buf *b, size_t n);

/*
 * Finds the end of the first reply in octets that grow. Zero it for each
 * reply, then call resp_scan() with all octets that came so far.
 */
struct resp_scan {
	size_t at; /* what is before has been looked at */
	uint64_t left; /* values still to come, when started */
	uint64_t values;
	bool started;
};

/*
 * 1: the reply ends at scan->at. 0: more has to come. AVER_SYNTAX: this is no
 * RESP. AVER_LIMIT: more than max octets or RESP_VALUES.
 */
int resp_scan(struct resp_scan *scan, struct str octets, size_t max);

/*
 * Reads the reply that is all of octets: strings are views of them, arrays in
 * arena. AVER_SYNTAX, AVER_LIMIT (depth), AVER_NOMEM.
 */
int resp_read(struct str octets, struct arena *arena, struct resp *out);

#endif
