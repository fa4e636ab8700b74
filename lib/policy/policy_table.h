/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The policy table: the operator's exceptions, aver-policy_table(5). Text in,
 * an immutable table out, which threads may share. A decision for a message
 * takes no memory, and with 50 000 rules about a microsecond.
 *
 *     from=.example.com                  ceiling=none
 *     client=192.0.2.0/24                trusted_forwarder
 *     list=lists.example.net             mailing_list
 *     rcpt=abuse@example.org             action=accept  reason="abuse desk"
 *
 * A rule is a line of conditions, an effect and options; lines that begin with
 * white space continue it. All conditions of a rule have to be met, of the
 * values of one (separated by commas) any. The first rule of the file that
 * applies decides, and no other is looked at.
 *
 * A sender must not be able to choose his exception, nor to dodge a
 * restriction. A rule that can only make things stricter (floor without
 * ceiling, action=tempfail, action=reject) is a restriction; all others are
 * exceptions:
 *
 *                 exception                     restriction
 *     rcpt        all recipients match          any recipient matches
 *     mailfrom    SPF passed for the domain     as the client claims
 *     list        a DKIM signature of the domain, or of one below, passed
 */
#ifndef POLICY_TABLE_H
#define POLICY_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/policy/policy_action.h"

#define POLICY_TABLE_OCTETS_MAX ((size_t)16 << 20)
#define POLICY_TABLE_LINES_MAX ((size_t)200000)
#define POLICY_LINE_MAX ((size_t)8192) /* octets */
#define POLICY_VALUES_MAX ((size_t)1000) /* of the conditions of a rule */
#define POLICY_TABLE_VALUES_MAX ((size_t)500000)
#define POLICY_REASON_OCTETS_MAX ((size_t)200)
/* Arena octets that are enough for any table within these bounds. */
#define POLICY_TABLE_MEMORY ((size_t)192 << 20)

struct policy_table;

/*
 * Parses text; name stands for the file in messages. The table lives in the
 * arena and does not need text any more. Errors: AVER_CONF (AVER_NOMEM) with
 * the first in d as "FILE:LINE: what is wrong; what is expected". With errors
 * not NULL a line for each is appended there, 100 at most; otherwise the first
 * error ends it. *out is set on success only.
 */
int policy_table_parse(struct arena *a, const char *name, struct str text,
    const struct policy_table **out, struct buf *errors, struct diag *d);

/* How many rules there are. */
size_t policy_table_rules(const struct policy_table *t);

/* What is known about a message, for one author domain. */
struct policy_facts {
	/* lower-case A-labels; empty: none, and no from= matches */
	struct str from_domain;
	struct ip client; /* an IPv4-mapped one counts as IPv4 */
	/* domain of MAIL FROM, lower-case A-labels; empty: null or none */
	struct str mail_from_domain;
	bool mail_from_passed; /* SPF of just that domain is pass */
	/* of policy_rcpt_of() */
	const struct str *rcpts;
	size_t n_rcpts;
	bool rcpts_incomplete; /* there were more than are in rcpts */
	/*
	 * d= of the signatures that passed and that DMARC would count, lower-
	 * case A-labels.
	 */
	const struct str *dkim_domains;
	size_t n_dkim_domains;
};

/*
 * A recipient as the client sent it, with or without brackets, in the form of
 * struct policy_facts: lower case, the domain in A-labels. A domain that is
 * none (an address literal, nothing) stays as it is: only addresses without
 * one are never matched. Returns 0 with *out in the arena, or AVER_NOMEM.
 */
int policy_rcpt_of(struct arena *a, struct str raw, struct str *out);

/*
 * The first rule that applies; POLICY_NO_RULE when there is none, or t is
 * NULL. The comment is a view of the table. Time grows with the labels of the
 * names and, where there are restrictions by recipient, with the recipients.
 */
void policy_decide(const struct policy_table *t, const struct policy_facts *f,
    struct policy_decision *out);

#endif
