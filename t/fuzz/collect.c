/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What is recorded of any datagram is within the bounds of the store, under
 * names that a report can go to, in octets that can be read again. As lines of
 * a log the input makes no queue ID that is none.
 */

#include <assert.h>

#include "collect/own_mail.h"
#include "collect/rows.h"
#include "lib/base/chars.h"
#include "lib/tlsrpt/tlsrpt_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_rows(struct arena *a, const struct tally *t)
{
	const struct store_tls_result *rows;
	const struct store_sighting *seen;
	size_t n;

	rows = tally_rows(t, &n);
	for (size_t i = 0; i < n; i++) {
		const struct store_tls_result *r = &rows[i];
		struct tlsrpt_policy p;
		struct tlsrpt_failure f;

		assert(rows_is_name(r->policy_domain));
		assert(rows_is_name(r->recipient_domain));
		assert(r->policy.n && r->policy.n <= STORE_TLS_POLICY_MAX);
		assert(r->detail.n <= STORE_TLS_DETAIL_MAX);
		assert(r->success + r->failure > 0 && r->day % 86400 == 0);
		assert(!r->success || r->detail.n == 0);
		assert(tlsrpt_policy_decode(a, r->policy, &p) == 0);
		assert(
		    !r->detail.n || tlsrpt_failure_decode(r->detail, &f) == 0);
	}
	seen = tally_sightings(t, &n);
	for (size_t i = 0; i < n; i++)
		assert(
		    rows_is_name(seen[i].domain) && rows_is_name(seen[i].mx));
}

static void
try_lines(struct str text)
{
	static struct own_mail o;

	own_mail_init(&o, STR("r@x.example"), '+');
	while (text.n)
		own_mail_line(&o, str_cut(text, '\n', &text));
	for (size_t i = 0; i < OWN_MAIL_MAX; i++)
		for (size_t k = 0; k < o.ids[i].n; k++)
			assert(chars_is(o.ids[i].p[k], CH_ALNUM));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct tlsrpt_datagram g;
	struct arena a;
	struct tally *t = tally_new();
	struct rows r = {
	    .tally = t, .arena = &a, .time = 1795000000, .wanted = true};

	arena_init(&a, 4 * TLSRPT_DATAGRAM_MEMORY);
	assert(t);
	if (tlsrpt_datagram_parse(&a, text, &g, NULL) == 0) {
		size_t n;

		int err = rows_of_datagram(&r, &g);

		(void)tally_rows(t, &n);
		/* a session is recorded unless it is cut */
		assert(err || n || r.cut);
		assert(!err || n == 0);
		check_rows(&a, t);
	}
	try_lines(text);
	arena_fini(&a);
	tally_free(t);
	return 0;
}
