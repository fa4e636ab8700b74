/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The client's side of TLS, by OpenSSL: TLS 1.2 or later, SNI, and one of
 * three verifications. It does no I/O: octets from the network are fed in and
 * octets for it are taken out, so that every wait, deadline and signal is the
 * caller's. Whether TLS is asked for at all (enum tls_mode) is the business of
 * SMTP; how its certificate is verified (enum tls_verify) is decided here. The
 * two are independent of each other.
 */
#ifndef SMTP_TLS_CLIENT_H
#define SMTP_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/smtp/tls_result.h"

enum tls_mode {
	TLS_MODE_NONE, /* never ask for it */
	TLS_MODE_OPPORTUNISTIC, /* when offered; else go on in the clear */
	TLS_MODE_REQUIRED, /* STARTTLS or no delivery */
	TLS_MODE_IMPLICIT, /* from the first octet (RFC 8314 section 3.3) */
	TLS_MODE_COUNT
};

enum tls_verify {
	TLS_VERIFY_NONE, /* any certificate; encryption alone */
	TLS_VERIFY_PKIX, /* a chain to the CA store, and one of the names */
	TLS_VERIFY_DANE, /* the TLSA records decide (RFC 7672 section 3) */
	TLS_VERIFY_COUNT
};

struct tls_tlsa {
	uint8_t usage, selector, matching;
	struct str data; /* the certificate association data, octets */
};

/* Whom to expect. Everything in it is borrowed until tls_new() returns. */
struct tls_peer {
	enum tls_verify verify;
	/*
	 * Server name indication, a host name in A-labels; empty: none. DANE
	 * wants the TLSA base domain here (RFC 7672 section 8.1).
	 */
	struct str sni;
	/*
	 * Reference names in A-labels, or IP addresses as text. PKIX and
	 * DANE-TA(2) want one of them in the certificate, as a DNS-ID; the
	 * common name counts for DANE alone and only where there is no DNS-ID
	 * (RFC 7672 section 3.2.3). At least one name for both.
	 */
	const struct str *names;
	size_t n_names;
	const struct tls_tlsa *tlsa; /* of a secure answer; DANE only */
	size_t n_tlsa;
	/* The handshake goes on with a certificate that fails; see
	 * tls_result.type and .authenticated afterwards. */
	bool tell_only;
};

/* Settings and CA store shared by connections; thread-safe once made. */
struct tls_client;

/*
 * ca_file: PEM, the only CAs to trust; empty or NULL: those of the system.
 * Returns 0, AVER_CONF (the file, with d), AVER_CRYPTO or AVER_NOMEM.
 */
int
tls_client_open(const char *ca_file, struct tls_client **out, struct diag *d);
void tls_client_close(struct tls_client *c); /* NULL allowed */

/* One connection; belongs to one thread at a time. */
struct tls;

/*
 * Returns 0, AVER_SYNTAX (a name that is none, no name where one is wanted),
 * AVER_NOTFOUND (DANE without any usable record: RFC 7672 section 2.2 wants
 * TLS without authentication then, so ask again with TLS_VERIFY_NONE),
 * AVER_CRYPTO or AVER_NOMEM. c has to outlive it.
 */
int tls_new(struct tls_client *c, const struct tls_peer *peer, struct tls **out,
    struct diag *d);
void tls_free(struct tls *t); /* NULL allowed */

enum tls_step {
	TLS_DONE, /* the operation is complete */
	TLS_MORE, /* feed more octets (after sending what is to be sent) */
	TLS_CLOSED, /* the peer ended the connection with a close_notify */
	TLS_FAILED, /* for good; tls_result() says why */
};

enum tls_step tls_handshake(struct tls *t);
/* *n: octets wanted; then how many were written or read (TLS_DONE: > 0). */
enum tls_step tls_write(struct tls *t, struct str octets, size_t *n);
enum tls_step tls_read(struct tls *t, char *to, size_t *n);
/* Makes the close_notify to send. */
void tls_shutdown(struct tls *t);

/* From the network. 0, or AVER_NOMEM. */
int tls_feed(struct tls *t, struct str octets);
/* For the network: up to size octets into to; 0 when there is nothing. */
size_t tls_take(struct tls *t, char *to, size_t size);

/*
 * Fills type, authenticated, reason, protocol and cipher, and sets tried;
 * the rest of *out is untouched.
 */
void tls_result(const struct tls *t, struct tls_result *out);

/*
 * Channel binding for SASL: "tls-exporter" (RFC 9266) with TLS 1.3,
 * "tls-unique" (RFC 5929 section 3) before. Returns the octets written to out,
 * 0 when there is none.
 */
size_t tls_channel_binding(const struct tls *t, char out[64], bool *exporter);

#endif
