/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The text of a "v=spf1" record (RFC 7208 sections 4.6.1, 5, 6 and 12) as
 * data.
 */
#ifndef SPF_SPF_RECORD_H
#define SPF_SPF_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/spf/spf.h"
#include "lib/spf/spf_macro.h"

/*
 * Bounds of ours. RFC 7208 section 3.4 wants records below 450 octets; these
 * are far above what is published and keep a parsed record below 100 kB.
 */
#define SPF_RECORD_OCTETS_MAX ((size_t)16384)
#define SPF_RECORD_TERMS_MAX ((size_t)1000)
#define SPF_RECORD_PERCENTS_MAX ((size_t)500)

enum spf_mech {
	SPF_MECH_ALL,
	SPF_MECH_INCLUDE,
	SPF_MECH_A,
	SPF_MECH_MX,
	SPF_MECH_PTR,
	SPF_MECH_IP4,
	SPF_MECH_IP6,
	SPF_MECH_EXISTS,
	SPF_MECH_COUNT
};

enum spf_arg {
	SPF_ARG_NONE,
	SPF_ARG_MAY_DOMAIN,
	SPF_ARG_DOMAIN,
	SPF_ARG_IP4,
	SPF_ARG_IP6,
};

enum spf_cidr {
	SPF_CIDR_NONE,
	SPF_CIDR_ONE, /* "/" length */
	SPF_CIDR_DUAL, /* ["/" ip4 length] ["//" ip6 length] */
};

struct spf_mech_def {
	struct str name;
	bool lookup; /* counts to the ten of RFC 7208 section 4.6.4 */
	enum spf_arg arg;
	enum spf_cidr cidr;
};

extern const struct spf_mech_def spf_mech_defs[SPF_MECH_COUNT];

/* A directive. */
struct spf_term {
	struct str text; /* as in the record, with the qualifier if any */
	const struct spf_macro *spec; /* NULL: the current domain */
	enum spf_mech mech;
	enum spf_result result; /* of the qualifier */
	struct ip ip; /* ip4, ip6 */
	uint8_t bits4, bits6; /* prefix lengths; 32 and 128 by default */
};

struct spf_record {
	struct spf_term *terms;
	size_t n;
	bool has_all;
	const struct spf_macro *redirect, *exp; /* NULL: there is none */
};

/*
 * Parses the whole text, version included. The result holds views of text.
 * Returns 0, AVER_SYNTAX with d saying what and where (also for a record above
 * one of the bounds), or AVER_NOMEM. *out is untouched on failure.
 */
int spf_record_parse(
    struct arena *a, struct str text, struct spf_record *out, struct diag *d);

/*
 * Arena octets that are enough to parse the record in the rdata of a TXT
 * (its length octets do no harm); 0 when that will be refused for its size.
 */
size_t spf_record_memory(struct str rdata);

/* Is text a valid record? 0, AVER_SYNTAX with d filled, or AVER_NOMEM. */
int spf_record_check(struct arena *a, struct str text, struct diag *d);

#endif
