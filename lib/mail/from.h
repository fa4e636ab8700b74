/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Who a mail reader will show as the author: the domains of a From field
 * (RFC 5322 section 3.6.2, groups RFC 6854, UTF-8 RFC 6532). The parser is
 * strict where readers agree and reports ambiguity instead of guessing:
 * disagreement between filter and reader is the classic bypass (RFC 9989
 * section 11.5).
 */
#ifndef MAIL_FROM_H
#define MAIL_FROM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/mail/hdr.h"

enum from_status {
	FROM_OK, /* one From field, one author domain */
	FROM_MISSING, /* no From field */
	FROM_REPEATED, /* more than one From field */
	FROM_MULTIPLE, /* one field, addresses of several domains */
	FROM_NO_DOMAIN, /* names no domain: empty, empty group, address
	                   literal, words without any "@" */
	FROM_INVALID, /* not of the grammar, or readable in two ways */
	FROM_STATUS_COUNT
};

const char *from_status_name(enum from_status st);

struct from {
	enum from_status status;
	/* Every different author domain that was found, in lower-case
	 * A-labels, in order of appearance; for FROM_REPEATED those of all
	 * the fields. At most FROM_DOMAINS_MAX; more sets truncated. */
	struct str *domains;
	size_t n_domains;
	bool truncated;
	/* FROM_OK although outside the grammar: every reading gives the one
	 * domain (display name with a comma, without quotes, in an old 8-bit
	 * charset; brackets missing). */
	bool lax;
	struct diag why; /* empty text when FROM_OK and not lax */
};

#define FROM_DOMAINS_MAX 16

/* Is the field of that name a From field for some reader, as below? */
bool from_is_name(struct str name);

/*
 * Looks at all From fields of the message. A name that is "From" only for
 * readers who drop white space, folds, controls or 8-bit octets around or in
 * it counts as From, but alone never gives FROM_OK.
 *
 * Strict where readers agree: quoted-strings, comments and encoded-words in a
 * display name hide what they hold (RFC 9989 section 11.4). As soon as the
 * value leaves the grammar, or uses a part of it that readers are known to
 * disagree on (source route, encoded-word in an address, an address behind a
 * quoted-pair, a comment with a dot or "@" inside an address), domains is
 * every text behind an "@" that could be a domain of two labels, quoted,
 * commented and encoded ones included.
 *
 * Returns 0 or AVER_NOMEM; every input gives a status. Work is bounded
 * whatever the size of the header.
 *
 * What a caller should make of it (RFC 9989 sections 5.3.1, 11.5):
 *   FROM_OK         evaluate the domain; the result is DMARC's.
 *   FROM_MULTIPLE, FROM_REPEATED, FROM_INVALID
 *                   evaluate every domain (with a cap of the operator's).
 *                   Result permerror, never pass. Disposition: the strictest
 *                   that a failing domain asks for, "none" when all pass or
 *                   there is no domain; header.from is the domain that
 *                   decided, else the first. Cap reached or truncated: say
 *                   so, the evaluation is incomplete.
 *   FROM_NO_DOMAIN  none, disposition "none": no domain is misused.
 *   FROM_MISSING    permerror, disposition "none": not RFC 5322; refusing
 *                   such mail is local policy.
 */
int
from_extract(struct arena *a, const struct hdr_list *headers, struct from *out);

#endif
