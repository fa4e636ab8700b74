/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Parameters of failure reports. */
#include "lib/conf/params_table.h"

static const struct param table[] = {
    {
	BOOL(failure_reports),
	.section = SECTION_REPORT,
	.fallback = "no",
	.help = "Whether DMARC failure reports are recorded and sent.",
	.manual = "Such a report tells the owner of a domain about single "
		  "messages, where its DMARC record asks for that with\n"
		  ".Li ruf .\n"
		  "It shows header fields of the message, so think of the "
		  "privacy of those who wrote and got it: local-parts of "
		  "addresses are replaced by a keyed hash, and no part of "
		  "the body is kept or shown.\n"
		  "Nothing is reported for public suffixes, for mail from "
		  "the null sender, for reports, and about mail of trusted "
		  "hosts.",
    },
    {
	STRINGS(failure_headers, check_name_list,
	    "at most 16 names of header fields"),
	.section = SECTION_REPORT,
	.fallback = "From Subject Date Message-ID",
	.help = "The header fields that a failure report shows.",
	.manual = "Only these are kept until it is sent.",
    },
    {
	INTEGER(failure_rate, 1, 1000),
	.section = SECTION_REPORT,
	.fallback = "10",
	.help = "How many messages of an hour are kept for failure reports "
		"to one domain.",
	.manual = "What comes beyond is not reported (RFC 9991 section 2).",
    },
    {
	INTEGER(failure_rate_total, 1, 100000),
	.section = SECTION_REPORT,
	.fallback = "200",
	.help = "How many messages of an hour are kept for failure reports "
		"in all.",
    },
};

PARAM_LIST(params_failure, table);
