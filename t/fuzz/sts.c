/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The input as a record, as a content type, and as a policy. */

#include <assert.h>

#include "lib/base/chars.h"
#include "tlspolicy/sts_match.h"
#include "tlspolicy/sts_policy.h"
#include "tlspolicy/sts_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(struct str text)
{
	struct sts_record r;
	struct diag d;

	if (sts_record_parse(text, &r, &d))
		return;
	assert(r.id.n > 0 && r.id.n <= STS_ID_MAX);
	assert(r.id.p >= text.p && r.id.p + r.id.n <= text.p + text.n);
	for (size_t i = 0; i < r.id.n; i++)
		assert(chars_is(r.id.p[i], CH_ALNUM));
}

/* A policy is a policy again when written from what was understood of it. */
static void
check_policy(struct arena *a, const struct sts_policy *p)
{
	struct sts_policy again;
	struct buf b;

	buf_init(&b, a, (size_t)1 << 20);
	buf_addf(&b, "version: STSv1\nmode: %s\nmax_age: %u\n",
	    sts_mode_name(p->mode), (unsigned)p->max_age);
	for (size_t i = 0; i < p->n_mx; i++) {
		struct str name = p->mx[i];

		if (str_starts(name, STR("*.")))
			name = str_from(name, 2);
		assert(name.n > 0 && name.n <= 253);
		for (size_t k = 0; k < name.n; k++)
			assert(name.p[k] == '.' ||
			       (chars_is(name.p[k], CH_LDH) &&
				   name.p[k] == chars_lower(name.p[k])));
		/* a pattern without wildcard matches itself */
		assert(name.p != p->mx[i].p || sts_policy_match(p, name));
		buf_addf(&b, "mx: %.*s\n", STRF(p->mx[i]));
	}
	assert(p->mode < STS_MODE_COUNT && p->max_age <= STS_MAX_AGE);
	if (b.n > STS_POLICY_OCTETS_MAX)
		return;
	assert(sts_policy_parse(a, buf_str(&b), &again, NULL) == 0);
	assert(again.mode == p->mode && again.max_age == p->max_age);
	assert(again.n_mx == p->n_mx);
	for (size_t i = 0; i < p->n_mx; i++)
		assert(str_eq(again.mx[i], p->mx[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct sts_policy p;
	struct arena a;
	struct diag d;

	check_record(text);
	sts_policy_content_type(text);
	arena_init(&a, 8 * STS_POLICY_MEMORY);
	if (sts_policy_parse(&a, text, &p, &d) == 0)
		check_policy(&a, &p);
	arena_fini(&a);
	return 0;
}
