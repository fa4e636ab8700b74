/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* One evaluation under way: its state, its questions, its first failure. */
#ifndef SPF_SPF_CTX_H
#define SPF_SPF_CTX_H

#include "lib/dns/dns.h"
#include "lib/spf/spf.h"
#include "lib/spf/spf_macro.h"
#include "lib/spf/spf_record.h"

enum spf_match { SPF_MATCH_NO, SPF_MATCH_YES, SPF_MATCH_ERROR };

/*
 * A <domain> of check_host(), or a <target-name>. Not to be copied: name.text
 * may be a view of name.room.
 */
struct spf_host {
	struct spf_name name; /* as text, for %{d} */
	struct dname dname;
};

enum spf_ptr_state { SPF_PTR_UNKNOWN, SPF_PTR_VALID, SPF_PTR_INVALID };

/* One name of the client's reverse mapping. */
struct spf_ptr_name {
	struct dname dname;
	enum spf_ptr_state state; /* is the client among its addresses? */
};

/* <sender>: RFC 7208 sections 2.3, 2.4 and 4.3. */
struct spf_identity {
	struct str local;
	struct str domain; /* lower-case A-labels */
};

struct spf_ctx {
	struct dns *dns;
	struct arena *arena;
	const struct spf_input *in;
	struct spf_verdict *out;
	struct spf_identity id;
	struct ip ip; /* of the client, never IPv4-mapped */
	bool ascii_local; /* id.local is ASCII */
	const struct spf_host *host; /* the current <domain> */
	const struct spf_term *term; /* under evaluation, for the detail */
	unsigned depth; /* of includes */
	bool term_void; /* the term had a void lookup */
	bool explaining; /* lookups neither count nor decide */
	bool failed; /* out holds the final result */
	bool asked; /* there was an answer */
	struct buf value; /* of a macro letter */
	struct spf_ptr_name *ptr;
	size_t n_ptr;
	enum dns_status ptr_status; /* of the PTR answer */
	bool ptr_known; /* it was asked for */
};

/*
 * The first failure of an evaluation is the result of the topmost call; later
 * ones change nothing. All answer SPF_MATCH_ERROR. detail is copied in
 * printable ASCII.
 */
enum spf_match spf_ctx_fail(struct spf_ctx *c, enum spf_result result,
    enum spf_reason why, struct str detail);
/* permerror, about the current term or else the current domain. */
enum spf_match spf_ctx_fail_term(struct spf_ctx *c, enum spf_reason why);
/* temperror, about a question whose answer rr is none. */
enum spf_match spf_ctx_fail_dns(struct spf_ctx *c, const struct dns_rrset *rr,
    const struct dname *name, uint16_t type);

/* dns_lookup(). A spent budget fails the evaluation. */
const struct dns_rrset *
spf_ctx_ask(struct spf_ctx *c, const struct dname *name, uint16_t type);
/* Notes a void lookup: SPF_MATCH_NO, or SPF_MATCH_ERROR above the limit. */
enum spf_match spf_ctx_void(struct spf_ctx *c);

/* DNS_A or DNS_AAAA, as the client is. */
uint16_t spf_ctx_addr_type(const struct spf_ctx *c);
/* Is the client within bits of an address in the answer? */
bool spf_ctx_holds_client(
    const struct spf_ctx *c, const struct dns_rrset *rr, unsigned bits);
/*
 * The first max records in the order of their octets (of MX: by preference,
 * then by name). Servers rotate answers: where a limit cuts them, the verdict
 * must not depend on that. NULL when memory is out.
 */
const struct str *spf_ctx_pick(
    struct spf_ctx *c, const struct dns_rrset *rr, size_t max, size_t *n);

#endif
