/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/sts_record.h"

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/dns/rdata.h"
#include "lib/tag/fields.h"

#define VERSION STR("v=STSv1")

static bool
is_id(struct str s)
{
	if (s.n == 0 || s.n > STS_ID_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!chars_is(s.p[i], CH_ALNUM))
			return false;
	return true;
}

/*
 * RFC 8461 section 3.1. Of fields that are there twice the first counts, and
 * unknown ones are ignored (RFC 8461 section 3.2), if they are of the grammar.
 */
int
sts_record_parse(struct str text, struct sts_record *out, struct diag *d)
{
	struct scan s = scan_of(text);
	struct str id = STR_NONE;
	struct field f;
	int got;

	if (!fields_begin(&s, VERSION))
		return diag_set(d, AVER_SYNTAX, 0,
		    "the record does not begin with \"v=STSv1;\"");
	while ((got = fields_next(&s, &f, d)) > 0) {
		bool is_the_id = str_eq(f.name, STR("id"));

		if (is_the_id ? !is_id(f.value) : !fields_ext_ok(f.value))
			return diag_set(d, AVER_SYNTAX, scan_offset(&s),
			    "%.*s: \"%.*s\" is no value; expected %s",
			    STRF(f.name), STRF(str_head(f.value, 40)),
			    is_the_id ? "1 to 32 letters and digits"
				      : "printable characters without \"=\"");
		if (is_the_id && !id.p)
			id = f.value;
	}
	if (got < 0)
		return got;
	if (!id.p)
		return diag_set(d, AVER_SYNTAX, 0, "there is no id=");
	out->id = id;
	return 0;
}

enum sts_found
sts_record_select(struct arena *a, const struct dns_rrset *rr,
    struct sts_record *out, struct diag *d)
{
	struct str text, found = STR_NONE;
	size_t n = 0;

	diag_set(d, 0, 0, "%s", rr->why ? rr->why : "");
	if (rr->status == DNS_TEMP || rr->status == DNS_BOGUS)
		return STS_UNKNOWN;
	for (size_t i = 0; rr->status == DNS_OK && i < rr->n; i++) {
		struct scan s;

		if (!rdata_txt(a, rr->rdata[i], &text)) {
			if (arena_failed(a))
				return STS_UNKNOWN;
			continue;
		}
		s = scan_of(text);
		/* RFC 8461 section 3.1: others are discarded. */
		if (fields_begin(&s, VERSION)) {
			found = text;
			n++;
		}
	}
	if (n == 0 && rr->status == DNS_OK)
		diag_set(d, 0, 0, "no TXT record begins with \"v=STSv1;\"");
	if (n == 0)
		return STS_ABSENT;
	if (n > 1) {
		diag_set(d, 0, 0, "%zu records begin with \"v=STSv1;\"", n);
		return STS_INVALID;
	}
	return sts_record_parse(found, out, d) ? STS_INVALID : STS_FOUND;
}
