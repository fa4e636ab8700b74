/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * DMARC failure reports (RFC 9991) in the Abuse Reporting Format (RFC 5965,
 * RFC 6591): when one is due, and its parts. The mail around them is made by
 * lib/report/message.h.
 */
#ifndef ARF_ARF_H
#define ARF_ARF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arf/incident.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/dmarc/dmarc.h"

/*
 * Whether the owner asks for a report (RFC 9989 section 4.7, ruf and fo; RFC
 * 9991 section 2: never with psd=y), and of what kind. dmarc: pass or fail
 * with its record. spf_fail: SPF was evaluated and did not pass. failed: the
 * signature that is to blame, DKIM_WHY_NONE when all that there are pass.
 */
bool arf_wanted(const struct dmarc_verdict *dmarc, bool spf_fail,
    enum dkim_reason failed, enum arf_failure *out);

/*
 * Whether domain is in line with the author domain of v: by adkim or aspf, on
 * the organizational domain that v found. Where nothing depended on that and v
 * did not look for it, the policy domain stands for it: it is that domain, or
 * the author domain itself.
 */
bool arf_aligned(
    const struct dmarc_verdict *v, enum dmarc_align mode, struct str domain);

/* True when a message says of itself that it is a report or a notification
 * (multipart/report): none is sent about those (RFC 6650 section 6). */
bool arf_is_report(struct str content_type);

/* What a writer needs beside the incident. */
struct arf_options {
	struct str key; /* of redaction, secret */
	struct str user_agent; /* "aver/1.0" */
	struct str reporting_mta; /* host name; may be empty */
	uint32_t incidents; /* alike, this one included; at least 1 */
	const struct str *headers; /* names of fields that may be shown */
	size_t n_headers;
};

/* Appends the octets of the message/feedback-report part, ASCII with CRLF. */
int arf_feedback(
    const struct arf_incident *in, const struct arf_options *o, struct buf *b);
/*
 * Appends the text/rfc822-headers part: the fields of the incident that
 * o->headers still lists, redacted, encoded and folded anew, with CRLF.
 */
int arf_headers(
    const struct arf_incident *in, const struct arf_options *o, struct buf *b);
/*
 * One text for both parts, as the ledger keeps a report: the first, an empty
 * line, the second. Returns 0 or the error of b.
 */
int arf_body(
    const struct arf_incident *in, const struct arf_options *o, struct buf *b);
/*
 * Takes it apart again: *subject is that of the header fields, unfolded, in a;
 * empty when there is none. AVER_SYNTAX when body is none; AVER_NOMEM.
 */
int arf_body_split(struct arena *a, struct str body, struct str *feedback,
    struct str *headers, struct str *subject);

/*
 * Appends octets that are equal for incidents that one report can stand for
 * (Incidents): same client, author domain, kind, results and signatures.
 */
void arf_merge_key(const struct arf_incident *in, struct buf *b);

/* ---- rate --------------------------------------------------------------- */

/*
 * How many incidents an hour are recorded for a policy domain, and for all
 * (RFC 9991 sections 2 and 8.1). A table of fixed size: whoever sends in the
 * name of ever new domains gets at most what is for all. The caller locks.
 */
#define ARF_RATE_SLOTS 1024

struct arf_rate {
	uint64_t seed;
	int64_t hour; /* to which the counts belong */
	uint32_t all;
	uint32_t counts[ARF_RATE_SLOTS]; /* by the domain's hash */
};

/* seed: unknown to senders. */
void arf_rate_init(struct arf_rate *r, uint64_t seed);
/*
 * Counts one more at that time; false when max_domain are there for the domain
 * or max_all in this hour. Domains that share a slot share its count.
 */
bool arf_rate_take(struct arf_rate *r, struct str policy_domain, int64_t now,
    uint32_t max_domain, uint32_t max_all);

#endif
