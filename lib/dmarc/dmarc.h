/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * DMARC (RFC 9989). The record parser, the discovery of the policy and of
 * organizational domains (the only part that asks DNS) and the evaluation.
 */
#ifndef DMARC_DMARC_H
#define DMARC_DMARC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dkim/dkim.h"
#include "lib/dns/dns.h"
#include "lib/mail/orgdom.h"
#include "lib/spf/spf.h"

/* RFC 9989 section 4.7: p, sp, np */
enum dmarc_policy {
	DMARC_POLICY_NONE,
	DMARC_POLICY_QUARANTINE,
	DMARC_POLICY_REJECT,
	DMARC_POLICY_COUNT
};

enum dmarc_align { DMARC_RELAXED, DMARC_STRICT, DMARC_ALIGN_COUNT };

enum dmarc_psd { DMARC_PSD_U, DMARC_PSD_Y, DMARC_PSD_N, DMARC_PSD_COUNT };

/* RFC 9989 section 9.2 */
enum dmarc_result {
	DMARC_NONE,
	DMARC_PASS,
	DMARC_FAIL,
	DMARC_TEMPERROR,
	DMARC_PERMERROR,
	DMARC_RESULT_COUNT
};

enum dmarc_discovery {
	DMARC_TREEWALK, /* RFC 9989 section 4.10 */
	DMARC_PSL, /* RFC 7489 sections 3.2 and 6.6.3 */
	DMARC_DISCOVERY_COUNT
};

enum dmarc_reason {
	DMARC_WHY_NONE,
	DMARC_WHY_NO_RECORD,
	DMARC_WHY_BAD_RECORD, /* found, but unusable (section 4.10.1) */
	DMARC_WHY_DNS, /* a lookup failed */
	DMARC_WHY_BOGUS, /* DNSSEC validation failed */
	DMARC_WHY_SPF_TEMP, /* no aligned pass, and SPF was temperror */
	DMARC_WHY_DKIM_TEMP, /* no aligned pass, and a DKIM key lookup was */
	DMARC_WHY_BUDGET, /* questions or memory */
	DMARC_REASON_COUNT
};

const char *dmarc_policy_name(enum dmarc_policy p); /* "none", ... */
const char *dmarc_result_name(enum dmarc_result r);
const char *dmarc_discovery_name(enum dmarc_discovery d); /* "treewalk" */
const char *dmarc_reason_name(enum dmarc_reason r); /* "" for NONE */
const char *dmarc_align_name(enum dmarc_align a); /* "r", "s" */
const char *dmarc_psd_name(enum dmarc_psd p); /* "u", "y", "n" */

/* RFC 9989 section 4.7: fo */
enum dmarc_fo {
	DMARC_FO_0 = 1 << 0,
	DMARC_FO_1 = 1 << 1,
	DMARC_FO_D = 1 << 2,
	DMARC_FO_S = 1 << 3,
};

struct dmarc_record {
	enum dmarc_policy p, sp, np; /* sp, np filled in from p when absent */
	bool has_p, has_sp, has_np;
	enum dmarc_align adkim, aspf;
	enum dmarc_psd psd;
	bool testing; /* t=y */
	unsigned fo; /* enum dmarc_fo, DMARC_FO_0 by default */
	/* URIs, size limit removed; any scheme; views of the record's text */
	struct str *rua, *ruf;
	size_t n_rua, n_ruf;
	/* No valid p, or a bad sp or np: with a rua it acts as p=none, else
	 * DMARC does not apply (section 4.10.1). p, sp and np are then
	 * DMARC_POLICY_NONE, has_p, has_sp and has_np false. */
	bool bad_policy;
	/* rfc7489 only: pct, 0-100; 100 otherwise */
	unsigned pct;
};

#define DMARC_URIS_MAX 50 /* of rua and of ruf; further ones are ignored */
#define DMARC_URI_MAX 1024 /* octets; a longer URI is ignored */

/*
 * Parses the text of one TXT record. Returns 0, AVER_NOTFOUND when it does not
 * begin with a valid v=DMARC1 tag (so it is no DMARC record), AVER_SYNTAX when
 * it begins so but section 4.10.1 makes it unusable (bad_policy without rua),
 * AVER_NOMEM.
 *
 * A tag that is bad or is there more than once counts as bad: it takes its
 * default, and p, sp and np make bad_policy. Unknown tags are ignored, a
 * record with more than TAG_LIST_MAX different tags is AVER_SYNTAX.
 */
int dmarc_record_parse(
    struct arena *a, struct str text, struct dmarc_record *out, struct diag *d);
/*
 * The same; DMARC_PSL reads the record as RFC 7489 section 6.3 does: p must
 * follow v, pct counts, and np, psd and t are unknown tags.
 */
int dmarc_record_parse_mode(struct arena *a, struct str text,
    enum dmarc_discovery mode, struct dmarc_record *out, struct diag *d);

struct dmarc_input {
	/* lower-case A-labels; one author domain */
	struct str from_domain;
	const struct spf_verdict *spf; /* MAIL FROM scope; NULL: none */
	const struct dkim_verdict *dkim;
	size_t n_dkim;
	enum dmarc_discovery discovery;
	const struct orgdom *psl; /* needed for DMARC_PSL, else unused */
	/*
	 * DMARC_PSL only, 0-99, random: a failing message gets the next lower
	 * policy unless sample < pct (RFC 7489 section 6.6.4).
	 */
	unsigned sample;
};

struct dmarc_verdict {
	enum dmarc_result result;
	enum dmarc_reason reason;
	struct str detail; /* name the reason is about */
	struct str from_domain;
	/* of from_domain; empty when unknown: a lookup failed, or nothing
	 * depended on it and it was not asked for (section 4.10.2) */
	struct str org_domain;
	struct str policy_domain; /* where the record was found; empty: none */
	/* NULL: none; with permerror it is the unusable one */
	const struct dmarc_record *record;
	enum dmarc_discovery discovery;
	/* the published policy that applies: p, sp or np. Whether the author
	 * domain exists is asked only when the message fails and np differs
	 * from sp; otherwise it is taken to exist */
	enum dmarc_policy policy;
	/* which of them was published and gave the value */
	enum { DMARC_FROM_P, DMARC_FROM_SP, DMARC_FROM_NP } policy_tag;
	/* policy after t=y; what the owner asks for a failing message. NONE
	 * when the message does not fail */
	enum dmarc_policy disposition;
	bool spf_aligned, dkim_aligned; /* aligned *pass* */
	/* every DMARC record used (for the policy and for organizational
	 * domains) was validated by DNSSEC; false without a record */
	bool secure;
};

/*
 * Most questions one evaluation asks. They are granted even when the message
 * has spent its own (dns.max_questions), so that no sender can keep a policy
 * from being found by what he makes SPF and DKIM ask.
 */
#define DMARC_QUESTIONS_MAX 65

/*
 * Prefetches the names of the walk (at most 8); for DMARC_PSL that of the
 * author domain.
 */
void dmarc_prefetch(
    struct dns *dns, struct str from_domain, enum dmarc_discovery discovery);

/*
 * Evaluates one author domain: discovery, alignment, result. Strings are
 * views of the input; the record lives as long as the answers of dns. Always
 * fills *out.
 *
 *   pass       a record applies and an identifier that passed is aligned
 *   fail       a record applies, no identifier that passed is aligned, and no
 *              failed lookup could have changed that
 *   none       no record applies
 *   permerror  the record that applies is unusable (section 4.10.1: DMARC is
 *              not applied)
 *   temperror  otherwise: a lookup that mattered failed. A signature with
 *              DKIM_WHY_BUDGET does not matter: it was not evaluated
 */
void dmarc_eval(struct dns *dns, struct arena *a, const struct dmarc_input *in,
    struct dmarc_verdict *out);

#endif
