/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A TLS report (RFC 8460 section 4.4) as a value, for who reads and who writes
 * one. Strings that a report does not have are empty.
 */
#ifndef TLSRPT_TLSRPT_REPORT_H
#define TLSRPT_TLSRPT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

struct tlsrpt_failure {
	struct str result_type; /* RFC 8460 section 4.3 */
	struct str sending_mta_ip;
	struct str receiving_mx_hostname, receiving_mx_helo, receiving_ip;
	uint64_t failed_sessions;
	struct str additional_information; /* a URI */
	struct str reason_code;
};

struct tlsrpt_policy {
	struct str type; /* "tlsa", "sts", "no-policy-found" */
	const struct str *strings; /* policy-string */
	size_t n_strings;
	struct str domain;
	const struct str *mx_hosts;
	size_t n_mx_hosts;
	uint64_t successful, failed; /* sessions */
	const struct tlsrpt_failure *failures;
	size_t n_failures;
};

struct tlsrpt_report {
	struct str organization_name, contact_info, report_id;
	struct str start, end; /* RFC 3339 texts */
	const struct tlsrpt_policy *policies;
	size_t n_policies;
};

#define TLSRPT_REPORT_MAX ((size_t)16 * 1024 * 1024) /* octets of JSON */
#define TLSRPT_DEPTH_MAX 32
#define TLSRPT_VALUES_MAX 500000 /* of any kind in one report */

/*
 * Reads JSON into *out, with all strings in the arena. Tolerant: what is
 * missing, null or of another kind is empty, 0 or not in its list, mx-host and
 * policy-string may be a string (RFC 8460 erratum 6241), a number may be text,
 * unknown keys are ignored, octets that are no UTF-8 become U+FFFD. Returns 0,
 * AVER_SYNTAX (no JSON, or no array "policies" in an object), AVER_LIMIT or
 * AVER_NOMEM.
 */
int tlsrpt_report_parse(struct arena *a, struct str json,
    struct tlsrpt_report *out, struct diag *d);

#endif
