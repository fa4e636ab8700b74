/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The TXT record at _mta-sts.DOMAIN: v=STSv1; id=20260401T000000;
 */
#ifndef TLSPOLICY_STS_RECORD_H
#define TLSPOLICY_STS_RECORD_H

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"

#define STS_ID_MAX 32

struct sts_record {
	struct str id; /* 1 to STS_ID_MAX letters and digits */
};

enum sts_found {
	STS_ABSENT, /* the DNS says so, or no record begins with v=STSv1 */
	STS_FOUND, /* exactly one, and it is valid */
	STS_INVALID, /* several, or one with an error: d tells */
	STS_UNKNOWN, /* the DNS did not say: DNS_TEMP, DNS_BOGUS, no memory */
};

/*
 * One record, its strings concatenated. The id is a view of text. Returns 0 or
 * AVER_SYNTAX.
 */
int sts_record_parse(struct str text, struct sts_record *out, struct diag *d);

/*
 * The record of an answer to the TXT question. Of MTA-STS there is a policy to
 * be looked for only with STS_FOUND; a policy in the cache stays in force
 * whatever this says. *out is set with STS_FOUND, in the arena; else d tells
 * why, but where there are no TXT records.
 */
enum sts_found sts_record_select(struct arena *a, const struct dns_rrset *rr,
    struct sts_record *out, struct diag *d);

#endif
