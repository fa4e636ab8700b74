/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Policy delegation (SMTPD_POLICY_README) for mail that must have verified
 * TLS, as require_tls_table says: at RCPT, a destination that cannot be reached
 * so is refused at once and not after days. Trouble is no answer and the end of
 * the connection, as the protocol wants: Postfix tries again, then defers.
 */
#ifndef POLICYD_DELEGATION_H
#define POLICYD_DELEGATION_H

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/net/serve.h"
#include "tlspolicy/requiretls.h"

/* Most octets of a request. */
#define DELEGATION_MAX ((size_t)64 * 1024)

struct service;
struct delegation;

/* What is used of a request; views of it. */
struct delegation_request {
	struct str state; /* protocol_state */
	struct str sender, recipient;
	struct str queue_id;
	struct str mail_version; /* Postfix 3.8 */
};

/*
 * Reads the lines of a request. Returns 0, or AVER_SYNTAX: a line that is no
 * attribute, or no request=smtpd_access_policy.
 */
int delegation_parse(
    struct str body, struct delegation_request *out, struct diag *d);

enum delegation_outcome {
	DELEGATION_DUNNO, /* no recipient, or not in the table */
	DELEGATION_FILTER, /* verified, and sent to the transport */
	DELEGATION_VERIFIED, /* verified, and there is no transport */
	DELEGATION_NO_TLS, /* 5.7.10 */
	DELEGATION_NO_SUPPORT, /* 5.7.30 */
	DELEGATION_TROUBLE, /* no answer */
	DELEGATION_OUTCOME_COUNT
};

const char *delegation_outcome_name(enum delegation_outcome o);

/*
 * Appends the reply, which for DELEGATION_TROUBLE is none. transport: of
 * DELEGATION_FILTER.
 */
void delegation_reply(
    struct buf *b, enum delegation_outcome o, const char *transport);

/*
 * What follows from the engine's verdict. Bounces are not lost for what their
 * destination does not support (RFC 8689 section 4.2.1).
 */
enum delegation_outcome delegation_weigh(enum requiretls_verdict v,
    const struct delegation_request *r, const char *transport);

/* NULL when memory is out. */
struct delegation *delegation_new(struct service *s);
void delegation_free(struct delegation *g); /* NULL allowed */
void delegation_protocol(struct delegation *g, struct serve_protocol *out);

#endif
