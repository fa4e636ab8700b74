/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/chars.h"
#include "lib/smtp/credentials.h"
#include "lib/smtp/smtp_text.h"
#include "lib/conf/transport_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Undoes what DATA does to a message; the octets written to out. */
static size_t
undo(const char *wire, size_t n, char *out)
{
	bool bol = true;
	size_t k = 0;

	assert(n >= 3 && memcmp(wire + n - 3, ".\r\n", 3) == 0);
	assert(n == 3 || memcmp(wire + n - 5, "\r\n", 2) == 0);
	for (size_t i = 0; i < n - 3; i++) {
		if (bol && wire[i] == '.')
			i++;
		/* the end of the data is nowhere but at its end */
		assert(!(bol && i + 1 < n - 3 && wire[i] == '\r' &&
			 wire[i + 1] == '\n' && i && wire[i - 1] == '.'));
		out[k++] = wire[i];
		bol = wire[i] == '\n';
	}
	return k;
}

/* A message that can be sent comes back from its DATA, with CRLF. */
static void
check_message(struct str in, size_t step)
{
	struct smtp_text t;
	struct smtp_dots d;
	char *wire, *back;
	size_t n = 0, got, k;

	smtp_text_scan(in, &t);
	if (t.wrong)
		return;
	wire = malloc(in.n * 2 + 16);
	back = malloc(in.n * 2 + 16);
	assert(wire && back);
	smtp_dots_init(&d, in);
	while ((got = smtp_dots_take(&d, wire + n, step)) > 0)
		n += got;
	assert(n <= in.n * 2 + 8);
	k = undo(wire, n, back);
	assert(k == t.size);
	for (size_t i = 0, j = 0; j < k; j++) {
		if (back[j] == '\r') {
			assert(back[j + 1] == '\n');
			if (i < in.n && in.p[i] == '\r')
				i++;
			continue;
		}
		assert((i < in.n && in.p[i] == back[j]) || i == in.n);
		i++;
	}
	free(wire);
	free(back);
}

/* A mailbox is one word of one command. */
static void
check_mailbox(struct str in)
{
	struct arena a;
	struct str out, again;
	bool utf8, quoted = false;

	arena_init(&a, 65536);
	if (smtp_mailbox(&a, in, &out, &utf8) == 0) {
		assert(out.n <= 254);
		for (size_t i = 0; i < out.n; i++) {
			assert(!chars_is(out.p[i], CH_CTL));
			if (out.p[i] == '\\' && quoted)
				i++;
			else if (out.p[i] == '"')
				quoted = !quoted;
			else
				assert(quoted ||
				       !strchr(" <>,;:\\()", out.p[i]) ||
				       strchr(out.p, '['));
		}
		assert(!quoted);
		assert(smtp_mailbox(&a, out, &again, &utf8) == 0 &&
		       str_eq(out, again));
	}
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct transport_url u;
	struct credentials c;

	check_message(in, 8);
	check_message(in, 61);
	check_mailbox(in);
	if (transport_url_parse(in, &u))
		assert(u.path.n ? u.path.p[0] == '/' : u.host.n && u.port);
	if (credentials_parse(in, &c, NULL) == 0)
		assert(c.user.n && c.password.n);
	return 0;
}
