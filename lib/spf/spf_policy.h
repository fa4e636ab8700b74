/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* From a TXT answer to the SPF record in it (RFC 7208 section 4.5). */
#ifndef SPF_SPF_POLICY_H
#define SPF_SPF_POLICY_H

#include "lib/dns/dns.h"
#include "lib/spf/spf_record.h"

struct spf_policy {
	/* SPF_WHY_NONE: record is good; else NO_RECORD, SEVERAL or SYNTAX */
	enum spf_reason why;
	struct str detail; /* for SYNTAX: which term; printable ASCII */
	struct spf_record record;
};

/*
 * What a TXT answer with status DNS_OK says. The record is parsed the first
 * time only and kept with the answer: the result lives as long as rr does.
 * NULL when memory is out.
 */
const struct spf_policy *spf_policy_of(const struct dns_rrset *rr);

#endif
