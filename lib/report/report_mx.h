/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Whether a domain can take mail at all, before a report is made for it. */
#ifndef REPORT_REPORT_MX_H
#define REPORT_REPORT_MX_H

#include "lib/base/str.h"
#include "lib/dns/dns.h"

enum report_mx {
	/* MX records, or an address without (RFC 5321 section 5.1) */
	REPORT_MX_OK,
	REPORT_MX_NULL, /* it says that it takes none (RFC 7505) */
	REPORT_MX_NONE, /* neither MX nor address */
	REPORT_MX_TEMP, /* a lookup failed: not known */
	REPORT_MX_COUNT
};

const char *report_mx_name(enum report_mx mx); /* words */

/* domain: A-labels. Asks at most three questions. */
enum report_mx report_mx_check(struct dns *dns, struct str domain);

#endif
