/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/tls_result.h"

#include "lib/base/name.h"

/* RFC 8460 section 4.3 */
static const char *const type_names[TLS_TYPE_COUNT] = {
    [TLS_SUCCESS] = "success",
    [TLS_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
    [TLS_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
    [TLS_CERTIFICATE_EXPIRED] = "certificate-expired",
    [TLS_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
    [TLS_VALIDATION_FAILURE] = "validation-failure",
    [TLS_TLSA_INVALID] = "tlsa-invalid",
};

const char *
tls_type_name(enum tls_type type)
{
	return name_of(type_names, TLS_TYPE_COUNT, (int)type);
}
