/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arf/arf.h"

#include "lib/mail/addr.h"

bool
arf_aligned(
    const struct dmarc_verdict *v, enum dmarc_align mode, struct str domain)
{
	struct str org = v->org_domain.n ? v->org_domain : v->policy_domain;

	if (domain.n == 0)
		return false;
	if (str_eq_ci(domain, v->from_domain))
		return true;
	/* RFC 9989 section 4.4: the same organizational domain */
	return mode == DMARC_RELAXED && org.n && domain_is_below(domain, org);
}

static enum arf_failure
failure_of(enum dkim_reason why)
{
	/* RFC 6591 section 3.3 */
	if (why == DKIM_WHY_BODY_HASH)
		return ARF_BODYHASH;
	return why == DKIM_WHY_REVOKED ? ARF_REVOKED : ARF_SIGNATURE;
}

bool
arf_wanted(const struct dmarc_verdict *dmarc, bool spf_fail,
    enum dkim_reason failed, enum arf_failure *out)
{
	const struct dmarc_record *r = dmarc->record;

	/* RFC 9991 section 2: not for a public suffix */
	if (!r || r->n_ruf == 0 || r->psd == DMARC_PSD_Y)
		return false;
	if (dmarc->result != DMARC_PASS && dmarc->result != DMARC_FAIL)
		return false;
	/* RFC 9989 section 4.7: fo */
	if (((r->fo & DMARC_FO_0) && dmarc->result == DMARC_FAIL) ||
	    ((r->fo & DMARC_FO_1) &&
		!(dmarc->spf_aligned && dmarc->dkim_aligned))) {
		*out = ARF_DMARC;
		return true;
	}
	if ((r->fo & DMARC_FO_D) && failed != DKIM_WHY_NONE) {
		*out = failure_of(failed);
		return true;
	}
	if ((r->fo & DMARC_FO_S) && spf_fail) {
		*out = ARF_SPF;
		return true;
	}
	return false;
}

bool
arf_is_report(struct str content_type)
{
	return str_starts_ci(
	    str_trim_fws(content_type), STR("multipart/report"));
}

/* ---- merging ------------------------------------------------------------ */

static void
put_part(struct buf *b, struct str s)
{
	buf_add_u64(b, s.n);
	buf_add_c(b, ':');
	buf_add(b, s);
}

void
arf_merge_key(const struct arf_incident *in, struct buf *b)
{
	ip_print(b, &in->source_ip);
	buf_addf(b, "/%d,%d,%d,%d,%d,%d,%d/", (int)in->failure,
	    (int)in->delivery, (int)in->dmarc, (int)in->policy,
	    (int)in->has_spf, (int)in->spf_aligned, (int)in->spf_result);
	put_part(b, in->from_domain);
	put_part(b, in->spf_domain);
	for (size_t i = 0; i < in->n_dkim; i++) {
		buf_addf(b, "%d,%d,", (int)in->dkim[i].result,
		    (int)in->dkim[i].aligned);
		put_part(b, in->dkim[i].domain);
		put_part(b, in->dkim[i].selector);
	}
}

/* ---- rate --------------------------------------------------------------- */

void
arf_rate_init(struct arf_rate *r, uint64_t seed)
{
	*r = (struct arf_rate){.seed = seed};
}

bool
arf_rate_take(struct arf_rate *r, struct str policy_domain, int64_t now,
    uint32_t max_domain, uint32_t max_all)
{
	size_t i = str_hash(policy_domain, r->seed) % ARF_RATE_SLOTS;

	if (now / 3600 != r->hour) {
		arf_rate_init(r, r->seed);
		r->hour = now / 3600;
	}
	if (r->all >= max_all || r->counts[i] >= max_domain)
		return false;
	r->counts[i]++;
	r->all++;
	return true;
}
