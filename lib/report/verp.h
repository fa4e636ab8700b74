/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Envelope senders that tell which submission a bounce is about (VERP):
 * LOCAL SEPARATOR TOKEN "@" DOMAIN, where TOKEN is the report ID, the number
 * of the submission and a MAC. Nobody without the secret can make one, so a
 * forged bounce suppresses nothing. Only a-z and 2-7 are in a token, and
 * capitals are read as small letters, as mail systems change case.
 */
#ifndef REPORT_VERP_H
#define REPORT_VERP_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/report/report_id.h"

#define VERP_SECRET 32
/* 24 of the report ID, 2 of the number, 16 of the MAC (80 bits) */
#define VERP_TOKEN (REPORT_ID_OCTETS + 2 + 16)
#define VERP_NUMBER_MAX 1023
/* RFC 5321 section 4.5.3.1.1: 64 octets in all */
#define VERP_LOCAL_MAX (64 - VERP_TOKEN - 1)

struct verp_config {
	struct str local; /* 1 to VERP_LOCAL_MAX octets, a dot-atom */
	struct str domain; /* A-labels */
	char separator; /* the MTA's recipient_delimiter: "+", "-", "=" ... */
	const uint8_t *secret; /* VERP_SECRET octets */
};

/*
 * Appends the address. Returns 0, AVER_CONF when local, domain or separator
 * cannot be used or number is above VERP_NUMBER_MAX, AVER_SYNTAX when id is
 * none, AVER_CRYPTO. b may be NULL: then only checks.
 */
int verp_make(
    const struct verp_config *c, struct str id, unsigned number, struct buf *b);

/*
 * Reads an address ("a@b" or "<a@b>"). Returns 0 with id (not NUL-terminated)
 * and number; AVER_NOTFOUND when it is none of ours or its MAC is wrong (the
 * comparison takes the same time whatever is wrong), AVER_CRYPTO. The case of
 * all of the address is ignored; the domain must be ours.
 */
int verp_parse(const struct verp_config *c, struct str address,
    char id[REPORT_ID_OCTETS], unsigned *number);

#endif
