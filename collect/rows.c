/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "collect/rows.h"

#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/tlsrpt/tlsrpt_codec.h"

#define DAY 86400
#define NAME_MAX_OCTETS ((size_t)253)
#define LABEL_MAX ((size_t)63)

bool
rows_is_name(struct str s)
{
	size_t label = 0;

	if (s.n == 0 || s.n > NAME_MAX_OCTETS)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if ((!chars_is(c, CH_LDH) && c != '_') ||
		    (c >= 'A' && c <= 'Z') || ++label > LABEL_MAX)
			return false;
	}
	return label > 0;
}

static void
add_row(struct rows *r, struct str policy_domain, struct str recipient,
    struct str policy, struct str detail, bool failed)
{
	struct store_tls_result row = {
	    .day = r->time - r->time % DAY,
	    .policy_domain = policy_domain,
	    .recipient_domain = recipient,
	    .policy = policy,
	    .detail = detail,
	    .success = !failed,
	    .failure = failed,
	    .wanted = r->wanted,
	};

	if (tally_add(r->tally, &row))
		r->cut++;
}

/* RFC 8460 section 1.1: where DANE was in force, also for the mail host. */
static void
add_policy(struct rows *r, struct str recipient, const struct tlsrpt_policy *p,
    struct str policy, struct str detail, bool failed)
{
	add_row(r, recipient, recipient, policy, detail, failed);
	if (str_eq(p->type, str_from_z(tlsrpt_policy_name(TLSRPT_TLSA))) &&
	    rows_is_name(p->domain) && !str_eq(p->domain, recipient))
		add_row(r, p->domain, recipient, policy, detail, failed);
}

static struct str
encode_policy(struct rows *r, const struct tlsrpt_policy *p)
{
	struct buf b;

	buf_init(&b, r->arena, TLSRPT_POLICY_OCTETS_MAX);
	tlsrpt_policy_encode(&b, p);
	return buf_str(&b);
}

static struct str
encode_failure(struct rows *r, const struct tlsrpt_failure *f)
{
	struct buf b;

	buf_init(&b, r->arena, STORE_TLS_DETAIL_MAX);
	tlsrpt_failure_encode(&b, f);
	return buf_str(&b);
}

static void
see(struct rows *r, struct str domain, struct str mx, enum store_offer starttls,
    enum store_offer requiretls)
{
	struct store_sighting x = {domain, mx, r->time, starttls, requiretls};

	if (rows_is_name(domain) && rows_is_name(mx))
		(void)tally_see(r->tally, &x);
}

/* ---- datagrams ---------------------------------------------------------- */

static void
add_datagram_policy(
    struct rows *r, struct str domain, const struct tlsrpt_policy *given)
{
	struct tlsrpt_policy p = *given;
	struct str policy;
	size_t n = p.n_failures;

	if (p.domain.n == 0)
		p.domain = domain;
	policy = encode_policy(r, &p);
	if (policy.n == 0) {
		r->cut++;
		return;
	}
	if (n == 0)
		add_policy(r, domain, &p, policy, STR_NONE, p.failed > 0);
	if (n > ROWS_FAILURES_MAX) {
		r->cut += n - ROWS_FAILURES_MAX;
		n = ROWS_FAILURES_MAX;
	}
	for (size_t i = 0; i < n; i++)
		add_policy(r, domain, &p, policy,
		    encode_failure(r, &p.failures[i]), true);
	/* a session under DANE that went well was encrypted */
	if (p.failed == 0 &&
	    str_eq(p.type, str_from_z(tlsrpt_policy_name(TLSRPT_TLSA))))
		see(r, domain, p.domain, STORE_OFFERED, STORE_OFFER_UNKNOWN);
}

static void
see_offer(struct rows *r, struct str domain, const struct tlsrpt_offer *o)
{
	enum store_offer starttls = STORE_OFFER_UNKNOWN;
	enum store_offer requiretls = STORE_OFFER_UNKNOWN;

	if (o->starttls || o->requiretls)
		starttls = STORE_OFFERED;
	if (o->requiretls)
		requiretls = STORE_OFFERED;
	/* RFC 8689 section 2: without TLS there is no REQUIRETLS */
	if (o->lacks_starttls)
		starttls = requiretls = STORE_NOT_OFFERED;
	if (starttls != STORE_OFFER_UNKNOWN)
		see(r, domain, o->mx, starttls, requiretls);
}

int
rows_of_datagram(struct rows *r, const struct tlsrpt_datagram *d)
{
	if (!rows_is_name(d->domain))
		return AVER_SYNTAX;
	for (size_t i = 0; i < d->n_policies; i++)
		add_datagram_policy(r, d->domain, &d->policies[i]);
	for (size_t i = 0; i < d->n_offers; i++)
		see_offer(r, d->domain, &d->offers[i]);
	return 0;
}

/* ---- logs --------------------------------------------------------------- */

static bool
has_policy(const struct tlsrpt_policy *p)
{
	return p->type.n && !str_eq(p->type, str_from_z(tlsrpt_policy_name(
						 TLSRPT_NO_POLICY_FOUND)));
}

/*
 * The result of a session. In clear although there is a policy: the host had
 * no STARTTLS, whatever the MTA made of it (MTA-STS in test, DANE switched
 * off). False: there is nothing to tell, as Postfix 3.10 and later tell
 * nothing of a session in clear that was not to be encrypted.
 */
static bool
result_of(const struct postfix_event *e, const struct tlsrpt_policy *p,
    enum tlsrpt_result *out)
{
	*out = e->result;
	if (e->result != TLSRPT_SUCCESS || e->level != POSTFIX_CLEAR)
		return true;
	*out = TLSRPT_STARTTLS_NOT_SUPPORTED;
	return has_policy(p);
}

static void
add_failure(struct rows *r, struct str recipient, const struct tlsrpt_policy *p,
    struct str policy, enum tlsrpt_result result, struct str mx, struct str ip,
    struct str reason)
{
	struct tlsrpt_failure f = {
	    .result_type = str_from_z(tlsrpt_result_name(result)),
	    .receiving_mx_hostname = tlsrpt_name(r->arena, mx),
	    .receiving_ip = tlsrpt_ip(r->arena, ip),
	    .reason_code = tlsrpt_text(r->arena, reason),
	};

	add_policy(r, recipient, p, policy, encode_failure(r, &f), true);
}

static void
see_event(struct rows *r, const struct postfix_event *e, struct str domain)
{
	struct str mx = tlsrpt_name(r->arena, e->mx);

	if (e->kind == POSTFIX_EVENT_OFFER || e->level != POSTFIX_CLEAR)
		see(r, domain, mx, STORE_OFFERED, STORE_OFFER_UNKNOWN);
	else if (e->lacks_starttls)
		see(r, domain, mx, STORE_NOT_OFFERED, STORE_NOT_OFFERED);
}

unsigned
rows_of_event(struct rows *r, const struct postfix_event *e,
    const struct tlsrpt_policy *p)
{
	struct str domain = tlsrpt_name(r->arena, e->domain), policy;
	enum tlsrpt_result result;

	if (!rows_is_name(domain))
		return 0;
	see_event(r, e, domain);
	if (e->kind == POSTFIX_EVENT_OFFER || !result_of(e, p, &result))
		return 0;
	policy = encode_policy(r, p);
	if (policy.n == 0) {
		r->cut++;
		return 0;
	}
	if (result == TLSRPT_SUCCESS)
		add_policy(r, domain, p, policy, STR_NONE, false);
	else
		add_failure(
		    r, domain, p, policy, result, e->mx, e->ip, e->reason);
	return 1;
}

/* ---- findings ----------------------------------------------------------- */

void
rows_of_finding(
    struct rows *r, const struct rows_finding *f, const struct tlsrpt_policy *p)
{
	struct str policy;

	if (!rows_is_name(f->recipient_domain))
		return;
	policy = encode_policy(r, p);
	if (policy.n == 0)
		r->cut++;
	else
		add_failure(r, f->recipient_domain, p, policy, f->result, f->mx,
		    STR_NONE, f->reason);
}
