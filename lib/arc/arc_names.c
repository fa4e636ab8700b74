/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arc/arc.h"

#include "lib/base/name.h"

static const char *const result_names[ARC_RESULT_COUNT] = {
    [ARC_NONE] = "none",
    [ARC_PASS] = "pass",
    [ARC_FAIL] = "fail",
};

static const char *const reason_names[ARC_REASON_COUNT] = {
    [ARC_WHY_NONE] = "",
    [ARC_WHY_SYNTAX] = "malformed field",
    [ARC_WHY_INSTANCE] = "instance out of range",
    [ARC_WHY_DUPLICATE] = "instance used twice",
    [ARC_WHY_INCOMPLETE] = "incomplete chain",
    [ARC_WHY_CHAIN] = "chain had failed before",
    [ARC_WHY_CV] = "wrong chain status",
    [ARC_WHY_HEADERS] = "unsuitable h= tag",
    [ARC_WHY_MESSAGE] = "message signature not valid",
    [ARC_WHY_SEAL] = "seal not valid",
    [ARC_WHY_KEY] = "no usable key",
    [ARC_WHY_DNS] = "key lookup failed",
    [ARC_WHY_BUDGET] = "limit reached",
};

const char *
arc_result_name(enum arc_result r)
{
	return name_of(result_names, ARC_RESULT_COUNT, (int)r);
}

const char *
arc_reason_name(enum arc_reason r)
{
	return name_of(reason_names, ARC_REASON_COUNT, (int)r);
}
