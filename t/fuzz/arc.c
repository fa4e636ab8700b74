/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>

#include "lib/arc/arc.h"
#include "lib/base/chars.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of the seeds, so that mutations get far; its length comes first. */
#define KEY                    \
	"v=DKIM1; k=ed25519; " \
	"p=Krb8gaHnBmzT3Vv2r80DLtE0Rb+X9Y6Fersl1CiWOiI="

struct source {
	struct dns_source base;
	bool down;
};

/* Every name has that key, but those that start with "t". */
static struct dns_rrset *
resolve(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	static const char wire[] = "\x42" KEY;
	const struct str rdata = STR(wire);

	(void)deadline;
	assert(type == DNS_TXT && wire[0] == sizeof(KEY) - 1);
	if (((struct source *)src)->down || name->wire[1] == 't')
		return dns_rrset_new(DNS_TEMP, false, 0, 0, NULL, "");
	return dns_rrset_new(DNS_OK, true, 60, 1, &rdata, NULL);
}

static void
check(const struct arc_verdict *v, const struct dns *dns)
{
	assert(v->result < ARC_RESULT_COUNT && v->reason < ARC_REASON_COUNT);
	assert((v->result == ARC_FAIL) == (v->reason != ARC_WHY_NONE));
	assert((v->result == ARC_FAIL) == (v->detail.n > 0));
	assert(v->result != ARC_PASS || v->instances > 0);
	assert(v->at <= ARC_SETS_MAX && v->oldest_pass <= v->instances);
	assert(dns->questions <= 20 && dns->prefetches <= 20);
	for (size_t i = 0; i < v->detail.n; i++)
		assert(chars_is(v->detail.p[i], CH_PRINT));
	for (unsigned i = 0; i < v->instances; i++)
		assert(v->seals[i].instance == i + 1);
}

static struct arc_verdict
verify(struct arena *a, const struct dkim_engine *e, struct str text,
    size_t chunk, bool down)
{
	static const struct dns_source_ops ops = {.resolve = resolve};
	struct source src = {{&ops}, down};
	struct arc_limits limits = ARC_LIMITS_DEFAULT;
	struct arc_verdict out;
	struct arc_verifier *v =
	    arc_verifier_new(a, e, &limits, 1700000100, false);
	struct hdr_list l = {0};
	struct str body;
	struct dns dns;

	dns_init(&dns, &src.base, a, 0, 100);
	assert(v && hdr_split_message(a, text, &l, &body) == 0);
	for (size_t i = 0; i < l.n; i++)
		arc_verifier_field(v, &dns, &l.v[i]);
	arc_verifier_eoh(v, &dns, NULL);
	for (; body.n; body = str_from(body, chunk))
		arc_verifier_body(v, str_head(body, chunk));
	arc_verifier_finish(v, &dns, &l, &out);
	check(&out, &dns);
	return out;
}

/* The first octet is the size of the chunks. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data + 1, size ? size - 1 : 0};
	struct arc_verdict whole, cut;
	struct dkim_engine *e;
	struct arena a;

	if (size == 0)
		return 0;
	arena_init(&a, (size_t)64 << 20);
	e = dkim_engine_new(&a);
	whole = verify(&a, e, text, size, false);
	cut = verify(&a, e, text, data[0] % 100u + 1, false);
	assert(whole.result == cut.result && whole.reason == cut.reason);
	assert(whole.oldest_pass == cut.oldest_pass);
	cut = verify(&a, e, text, size, true);
	assert(cut.result != ARC_PASS);
	arena_fini(&a);
	return 0;
}
