/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * An incident's octets: what decodes encodes to the same, and the report made
 * of it is clean and shows no local-part of the envelope.
 */
#include <stdlib.h>

#include "lib/arf/arf.h"
#include "lib/mail/addr.h"
#include "lib/mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Header fields and nothing else, ASCII, lines that SMTP takes. */
static void
check_part(struct arena *a, struct str part, size_t max)
{
	struct hdr_list l;
	struct str rest;
	bool cut = false;
	size_t n = 0;

	if (mime_fields(a, part, max, &l, &rest, &cut) || rest.n || cut)
		abort();
	for (size_t i = 0; i < part.n; i++) {
		n = part.p[i] == '\n' ? 0 : n + 1;
		if (n > 998 || part.p[i] == '\0' || (part.p[i] & 0x80))
			abort();
	}
}

static void
check_report(const struct arf_incident *in)
{
	static const struct str names[] = {STR_INIT("From"), STR_INIT("To"),
	    STR_INIT("Subject"), STR_INIT("DKIM-Signature")};
	struct arf_options o = {.key = STR("key"),
	    .user_agent = STR("aver"),
	    .incidents = 2,
	    .headers = names,
	    .n_headers = 4};
	struct str local, domain;
	struct arena a;
	struct buf b;

	arena_init(&a, 8 << 20);
	buf_init(&b, NULL, 4 << 20);
	if (arf_feedback(in, &o, &b))
		abort();
	check_part(&a, buf_str(&b), 30);
	addr_split(in->mail_from, &local, &domain);
	/* what the sender put elsewhere on purpose is public */
	if (local.n >= 12 && in->n_dkim == 0 && !in->has_spf &&
	    !str_contains_ci(in->from_domain, local) &&
	    !str_contains_ci(domain, local) &&
	    !str_contains_ci(in->rcpt_to, local) &&
	    !str_contains_ci(in->reporter, local) &&
	    str_contains_ci(buf_str(&b), local))
		abort();
	buf_clear(&b);
	if (arf_headers(in, &o, &b))
		abort();
	check_part(&a, buf_str(&b), ARF_FIELDS_MAX);
	buf_fini(&b);
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str octets = {(const char *)data, size};
	struct arf_incident in;
	struct buf b;

	if (arf_incident_decode(octets, &in))
		return 0;
	buf_init(&b, NULL, 70000);
	arf_incident_encode(&b, &in);
	if (!str_eq(buf_str(&b), octets))
		abort();
	buf_fini(&b);
	check_report(&in);
	return 0;
}
