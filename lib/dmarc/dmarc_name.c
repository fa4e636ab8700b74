/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/base/name.h"
#include "lib/dmarc/dmarc.h"

static const char *const policy_names[DMARC_POLICY_COUNT] = {
    [DMARC_POLICY_NONE] = "none",
    [DMARC_POLICY_QUARANTINE] = "quarantine",
    [DMARC_POLICY_REJECT] = "reject",
};

static const char *const result_names[DMARC_RESULT_COUNT] = {
    [DMARC_NONE] = "none",
    [DMARC_PASS] = "pass",
    [DMARC_FAIL] = "fail",
    [DMARC_TEMPERROR] = "temperror",
    [DMARC_PERMERROR] = "permerror",
};

static const char *const discovery_names[DMARC_DISCOVERY_COUNT] = {
    [DMARC_TREEWALK] = "treewalk",
    [DMARC_PSL] = "psl",
};

static const char *const reason_names[DMARC_REASON_COUNT] = {
    [DMARC_WHY_NONE] = "",
    [DMARC_WHY_NO_RECORD] = "no record",
    [DMARC_WHY_BAD_RECORD] = "unusable record",
    [DMARC_WHY_DNS] = "DNS lookup failed",
    [DMARC_WHY_BOGUS] = "DNSSEC validation failed",
    [DMARC_WHY_SPF_TEMP] = "SPF temperror",
    [DMARC_WHY_DKIM_TEMP] = "DKIM temperror",
    [DMARC_WHY_BUDGET] = "limit of lookups or memory reached",
};

static const char *const align_names[DMARC_ALIGN_COUNT] = {
    [DMARC_RELAXED] = "r",
    [DMARC_STRICT] = "s",
};

static const char *const psd_names[DMARC_PSD_COUNT] = {
    [DMARC_PSD_U] = "u",
    [DMARC_PSD_Y] = "y",
    [DMARC_PSD_N] = "n",
};

const char *
dmarc_policy_name(enum dmarc_policy p)
{
	return name_of(policy_names, DMARC_POLICY_COUNT, (int)p);
}

const char *
dmarc_result_name(enum dmarc_result r)
{
	return name_of(result_names, DMARC_RESULT_COUNT, (int)r);
}

const char *
dmarc_discovery_name(enum dmarc_discovery d)
{
	return name_of(discovery_names, DMARC_DISCOVERY_COUNT, (int)d);
}

const char *
dmarc_reason_name(enum dmarc_reason r)
{
	return name_of(reason_names, DMARC_REASON_COUNT, (int)r);
}

const char *
dmarc_align_name(enum dmarc_align a)
{
	return name_of(align_names, DMARC_ALIGN_COUNT, (int)a);
}

const char *
dmarc_psd_name(enum dmarc_psd p)
{
	return name_of(psd_names, DMARC_PSD_COUNT, (int)p);
}
