/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Authentication-Results of one message (RFC 8601, RFC 9989 section 9.1). */

#include "lib/inbound/inbound.h"
#include "lib/mail/addr.h"
#include "lib/mail/authres.h"

/* Results shown for signatures; the rest would only make the field long. */
#define SHOWN_SIGNATURES 50

/* Appends text to a comment under construction, after ", " if need be. */
static void
note(struct buf *b, struct str text)
{
	if (text.n == 0)
		return;
	if (b->n)
		buf_add_z(b, ", ");
	buf_add(b, text);
}

static void
note_dnssec(const struct inbound *in, struct buf *b, bool secure)
{
	if (in->opt->show_dnssec)
		note(b, secure ? STR("dnssec") : STR("no dnssec"));
}

static void
auth(const struct inbound *in, struct authres_writer *w)
{
	if (in->facts.auth_user.n == 0)
		return;
	authres_result(w, "auth", "pass");
	authres_prop_addr(
	    w, "smtp.auth", in->facts.auth_user, in->facts.smtputf8);
}

/* RFC 8601 section 2.7.2: the identity that gave the result, no local-part. */
static void
spf(const struct inbound *in, struct authres_writer *w,
    const struct spf_verdict *v, bool helo)
{
	struct str value = helo ? in->facts.helo : v->domain;
	struct buf b;

	buf_init(&b, in->arena, 1024);
	note(&b, str_from_z(spf_reason_name(v->reason)));
	note(&b, v->detail);
	if (v->result != SPF_NONE || v->secure)
		note_dnssec(in, &b, v->secure);
	authres_result(w, "spf", spf_result_name(v->result));
	authres_comment(w, buf_str(&b));
	if (value.n == 0 && !helo) {
		struct str local;

		addr_split(in->facts.mail_from, &local, &value);
	}
	if (value.n)
		authres_prop(w, helo ? "smtp.helo" : "smtp.mailfrom", value,
		    in->facts.smtputf8);
}

static void
dkim_comment(
    const struct inbound *in, const struct dkim_verdict *v, struct buf *b)
{
	note(b, str_from_z(dkim_reason_name(v->reason)));
	if (v->key_bits) {
		if (b->n)
			buf_add_z(b, ", ");
		buf_addf(b, "%u-bit key", v->key_bits);
	}
	if (v->testing)
		note(b, STR("testing key"));
	if (v->key_bits)
		note_dnssec(in, b, v->secure);
}

#define B_LEAST ((size_t)8)

/*
 * RFC 6008 section 4: of b= the first eight characters, and as many more as
 * tell the signature from every other one of the message.
 */
static struct str
telling_b(const struct inbound *in, const struct dkim_verdict *v)
{
	size_t n = B_LEAST;

	for (size_t i = 0; i < in->n_dkim; i++) {
		struct str other = in->dkim[i].b;
		size_t same = 0;

		if (&in->dkim[i] == v)
			continue;
		while (same < v->b.n && same < other.n &&
		       v->b.p[same] == other.p[same])
			same++;
		if (same >= n)
			n = same + 1;
	}
	return str_head(v->b, n);
}

/* RFC 6008: one result for each signature, told apart by header.b. */
static void
dkim_one(const struct inbound *in, struct authres_writer *w,
    const struct dkim_verdict *v)
{
	struct buf b;
	bool utf8 = in->facts.smtputf8;

	buf_init(&b, in->arena, 512);
	dkim_comment(in, v, &b);
	authres_result(w, "dkim", dkim_result_name(v->result));
	authres_comment(w, buf_str(&b));
	if (v->domain.n)
		authres_prop(w, "header.d", v->domain, utf8);
	if (v->identity.n)
		authres_prop_addr(w, "header.i", v->identity, utf8);
	if (v->selector.n)
		authres_prop(w, "header.s", v->selector, utf8);
	if (v->algorithm != DKIM_ALG_UNKNOWN)
		authres_prop(w, "header.a",
		    str_from_z(dkim_algorithm_name(v->algorithm)), utf8);
	if (v->b.n)
		authres_prop(w, "header.b", telling_b(in, v), utf8);
}

static void
dkim(const struct inbound *in, struct authres_writer *w)
{
	if (in->n_dkim == 0) {
		authres_result(w, "dkim", "none");
		return;
	}
	for (size_t i = 0; i < in->n_dkim && i < SHOWN_SIGNATURES; i++)
		dkim_one(in, w, &in->dkim[i]);
}

static void
dmarc_comment(const struct inbound *in, struct buf *b)
{
	const struct dmarc_record *r = in->dmarc.record;

	if (r) {
		buf_addf(b, "p=%s", dmarc_policy_name(r->p));
		if (r->has_sp)
			buf_addf(b, " sp=%s", dmarc_policy_name(r->sp));
		if (r->has_np)
			buf_addf(b, " np=%s", dmarc_policy_name(r->np));
		if (r->testing)
			buf_add_z(b, " t=y");
	}
	note(b, in->dmarc_why);
	for (size_t i = 0; i < in->outcome.n_reasons; i++) {
		const struct eval_reason *e = &in->outcome.reasons[i];

		note(b, str_from_z(eval_override_name(e->type)));
		if (e->comment.n)
			buf_add_z(b, ": ");
		buf_add(b, e->comment);
	}
	if (in->outcome.situations)
		buf_addf(b, "%saction=%s", b->n ? ", " : "",
		    policy_action_name(in->action));
	if (r)
		note_dnssec(in, b, in->dmarc.secure);
}

static void
dmarc(const struct inbound *in, struct authres_writer *w)
{
	const struct dmarc_verdict *v = &in->dmarc;
	struct buf b;

	buf_init(&b, in->arena, 1024);
	dmarc_comment(in, &b);
	authres_result(w, "dmarc", dmarc_result_name(v->result));
	authres_comment(w, buf_str(&b));
	if (v->from_domain.n)
		authres_prop(
		    w, "header.from", v->from_domain, in->facts.smtputf8);
	/* RFC 9989 section 9.1: after options such as sp, np and t */
	if (v->record)
		authres_prop(w, "policy.dmarc",
		    str_from_z(dmarc_policy_name(
			v->result == DMARC_FAIL ? v->disposition : v->policy)),
		    false);
}

static void
arc(const struct inbound *in, struct authres_writer *w)
{
	struct buf ip;

	if (!in->arc_verifier)
		return;
	buf_init(&ip, in->arena, 64);
	ip_print(&ip, &in->facts.ip);
	authres_result(w, "arc", arc_result_name(in->arc.result));
	authres_comment(w, in->arc.detail);
	/* RFC 8617 section 10 registers these two */
	authres_prop(w, "smtp.remote-ip", buf_str(&ip), false);
	if (in->arc.result == ARC_PASS && in->arc.oldest_known) {
		struct buf n;

		buf_init(&n, in->arena, 32);
		buf_add_u64(&n, in->arc.oldest_pass);
		authres_prop(w, "header.oldest-pass", buf_str(&n), false);
	}
}

/* RFC 8601 section 2.7.3 */
static void
iprev(const struct inbound *in, struct authres_writer *w)
{
	struct buf ip, note_text;

	if (!in->has_iprev)
		return;
	buf_init(&ip, in->arena, 64);
	buf_init(&note_text, in->arena, 512);
	ip_print(&ip, &in->facts.ip);
	note(&note_text, str_from_z(iprev_reason_name(in->iprev.reason)));
	note(&note_text, in->iprev.name);
	authres_result(w, "iprev", iprev_result_name(in->iprev.result));
	authres_comment(w, buf_str(&note_text));
	authres_prop(w, "policy.iprev", buf_str(&ip), false);
}

void
inbound_authres(const struct inbound *in, struct buf *out, const char *newline)
{
	struct authres_writer w;

	authres_begin(&w, out, in->opt->authserv_id, newline);
	authres_comment(&w, str_from_z(inbound_tls_wish(in)));
	auth(in, &w);
	if (!in->facts.exempt) {
		iprev(in, &w);
		spf(in, &w, &in->spf, in->spf.used_helo);
		if (in->has_helo)
			spf(in, &w, &in->helo, true);
		dkim(in, &w);
		arc(in, &w);
		dmarc(in, &w);
	}
	authres_end(&w);
}
