/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/report/message.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/mail/addr.h"
#include "lib/mail/date.h"
#include "lib/mail/mime.h"
#include "lib/report/message_text.h"

/* of the header, the text part and what signing takes */
#define SMALL_MAX ((size_t)64 << 10)
#define ARENA_MAX ((size_t)1 << 20)

/* A message being made. */
struct draft {
	const struct report_message *m;
	struct str submitter;
	struct buf header; /* without signatures and empty line */
	struct buf text; /* of the first part */
	char boundary[MIME_BOUNDARY];
	bool utf8_to;
};

/* ---- what goes in ------------------------------------------------------- */

static bool
is_domain(struct str s)
{
	if (s.n == 0 || s.n > 255)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && s.p[i] != '_' && !chars_is(s.p[i], CH_LDH))
			return false;
	return true;
}

static int
check(struct draft *f, struct diag *d)
{
	const struct report_message *m = f->m;

	if (!report_id_ok(m->id))
		return diag_set(d, AVER_SYNTAX, 0, "no report ID: %.*s",
		    STRF(str_head(m->id, 60)));
	if (!is_domain(m->name.policy_domain))
		return diag_set(d, AVER_SYNTAX, 0, "no domain: %.*s",
		    STRF(str_head(m->name.policy_domain, 100)));
	if (!is_domain(f->submitter))
		return diag_set(d, AVER_SYNTAX, 0, "no domain: %.*s",
		    STRF(str_head(f->submitter, 100)));
	if (!mime_address_ok(m->from, false))
		return diag_set(d, AVER_SYNTAX, 0, "no address: %.*s",
		    STRF(str_head(m->from, 100)));
	f->utf8_to = !mime_address_ok(m->to, false);
	if (f->utf8_to && !mime_address_ok(m->to, true))
		return diag_set(d, AVER_SYNTAX, 0, "no address: %.*s",
		    STRF(str_head(m->to, 100)));
	return 0;
}

/* ---- header ------------------------------------------------------------- */

/* RFC 5965 section 2 f: the Subject of what is reported, as forwarded. */
static void
put_failure_subject(struct draft *f)
{
	struct buf *b = &f->header, s;

	buf_init(&s, NULL, SMALL_MAX);
	if (f->m->subject.n) {
		buf_add_z(&s, "FW: ");
		buf_add(&s, str_head(f->m->subject, 900));
	} else {
		buf_addf(&s, "DMARC failure report for %.*s",
		    STRF(f->m->name.policy_domain));
	}
	if (!buf_ok(&s) && !b->err)
		b->err = s.err;
	/* encoded-words stay what they are */
	if (str_is_ascii(buf_str(&s)))
		mime_field(b, STR("Subject"), buf_str(&s));
	else
		mime_field_text(b, STR("Subject"), buf_str(&s));
	buf_fini(&s);
}

static void
put_subject(struct draft *f)
{
	struct buf s;

	if (f->m->name.kind == REPORT_KIND_FAILURE) {
		put_failure_subject(f);
		return;
	}
	buf_init(&s, NULL, SMALL_MAX);
	report_subject(&s, &f->m->name, f->submitter, f->m->id);
	if (!buf_ok(&s) && !f->header.err)
		f->header.err = s.err;
	mime_field(&f->header, STR("Subject"), buf_str(&s));
	buf_fini(&s);
}

static const char *
content_type(enum report_kind k)
{
	switch (k) {
	case REPORT_KIND_FAILURE:
		/* RFC 5965 section 2 */
		return "multipart/report; report-type=feedback-report";
	case REPORT_KIND_TLS:
		/* RFC 8460 section 5.3 */
		return "multipart/report; report-type=tlsrpt";
	case REPORT_KIND_DMARC:
	case REPORT_KIND_COUNT:
		break;
	}
	return "multipart/mixed";
}

static void
put_header(struct draft *f)
{
	const struct report_message *m = f->m;
	struct buf *b = &f->header, type;

	mime_field_mailbox(b, STR("From"), m->from_name, m->from);
	mime_field_mailbox(b, STR("To"), STR_NONE, m->to);
	put_subject(f);
	mime_field_date(b, STR("Date"), m->date);
	buf_addf(
	    b, "Message-ID: <%.*s@%.*s>\r\n", STRF(m->id), STRF(f->submitter));
	/* RFC 3834 section 5: nobody answers this by machine */
	mime_field(b, STR("Auto-Submitted"), STR("auto-generated"));
	if (m->name.kind == REPORT_KIND_TLS) {
		mime_field(b, STR("TLS-Report-Domain"), m->name.policy_domain);
		mime_field(b, STR("TLS-Report-Submitter"), f->submitter);
		/* RFC 8460 section 3: delivered despite TLS failures; RFC 8689
		 * section 5 */
		mime_field(b, STR("TLS-Required"), STR("No"));
	}
	mime_field(b, STR("MIME-Version"), STR("1.0"));
	buf_init(&type, NULL, 1000);
	buf_add_z(&type, content_type(m->name.kind));
	mime_param(&type, STR("boundary"), str_from_z(f->boundary));
	mime_field(b, STR("Content-Type"), buf_str(&type));
	if (!buf_ok(&type) && !b->err)
		b->err = type.err;
	buf_fini(&type);
}

/* ---- body --------------------------------------------------------------- */

static void
put_z(struct mime_sink out, const char *z)
{
	mime_put(out, str_from_z(z));
}

static void
put_delimiter(const struct draft *f, struct mime_sink out, const char *end)
{
	put_z(out, "--");
	put_z(out, f->boundary);
	put_z(out, end);
	put_z(out, "\r\n");
}

/* The rest of a part's header, the empty line and the text. */
static void
put_encoded(struct mime_sink out, struct str text)
{
	bool qp = mime_needs_qp(text);

	put_z(out, "Content-Transfer-Encoding: ");
	put_z(out, qp ? "quoted-printable\r\n\r\n" : "7bit\r\n\r\n");
	if (qp)
		mime_put_qp(out, text);
	else
		mime_put_text(out, text);
}

static const char *
document_type(const struct report_message *m)
{
	/* RFC 8460 section 5.3, RFC 9990 section 3.5.2 */
	if (m->name.kind == REPORT_KIND_TLS)
		return m->gzip ? "application/tlsrpt+gzip"
			       : "application/tlsrpt+json";
	return m->gzip ? "application/gzip" : "text/xml";
}

static int
put_attachment(const struct draft *f, struct mime_sink out)
{
	const struct report_message *m = f->m;
	struct buf name, field;
	int err;

	buf_init(&name, NULL, SMALL_MAX);
	buf_init(&field, NULL, SMALL_MAX);
	report_file_name(&name, &m->name, f->submitter, m->id, m->gzip);
	buf_add_z(&field, "attachment");
	mime_param(&field, STR("filename"), buf_str(&name));
	put_delimiter(f, out, "");
	put_z(out, "Content-Type: ");
	put_z(out, document_type(m));
	put_z(out, "\r\nContent-Transfer-Encoding: base64\r\n"
		   "Content-Disposition: attachment;\r\n ");
	/* the value again, without "attachment; " */
	mime_put(out, str_from(buf_str(&field), 12));
	put_z(out, "\r\n\r\n");
	mime_put_base64(out, m->document);
	err = name.err ? name.err : field.err;
	buf_fini(&field);
	buf_fini(&name);
	return err;
}

/* RFC 5965 section 2: exactly three parts; RFC 9991 appendix A: header fields
 * only */
static void
put_feedback(const struct draft *f, struct mime_sink out)
{
	put_delimiter(f, out, "");
	put_z(out, "Content-Type: message/feedback-report\r\n"
		   "Content-Transfer-Encoding: 7bit\r\n\r\n");
	mime_put_text(out, f->m->feedback);
	put_z(out, "\r\n");
	put_delimiter(f, out, "");
	put_z(out, "Content-Type: text/rfc822-headers; charset=utf-8\r\n");
	put_encoded(out, f->m->headers);
}

static int
put_body(const struct draft *f, struct mime_sink out)
{
	int err = 0;

	put_z(out, "This is a message in MIME format.\r\n\r\n");
	put_delimiter(f, out, "");
	put_z(out, "Content-Type: text/plain; charset=utf-8\r\n");
	put_encoded(out, buf_str(&f->text));
	put_z(out, "\r\n");
	if (f->m->name.kind == REPORT_KIND_FAILURE)
		put_feedback(f, out);
	else
		err = put_attachment(f, out);
	put_z(out, "\r\n");
	put_delimiter(f, out, "--");
	return err;
}

/* ---- signatures --------------------------------------------------------- */

/* The body is made twice: to be hashed and counted, then to be written. */
struct pass {
	struct dkim_signing *s[2];
	size_t octets;
};

static void
hash_and_count(void *to, const char *p, size_t n)
{
	struct pass *pass = to;

	for (int i = 0; i < 2; i++)
		if (pass->s[i])
			dkim_signing_body(pass->s[i], (struct str){p, n});
	pass->octets += n;
}

static int
begin_pass(struct draft *f, struct arena *a, struct pass *pass)
{
	for (int i = 0; i < 2; i++) {
		struct dkim_sign_config c = f->m->sign[i];

		if (!c.key)
			continue;
		c.now = f->m->date;
		pass->s[i] = dkim_signing_new(a, f->m->engine, &c);
		if (!pass->s[i])
			return AVER_NOMEM;
	}
	return put_body(f, (struct mime_sink){hash_and_count, pass});
}

static int
sign(struct draft *f, struct arena *a, const struct pass *pass, struct buf *b)
{
	struct hdr_list fields;
	struct str rest;
	int err;

	err = hdr_split_message(a, buf_str(&f->header), &fields, &rest);
	for (int i = 0; i < 2 && !err; i++)
		if (pass->s[i])
			err = dkim_signing_finish(pass->s[i], &fields, b);
	return err;
}

static int
write_message(struct draft *f, struct arena *a, struct buf *b)
{
	struct pass pass = {.octets = 0};
	struct buf signatures;
	int err;

	buf_init(&signatures, a, SMALL_MAX);
	err = begin_pass(f, a, &pass);
	if (!err)
		err = sign(f, a, &pass, &signatures);
	if (err)
		return err;
	buf_reserve(b, signatures.n + f->header.n + 2 + pass.octets);
	buf_add(b, buf_str(&signatures));
	buf_add(b, buf_str(&f->header));
	buf_add_z(b, "\r\n");
	err = put_body(f, mime_sink_buf(b));
	return err ? err : b->err;
}

int
report_message_write(const struct report_message *m, struct buf *b,
    bool *utf8_to, struct diag *d)
{
	struct draft f = {.m = m, .submitter = m->submitter};
	struct arena a;
	struct str local;
	int err;

	if (f.submitter.n == 0)
		addr_split(m->from, &local, &f.submitter);
	if ((err = check(&f, d)))
		return err;
	arena_init(&a, ARENA_MAX);
	buf_init(&f.header, NULL, SMALL_MAX);
	buf_init(&f.text, NULL, SMALL_MAX);
	mime_boundary(m->id, f.boundary);
	put_header(&f);
	message_text(&f.text, m, f.submitter);
	err = f.header.err ? f.header.err : f.text.err;
	if (!err)
		err = write_message(&f, &a, b);
	if (err == AVER_SYNTAX || err == AVER_CRYPTO)
		diag_set(d, err, 0, "the message could not be signed: %s",
		    aver_err_name(err));
	if (!err && utf8_to)
		*utf8_to = f.utf8_to;
	buf_fini(&f.text);
	buf_fini(&f.header);
	arena_fini(&a);
	return err;
}
