/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Verification of a chain of certificates against TLSA records without a
 * connection, by the same OpenSSL functions that a handshake uses.
 */
#ifndef SMTP_TLS_VERIFY_H
#define SMTP_TLS_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/smtp/tls_client.h"

enum tls_dane {
	TLS_DANE_MATCH,
	TLS_DANE_NOMATCH, /* usable records, none of which holds */
	TLS_DANE_UNUSABLE, /* no usable record (RFC 7672 section 2.2) */
	TLS_DANE_COUNT
};

const char *tls_dane_name(enum tls_dane r); /* "match", ... */

/* What is more is ignored. */
#define TLS_CHAIN_MAX 32 /* certificates */
#define TLS_TLSA_MAX 256 /* usable records */

/*
 * Usage 2 or 3, selector 0 or 1, matching type 0, 1 or 2, and data of the
 * digest's length (RFC 7672 section 3.1, RFC 7671 section 4.1).
 */
bool tls_tlsa_usable(const struct tls_tlsa *r);

/*
 * chain: DER, the server's own first; names as in struct tls_peer; now:
 * seconds since the epoch. A name that no host can have is no name; without
 * one a trust anchor matches nothing. Returns 0 with *out, or AVER_NOMEM or
 * AVER_CRYPTO. d: why there is no match.
 */
int tls_verify_dane(const struct str *chain, size_t n_chain,
    const struct tls_tlsa *tlsa, size_t n_tlsa, const struct str *names,
    size_t n_names, int64_t now, enum tls_dane *out, struct diag *d);

#endif
