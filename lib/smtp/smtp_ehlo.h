/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What a server offers: its reply to EHLO (RFC 5321 section 4.1.1.1). */
#ifndef SMTP_SMTP_EHLO_H
#define SMTP_SMTP_EHLO_H

#include <stdint.h>

#include "lib/base/str.h"
#include "lib/smtp/smtp_reply.h"

enum smtp_offer {
	SMTP_PIPELINING = 1 << 0, /* RFC 2920 */
	SMTP_SIZE = 1 << 1, /* RFC 1870 */
	SMTP_STARTTLS = 1 << 2, /* RFC 3207 */
	SMTP_8BITMIME = 1 << 3, /* RFC 6152 */
	SMTP_SMTPUTF8 = 1 << 4, /* RFC 6531 */
	SMTP_DSN = 1 << 5, /* RFC 3461 */
	SMTP_REQUIRETLS = 1 << 6, /* RFC 8689 */
	SMTP_AUTH = 1 << 7, /* RFC 4954 */
	SMTP_LIMITS = 1 << 8, /* RFC 9422 */
	SMTP_ENHANCED = 1 << 9, /* RFC 2034 */
};

#define SMTP_MECHANISMS_MAX 512

struct smtp_ehlo {
	unsigned offers; /* of enum smtp_offer */
	uint64_t size; /* most octets of a message; 0: not said */
	/* RFC 9422; 0: not said */
	uint32_t mailmax, rcptmax;
	char name[256]; /* the server's own, printable ASCII */
	/* Names of mechanisms, a space after each; too many are left out. */
	char mechanisms[SMTP_MECHANISMS_MAX];
};

/* From a complete reply of code 250. Lines that make no sense are ignored. */
void smtp_ehlo_parse(const struct smtp_reply *r, struct smtp_ehlo *out);
/* The next mechanism; removes it from *list (of mechanisms). */
bool smtp_mechanism_next(struct str *list, struct str *out);

#endif
