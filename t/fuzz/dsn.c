/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A message that came back: everything stays in its bounds, texts for the log
 * are one line, and the class is what the recipients say.
 */
#include <stdlib.h>

#include "lib/base/chars.h"
#include "lib/mail/utf8.h"
#include "lib/report/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(struct str s, size_t max)
{
	if (s.n > max || !utf8_ok(s))
		abort();
	for (size_t i = 0; i < s.n; i++)
		if (chars_is(s.p[i], CH_CTL))
			abort();
}

static void
check_address(struct str s)
{
	size_t at = str_chr(s, '@');

	if (s.n && (at == 0 || at + 1 >= s.n))
		abort();
	for (size_t i = 0; i < s.n; i++)
		if (chars_is(s.p[i], CH_CTL) || s.p[i] == ' ')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	bool failed = false;
	struct arena a;
	struct dsn d;

	arena_init(&a, 16 << 20);
	if (dsn_read(&a, text, str_head(text, 50), &d))
		goto out;
	if (d.n > DSN_RECIPIENTS_MAX || d.n_addresses > DSN_ADDRESSES_MAX)
		abort();
	for (size_t i = 0; i < d.n; i++) {
		check_line(d.v[i].diagnostic, 410);
		check_line(d.v[i].remote_mta, 410);
		check_address(d.v[i].final);
		check_address(d.v[i].original);
		if (d.v[i].status.n && d.v[i].status.n < 5)
			abort();
		failed = failed || d.v[i].action == DSN_FAILED;
	}
	for (size_t i = 0; i < d.n_addresses; i++)
		check_address(d.addresses[i]);
	check_line(d.returned_id, 410);
	if (d.standard && failed != (d.what == DSN_IS_FAILURE))
		abort();
out:
	arena_fini(&a);
	return 0;
}
