/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The octets of an incident, version 1. Numbers are big-endian; a string is
 * its length in two octets and then itself.
 *
 *   version    1
 *   time       8 octets
 *   flags      enum flag
 *   enums      failure, delivery, dmarc, policy, spf_result: one octet each
 *   family     0, 4 or 6, then so many octets of address: 0, 4 or 16
 *   port       2 octets
 *   strings    reporter, policy_domain, from_domain, mail_from, rcpt_to,
 *              spf_domain, spf_record
 *   dkim       their number; for each the result, aligned (0, 1), strings
 *              domain, selector, identity
 *   fields     their number; strings
 *
 * Without FLAG_SPF spf_result is 0 and the two strings are empty. Nothing
 * follows.
 */
#include "lib/arf/incident.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/name.h"

#define VERSION 1

enum flag {
	FLAG_SPF = 1 << 0,
	FLAG_SPF_ALIGNED = 1 << 1,
	FLAG_ALL = (1 << 2) - 1,
};

static const char *const failure_names[ARF_FAILURE_COUNT] = {
    [ARF_DMARC] = "dmarc",
    [ARF_SIGNATURE] = "signature",
    [ARF_BODYHASH] = "bodyhash",
    [ARF_REVOKED] = "revoked",
    [ARF_SPF] = "spf",
};

static const char *const delivery_names[ARF_DELIVERY_COUNT] = {
    [ARF_DELIVERED] = "delivered",
    [ARF_SPAM] = "spam",
    [ARF_REJECT] = "reject",
};

const char *
arf_failure_name(enum arf_failure f)
{
	return name_of(failure_names, ARF_FAILURE_COUNT, (int)f);
}

const char *
arf_delivery_name(enum arf_delivery d)
{
	return name_of(delivery_names, ARF_DELIVERY_COUNT, (int)d);
}

/* ---- encoding ----------------------------------------------------------- */

static void
put(struct buf *b, unsigned octet)
{
	buf_add_c(b, (char)(octet & 0xff));
}

static void
put_str(struct buf *b, struct str s, size_t max)
{
	s = str_head(s, max);
	put(b, (unsigned)(s.n >> 8));
	put(b, (unsigned)s.n);
	buf_add(b, s);
}

static void
put_ip(struct buf *b, const struct ip *ip)
{
	size_t n = ip->family == IP_V4 ? 4 : ip->family == IP_V6 ? 16 : 0;

	put(b, n == 16 ? 6 : (unsigned)n);
	buf_add(b, (struct str){(const char *)ip->a, n});
}

static void
put_head(struct buf *b, const struct arf_incident *in)
{
	put(b, VERSION);
	for (int shift = 56; shift >= 0; shift -= 8)
		put(b, (unsigned)((uint64_t)in->time >> shift));
	put(b, (in->has_spf ? FLAG_SPF : 0) |
		   (in->has_spf && in->spf_aligned ? FLAG_SPF_ALIGNED : 0));
	put(b, in->failure);
	put(b, in->delivery);
	put(b, in->dmarc);
	put(b, in->policy);
	put(b, in->has_spf ? in->spf_result : 0);
	put_ip(b, &in->source_ip);
	put(b, in->source_port >> 8);
	put(b, in->source_port);
	put_str(b, in->reporter, ARF_NAME_MAX);
	put_str(b, in->policy_domain, ARF_NAME_MAX);
	put_str(b, in->from_domain, ARF_NAME_MAX);
	put_str(b, in->mail_from, 2 * ARF_NAME_MAX);
	put_str(b, in->rcpt_to, 2 * ARF_NAME_MAX);
	put_str(b, in->has_spf ? in->spf_domain : STR_NONE, ARF_NAME_MAX);
	put_str(b, in->has_spf ? in->spf_record : STR_NONE, ARF_LONG_MAX);
}

void
arf_incident_encode(struct buf *b, const struct arf_incident *in)
{
	size_t start = b->n, n, count;

	put_head(b, in);
	n = in->n_dkim < ARF_DKIM_MAX ? in->n_dkim : ARF_DKIM_MAX;
	put(b, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		put(b, in->dkim[i].result);
		put(b, in->dkim[i].aligned);
		put_str(b, in->dkim[i].domain, ARF_NAME_MAX);
		put_str(b, in->dkim[i].selector, ARF_NAME_MAX);
		put_str(b, in->dkim[i].identity, 2 * ARF_NAME_MAX);
	}
	count = b->n;
	put(b, 0);
	n = in->n_fields < ARF_FIELDS_MAX ? in->n_fields : ARF_FIELDS_MAX;
	for (size_t i = 0; i < n; i++) {
		size_t size = str_head(in->fields[i], ARF_LONG_MAX).n + 2;

		if (b->n - start + size > ARF_INCIDENT_MAX)
			break;
		put_str(b, in->fields[i], ARF_LONG_MAX);
		if (buf_ok(b))
			b->p[count]++;
	}
}

/* ---- decoding ----------------------------------------------------------- */

struct reader {
	struct str in;
	bool bad;
};

static unsigned
take(struct reader *r, unsigned max)
{
	unsigned v;

	if (r->in.n == 0) {
		r->bad = true;
		return 0;
	}
	v = (unsigned char)*r->in.p;
	r->in = str_from(r->in, 1);
	if (v > max)
		r->bad = true;
	return r->bad ? 0 : v;
}

static struct str
take_octets(struct reader *r, size_t n)
{
	struct str s = str_head(r->in, n);

	if (r->in.n < n)
		r->bad = true;
	r->in = str_from(r->in, n);
	return r->bad ? STR_NONE : s;
}

static struct str
take_str(struct reader *r, size_t max)
{
	size_t n = (size_t)take(r, 255) << 8;

	n |= take(r, 255);
	if (n > max)
		r->bad = true;
	return take_octets(r, n);
}

static void
take_ip(struct reader *r, struct ip *ip)
{
	unsigned family = take(r, 6);
	struct str a;

	*ip = (struct ip){.family = IP_NONE};
	if (family == 4)
		ip->family = IP_V4;
	else if (family == 6)
		ip->family = IP_V6;
	else if (family != 0)
		r->bad = true;
	a = take_octets(r, family == 6 ? 16 : family);
	if (a.n)
		memcpy(ip->a, a.p, a.n);
}

static void
take_head(struct reader *r, struct arf_incident *in)
{
	uint64_t time = 0;
	unsigned flags, port;

	if (take(r, 255) != VERSION)
		r->bad = true;
	for (int i = 0; i < 8; i++)
		time = time << 8 | take(r, 255);
	in->time = (int64_t)time;
	flags = take(r, FLAG_ALL);
	in->has_spf = flags & FLAG_SPF;
	in->spf_aligned = flags & FLAG_SPF_ALIGNED;
	in->failure = (enum arf_failure)take(r, ARF_FAILURE_COUNT - 1);
	in->delivery = (enum arf_delivery)take(r, ARF_DELIVERY_COUNT - 1);
	in->dmarc = (enum dmarc_result)take(r, DMARC_RESULT_COUNT - 1);
	in->policy = (enum dmarc_policy)take(r, DMARC_POLICY_COUNT - 1);
	in->spf_result = (enum spf_result)take(r, SPF_RESULT_COUNT - 1);
	take_ip(r, &in->source_ip);
	port = take(r, 255) << 8;
	in->source_port = (uint16_t)(port | take(r, 255));
	in->reporter = take_str(r, ARF_NAME_MAX);
	in->policy_domain = take_str(r, ARF_NAME_MAX);
	in->from_domain = take_str(r, ARF_NAME_MAX);
	in->mail_from = take_str(r, 2 * ARF_NAME_MAX);
	in->rcpt_to = take_str(r, 2 * ARF_NAME_MAX);
	in->spf_domain = take_str(r, ARF_NAME_MAX);
	in->spf_record = take_str(r, ARF_LONG_MAX);
	/* one text for one value */
	if (!in->has_spf && (in->spf_aligned || in->spf_result ||
				in->spf_domain.n || in->spf_record.n))
		r->bad = true;
}

int
arf_incident_decode(struct str octets, struct arf_incident *out)
{
	struct reader r = {.in = octets, .bad = octets.n > ARF_INCIDENT_MAX};
	struct arf_incident in = {.time = 0};

	take_head(&r, &in);
	in.n_dkim = take(&r, ARF_DKIM_MAX);
	for (size_t i = 0; i < in.n_dkim && !r.bad; i++) {
		struct arf_dkim *d = &in.dkim[i];

		d->result = (enum dkim_result)take(&r, DKIM_RESULT_COUNT - 1);
		d->aligned = take(&r, 1);
		d->domain = take_str(&r, ARF_NAME_MAX);
		d->selector = take_str(&r, ARF_NAME_MAX);
		d->identity = take_str(&r, 2 * ARF_NAME_MAX);
	}
	in.n_fields = take(&r, ARF_FIELDS_MAX);
	for (size_t i = 0; i < in.n_fields && !r.bad; i++)
		in.fields[i] = take_str(&r, ARF_LONG_MAX);
	if (r.bad || r.in.n)
		return AVER_SYNTAX;
	*out = in;
	return 0;
}
