/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The header fields of a message, byte-exact, in order from the top. A field
 * is kept as it stood ("Name: value", folds as CRLF + WSP, without the final
 * CRLF), because DKIM's simple canonicalization hashes just that.
 */
#ifndef MAIL_HDR_H
#define MAIL_HDR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

struct hdr {
	struct str raw; /* all of it, without the final CRLF */
	struct str name; /* before the colon, trailing WSP, CR, LF removed */
	struct str value; /* everything after the colon, WSP included */
};

struct hdr_list {
	struct hdr *v;
	size_t n, cap;
	size_t octets; /* of all raw parts and their CRLFs */
};

/*
 * Splits raw at its first colon. A line without a colon has name = raw without
 * trailing white space and an empty value.
 */
struct hdr hdr_of(struct str raw);

/*
 * Appends a field; raw must live as long as the list. Returns 0 or
 * AVER_NOMEM (arena exhausted).
 */
int hdr_list_add(struct hdr_list *l, struct arena *a, struct hdr h);

/* The i-th (from 0, from the top) field of that name, NULL if there is none.
 * Names are compared without case (RFC 5322 section 1.2.2). */
const struct hdr *hdr_find(const struct hdr_list *l, struct str name, size_t i);
size_t hdr_count(const struct hdr_list *l, struct str name);

/*
 * Splits a whole message into its header fields (views of text) and body
 * (after the empty line; empty with p = NULL when there is none). Lines end at
 * CRLF; a message whose first line ends in a bare LF is converted to CRLF
 * first (a copy in the arena). *body is a view of text or the copy. Returns 0
 * or AVER_NOMEM. A first line that starts with white space is a field of its
 * own, its name keeps the white space. *l and *body are set on success only.
 */
int hdr_split_message(
    struct arena *a, struct str text, struct hdr_list *l, struct str *body);

#endif
