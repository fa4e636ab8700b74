/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The grammar of a From field's value, for from.c only. */
#ifndef MAIL_FROM_PARSE_H
#define MAIL_FROM_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/scan.h"
#include "lib/base/str.h"

/*
 * Different domains in order of appearance. Conversions are counted, so that
 * a field of a megabyte costs no more than FROM_WORK_MAX of them.
 */
struct from_set {
	struct arena *a;
	struct str *v; /* room for FROM_DOMAINS_MAX, lower-case A-labels */
	size_t n;
	unsigned work;
	bool truncated, nomem;
	bool searching; /* names of one label are not worth keeping */
};

#define FROM_WORK_MAX 64

/* Adds raw unless it is known; false when it is no domain name. */
bool from_set_add(struct from_set *set, struct str raw);

struct from_parse {
	struct scan s;
	struct from_set *set;
	/* why the value is refused, or readable in two ways */
	const char *why;
	size_t at; /* octets into the value, for why */
	const char *lax; /* outside the grammar, but of one reading */
	bool literal; /* an address literal was among the domains */
	bool searching; /* take a domain whatever its comments hold */
};

/*
 * RFC 5322 section 3.4, RFC 6854 section 2: mailbox-list or address-list with
 * the obsolete forms of section 4.4. Adds every domain to set. False with why
 * set when the value is not of the grammar or is readable in two ways; some
 * domains may be in the set already.
 */
bool
from_parse_list(struct from_parse *p, struct str value, struct from_set *set);

/*
 * True when value is one "<" addr-spec ">" with anything before it except
 * another "<" or ">" outside quoted-strings and comments, which must be
 * complete, and nothing after it but white space, comments, "," and ";".
 */
bool from_parse_lax(struct str value, struct from_set *set);

/*
 * Reads the domain behind an "@", comments and folds removed, into set. False
 * when there is none.
 */
bool from_parse_domain(struct from_parse *p);

#endif
