/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The canonical octets of a policy and of a failure: what is equal has equal
 * octets, so that the store counts it together. They stay readable for later
 * versions.
 *
 *     octets = letter version enum *field       field = 2 octets length, text
 *
 * Texts should have gone through tlsrpt_text(); an octet that is no UTF-8 is
 * kept as "?".
 */
#ifndef TLSRPT_TLSRPT_CODEC_H
#define TLSRPT_TLSRPT_CODEC_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/tlsrpt/tlsrpt_report.h"

/* No longer than the columns of the store. */
#define TLSRPT_POLICY_OCTETS_MAX ((size_t)32768)
#define TLSRPT_FAILURE_OCTETS_MAX ((size_t)2048)
/* Longest text in them; more is cut off. */
#define TLSRPT_TEXT_MAX ((size_t)400)
#define TLSRPT_STRINGS_MAX ((size_t)4000) /* of one policy, each kind */

/*
 * s as UTF-8 without control characters: U+FFFD for each octet that is none and
 * each noncharacter, a space for each control character; at most
 * TLSRPT_TEXT_MAX octets. A view of s where nothing is to be done, else in the
 * arena; empty without memory.
 */
struct str tlsrpt_text(struct arena *a, struct str s);

/*
 * A domain or host name for keys of reports: lower case, A-labels, no trailing
 * dot; what is no name comes as tlsrpt_text() has it, in lower case.
 */
struct str tlsrpt_name(struct arena *a, struct str s);

/* The short form of an address; empty when it is none. */
struct str tlsrpt_ip(struct arena *a, struct str s);

/*
 * The host that greeted: of the reply to EHLO, which may have come whole
 * ("250-mx.example.org\r\n250 SIZE"), the first word after its code.
 */
struct str tlsrpt_helo(struct arena *a, struct str reply);

/*
 * Whether a reply to EHLO that came whole has a line with that keyword (RFC
 * 5321 section 4.1.1.1), compared without case. The first line never counts:
 * it names the host.
 */
bool tlsrpt_offers(struct str reply, struct str keyword);

/*
 * Appends the octets: type, domain, strings and mx_hosts of p. What does not
 * fit into TLSRPT_POLICY_OCTETS_MAX is left out: hosts first, then strings,
 * each from the end. A type without name counts as no-policy-found.
 */
void tlsrpt_policy_encode(struct buf *b, const struct tlsrpt_policy *p);
/* The other way; the rest of *out is 0. 0, AVER_SYNTAX, AVER_NOMEM. */
int tlsrpt_policy_decode(
    struct arena *a, struct str octets, struct tlsrpt_policy *out);

/*
 * The same for a failure, all but failed_sessions. A type without name counts
 * as validation-failure.
 */
void tlsrpt_failure_encode(struct buf *b, const struct tlsrpt_failure *f);
int tlsrpt_failure_decode(struct str octets, struct tlsrpt_failure *out);

#endif
