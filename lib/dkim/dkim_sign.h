/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * DKIM signatures of our own mail (RFC 6376 section 5, RFC 8301, RFC 8463):
 * relaxed/relaxed, SHA-256, no l=, and each signed field named once more than
 * it is there, so that none can be added (RFC 6376 section 8.15).
 */
#ifndef DKIM_DKIM_SIGN_H
#define DKIM_DKIM_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim.h"
#include "lib/dkim/dkim_key.h"
#include "lib/mail/hdr.h"

/* A private key. Immutable: any number of threads may sign with it. */
struct dkim_private;

/*
 * Reads a key in PEM (PKCS#8 "PRIVATE KEY", PKCS#1 "RSA PRIVATE KEY"), RSA or
 * Ed25519, without passphrase. The caller has read the file and checked who
 * may read it. The key lives in the arena. Returns 0, with d filled when there
 * is something to warn of (RSA below 2048 bits, RFC 8301 section 3.2; d->text
 * is "" else), AVER_SYNTAX when pem holds no such key, AVER_CRYPTO when it is
 * too small (below 1024 bits) or too large (above 16384) or of another kind,
 * AVER_NOMEM. d may be NULL.
 */
int dkim_private_read(struct arena *a, const struct dkim_engine *e,
    struct str pem, struct dkim_private **out, struct diag *d);

enum dkim_algorithm dkim_private_algorithm(const struct dkim_private *k);
unsigned dkim_private_bits(const struct dkim_private *k);
/* Appends the key record to publish: "v=DKIM1; k=rsa; p=...". */
int dkim_private_record(const struct dkim_private *k, struct buf *b);

/*
 * Whether a signature with this key verifies with that published record.
 * DKIM_WHY_NONE; or what a verifier would say of the record
 * (DKIM_WHY_KEY_SYNTAX, _REVOKED, _KEY_TYPE, _KEY_SMALL, ...); or
 * DKIM_WHY_SIGNATURE: it is another key. DKIM_WHY_BUDGET: memory is out.
 */
enum dkim_reason
dkim_private_matches(struct arena *a, const struct dkim_engine *e,
    const struct dkim_private *k, struct str record_text, struct diag *d);

struct dkim_sign_config {
	const struct dkim_private *key;
	struct str domain; /* d=: lower-case A-labels */
	struct str selector; /* s= */
	int64_t now; /* t= */
	uint32_t valid; /* x= is so many seconds later; 0: no x= */
};

struct dkim_signing;

/* NULL when memory is out. The config is copied; its strings must stay. */
struct dkim_signing *dkim_signing_new(struct arena *a,
    const struct dkim_engine *e, const struct dkim_sign_config *c);
/* Body octets with CRLF line ends, cut anywhere. */
void dkim_signing_body(struct dkim_signing *s, struct str chunk);
/*
 * Appends "DKIM-Signature: ...\r\n", which goes on top of the header. headers:
 * all fields of the message. Signed are the fields of RFC 6376 section 5.4.1
 * and those of TLS reports (RFC 8460 section 5.3), each as often as it is
 * there and once more; those that a message has at most once are named also
 * when they are not there. From must be there exactly once. Call once. The
 * same input gives the same octets. Returns 0, AVER_SYNTAX (From, domain or
 * selector), AVER_CRYPTO, AVER_NOMEM, AVER_LIMIT (b is full).
 */
int dkim_signing_finish(
    struct dkim_signing *s, const struct hdr_list *headers, struct buf *b);

#endif
