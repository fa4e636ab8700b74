/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Encoded-words (RFC 2047), decoded only to look for what they hide. */
#ifndef MAIL_ENCWORD_H
#define MAIL_ENCWORD_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

/* True when text holds something shaped like an encoded-word. */
bool encword_in(struct str text);

/*
 * A copy of text in which every encoded-word stands decoded, white space
 * between two of them removed (RFC 2047 section 6.2). The charset is ignored,
 * damaged base64 and quoted-printable are decoded as far as they go, and the
 * places where encoded-words are forbidden are not honoured, as readers do.
 * The copy is never longer than text and may hold any octet. Returns 0 or
 * AVER_NOMEM.
 */
int encword_decode(struct arena *a, struct str text, struct str *out);

#endif
