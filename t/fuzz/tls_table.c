/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The first line is a destination and an address, what follows the tables. */

#include <assert.h>

#include "lib/base/err.h"
#include "tlspolicy/render.h"
#include "tlspolicy/tls_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_policy(struct arena *a, struct str key, struct str text)
{
	const struct tls_table *t = NULL, *same = NULL;
	const struct tls_rule *r;
	struct render_profile newest;
	struct buf errors;
	struct nexthop n;
	struct diag d;
	int err;

	buf_init(&errors, a, 1000000);
	err = tls_table_parse(a, "t", text, &t, &errors, &d);
	assert(err == 0 || err == AVER_CONF);
	assert((err == 0) == (t != NULL) && (err == 0) == (errors.n == 0));
	err = tls_table_parse(a, "t", text, &same, NULL, &d);
	assert((err == 0) == (t != NULL));
	if (!t)
		return;
	assert(tls_table_rules(t) == tls_table_rules(same));
	assert(nexthop_parse(a, key, &n, NULL) == 0);
	r = tls_table_find(t, &n);
	assert(!r || r->line > 0);
	assert(!r || (r->flags == 0) == (r->fixed.n > 0));
	render_profile_newest(&newest);
	assert(!r || r->flags || render_check(&newest, r->fixed, &d) == 0);
}

static void
try_require(struct arena *a, struct str address, struct str text)
{
	const struct require_table *t = NULL;
	struct diag d;

	if (require_table_parse(a, "t", text, &t, NULL, &d)) {
		assert(!t && d.text[0]);
		return;
	}
	require_table_sender(t, a, address);
	require_table_recipient(t, a, address);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size}, rest, address;
	struct str line = str_cut(text, '\n', &rest);
	struct str key = str_cut(line, ' ', &address);
	struct arena a;

	arena_init(&a, TLS_TABLE_MEMORY);
	try_policy(&a, key, rest);
	try_require(&a, address, rest);
	arena_fini(&a);
	return 0;
}
