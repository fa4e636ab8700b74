/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the listing commands share beside the cells of cell.h: lines, and JSON
 * values, whose texts are escaped in the same way.
 */
#ifndef CTL_LISTING_H
#define CTL_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define LISTING_LINE_MAX ((size_t)1 << 20)

struct listing {
	bool json;
	FILE *out;
	size_t n; /* lines or objects written */
	struct buf line; /* the one that is being made */
};

void listing_init(struct listing *l, bool json, FILE *out);
void listing_fini(struct listing *l);

/* Writes the line. Returns 0, AVER_NOMEM or AVER_IO. */
int listing_put(struct listing *l);

json_t *listing_json_text(struct str s);
json_t *listing_json_time(int64_t t);
void listing_set_text(json_t *o, const char *key, struct str s); /* or null */
void listing_set_time(json_t *o, const char *key, int64_t t); /* 0: null */
void listing_set_word(json_t *o, const char *key, const char *word);
void listing_set_number(json_t *o, const char *key, uint64_t v);
/* Elements of one array, each on a line of its own; takes o. */
int listing_put_json(struct listing *l, json_t *o);
void listing_end_array(struct listing *l); /* nothing without json */

#endif
