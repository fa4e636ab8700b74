/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The input is a policy of MTA-STS. If it is one, each map of each version
 * answers with what is of the grammar, and with just the hosts of the policy.
 * The input is also an answer of a table, which must come through as it is or
 * not at all.
 */

#include <assert.h>

#include "lib/base/chars.h"
#include "tlspolicy/decision.h"
#include "tlspolicy/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const versions[] = {
    "3.4", "3.7.11", "3.9", "3.10", "3.10.5", "3.12"};

/* What stands after name= in the words of an answer outside of braces. */
static struct str
next_value(struct str *rest, struct str name)
{
	while (rest->n) {
		struct str word = str_cut(*rest, ' ', rest);

		if (str_eq(word, STR("{")))
			*rest = str_from(*rest, str_chr(*rest, '}') + 1);
		else if (str_starts(word, name))
			return str_from(word, name.n);
	}
	return STR_NONE;
}

static void
check_match(const struct sts_policy *p, struct str text)
{
	struct str list = next_value(&text, STR("match="));

	for (size_t i = 0; i < p->n_mx; i++) {
		struct str want = p->mx[i];

		if (str_starts(want, STR("*.")))
			want = str_from(want, 1);
		assert(str_eq(str_cut(list, ':', &list), want));
	}
	assert(list.p == NULL);
	assert(next_value(&text, STR("match=")).p == NULL);
}

static void
check_patterns(const struct sts_policy *p, struct str text)
{
	for (size_t i = 0; i < p->n_mx; i++)
		assert(str_eq(
		    next_value(&text, STR("mx_host_pattern=")), p->mx[i]));
	assert(next_value(&text, STR("mx_host_pattern=")).p == NULL);
}

static void
check_answer(const struct sts_policy *p, const struct render_profile *profile,
    const struct render_answer *answer)
{
	assert(!answer->was_refused);
	assert(answer->status == RENDER_OK ||
	       (answer->status == RENDER_NOTFOUND && p->mode != STS_ENFORCE));
	if (answer->status != RENDER_OK)
		return;
	assert(answer->text.n + 3 <= RENDER_REPLY_MAX);
	assert(render_check(profile, answer->text, NULL) == 0);
	if (p->mode == STS_ENFORCE) {
		assert(str_starts(answer->text, STR("secure match=")));
		check_match(p, answer->text);
	}
	if (next_value(&(struct str){answer->text.p, answer->text.n},
		STR("mx_host_pattern="))
		.p)
		check_patterns(p, answer->text);
}

static void
try_policy(struct arena *a, const struct sts_policy *p)
{
	struct dane_host host = {
	    .name = STR("mx.example"), .state = DANE_ABSENT};
	struct tls_facts f = {.mx = DANE_MX_INSECURE,
	    .hosts = &host,
	    .n_hosts = 1,
	    .sts = {.policy = p}};
	struct render_config c = {.requiretls_policy = REQUIRETLS_ENFORCE};
	struct render_answer answer;
	struct tls_decision d;
	struct nexthop n;
	struct buf b;

	nexthop_parse(a, STR("example.com"), &n, NULL);
	f.nexthop = &n;
	tls_decide(&f, &d);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		for (int m = RENDER_TLS; m <= RENDER_TLS_TLSRPT; m++) {
			struct arena own;

			arena_init(&own, RENDER_MEMORY);
			render_profile_postfix(
			    str_from_z(versions[i]), &c.profile, NULL);
			render(&own, &c, (enum render_map)m, &d, &answer, NULL);
			check_answer(p, &c.profile, &answer);
			buf_init(&b, &own, RENDER_REPLY_MAX + 20);
			render_reply(&b, &answer);
			assert(buf_ok(&b));
			arena_fini(&own);
		}
}

static void
try_fixed(struct arena *a, struct str text)
{
	struct tls_rule rule = {.fixed = text, .line = 1};
	struct tls_facts f = {.rule = &rule};
	struct render_config c = {.requiretls_policy = REQUIRETLS_ENFORCE};
	struct render_answer answer;
	struct tls_decision d;
	struct nexthop n;

	if (text.n == 0 || text.n > TLS_TABLE_LINE_MAX)
		return;
	nexthop_parse(a, STR("example.com"), &n, NULL);
	f.nexthop = &n;
	tls_decide(&f, &d);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		bool good;

		render_profile_postfix(
		    str_from_z(versions[i]), &c.profile, NULL);
		good = render_check(&c.profile, text, NULL) == 0;
		render(a, &c, RENDER_TLS, &d, &answer, NULL);
		assert(answer.was_refused == !good);
		assert(answer.status == (good ? RENDER_OK : RENDER_TEMP));
		assert(!good || str_eq(answer.text, text));
		for (size_t k = 0; k < answer.text.n; k++)
			assert(chars_is(answer.text.p[k], CH_PRINT));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct sts_policy p;
	struct arena a;
	struct diag d;

	arena_init(&a, 8 * RENDER_MEMORY);
	try_fixed(&a, text);
	if (sts_policy_parse(&a, text, &p, &d) == 0)
		try_policy(&a, &p);
	arena_fini(&a);
	return 0;
}
