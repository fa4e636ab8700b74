/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/tlsrpt_result.h"

#include "lib/base/name.h"

/* RFC 8460 section 4.3 */
static const char *const result_names[TLSRPT_RESULT_COUNT] = {
    [TLSRPT_SUCCESS] = "success",
    [TLSRPT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
    [TLSRPT_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
    [TLSRPT_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
    [TLSRPT_CERTIFICATE_EXPIRED] = "certificate-expired",
    [TLSRPT_VALIDATION_FAILURE] = "validation-failure",
    [TLSRPT_STS_POLICY_FETCH_ERROR] = "sts-policy-fetch-error",
    [TLSRPT_STS_POLICY_INVALID] = "sts-policy-invalid",
    [TLSRPT_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
    [TLSRPT_TLSA_INVALID] = "tlsa-invalid",
    [TLSRPT_DNSSEC_INVALID] = "dnssec-invalid",
    [TLSRPT_DANE_REQUIRED] = "dane-required",
};

/* of libtlsrpt's tlsrpt.h */
static const unsigned result_codes[TLSRPT_RESULT_COUNT] = {
    [TLSRPT_STARTTLS_NOT_SUPPORTED] = 201,
    [TLSRPT_CERTIFICATE_HOST_MISMATCH] = 202,
    [TLSRPT_CERTIFICATE_NOT_TRUSTED] = 203,
    [TLSRPT_CERTIFICATE_EXPIRED] = 204,
    [TLSRPT_VALIDATION_FAILURE] = 205,
    [TLSRPT_STS_POLICY_FETCH_ERROR] = 301,
    [TLSRPT_STS_POLICY_INVALID] = 302,
    [TLSRPT_STS_WEBPKI_INVALID] = 303,
    [TLSRPT_TLSA_INVALID] = 304,
    [TLSRPT_DNSSEC_INVALID] = 305,
    [TLSRPT_DANE_REQUIRED] = 306,
};

/* RFC 8460 section 4.4 */
static const char *const policy_names[TLSRPT_POLICY_COUNT] = {
    [TLSRPT_NO_POLICY_FOUND] = "no-policy-found",
    [TLSRPT_STS] = "sts",
    [TLSRPT_TLSA] = "tlsa",
};

static const unsigned policy_codes[TLSRPT_POLICY_COUNT] = {
    [TLSRPT_NO_POLICY_FOUND] = 9,
    [TLSRPT_STS] = 2,
    [TLSRPT_TLSA] = 1,
};

const char *
tlsrpt_result_name(enum tlsrpt_result r)
{
	return name_of(result_names, TLSRPT_RESULT_COUNT, (int)r);
}

const char *
tlsrpt_policy_name(enum tlsrpt_policy_type p)
{
	return name_of(policy_names, TLSRPT_POLICY_COUNT, (int)p);
}

bool
tlsrpt_result_find(struct str name, enum tlsrpt_result *out)
{
	int i = name_find(result_names, TLSRPT_RESULT_COUNT, name);

	if (i >= 0)
		*out = (enum tlsrpt_result)i;
	return i >= 0;
}

bool
tlsrpt_policy_find(struct str name, enum tlsrpt_policy_type *out)
{
	int i = name_find(policy_names, TLSRPT_POLICY_COUNT, name);

	if (i >= 0)
		*out = (enum tlsrpt_policy_type)i;
	return i >= 0;
}

bool
tlsrpt_result_of_code(uint64_t code, enum tlsrpt_result *out)
{
	for (int i = TLSRPT_SUCCESS + 1; i < TLSRPT_RESULT_COUNT; i++)
		if (result_codes[i] == code) {
			*out = (enum tlsrpt_result)i;
			return true;
		}
	return false;
}

bool
tlsrpt_policy_of_code(uint64_t code, enum tlsrpt_policy_type *out)
{
	for (int i = 0; i < TLSRPT_POLICY_COUNT; i++)
		if (policy_codes[i] == code) {
			*out = (enum tlsrpt_policy_type)i;
			return true;
		}
	return false;
}

unsigned
tlsrpt_result_code(enum tlsrpt_result r)
{
	return r < TLSRPT_RESULT_COUNT ? result_codes[r] : 0;
}

unsigned
tlsrpt_policy_code(enum tlsrpt_policy_type p)
{
	return p < TLSRPT_POLICY_COUNT ? policy_codes[p] : 0;
}
