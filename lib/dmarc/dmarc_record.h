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
};

/*
 * rr has status DNS_OK. The result lives as long as rr; NULL when memory is
 * out. mode as for dmarc_record_parse_mode().
 */
const struct dmarc_answer *
dmarc_answer_of(const struct dns_rrset *rr, enum dmarc_discovery mode);

#endif
