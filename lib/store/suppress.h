/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Where no report goes: addresses that bounced and what the operator listed.
 * Values are compared octet by octet: the caller gives domains as A-labels in
 * lower case, and addresses with such a domain and the local-part in lower
 * case too (so that one mailbox is not asked under two spellings). Times are
 * seconds since the epoch. Errors, handles, threads and callbacks as in
 * ledger.h.
 */
#ifndef STORE_SUPPRESS_H
#define STORE_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

/* The numbers are stored. */
enum suppress_kind {
	SUPPRESS_ADDRESS, /* a mailbox, or an https URI */
	SUPPRESS_RUA_DOMAIN, /* every destination there */
	SUPPRESS_POLICY_DOMAIN, /* every report about it */
	SUPPRESS_KIND_COUNT
};

/* "address", "rua-domain", "policy-domain" */
const char *suppress_kind_name(enum suppress_kind k);
bool suppress_kind_from_name(struct str name, enum suppress_kind *out);

#define SUPPRESS_VALUE_MAX 2048 /* octets */
#define SUPPRESS_COMMENT_MAX 512 /* more is cut off */
#define SUPPRESS_STRIKES_MAX 16 /* the time does not double further */

struct store_suppression {
	enum suppress_kind kind;
	struct str value;
	int64_t since;
	int64_t until; /* exclusive; 0: for good */
	unsigned strikes; /* bounces so far, up to SUPPRESS_STRIKES_MAX */
	bool manual; /* put by the operator: bounces do not change it */
	struct str comment;
};

/* Puts or replaces the entry of that kind and value. AVER_LIMIT: too long. */
int store_suppress(
    struct store *s, const struct store_suppression *sup, struct diag *d);

/* AVER_NOTFOUND: it is not there. */
int store_unsuppress(
    struct store *s, enum suppress_kind kind, struct str value, struct diag *d);

/* By kind, then value; also those that are over. KIND_COUNT: all kinds. */
int store_each_suppression(struct store *s, enum suppress_kind kind,
    int (*fn)(void *arg, const struct store_suppression *sup), void *arg,
    struct diag *d);

/*
 * Is it suppressed at now? 0 with the entry (out may be NULL; its strings in
 * arena), AVER_NOTFOUND when it is not or no more.
 */
int store_suppressed(struct store *s, enum suppress_kind kind, struct str value,
    int64_t now, struct arena *arena, struct store_suppression *out,
    struct diag *d);

/*
 * An address bounced: suppressed from now for base_seconds, and twice as long
 * as the last time for each further strike. Bounces within a suppression that
 * runs (those of the reports that were under way) are one strike. Strikes are
 * forgotten when the last suppression has been over for 64 times its base. out
 * may be NULL; its strings are the caller's. A manual entry stays as it is.
 */
int store_suppress_bounce(struct store *s, struct str address, int64_t now,
    int64_t base_seconds, struct str comment, struct store_suppression *out,
    struct diag *d);

/*
 * Forgets what has been over since before that time, manual entries too;
 * strikes go with it.
 */
int store_forget_suppressions(struct store *s, int64_t before, struct diag *d);

#endif
