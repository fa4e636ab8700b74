/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arc/arc_field.h"

#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/base/scan.h"
#include "lib/dkim/dkim_sig.h"

static const char *const kind_names[ARC_KIND_COUNT] = {
    [ARC_RESULTS] = "ARC-Authentication-Results",
    [ARC_MESSAGE] = "ARC-Message-Signature",
    [ARC_SEAL] = "ARC-Seal",
};

static const char *const cv_names[ARC_CV_COUNT] = {
    [ARC_CV_NONE] = "none",
    [ARC_CV_PASS] = "pass",
    [ARC_CV_FAIL] = "fail",
};

const char *
arc_kind_name(enum arc_kind k)
{
	return name_of(kind_names, ARC_KIND_COUNT, (int)k);
}

bool
arc_kind_of(struct str name, enum arc_kind *out)
{
	int k = name_find(kind_names, ARC_KIND_COUNT, name);

	if (k >= 0)
		*out = (enum arc_kind)k;
	return k >= 0;
}

/* RFC 8617 section 4.2.1: [CFWS] position [CFWS], position = 1*2DIGIT, 1-50 */
static bool
read_position(struct scan *s, unsigned *out)
{
	struct str digits;
	uint64_t n = 0;

	if (!scan_cfws(s) || !scan_many(s, CH_DIGIT, &digits) || digits.n > 2 ||
	    !str_to_u64(digits, ARC_SETS_MAX, &n) || n == 0)
		return false;
	*out = (unsigned)n;
	return scan_cfws(s);
}

/* RFC 8617 section 4.1: instance [CFWS] ";" */
static enum arc_reason
read_leading(struct scan *s, unsigned *out)
{
	if (!read_position(s, out))
		return ARC_WHY_INSTANCE;
	return scan_char(s, ';') ? ARC_WHY_NONE : ARC_WHY_SYNTAX;
}

static bool
starts_with_instance(struct scan *s)
{
	return scan_cfws(s) && scan_char(s, 'i') && scan_cfws(s) &&
	       scan_char(s, '=');
}

/* Some sealers write the tag i= at any place. */
static enum arc_reason
read_tagged(const struct tag_list *tags, unsigned *out)
{
	const struct tag *i = tag_find(tags, STR("i"));
	struct scan s;

	if (!i)
		return ARC_WHY_SYNTAX;
	s = scan_of(i->value);
	return read_position(&s, out) && scan_done(&s) ? ARC_WHY_NONE
						       : ARC_WHY_INSTANCE;
}

static enum arc_reason
read_tags(struct arena *a, bool smtputf8, struct arc_field *f)
{
	int err = dkim_sig_tags(a, f->rest, smtputf8, &f->tags, NULL);

	if (err)
		return err == AVER_NOMEM ? ARC_WHY_BUDGET : ARC_WHY_SYNTAX;
	if (f->instance == 0)
		return read_tagged(&f->tags, &f->instance);
	/* RFC 6376 section 3.2: a tag may stand only once */
	return tag_find(&f->tags, STR("i")) ? ARC_WHY_SYNTAX : ARC_WHY_NONE;
}

enum arc_reason
arc_field_read(struct arena *a, enum arc_kind kind, const struct hdr *h,
    bool smtputf8, struct arc_field *out)
{
	struct arc_field f = {.h = *h, .rest = h->value};
	struct scan s = scan_of(h->value);
	enum arc_reason why = ARC_WHY_NONE;

	if (starts_with_instance(&s)) {
		why = read_leading(&s, &f.instance);
		f.rest = scan_rest(&s);
	}
	if (!why && kind != ARC_RESULTS)
		why = read_tags(a, smtputf8, &f);
	if (!why && f.instance == 0)
		why = ARC_WHY_SYNTAX;
	if (!why)
		*out = f;
	return why;
}

bool
arc_field_cv(const struct tag_list *tags, enum arc_cv *out)
{
	const struct tag *t = tag_find(tags, STR("cv"));
	/* RFC 8617 section 4.4: literals of ABNF, so case is ignored */
	int cv = t ? name_find(cv_names, ARC_CV_COUNT, t->value) : -1;

	if (cv >= 0)
		*out = (enum arc_cv)cv;
	return cv >= 0;
}

/*
 * RFC 8617 section 4.1.2 forbids a sealer all fields of ARC, and
 * Authentication-Results. Section 5.2 checks none of that: a field that is
 * gone or changed further on makes the signature fail by itself. Sealers
 * written to drafts of that RFC do sign results, those of its test suite
 * message signatures as well; only seals fail there.
 */
bool
arc_covers_seals(struct str names)
{
	struct str name;
	enum arc_kind k;

	while (dkim_list_next(&names, &name))
		if (arc_kind_of(name, &k) && k == ARC_SEAL)
			return true;
	return false;
}
