/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim.h"

#include "lib/base/buf.h"
#include "t/tap.h"
#include "t/unit/dkim_vectors.h"

/* ---- a resolver over a table -------------------------------------------- */

struct answer {
	const char *name; /* NULL ends the table */
	enum dns_status status;
	const char *txt[7];
};

struct table {
	struct dns_source source;
	const struct answer *answers;
	unsigned asked, hinted;
};

/* One record of a key, in character-strings of at most 255 octets. */
static struct str
rdata_of(const char *txt, struct buf *b)
{
	struct str rest = str_from_z(txt);

	do {
		struct str part = str_head(rest, 255);

		buf_add_c(b, (char)part.n);
		buf_add(b, part);
		rest = str_from(rest, part.n);
	} while (rest.n);
	return buf_str(b);
}

static struct dns_rrset *
answer(const struct answer *a)
{
	struct buf b[7];
	struct str rdata[7];
	struct dns_rrset *rr;
	size_t n = 0;

	for (; n < 7 && a->txt[n]; n++) {
		buf_init(&b[n], NULL, 70000);
		rdata[n] = rdata_of(a->txt[n], &b[n]);
	}
	rr = dns_rrset_new(a->status, true, 300, n, rdata, "told so");
	while (n > 0)
		buf_fini(&b[--n]);
	return rr;
}

static struct dns_rrset *
resolve(struct dns_source *s, const struct dname *name, uint16_t type,
    int64_t deadline)
{
	struct table *t = (struct table *)s;

	(void)deadline;
	t->asked++;
	for (const struct answer *a = t->answers; a->name; a++) {
		struct dname n;

		if (type == DNS_TXT &&
		    dname_from_text(str_from_z(a->name), &n) &&
		    dname_eq(&n, name))
			return answer(a);
	}
	return dns_rrset_new(DNS_NXDOMAIN, false, 300, 0, NULL, NULL);
}

static void
hint(struct dns_source *s, const struct dname *name, uint16_t type)
{
	(void)name;
	(void)type;
	((struct table *)s)->hinted++;
}

static const struct dns_source_ops table_ops = {resolve, hint, NULL};

/* ---- one message -------------------------------------------------------- */

struct world {
	struct dkim_engine *engine;
	struct arena arena;
	struct table table;
	struct dkim_limits limits;
	int64_t now;
	size_t chunk;
	unsigned max_questions;
	/* the last result */
	const struct dkim_verdict *v;
	size_t n;
	bool wanted;
};

static void
world_init(struct world *w, struct dkim_engine *e, const struct answer *zone)
{
	*w = (struct world){.engine = e,
	    .table = {{&table_ops}, zone, 0, 0},
	    .limits = DKIM_LIMITS_DEFAULT,
	    .now = 1700000100,
	    .chunk = 65535,
	    .max_questions = 100};
	arena_init(&w->arena, 32 << 20);
}

/* Header fields without the empty line. */
static void
judge(struct world *w, struct str fields, struct str body)
{
	struct hdr_list l;
	struct dkim_verifier *v;
	struct dns dns;
	struct str none;

	arena_reset(&w->arena);
	hdr_split_message(&w->arena, fields, &l, &none);
	dns_init(&dns, &w->table.source, &w->arena, 0, w->max_questions);
	v = dkim_verifier_new(&w->arena, w->engine, &w->limits, w->now, false);
	for (size_t i = 0; i < l.n; i++)
		if (str_eq_ci(l.v[i].name, STR("DKIM-Signature")))
			dkim_verifier_field(v, &dns, &l.v[i]);
	w->wanted = dkim_verifier_eoh(v);
	for (size_t i = 0; i < body.n; i += w->chunk)
		dkim_verifier_body(v, str_head(str_from(body, i), w->chunk));
	dkim_verifier_finish(v, &dns, &l, &w->v, &w->n);
}

/* A signature field above other fields. */
static void
judge_with(
    struct world *w, struct str signature, struct str fields, struct str body)
{
	struct buf b;

	buf_init(&b, NULL, 16 << 20);
	buf_add(&b, signature);
	if (signature.n)
		buf_add_z(&b, "\r\n");
	buf_add(&b, fields);
	judge(w, buf_str(&b), body);
	/* the verdicts are views of the message: look at them first */
	for (size_t i = 0; i < w->n; i++) {
		struct dkim_verdict *v = (struct dkim_verdict *)&w->v[i];

		v->domain = arena_dup(&w->arena, v->domain);
		v->b = arena_dup(&w->arena, v->b);
		v->identity = arena_dup(&w->arena, v->identity);
		v->domain_text = arena_dup(&w->arena, v->domain_text);
		v->selector_text = arena_dup(&w->arena, v->selector_text);
	}
	buf_fini(&b);
}

static void
expect(const struct world *w, size_t i, enum dkim_result r,
    enum dkim_reason why, const char *name)
{
	if (!ok(w->n > i && w->v[i].result == r && w->v[i].reason == why, "%s",
		name) &&
	    w->n > i)
		printf("# got %s (%s)\n", dkim_result_name(w->v[i].result),
		    dkim_reason_name(w->v[i].reason));
}

/* ---- RFC 8463 appendix A ------------------------------------------------ */

#define FOOTBALL_RSA                                                       \
	"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoB" \
	"TzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W" \
	"91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9Pzox" \
	"ZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

static const struct answer football[] = {
    {"brisbane._domainkey.football.example.com", DNS_OK,
	{"v=DKIM1; k=ed25519; "
	 "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}},
    {"test._domainkey.football.example.com", DNS_OK, {FOOTBALL_RSA}},
    {NULL, 0, {NULL}},
};

#define FIELD_ED                                                          \
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"   \
	" d=football.example.com; i=@football.example.com;\r\n"           \
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"         \
	" subject : date : message-id : from : subject : date;\r\n"       \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"           \
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n" \
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
#define FIELD_RSA                                                         \
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"       \
	" d=football.example.com; i=@football.example.com;\r\n"           \
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"   \
	" date : message-id : from : subject : date;\r\n"                 \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"           \
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n" \
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n" \
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
#define FOOTBALL_HEAD                                      \
	"From: Joe SixPack <joe@football.example.com>\r\n" \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"     \
	"Subject: Is dinner ready?\r\n"                    \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"  \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
#define FOOTBALL_BODY \
	"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"

static void
test_rfc8463(struct dkim_engine *e)
{
	struct world w;

	world_init(&w, e, football);
	judge(&w, STR(FIELD_ED FIELD_RSA FOOTBALL_HEAD), STR(FOOTBALL_BODY));
	is_int(w.n, 2, "RFC 8463 appendix A: two signatures");
	expect(&w, 0, DKIM_PASS, DKIM_WHY_NONE, "Ed25519");
	expect(&w, 1, DKIM_PASS, DKIM_WHY_NONE, "RSA");
	is_int(w.v[0].algorithm, DKIM_ED25519_SHA256, "algorithm");
	is_int(w.v[0].key_bits, 256, "key size");
	is_int(w.v[1].key_bits, 1024, "key size");
	is_str(w.v[0].domain, STR("football.example.com"), "d");
	is_str(w.v[0].selector, STR("brisbane"), "s");
	is_str(w.v[0].identity, STR("@football.example.com"), "i");
	is_str(str_head(w.v[0].b, 8), STR("/gCrinpc"), "b");
	ok(w.v[0].secure && !w.v[0].testing && !w.v[0].partial, "flags");
	ok(w.wanted, "the body was wanted");
	is_int(w.table.hinted, 2, "keys were asked for early");
	judge(&w, STR(FIELD_ED FIELD_RSA FOOTBALL_HEAD), STR("Hi.\r\n"));
	expect(&w, 0, DKIM_FAIL, DKIM_WHY_BODY_HASH, "another body, Ed25519");
	expect(&w, 1, DKIM_FAIL, DKIM_WHY_BODY_HASH, "another body, RSA");
	judge(&w, STR(FIELD_ED FIELD_RSA "From: x@y.example\r\n" FOOTBALL_HEAD),
	    STR(FOOTBALL_BODY));
	expect(&w, 0, DKIM_FAIL, DKIM_WHY_SIGNATURE,
	    "a From above, oversigned, Ed25519");
	expect(&w, 1, DKIM_FAIL, DKIM_WHY_SIGNATURE,
	    "a From above, oversigned, RSA");
	judge(&w, STR(FIELD_ED FOOTBALL_HEAD "To: z@y.example\r\n"),
	    STR(FOOTBALL_BODY));
	expect(&w, 0, DKIM_FAIL, DKIM_WHY_SIGNATURE, "a To below");
	judge(&w, STR(FIELD_ED "To: z@y.example\r\n" FOOTBALL_HEAD),
	    STR(FOOTBALL_BODY));
	expect(&w, 0, DKIM_PASS, DKIM_WHY_NONE, "a To above, not oversigned");
	judge(&w, STR(FOOTBALL_HEAD), STR(FOOTBALL_BODY));
	ok(w.n == 0 && !w.wanted, "no signature");
	arena_fini(&w.arena);
}

/* ---- signatures made elsewhere ------------------------------------------ */

static const struct answer others[] = {
    {"sel._domainkey.example.org", DNS_OK, {"v=DKIM1; p=" RSA_SPKI}},
    {NULL, 0, {NULL}},
};

static void
test_others(struct dkim_engine *e)
{
	struct world w;

	world_init(&w, e, others);
	for (size_t i = 0;
	     i < sizeof(signed_by_others) / sizeof(*signed_by_others); i++) {
		struct str field = signed_by_others[i].field;
		bool all = true;

		judge_with(&w, field, head, text);
		expect(
		    &w, 0, DKIM_PASS, DKIM_WHY_NONE, signed_by_others[i].name);
		for (w.chunk = 1; w.chunk <= text.n; w.chunk++) {
			judge_with(&w, field, head, text);
			all = all && w.n == 1 && w.v[0].result == DKIM_PASS;
		}
		ok(all, "and in chunks of any size");
		judge_with(&w, field, head, str_head(text, text.n - 30));
		ok(w.v[0].result != DKIM_PASS, "not with less body");
		judge_with(&w, field, str_head(head, head.n - 10), text);
		expect(&w, 0, DKIM_FAIL, DKIM_WHY_SIGNATURE,
		    "not without the empty field");
	}
	arena_fini(&w.arena);
}

/* l=: what may follow what is signed */
static void
test_length(struct dkim_engine *e)
{
	struct str field = STR_NONE;
	struct world w;
	struct buf more;

	for (size_t i = 0;
	     i < sizeof(signed_by_others) / sizeof(*signed_by_others); i++)
		if (strstr(signed_by_others[i].name, "relaxed/simple, all"))
			field = signed_by_others[i].field;
	world_init(&w, e, others);
	buf_init(&more, NULL, 1000);
	buf_add(&more, text);
	judge_with(&w, field, head, buf_str(&more));
	ok(w.v[0].result == DKIM_PASS && !w.v[0].partial, "l= is the body");
	buf_add_z(&more, "\r\n\r\n");
	judge_with(&w, field, head, buf_str(&more));
	ok(w.v[0].result == DKIM_PASS && !w.v[0].partial,
	    "empty lines after it are none of the body");
	buf_add_z(&more, "x");
	judge_with(&w, field, head, buf_str(&more));
	expect(&w, 0, DKIM_POLICY, DKIM_WHY_UNSIGNED,
	    "unless another line comes after them");
	buf_clear(&more);
	buf_add(&more, str_head(text, text.n - 4));
	buf_add_z(&more, "appended\r\n");
	judge_with(&w, field, head, buf_str(&more));
	expect(&w, 0, DKIM_POLICY, DKIM_WHY_UNSIGNED, "text after l=");
	ok(w.v[0].partial, "is told");
	w.limits.accept_partial = true;
	judge_with(&w, field, head, buf_str(&more));
	expect(&w, 0, DKIM_PASS, DKIM_WHY_NONE, "text after l=, accepted");
	ok(w.v[0].partial, "is told all the same");
	judge_with(&w, field, head, str_head(text, 20));
	expect(
	    &w, 0, DKIM_PERMERROR, DKIM_WHY_BODY_LENGTH, "l= beyond the body");
	buf_fini(&more);
	arena_fini(&w.arena);
}

/* ---- keys --------------------------------------------------------------- */

#define KEY "p=" RSA_SPKI
#define OTHER_KEY                                                         \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC+uf3RUP0+cMDDy4QLp88mK" \
	"LkZF/KHDfvKaUAITXjz1C2W9ko4DZwrLs4Dn8thOe0xP02dprU7hb1t0+DNbdVg" \
	"KSJ2zVgHy/7VY3Q6RHT3eZQqF3hYaZ6dcOKKaoDHksyJIlN/1+nt4hS0cLBfgl4" \
	"d/yGIa+5NPZpZsJG5luoj7wIDAQAB"
#define SMALL_KEY                                                          \
	"p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMrY3AQLyZJYlpdU/XOtTgREuBZqI+" \
	"OHEIWrwQWEph3sMwlqhuGjpaeiOZiyIzA4P8K5x1rGOdguumHVMw9bz3ECAwEAAQ" \
	"=="

static const struct {
	const char *name;
	struct answer answer;
	enum dkim_result result;
	enum dkim_reason why;
} keys[] = {
    {"PKCS#1", {"", DNS_OK, {"p=" RSA_PKCS1}}, DKIM_PASS, 0},
    {"second of two records", {"", DNS_OK, {"v=spf1 -all", KEY}}, DKIM_PASS, 0},
    {"first of two records", {"", DNS_OK, {KEY, "p="}}, DKIM_PASS, 0},
    {"fifth of five", {"", DNS_OK, {"a", "p=", OTHER_KEY, SMALL_KEY, KEY}},
	DKIM_PASS, 0},
    {"sixth of six", {"", DNS_OK, {"a", "p=", OTHER_KEY, SMALL_KEY, "b", KEY}},
	DKIM_FAIL, DKIM_WHY_SIGNATURE},
    {"testing", {"", DNS_OK, {"t=y; " KEY}}, DKIM_PASS, 0},
    {"another key", {"", DNS_OK, {OTHER_KEY}}, DKIM_FAIL, DKIM_WHY_SIGNATURE},
    {"revoked", {"", DNS_OK, {"v=DKIM1; p="}}, DKIM_PERMERROR,
	DKIM_WHY_REVOKED},
    {"512 bits", {"", DNS_OK, {SMALL_KEY}}, DKIM_PERMERROR, DKIM_WHY_KEY_SMALL},
    {"no key record", {"", DNS_OK, {"v=spf1 -all"}}, DKIM_PERMERROR,
	DKIM_WHY_KEY_SYNTAX},
    {"h=sha1", {"", DNS_OK, {"h=sha1; " KEY}}, DKIM_PERMERROR,
	DKIM_WHY_KEY_TYPE},
    {"s=tlsrpt", {"", DNS_OK, {"s=tlsrpt; " KEY}}, DKIM_PERMERROR,
	DKIM_WHY_KEY_TYPE},
    {"k=ed25519",
	{"", DNS_OK,
	    {"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}},
	DKIM_PERMERROR, DKIM_WHY_KEY_TYPE},
    {"t=s, i below d", {"", DNS_OK, {"t=s; " KEY}}, DKIM_PERMERROR,
	DKIM_WHY_KEY_FLAG},
    {"NODATA", {"", DNS_NODATA, {NULL}}, DKIM_PERMERROR, DKIM_WHY_NO_KEY},
    {"NXDOMAIN", {"", DNS_NXDOMAIN, {NULL}}, DKIM_PERMERROR, DKIM_WHY_NO_KEY},
    {"no answer", {"", DNS_TEMP, {NULL}}, DKIM_TEMPERROR, DKIM_WHY_DNS},
    {"bogus", {"", DNS_BOGUS, {NULL}}, DKIM_TEMPERROR, DKIM_WHY_BOGUS},
};

/* relaxed/relaxed, i=ann@mail.example.org */
static struct str
relaxed_field(void)
{
	for (size_t i = 0;
	     i < sizeof(signed_by_others) / sizeof(*signed_by_others); i++)
		if (strcmp(signed_by_others[i].name, "relaxed/relaxed") == 0)
			return signed_by_others[i].field;
	return STR_NONE;
}

static void
test_keys(struct dkim_engine *e)
{
	struct answer zone[2] = {{NULL, 0, {NULL}}, {NULL, 0, {NULL}}};
	struct world w;

	world_init(&w, e, zone);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		zone[0] = keys[i].answer;
		zone[0].name = "sel._domainkey.example.org";
		judge_with(&w, relaxed_field(), head, text);
		expect(&w, 0, keys[i].result, keys[i].why, keys[i].name);
		if (strcmp(keys[i].name, "testing") == 0)
			ok(w.v[0].testing, "is told");
	}
	zone[0] = (struct answer){"sel._domainkey.example.org", DNS_OK, {KEY}};
	w.limits.min_rsa_bits = 3072;
	judge_with(&w, relaxed_field(), head, text);
	expect(&w, 0, DKIM_PERMERROR, DKIM_WHY_KEY_SMALL, "lower bound");
	is_int(w.v[0].key_bits, 2048, "the size is told");
	w.limits.min_rsa_bits = 512;
	w.limits.max_rsa_bits = 1024;
	judge_with(&w, relaxed_field(), head, text);
	expect(&w, 0, DKIM_PERMERROR, DKIM_WHY_KEY_LARGE, "upper bound");
	w.limits = DKIM_LIMITS_DEFAULT;
	w.max_questions = 0;
	judge_with(&w, relaxed_field(), head, text);
	expect(&w, 0, DKIM_TEMPERROR, DKIM_WHY_BUDGET, "no question left");
	arena_fini(&w.arena);
}

/* ---- fields that are not evaluated, limits ------------------------------ */

#define HASH "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="
#define REST "; h=from; bh=" HASH "; b=QUJD"

static const struct {
	const char *name, *field;
	enum dkim_result result;
	enum dkim_reason why;
	const char *domain;
} fields[] = {
    {"empty", "DKIM-Signature:", DKIM_PERMERROR, DKIM_WHY_SYNTAX, ""},
    {"garbage", "DKIM-Signature: garbage", DKIM_PERMERROR, DKIM_WHY_SYNTAX, ""},
    {"version", "DKIM-Signature: v=2; a=rsa-sha256; d=a.example; s=s" REST,
	DKIM_PERMERROR, DKIM_WHY_VERSION, "a.example"},
    {"rsa-sha1", "DKIM-Signature: v=1; a=rsa-sha1; d=a.example; s=s" REST,
	DKIM_PERMERROR, DKIM_WHY_SHA1, "a.example"},
    {"expired",
	"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s;"
	" x=1699999799" REST,
	DKIM_PERMERROR, DKIM_WHY_EXPIRED, "a.example"},
    {"expired within the drift",
	"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s;"
	" x=1699999800" REST,
	DKIM_PERMERROR, DKIM_WHY_NO_KEY, "a.example"},
    {"future",
	"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s;"
	" t=1700000401" REST,
	DKIM_PERMERROR, DKIM_WHY_FUTURE, "a.example"},
    {"no From",
	"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s; h=to;"
	" bh=" HASH "; b=QUJD",
	DKIM_PERMERROR, DKIM_WHY_FROM, "a.example"},
    {"a domain that is none",
	"DKIM-Signature: v=1; a=rsa-sha256; d=a..Example; s=s" REST,
	DKIM_PERMERROR, DKIM_WHY_DOMAIN, "a..Example"},
    {"a name beyond 255 octets",
	"DKIM-Signature: v=1; a=rsa-sha256; d=a.example;"
	" s=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" REST,
	DKIM_PERMERROR, DKIM_WHY_DOMAIN, "a.example"},
    {"a U-label reaches its key",
	"DKIM-Signature: v=1; a=rsa-sha256; d=b\303\274cher.example;"
	" s=sel" REST,
	DKIM_FAIL, DKIM_WHY_SIGNATURE, "xn--bcher-kva.example"},
    {"Ed25519 signature of a wrong size",
	"DKIM-Signature: v=1; a=ed25519-sha256; d=ed.example;"
	" s=sel" REST,
	DKIM_FAIL, DKIM_WHY_SIGNATURE, "ed.example"},
    {"bh of a wrong size",
	"DKIM-Signature: v=1; a=rsa-sha256; d=b\303\274cher.example;"
	" s=sel; h=from; bh=QUJD; b=QUJD",
	DKIM_PERMERROR, DKIM_WHY_SYNTAX, "xn--bcher-kva.example"},
};

static const struct answer odd[] = {
    {"sel._domainkey.xn--bcher-kva.example", DNS_OK, {KEY}},
    {"sel._domainkey.ed.example", DNS_OK,
	{"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}},
    {NULL, 0, {NULL}},
};

static void
test_fields(struct dkim_engine *e)
{
	struct world w;

	world_init(&w, e, odd);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		judge_with(&w, str_from_z(fields[i].field), STR("From: a\r\n"),
		    STR_NONE);
		expect(&w, 0, fields[i].result, fields[i].why, fields[i].name);
		is_str(
		    w.v[0].domain, str_from_z(fields[i].domain), "its domain");
	}
	arena_fini(&w.arena);
}

static void
add_times(struct buf *b, const char *z, size_t n)
{
	while (n--)
		buf_add_z(b, z);
}

static void
test_limits(struct dkim_engine *e)
{
	static const char one[] =
	    "DKIM-Signature: v=1; a=rsa-sha256; d=xn--bcher-kva.example;"
	    " s=sel" REST "\r\n";
	struct world w;
	struct buf b;
	size_t budget = 0;

	world_init(&w, e, odd);
	buf_init(&b, NULL, 4 << 20);
	add_times(&b, one, 1000);
	buf_add_z(&b, "From: a\r\n");
	judge(&w, buf_str(&b), STR_NONE);
	is_int(w.n, 1000, "1000 signatures, 1000 verdicts");
	expect(&w, 9, DKIM_FAIL, DKIM_WHY_SIGNATURE, "ten are evaluated");
	for (size_t i = 10; i < w.n; i++)
		budget += w.v[i].reason == DKIM_WHY_BUDGET &&
			  w.v[i].result == DKIM_PERMERROR;
	is_int(budget, 990, "the others are not");
	is_int(w.table.asked, 10, "ten keys are asked for");

	buf_clear(&b);
	for (int i = 0; i < 9; i++)
		buf_addf(&b,
		    "DKIM-Signature: v=1; a=rsa-sha256; l=%d; s=sel;"
		    " d=xn--bcher-kva.example" REST "\r\n",
		    i);
	buf_add_z(&b, "From: a\r\n");
	judge(&w, buf_str(&b), STR("some text\r\n"));
	expect(&w, 7, DKIM_FAIL, DKIM_WHY_BODY_HASH, "eight body hashes");
	expect(&w, 8, DKIM_PERMERROR, DKIM_WHY_BUDGET, "the ninth");

	buf_clear(&b);
	buf_add_z(&b, "DKIM-Signature: v=1; a=rsa-sha256; bh=" HASH
		      "; b=QUJD; d=xn--bcher-kva.example; s=sel; h=from");
	add_times(&b, ":x-a:from", 10000);
	buf_add_z(&b, "\r\n");
	add_times(&b, "X-A: b\r\n", 10000);
	add_times(&b, "From: b\r\n", 10000);
	judge(&w, buf_str(&b), STR_NONE);
	expect(&w, 0, DKIM_FAIL, DKIM_WHY_SIGNATURE,
	    "20000 fields, all of them signed");
	w.limits.max_header_octets = 150000;
	judge(&w, buf_str(&b), STR_NONE);
	expect(&w, 0, DKIM_PERMERROR, DKIM_WHY_BUDGET,
	    "more header than may be hashed");
	buf_fini(&b);
	arena_fini(&w.arena);
}

/* The signature's own field is never one of h=; another one may be. */
static void
test_own_field(struct dkim_engine *e)
{
	static const char own[] =
	    "DKIM-Signature: v=1; a=rsa-sha256; d=xn--bcher-kva.example;"
	    " s=sel; h=from:dkim-signature:dkim-signature; bh=" HASH
	    "; b=QUJD\r\nFrom: a\r\n";
	size_t length = strlen(own) - strlen("From: a\r\n") - 2;
	struct world w;

	world_init(&w, e, odd);
	/* its octets are counted once, and From with its CRLF */
	w.limits.max_header_octets = length + strlen("From: a\r\n");
	judge(&w, str_from_z(own), STR_NONE);
	expect(&w, 0, DKIM_FAIL, DKIM_WHY_SIGNATURE, "h= names itself");
	w.limits.max_header_octets--;
	judge(&w, str_from_z(own), STR_NONE);
	expect(&w, 0, DKIM_PERMERROR, DKIM_WHY_BUDGET, "one octet less");
	arena_fini(&w.arena);
}

/* Wherever memory ends there is a verdict, and it is no pass by mistake. */
static void
test_memory(struct dkim_engine *e)
{
	bool pass = false, sound = true;
	struct buf b;

	buf_init(&b, NULL, 10000);
	buf_add(&b, relaxed_field());
	buf_add_z(&b, "\r\n");
	buf_add(&b, head);
	for (size_t cap = 0; cap < 40000; cap += 200) {
		struct table table = {{&table_ops}, others, 0, 0};
		struct dkim_limits limits = DKIM_LIMITS_DEFAULT;
		const struct dkim_verdict *out;
		struct dkim_verifier *v;
		struct arena list, a;
		struct hdr_list l;
		struct dns dns;
		struct str none;
		size_t n;

		arena_init(&list, 1 << 20);
		arena_init(&a, cap);
		hdr_split_message(&list, buf_str(&b), &l, &none);
		dns_init(&dns, &table.source, &a, 0, 10);
		v = dkim_verifier_new(&a, e, &limits, 1700000100, false);
		if (v) {
			dkim_verifier_field(v, &dns, &l.v[0]);
			dkim_verifier_eoh(v);
			dkim_verifier_body(v, text);
			dkim_verifier_finish(v, &dns, &l, &out, &n);
			pass = pass || out->result == DKIM_PASS;
			sound =
			    sound && n == 1 &&
			    (arena_failed(&a) ? out->result == DKIM_TEMPERROR
					      : out->result == DKIM_PASS);
		}
		arena_fini(&a);
		arena_fini(&list);
	}
	ok(pass && sound, "memory runs out anywhere");
	buf_fini(&b);
}

int
main(void)
{
	struct dkim_engine *e;
	struct arena a;

	arena_init(&a, 1 << 16);
	e = dkim_engine_new(&a);
	ok(e, "engine");
	if (!e)
		return tap_done();
	test_rfc8463(e);
	test_others(e);
	test_length(e);
	test_keys(e);
	test_fields(e);
	test_limits(e);
	test_own_field(e);
	test_memory(e);
	is_str(str_from_z(dkim_result_name(DKIM_NEUTRAL)), STR("neutral"),
	    "name of a result");
	is_str(str_from_z(dkim_reason_name(DKIM_WHY_NONE)), STR(""),
	    "name of no reason");
	for (int i = 1; i < DKIM_REASON_COUNT; i++)
		ok(strlen(dkim_reason_name((enum dkim_reason)i)) > 3,
		    "reason %d: %s", i, dkim_reason_name((enum dkim_reason)i));
	arena_fini(&a);
	return tap_done();
}
