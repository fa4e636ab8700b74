/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The datagrams that Postfix 3.10 and later sends through libtlsrpt: a JSON
 * object for each SMTP session.
 */
#ifndef TLSRPT_TLSRPT_DATAGRAM_H
#define TLSRPT_TLSRPT_DATAGRAM_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/tlsrpt/tlsrpt_report.h"

/* The kernel's default for a sender is 212992 octets in all. */
#define TLSRPT_DATAGRAM_MAX ((size_t)256 << 10)
#define TLSRPT_DATAGRAM_POLICIES_MAX ((size_t)64)
#define TLSRPT_DATAGRAM_FAILURES_MAX ((size_t)256) /* of one policy */
/* Arena octets that are enough for any datagram. */
#define TLSRPT_DATAGRAM_MEMORY ((size_t)8 << 20)

/*
 * What a host said that it offers, in its reply to EHLO. The reply may be that
 * before TLS, where REQUIRETLS is not announced (RFC 8689 section 2), or that
 * after it, where STARTTLS is not: that one is missing means nothing.
 */
struct tlsrpt_offer {
	struct str mx;
	bool starttls, requiretls;
	bool lacks_starttls; /* the sender was to use it */
};

#define TLSRPT_DATAGRAM_OFFERS_MAX ((size_t)16)

struct tlsrpt_datagram {
	struct str domain; /* policy domain: A-labels in lower case */
	struct str record; /* the TXT record as the sender found it */
	struct str version; /* "1"; empty: not there */
	/*
	 * At least one. Texts are clean (tlsrpt_codec.h); successful or failed
	 * is 1. A failure that is named in spite of success does not count and
	 * is left out.
	 */
	struct tlsrpt_policy *policies;
	size_t n_policies;
	/* of the replies that came with failures */
	struct tlsrpt_offer offers[TLSRPT_DATAGRAM_OFFERS_MAX];
	size_t n_offers;
	size_t n_skipped; /* policies of unknown or internal kind */
	size_t n_cut; /* policies, strings or failures beyond the bounds */
};

/*
 * Lenient: the order of keys, unknown keys, values of the wrong kind where they
 * are not needed, bad UTF-8 are no error. A failure code that is unknown is
 * validation-failure with the reason "code-N". Strings are views of octets or
 * live in the arena. Returns 0, AVER_SYNTAX (no JSON, no object, no domain,
 * no policy), AVER_LIMIT (too long or too deep), AVER_NOMEM, with d filled.
 */
int tlsrpt_datagram_parse(struct arena *a, struct str octets,
    struct tlsrpt_datagram *out, struct diag *d);

#endif
