/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * For the tests of aggregate reports: an evaluation from any octets, and
 * whether a record that was read says the same as the evaluation written.
 */
#ifndef T_UNIT_AGGREGATE_GEN_H
#define T_UNIT_AGGREGATE_GEN_H

#include <string.h>

#include "lib/aggregate/aggregate_read.h"
#include "lib/aggregate/aggregate_write.h"
#include "lib/store/evaluation.h"

struct gen {
	struct str left; /* when it is used up, all is 0 or empty */
};

static inline unsigned
gen_octet(struct gen *g)
{
	unsigned v = g->left.n ? (unsigned char)g->left.p[0] : 0;

	g->left = str_from(g->left, 1);
	return v;
}

static inline struct str
gen_str(struct gen *g)
{
	struct str s = str_head(g->left, gen_octet(g) & 0x3f);

	g->left = str_from(g->left, s.n);
	return s;
}

static inline struct ip
gen_ip(struct gen *g)
{
	char octets[16];
	unsigned kind = gen_octet(g) % 3;

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)gen_octet(g);
	if (kind == 0)
		return (struct ip){0};
	return ip_from_bytes(kind == 1 ? IP_V4 : IP_V6, octets);
}

static inline void
gen_lists(struct gen *g, struct evaluation *ev)
{
	ev->n_reasons = gen_octet(g) % (EVAL_REASONS_MAX + 1);
	for (size_t i = 0; i < ev->n_reasons; i++) {
		ev->reasons[i].type =
		    (enum eval_override)(gen_octet(g) % EVAL_OVERRIDE_COUNT);
		ev->reasons[i].comment = gen_str(g);
	}
	ev->n_dkim = gen_octet(g) % (EVAL_DKIM_MAX + 1);
	for (size_t i = 0; i < ev->n_dkim; i++) {
		ev->dkim[i].result =
		    (enum dkim_result)(gen_octet(g) % DKIM_RESULT_COUNT);
		ev->dkim[i].domain = gen_str(g);
		ev->dkim[i].selector = gen_str(g);
	}
}

/* Any value, with strings of any octets. */
static inline void
gen_evaluation(struct gen *g, struct evaluation *ev)
{
	unsigned flags = gen_octet(g), more = gen_octet(g);

	memset(ev, 0, sizeof(*ev));
	ev->has_sp = flags & 1;
	ev->has_np = flags & 2;
	ev->testing = flags & 4;
	ev->dkim_aligned = flags & 8;
	ev->spf_aligned = flags & 16;
	ev->has_spf = flags & 32;
	ev->adkim = flags & 64 ? DMARC_STRICT : DMARC_RELAXED;
	ev->aspf = flags & 128 ? DMARC_STRICT : DMARC_RELAXED;
	ev->discovery = more & 1 ? DMARC_PSL : DMARC_TREEWALK;
	ev->fo = more >> 1 & 15;
	ev->p = (enum dmarc_policy)(gen_octet(g) % DMARC_POLICY_COUNT);
	ev->sp = (enum dmarc_policy)(gen_octet(g) % DMARC_POLICY_COUNT);
	ev->np = (enum dmarc_policy)(gen_octet(g) % DMARC_POLICY_COUNT);
	ev->disposition =
	    (enum eval_disposition)(gen_octet(g) % EVAL_DISPOSITION_COUNT);
	ev->source_ip = gen_ip(g);
	ev->policy_domain = gen_str(g);
	ev->header_from = gen_str(g);
	ev->envelope_from = gen_str(g);
	ev->envelope_to = gen_str(g);
	if (ev->has_spf) {
		ev->spf_domain = gen_str(g);
		ev->spf_result =
		    (enum spf_result)(gen_octet(g) % SPF_RESULT_COUNT);
	}
	gen_lists(g, ev);
}

/* got is what a report shows of s. */
static inline bool
shows(struct str got, struct str s)
{
	struct buf b;
	bool same;

	buf_init(&b, NULL, 4096);
	aggregate_text(&b, s);
	same = buf_ok(&b) && str_eq(got, str_trim(buf_str(&b), " "));
	buf_fini(&b);
	return same;
}

static inline bool
says(struct str got, const char *word)
{
	return str_eq(got, str_from_z(word));
}

static inline bool
same_ip(const struct aggregate_record *r, const struct evaluation *ev)
{
	static const struct ip none = {.family = IP_V4};

	return ip_eq(
	    &r->ip, ev->source_ip.family == IP_NONE ? &none : &ev->source_ip);
}

static inline bool
same_reasons(
    const struct aggregate_record *r, const struct evaluation *ev, bool old)
{
	if (r->n_reasons != ev->n_reasons)
		return false;
	for (size_t i = 0; i < ev->n_reasons; i++) {
		const struct eval_reason *e = &ev->reasons[i];
		bool other = old && e->type == EVAL_POLICY_TEST_MODE;
		struct str comment = other && !e->comment.n
					 ? STR("policy_test_mode")
					 : e->comment;

		if (!says(r->reasons[i].type,
			eval_override_name(other ? EVAL_OTHER : e->type)) ||
		    !shows(r->reasons[i].comment, comment))
			return false;
	}
	return true;
}

static inline bool
same_results(
    const struct aggregate_record *r, const struct evaluation *ev, bool old)
{
	const struct aggregate_auth *spf = r->spf_results;
	bool helo = old && ev->has_spf && ev->envelope_from.n == 0;

	if (r->n_dkim_results != ev->n_dkim)
		return false;
	for (size_t i = 0; i < ev->n_dkim; i++)
		if (!shows(r->dkim_results[i].domain, ev->dkim[i].domain) ||
		    !shows(r->dkim_results[i].selector, ev->dkim[i].selector) ||
		    !says(r->dkim_results[i].result,
			dkim_result_name(ev->dkim[i].result)))
			return false;
	if (!ev->has_spf)
		return old ? r->n_spf_results == 1 && says(spf->result, "none")
			   : r->n_spf_results == 0;
	return r->n_spf_results == 1 && shows(spf->domain, ev->spf_domain) &&
	       says(spf->scope, helo ? "helo" : "mfrom") &&
	       says(spf->result, spf_result_name(ev->spf_result));
}

static inline bool
same_record(const struct aggregate_record *r, const struct evaluation *ev,
    uint64_t count, bool old)
{
	enum eval_disposition d = ev->disposition;

	if (old && d == EVAL_DISP_PASS)
		d = EVAL_DISP_NONE;
	return same_ip(r, ev) && r->count == count &&
	       says(r->disposition, eval_disposition_name(d)) &&
	       says(r->dkim, ev->dkim_aligned ? "pass" : "fail") &&
	       says(r->spf, ev->spf_aligned ? "pass" : "fail") &&
	       shows(r->header_from, ev->header_from) &&
	       shows(r->envelope_from, ev->envelope_from) &&
	       shows(r->envelope_to, ev->envelope_to) &&
	       same_reasons(r, ev, old) && same_results(r, ev, old);
}

static inline bool
same_head(
    const struct aggregate_report *r, const struct evaluation *ev, bool old)
{
	enum dmarc_policy sp = ev->has_sp ? ev->sp : ev->p;

	if (!shows(r->domain, ev->policy_domain) ||
	    !says(r->p, dmarc_policy_name(ev->p)) ||
	    !says(r->sp, dmarc_policy_name(sp)) ||
	    !says(r->adkim, dmarc_align_name(ev->adkim)) ||
	    !says(r->aspf, dmarc_align_name(ev->aspf)))
		return false;
	if (old)
		return r->ns.n == 0 && says(r->pct, "100");
	return says(r->testing, ev->testing ? "y" : "n") &&
	       says(r->discovery_method, dmarc_discovery_name(ev->discovery)) &&
	       says(r->np, dmarc_policy_name(ev->has_np ? ev->np : sp));
}

#endif
