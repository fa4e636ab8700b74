/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/tlsrpt/postfix_line.h"

#include "lib/base/chars.h"
#include "lib/base/ip.h"
#include "lib/base/name.h"
#include "lib/base/scan.h"

#define HEAD_WORDS 5 /* of "Nov 21 22:41:43 host tag:" */
#define QUEUE_ID_MAX ((size_t)64)

static const char *const level_names[POSTFIX_LEVEL_COUNT] = {
    [POSTFIX_CLEAR] = "clear",
    [POSTFIX_ANONYMOUS] = "anonymous",
    [POSTFIX_UNTRUSTED] = "untrusted",
    [POSTFIX_TRUSTED] = "trusted",
    [POSTFIX_VERIFIED] = "verified",
};

const char *
postfix_level_name(enum postfix_level l)
{
	return name_of(level_names, POSTFIX_LEVEL_COUNT, (int)l);
}

/* --- the head ---------------------------------------------------------- */

static struct str
next_word(struct scan *s)
{
	const char *from;

	while (scan_char(s, ' '))
		;
	from = s->p;
	while (!scan_done(s) && *s->p != ' ')
		s->p++;
	return (struct str){from, (size_t)(s->p - from)};
}

/* "postfix/smtp[123]:", also with more parts; false for any other program. */
static bool
read_tag(struct str tag, struct postfix_line *out)
{
	struct str pid, name;
	uint64_t number;

	name = str_cut(str_head(tag, tag.n - 1), '[', &pid);
	if (pid.n < 2 || pid.p[pid.n - 1] != ']' ||
	    !str_to_u64(str_head(pid, pid.n - 1), UINT32_MAX, &number))
		return false;
	out->pid = (uint32_t)number;
	out->is_proxy = str_ends_ci(name, STR("/tlsproxy"));
	return out->is_proxy || str_ends_ci(name, STR("/smtp"));
}

/*
 * What comes before the message. The first word with a colon at its end is the
 * program, so that nothing in the message of another one is taken for it.
 */
static bool
read_head(struct scan *s, struct postfix_line *out)
{
	const char *stamp_end = s->p;

	for (int i = 0; i < HEAD_WORDS; i++) {
		struct str word = next_word(s);

		if (word.n == 0)
			return false;
		if (word.n > 1 && word.p[word.n - 1] == ':' && i > 0) {
			out->stamp =
			    str_trim((struct str){s->start,
					 (size_t)(stamp_end - s->start)},
				" ");
			return read_tag(word, out) && scan_char(s, ' ');
		}
		/* the host's name is the word before the program */
		if (i > 0)
			stamp_end = word.p;
	}
	return false;
}

/* --- hosts ------------------------------------------------------------- */

static bool
is_host_name(struct str s)
{
	if (s.n == 0 || s.n > 255)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_LDH | CH_TAGNAME) && s.p[i] != '.')
			return false;
	return true;
}

/* NAME "[" ADDRESS "]" [ ":" PORT ], all of text */
static bool
read_host(struct str text, struct postfix_host *out)
{
	struct str rest, port, address, name = str_cut(text, '[', &rest);
	uint64_t number = 0;
	struct ip ip;

	address = str_cut(rest, ']', &port);
	if (!rest.p || !port.p || !is_host_name(name) ||
	    !ip_parse(address, &ip))
		return false;
	if (port.n && (port.p[0] != ':' ||
			  !str_to_u64(str_from(port, 1), 65535, &number)))
		return false;
	*out = (struct postfix_host){name, address, (uint16_t)number};
	return true;
}

/* A host that ends at the literal; the cursor goes behind it. */
static bool
take_host(struct scan *s, struct str end, struct postfix_host *out)
{
	struct str rest = scan_rest(s);

	for (size_t i = 0; i + end.n <= rest.n; i++) {
		if (!str_starts(str_from(rest, i), end))
			continue;
		if (!read_host(str_head(rest, i), out))
			return false;
		s->p += i + end.n;
		return true;
	}
	return false;
}

/* --- lines of the TLS engine ------------------------------------------- */

/* "Untrusted TLS connection established to HOST: TLSv1.3 with cipher ..." */
static bool
read_established(struct scan s, struct postfix_line *out)
{
	static const struct {
		struct str word;
		enum postfix_level level;
	} words[] = {
	    {STR_INIT("Anonymous"), POSTFIX_ANONYMOUS},
	    {STR_INIT("Untrusted"), POSTFIX_UNTRUSTED},
	    {STR_INIT("Trusted"), POSTFIX_TRUSTED},
	    {STR_INIT("Verified"), POSTFIX_VERIFIED},
	};
	struct str word = next_word(&s);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_eq(word, words[i].word))
			continue;
		out->level = words[i].level;
		if (scan_lit(&s, STR(" TLS connection established to ")))
			out->kind = POSTFIX_ESTABLISHED;
		else if (scan_lit(&s, STR(" TLS connection reused to ")))
			out->kind = POSTFIX_REUSED;
		else
			return false;
		if (!take_host(&s, STR(": "), &out->host))
			out->kind = POSTFIX_ODD;
		out->protocol = next_word(&s);
		return true;
	}
	return false;
}

/*
 * The texts of tls_log_verify_error(), and what Postfix itself makes of them
 * in reports. Reasons are those of OpenSSL, with "_" for the space.
 */
static const struct {
	struct str begins;
	enum tlsrpt_result result;
	struct str reason;
} failures[] = {
    {STR_INIT("self-signed certificate"), TLSRPT_VALIDATION_FAILURE,
	STR_INIT("self-signed_certificate")},
    {STR_INIT("self signed certificate"), TLSRPT_VALIDATION_FAILURE,
	STR_INIT("self-signed_certificate")},
    {STR_INIT("untrusted issuer "), TLSRPT_VALIDATION_FAILURE,
	STR_INIT("untrusted_issuer")},
    {STR_INIT("not trusted by local or TLSA policy"),
	TLSRPT_CERTIFICATE_NOT_TRUSTED, STR_INIT("")},
    {STR_INIT("certificate not yet valid"), TLSRPT_VALIDATION_FAILURE,
	STR_INIT("certificate_is_not_yet_valid")},
    {STR_INIT("certificate has expired"), TLSRPT_CERTIFICATE_EXPIRED,
	STR_INIT("")},
    {STR_INIT("not designated for use as "), TLSRPT_VALIDATION_FAILURE,
	STR_INIT("unsuitable_certificate_purpose")},
    {STR_INIT("certificate chain longer than limit"), TLSRPT_VALIDATION_FAILURE,
	STR_INIT("certificate_chain_too_long")},
    {STR_INIT("num=62:"), TLSRPT_CERTIFICATE_HOST_MISMATCH, STR_INIT("")},
    {STR_INIT("external policy failure (sts-policy-fetch-error)"),
	TLSRPT_STS_POLICY_FETCH_ERROR, STR_INIT("")},
    {STR_INIT("external policy failure (sts-policy-invalid)"),
	TLSRPT_STS_POLICY_INVALID, STR_INIT("")},
    {STR_INIT("external policy failure (sts-webpki-invalid)"),
	TLSRPT_STS_WEBPKI_INVALID, STR_INIT("")},
    {STR_INIT("external policy failure "), TLSRPT_VALIDATION_FAILURE,
	STR_INIT("")},
};

static bool
read_certificate(struct scan s, struct postfix_line *out)
{
	scan_lit(&s, STR("server "));
	if (!scan_lit(&s, STR("certificate verification failed for ")))
		return false;
	out->kind = POSTFIX_CERTIFICATE;
	out->result = TLSRPT_CERTIFICATE_NOT_TRUSTED;
	if (!take_host(&s, STR(": "), &out->host))
		out->kind = POSTFIX_ODD;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (str_starts(scan_rest(&s), failures[i].begins)) {
			out->result = failures[i].result;
			out->reason = failures[i].reason;
			break;
		}
	return true;
}

static bool
read_handshake(struct scan s, struct postfix_line *out)
{
	if (!scan_lit(&s, STR("SSL_connect error to ")))
		return false;
	out->kind = take_host(&s, STR(": "), &out->host) ? POSTFIX_HANDSHAKE
							 : POSTFIX_ODD;
	return true;
}

/* "mx.example.org[192.0.2.1]:25: all TLSA records unusable" */
static bool
read_unusable(struct scan s, struct postfix_line *out)
{
	if (!scan_lit(&s, STR("warning: ")) ||
	    !take_host(&s, STR(": all TLSA records unusable"), &out->host))
		return false;
	out->kind = POSTFIX_CERTIFICATE;
	out->result = TLSRPT_TLSA_INVALID;
	out->reason = STR("all-TLSA-records-unusable");
	return true;
}

/* --- lines of smtp(8) about policies ----------------------------------- */

static bool
read_offer(struct scan s, struct postfix_line *out)
{
	struct str rest, name;

	if (!scan_lit(&s, STR("Host offered STARTTLS: [")))
		return false;
	name = str_cut(scan_rest(&s), ']', &rest);
	out->kind = rest.p && rest.n == 0 && is_host_name(name) ? POSTFIX_OFFER
								: POSTFIX_ODD;
	out->host.mx = name;
	return true;
}

/* "TLSRPT: status=success, domain=D, receiving_mx=HOST[, failure_type=...]" */
static bool
read_tlsrpt(struct scan s, struct postfix_line *out)
{
	struct str host, rest;

	if (!scan_lit(&s, STR("TLSRPT: status=")))
		return false;
	scan_until(&s, ',');
	out->kind = POSTFIX_ODD;
	if (!scan_lit(&s, STR(", domain=")))
		return true;
	out->domain = scan_until(&s, ',');
	if (!scan_lit(&s, STR(", receiving_mx=")))
		return true;
	host = str_cut(scan_rest(&s), ',', &rest);
	if (is_host_name(out->domain) && read_host(host, &out->host))
		out->kind = POSTFIX_TLSRPT;
	return true;
}

static bool
read_pattern(struct scan s, struct postfix_line *out)
{
	if (!scan_lit(&s, STR("warning: MX name '")))
		return false;
	out->kind = POSTFIX_ODD;
	out->host.mx = scan_until(&s, '\'');
	if (!scan_lit(&s, STR("' does not match STS MX pattern for '")))
		return true;
	out->domain = scan_until(&s, '\'');
	out->result = TLSRPT_VALIDATION_FAILURE;
	out->reason = STR("mx-not-in-policy");
	if (scan_lit(&s, STR("'")) && scan_done(&s) &&
	    is_host_name(out->host.mx) && is_host_name(out->domain))
		out->kind = POSTFIX_POLICY;
	return true;
}

/* What dane_init() says of a host that must not be used. */
static const struct {
	struct str begins;
	enum tlsrpt_result result;
	struct str reason;
} policy_failures[] = {
    {STR_INIT("TLSA lookup error for "), TLSRPT_DNSSEC_INVALID,
	STR_INIT("TLSA-lookup-error")},
    {STR_INIT("no TLSA records found"), TLSRPT_DANE_REQUIRED,
	STR_INIT("no-TLSA-records")},
    {STR_INIT("non DNSSEC destination"), TLSRPT_DANE_REQUIRED,
	STR_INIT("no-DNSSEC")},
    {STR_INIT("TLSA records unusable"), TLSRPT_TLSA_INVALID,
	STR_INIT("all-TLSA-records-unusable")},
};

/* "warning: TLS policy lookup for DOMAIN/MX: TEXT" */
static bool
read_policy(struct scan s, struct postfix_line *out)
{
	if (!scan_lit(&s, STR("warning: TLS policy lookup for ")))
		return false;
	out->domain = scan_until(&s, '/');
	scan_char(&s, '/');
	out->host.mx = scan_until(&s, ':');
	if (!scan_lit(&s, STR(": ")) || !is_host_name(out->domain) ||
	    !is_host_name(out->host.mx)) {
		out->kind = POSTFIX_ODD;
		return true;
	}
	for (size_t i = 0;
	     i < sizeof(policy_failures) / sizeof(policy_failures[0]); i++)
		if (str_starts(scan_rest(&s), policy_failures[i].begins)) {
			out->kind = POSTFIX_POLICY;
			out->result = policy_failures[i].result;
			out->reason = policy_failures[i].reason;
			return true;
		}
	return false;
}

/* --- deliveries -------------------------------------------------------- */

/* Replies of the other side never begin like this. */
static enum postfix_trouble
trouble_of(struct str text, struct postfix_host *host)
{
	static const struct str not_offered =
	    STR_INIT("TLS is required, but was not offered by host ");
	static const struct str refused =
	    STR_INIT("TLS is required, but host ");
	struct scan s = scan_of(text);

	if (str_eq(text, STR("Server certificate not verified")))
		return POSTFIX_NOT_VERIFIED;
	if (str_eq(text, STR("Cannot start TLS: handshake failure")))
		return POSTFIX_NO_HANDSHAKE;
	if (scan_lit(&s, not_offered) && read_host(scan_rest(&s), host))
		return POSTFIX_NOT_OFFERED;
	s = scan_of(text);
	if (scan_lit(&s, refused) &&
	    take_host(&s, STR(" refused to start TLS: "), host))
		return POSTFIX_REFUSED;
	return POSTFIX_FINE;
}

static bool
take_queue_id(struct scan *s, struct str *out)
{
	return scan_many(s, CH_ALNUM, out) && out->n <= QUEUE_ID_MAX &&
	       scan_lit(s, STR(": "));
}

/* "ID: Server certificate not verified": on to another host */
static bool
read_skipped(struct scan s, struct postfix_line *out)
{
	if (!take_queue_id(&s, &out->queue_id))
		return false;
	out->trouble = trouble_of(scan_rest(&s), &out->host);
	out->kind = POSTFIX_SKIPPED;
	return out->trouble != POSTFIX_FINE;
}

/* ", NAME=" and what it is worth; no comma in it */
static bool
take_item(struct scan *s, struct str name, struct str *out)
{
	struct scan try = *s;

	if (!scan_lit(&try, STR(", ")) || !scan_lit(&try, name))
		return false;
	*out = scan_until(&try, ',');
	*s = try;
	return out->n > 0;
}

/*
 * From ", relay=" to the end: log_adhoc() of 3.4 to 3.12. The text in
 * parentheses is what the other side says, or what is wrong.
 */
static bool
read_tail(struct str text, struct postfix_line *out)
{
	struct scan s = scan_of(text);
	struct str relay, value, status;
	uint64_t use = 1;

	if (!take_item(&s, STR("relay="), &relay))
		return false;
	if (take_item(&s, STR("conn_use="), &value) &&
	    !str_to_u64(value, 1000000, &use))
		return false;
	if (!take_item(&s, STR("delay="), &value) ||
	    !take_item(&s, STR("delays="), &value))
		return false;
	take_item(&s, STR("tls="), &out->tls);
	if (!take_item(&s, STR("dsn="), &value) ||
	    !scan_lit(&s, STR(", status=")))
		return false;
	status = scan_until(&s, ' ');
	if (!scan_lit(&s, STR(" (")) || scan_done(&s) || s.end[-1] != ')')
		return false;
	value = str_head(scan_rest(&s), scan_rest(&s).n - 1);
	out->conn_use = (unsigned)use;
	out->trouble = trouble_of(value, &out->host);
	if (read_host(relay, &out->host))
		return status.n > 0;
	if (out->trouble == POSTFIX_FINE)
		out->trouble = POSTFIX_NOT_REACHED;
	return str_eq(relay, STR("none"));
}

/*
 * "ID: to=<RCPT>, [orig_to=<...>, ]relay=..., ...". An address may hold what
 * looks like the rest of a line, and so may a reply: when more than one place
 * would do, the line says nothing.
 */
static bool
read_delivery(struct scan s, struct postfix_line *out)
{
	static const struct str mark = STR_INIT(">, relay=");
	struct postfix_line found = {.kind = POSTFIX_OTHER};
	struct str rest, orig;
	size_t places = 0, end = 0;

	if (!take_queue_id(&s, &out->queue_id) || !scan_lit(&s, STR("to=<")))
		return false;
	rest = scan_rest(&s);
	for (size_t i = 0; i + mark.n <= rest.n; i++) {
		struct postfix_line try = {.kind = POSTFIX_DELIVERY};

		if (rest.p[i] != '>' || !str_starts(str_from(rest, i), mark) ||
		    !read_tail(str_from(rest, i + 1), &try))
			continue;
		places++;
		found = try;
		end = i;
	}
	out->kind = places ? POSTFIX_ODD : POSTFIX_OTHER;
	if (places != 1)
		return places > 0;
	found.rcpt = str_head(rest, end);
	for (size_t i = 0; i < end; i++) {
		orig = str_from(found.rcpt, i);
		if (str_starts(orig, STR(">, orig_to=<"))) {
			found.rcpt = str_head(found.rcpt, i);
			break;
		}
	}
	found.stamp = out->stamp;
	found.pid = out->pid;
	found.queue_id = out->queue_id;
	*out = found;
	return true;
}

static const struct {
	bool (*read)(struct scan s, struct postfix_line *out);
} readers[] = {{read_established}, {read_certificate}, {read_handshake},
    {read_unusable}, {read_tlsrpt}, {read_offer}, {read_pattern}, {read_policy},
    {read_delivery}, {read_skipped}};

bool
postfix_line_read(struct str line, struct postfix_line *out)
{
	struct scan s = scan_of(line);
	struct postfix_line head = {.kind = POSTFIX_OTHER};

	*out = head;
	if (line.n > POSTFIX_LINE_MAX || !read_head(&s, &head))
		return false;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		*out = head;
		if (readers[i].read(s, out))
			return out->kind != POSTFIX_OTHER;
	}
	*out = head;
	return false;
}
