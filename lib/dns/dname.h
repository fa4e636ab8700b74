/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Domain names. Inside aver a name to look up is in wire form, lower case,
 * fully qualified: parsed once from text, never again. Text stays at the
 * edges.
 */
#ifndef DNS_DNAME_H
#define DNS_DNAME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define DNAME_MAX 255

struct dname {
	uint8_t len; /* octets used, the root label included */
	uint8_t wire[DNAME_MAX]; /* RFC 1035 section 3.1, no compression */
};

/*
 * From text with or without the trailing dot; octets are taken as they are
 * (no escapes), ASCII letters become lower case. False when the text is
 * empty, has an empty label, a label above 63 octets (RFC 1035 section 2.3.4)
 * or is above 255 octets in wire form; *out is then undefined. "." is the
 * root.
 */
bool dname_from_text(struct str text, struct dname *out);
/*
 * prefix "." name, for "_dmarc" and "sel._domainkey"; prefix may hold dots.
 * False as above.
 */
bool
dname_prepend(struct str prefix, const struct dname *name, struct dname *out);
/*
 * From uncompressed wire form at the start of in, which may be followed by
 * other octets; *used (may be NULL) is its length. Lower-cased.
 */
bool dname_from_wire(struct str in, struct dname *out, size_t *used);

/*
 * Appends the text without trailing dot ("." for the root). Inside a label
 * octets outside printable ASCII and space become \DDD, and each of
 * . \ " ( ) ; @ $ gets a backslash: the form of RFC 1035 section 5.1.
 */
void dname_print(struct buf *b, const struct dname *name);

bool dname_eq(const struct dname *a, const struct dname *b);
/* Labels without the root: "a.b" has 2. */
unsigned dname_labels(const struct dname *name);
/* The name without its leftmost label; false for the root. out may be name. */
bool dname_parent(const struct dname *name, struct dname *out);
/* name is parent itself or below it. */
bool dname_is_below(const struct dname *name, const struct dname *parent);

#endif
