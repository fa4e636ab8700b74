/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The one engine for "tag=value; tag=value" lists: DKIM-Signature and DKIM
 * keys (RFC 6376 section 3.2), DMARC (RFC 9989 section 4.8), MTA-STS (RFC 8461
 * section 3.1), TLSRPT (RFC 8460 section 3).
 *
 *   tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
 *   tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
 *   tag-name = ALPHA *( ALPHA / DIGIT / "_" )
 *
 * tag_list_parse() splits; tag_apply() fills a struct from a table.
 */
#ifndef TAG_TAG_H
#define TAG_TAG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

#define TAG_LIST_MAX 200

struct tag {
	struct str name;
	struct str value; /* FWS at both ends removed; inner FWS kept */
	struct str raw; /* what stood between "=" and ";", all of it */
};

struct tag_list {
	struct tag *v;
	size_t n;
};

enum tag_flags {
	TAG_FOLD_CASE = 1 << 0, /* names compared without case (DMARC) */
	TAG_HIGH = 1 << 1, /* octets 0x80-FF allowed in values (EAI) */
	TAG_FIRST_WINS = 1 << 2, /* a repeated name is ignored, not an error */
	TAG_SKIP_BAD = 1 << 3, /* a part that is no tag-spec is skipped, not
	                           an error (RFC 9989 section 4.8) */
};

/*
 * Splits text into views of it. A list has 1 to TAG_LIST_MAX tags. Control
 * octets other than FWS, and octets above 0x7E without TAG_HIGH, make the
 * part that holds them bad. Returns 0, AVER_SYNTAX with d filled, AVER_LIMIT
 * or AVER_NOMEM.
 */
int tag_list_parse(struct arena *a, struct str text, unsigned flags,
    struct tag_list *out, struct diag *d);

/* The tag of that name (exact case), NULL if there is none. */
const struct tag *tag_find(const struct tag_list *l, struct str name);

/*
 * A table of the tags of one record type. parse() reads value into the field
 * at obj + offset and returns 0 or AVER_SYNTAX (d may be filled) or
 * AVER_NOMEM. fallback is the text of the default, read by the same parser;
 * NULL: the field stays as it is.
 */
struct tag_def {
	struct str name;
	int (*parse)(
	    struct arena *a, struct str value, void *field, struct diag *d);
	size_t offset;
	unsigned flags; /* enum tag_def_flags */
	const char *fallback;
};

enum tag_def_flags {
	TAGDEF_REQUIRED = 1 << 0, /* absent: AVER_SYNTAX */
	TAGDEF_FIRST = 1 << 1, /* if present, must be the first tag */
	TAGDEF_LENIENT = 1 << 2, /* a bad value counts as absent */
};

/*
 * Fills obj. flags: TAG_FOLD_CASE as for the list. present (may be NULL) gets
 * bit i set when defs[i] had a good value. n <= 32. Returns 0, AVER_SYNTAX
 * with d naming the tag, or AVER_NOMEM.
 */
int
tag_apply(struct arena *a, const struct tag_list *l, const struct tag_def *defs,
    size_t n, unsigned flags, void *obj, unsigned *present, struct diag *d);

#endif
