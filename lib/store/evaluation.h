/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * One DMARC evaluation as it will stand in an aggregate report (RFC 9990
 * section 3.1.1), and its canonical octets: two evaluations that belong in one
 * row of a report encode to the same octets, so the store can count them.
 */
#ifndef STORE_EVALUATION_H
#define STORE_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim.h"
#include "lib/dmarc/dmarc.h"
#include "lib/spf/spf.h"

/* RFC 9990 section 3.1.1.9 */
enum eval_disposition {
	EVAL_DISP_NONE,
	EVAL_DISP_PASS,
	EVAL_DISP_QUARANTINE,
	EVAL_DISP_REJECT,
	EVAL_DISPOSITION_COUNT
};

/* RFC 9990 section 3.1.6 */
enum eval_override {
	EVAL_LOCAL_POLICY,
	EVAL_MAILING_LIST,
	EVAL_OTHER,
	EVAL_POLICY_TEST_MODE,
	EVAL_TRUSTED_FORWARDER,
	EVAL_OVERRIDE_COUNT
};

const char *eval_disposition_name(enum eval_disposition d);
const char *eval_override_name(enum eval_override o);

#define EVAL_DKIM_MAX 100 /* RFC 9990 section 3.1.1.11 */
#define EVAL_REASONS_MAX 8

struct eval_dkim {
	struct str domain, selector;
	enum dkim_result result;
};

struct eval_reason {
	enum eval_override type;
	struct str comment; /* may be empty */
};

struct evaluation {
	/* policy_published (section 3.1.1.5) */
	struct str policy_domain;
	enum dmarc_policy p, sp, np;
	bool has_sp, has_np, testing;
	enum dmarc_align adkim, aspf;
	unsigned fo; /* enum dmarc_fo */
	enum dmarc_discovery discovery;
	/* row (section 3.1.1.8) */
	struct ip source_ip;
	enum eval_disposition disposition;
	bool dkim_aligned, spf_aligned;
	struct eval_reason reasons[EVAL_REASONS_MAX];
	size_t n_reasons;
	/* identifiers (section 3.1.1.10) */
	struct str header_from;
	struct str envelope_from; /* domain; empty for a null reverse-path */
	struct str envelope_to; /* recipients' domain if they share one */
	/* auth_results (section 3.1.1.11) */
	struct eval_dkim dkim[EVAL_DKIM_MAX];
	size_t n_dkim;
	bool has_spf;
	struct str spf_domain;
	enum spf_result spf_result;
	/*
	 * An optional evaluation rides along in a report but never causes one
	 * (architecture: mail to report addresses, null sender, reports).
	 * Rejections for unknown domains are optional too, which only the store
	 * can tell: what counts is the flag of its row.
	 */
	bool optional;
};

/*
 * Appends the canonical octets (versioned; at most 64 kB). DKIM results are
 * encoded in the order given. A string above 255 octets is cut there, what is
 * beyond EVAL_REASONS_MAX and EVAL_DKIM_MAX is left out, and the SPF fields
 * are without has_spf.
 */
void evaluation_encode(struct buf *b, const struct evaluation *ev);
/* The inverse; strings are views of octets. AVER_SYNTAX for anything that
 * evaluation_encode() did not write, a newer version included. */
int evaluation_decode(struct str octets, struct evaluation *out);

#endif
