/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * tls_policy_table, aver-tls_policy_table(5): the operator's exceptions for
 * destinations; and require_tls_table, whose mail must have verified TLS. Text
 * in, an immutable table out, which threads may share.
 *
 *     example.com        no-sts
 *     .example.net       require-verified
 *     partner.example    secure match=.partner.example
 *     [relay.example]    encrypt
 */
#ifndef TLSPOLICY_TLS_TABLE_H
#define TLSPOLICY_TLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "tlspolicy/nexthop.h"

#define TLS_TABLE_OCTETS_MAX ((size_t)16 << 20)
#define TLS_TABLE_LINES_MAX ((size_t)200000)
#define TLS_TABLE_LINE_MAX ((size_t)8192)
/* Arena octets that are enough for any table within these bounds. */
#define TLS_TABLE_MEMORY ((size_t)128 << 20)

enum tls_rule_flag {
	TLS_RULE_NO_STS = 1 << 0, /* as if there were no MTA-STS policy */
	TLS_RULE_NO_DANE = 1 << 1, /* as if there were no TLSA records */
	/* never delivered without authenticated TLS; deferred otherwise */
	TLS_RULE_VERIFIED = 1 << 2,
	/* what would be TEMP is "may": mail flows although DNS is broken */
	TLS_RULE_FAIL_OPEN = 1 << 3,
};

struct tls_rule {
	unsigned flags; /* enum tls_rule_flag */
	struct str fixed; /* the answer as written; empty: none */
	unsigned line; /* of the file */
};

struct tls_table;

/*
 * Parses text; name stands for the file in messages. The table lives in the
 * arena and does not need text any more. Errors: AVER_CONF (AVER_NOMEM) with
 * the first in d as "FILE:LINE: what is wrong; what is expected". With errors
 * not NULL a line for each is appended there, 100 at most. *out is set on
 * success only.
 */
int tls_table_parse(struct arena *a, const char *name, struct str text,
    const struct tls_table **out, struct buf *errors, struct diag *d);

/* How many rules there are; 0 for NULL. */
size_t tls_table_rules(const struct tls_table *t);

/*
 * The rule of the most specific key: the destination as in the table with
 * brackets and port, then without port, then (for a domain) ".parent", the
 * longest first. ".example.net" does not cover example.net itself. NULL when
 * there is none, or t is NULL.
 */
const struct tls_rule *
tls_table_find(const struct tls_table *t, const struct nexthop *n);

struct require_table;

/*
 * require_tls_table: a domain, ".domain", or address for each line, with
 * "recipient" or "sender" or both after it; "recipient" when nothing is.
 */
int require_table_parse(struct arena *a, const char *name, struct str text,
    const struct require_table **out, struct buf *errors, struct diag *d);
size_t require_table_rules(const struct require_table *t);

/*
 * Must mail with this sender, or to this recipient, have verified TLS? address:
 * as in SMTP, with or without brackets, in any case, U-labels allowed. The
 * arena serves for the work; where it is exhausted the answer is true.
 */
bool require_table_sender(
    const struct require_table *t, struct arena *a, struct str address);
bool require_table_recipient(
    const struct require_table *t, struct arena *a, struct str address);

#endif
