/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The key of a TLS policy lookup: a next-hop destination as Postfix writes it.
 *
 *     example.com   example.com:587   [mail.example.com]:25
 *     [mail.example.com]   [192.0.2.1]   [IPv6:2001:db8::1]:587   .example.com
 */
#ifndef TLSPOLICY_NEXTHOP_H
#define TLSPOLICY_NEXTHOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

/* Longest key that is looked at; a name in U-labels fits. */
#define NEXTHOP_KEY_MAX ((size_t)1024)

enum nexthop_kind {
	NEXTHOP_DOMAIN, /* its MX records are the way */
	NEXTHOP_HOST, /* in brackets: the host itself, no MX lookup */
	NEXTHOP_LITERAL, /* an address: no policy can exist */
	/*
	 * ".example.com": a parent that Postfix tries after the domain. To be
	 * answered with NOTFOUND always: no policy covers subdomains.
	 */
	NEXTHOP_PARENT,
	NEXTHOP_INVALID, /* no destination of any kind: NOTFOUND as well */
	NEXTHOP_KIND_COUNT
};

struct nexthop {
	enum nexthop_kind kind;
	/*
	 * Lower-case A-labels without trailing dot, in the arena: the policy
	 * domain of MTA-STS, and the host of NEXTHOP_HOST. Empty with literals
	 * and what is invalid; of NEXTHOP_PARENT the part after the dot.
	 */
	struct str domain;
	/*
	 * The key as tables have it: lower case, A-labels, the shortest form of
	 * an address, brackets and port as given. In the arena; empty with what
	 * is invalid.
	 */
	struct str key;
	uint16_t port; /* 25 when none was given */
	bool has_port;
	/*
	 * For whoever asks to set: MTA-STS is looked at even where DANE settles
	 * it, for an MTA that may not do DANE.
	 */
	bool sts_anyway;
};

const char *nexthop_kind_name(enum nexthop_kind kind);

/*
 * Reads a key of any octets and length. Returns 0 (NEXTHOP_INVALID with the
 * reason in d is no error) or AVER_NOMEM.
 */
int nexthop_parse(
    struct arena *a, struct str key, struct nexthop *out, struct diag *d);

#endif
