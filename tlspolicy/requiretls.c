/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/requiretls.h"

/*
 * RFC 8689 section 4.2.1: the name of the server comes from signed MX records
 * or a policy of MTA-STS, and its certificate is verified. That is what the map
 * "verified" then demands of the MTA, so a policy of mode testing will do, and
 * a domain of which some hosts have TLSA records.
 */
static bool
can_be_verified(const struct tls_decision *d)
{
	return tls_decision_strict(d) != TLS_UNVERIFIABLE;
}

/*
 * Whether it may be otherwise in a moment: a lookup or a fetch has failed, and
 * mail must not be refused for good for that.
 */
static bool
is_uncertain(const struct tls_decision *d)
{
	const struct tls_sts *sts = &d->facts.sts;

	return d->is_short_lived ||
	       (!sts->policy && sts->failure == TLSRPT_STS_POLICY_FETCH_ERROR);
}

enum requiretls_verdict
requiretls_decide(const struct tls_decision *d, bool strict)
{
	if (d->kind == TLS_TEMP || d->why == TLS_WHY_FAIL_OPEN)
		return REQUIRETLS_LATER;
	if (!can_be_verified(d))
		return is_uncertain(d) ? REQUIRETLS_LATER : REQUIRETLS_NO_TLS;
	if (strict && d->facts.known.requiretls == TLS_SEEN_NO)
		return REQUIRETLS_NO_SUPPORT;
	return REQUIRETLS_GO;
}

struct str
requiretls_reply(enum requiretls_verdict v)
{
	switch (v) {
	case REQUIRETLS_NO_TLS:
		/* RFC 8689 section 4.2.1 */
		return STR("550 5.7.10 Encryption needed");
	case REQUIRETLS_NO_SUPPORT:
		return STR("550 5.7.30 REQUIRETLS support required");
	case REQUIRETLS_GO:
	case REQUIRETLS_LATER:
		break;
	}
	return STR_NONE;
}

enum requiretls_default
requiretls_answer(
    const struct tls_decision *d, enum requiretls_default fallback)
{
	const struct tls_known *k = &d->facts.known;

	switch (fallback) {
	case REQUIRETLS_ENFORCE:
	case REQUIRETLS_DISABLE:
		return fallback;
	case REQUIRETLS_OPPORTUNISTIC_STARTTLS:
	case REQUIRETLS_OPPORTUNISTIC:
	case REQUIRETLS_DEFAULT_COUNT:
		break;
	}
	/*
	 * Who is known to do it is held to it. That somebody did not is no
	 * reason for less: one who takes STARTTLS away need not be the server.
	 */
	if (k->requiretls == TLS_SEEN_YES && tls_decision_is_verified(d))
		return REQUIRETLS_ENFORCE;
	if (k->starttls == TLS_SEEN_YES)
		return REQUIRETLS_OPPORTUNISTIC_STARTTLS;
	return fallback;
}
