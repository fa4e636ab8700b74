/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What of a message is recorded for aggregate reports (RFC 9990). */

#include "lib/inbound/inbound.h"

#include <string.h>

#include <openssl/evp.h>

#include "lib/arf/arf.h"
#include "lib/mail/addr.h"

/*
 * RFC 9990 section 3.1.1.9 and the comments of its schema: what was done, also
 * to a message that passed and was refused for something else.
 */
static enum eval_disposition
disposition(const struct inbound *in)
{
	switch (in->action) {
	case POLICY_QUARANTINE:
		return EVAL_DISP_QUARANTINE;
	case POLICY_REJECT:
		return EVAL_DISP_REJECT;
	case POLICY_ACCEPT:
	case POLICY_HEADER:
	case POLICY_TEMPFAIL:
	case POLICY_ACTION_COUNT:
		break;
	}
	if (in->dmarc.result == DMARC_PASS &&
	    in->dmarc.policy != DMARC_POLICY_NONE)
		return EVAL_DISP_PASS;
	return EVAL_DISP_NONE;
}

/* RFC 9990 section 3.1.1.11: which signatures come first when not all fit. */
static int
dkim_rank(const struct inbound *in, const struct dkim_verdict *v)
{
	if (v->result != DKIM_PASS)
		return 3;
	if (arf_aligned(&in->dmarc, DMARC_STRICT, v->domain))
		return 0;
	return arf_aligned(&in->dmarc, DMARC_RELAXED, v->domain) ? 1 : 2;
}

static void
add_dkim(const struct inbound *in, struct evaluation *ev)
{
	for (int rank = 0; rank <= 3; rank++)
		for (size_t i = 0; i < in->n_dkim; i++) {
			const struct dkim_verdict *v = &in->dkim[i];

			if (dkim_rank(in, v) != rank || v->domain.n == 0 ||
			    ev->n_dkim == EVAL_DKIM_MAX)
				continue;
			ev->dkim[ev->n_dkim++] = (struct eval_dkim){
			    v->domain, v->selector, v->result};
		}
}

static void
add_policy(const struct dmarc_verdict *v, struct evaluation *ev)
{
	const struct dmarc_record *r = v->record;

	ev->policy_domain = v->policy_domain;
	ev->p = r->p;
	ev->sp = r->sp;
	ev->np = r->np;
	ev->has_sp = r->has_sp;
	ev->has_np = r->has_np;
	ev->testing = r->testing;
	ev->adkim = r->adkim;
	ev->aspf = r->aspf;
	ev->fo = r->fo;
	ev->discovery = v->discovery;
}

/* An envelope sender of one of our reports (lib/report/verp.h). */
static bool
is_bounce_address(const struct inbound_options *o, struct str rcpt)
{
	struct str local, domain;

	addr_split(rcpt, &local, &domain);
	return o->bounce_local.n && local.n > o->bounce_local.n &&
	       str_starts_ci(local, o->bounce_local) &&
	       local.p[o->bounce_local.n] == o->bounce_delimiter &&
	       str_eq_ci(domain, o->bounce_domain);
}

static bool
is_to_report_address(const struct inbound *in)
{
	const struct inbound_options *o = in->opt;

	for (size_t i = 0; i < in->facts.n_rcpts; i++) {
		if (is_bounce_address(o, in->facts.rcpts[i]))
			return true;
		for (size_t k = 0; k < o->n_report_addresses; k++)
			if (str_eq_ci(
				in->facts.rcpts[i], o->report_addresses[k]))
				return true;
	}
	return false;
}

/* RFC 8460 section 5.3 has a field, RFC 9990 section 3.5.2 a subject. */
static bool
is_report(const struct inbound *in)
{
	const struct hdr *subject = hdr_find(&in->headers, STR("Subject"), 0);

	if (hdr_find(&in->headers, STR("TLS-Report-Domain"), 0))
		return true;
	return subject && str_starts_ci(str_trim_fws(subject->value),
			      STR("Report Domain:"));
}

bool
inbound_is_report_traffic(const struct inbound *in)
{
	return in->facts.mail_from.n == 0 || is_to_report_address(in) ||
	       is_report(in);
}

bool
inbound_evaluation(const struct inbound *in, struct evaluation *out)
{
	const struct dmarc_verdict *v = &in->dmarc;
	struct evaluation *ev = out;

	if (in->facts.exempt || !v->record || v->policy_domain.n == 0)
		return false;
	if (v->result != DMARC_PASS && v->result != DMARC_FAIL)
		return false;
	/* it comes again, and counts then */
	if (in->action == POLICY_TEMPFAIL)
		return false;
	/* not all of it: dkim[] is large and counted by n_dkim */
	memset(ev, 0, offsetof(struct evaluation, dkim));
	ev->n_dkim = 0;
	add_policy(v, ev);
	ev->source_ip = in->facts.ip;
	ev->disposition = disposition(in);
	ev->dkim_aligned = v->dkim_aligned;
	ev->spf_aligned = v->spf_aligned;
	memcpy(ev->reasons, in->outcome.reasons, sizeof(in->outcome.reasons));
	ev->n_reasons = in->outcome.n_reasons;
	ev->header_from = v->from_domain;
	if (in->facts.mail_from.n)
		ev->envelope_from = in->spf.domain;
	ev->envelope_to = in->facts.rcpt_domain;
	add_dkim(in, ev);
	ev->has_spf = in->spf.domain.n > 0;
	ev->spf_domain = in->spf.domain;
	ev->spf_result = in->spf.result;
	/*
	 * It comes along in a report and never causes one. That a domain is
	 * one we never had a good exchange with is for the store to say.
	 */
	ev->optional = inbound_is_report_traffic(in);
	return true;
}

static void
feed(struct buf *b, struct str s)
{
	buf_add_u64(b, s.n);
	buf_add_c(b, ':');
	buf_add(b, str_head(s, 1024));
}

/*
 * The fields a client repeats with the message; the relays before us are
 * the same too, but Received is left out, as our MTA adds one.
 */
void
inbound_fingerprint(const struct inbound *in, uint8_t out[16])
{
	static const struct str names[] = {STR_INIT("From"), STR_INIT("To"),
	    STR_INIT("Subject"), STR_INIT("Date"), STR_INIT("Message-ID")};
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	struct buf b;

	buf_init(&b, in->arena, 16384);
	ip_print(&b, &in->facts.ip);
	feed(&b, in->facts.mail_from);
	feed(&b, in->facts.rcpt_domain);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct hdr *h = hdr_find(&in->headers, names[i], 0);

		feed(&b, h ? h->value : STR_NONE);
	}
	buf_add_u64(&b, in->body_octets);
	/* a digest that fails leaves zeros: only a worse fingerprint */
	EVP_Digest(buf_z(&b), b.n, digest, NULL, in->opt->engine->sha256, NULL);
	memcpy(out, digest, 16);
}
