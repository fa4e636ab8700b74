/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/tap.h"

#include "lib/base/err.h"
#include "lib/store/evaluation.h"

static bool
same_ip(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->a, b->a, 16) == 0;
}

static bool
same_policy(const struct evaluation *a, const struct evaluation *b)
{
	return str_eq(a->policy_domain, b->policy_domain) && a->p == b->p &&
	       a->sp == b->sp && a->np == b->np && a->has_sp == b->has_sp &&
	       a->has_np == b->has_np && a->testing == b->testing &&
	       a->adkim == b->adkim && a->aspf == b->aspf && a->fo == b->fo &&
	       a->discovery == b->discovery;
}

static bool
same_row(const struct evaluation *a, const struct evaluation *b)
{
	bool same = same_ip(&a->source_ip, &b->source_ip) &&
		    a->disposition == b->disposition &&
		    a->dkim_aligned == b->dkim_aligned &&
		    a->spf_aligned == b->spf_aligned &&
		    a->n_reasons == b->n_reasons && a->optional == b->optional;

	for (size_t i = 0; same && i < a->n_reasons; i++)
		same = a->reasons[i].type == b->reasons[i].type &&
		       str_eq(a->reasons[i].comment, b->reasons[i].comment);
	return same;
}

static bool
same_rest(const struct evaluation *a, const struct evaluation *b)
{
	bool same = str_eq(a->header_from, b->header_from) &&
		    str_eq(a->envelope_from, b->envelope_from) &&
		    str_eq(a->envelope_to, b->envelope_to) &&
		    a->n_dkim == b->n_dkim && a->has_spf == b->has_spf &&
		    a->spf_result == b->spf_result &&
		    str_eq(a->spf_domain, b->spf_domain);

	for (size_t i = 0; same && i < a->n_dkim; i++)
		same = a->dkim[i].result == b->dkim[i].result &&
		       str_eq(a->dkim[i].domain, b->dkim[i].domain) &&
		       str_eq(a->dkim[i].selector, b->dkim[i].selector);
	return same;
}

static bool
same(const struct evaluation *a, const struct evaluation *b)
{
	return same_policy(a, b) && same_row(a, b) && same_rest(a, b);
}

/* A value with something in each field. */
static void
sample(struct evaluation *ev)
{
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

	*ev = (struct evaluation){
	    .policy_domain = STR("example.com"),
	    .p = DMARC_POLICY_REJECT,
	    .sp = DMARC_POLICY_QUARANTINE,
	    .np = DMARC_POLICY_REJECT,
	    .has_sp = true,
	    .has_np = true,
	    .testing = true,
	    .adkim = DMARC_STRICT,
	    .fo = DMARC_FO_1 | DMARC_FO_D,
	    .discovery = DMARC_PSL,
	    .source_ip = ip_from_bytes(IP_V6, v6),
	    .disposition = EVAL_DISP_QUARANTINE,
	    .spf_aligned = true,
	    .reasons = {{EVAL_LOCAL_POLICY, STR("arc=pass")},
		{EVAL_POLICY_TEST_MODE, STR_NONE}},
	    .n_reasons = 2,
	    .header_from = STR("sub.example.com"),
	    .envelope_from = STR("bounce.example.com"),
	    .envelope_to = STR("receiver.example"),
	    .dkim = {{STR("example.com"), STR("s1"), DKIM_FAIL},
		{STR("other.example"), STR("s.2"), DKIM_PASS}},
	    .n_dkim = 2,
	    .has_spf = true,
	    .spf_domain = STR("bounce.example.com"),
	    .spf_result = SPF_SOFTFAIL,
	    .optional = true,
	};
}

static void
round_trip(const struct evaluation *ev, const char *name)
{
	struct evaluation back;
	struct buf b, again;

	buf_init(&b, NULL, 65536);
	buf_init(&again, NULL, 65536);
	evaluation_encode(&b, ev);
	ok(buf_ok(&b), "%s: fits", name);
	is_int(evaluation_decode(buf_str(&b), &back), 0, name);
	ok(same(ev, &back), "%s: the same", name);
	evaluation_encode(&again, &back);
	is_str(buf_str(&again), buf_str(&b), name);
	buf_fini(&b);
	buf_fini(&again);
}

static void
test_round_trips(void)
{
	static char long_name[255];
	struct evaluation ev;

	sample(&ev);
	round_trip(&ev, "sample");
	ev = (struct evaluation){0};
	round_trip(&ev, "zero");
	memset(long_name, 'x', sizeof(long_name));
	sample(&ev);
	ev.source_ip = ip_from_bytes(IP_V4, "\300\0\2\1");
	ev.policy_domain = ev.header_from = ev.envelope_from = ev.envelope_to =
	    ev.spf_domain = (struct str){long_name, sizeof(long_name)};
	ev.n_dkim = EVAL_DKIM_MAX;
	for (size_t i = 0; i < ev.n_dkim; i++)
		ev.dkim[i] = (struct eval_dkim){
		    ev.spf_domain, ev.spf_domain, (int)i % DKIM_RESULT_COUNT};
	ev.n_reasons = EVAL_REASONS_MAX;
	for (size_t i = 0; i < ev.n_reasons; i++)
		ev.reasons[i] = (struct eval_reason){
		    (int)i % EVAL_OVERRIDE_COUNT, ev.spf_domain};
	round_trip(&ev, "largest");
	ev.policy_domain = STR("a\0b\xff");
	round_trip(&ev, "any octet");
}

/* Each field is in the octets: changing it changes them. */
static void
differs(const struct evaluation *ev, const char *field)
{
	struct evaluation base;
	struct buf a, b;

	sample(&base);
	buf_init(&a, NULL, 65536);
	buf_init(&b, NULL, 65536);
	evaluation_encode(&a, &base);
	evaluation_encode(&b, ev);
	ok(!str_eq(buf_str(&a), buf_str(&b)), "%s counts", field);
	buf_fini(&a);
	buf_fini(&b);
}

#define DIFFERS(field, value)            \
	do {                             \
		struct evaluation ev;    \
                                         \
		sample(&ev);             \
		ev.field = (value);      \
		differs(&ev, #field);    \
		round_trip(&ev, #field); \
	} while (0)

static void
test_fields(void)
{
	DIFFERS(policy_domain, STR("example.org"));
	DIFFERS(p, DMARC_POLICY_NONE);
	DIFFERS(sp, DMARC_POLICY_NONE);
	DIFFERS(np, DMARC_POLICY_NONE);
	DIFFERS(has_sp, false);
	DIFFERS(has_np, false);
	DIFFERS(testing, false);
	DIFFERS(adkim, DMARC_RELAXED);
	DIFFERS(aspf, DMARC_STRICT);
	DIFFERS(fo, DMARC_FO_S);
	DIFFERS(discovery, DMARC_TREEWALK);
	DIFFERS(source_ip.a[15], 2);
	DIFFERS(disposition, EVAL_DISP_PASS);
	DIFFERS(dkim_aligned, true);
	DIFFERS(spf_aligned, false);
	DIFFERS(n_reasons, 1);
	DIFFERS(reasons[0].type, EVAL_TRUSTED_FORWARDER);
	DIFFERS(reasons[1].comment, STR("x"));
	DIFFERS(header_from, STR_NONE);
	DIFFERS(envelope_from, STR_NONE);
	DIFFERS(envelope_to, STR_NONE);
	DIFFERS(n_dkim, 1);
	DIFFERS(dkim[0].domain, STR("x"));
	DIFFERS(dkim[1].selector, STR("x"));
	DIFFERS(dkim[1].result, DKIM_TEMPERROR);
	DIFFERS(spf_domain, STR("x"));
	DIFFERS(spf_result, SPF_PERMERROR);
	DIFFERS(optional, false);
}

/* What the encoder leaves out or cuts. */
static void
test_bounds(void)
{
	struct evaluation ev, back;
	char text[300];
	struct buf b;

	sample(&ev);
	ev.has_spf = false;
	ev.n_dkim = 1000;
	ev.n_reasons = 1000;
	memset(text, 'x', sizeof(text));
	memcpy(text + 253, "\xe2\x82\xac", 3); /* octet 255 is inside */
	ev.header_from = (struct str){text, sizeof(text)};
	buf_init(&b, NULL, 65536);
	evaluation_encode(&b, &ev);
	is_int(evaluation_decode(buf_str(&b), &back), 0, "clamped");
	is_int(back.n_dkim, EVAL_DKIM_MAX, "signatures");
	is_int(back.n_reasons, EVAL_REASONS_MAX, "reasons");
	ok(!back.has_spf && !back.spf_domain.n, "no spf");
	is_int(back.header_from.n, 253, "cut before a torn character");
	buf_clear(&b);
	memset(text, 0x80, sizeof(text));
	evaluation_encode(&b, &ev);
	is_int(evaluation_decode(buf_str(&b), &back), 0, "not UTF-8");
	is_int(back.header_from.n, 251, "cut all the same");
	buf_fini(&b);
	buf_init(&b, NULL, 20);
	evaluation_encode(&b, &ev);
	ok(!buf_ok(&b), "a small buffer says so");
	buf_fini(&b);
}

/* version flags policies modes fo family, then lengths and counts */
#define ZERO           \
	"\1\0\0\0\0\0" \
	"\0\0\0\0"     \
	"\0"           \
	"\0"
#define TEXT(t) STR_INIT(t)

static const struct {
	const char *name;
	struct str text;
	int want;
} octets[] = {
    {"the smallest", TEXT(ZERO), 0},
    {"nothing", TEXT(""), AVER_SYNTAX},
    {"version 0", TEXT("\0\0\0\0\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"version 2", TEXT("\2\0\0\0\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"an octet more", TEXT(ZERO "\0"), AVER_SYNTAX},
    {"unknown flag", TEXT("\1\200\0\0\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"every flag but spf", TEXT("\1\137\0\0\0\0\0\0\0\0\0\0"), 0},
    {"spf flag without spf", TEXT("\1\40\0\0\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"spf", TEXT("\1\40\0\0\0\0\0\0\0\0\0\0\6\1x"), 0},
    {"spf result", TEXT("\1\40\0\0\0\0\0\0\0\0\0\0\7\1x"), AVER_SYNTAX},
    {"p 3", TEXT("\1\0\3\0\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"sp 3", TEXT("\1\0\14\0\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"np 3", TEXT("\1\0\60\0\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"policy bit 6", TEXT("\1\0\100\0\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"p sp np 2", TEXT("\1\0\52\0\0\0\0\0\0\0\0\0"), 0},
    {"modes", TEXT("\1\0\0\67\0\0\0\0\0\0\0\0"), 0},
    {"mode bit 3", TEXT("\1\0\0\10\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"mode bit 6", TEXT("\1\0\0\100\0\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"fo", TEXT("\1\0\0\0\17\0\0\0\0\0\0\0"), 0},
    {"fo bit 4", TEXT("\1\0\0\0\20\0\0\0\0\0\0\0"), AVER_SYNTAX},
    {"family 5", TEXT("\1\0\0\0\0\5\0\0\0\0\0\0"), AVER_SYNTAX},
    {"IPv4", TEXT("\1\0\0\0\0\4\1\2\3\4\0\0\0\0\0\0"), 0},
    {"IPv4 cut", TEXT("\1\0\0\0\0\4\1\2\3"), AVER_SYNTAX},
    {"IPv6 cut", TEXT("\1\0\0\0\0\6\1\2\3\4\0\0\0\0\0\0"), AVER_SYNTAX},
    {"string past the end", TEXT("\1\0\0\0\0\0\377x"), AVER_SYNTAX},
    {"9 reasons", TEXT("\1\0\0\0\0\0\0\0\0\0\11\0"), AVER_SYNTAX},
    {"a reason", TEXT("\1\0\0\0\0\0\0\0\0\0\1\4\1x\0"), 0},
    {"a reason of type 5", TEXT("\1\0\0\0\0\0\0\0\0\0\1\5\1x\0"), AVER_SYNTAX},
    {"101 signatures", TEXT("\1\0\0\0\0\0\0\0\0\0\0\145"), AVER_SYNTAX},
    {"a signature", TEXT("\1\0\0\0\0\0\0\0\0\0\0\1\6\1x\1y"), 0},
    {"a signature of result 7", TEXT("\1\0\0\0\0\0\0\0\0\0\0\1\7\1x\1y"),
	AVER_SYNTAX},
};

static void
test_decoder(void)
{
	struct evaluation ev, back;
	struct str all;
	struct buf b;
	bool good = true;

	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++)
		is_int(evaluation_decode(octets[i].text, &back), octets[i].want,
		    octets[i].name);
	sample(&ev);
	buf_init(&b, NULL, 65536);
	evaluation_encode(&b, &ev);
	all = buf_str(&b);
	back.fo = 7;
	for (size_t n = 0; n < all.n; n++)
		good = good && evaluation_decode(str_head(all, n), &back) ==
				   AVER_SYNTAX;
	ok(good, "every shorter text is refused");
	is_int(back.fo, 7, "and leaves the result alone");
	buf_fini(&b);
}

static void
test_names(void)
{
	is_str(str_from_z(eval_disposition_name(EVAL_DISP_PASS)), STR("pass"),
	    "disposition");
	is_str(str_from_z(eval_disposition_name(EVAL_DISP_REJECT)),
	    STR("reject"), "disposition");
	is_str(str_from_z(eval_override_name(EVAL_POLICY_TEST_MODE)),
	    STR("policy_test_mode"), "override");
	is_str(str_from_z(eval_override_name(EVAL_TRUSTED_FORWARDER)),
	    STR("trusted_forwarder"), "override");
}

int
main(void)
{
	test_round_trips();
	test_fields();
	test_bounds();
	test_decoder();
	test_names();
	return tap_done();
}
