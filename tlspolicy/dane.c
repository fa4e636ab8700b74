/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/dane.h"

#include "lib/base/b64.h"
#include "lib/base/err.h"
#include "lib/base/name.h"

static const char *const fault_names[TLSA_FAULT_COUNT] = {
    [TLSA_USABLE] = "usable",
    [TLSA_SHORT] = "too-short",
    [TLSA_USAGE_PKIX] = "usage-pkix",
    [TLSA_USAGE_UNKNOWN] = "unknown-usage",
    [TLSA_SELECTOR_UNKNOWN] = "unknown-selector",
    [TLSA_MATCHING_UNKNOWN] = "unknown-matching-type",
    [TLSA_DIGEST_LENGTH] = "wrong-digest-length",
    [TLSA_NO_DER] = "no-certificate-or-key",
    [TLSA_WEAKER_DIGEST] = "weaker-digest",
};

static const char *const state_names[DANE_STATE_COUNT] = {
    [DANE_ABSENT] = "absent",
    [DANE_USABLE] = "usable",
    [DANE_UNUSABLE] = "unusable",
    [DANE_FAILED] = "failed",
    [DANE_NO_ADDRESS] = "no-address",
    [DANE_ADDRESS_FAILED] = "address-failed",
    [DANE_UNASKED] = "unasked",
};

static const char *const mx_names[DANE_MX_COUNT] = {
    [DANE_MX_UNASKED] = "unasked",
    [DANE_MX_SECURE] = "secure",
    [DANE_MX_INSECURE] = "insecure",
    [DANE_MX_FAILED] = "failed",
    [DANE_MX_NO_DOMAIN] = "no-domain",
    [DANE_MX_NULL] = "null-mx",
};

static const char *const outcome_names[DANE_OUT_COUNT] = {
    [DANE_OUT_NONE] = "none",
    [DANE_OUT_ONLY] = "dane-only",
    [DANE_OUT_SOME] = "dane",
    [DANE_OUT_UNSURE] = "unsure",
    [DANE_OUT_TEMP] = "temp",
};

const char *
tlsa_fault_name(enum tlsa_fault f)
{
	return name_of(fault_names, TLSA_FAULT_COUNT, (int)f);
}

const char *
dane_state_name(enum dane_state s)
{
	return name_of(state_names, DANE_STATE_COUNT, (int)s);
}

const char *
dane_mx_name(enum dane_mx s)
{
	return name_of(mx_names, DANE_MX_COUNT, (int)s);
}

const char *
dane_outcome_name(enum dane_outcome o)
{
	return name_of(outcome_names, DANE_OUT_COUNT, (int)o);
}

#define DER_BIT_STRING 0x03
#define DER_SEQUENCE 0x30

/* Takes a value with that tag off *s; its contents are *in. */
static bool
take_der(struct str *s, unsigned char tag, struct str *in)
{
	size_t len, head = 2;

	if (s->n < head || (unsigned char)s->p[0] != tag)
		return false;
	len = (unsigned char)s->p[1];
	if (len >= 0x80) {
		size_t octets = len & 0x7f;

		if (octets == 0 || octets > 4 || s->n < head + octets)
			return false;
		len = 0;
		for (size_t i = 0; i < octets; i++)
			len = len << 8 | (unsigned char)s->p[head + i];
		head += octets;
	}
	if (len > s->n - head)
		return false;
	*in = str_head(str_from(*s, head), len);
	*s = str_from(*s, head + len);
	return true;
}

/*
 * What all of s has to be: a Certificate (RFC 5280 section 4.1) is a SEQUENCE
 * of two SEQUENCEs and a BIT STRING, a SubjectPublicKeyInfo one of a SEQUENCE
 * and a BIT STRING. So a certificate where a key should be is none.
 */
static bool
is_certificate_or_key(struct str s, bool is_key)
{
	struct str in, ignored;

	if (!take_der(&s, DER_SEQUENCE, &in) || s.n)
		return false;
	if (!is_key && !take_der(&in, DER_SEQUENCE, &ignored))
		return false;
	return take_der(&in, DER_SEQUENCE, &ignored) &&
	       take_der(&in, DER_BIT_STRING, &ignored) && in.n == 0;
}

static enum tlsa_fault
check_data(const struct tlsa *t)
{
	switch (t->matching) {
	case 0:
		return is_certificate_or_key(t->data, t->selector == 1)
			   ? TLSA_USABLE
			   : TLSA_NO_DER;
	case 1:
		return t->data.n == 32 ? TLSA_USABLE : TLSA_DIGEST_LENGTH;
	case 2:
		return t->data.n == 64 ? TLSA_USABLE : TLSA_DIGEST_LENGTH;
	}
	return TLSA_MATCHING_UNKNOWN;
}

enum tlsa_fault
tlsa_parse(struct str rdata, struct tlsa *out)
{
	if (rdata.n < 4)
		return TLSA_SHORT;
	*out = (struct tlsa){(uint8_t)rdata.p[0], (uint8_t)rdata.p[1],
	    (uint8_t)rdata.p[2], str_from(rdata, 3)};
	/* RFC 7672 section 3.1.3: of no meaning for SMTP; they may, and here
	 * do, count as unusable. */
	if (out->usage < 2)
		return TLSA_USAGE_PKIX;
	if (out->usage > 3)
		return TLSA_USAGE_UNKNOWN;
	if (out->selector > 1)
		return TLSA_SELECTOR_UNKNOWN;
	return check_data(out);
}

void
tlsa_print(struct buf *b, const struct tlsa *t)
{
	buf_addf(b, "%u %u %u ", t->usage, t->selector, t->matching);
	hex_encode(b, t->data);
}

/*
 * RFC 7671 section 9: for each usage and selector, full data and the strongest
 * digest; a weaker one beside it is not used.
 */
static bool
is_outdone(const struct tlsa *v, size_t n, const struct tlsa *t)
{
	if (t->matching != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (v[i].usage == t->usage && v[i].selector == t->selector &&
		    v[i].matching == 2)
			return true;
	return false;
}

static size_t
keep_strongest(struct tlsa *v, size_t n)
{
	size_t kept = 0;

	/* what outdoes a record is never dropped itself, so the part that is
	 * compacted already still holds it, or the part ahead does */
	for (size_t i = 0; i < n; i++)
		if (!is_outdone(v, kept, &v[i]) &&
		    !is_outdone(v + i, n - i, &v[i]))
			v[kept++] = v[i];
	return kept;
}

static int
set_failed(struct dane_host *h, struct str why, int err)
{
	h->state = DANE_FAILED;
	h->tlsa = NULL;
	h->n_tlsa = 0;
	h->why = why;
	return err;
}

/* The records of a secure answer: those of use, or all when none is. */
static int
take_records(struct arena *a, const struct dns_rrset *rr, struct dane_host *h)
{
	size_t n = rr->n < TLSA_RECORDS_MAX ? rr->n : TLSA_RECORDS_MAX;
	struct tlsa *good = ARENA_ARRAY(a, struct tlsa, n);
	struct tlsa *all = ARENA_ARRAY(a, struct tlsa, n);
	size_t n_good = 0, n_all = 0;

	for (size_t i = 0; good && all && i < n; i++) {
		struct str copy = arena_dup(a, rr->rdata[i]);
		enum tlsa_fault f = tlsa_parse(copy, &all[n_all]);

		if (f == TLSA_USABLE)
			good[n_good++] = all[n_all];
		n_all += f != TLSA_SHORT;
	}
	if (arena_failed(a))
		return set_failed(h, STR("out of memory"), AVER_NOMEM);
	n_good = keep_strongest(good, n_good);
	h->state = n_good ? DANE_USABLE : DANE_UNUSABLE;
	h->tlsa = n_good ? good : all;
	h->n_tlsa = n_good ? n_good : n_all;
	h->why = STR_NONE;
	return 0;
}

/* RFC 7672 section 2.2: what the answer means for the host. */
int
dane_host_tlsa(struct arena *a, const struct dns_rrset *rr, struct dane_host *h)
{
	switch (rr->status) {
	case DNS_OK:
		if (rr->secure)
			return take_records(a, rr, h);
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		/* secure or not: no error, and no record */
		break;
	case DNS_TEMP:
	case DNS_BOGUS:
	case DNS_STATUS_COUNT:
		/* RFC 7672 section 2.1.1: bogus is an error like any other */
		return set_failed(h,
		    rr->why && rr->why[0]
			? arena_dup(a, str_from_z(rr->why))
			: str_from_z(dns_status_name(rr->status)),
		    0);
	}
	h->state = DANE_ABSENT;
	h->tlsa = NULL;
	h->n_tlsa = 0;
	h->why = STR_NONE;
	return 0;
}

static void
count_host(struct dane_verdict *v, const struct dane_host *h)
{
	switch (h->state) {
	case DANE_ABSENT:
		v->absent++;
		break;
	case DANE_USABLE:
		v->usable++;
		break;
	case DANE_UNUSABLE:
		v->unusable++;
		break;
	case DANE_FAILED:
		/* the most telling culprit: a TLSA lookup that failed */
		if (v->failed++ == 0)
			v->culprit = h;
		break;
	case DANE_NO_ADDRESS:
		v->no_address++;
		break;
	case DANE_UNASKED:
		v->unasked++;
		break;
	case DANE_ADDRESS_FAILED:
	case DANE_STATE_COUNT:
		v->address_failed++;
		if (!v->culprit)
			v->culprit = h;
		break;
	}
}

/*
 * RFC 7672 section 2.2: the outcome is one for each host. The MTA looks hosts
 * up itself, so the level for the domain must only be strict enough for each.
 * Hosts without an address do not count: no mail goes there (RFC 7672 section
 * 2.2.1: other hosts may be used when the addresses of one fail).
 */
static enum dane_outcome
weigh(const struct dane_verdict *v, bool mx_is_secure)
{
	size_t with = v->usable + v->unusable;

	if (with + v->absent + v->failed == 0)
		return v->address_failed ? DANE_OUT_TEMP : DANE_OUT_NONE;
	if (!mx_is_secure)
		return with + v->failed ? DANE_OUT_SOME : DANE_OUT_NONE;
	if (v->usable && v->unusable + v->absent + v->failed == 0)
		return DANE_OUT_ONLY;
	if (with)
		return DANE_OUT_SOME;
	return v->failed ? DANE_OUT_UNSURE : DANE_OUT_NONE;
}

void
dane_decide(enum dane_mx mx, const struct dane_host *hosts, size_t n,
    struct dane_verdict *out)
{
	*out = (struct dane_verdict){.outcome = DANE_OUT_NONE};
	for (size_t i = 0; i < n; i++)
		count_host(out, &hosts[i]);
	switch (mx) {
	case DANE_MX_SECURE:
	case DANE_MX_INSECURE:
		out->is_shaky = out->failed || out->address_failed;
		out->outcome = weigh(out, mx == DANE_MX_SECURE);
		break;
	case DANE_MX_FAILED:
		out->outcome = DANE_OUT_TEMP;
		break;
	case DANE_MX_UNASKED:
	case DANE_MX_NO_DOMAIN:
	case DANE_MX_NULL:
	case DANE_MX_COUNT:
		break;
	}
}
