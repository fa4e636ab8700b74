/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arf/arf.h"

#include "lib/arf/redact.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/mail/authres.h"
#include "lib/mail/date.h"
#include "lib/mail/hdr.h"
#include "lib/mail/mime.h"

#define VALUE_MAX ((size_t)16 << 10)

/* A report being written: one scratch buffer for its values. */
struct draft {
	const struct arf_incident *in;
	const struct arf_options *o;
	struct redact redact;
	struct buf value;
	struct buf *out;
	int err;
};

static void
begin(struct draft *f, const struct arf_incident *in,
    const struct arf_options *o, struct buf *out)
{
	*f = (struct draft){.in = in, .o = o, .out = out};
	f->redact.key = o->key;
	buf_init(&f->value, NULL, VALUE_MAX);
	redact_word(&f->redact, in->mail_from);
	redact_word(&f->redact, in->rcpt_to);
	for (size_t i = 0; i < in->n_dkim; i++)
		redact_word(&f->redact, in->dkim[i].identity);
}

static int
end(struct draft *f)
{
	if (!f->err)
		f->err = f->value.err;
	buf_fini(&f->value);
	return f->err ? f->err : f->out->err;
}

static void
note(struct draft *f, int err)
{
	if (err && !f->err)
		f->err = err;
}

/* ---- message/feedback-report -------------------------------------------- */

/* A field of the scratch buffer's value. */
static void
put(struct draft *f, const char *name)
{
	mime_field(f->out, str_from_z(name), buf_str(&f->value));
	note(f, f->value.err);
	buf_clear(&f->value);
}

static void
put_z(struct draft *f, const char *name, const char *z)
{
	buf_add_z(&f->value, z);
	put(f, name);
}

static void
put_str(struct draft *f, const char *name, struct str s)
{
	if (s.n == 0)
		return;
	buf_add(&f->value, s);
	put(f, name);
}

/* RFC 5322 section 3.2.4 */
static void
add_quoted(struct buf *b, struct str s)
{
	buf_add_c(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_c(b, '\\');
		buf_add_c(b, s.p[i]);
	}
	buf_add_c(b, '"');
}

/* The signature that the report is about: one that failed, best an aligned
 * one. NULL: none failed. */
static const struct arf_dkim *
blamed(const struct arf_incident *in, bool aligned)
{
	for (size_t i = 0; i < in->n_dkim; i++)
		if (in->dkim[i].result != DKIM_PASS &&
		    (in->dkim[i].aligned || !aligned))
			return &in->dkim[i];
	return NULL;
}

static bool
has_aligned_pass(const struct arf_incident *in)
{
	for (size_t i = 0; i < in->n_dkim; i++)
		if (in->dkim[i].result == DKIM_PASS && in->dkim[i].aligned)
			return true;
	return false;
}

static bool
is_spf_failed(const struct arf_incident *in)
{
	return in->has_spf && in->spf_aligned && in->spf_result != SPF_PASS;
}

/*
 * RFC 9991 section 4: the mechanisms that failed to authenticate an aligned
 * identity; one without an aligned identifier is not listed. (RFC 7489 section
 * 7.3.1 listed those that succeeded.)
 */
static void
put_alignment(struct draft *f)
{
	bool dkim = !has_aligned_pass(f->in) && blamed(f->in, true);

	if (dkim)
		buf_add_z(&f->value, "dkim");
	if (is_spf_failed(f->in))
		buf_add_z(&f->value, dkim ? ", spf" : "spf");
	if (f->value.n == 0)
		buf_add_z(&f->value, "none");
	put(f, "Identity-Alignment");
}

/* RFC 6591 section 3.1: the result of a single method */
static void
put_authres(struct draft *f)
{
	const struct arf_incident *in = f->in;
	const struct arf_dkim *d = blamed(in, false);
	struct authres_writer w;
	struct buf mail_from;

	authres_begin(&w, &f->value, in->reporter, "\r\n");
	switch (in->failure) {
	case ARF_SPF:
		buf_init(&mail_from, NULL, VALUE_MAX);
		note(f, redact_address(&f->redact, in->mail_from, &mail_from));
		authres_result(&w, "spf", spf_result_name(in->spf_result));
		authres_prop_addr(
		    &w, "smtp.mailfrom", buf_str(&mail_from), false);
		buf_fini(&mail_from);
		break;
	case ARF_SIGNATURE:
	case ARF_BODYHASH:
	case ARF_REVOKED:
		authres_result(
		    &w, "dkim", dkim_result_name(d ? d->result : DKIM_FAIL));
		if (d) {
			authres_prop(&w, "header.d", d->domain, false);
			authres_prop(&w, "header.s", d->selector, false);
		}
		break;
	case ARF_DMARC:
	case ARF_FAILURE_COUNT:
		authres_result(&w, "dmarc", dmarc_result_name(in->dmarc));
		authres_prop(&w, "header.from", in->from_domain, false);
		break;
	}
	authres_end(&w);
	put(f, "Authentication-Results");
}

/* RFC 9991 section 4: REQUIRED for a failure of an aligned identifier */
static void
put_dkim(struct draft *f)
{
	const struct arf_dkim *d = blamed(f->in, true);

	if (!d && (f->in->failure == ARF_SIGNATURE ||
		      f->in->failure == ARF_BODYHASH ||
		      f->in->failure == ARF_REVOKED))
		d = blamed(f->in, false);
	if (!d)
		return;
	put_str(f, "DKIM-Domain", d->domain);
	note(f, redact_address(&f->redact, d->identity, &f->value));
	put(f, "DKIM-Identity");
	put_str(f, "DKIM-Selector", d->selector);
}

/* RFC 6591 section 4: "txt" ":" domain ":" quoted-string */
static void
put_spf(struct draft *f)
{
	const struct arf_incident *in = f->in;

	if (in->spf_record.n == 0 ||
	    (!is_spf_failed(in) && in->failure != ARF_SPF))
		return;
	buf_add_z(&f->value, "txt : ");
	buf_add(&f->value, in->spf_domain);
	buf_add_z(&f->value, " : ");
	add_quoted(&f->value, in->spf_record);
	put(f, "SPF-DNS");
}

/* RFC 5321 section 4.1.3: an address without brackets */
static void
put_source(struct draft *f)
{
	if (f->in->source_ip.family == IP_NONE)
		return;
	if (f->in->source_ip.family == IP_V6)
		buf_add_z(&f->value, "IPv6:");
	ip_print(&f->value, &f->in->source_ip);
	put(f, "Source-IP");
	/* RFC 6692 section 3 */
	if (f->in->source_port) {
		buf_add_u64(&f->value, f->in->source_port);
		put(f, "Source-Port");
	}
}

static void
put_path(struct draft *f, const char *name, struct str address)
{
	buf_add_c(&f->value, '<');
	note(f, redact_address(&f->redact, address, &f->value));
	buf_add_c(&f->value, '>');
	put(f, name);
}

int
arf_feedback(
    const struct arf_incident *in, const struct arf_options *o, struct buf *b)
{
	struct draft f;

	begin(&f, in, o, b);
	/* RFC 5965 section 3.1, RFC 6591 section 3.1: each of these once */
	put_z(&f, "Feedback-Type", "auth-failure");
	put_str(&f, "User-Agent", o->user_agent);
	put_z(&f, "Version", "1");
	put_z(&f, "Auth-Failure", arf_failure_name(in->failure));
	put_authres(&f);
	put_alignment(&f);
	put_str(&f, "Reported-Domain", in->from_domain);
	put_z(&f, "Delivery-Result", arf_delivery_name(in->delivery));
	put_path(&f, "Original-Mail-From", in->mail_from);
	if (in->rcpt_to.n)
		put_path(&f, "Original-Rcpt-To", in->rcpt_to);
	date_print(&f.value, in->time);
	put(&f, "Arrival-Date");
	put_source(&f);
	if (o->reporting_mta.n) {
		buf_add_z(&f.value, "dns; ");
		put_str(&f, "Reporting-MTA", o->reporting_mta);
	}
	if (o->incidents > 1) {
		buf_add_u64(&f.value, o->incidents);
		put(&f, "Incidents");
	}
	put_dkim(&f);
	put_spf(&f);
	return end(&f);
}

/* ---- header fields ------------------------------------------------------ */

static bool
is_listed(const struct arf_options *o, struct str name)
{
	for (size_t i = 0; i < o->n_headers; i++)
		if (str_eq_ci(o->headers[i], name))
			return true;
	return false;
}

/* A name that can stand before a colon; others may hide anything. */
static bool
is_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!chars_is(name.p[i], CH_FTEXT))
			return false;
	return name.n && name.n < 70;
}

static void
put_field(struct draft *f, struct str raw)
{
	struct hdr h = hdr_of(raw);

	if (!is_name(h.name) || !is_listed(f->o, h.name))
		return;
	/* RFC 6376 section 3.5: z= holds copies of other fields */
	if (str_eq_ci(h.name, STR("DKIM-Signature")) &&
	    str_contains_ci(h.value, STR("z=")))
		return;
	note(f, redact_text(&f->redact, h.value, &f->value));
	mime_field_text(f->out, h.name, buf_str(&f->value));
	note(f, f->value.err);
	buf_clear(&f->value);
}

int
arf_headers(
    const struct arf_incident *in, const struct arf_options *o, struct buf *b)
{
	struct draft f;

	begin(&f, in, o, b);
	for (size_t i = 0; i < in->n_fields; i++)
		put_field(&f, in->fields[i]);
	return end(&f);
}

/* ---- both --------------------------------------------------------------- */

int
arf_body(
    const struct arf_incident *in, const struct arf_options *o, struct buf *b)
{
	int err = arf_feedback(in, o, b);

	buf_add_z(b, "\r\n");
	if (!err)
		err = arf_headers(in, o, b);
	return err ? err : b->err;
}

/* Without its line ends. */
static int
unfold(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;

	if (!p)
		return AVER_NOMEM;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' && s.p[i] != '\n')
			p[n++] = s.p[i];
	*out = str_trim_fws((struct str){p, n});
	return 0;
}

int
arf_body_split(struct arena *a, struct str body, struct str *feedback,
    struct str *headers, struct str *subject)
{
	struct hdr_list l;
	const struct hdr *h;
	struct str rest;
	bool cut = false;
	int err = mime_fields(a, body, 100, &l, headers, &cut);

	if (err)
		return err;
	if (l.n == 0 || cut)
		return AVER_SYNTAX;
	/* without the empty line */
	*feedback = str_head(body, body.n - headers->n - 2);
	err = mime_fields(a, *headers, 100, &l, &rest, &cut);
	if (err)
		return err;
	if (rest.n)
		return AVER_SYNTAX;
	*subject = STR_NONE;
	h = hdr_find(&l, STR("Subject"), 0);
	return h ? unfold(a, h->value, subject) : 0;
}
