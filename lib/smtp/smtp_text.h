/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The client's side of what goes over the wire: which addresses and names may
 * stand in a command, what a message wants of the server, and its octets as
 * DATA has them.
 */
#ifndef SMTP_SMTP_TEXT_H
#define SMTP_SMTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

/*
 * A mailbox (RFC 5321 section 4.1.2, with UTF-8 as in RFC 6531 section 3.3)
 * as a command may have it: *out, in the arena, has its domain in A-labels,
 * and *utf8 says that the local part is not ASCII. An empty addr is the null
 * path. Returns 0, AVER_SYNTAX (anything else: a line end, a control octet, a
 * space or angle bracket outside of quotes, no domain, too long) or
 * AVER_NOMEM.
 */
int smtp_mailbox(struct arena *a, struct str addr, struct str *out, bool *utf8);

/* What EHLO takes: a domain in LDH labels or an address literal. */
bool smtp_helo_valid(struct str name);

#define SMTP_TEXT_LINE_MAX 998 /* RFC 5321 section 4.5.3.1.6, without CRLF */

/* What is in a message. */
struct smtp_text {
	uint64_t size; /* octets with every line ending in CRLF */
	bool utf8; /* the header is not ASCII */
	bool eight_bit; /* some octet is not ASCII */
	const char *wrong; /* why it cannot be sent; NULL: it can */
};

void smtp_text_scan(struct str octets, struct smtp_text *out);

/* Turns a message into the octets of DATA, a part at a time. */
struct smtp_dots {
	struct str rest;
	char last; /* octet of the message that was taken */
	bool ended;
};

void smtp_dots_init(struct smtp_dots *d, struct str octets);
/*
 * Writes up to size octets (at least 8) to out: lines end in CRLF, a dot at
 * the begin of one is doubled, and the end is CRLF "." CRLF (RFC 5321 section
 * 4.5.2). Returns how many; 0: that was all.
 */
size_t smtp_dots_take(struct smtp_dots *d, char *out, size_t size);

#endif
