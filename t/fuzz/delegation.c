/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Requests of policy delegation: what is read lies inside what was sent. */
#include <assert.h>

#include "policyd/delegation.h"
#include "t/unit/policyd_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct str part, struct str all)
{
	assert(part.n == 0 ||
	       (part.p >= all.p && part.p + part.n <= all.p + all.n));
	assert(str_chr(part, '\n') == part.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = {(const char *)data, size};
	struct delegation_request r;
	struct diag d = {{0}, 0};

	if (delegation_parse(body, &r, &d)) {
		assert(d.text[0]);
		return 0;
	}
	inside(r.state, body);
	inside(r.sender, body);
	inside(r.recipient, body);
	inside(r.queue_id, body);
	inside(r.mail_version, body);
	return 0;
}
