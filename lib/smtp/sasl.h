/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The client's side of SASL (RFC 4422): which mechanism, and its steps. The
 * mechanisms themselves are libgsasl's; without it (configure
 * --without-sasl) there is none.
 */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

struct sasl_want {
	struct str user, password; /* UTF-8, no NUL */
	struct str host; /* the server's name */
	struct str offered; /* names, separated by spaces, in capitals */
	struct str named; /* the operator's choice; empty: the strongest */
	bool authenticated; /* TLS, and the server is who it should be */
	/* Channel binding (tls_channel_binding()); empty: none */
	struct str binding;
	bool exporter;
};

struct sasl;

/* False when this build has no SASL. */
bool sasl_available(void);
/* A mechanism that this build may use, in any case of letters. */
bool sasl_known(struct str name);
/*
 * Chooses: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1,
 * CRAM-MD5, PLAIN. PLAIN shows the password and so is only for a server whose
 * TLS certificate was verified; the PLUS forms want a channel binding. Returns
 * 0 with *out and *name (constant), AVER_NOTFOUND (nothing fits: d), AVER_CONF
 * (no such mechanism here), AVER_NOMEM.
 */
int sasl_open(const struct sasl_want *want, struct sasl **out,
    const char **name, struct diag *d);
/*
 * One step: challenge is the server's base64 (NULL: the initial response),
 * the answer's base64 is appended to out. Returns 0 or AVER_CRYPTO (the
 * server's challenge or signature is wrong: cancel) with d.
 */
int sasl_step(
    struct sasl *s, const char *challenge, struct buf *out, struct diag *d);
/* All steps are done: also the server's proof, where there is one. */
bool sasl_done(const struct sasl *s);
void sasl_close(struct sasl *s); /* NULL allowed */

#endif
