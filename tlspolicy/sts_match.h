/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* MX host names and the patterns of an MTA-STS policy. */
#ifndef TLSPOLICY_STS_MATCH_H
#define TLSPOLICY_STS_MATCH_H

#include <stdbool.h>

#include "lib/base/str.h"
#include "tlspolicy/sts_policy.h"

/*
 * "*.example.net" matches names with exactly one label more. host: as in the MX
 * record (not where a CNAME leads), with or without trailing dot. ASCII case
 * is ignored.
 */
bool sts_match(struct str host, struct str pattern);
/* Any pattern of the policy. */
bool sts_policy_match(const struct sts_policy *policy, struct str host);

#endif
