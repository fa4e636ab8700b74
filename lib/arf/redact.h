/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Redaction (RFC 6590): the local-part of an address becomes a keyed hash of
 * it, so that a receiver of reports sees that two are about the same mailbox,
 * but not whose. Case is ignored, or a change of it would hide that.
 */
#ifndef ARF_REDACT_H
#define ARF_REDACT_H

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

#define REDACT_OCTETS 20 /* base32 of 100 bits */
#define REDACT_WORDS_MAX 16

struct redact {
	struct str key; /* of the site; any octets */
	/* Local-parts that are private wherever they stand: at least
	 * REDACT_WORD_MIN octets each. */
	struct str words[REDACT_WORDS_MAX];
	size_t n_words;
};

#define REDACT_WORD_MIN 4

/* Appends the hash of a local-part; nothing for an empty one. */
int redact_local(const struct redact *r, struct str local, struct buf *b);
/* Appends an address with its local-part redacted; without "@" all of it is
 * one. Returns 0, AVER_CRYPTO, or the error of b. */
int redact_address(const struct redact *r, struct str address, struct buf *b);
/* The local-part of an address becomes one of the words, if it is long enough
 * and there is room. */
void redact_word(struct redact *r, struct str address);

/*
 * Appends text with everything in it redacted that could be the local-part of
 * an address: what stands before an "@" (or "=40", "%40"), quoted-strings
 * included, and the words. "http" becomes "hxxp" (RFC 9991 section 7).
 * Encoded-words are decoded first; what is no UTF-8 becomes "?". What is
 * beyond 8192 octets is left out. The result
 * is text in UTF-8 without line ends.
 */
int redact_text(const struct redact *r, struct str text, struct buf *b);

#endif
