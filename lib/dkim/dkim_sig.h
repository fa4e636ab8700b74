/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The tag-list of a signature field (RFC 6376 section 3.5) as a struct, and
 * the two lists of tags in ARC that are modelled on it (RFC 8617 sections
 * 4.1.2 and 4.1.3).
 */
#ifndef DKIM_DKIM_SIG_H
#define DKIM_DKIM_SIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim.h"
#include "lib/dkim/dkim_canon.h"
#include "lib/mail/hdr.h"
#include "lib/tag/tag.h"

enum dkim_sig_kind {
	DKIM_SIG_DKIM = 1 << 0,
	/* i= is the instance, which the caller reads; v= is ignored */
	DKIM_SIG_ARC_MESSAGE = 1 << 1,
	/* only a, b, d, s, t; cv= is the caller's; always relaxed */
	DKIM_SIG_ARC_SEAL = 1 << 2,
};

#define DKIM_TIME_NEVER INT64_MAX

struct dkim_sig {
	enum dkim_algorithm algorithm;
	struct str b; /* base64, white space removed */
	struct str b_raw; /* view of the field: "b=" up to ";" or end */
	struct str signature; /* b, decoded */
	struct str body_hash; /* bh=, decoded */
	enum dkim_canon header_canon, body_canon;
	struct str domain; /* d=, lower-case A-labels; as it stands when
	                         it is none */
	struct str selector; /* s=, the same way */
	struct str domain_text; /* d= as it stands */
	struct str selector_text; /* s= as it stands */
	struct str names; /* h= as it stands: dkim_list_next() */
	struct str identity; /* i=, quoted-printable decoded, or "@" domain */
	struct str identity_domain; /* of i=, lower-case A-labels */
	uint64_t body_length; /* l=, DKIM_NO_LENGTH when absent */
	int64_t signed_at; /* t=, 0 when absent */
	int64_t expires; /* x=, DKIM_TIME_NEVER when absent */
};

/*
 * The next item of a colon-separated list (h=, q=; h=, s= and t= of a key)
 * without FWS around it. *rest starts as the whole value; false at its end.
 */
bool dkim_list_next(struct str *rest, struct str *item);
/* True when the list has that item, exact case. */
bool dkim_list_has(struct str list, struct str item);

/*
 * Splits the value of a signature field into tags. UTF-8 is allowed in values
 * (RFC 8616 section 5); other octets above 0x7E only with smtputf8. Returns
 * what tag_list_parse() does.
 */
int dkim_sig_tags(struct arena *a, struct str value, bool smtputf8,
    struct tag_list *out, struct diag *d);

/*
 * Reads the tags of that kind of field. Returns DKIM_WHY_NONE, or the first
 * thing wrong (DKIM_WHY_BUDGET: memory is out); *out then holds what could be
 * read all the same. Everything of RFC 6376 section 6.1.1 is checked that
 * needs no clock. d may be NULL.
 */
enum dkim_reason dkim_sig_read(struct arena *a, const struct tag_list *tags,
    enum dkim_sig_kind kind, struct dkim_sig *out, struct diag *d);

/* Both, for a DKIM-Signature field. *out is views of h and of the arena. */
enum dkim_reason dkim_sig_parse(struct arena *a, const struct hdr *h,
    bool smtputf8, struct dkim_sig *out, struct diag *d);

/*
 * t= and x= against now (RFC 6376 section 3.5); drift: seconds allowed either
 * way. DKIM_WHY_NONE, DKIM_WHY_FUTURE or DKIM_WHY_EXPIRED.
 */
enum dkim_reason
dkim_sig_time(const struct dkim_sig *sig, int64_t now, unsigned drift);

#endif
