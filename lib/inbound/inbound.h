/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * One inbound message on its way through the evaluators, independent of the
 * MTA: facts in as they arrive, a verdict, the header fields to add and the
 * evaluation to record out. The milter drives it from libmilter's callbacks,
 * `aver eval` from a file. Does no I/O but through the resolver it is given.
 *
 *   inbound_begin -> inbound_field ... -> inbound_eoh -> inbound_body ...
 *                 -> inbound_finish -> inbound_authres, inbound_evaluation
 */
#ifndef INBOUND_INBOUND_H
#define INBOUND_INBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arc/arc.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim.h"
#include "lib/dmarc/dmarc.h"
#include "lib/dns/dns.h"
#include "lib/iprev/iprev.h"
#include "lib/mail/from.h"
#include "lib/mail/hdr.h"
#include "lib/mail/orgdom.h"
#include "lib/policy/policy_action.h"
#include "lib/policy/policy_reply.h"
#include "lib/policy/policy_table.h"
#include "lib/spf/spf.h"
#include "lib/store/evaluation.h"

/* What is evaluated; the milter wants all. DMARC needs SPF and DKIM. */
enum inbound_method {
	INBOUND_SPF = 1 << 0,
	INBOUND_DKIM = 1 << 1,
	INBOUND_DMARC = 1 << 2,
	INBOUND_ARC = 1 << 3,
	INBOUND_IPREV = 1 << 4,
	INBOUND_ALL = INBOUND_SPF | INBOUND_DKIM | INBOUND_DMARC,
};

/* Everything that does not change from message to message. */
struct inbound_options {
	struct str authserv_id; /* RFC 8601 section 2.5; never empty */
	unsigned methods; /* enum inbound_method */
	const struct dkim_engine *engine;
	const struct orgdom *psl; /* NULL unless discovery is DMARC_PSL */
	enum dmarc_discovery discovery;
	struct spf_limits spf;
	struct dkim_limits dkim;
	bool spf_helo; /* evaluate the HELO identity too */
	bool want_explanation; /* exp= of an SPF fail (one more lookup) */
	bool show_dnssec; /* validation is on: say so in comments */
	size_t max_header_octets, max_header_fields;
	int64_t patience; /* milliseconds inbound_finish() may wait for DNS;
	                     the resolver handle's deadline is its end */
	struct arc_limits arc;
	const struct str *arc_trusted; /* sealers' domains, lower case */
	size_t n_arc_trusted;

	struct policy_actions actions;
	/* an invalid From is rejected when a domain that it names wants
	 * quarantine or reject, else marked; actions has no say then */
	bool from_by_policy;
	const struct policy_table *table; /* exceptions; may be NULL */
	bool test_mode; /* say what would be done, and accept */
	struct reply_template dmarc_reply; /* for a DMARC fail */
	struct reply_template reject_reply, tempfail_reply; /* all else */
	const struct str *report_addresses; /* lower case, of ours */
	size_t n_report_addresses;
	/* mail to LOCAL DELIMITER anything @DOMAIN answers our reports */
	struct str bounce_local, bounce_domain;
	char bounce_delimiter;
	const struct str *failure_headers; /* names of fields that are kept */
	size_t n_failure_headers;
};

/* What the SMTP session says of the message. Views live as long as it. */
struct inbound_facts {
	struct ip ip;
	uint16_t port; /* of the client; 0: not known */
	struct str helo;
	struct str mail_from; /* without brackets; empty: null reverse-path */
	struct str rcpt_domain; /* of all recipients, empty if they differ */
	const struct str *rcpts; /* of policy_rcpt_of() */
	size_t n_rcpts;
	bool rcpts_incomplete;
	struct str queue_id; /* for replies; may be empty */
	struct str auth_user; /* SASL login; empty: not authenticated */
	bool exempt; /* trusted network or authenticated */
	bool smtputf8;
	bool requiretls; /* parameter of MAIL, RFC 8689 section 2 */
	unsigned sample; /* 0-99, random: RFC 7489 section 6.6.4 */
	int64_t now; /* seconds since the epoch */
};

/* Why a budget of the whole message ended an evaluation. */
enum inbound_budget {
	INBOUND_WITHIN,
	INBOUND_HEADER_OCTETS,
	INBOUND_HEADER_FIELDS,
	INBOUND_MEMORY,
	INBOUND_BUDGET_COUNT
};

const char *inbound_budget_name(enum inbound_budget b);

struct inbound {
	const struct inbound_options *opt;
	struct arena *arena;
	struct dns *dns;
	struct inbound_facts facts;
	struct hdr_list headers;
	size_t fields_seen;
	unsigned froms; /* From fields kept */
	enum inbound_budget over;
	struct dkim_verifier *verifier;
	size_t signatures;
	struct arc_verifier *arc_verifier; /* NULL: no ARC fields */
	uint64_t body_octets;
	/* RFC 8689 section 3 */
	unsigned tls_required; /* TLS-Required fields */
	bool tls_required_no; /* one that says No */

	/* after inbound_finish() */
	struct from from;
	struct spf_verdict spf, helo;
	bool has_helo;
	const struct dkim_verdict *dkim;
	size_t n_dkim;
	struct arc_verdict arc;
	struct iprev iprev;
	bool has_iprev;
	struct dmarc_verdict dmarc; /* of the domain that decided */
	struct str dmarc_why; /* for logs and comments; may be empty */
	struct policy_outcome outcome; /* of that domain */
	struct policy_decision exception;
	enum policy_action action; /* what is to be done */
	enum policy_action would; /* the same but for test_mode */
	struct str reply; /* "550 5.7.1 text" for reject and tempfail */
};

/*
 * dns: with the message's arena; may be NULL only when facts->exempt. All
 * results live in the arena. Prefetches the SPF record.
 */
void inbound_begin(struct inbound *in, const struct inbound_options *opt,
    struct arena *arena, struct dns *dns, const struct inbound_facts *facts);

/* The next header field, from the top; raw lives as long as the arena. */
void inbound_field(struct inbound *in, struct str raw);
/* True when a field of so many octets would still be kept: else the caller
 * need not copy it and calls inbound_drop_field(). */
bool
inbound_wants_field(const struct inbound *in, struct str name, size_t octets);
/* The next field exists but is not kept: a budget is spent. */
void inbound_drop_field(struct inbound *in, enum inbound_budget why);
/* End of header. True when body octets are wanted. */
bool inbound_eoh(struct inbound *in);
/* Body octets with CRLF line ends, cut anywhere. */
void inbound_body(struct inbound *in, struct str chunk);
/* Evaluates. Waits for DNS up to the deadline of the resolver handle. */
void inbound_finish(struct inbound *in);

/*
 * The value of the Authentication-Results field (RFC 8601), beginning with a
 * space; newline as for authres_begin(). out is empty and has room for at
 * least 64 kB.
 */
void
inbound_authres(const struct inbound *in, struct buf *out, const char *newline);

/* The value of a Received-SPF field (RFC 7208 section 9.1), the same way. */
void inbound_received_spf(
    const struct inbound *in, struct buf *out, const char *newline);

/*
 * The evaluation to record (RFC 9990 section 3.1); false when there is none
 * (exempt, no policy record, no conclusive result).
 */
bool inbound_evaluation(const struct inbound *in, struct evaluation *out);

/*
 * True for mail that must cause no report, or two sites would report on each
 * other's reports for ever: from the null sender, to an address that gets
 * reports, or a report itself.
 */
bool inbound_is_report_traffic(const struct inbound *in);

/*
 * What the message asks of TLS: "requiretls", "tls-required=no" or "". RFC
 * 8689 section 4.1: with REQUIRETLS the field is ignored.
 */
const char *inbound_tls_wish(const struct inbound *in);

/* What stays the same when the client sends the same message again. */
void inbound_fingerprint(const struct inbound *in, uint8_t out[16]);

#endif
