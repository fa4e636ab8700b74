/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What came back for a report: a delivery status notification (RFC 3464 in
 * RFC 6522), a bounce in one of the forms that predate it, an automatic reply
 * or something else.
 */
#ifndef REPORT_DSN_H
#define REPORT_DSN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

/* More of a message need not be read: what counts is at its front. */
#define DSN_OCTETS_MAX ((size_t)1 << 20)
#define DSN_RECIPIENTS_MAX 100
#define DSN_ADDRESSES_MAX 32

/* RFC 3464 section 2.3.3 */
enum dsn_action {
	DSN_FAILED,
	DSN_DELAYED,
	DSN_DELIVERED,
	DSN_RELAYED,
	DSN_EXPANDED,
	DSN_ACTION_COUNT
};

const char *dsn_action_name(enum dsn_action a); /* "failed" ... */

/* What the message is, by the worst that it says. */
enum dsn_class {
	DSN_IS_FAILURE, /* a recipient was not reached, for good */
	DSN_IS_DELAY, /* only delays: more will follow */
	DSN_IS_SUCCESS, /* only delivered, relayed, expanded */
	DSN_IS_REPLY, /* an automatic reply: vacation, ticket, challenge */
	DSN_IS_OTHER, /* a human's mail, spam, a report about us */
	DSN_CLASS_COUNT
};

const char *dsn_class_name(enum dsn_class c);

struct dsn_recipient {
	struct str final; /* addr-spec; may be empty */
	struct str original; /* addr-spec of Original-Recipient; may be empty */
	enum dsn_action action;
	struct str status; /* "5.1.1"; may be empty */
	struct str diagnostic; /* one line of printable ASCII, UTF-8 */
	struct str remote_mta; /* may be empty */
	bool permanent; /* 5.x.x, or failed without a status */
};

struct dsn {
	enum dsn_class what;
	bool standard; /* has a message/delivery-status part */
	struct dsn_recipient *v;
	size_t n;
	/*
	 * Addresses the message was sent to, in the order of their worth, each
	 * once: verp_parse() is to be tried on each. They are the envelope
	 * recipient where the MTA left it (Delivered-To, X-Original-To,
	 * Envelope-To ...), To and Cc, the Return-Path of the message that
	 * came back.
	 */
	struct str *addresses;
	size_t n_addresses;
	struct str returned_id; /* Message-ID of what came back, or empty */
};

/*
 * text: the message, at most DSN_OCTETS_MAX octets of it are looked at.
 * envelope: recipient that the MTA gave on the command line or in the
 * environment, or empty. Reads anything; views lie in text or in the arena
 * (whose cap should be four times DSN_OCTETS_MAX). Returns 0 or AVER_NOMEM.
 */
int dsn_read(
    struct arena *a, struct str text, struct str envelope, struct dsn *out);

#endif
