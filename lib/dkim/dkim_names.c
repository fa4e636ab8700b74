/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim.h"

#include "lib/base/name.h"

static const char *const result_names[DKIM_RESULT_COUNT] = {
    [DKIM_NONE] = "none",
    [DKIM_PASS] = "pass",
    [DKIM_FAIL] = "fail",
    [DKIM_POLICY] = "policy",
    [DKIM_NEUTRAL] = "neutral",
    [DKIM_TEMPERROR] = "temperror",
    [DKIM_PERMERROR] = "permerror",
};

static const char *const algorithm_names[DKIM_ALGORITHM_COUNT] = {
    [DKIM_ALG_UNKNOWN] = "unknown",
    [DKIM_RSA_SHA1] = "rsa-sha1",
    [DKIM_RSA_SHA256] = "rsa-sha256",
    [DKIM_ED25519_SHA256] = "ed25519-sha256",
};

static const char *const reason_names[DKIM_REASON_COUNT] = {
    [DKIM_WHY_NONE] = "",
    [DKIM_WHY_SYNTAX] = "signature syntax error",
    [DKIM_WHY_VERSION] = "unknown signature version",
    [DKIM_WHY_MISSING] = "required tag missing",
    [DKIM_WHY_ALGORITHM] = "unknown algorithm",
    [DKIM_WHY_SHA1] = "rsa-sha1 is not acceptable",
    [DKIM_WHY_DOMAIN] = "unusable domain, selector or identity",
    [DKIM_WHY_FROM] = "From is not signed",
    [DKIM_WHY_EXPIRED] = "signature expired",
    [DKIM_WHY_FUTURE] = "signature time is not plausible",
    [DKIM_WHY_QUERY] = "unknown query method",
    [DKIM_WHY_CANON] = "unknown canonicalization",
    [DKIM_WHY_NO_KEY] = "no key",
    [DKIM_WHY_KEY_SYNTAX] = "key syntax error",
    [DKIM_WHY_REVOKED] = "key revoked",
    [DKIM_WHY_KEY_TYPE] = "key not made for this use",
    [DKIM_WHY_KEY_FLAG] = "key is not for subdomains",
    [DKIM_WHY_KEY_SMALL] = "key too small",
    [DKIM_WHY_KEY_LARGE] = "key too large",
    [DKIM_WHY_BODY_LENGTH] = "body shorter than signed",
    [DKIM_WHY_BODY_HASH] = "body hash did not verify",
    [DKIM_WHY_SIGNATURE] = "signature did not verify",
    [DKIM_WHY_UNSIGNED] = "body not wholly signed",
    [DKIM_WHY_DNS] = "key lookup failed",
    [DKIM_WHY_BOGUS] = "key failed DNSSEC validation",
    [DKIM_WHY_BUDGET] = "limit reached",
};

const char *
dkim_result_name(enum dkim_result r)
{
	return name_of(result_names, DKIM_RESULT_COUNT, (int)r);
}

const char *
dkim_algorithm_name(enum dkim_algorithm a)
{
	return name_of(algorithm_names, DKIM_ALGORITHM_COUNT, (int)a);
}

const char *
dkim_reason_name(enum dkim_reason r)
{
	return name_of(reason_names, DKIM_REASON_COUNT, (int)r);
}
