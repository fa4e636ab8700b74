/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Fields that claim to be of ours (RFC 8601 section 5): results that name us,
 * and every VERDICT_FIELD, which only we write. They are found while
 * the header passes by, removed at the end of the message from the highest
 * index down, so that the removal of one never shifts another.
 */
#ifndef MILTER_FORGED_H
#define MILTER_FORGED_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/conf/conf.h"

struct forged_field {
	struct str name; /* as the message has it */
	unsigned index; /* among the fields of that name, from 1 */
	struct str value; /* kept only with keep_removed */
};

#define VERDICT_FIELD "X-Aver-Verdict"
/* Authentication-Results, 16 of the operator, VERDICT_FIELD */
#define FORGED_NAMES_MAX 18

/*
 * Fields that are removed from one message; no honest one has near as many.
 * The MTA searches the header again for each: 60 000 keep Postfix busy for
 * minutes.
 */
#define REMOVED_MAX ((size_t)1000)

struct forged {
	const struct conf *conf;
	struct str id; /* authserv-id */
	struct forged_field *v;
	size_t n, cap;
	unsigned seen[FORGED_NAMES_MAX]; /* fields of each watched name */
	bool failed; /* out of memory: the message must not pass */
};

void forged_init(struct forged *f, const struct conf *c, struct str id);
/*
 * Looks at one field, in order from the top. value may be of any length and
 * content; name and value are copied into the arena if they are needed.
 */
void forged_field(
    struct forged *f, struct arena *a, struct str name, struct str value);

#endif
