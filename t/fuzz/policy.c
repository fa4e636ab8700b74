/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Lines of the input: a reply template; five facts, separated by spaces; then
 * a policy table.
 */

#include <assert.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/policy/policy_reply.h"
#include "lib/policy/policy_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_printable(struct str s, size_t max)
{
	assert(s.n <= max);
	for (size_t i = 0; i < s.n; i++)
		assert(chars_is(s.p[i], CH_PRINT));
}

static void
expand(struct arena *a, struct str text, const struct str *fields)
{
	struct reply_template t;
	struct diag d;
	struct buf b;

	buf_init(&b, a, 1000);
	for (int i = 0; i < POLICY_ACTION_COUNT; i++) {
		if (reply_template_parse(text, (enum policy_action)i, &t, &d))
			continue;
		buf_clear(&b);
		reply_expand(&t, fields, &b);
		assert(buf_ok(&b) && b.n > 10);
		check_printable(buf_str(&b), REPLY_OCTETS_MAX);
	}
}

static void
decide(struct arena *a, const struct policy_table *t, struct str *fields)
{
	struct policy_facts f = {.from_domain = fields[0],
	    .mail_from_domain = fields[1],
	    .mail_from_passed = fields[1].n % 2,
	    .rcpts = fields + 2,
	    .n_rcpts = 2,
	    .dkim_domains = fields,
	    .n_dkim_domains = 5};
	struct policy_decision d, again;

	ip_parse(fields[4], &f.client);
	for (int i = 2; i < 4; i++)
		assert(policy_rcpt_of(a, fields[i], &fields[i]) == 0);
	policy_decide(t, &f, &d);
	assert((d.kind == POLICY_NO_RULE) == (d.line == 0));
	assert(d.floor <= d.ceiling && d.action < POLICY_ACTION_COUNT);
	check_printable(d.comment, POLICY_REASON_OCTETS_MAX);
	/* with recipients unknown the same rules apply, or fewer */
	f.rcpts_incomplete = true;
	policy_decide(t, &f, &again);
	assert(again.line == 0 || (d.line && again.line >= d.line));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest, text = {(const char *)data, size};
	struct str reply = str_cut(text, '\n', &text);
	struct str words = str_cut(text, '\n', &text);
	struct str fields[REPLY_FIELD_COUNT] = {{0, 0}};
	const struct policy_table *t = NULL, *same = NULL;
	struct buf errors;
	struct arena a;
	struct diag d;
	int err;

	for (int i = 0; i < 5; i++, words = rest)
		fields[i] = str_cut(words, ' ', &rest);
	arena_init(&a, POLICY_TABLE_MEMORY);
	buf_init(&errors, &a, 1000000);
	expand(&a, reply, fields);
	err = policy_table_parse(&a, "t", text, &t, &errors, &d);
	assert(err == 0 || err == AVER_CONF);
	assert((err == 0) == (t != NULL) && (err == 0) == (errors.n == 0));
	err = policy_table_parse(&a, "t", text, &same, NULL, &d);
	assert((err == 0) == (t != NULL));
	if (t) {
		assert(policy_table_rules(t) == policy_table_rules(same));
		decide(&a, t, fields);
	}
	arena_fini(&a);
	return 0;
}
