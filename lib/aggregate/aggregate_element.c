/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/aggregate/aggregate_element.h"

#include <string.h>

#include "lib/aggregate/aggregate_read.h"

/* clang-format off */
#define INNER(parent, name, node) \
	{AGG_##parent, name, AGG_##node, AGG_TO_NONE, AGG_TEXT, 0}
#define HEAD(parent, name, kind, field) \
	{AGG_##parent, name, AGG_LEAF, AGG_TO_REPORT, AGG_##kind, \
	    offsetof(struct aggregate_report, field)}
#define RECORD(parent, name, kind, field) \
	{AGG_##parent, name, AGG_LEAF, AGG_TO_RECORD, AGG_##kind, \
	    offsetof(struct aggregate_record, field)}
#define REASON(name, kind, field) \
	{AGG_REASON, name, AGG_LEAF, AGG_TO_REASON, AGG_##kind, \
	    offsetof(struct aggregate_reason, field)}
#define AUTH(parent, name, kind, field) \
	{AGG_##parent, name, AGG_LEAF, AGG_TO_AUTH, AGG_##kind, \
	    offsetof(struct aggregate_auth, field)}
/* clang-format on */

/* RFC 9990 section 3.1.1 and RFC 7489 appendix C; the most frequent first. */
static const struct aggregate_element elements[] = {
    INNER(FEEDBACK, "record", RECORD),
    INNER(RECORD, "row", ROW),
    RECORD(ROW, "source_ip", IP, source_ip),
    RECORD(ROW, "count", COUNT, count),
    INNER(ROW, "policy_evaluated", EVALUATED),
    RECORD(EVALUATED, "disposition", WORD, disposition),
    RECORD(EVALUATED, "dkim", WORD, dkim),
    RECORD(EVALUATED, "spf", WORD, spf),
    INNER(EVALUATED, "reason", REASON),
    REASON("type", WORD, type),
    REASON("comment", TEXT, comment),
    INNER(RECORD, "identifiers", IDENTIFIERS),
    RECORD(IDENTIFIERS, "header_from", TEXT, header_from),
    RECORD(IDENTIFIERS, "envelope_from", TEXT, envelope_from),
    RECORD(IDENTIFIERS, "envelope_to", TEXT, envelope_to),
    INNER(RECORD, "auth_results", AUTH_RESULTS),
    INNER(AUTH_RESULTS, "dkim", DKIM),
    INNER(AUTH_RESULTS, "spf", SPF),
    AUTH(DKIM, "domain", TEXT, domain),
    AUTH(DKIM, "selector", TEXT, selector),
    AUTH(DKIM, "result", WORD, result),
    AUTH(DKIM, "human_result", TEXT, human_result),
    AUTH(SPF, "domain", TEXT, domain),
    AUTH(SPF, "scope", WORD, scope),
    AUTH(SPF, "result", WORD, result),
    AUTH(SPF, "human_result", TEXT, human_result),

    INNER(OUTSIDE, "feedback", FEEDBACK),
    HEAD(FEEDBACK, "version", TEXT, version),
    INNER(FEEDBACK, "report_metadata", METADATA),
    HEAD(METADATA, "org_name", TEXT, org_name),
    HEAD(METADATA, "email", TEXT, email),
    HEAD(METADATA, "extra_contact_info", TEXT, extra_contact_info),
    HEAD(METADATA, "report_id", TEXT, report_id),
    HEAD(METADATA, "generator", TEXT, generator),
    HEAD(METADATA, "error", ERROR, errors),
    INNER(METADATA, "date_range", DATE_RANGE),
    HEAD(DATE_RANGE, "begin", BEGIN, begin_text),
    HEAD(DATE_RANGE, "end", END, end_text),
    INNER(FEEDBACK, "policy_published", POLICY),
    HEAD(POLICY, "domain", TEXT, domain),
    HEAD(POLICY, "p", WORD, p),
    HEAD(POLICY, "sp", WORD, sp),
    HEAD(POLICY, "np", WORD, np),
    HEAD(POLICY, "adkim", WORD, adkim),
    HEAD(POLICY, "aspf", WORD, aspf),
    HEAD(POLICY, "pct", TEXT, pct),
    HEAD(POLICY, "fo", TEXT, fo),
    HEAD(POLICY, "testing", WORD, testing),
    HEAD(POLICY, "discovery_method", WORD, discovery_method),
};

const struct aggregate_element *
aggregate_element_find(enum aggregate_node parent, const char *name)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (elements[i].parent == parent &&
		    strcmp(elements[i].name, name) == 0)
			return &elements[i];
	return NULL;
}
