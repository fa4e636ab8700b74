/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/inbound/inbound.h"

#include "lib/base/name.h"
#include "lib/inbound/inbound_dmarc.h"

static const char *const budget_names[INBOUND_BUDGET_COUNT] = {
    [INBOUND_WITHIN] = "",
    [INBOUND_HEADER_OCTETS] = "header octets",
    [INBOUND_HEADER_FIELDS] = "header fields",
    [INBOUND_MEMORY] = "memory",
};

const char *
inbound_budget_name(enum inbound_budget b)
{
	return name_of(budget_names, INBOUND_BUDGET_COUNT, (int)b);
}

static struct spf_input
spf_input(const struct inbound *in, enum spf_scope scope)
{
	return (struct spf_input){
	    .ip = in->facts.ip,
	    .scope = scope,
	    .mail_from = in->facts.mail_from,
	    .helo = in->facts.helo,
	    .receiver = in->opt->authserv_id,
	    .now = in->facts.now,
	    .want_explanation = in->opt->want_explanation,
	    .limits = in->opt->spf,
	};
}

void
inbound_begin(struct inbound *in, const struct inbound_options *opt,
    struct arena *arena, struct dns *dns, const struct inbound_facts *facts)
{
	struct spf_input spf;
	struct dname name;

	*in = (struct inbound){
	    .opt = opt, .arena = arena, .dns = dns, .facts = *facts};
	if (facts->exempt)
		return;
	if (opt->methods & INBOUND_IPREV)
		iprev_prefetch(dns, &in->facts.ip);
	if (!(opt->methods & INBOUND_SPF))
		return;
	spf = spf_input(in, SPF_SCOPE_MFROM);
	if (spf_first_name(arena, &spf, &name))
		dns_prefetch(dns, &name, DNS_TXT);
}

static bool
is_about_tls(struct str name)
{
	return str_eq_ci(name, STR("TLS-Required"));
}

bool
inbound_wants_field(const struct inbound *in, struct str name, size_t octets)
{
	const struct inbound_options *o = in->opt;

	if (is_about_tls(name) && octets <= 256)
		return in->headers.n < 2 * o->max_header_fields;
	if (in->facts.exempt)
		return false;
	if (in->headers.n < o->max_header_fields &&
	    octets <= o->max_header_octets &&
	    in->headers.octets <= o->max_header_octets - octets)
		return true;
	/* a second From beyond the budget must not go unseen */
	return octets <= 65536 && in->froms < 2 && from_is_name(name);
}

void
inbound_drop_field(struct inbound *in, enum inbound_budget why)
{
	in->fields_seen++;
	if (in->facts.exempt || in->over != INBOUND_WITHIN)
		return;
	in->over = why;
	if (in->headers.n >= in->opt->max_header_fields)
		in->over = INBOUND_HEADER_FIELDS;
}

static void
add_signature(struct inbound *in, const struct hdr *h)
{
	in->signatures++;
	if (!in->verifier)
		in->verifier = dkim_verifier_new(in->arena, in->opt->engine,
		    &in->opt->dkim, in->facts.now, in->facts.smtputf8);
	if (in->verifier)
		dkim_verifier_field(in->verifier, in->dns, h);
	else
		in->over = INBOUND_MEMORY;
}

/* Also of clients whose mail is not evaluated, and beyond every budget. */
static void
note_tls(struct inbound *in, const struct hdr *h)
{
	if (!is_about_tls(h->name))
		return;
	in->tls_required++;
	if (str_eq_ci(str_trim_fws(h->value), STR("No")))
		in->tls_required_no = true;
}

const char *
inbound_tls_wish(const struct inbound *in)
{
	if (in->facts.requiretls)
		return "requiretls";
	/* RFC 8689 section 4.2.2: at most one, and the only value is No */
	if (in->tls_required == 1 && in->tls_required_no)
		return "tls-required=no";
	return "";
}

/* RFC 8617 section 4.1 */
static bool
is_arc(struct str name)
{
	return str_eq_ci(name, STR("ARC-Seal")) ||
	       str_eq_ci(name, STR("ARC-Message-Signature")) ||
	       str_eq_ci(name, STR("ARC-Authentication-Results"));
}

static void
add_arc(struct inbound *in, const struct hdr *h)
{
	if (!in->arc_verifier)
		in->arc_verifier = arc_verifier_new(in->arena, in->opt->engine,
		    &in->opt->arc, in->facts.now, in->facts.smtputf8);
	if (in->arc_verifier)
		arc_verifier_field(in->arc_verifier, in->dns, h);
	else
		in->over = INBOUND_MEMORY;
}

void
inbound_field(struct inbound *in, struct str raw)
{
	struct hdr h = hdr_of(raw);

	note_tls(in, &h);
	if (!inbound_wants_field(in, h.name, raw.n)) {
		inbound_drop_field(in, INBOUND_HEADER_OCTETS);
		return;
	}
	if (hdr_list_add(&in->headers, in->arena, h)) {
		inbound_drop_field(in, INBOUND_MEMORY);
		return;
	}
	in->fields_seen++;
	in->froms += from_is_name(h.name);
	if (in->opt->methods & INBOUND_DKIM &&
	    str_eq_ci(h.name, STR("DKIM-Signature")))
		add_signature(in, &h);
	else if (in->opt->methods & INBOUND_ARC && is_arc(h.name))
		add_arc(in, &h);
}

bool
inbound_eoh(struct inbound *in)
{
	bool arc, dkim;

	if (in->facts.exempt)
		return false;
	if (from_extract(in->arena, &in->headers, &in->from))
		in->over = INBOUND_MEMORY;
	for (size_t i = 0; in->opt->methods & INBOUND_DMARC &&
			   i < in->from.n_domains && i < INBOUND_AUTHORS_MAX;
	     i++)
		dmarc_prefetch(
		    in->dns, in->from.domains[i], in->opt->discovery);
	dkim = in->verifier && dkim_verifier_eoh(in->verifier);
	arc = in->arc_verifier &&
	      arc_verifier_eoh(in->arc_verifier, in->dns,
		  in->verifier ? dkim_verifier_bodies(in->verifier) : NULL);
	return arc || dkim;
}

void
inbound_body(struct inbound *in, struct str chunk)
{
	in->body_octets += chunk.n;
	if (in->verifier)
		dkim_verifier_body(in->verifier, chunk);
	if (in->arc_verifier)
		arc_verifier_body(in->arc_verifier, chunk);
}

/*
 * With header fields left out the instances a signature covers are unknown
 * (RFC 6376 section 5.4.2 counts from the bottom): none may pass.
 */
static void
refuse_signatures(struct inbound *in)
{
	struct dkim_verdict *v;

	in->n_dkim = 0;
	v = ARENA_ARRAY(in->arena, struct dkim_verdict, 1);
	if (!v || !in->signatures)
		return;
	*v = (struct dkim_verdict){
	    .result = DKIM_PERMERROR, .reason = DKIM_WHY_BUDGET};
	in->dkim = v;
	in->n_dkim = 1;
}

static void
evaluate_spf(struct inbound *in)
{
	struct spf_input input = spf_input(in, SPF_SCOPE_MFROM);

	spf_eval(in->dns, in->arena, &input, &in->spf);
	if (!in->opt->spf_helo || in->spf.used_helo)
		return;
	input = spf_input(in, SPF_SCOPE_HELO);
	input.want_explanation = false;
	spf_eval(in->dns, in->arena, &input, &in->helo);
	in->has_helo = true;
}

static void
evaluate_arc(struct inbound *in)
{
	if (!in->arc_verifier)
		return;
	if (in->over == INBOUND_WITHIN)
		arc_verifier_finish(
		    in->arc_verifier, in->dns, &in->headers, &in->arc);
	else
		in->arc = (struct arc_verdict){
		    .result = ARC_FAIL, .reason = ARC_WHY_BUDGET};
}

static void
evaluate_iprev(struct inbound *in)
{
	if (!(in->opt->methods & INBOUND_IPREV) ||
	    in->facts.ip.family == IP_NONE)
		return;
	iprev_eval(
	    in->dns, in->arena, &in->facts.ip, IPREV_NAMES_DEFAULT, &in->iprev);
	in->has_iprev = true;
}

/*
 * Whoever sends the message chooses whose DNS servers SPF and DKIM ask: slow
 * ones must not eat the time that the author domain's policy needs.
 */
static int64_t
deadline_share(const struct inbound *in, int64_t end, int64_t percent)
{
	return end - in->opt->patience * (100 - percent) / 100;
}

void
inbound_finish(struct inbound *in)
{
	int64_t end;

	if (in->facts.exempt)
		return;
	end = in->dns->deadline;
	in->dns->deadline = deadline_share(in, end, 50);
	if (in->opt->methods & INBOUND_SPF)
		evaluate_spf(in);
	in->dns->deadline = deadline_share(in, end, 80);
	if (in->over != INBOUND_WITHIN)
		refuse_signatures(in);
	else if (in->verifier)
		dkim_verifier_finish(in->verifier, in->dns, &in->headers,
		    &in->dkim, &in->n_dkim);
	evaluate_arc(in);
	in->dns->deadline = end;
	if (in->opt->methods & INBOUND_DMARC)
		inbound_dmarc(in);
	evaluate_iprev(in);
}

void
inbound_received_spf(
    const struct inbound *in, struct buf *out, const char *newline)
{
	struct spf_input input = spf_input(in, SPF_SCOPE_MFROM);

	spf_received(out, &input, &in->spf, newline);
}
