/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The octets of an evaluation, version 1. One octet each unless said
 * otherwise; a string is its length in one octet and then itself.
 *
 *   version    1
 *   flags      enum flag
 *   policies   p, sp, np in bits 0-1, 2-3, 4-5
 *   modes      adkim bit 0, aspf bit 1, discovery bit 2, disposition bits 4-5
 *   fo
 *   family     0, 4 or 6, then so many octets of address: 0, 4 or 16
 *   strings    policy_domain, header_from, envelope_from, envelope_to
 *   reasons    their number; for each the type, string comment
 *   dkim       their number; for each the result, strings domain, selector
 *   spf        with FLAG_SPF only: the result, string domain
 *
 * Bits without a meaning are 0, and nothing follows: so there is one text for
 * one value.
 */
#include "lib/store/evaluation.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/name.h"

#define VERSION 1
#define STRING_MAX ((size_t)255)
#define FO_ALL (DMARC_FO_0 | DMARC_FO_1 | DMARC_FO_D | DMARC_FO_S)

enum flag {
	FLAG_SP = 1 << 0,
	FLAG_NP = 1 << 1,
	FLAG_TESTING = 1 << 2,
	FLAG_DKIM_ALIGNED = 1 << 3,
	FLAG_SPF_ALIGNED = 1 << 4,
	FLAG_SPF = 1 << 5,
	FLAG_OPTIONAL = 1 << 6,
	FLAG_ALL = (1 << 7) - 1,
};

static const char *const disposition_names[EVAL_DISPOSITION_COUNT] = {
    [EVAL_DISP_NONE] = "none",
    [EVAL_DISP_PASS] = "pass",
    [EVAL_DISP_QUARANTINE] = "quarantine",
    [EVAL_DISP_REJECT] = "reject",
};

static const char *const override_names[EVAL_OVERRIDE_COUNT] = {
    [EVAL_LOCAL_POLICY] = "local_policy",
    [EVAL_MAILING_LIST] = "mailing_list",
    [EVAL_OTHER] = "other",
    [EVAL_POLICY_TEST_MODE] = "policy_test_mode",
    [EVAL_TRUSTED_FORWARDER] = "trusted_forwarder",
};

const char *
eval_disposition_name(enum eval_disposition d)
{
	return name_of(disposition_names, EVAL_DISPOSITION_COUNT, (int)d);
}

const char *
eval_override_name(enum eval_override o)
{
	return name_of(override_names, EVAL_OVERRIDE_COUNT, (int)o);
}

/* ---- encoding ----------------------------------------------------------- */

static void
put(struct buf *b, unsigned octet)
{
	buf_add_c(b, (char)(octet & 0xff));
}

/* Cut at STRING_MAX, before a UTF-8 sequence that would be torn. */
static void
put_str(struct buf *b, struct str s)
{
	size_t n = s.n < STRING_MAX ? s.n : STRING_MAX;

	if (n < s.n)
		while (n > STRING_MAX - 4 && (s.p[n] & 0xc0) == 0x80)
			n--;
	put(b, (unsigned)n);
	buf_add(b, str_head(s, n));
}

static unsigned
flags_of(const struct evaluation *ev)
{
	return (ev->has_sp ? FLAG_SP : 0) | (ev->has_np ? FLAG_NP : 0) |
	       (ev->testing ? FLAG_TESTING : 0) |
	       (ev->dkim_aligned ? FLAG_DKIM_ALIGNED : 0) |
	       (ev->spf_aligned ? FLAG_SPF_ALIGNED : 0) |
	       (ev->has_spf ? FLAG_SPF : 0) |
	       (ev->optional ? FLAG_OPTIONAL : 0);
}

static void
put_ip(struct buf *b, const struct ip *ip)
{
	size_t n = ip->family == IP_V4 ? 4 : ip->family == IP_V6 ? 16 : 0;

	put(b, ip->family == IP_V4 ? 4 : ip->family == IP_V6 ? 6 : 0);
	buf_add(b, (struct str){(const char *)ip->a, n});
}

static void
put_lists(struct buf *b, const struct evaluation *ev)
{
	size_t n =
	    ev->n_reasons < EVAL_REASONS_MAX ? ev->n_reasons : EVAL_REASONS_MAX;

	put(b, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		put(b, ev->reasons[i].type);
		put_str(b, ev->reasons[i].comment);
	}
	n = ev->n_dkim < EVAL_DKIM_MAX ? ev->n_dkim : EVAL_DKIM_MAX;
	put(b, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		put(b, ev->dkim[i].result);
		put_str(b, ev->dkim[i].domain);
		put_str(b, ev->dkim[i].selector);
	}
}

void
evaluation_encode(struct buf *b, const struct evaluation *ev)
{
	put(b, VERSION);
	put(b, flags_of(ev));
	put(b, ev->p | ev->sp << 2 | ev->np << 4);
	put(b, ev->adkim | ev->aspf << 1 | ev->discovery << 2 |
		   ev->disposition << 4);
	put(b, ev->fo);
	put_ip(b, &ev->source_ip);
	put_str(b, ev->policy_domain);
	put_str(b, ev->header_from);
	put_str(b, ev->envelope_from);
	put_str(b, ev->envelope_to);
	put_lists(b, ev);
	if (ev->has_spf) {
		put(b, ev->spf_result);
		put_str(b, ev->spf_domain);
	}
}

/* ---- decoding ----------------------------------------------------------- */

/* A cursor that fails for good: what is read afterwards is 0 or empty. */
struct reader {
	struct str left;
	bool bad;
};

static struct str
get_octets(struct reader *r, size_t n)
{
	struct str s;

	if (r->bad || n > r->left.n) {
		r->bad = true;
		return STR_NONE;
	}
	s = str_head(r->left, n);
	r->left = str_from(r->left, n);
	return s;
}

/* One octet that has to be below limit. */
static unsigned
get(struct reader *r, unsigned limit)
{
	struct str s = get_octets(r, 1);
	unsigned v = s.n ? (unsigned char)s.p[0] : 0;

	if (v < limit)
		return v;
	r->bad = true;
	return 0;
}

/* A field of an octet, of so many bits, that has to be below limit. */
static unsigned
bits(struct reader *r, unsigned octet, unsigned shift, unsigned width,
    unsigned limit)
{
	unsigned v = octet >> shift & ((1u << width) - 1);

	if (v < limit)
		return v;
	r->bad = true;
	return 0;
}

static struct str
get_str(struct reader *r)
{
	return get_octets(r, get(r, STRING_MAX + 1));
}

static void
get_head(struct reader *r, struct evaluation *ev)
{
	unsigned flags, v;

	if (get(r, VERSION + 1) != VERSION)
		r->bad = true;
	flags = get(r, FLAG_ALL + 1);
	ev->has_sp = flags & FLAG_SP;
	ev->has_np = flags & FLAG_NP;
	ev->testing = flags & FLAG_TESTING;
	ev->dkim_aligned = flags & FLAG_DKIM_ALIGNED;
	ev->spf_aligned = flags & FLAG_SPF_ALIGNED;
	ev->has_spf = flags & FLAG_SPF;
	ev->optional = flags & FLAG_OPTIONAL;
	v = get(r, 1u << 6);
	ev->p = bits(r, v, 0, 2, DMARC_POLICY_COUNT);
	ev->sp = bits(r, v, 2, 2, DMARC_POLICY_COUNT);
	ev->np = bits(r, v, 4, 2, DMARC_POLICY_COUNT);
	v = get(r, 1u << 6);
	ev->adkim = bits(r, v, 0, 1, DMARC_ALIGN_COUNT);
	ev->aspf = bits(r, v, 1, 1, DMARC_ALIGN_COUNT);
	ev->discovery = bits(r, v, 2, 2, DMARC_DISCOVERY_COUNT);
	ev->disposition = bits(r, v, 4, 2, EVAL_DISPOSITION_COUNT);
	ev->fo = get(r, FO_ALL + 1);
}

static void
get_ip(struct reader *r, struct ip *out)
{
	unsigned version = get(r, 7);
	enum ip_family family = IP_NONE;
	struct str s;

	if (version == 4)
		family = IP_V4;
	else if (version == 6)
		family = IP_V6;
	else if (version != 0)
		r->bad = true;
	s = get_octets(r, family == IP_V4 ? 4 : family == IP_V6 ? 16 : 0);
	*out =
	    s.n ? ip_from_bytes(family, s.p) : (struct ip){.family = IP_NONE};
}

static void
get_lists(struct reader *r, struct evaluation *ev)
{
	ev->n_reasons = get(r, EVAL_REASONS_MAX + 1);
	for (size_t i = 0; i < ev->n_reasons; i++) {
		ev->reasons[i].type = get(r, EVAL_OVERRIDE_COUNT);
		ev->reasons[i].comment = get_str(r);
	}
	ev->n_dkim = get(r, EVAL_DKIM_MAX + 1);
	for (size_t i = 0; i < ev->n_dkim; i++) {
		ev->dkim[i].result = get(r, DKIM_RESULT_COUNT);
		ev->dkim[i].domain = get_str(r);
		ev->dkim[i].selector = get_str(r);
	}
}

int
evaluation_decode(struct str octets, struct evaluation *out)
{
	struct reader r = {octets, false};
	struct evaluation ev;

	memset(&ev, 0, sizeof(ev));
	get_head(&r, &ev);
	get_ip(&r, &ev.source_ip);
	ev.policy_domain = get_str(&r);
	ev.header_from = get_str(&r);
	ev.envelope_from = get_str(&r);
	ev.envelope_to = get_str(&r);
	get_lists(&r, &ev);
	if (ev.has_spf) {
		ev.spf_result = get(&r, SPF_RESULT_COUNT);
		ev.spf_domain = get_str(&r);
	}
	if (r.bad || r.left.n)
		return AVER_SYNTAX;
	*out = ev;
	return 0;
}
