/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The text of an SMTP reply that refuses a message, as a template of the
 * operator's: "550 5.7.1 Email rejected per DMARC policy for %{domain}".
 */
#ifndef POLICY_REPLY_H
#define POLICY_REPLY_H

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/policy/policy_action.h"

enum reply_field {
	REPLY_DOMAIN, /* of the author */
	REPLY_POLICY, /* none, quarantine, reject */
	REPLY_POLICY_DOMAIN, /* where the policy was found */
	REPLY_REASON, /* of the situation, or of the rule */
	REPLY_IP,
	REPLY_HELO,
	REPLY_MAILFROM,
	REPLY_QID, /* the MTA's queue ID */
	REPLY_HOST, /* ours: the authserv-id */
	REPLY_FIELD_COUNT
};

/* RFC 5321 section 4.5.3.1.5: 512 octets with CRLF. */
#define REPLY_OCTETS_MAX ((size_t)510)
/* Octets of a field that are kept. */
#define REPLY_FIELD_MAX ((size_t)255)
#define REPLY_PARTS_MAX 32

struct reply_part {
	struct str literal;
	int field; /* enum reply_field; -1: the literal */
};

struct reply_template {
	struct str code; /* three digits */
	struct str enhanced; /* RFC 3463, such as "5.7.1" */
	struct reply_part parts[REPLY_PARTS_MAX];
	size_t n;
};

/*
 * CODE SP ENHANCED SP TEXT, where "%{name}" is a field and "%%" a "%".
 * Printable ASCII, at most REPLY_OCTETS_MAX. action: POLICY_REJECT wants a code
 * of 5xx, POLICY_TEMPFAIL one of 4xx, but not 421, which is about the
 * connection; the class of the enhanced code is that of the code (RFC 2034
 * section 4). The template holds views of text. Returns 0, or AVER_SYNTAX with
 * d; *out is set on success only.
 */
int reply_template_parse(struct str text, enum policy_action action,
    struct reply_template *out, struct diag *d);

/*
 * Appends the whole line without CRLF, at most REPLY_OCTETS_MAX octets. What a
 * field holds is hostile: octets other than printable ASCII become "?", and it
 * is cut, with "..." at the end. An empty field is "unknown". One "%" stays
 * one: libmilter wants it doubled by whoever calls it.
 */
void reply_expand(const struct reply_template *t,
    const struct str fields[REPLY_FIELD_COUNT], struct buf *out);

#endif
