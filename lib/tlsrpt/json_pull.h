/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Reads JSON from an untidy source, token by token, without building a tree:
 * libtlsrpt's datagrams may hold octets that are no UTF-8, which jansson
 * refuses, and come at rates where a tree is what costs. Strings that need no
 * work are views of the text.
 *
 * Lenient in strings only: control characters are taken, bad octets and lone
 * surrogates become U+FFFD.
 */
#ifndef TLSRPT_JSON_PULL_H
#define TLSRPT_JSON_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

#define JSON_DEPTH_MAX 32

enum json_token {
	JSON_OPEN_OBJECT,
	JSON_CLOSE_OBJECT,
	JSON_OPEN_ARRAY,
	JSON_CLOSE_ARRAY,
	JSON_KEY, /* text */
	JSON_TEXT, /* text */
	JSON_NUM, /* text */
	JSON_WORD, /* true, false, null: text */
	JSON_END, /* of the text, after one value */
	JSON_BAD, /* no JSON, too deep, no memory: diag and err tell */
	JSON_TOKEN_COUNT
};

struct json_pull {
	const char *at, *end, *start;
	struct arena *arena; /* of decoded strings */
	struct str text; /* of the token last read */
	struct diag *d;
	int err; /* 0, AVER_SYNTAX, AVER_LIMIT, AVER_NOMEM */
	unsigned depth;
	uint32_t objects; /* bit of each open level: it is an object */
	unsigned state;
};

void json_pull_init(
    struct json_pull *j, struct arena *a, struct str text, struct diag *d);

/* After JSON_END or JSON_BAD it stays at that. */
enum json_token json_pull_next(struct json_pull *j);

/*
 * After a token that opens an object or array: reads on to its end; after any
 * other: nothing to do. False when the text is bad.
 */
bool json_pull_skip(struct json_pull *j, enum json_token token);

#endif
