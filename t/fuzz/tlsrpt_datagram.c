/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The input as JSON, against jansson; as a datagram, whose policies and
 * failures come back from their octets; and as such octets.
 */

#include <assert.h>
#include <jansson.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/mail/utf8.h"
#include "lib/tlsrpt/json_pull.h"
#include "lib/tlsrpt/tlsrpt_codec.h"
#include "lib/tlsrpt/tlsrpt_datagram.h"
#include "lib/tlsrpt/tlsrpt_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What jansson takes, this takes too; for jansson a text ends at a NUL. */
static void
compare(struct arena *a, struct str whole)
{
	struct str text = str_head(whole, str_chr(whole, '\0'));
	json_t *tree = json_loadb(text.p ? text.p : "", text.n,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	struct json_pull j;
	enum json_token t;
	size_t opened = 0, closed = 0;

	json_pull_init(&j, a, text, NULL);
	do {
		t = json_pull_next(&j);
		opened += t == JSON_OPEN_ARRAY || t == JSON_OPEN_OBJECT;
		closed += t == JSON_CLOSE_ARRAY || t == JSON_CLOSE_OBJECT;
		assert(t != JSON_TEXT || utf8_ok(j.text));
		assert(opened - closed == j.depth && j.depth <= JSON_DEPTH_MAX);
	} while (t != JSON_END && t != JSON_BAD);
	assert(t == JSON_BAD || opened == closed);
	assert((t == JSON_BAD) == (j.err != 0));
	assert(!tree || t == JSON_END || j.err == AVER_LIMIT);
	json_decref(tree);
}

static void
check_policy(struct arena *a, const struct tlsrpt_policy *p)
{
	struct tlsrpt_policy back;
	struct buf b, again;

	buf_init(&b, a, TLSRPT_POLICY_OCTETS_MAX);
	buf_init(&again, a, TLSRPT_POLICY_OCTETS_MAX);
	tlsrpt_policy_encode(&b, p);
	assert(buf_ok(&b));
	assert(tlsrpt_policy_decode(a, buf_str(&b), &back) == 0);
	assert(str_eq(back.type, p->type) && str_eq(back.domain, p->domain));
	tlsrpt_policy_encode(&again, &back);
	assert(str_eq(buf_str(&b), buf_str(&again)));
}

static void
check_clean(struct str s)
{
	assert(s.n <= TLSRPT_TEXT_MAX && utf8_ok(s));
	for (size_t i = 0; i < s.n; i++)
		assert(!chars_is(s.p[i], CH_CTL));
}

static void
check_failure(struct arena *a, const struct tlsrpt_failure *f)
{
	struct tlsrpt_failure back;
	struct buf b;

	check_clean(f->receiving_mx_hostname);
	check_clean(f->receiving_mx_helo);
	check_clean(f->additional_information);
	check_clean(f->reason_code);
	buf_init(&b, a, TLSRPT_FAILURE_OCTETS_MAX + 512);
	tlsrpt_failure_encode(&b, f);
	assert(buf_ok(&b));
	assert(tlsrpt_failure_decode(buf_str(&b), &back) == 0);
	assert(str_eq(back.result_type, f->result_type));
	assert(str_eq(back.reason_code, f->reason_code));
	assert(str_eq(back.receiving_ip, f->receiving_ip));
}

static int
collect(void *arg, struct str octets)
{
	buf_add(arg, octets);
	return 0;
}

/* A report of what the datagram says is I-JSON, and reads back. */
static void
try_report(struct arena *a, const struct tlsrpt_datagram *g)
{
	struct tlsrpt_writer *w = tlsrpt_writer_new();
	struct tlsrpt_meta meta = {.organization = g->record,
	    .contact = g->domain,
	    .report_id = g->version,
	    .end = 86400};
	struct buf report, policy, detail;
	struct tlsrpt_report r;
	json_t *tree;

	buf_init(&report, a, (size_t)8 << 20);
	buf_init(&policy, a, TLSRPT_POLICY_OCTETS_MAX);
	buf_init(&detail, a, TLSRPT_FAILURE_OCTETS_MAX + 512);
	assert(tlsrpt_write_begin(w, &meta, collect, &report) == 0);
	for (size_t i = 0; i < g->n_policies; i++) {
		const struct tlsrpt_policy *p = &g->policies[i];

		buf_clear(&policy);
		buf_clear(&detail);
		tlsrpt_policy_encode(&policy, p);
		if (p->n_failures)
			tlsrpt_failure_encode(&detail, &p->failures[0]);
		assert(tlsrpt_write_row(w, buf_str(&policy), buf_str(&detail),
			   p->successful, p->failed) == 0);
	}
	assert(tlsrpt_write_end(w) == 0 && buf_ok(&report));
	tree = json_loadb(report.p, report.n, JSON_REJECT_DUPLICATES, NULL);
	assert(tree);
	json_decref(tree);
	assert(tlsrpt_report_parse(a, buf_str(&report), &r, NULL) == 0);
	assert(r.n_policies > 0 && r.n_policies <= g->n_policies);
	tlsrpt_writer_free(w);
}

static void
try_datagram(struct arena *a, struct str text)
{
	struct tlsrpt_datagram g;
	struct diag d;
	int err = tlsrpt_datagram_parse(a, text, &g, &d);

	assert(err == 0 || err == AVER_SYNTAX || err == AVER_LIMIT);
	if (err)
		return;
	assert(g.domain.n > 0 && g.n_policies > 0);
	check_clean(g.domain);
	check_clean(g.record);
	for (size_t i = 0; i < g.n_policies; i++) {
		const struct tlsrpt_policy *p = &g.policies[i];

		assert(p->successful + p->failed == 1 && p->domain.n > 0);
		check_policy(a, p);
		for (size_t k = 0; k < p->n_strings; k++)
			check_clean(p->strings[k]);
		for (size_t k = 0; k < p->n_failures; k++)
			check_failure(a, &p->failures[k]);
	}
	try_report(a, &g);
}

static void
try_octets(struct arena *a, struct str octets)
{
	struct tlsrpt_policy p;
	struct tlsrpt_failure f;
	struct buf b;

	buf_init(&b, a, TLSRPT_POLICY_OCTETS_MAX);
	if (octets.n <= TLSRPT_POLICY_OCTETS_MAX / 2 &&
	    tlsrpt_policy_decode(a, octets, &p) == 0) {
		tlsrpt_policy_encode(&b, &p);
		assert(str_eq(buf_str(&b), octets));
	}
	buf_clear(&b);
	if (tlsrpt_failure_decode(octets, &f) == 0) {
		tlsrpt_failure_encode(&b, &f);
		assert(str_eq(buf_str(&b), octets));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct arena a;

	if (size > TLSRPT_DATAGRAM_MAX)
		return 0;
	arena_init(&a, 8 * TLSRPT_DATAGRAM_MEMORY);
	compare(&a, text);
	try_datagram(&a, text);
	try_octets(&a, text);
	arena_fini(&a);
	return 0;
}
