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
	FROM_OK,        /* one From field, one author domain */
	FROM_MISSING,   /* no From field */
	FROM_REPEATED,  /* more than one From field */
	FROM_MULTIPLE,  /* one field, addresses of several domains */
	FROM_NO_DOMAIN, /* well-formed but names no domain: empty group,
	                   address literal */
	FROM_INVALID,   /* not of the grammar, or readable in two ways */
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
	struct diag why; /* empty text when FROM_OK */
};

#define FROM_DOMAINS_MAX 16

/*
 * Looks at all From fields of the message. Also names such as "From " with
 * white space before the colon count as From, since readers show them.
 * Returns 0 or AVER_NOMEM; every input gives a status.
 */
int from_extract(struct arena *a, const struct hdr_list *headers,
    struct from *out);

#endif
