/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_sig.h"

#include "lib/dkim/dkim_body.h"
#include "t/tap.h"

#define HASH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define GOOD                                                           \
	"v=1; a=rsa-sha256; d=example.org; s=sel; h=from:to; bh=" HASH \
	"; b=QUJD"

static const struct {
	const char *name, *value;
	enum dkim_reason want;
} cases[] = {
    {"the least", GOOD, DKIM_WHY_NONE},
    {"empty", "", DKIM_WHY_SYNTAX},
    {"white space", " \r\n ", DKIM_WHY_SYNTAX},
    {"no tag", "hello", DKIM_WHY_SYNTAX},
    {"a tag without =", GOOD "; hello", DKIM_WHY_SYNTAX},
    {"an empty tag", GOOD ";; x=1", DKIM_WHY_SYNTAX},
    {"final semicolon", GOOD " ; ", DKIM_WHY_NONE},
    {"a tag twice", GOOD "; d=example.org", DKIM_WHY_SYNTAX},
    {"an unknown tag", GOOD "; zz_9=any: thing", DKIM_WHY_NONE},
    {"names have case", GOOD "; D=example.net", DKIM_WHY_NONE},
    {"a control octet", GOOD "; n=a\001b", DKIM_WHY_SYNTAX},
    {"bad UTF-8", GOOD "; n=a\377b", DKIM_WHY_SYNTAX},
    {"UTF-8", GOOD "; n=a\303\251b", DKIM_WHY_NONE},
    {"all absent", "zz=1", DKIM_WHY_MISSING},
    {"v absent",
	"a=rsa-sha256; d=example.org; s=sel; h=from; bh=" HASH "; b=QUJD",
	DKIM_WHY_MISSING},
    {"a absent", "v=1; d=example.org; s=sel; h=from; bh=" HASH "; b=QUJD",
	DKIM_WHY_MISSING},
    {"b absent", "v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=" HASH,
	DKIM_WHY_MISSING},
    {"bh absent", "v=1; a=rsa-sha256; d=example.org; s=sel; h=from; b=QUJD",
	DKIM_WHY_MISSING},
    {"d absent", "v=1; a=rsa-sha256; s=sel; h=from; bh=" HASH "; b=QUJD",
	DKIM_WHY_MISSING},
    {"s absent",
	"v=1; a=rsa-sha256; d=example.org; h=from; bh=" HASH "; b=QUJD",
	DKIM_WHY_MISSING},
    {"h absent", "v=1; a=rsa-sha256; d=example.org; s=sel; bh=" HASH "; b=QUJD",
	DKIM_WHY_MISSING},
    {"v=2", "v=2; zz=1", DKIM_WHY_VERSION},
    {"v=01", "v=01; zz=1", DKIM_WHY_VERSION},
    {"t=0", GOOD "; t=0", DKIM_WHY_NONE},
    {"t is no number", GOOD "; t=soon", DKIM_WHY_SYNTAX},
    {"t is negative", GOOD "; t=-1", DKIM_WHY_SYNTAX},
    {"t is empty", GOOD "; t=", DKIM_WHY_SYNTAX},
    {"x after t", GOOD "; t=10; x=11", DKIM_WHY_NONE},
    {"x equals t", GOOD "; t=10; x=10", DKIM_WHY_FUTURE},
    {"x before t", GOOD "; t=10; x=9", DKIM_WHY_FUTURE},
    {"x is 2^64 + 1", GOOD "; t=10; x=18446744073709551617", DKIM_WHY_NONE},
    {"l=0", GOOD "; l=0", DKIM_WHY_NONE},
    {"l of 76 digits",
	GOOD "; l=11111111111111111111111111111111111111"
	     "11111111111111111111111111111111111111",
	DKIM_WHY_NONE},
    {"l of 77 digits",
	GOOD "; l=111111111111111111111111111111111111111"
	     "11111111111111111111111111111111111111",
	DKIM_WHY_SYNTAX},
    {"l is negative", GOOD "; l=-5", DKIM_WHY_SYNTAX},
    {"l is empty", GOOD "; l=", DKIM_WHY_SYNTAX},
    {"l has a space", GOOD "; l=1 0", DKIM_WHY_SYNTAX},
    {"q", GOOD "; q=x : dns/txt", DKIM_WHY_NONE},
    {"q without dns/txt", GOOD "; q=http", DKIM_WHY_QUERY},
    {"q with another option", GOOD "; q=dns/any", DKIM_WHY_QUERY},
    {"q is empty", GOOD "; q=", DKIM_WHY_QUERY},
    {"c", GOOD "; c=relaxed", DKIM_WHY_NONE},
    {"c is empty", GOOD "; c=", DKIM_WHY_CANON},
    {"c without body", GOOD "; c=relaxed/", DKIM_WHY_CANON},
    {"c without header", GOOD "; c=/simple", DKIM_WHY_CANON},
    {"c of three", GOOD "; c=simple/simple/simple", DKIM_WHY_CANON},
    {"c has case", GOOD "; c=Simple", DKIM_WHY_CANON},
    {"i", GOOD "; i=@example.org", DKIM_WHY_NONE},
    {"i below d", GOOD "; i=a@b.EXAMPLE.org", DKIM_WHY_NONE},
    {"i beside d", GOOD "; i=a@badexample.org", DKIM_WHY_DOMAIN},
    {"i above d", GOOD "; i=a@org", DKIM_WHY_DOMAIN},
    {"i without domain", GOOD "; i=a", DKIM_WHY_DOMAIN},
    {"i is empty", GOOD "; i=", DKIM_WHY_DOMAIN},
    {"i with two @", GOOD "; i=a@x.example@example.org", DKIM_WHY_NONE},
    {"i with a hidden @", GOOD "; i=a@example.org=40evil.example",
	DKIM_WHY_DOMAIN},
    {"i cut off", GOOD "; i=a@example.org=4", DKIM_WHY_SYNTAX},
    {"i with bad quoting", GOOD "; i==G0@example.org", DKIM_WHY_SYNTAX},
};

static const struct {
	const char *name, *tag, *with;
	enum dkim_reason want;
} changes[] = {
    {"a: sha1", "a=rsa-sha256", "a=rsa-sha1", DKIM_WHY_SHA1},
    {"a: ed25519", "a=rsa-sha256", "a=ed25519-sha256", DKIM_WHY_NONE},
    {"a: unknown", "a=rsa-sha256", "a=rsa-sha512", DKIM_WHY_ALGORITHM},
    {"a: ed25519-sha1", "a=rsa-sha256", "a=ed25519-sha1", DKIM_WHY_ALGORITHM},
    {"a: has case", "a=rsa-sha256", "a=RSA-sha256", DKIM_WHY_ALGORITHM},
    {"a: unknown is no name", "a=rsa-sha256", "a=unknown", DKIM_WHY_ALGORITHM},
    {"a: empty", "a=rsa-sha256", "a=", DKIM_WHY_ALGORITHM},
    {"b: empty", "b=QUJD", "b=", DKIM_WHY_SYNTAX},
    {"b: padding", "b=QUJD", "b==", DKIM_WHY_SYNTAX},
    {"b: not base64", "b=QUJD", "b=Q*JD", DKIM_WHY_SYNTAX},
    {"b: one character over", "b=QUJD", "b=QUJDR", DKIM_WHY_SYNTAX},
    {"b: folded", "b=QUJD", "b= Q\r\n U\tJD", DKIM_WHY_NONE},
    {"bh: empty", "bh=" HASH, "bh=", DKIM_WHY_SYNTAX},
    {"bh: short", "bh=" HASH, "bh=QUJD", DKIM_WHY_SYNTAX},
    {"bh: of 31 octets", "bh=" HASH,
	"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==", DKIM_WHY_SYNTAX},
    {"bh: of 33 octets", "bh=" HASH,
	"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA", DKIM_WHY_SYNTAX},
    {"bh: of rsa-sha1",
	"a=rsa-sha256; d=example.org; s=sel; h=from:to; bh=" HASH,
	"a=rsa-sha1; d=example.org; s=sel; h=from:to; "
	"bh=2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
	DKIM_WHY_SHA1},
    {"d: one label", "d=example.org", "d=org", DKIM_WHY_DOMAIN},
    {"d: empty", "d=example.org", "d=", DKIM_WHY_DOMAIN},
    {"d: final dot", "d=example.org", "d=example.org.", DKIM_WHY_DOMAIN},
    {"d: empty label", "d=example.org", "d=example..org", DKIM_WHY_DOMAIN},
    {"d: white space", "d=example.org", "d=exam ple.org", DKIM_WHY_DOMAIN},
    {"d: slash", "d=example.org", "d=example.org/x", DKIM_WHY_DOMAIN},
    {"d: @", "d=example.org", "d=@example.org", DKIM_WHY_DOMAIN},
    {"s: dots", "s=sel", "s=a.b.c", DKIM_WHY_NONE},
    {"s: underscore", "s=sel", "s=a_b", DKIM_WHY_NONE},
    {"s: empty", "s=sel", "s=", DKIM_WHY_DOMAIN},
    {"s: dot", "s=sel", "s=.", DKIM_WHY_DOMAIN},
    {"s: white space", "s=sel", "s=a b", DKIM_WHY_DOMAIN},
    {"h: From", "h=from:to", "h=FROM", DKIM_WHY_NONE},
    {"h: empty", "h=from:to", "h=", DKIM_WHY_SYNTAX},
    {"h: no From", "h=from:to", "h=to:x-from", DKIM_WHY_FROM},
    {"h: empty name", "h=from:to", "h=from::to", DKIM_WHY_SYNTAX},
    {"h: final colon", "h=from:to", "h=from:", DKIM_WHY_SYNTAX},
    {"h: white space", "h=from:to", "h= to\r\n :\tfrom ", DKIM_WHY_NONE},
    {"h: white space in a name", "h=from:to", "h=fr om:from", DKIM_WHY_SYNTAX},
};

static enum dkim_reason
parse(struct arena *a, const char *value, struct dkim_sig *out)
{
	struct hdr h = {.value = str_from_z(value)};

	return dkim_sig_parse(a, &h, false, out, NULL);
}

static void
replace(char *to, size_t size, const char *tag, const char *with)
{
	const char *at = strstr(GOOD, tag);

	snprintf(to, size, "%.*s%s%s", (int)(at - GOOD), GOOD, with,
	    at + strlen(tag));
}

static void
test_reasons(void)
{
	struct dkim_sig sig;
	struct arena a;
	char text[1000];

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is_int(parse(&a, cases[i].value, &sig), cases[i].want,
		    cases[i].name);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		replace(text, sizeof(text), changes[i].tag, changes[i].with);
		is_int(parse(&a, text, &sig), changes[i].want, changes[i].name);
	}
	arena_fini(&a);
}

static void
test_fields(void)
{
	static const char value[] =
	    " v = 1 ;\r\n\ta=ed25519-sha256; d=EXAMPLE.org; s=Sel.A;"
	    " c=relaxed/simple; q=dns/txt; l=12; t=5; x=9;"
	    " h= From :\r\n To; i=joe=20q=3D=40x@Mail.example.ORG;"
	    " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NM\r\n pJWZG3hSuFU=;"
	    " b= Q U I= ; z=x";
	struct dkim_sig sig;
	struct arena a;
	struct str rest, name;

	arena_init(&a, 1 << 20);
	is_int(parse(&a, value, &sig), DKIM_WHY_NONE, "all tags");
	is_int(sig.algorithm, DKIM_ED25519_SHA256, "a");
	is_str(sig.domain, STR("example.org"), "d, lower case");
	is_str(sig.domain_text, STR("EXAMPLE.org"), "d as it stands");
	is_str(sig.selector, STR("sel.a"), "s, lower case");
	is_str(sig.selector_text, STR("Sel.A"), "s as it stands");
	is_int(sig.header_canon, DKIM_RELAXED, "c, header");
	is_int(sig.body_canon, DKIM_SIMPLE, "c, body");
	is_int(sig.body_length, 12, "l");
	is_int(sig.signed_at, 5, "t");
	is_int(sig.expires, 9, "x");
	is_str(sig.identity, STR("joe q=@x@Mail.example.ORG"), "i, decoded");
	is_str(sig.identity_domain, STR("mail.example.org"), "domain of i");
	ok(sig.body_hash.n == DKIM_HASH_SIZE &&
		str_starts(sig.body_hash, STR("\343\260\304B\230\374\034\024")),
	    "bh, decoded");
	is_str(sig.b, STR("QUI="), "b without white space");
	is_str(sig.signature, STR("AB"), "b, decoded");
	is_str(sig.b_raw, STR(" Q U I= "), "b in the field");
	rest = sig.names;
	ok(dkim_list_next(&rest, &name), "a first name");
	is_str(name, STR("From"), "which is From");
	ok(dkim_list_next(&rest, &name), "a second name");
	is_str(name, STR("To"), "which is To");
	ok(!dkim_list_next(&rest, &name), "and no more");

	is_int(parse(&a, GOOD, &sig), DKIM_WHY_NONE, "defaults");
	is_int(sig.header_canon, DKIM_SIMPLE, "default c, header");
	is_int(sig.body_canon, DKIM_SIMPLE, "default c, body");
	ok(sig.body_length == DKIM_NO_LENGTH, "default l");
	ok(sig.expires == DKIM_TIME_NEVER, "default x");
	is_str(sig.identity, STR("@example.org"), "default i");
	is_str(sig.identity_domain, STR("example.org"), "and its domain");

	is_int(parse(&a, "v=3; d=example.org; s=q", &sig), DKIM_WHY_VERSION,
	    "another version");
	is_str(sig.domain, STR("example.org"), "still has a domain");
	is_str(sig.selector, STR("q"), "and a selector");
	arena_fini(&a);
}

/* RFC 8616 section 5 */
static void
test_utf8(void)
{
	static const char value[] =
	    "v=1; a=rsa-sha256; d=b\303\274cher.example; s=\303\244.sel;"
	    " i=\303\266@\303\244.b\303\274cher.example; h=from; bh=" HASH ";"
	    " b=QUJD";
	struct dkim_sig sig;
	struct arena a;

	arena_init(&a, 1 << 20);
	is_int(parse(&a, value, &sig), DKIM_WHY_NONE, "U-labels");
	is_str(sig.domain, STR("xn--bcher-kva.example"), "d in A-labels");
	is_str(sig.selector, STR("xn--4ca.sel"), "s in A-labels");
	is_str(sig.identity_domain, STR("xn--4ca.xn--bcher-kva.example"),
	    "i in A-labels");
	is_str(sig.domain_text, STR("b\303\274cher.example"), "d as it stands");
	arena_fini(&a);
}

static void
test_arc(void)
{
	struct dkim_sig sig;
	struct tag_list tags;
	struct arena a;

	arena_init(&a, 1 << 20);
	is_int(dkim_sig_tags(&a,
		   STR("i=1; a=rsa-sha256; b=QUJD; d=example.org; s=sel; t=7;"
		       " cv=none"),
		   false, &tags, NULL),
	    0, "an ARC-Seal");
	is_int(dkim_sig_read(&a, &tags, DKIM_SIG_ARC_SEAL, &sig, NULL),
	    DKIM_WHY_NONE, "needs neither v, h nor bh");
	is_int(sig.header_canon, DKIM_RELAXED, "and is relaxed");
	is_int(dkim_sig_read(&a, &tags, DKIM_SIG_ARC_MESSAGE, &sig, NULL),
	    DKIM_WHY_MISSING, "ARC-Message-Signature needs more");
	is_int(dkim_sig_tags(&a,
		   STR("i=1; v=7; a=rsa-sha256; b=QUJD; bh=" HASH "; h=from;"
		       " d=example.org; s=sel; c=relaxed/relaxed"),
		   false, &tags, NULL),
	    0, "an ARC-Message-Signature");
	is_int(dkim_sig_read(&a, &tags, DKIM_SIG_ARC_MESSAGE, &sig, NULL),
	    DKIM_WHY_NONE, "i is no identity, v means nothing");
	arena_fini(&a);
}

static const struct {
	const char *name;
	int64_t signed_at, expires;
	enum dkim_reason want;
} times[] = {
    {"neither", 0, DKIM_TIME_NEVER, DKIM_WHY_NONE},
    {"ahead within the drift", 1100, DKIM_TIME_NEVER, DKIM_WHY_NONE},
    {"ahead beyond it", 1101, DKIM_TIME_NEVER, DKIM_WHY_FUTURE},
    {"past within the drift", 1, 900, DKIM_WHY_NONE},
    {"past beyond it", 1, 899, DKIM_WHY_EXPIRED},
    {"the end of time", DKIM_TIME_NEVER, DKIM_TIME_NEVER, DKIM_WHY_FUTURE},
};

static void
test_times(void)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct dkim_sig sig = {.signed_at = times[i].signed_at,
		    .expires = times[i].expires};

		is_int(dkim_sig_time(&sig, 1000, 100), times[i].want,
		    times[i].name);
	}
}

/* Whatever runs out, the answer is a reason and never a good signature. */
static void
test_memory(void)
{
	bool good = false, bad = true;

	for (size_t cap = 16; cap < 8192; cap += 16) {
		struct dkim_sig sig;
		struct arena a;
		enum dkim_reason why;

		arena_init(&a, cap);
		why = parse(&a, GOOD "; i=a@example.org", &sig);
		good = good || why == DKIM_WHY_NONE;
		bad = bad && why == (arena_failed(&a) ? DKIM_WHY_BUDGET
						      : DKIM_WHY_NONE);
		arena_fini(&a);
	}
	ok(good && bad, "memory runs out anywhere");
}

int
main(void)
{
	test_reasons();
	test_fields();
	test_utf8();
	test_arc();
	test_times();
	test_memory();
	return tap_done();
}
