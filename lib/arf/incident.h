/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What is kept of a message that may become a DMARC failure report (RFC 9991):
 * facts, results, and the header fields that the operator listed; never
 * anything of the body. Nothing is redacted yet: that is done with the site's
 * key when a report is written (lib/arf/arf.h).
 */
#ifndef ARF_INCIDENT_H
#define ARF_INCIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim.h"
#include "lib/dmarc/dmarc.h"
#include "lib/spf/spf.h"

/* RFC 6591 section 3.3, RFC 9991 section 4: Auth-Failure */
enum arf_failure {
	ARF_DMARC,
	ARF_SIGNATURE, /* DKIM: b= */
	ARF_BODYHASH, /* DKIM: bh= */
	ARF_REVOKED, /* DKIM: the key */
	ARF_SPF,
	ARF_FAILURE_COUNT
};

/* RFC 6591 section 3.2.2: Delivery-Result */
enum arf_delivery {
	ARF_DELIVERED,
	ARF_SPAM, /* quarantined */
	ARF_REJECT,
	ARF_DELIVERY_COUNT
};

const char *arf_failure_name(enum arf_failure f); /* "dmarc" ... */
const char *arf_delivery_name(enum arf_delivery d); /* "delivered" ... */

#define ARF_DKIM_MAX 8
#define ARF_FIELDS_MAX 20
#define ARF_NAME_MAX ((size_t)255) /* octets of most strings */
#define ARF_LONG_MAX ((size_t)2048) /* of spf_record and of a field */
/* Octets of an encoded incident; what the store takes is more. */
#define ARF_INCIDENT_MAX ((size_t)61440)

struct arf_dkim {
	struct str domain, selector, identity;
	enum dkim_result result;
	bool aligned; /* d= is in line with the author domain */
};

struct arf_incident {
	int64_t time; /* of arrival, seconds since the epoch */
	struct ip source_ip;
	uint16_t source_port; /* 0: not known */
	struct str reporter; /* authserv-id */
	struct str policy_domain, from_domain;
	enum arf_failure failure;
	enum arf_delivery delivery;
	enum dmarc_result dmarc;
	enum dmarc_policy policy; /* published for from_domain */
	struct str mail_from; /* envelope; empty: null reverse-path */
	struct str rcpt_to; /* the first recipient */
	bool has_spf;
	bool spf_aligned; /* the domain is in line with the author's */
	struct str spf_domain;
	struct str spf_record; /* as it was found; may be empty */
	enum spf_result spf_result;
	struct arf_dkim dkim[ARF_DKIM_MAX];
	size_t n_dkim;
	struct str fields[ARF_FIELDS_MAX]; /* "Name: value" without last CRLF */
	size_t n_fields;
};

/*
 * Appends the canonical octets (versioned): equal incidents have equal octets.
 * Longer strings are cut, what is above the numbers is left out; fields are
 * left out from the last on until ARF_INCIDENT_MAX holds.
 */
void arf_incident_encode(struct buf *b, const struct arf_incident *in);
/*
 * The inverse; strings are views of octets. AVER_SYNTAX for anything that
 * arf_incident_encode() did not write, a newer version included.
 */
int arf_incident_decode(struct str octets, struct arf_incident *out);

#endif
