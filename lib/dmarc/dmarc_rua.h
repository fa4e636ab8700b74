/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Where reports about a policy domain go: from the rua or ruf URIs of its
 * record to addresses that may be reported to. An address outside the
 * organization of the policy domain counts only if its host authorizes it in
 * the DNS (RFC 9990 section 4; RFC 9991 section 5 for ruf).
 */
#ifndef DMARC_DMARC_RUA_H
#define DMARC_DMARC_RUA_H

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/dmarc/dmarc.h"
#include "lib/dmarc/dmarc_discover.h"

enum dmarc_uri_tag { DMARC_RUA, DMARC_RUF };

enum dmarc_dest_state {
	DMARC_DEST_USE,
	DMARC_DEST_SKIP, /* never report to it for this record */
	DMARC_DEST_LATER, /* a lookup failed: not known yet */
	DMARC_DEST_STATE_COUNT
};

enum dmarc_dest_why {
	DMARC_DEST_SAME, /* the organization of the policy domain */
	DMARC_DEST_VERIFIED, /* its host authorizes reports */
	DMARC_DEST_SCHEME, /* not mailto */
	DMARC_DEST_ADDRESS, /* no usable address in it */
	DMARC_DEST_UNVERIFIED, /* its host does not authorize reports */
	DMARC_DEST_NAME_LONG, /* the name to ask for exceeds the DNS */
	DMARC_DEST_OVERRIDE, /* its host names one at another host */
	DMARC_DEST_DUPLICATE, /* the address is there already */
	DMARC_DEST_LIMIT, /* enough others, or too many questions */
	DMARC_DEST_DNS, /* a lookup failed */
	DMARC_DEST_BOGUS, /* DNSSEC validation failed */
	DMARC_DEST_WHY_COUNT
};

const char *dmarc_dest_why_name(enum dmarc_dest_why why); /* words */
enum dmarc_dest_state dmarc_dest_state(enum dmarc_dest_why why);

struct dmarc_dest {
	struct str uri; /* of the record */
	struct str override; /* what its host replaced it by; empty: nothing */
	struct str address; /* local@domain; empty when there is none */
	struct str domain; /* of the address, A-labels in lower case */
	enum dmarc_dest_why why;
	struct str detail; /* the name the reason is about; may be empty */
};

struct dmarc_dests {
	struct dmarc_dest *v; /* in the order of the record */
	size_t n;
	size_t usable, later;
};

#define DMARC_DESTS_MAX 200 /* with what hosts replaced URIs by */

/*
 * Judges the n URIs. f: of a struct dns that has not asked for much yet; its
 * mode is how organizational domains are found, and it knows policy_domain's
 * own record already if it found that. policy_domain: where the record was
 * found, A-labels in lower case. most: destinations to use; when there are so
 * many the others are DMARC_DEST_LIMIT and nothing is asked about them.
 * Returns 0 or AVER_NOMEM; strings live as long as a and the URIs.
 */
int dmarc_destinations(struct dmarc_finder *f, struct arena *a,
    struct str policy_domain, const struct str *uris, size_t n,
    enum dmarc_uri_tag tag, size_t most, struct dmarc_dests *out);

#endif
