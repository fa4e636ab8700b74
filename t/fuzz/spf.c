/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include <assert.h>
#include <string.h>

#include "lib/base/chars.h"
#include "lib/spf/spf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Lines of the input: HELO, reverse-path, then TXT records, given out in
 * turn, each in strings of up to 255 octets. Other answers are made up from
 * the length of the name.
 */
struct script {
	struct dns_source base;
	struct str records, left;
};

static struct dns_rrset *
next_txt(struct script *s)
{
	char wire[70000];
	struct str text, rdata = {wire, 0};

	if (!s->left.p)
		s->left = s->records;
	text = str_head(str_cut(s->left, '\n', &s->left), 60000);
	do {
		struct str part = str_head(text, 255);

		wire[rdata.n++] = (char)part.n;
		if (part.n)
			memcpy(wire + rdata.n, part.p, part.n);
		rdata.n += part.n;
		text = str_from(text, 255);
	} while (text.n);
	return dns_rrset_new(DNS_OK, true, 60, 1, &rdata, NULL);
}

static struct dns_rrset *
resolve(struct dns_source *src, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	static const char wire[16][16] = {"\0\1\1a\1b", "\0\2\1b\1a", "\0\0"};
	struct str rdata[16];
	size_t n = name->len % 13u;

	(void)deadline;
	if (type == DNS_TXT)
		return next_txt((struct script *)src);
	if (n == 0)
		return dns_rrset_new(DNS_TEMP, false, 0, 0, NULL, "");
	if (n == 1)
		return dns_rrset_new(DNS_NXDOMAIN, false, 0, 0, NULL, "");
	for (size_t i = 0; i < n; i++)
		rdata[i] = (struct str){wire[i % 3], type == DNS_A      ? 4
						     : type == DNS_AAAA ? 16
									: 7};
	for (size_t i = 0; type == DNS_PTR && i < n; i++)
		rdata[i] = (struct str){wire[0] + 2, 5};
	return dns_rrset_new(DNS_OK, true, 60, n, rdata, "");
}

static void
check_printable(struct str s, size_t max)
{
	assert(s.n <= max);
	for (size_t i = 0; i < s.n; i++)
		assert(chars_is(s.p[i], CH_PRINT));
}

static void
check(const struct spf_input *in, const struct spf_verdict *v)
{
	struct buf b;

	assert(v->result < SPF_RESULT_COUNT && v->reason < SPF_REASON_COUNT);
	assert(v->lookups <= 11 && v->voids <= 3 && v->mechanism.n > 0);
	check_printable(v->explanation, 500);
	check_printable(v->detail, 300);
	check_printable(v->mechanism, 20000);
	buf_init(&b, NULL, 16000);
	spf_received(&b, in, v, "\t");
	assert(buf_ok(&b));
	for (size_t i = 0; i < b.n; i++)
		assert(chars_is(b.p[i], CH_PRINT) || b.p[i] == '\t');
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dns_source_ops ops = {.resolve = resolve};
	struct str text = {(const char *)data, size};
	struct script s = {.base = {&ops}};
	struct spf_input in = {.want_explanation = true,
	    .limits = SPF_LIMITS_DEFAULT,
	    .ip = {.family = size % 2 ? IP_V4 : IP_V6, .a = {0, 1, 1, 'a'}}};
	struct spf_verdict v;
	struct arena a;
	struct dns dns;

	in.helo = str_cut(text, '\n', &text);
	in.mail_from = str_cut(text, '\n', &text);
	s.records = s.left = text;
	arena_init(&a, (size_t)1 << 21);
	dns_init(&dns, &s.base, &a, INT64_MAX, 1000);
	spf_eval(&dns, &a, &in, &v);
	/* ten terms of ten names each, a PTR with ten names, the records */
	assert(dns.questions < 150 && !arena_failed(&a));
	check(&in, &v);
	arena_fini(&a);
	return 0;
}
