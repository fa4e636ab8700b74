/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Macro strings of SPF (RFC 7208 section 7): checked and cut into items when
 * a record is parsed, expanded when a term is evaluated. No DNS here: the
 * values of the letters come from the caller.
 */
#ifndef SPF_SPF_MACRO_H
#define SPF_SPF_MACRO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

/* Longest name in text, without trailing dot (RFC 7208 section 7.3). */
#define SPF_NAME_MAX ((size_t)253)

/* Which production of RFC 7208 section 12 a text has to be. */
enum spf_macro_kind {
	SPF_MACRO_DOMAIN, /* domain-spec; c, r, t not allowed */
	SPF_MACRO_VALUE, /* macro-string of an unknown modifier */
	SPF_MACRO_EXPLAIN, /* explain-string: spaces allowed */
};

/* A literal (letter is NUL) or one "%{...}". */
struct spf_macro_item {
	struct str literal;
	char letter; /* lower case */
	bool escape; /* the letter was a capital: URL escaping */
	bool reverse;
	uint8_t delims; /* bit i: octet i of ".-+,/_=" separates parts */
	uint16_t keep; /* rightmost parts to keep, 0 for all */
};

struct spf_macro {
	struct str text; /* as in the record */
	struct spf_macro_item *items; /* NULL when text has no "%" */
	size_t n;
	bool local; /* uses the sender's local-part: s or l */
	bool no_name; /* ends in "%%", "%_" or "%-": never a host's name */
};

/*
 * Checks text and, when out is not NULL, fills it: views of text, items in
 * the arena. Returns 0, AVER_SYNTAX or AVER_NOMEM.
 */
int spf_macro_parse(struct arena *a, struct str text, enum spf_macro_kind kind,
    struct spf_macro *out);

/* Arena octets that are enough to parse a text with so many "%". */
size_t spf_macro_memory(size_t percents);

/*
 * Gives the value of a letter (lower case), which need not last longer than
 * until the next call.
 */
struct spf_macro_source {
	struct str (*value)(void *arg, char letter);
	void *arg;
};

struct spf_name {
	char room[SPF_NAME_MAX + 2];
	struct str text; /* without trailing dot; a view of room or of the
	                    macro's text; it may be no legal name */
};

/*
 * The name a domain-spec stands for, cut from the left to SPF_NAME_MAX
 * octets. Takes time in proportion to the values, whatever the expansion's
 * length: items are expanded from the right until the room is full.
 */
void spf_macro_name(const struct spf_macro *m,
    const struct spf_macro_source *src, struct spf_name *out);

/* Appends the text of an explain-string, cut to max octets. */
void spf_macro_text(const struct spf_macro *m,
    const struct spf_macro_source *src, struct buf *b, size_t max);

#endif
