/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * REQUIRETLS (RFC 8689) as far as a policy server can serve it: may a message
 * that must have verified TLS go to a destination?
 */
#ifndef TLSPOLICY_REQUIRETLS_H
#define TLSPOLICY_REQUIRETLS_H

#include "lib/base/str.h"
#include "tlspolicy/decision.h"
#include "tlspolicy/render.h"

enum requiretls_verdict {
	REQUIRETLS_GO, /* the destination is authenticated: FILTER or nothing */
	REQUIRETLS_NO_TLS, /* 5.7.10: there is no verified TLS */
	REQUIRETLS_NO_SUPPORT, /* 5.7.30: the next server cannot REQUIRETLS */
	REQUIRETLS_LATER /* not known: give no answer, or defer */
};

/*
 * strict: the destination must be known to offer REQUIRETLS too (else 5.7.30);
 * what is not known is no obstacle.
 */
enum requiretls_verdict
requiretls_decide(const struct tls_decision *d, bool strict);

/* "550 5.7.10 Encryption needed", "550 5.7.30 ..."; "" for GO and LATER. */
struct str requiretls_reply(enum requiretls_verdict v);

/*
 * The answer of smtp_requiretls_policy: fallback, and where that is one of the
 * opportunistic ones, more if the destination is known to offer it; never less.
 */
enum requiretls_default requiretls_answer(
    const struct tls_decision *d, enum requiretls_default fallback);

#endif
