/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What a TXT answer at a _dmarc name amounts to, parsed once for each fetch. */
#ifndef DMARC_DMARC_RECORD_H
#define DMARC_DMARC_RECORD_H

#include "lib/dmarc/dmarc.h"

struct dmarc_answer {
	unsigned n; /* records with the version tag: 0, 1, 2 for more */
	bool usable; /* the only one is not ruled out by section 4.10.1 */
	/* meaningful when n is 1, usable or not (its psd tag counts) */
	struct dmarc_record record;
	struct str text; /* of that one */
};

/*
 * rr has status DNS_OK. The result lives as long as rr; NULL when memory is
 * out. mode as for dmarc_record_parse_mode().
 */
const struct dmarc_answer *
dmarc_answer_of(const struct dns_rrset *rr, enum dmarc_discovery mode);

/*
 * A record at "_report._dmarc" (RFC 9990 section 4): who published it accepts
 * reports, and may name URIs to take the place of those of the policy.
 */
struct dmarc_authorization {
	bool has_rua, has_ruf; /* the tag is there, valid or not */
	struct str *rua, *ruf; /* as in struct dmarc_record */
	size_t n_rua, n_ruf;
};

/*
 * Returns 0, AVER_NOTFOUND when the text does not begin with a valid v=DMARC1
 * tag, AVER_SYNTAX when it is no tag list, AVER_NOMEM. A policy is not needed
 * (RFC 9989 section 4.7).
 */
int dmarc_authorization_parse(
    struct arena *a, struct str text, struct dmarc_authorization *out);

#endif
