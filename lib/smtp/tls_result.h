/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * How TLS with a server went, as SMTP TLS reports tell it (RFC 8460 section
 * 4.3). A plain value: it holds no pointers and may be copied.
 */
#ifndef SMTP_TLS_RESULT_H
#define SMTP_TLS_RESULT_H

#include <stdbool.h>

#include "lib/base/ip.h"

enum tls_type {
	TLS_SUCCESS, /* as the policy wanted it */
	TLS_STARTTLS_NOT_SUPPORTED,
	TLS_CERTIFICATE_HOST_MISMATCH,
	TLS_CERTIFICATE_EXPIRED,
	TLS_CERTIFICATE_NOT_TRUSTED,
	TLS_VALIDATION_FAILURE, /* anything else */
	TLS_TLSA_INVALID, /* none of the TLSA records could be used */
	TLS_TYPE_COUNT
};

/* The result type of RFC 8460 section 4.3; "success" for TLS_SUCCESS. */
const char *tls_type_name(enum tls_type type);

struct tls_result {
	/* There was a handshake (whatever came of it) or a refusal of one. */
	bool tried;
	enum tls_type type;
	/*
	 * True once the peer is who the verification wanted. With
	 * TLS_VERIFY_NONE it stays false while type is TLS_SUCCESS.
	 */
	bool authenticated;
	char reason[96]; /* failure-reason-code; "" when there is none */
	char host[256]; /* receiving-mx-hostname: the name we connected to */
	char helo[256]; /* receiving-mx-helo, from the greeting; may be "" */
	struct ip local, peer; /* sending-mta-ip, receiving-ip */
	char protocol[16]; /* "TLSv1.3"; "" without a handshake */
	char cipher[64]; /* "TLS_AES_256_GCM_SHA384" */
};

#endif
