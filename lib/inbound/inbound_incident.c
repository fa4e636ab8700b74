/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/inbound/inbound_incident.h"

#include "lib/arf/arf.h"
#include "lib/dns/rdata.h"

/* RFC 9991 section 2, RFC 6650 section 6 */
static bool
may_report(const struct inbound *in)
{
	const struct hdr *type = hdr_find(&in->headers, STR("Content-Type"), 0);

	return !in->facts.exempt && in->action != POLICY_TEMPFAIL &&
	       in->dmarc.record && in->dmarc.policy_domain.n &&
	       !inbound_is_report_traffic(in) &&
	       !(type && arf_is_report(type->value));
}

/* What the owner of an SPF record wants to know of (fo=s). */
static bool
is_spf_failure(const struct inbound *in)
{
	switch (in->spf.result) {
	case SPF_FAIL:
	case SPF_SOFTFAIL:
	case SPF_PERMERROR:
		return true;
	case SPF_NONE:
	case SPF_NEUTRAL:
	case SPF_PASS:
	case SPF_TEMPERROR:
	case SPF_RESULT_COUNT:
		break;
	}
	return false;
}

static bool
is_dkim_failure(const struct dkim_verdict *v)
{
	return v->result == DKIM_FAIL || v->result == DKIM_PERMERROR;
}

/* The first signature that failed, an aligned one before others. */
static enum dkim_reason
failed_signature(const struct inbound *in)
{
	enum { ALIGNED, ANY, END };

	for (int pass = ALIGNED; pass < END; pass++)
		for (size_t i = 0; i < in->n_dkim; i++)
			if (is_dkim_failure(&in->dkim[i]) &&
			    (pass == ANY ||
				arf_aligned(&in->dmarc, in->dmarc.record->adkim,
				    in->dkim[i].domain)))
				return in->dkim[i].reason;
	return DKIM_WHY_NONE;
}

static enum arf_delivery
delivery_of(enum policy_action a)
{
	switch (a) {
	case POLICY_QUARANTINE:
		return ARF_SPAM;
	case POLICY_REJECT:
	case POLICY_TEMPFAIL:
		return ARF_REJECT;
	case POLICY_ACCEPT:
	case POLICY_HEADER:
	case POLICY_ACTION_COUNT:
		break;
	}
	return ARF_DELIVERED;
}

/* RFC 7208 section 4.5: "v=spf1", then a space or nothing */
static bool
is_spf_record(struct str text)
{
	static const struct str version = STR_INIT("v=spf1");

	return str_starts_ci(text, version) &&
	       (text.n == version.n || text.p[version.n] == ' ');
}

/* The record that SPF was evaluated by, once more; empty when it is not there
 * any more. */
static struct str
spf_record(const struct inbound *in)
{
	const struct dns_rrset *rr;
	struct dname name;
	struct str text;

	if (!in->dns || !dname_from_text(in->spf.domain, &name))
		return STR_NONE;
	rr = dns_lookup(in->dns, &name, DNS_TXT);
	for (size_t i = 0; rr->status == DNS_OK && i < rr->n; i++)
		if (rdata_txt(in->arena, rr->rdata[i], &text) &&
		    is_spf_record(text))
			return text;
	return STR_NONE;
}

static void
add_spf(const struct inbound *in, struct arf_incident *out)
{
	out->has_spf = in->spf.domain.n > 0;
	if (!out->has_spf)
		return;
	out->spf_domain = in->spf.domain;
	out->spf_result = in->spf.result;
	out->spf_aligned =
	    arf_aligned(&in->dmarc, in->dmarc.record->aspf, in->spf.domain);
	if (in->spf.result != SPF_PASS &&
	    (out->spf_aligned || out->failure == ARF_SPF))
		out->spf_record = spf_record(in);
}

static void
add_dkim(const struct inbound *in, struct arf_incident *out)
{
	for (size_t i = 0; i < in->n_dkim && out->n_dkim < ARF_DKIM_MAX; i++) {
		const struct dkim_verdict *v = &in->dkim[i];

		if (v->domain.n == 0)
			continue;
		out->dkim[out->n_dkim++] = (struct arf_dkim){v->domain,
		    v->selector, v->identity, v->result,
		    arf_aligned(
			&in->dmarc, in->dmarc.record->adkim, v->domain)};
	}
}

static bool
is_kept(const struct inbound_options *o, struct str name)
{
	for (size_t i = 0; i < o->n_failure_headers; i++)
		if (str_eq_ci(name, o->failure_headers[i]))
			return true;
	return false;
}

static void
add_fields(const struct inbound *in, struct arf_incident *out)
{
	for (size_t i = 0; i < in->headers.n; i++)
		if (out->n_fields < ARF_FIELDS_MAX &&
		    is_kept(in->opt, in->headers.v[i].name))
			out->fields[out->n_fields++] = in->headers.v[i].raw;
}

bool
inbound_incident(const struct inbound *in, struct arf_incident *out)
{
	const struct dmarc_verdict *v = &in->dmarc;
	enum arf_failure failure;

	if (!may_report(in) ||
	    !arf_wanted(v, in->spf.domain.n && is_spf_failure(in),
		failed_signature(in), &failure))
		return false;
	*out = (struct arf_incident){
	    .time = in->facts.now,
	    .source_ip = in->facts.ip,
	    .source_port = in->facts.port,
	    .reporter = in->opt->authserv_id,
	    .policy_domain = v->policy_domain,
	    .from_domain = v->from_domain,
	    .failure = failure,
	    .delivery = delivery_of(in->action),
	    .dmarc = v->result,
	    .policy = v->policy,
	    .mail_from = in->facts.mail_from,
	};
	/* of several recipients the first (RFC 7489 section 7.3) */
	if (in->facts.n_rcpts)
		out->rcpt_to = in->facts.rcpts[0];
	add_spf(in, out);
	add_dkim(in, out);
	add_fields(in, out);
	return true;
}
