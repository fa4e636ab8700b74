/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/base/err.h"
#include "lib/mail/utf8.h"
#include "lib/tlsrpt/tlsrpt_report.h"

#define MEMORY ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_policy(const struct tlsrpt_policy *p)
{
	assert(utf8_ok(p->type) && utf8_ok(p->domain));
	for (size_t i = 0; i < p->n_strings; i++)
		assert(utf8_ok(p->strings[i]));
	for (size_t i = 0; i < p->n_mx_hosts; i++)
		assert(utf8_ok(p->mx_hosts[i]));
	for (size_t i = 0; i < p->n_failures; i++)
		assert(utf8_ok(p->failures[i].result_type) &&
		       utf8_ok(p->failures[i].reason_code) &&
		       p->failures[i].failed_sessions <= INT64_MAX);
	assert(p->successful <= INT64_MAX && p->failed <= INT64_MAX);
}

/* Whatever is read is UTF-8 and lies in the arena; a failure has a text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str json = {(const char *)data, size};
	struct tlsrpt_report r;
	struct diag d = {.text = ""};
	struct arena a;
	int err;

	arena_init(&a, MEMORY);
	err = tlsrpt_report_parse(&a, json, &r, &d);
	assert(!err || (err >= AVER_SYNTAX && d.text[0]));
	if (!err) {
		assert(utf8_ok(r.organization_name) && utf8_ok(r.report_id));
		for (size_t i = 0; i < r.n_policies; i++)
			check_policy(&r.policies[i]);
	}
	arena_fini(&a);
	return 0;
}
