/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The result types and policy types of TLSRPT (RFC 8460), by name and by the
 * numbers that libtlsrpt sends.
 */
#ifndef TLSRPT_TLSRPT_RESULT_H
#define TLSRPT_TLSRPT_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

/* Values are kept in the store: only ever append. */
enum tlsrpt_result {
	TLSRPT_SUCCESS,
	/* of a session */
	TLSRPT_STARTTLS_NOT_SUPPORTED,
	TLSRPT_CERTIFICATE_HOST_MISMATCH,
	TLSRPT_CERTIFICATE_NOT_TRUSTED,
	TLSRPT_CERTIFICATE_EXPIRED,
	TLSRPT_VALIDATION_FAILURE,
	/* of a policy */
	TLSRPT_STS_POLICY_FETCH_ERROR,
	TLSRPT_STS_POLICY_INVALID,
	TLSRPT_STS_WEBPKI_INVALID,
	TLSRPT_TLSA_INVALID,
	TLSRPT_DNSSEC_INVALID,
	TLSRPT_DANE_REQUIRED,
	TLSRPT_RESULT_COUNT
};

/* Values are kept in the store: only ever append. */
enum tlsrpt_policy_type {
	TLSRPT_NO_POLICY_FOUND,
	TLSRPT_STS,
	TLSRPT_TLSA,
	TLSRPT_POLICY_COUNT
};

/* The name of the registry; "success" for TLSRPT_SUCCESS. */
const char *tlsrpt_result_name(enum tlsrpt_result r);
/* "no-policy-found", "sts", "tlsa" */
const char *tlsrpt_policy_name(enum tlsrpt_policy_type p);
/* By name, without regard to case; false when there is none. */
bool tlsrpt_result_find(struct str name, enum tlsrpt_result *out);
bool tlsrpt_policy_find(struct str name, enum tlsrpt_policy_type *out);
/* libtlsrpt's numbers (201 ... 306; 1, 2, 9); false for any other. */
bool tlsrpt_result_of_code(uint64_t code, enum tlsrpt_result *out);
bool tlsrpt_policy_of_code(uint64_t code, enum tlsrpt_policy_type *out);
/* 0 for TLSRPT_SUCCESS. */
unsigned tlsrpt_result_code(enum tlsrpt_result r);
unsigned tlsrpt_policy_code(enum tlsrpt_policy_type p);

#endif
