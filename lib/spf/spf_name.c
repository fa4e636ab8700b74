/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/name.h"
#include "lib/spf/spf.h"

static const char *const result_names[SPF_RESULT_COUNT] = {
    [SPF_NONE] = "none",
    [SPF_NEUTRAL] = "neutral",
    [SPF_PASS] = "pass",
    [SPF_FAIL] = "fail",
    [SPF_SOFTFAIL] = "softfail",
    [SPF_TEMPERROR] = "temperror",
    [SPF_PERMERROR] = "permerror",
};

static const char *const scope_names[SPF_SCOPE_COUNT] = {
    [SPF_SCOPE_MFROM] = "mfrom",
    [SPF_SCOPE_HELO] = "helo",
};

static const char *const reason_names[SPF_REASON_COUNT] = {
    [SPF_WHY_NONE] = "",
    [SPF_WHY_NO_DOMAIN] = "no domain name to check",
    [SPF_WHY_NO_RECORD] = "no SPF record",
    [SPF_WHY_SEVERAL] = "several SPF records",
    [SPF_WHY_SYNTAX] = "bad syntax",
    [SPF_WHY_LOOKUPS] = "too many terms with lookups",
    [SPF_WHY_VOID] = "too many lookups without answer",
    [SPF_WHY_NAMES] = "too many MX names",
    [SPF_WHY_INCLUDE_NONE] = "include or redirect to no record",
    [SPF_WHY_DNS] = "DNS lookup failed",
    [SPF_WHY_BOGUS] = "DNSSEC validation failed",
    [SPF_WHY_BUDGET] = "out of DNS budget or memory",
};

const char *
spf_result_name(enum spf_result r)
{
	return name_of(result_names, SPF_RESULT_COUNT, (int)r);
}

const char *
spf_scope_name(enum spf_scope s)
{
	return name_of(scope_names, SPF_SCOPE_COUNT, (int)s);
}

const char *
spf_reason_name(enum spf_reason r)
{
	return name_of(reason_names, SPF_REASON_COUNT, (int)r);
}
