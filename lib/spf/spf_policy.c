/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/spf/spf_policy.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/dns/rdata.h"

/* Its address is the kind of our memos. */
static const char memo_kind;

static const struct spf_policy no_record = {.why = SPF_WHY_NO_RECORD};
static const struct spf_policy several = {.why = SPF_WHY_SEVERAL};
static const struct spf_policy too_large = {
    .why = SPF_WHY_SYNTAX,
    .detail = STR_INIT("the record is too large"),
};

/*
 * RFC 7208 sections 3.3 and 4.5: the strings of one record are joined, and it
 * is ours when that begins with "v=spf1" and a space or the end. Reads the
 * character-strings in place, since most TXT records are something else.
 */
static bool
is_spf(struct str rdata)
{
	static const char version[] = "v=spf1 ";
	const size_t all = sizeof(version) - 1;
	size_t seen = 0;

	while (rdata.n) {
		size_t len = (unsigned char)rdata.p[0];

		if (len > rdata.n - 1)
			return false;
		for (size_t i = 1; i <= len && seen < all; i++)
			if (chars_lower(rdata.p[i]) != version[seen++])
				return false;
		rdata = str_from(rdata, 1 + len);
	}
	return seen >= all - 1;
}

static int
parse(struct dns_memo *m, struct str rdata)
{
	struct spf_policy *p = ARENA_NEW(&m->arena, struct spf_policy);
	struct diag d = {0};
	struct str text;
	int err;

	if (!p || !rdata_txt(&m->arena, rdata, &text))
		return AVER_NOMEM;
	err = spf_record_parse(&m->arena, text, &p->record, &d);
	if (err == AVER_SYNTAX) {
		p->why = SPF_WHY_SYNTAX;
		p->detail = arena_dup(&m->arena, str_from_z(d.text));
	} else if (err) {
		return err;
	}
	m->value = p;
	return arena_failed(&m->arena) ? AVER_NOMEM : 0;
}

static const struct spf_policy *
remember(const struct dns_rrset *rr, struct str rdata)
{
	size_t need = spf_record_memory(rdata);
	struct dns_memo *m;

	if (need == 0)
		return &too_large;
	need += sizeof(struct spf_policy) + rdata.n + sizeof(struct diag) + 64;
	/* a large one takes several chunks, each with a rest unused */
	m = dns_memo_new(&memo_kind, need > 4096 ? 4 * need : need);
	if (!m)
		return NULL;
	if (parse(m, rdata)) {
		dns_memo_free(m);
		return NULL;
	}
	return dns_memo_add(rr, m);
}

const struct spf_policy *
spf_policy_of(const struct dns_rrset *rr)
{
	const struct spf_policy *known = dns_memo_get(rr, &memo_kind);
	const struct str *found = NULL;

	if (known)
		return known;
	for (size_t i = 0; i < rr->n; i++) {
		if (!is_spf(rr->rdata[i]))
			continue;
		if (found)
			return &several;
		found = &rr->rdata[i];
	}
	return found ? remember(rr, *found) : &no_record;
}
