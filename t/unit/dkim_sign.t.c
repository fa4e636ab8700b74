/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_sign.h"

#include "lib/base/err.h"
#include "lib/dns/dns_zone.h"
#include "t/tap.h"
#include "t/unit/dkim_keys.h"

#define NOW 1793527200

struct lab {
	struct arena arena; /* of keys and results */
	struct dkim_engine *engine;
	struct buf field, message, zone;
};

static void
lab_init(struct lab *l)
{
	arena_init(&l->arena, 16 << 20);
	l->engine = dkim_engine_new(&l->arena);
	buf_init(&l->field, NULL, 1 << 20);
	buf_init(&l->message, NULL, 1 << 20);
	buf_init(&l->zone, NULL, 1 << 20);
}

static void
lab_fini(struct lab *l)
{
	buf_fini(&l->zone);
	buf_fini(&l->message);
	buf_fini(&l->field);
	arena_fini(&l->arena);
}

static struct dkim_private *
read_key(struct lab *l, const char *pem)
{
	struct dkim_private *k = NULL;

	if (dkim_private_read(&l->arena, l->engine, str_from_z(pem), &k, NULL))
		return NULL;
	return k;
}

/* Puts the signature of fields + body into l->field. */
static int
sign(struct lab *l, const struct dkim_sign_config *c, struct str fields,
    struct str body, size_t chunk)
{
	struct dkim_signing *s;
	struct hdr_list list;
	struct str none;

	buf_clear(&l->field);
	hdr_split_message(&l->arena, fields, &list, &none);
	s = dkim_signing_new(&l->arena, l->engine, c);
	for (size_t i = 0; i < body.n; i += chunk)
		dkim_signing_body(s, str_head(str_from(body, i), chunk));
	return dkim_signing_finish(s, &list, &l->field);
}

/* Verifies field + fields + body against the record of the key. */
static struct dkim_verdict
verify(struct lab *l, const struct dkim_private *key, struct str fields,
    struct str body)
{
	struct dkim_limits limits = DKIM_LIMITS_DEFAULT;
	struct dkim_verdict out = {.result = DKIM_NONE};
	const struct dkim_verdict *v;
	struct dkim_verifier *verifier;
	struct dns_source *source;
	struct hdr_list list;
	struct str none;
	struct dns dns;
	size_t n;

	buf_clear(&l->zone);
	buf_add_z(&l->zone, "s1._domainkey.example.com TXT \"");
	dkim_private_record(key, &l->zone);
	buf_add_z(&l->zone, "\"\n");
	if (dns_zone_parse(buf_str(&l->zone), &source, NULL))
		return out;
	buf_clear(&l->message);
	buf_add(&l->message, buf_str(&l->field));
	buf_add(&l->message, fields);
	hdr_split_message(&l->arena, buf_str(&l->message), &list, &none);
	dns_init(&dns, source, &l->arena, 0, 10);
	verifier =
	    dkim_verifier_new(&l->arena, l->engine, &limits, NOW + 5, false);
	for (size_t i = 0; i < list.n; i++)
		if (str_eq_ci(list.v[i].name, STR("DKIM-Signature")))
			dkim_verifier_field(verifier, &dns, &list.v[i]);
	dkim_verifier_eoh(verifier);
	dkim_verifier_body(verifier, body);
	dkim_verifier_finish(verifier, &dns, &list, &v, &n);
	if (n == 1)
		out = v[0];
	dns_source_close(source);
	return out;
}

static const struct str fields =
    STR_INIT("From: \"R\" <r@example.com>\r\nTo: x@example.net\r\n"
	     "Subject: Report Domain: a.example\r\n Submitter: b\r\n"
	     "Date: Sun, 1 Nov 2026 10:00:00 +0000\r\nX-Other: 1\r\n"
	     "TLS-Report-Domain: a.example\r\n");
static const struct str body = STR_INIT("a  b \t\r\n\r\nc\r\n\r\n\r\n");

static bool
lines_fit(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		n = s.p[i] == '\n' ? 0 : n + (s.p[i] == '\t' ? 8 : 1);
		if (n > 79) /* with the CR */
			return false;
	}
	return str_ends_ci(s, STR("\r\n"));
}

static void
test_sign(struct lab *l, const char *pem, const char *name)
{
	struct dkim_sign_config c = {.domain = STR("example.com"),
	    .selector = STR("s1"),
	    .now = NOW,
	    .valid = 604800};
	struct str other = STR("From: \"R\" <r@example.com>\r\n"), first;
	struct buf more;

	buf_init(&more, NULL, 10000);
	c.key = read_key(l, pem);
	is_int(sign(l, &c, fields, body, 3), 0, name);
	first = arena_dup(&l->arena, buf_str(&l->field));
	ok(lines_fit(first), "%s: folded", name);
	is_int(verify(l, c.key, fields, body).result, DKIM_PASS, "verifies");
	is_int(verify(l, c.key, fields, STR("a b\r\n\r\nd\r\n")).result,
	    DKIM_FAIL, "not with another body");
	is_int(verify(l, c.key, other, body).result, DKIM_FAIL,
	    "not with fields left out");
	/* RFC 6376 section 8.15: nothing can be added, above or below */
	for (int i = 0; i < 6; i++) {
		static const char *const added[] = {"From: z@example.com",
		    "Subject: z", "To: z@example.org", "Reply-To: z@z.example",
		    "Content-Type: text/html", "Date: x"};

		buf_clear(&more);
		buf_addf(&more, "%s\r\n%.*s", added[i], STRF(fields));
		is_int(verify(l, c.key, buf_str(&more), body).result, DKIM_FAIL,
		    added[i]);
		buf_clear(&more);
		buf_addf(&more, "%.*s%s\r\n", STRF(fields), added[i]);
		is_int(verify(l, c.key, buf_str(&more), body).result, DKIM_FAIL,
		    added[i]);
	}
	buf_clear(&more);
	buf_addf(&more, "Received: by x\r\n%.*s", STRF(fields));
	is_int(verify(l, c.key, buf_str(&more), body).result, DKIM_PASS,
	    "a Received field does no harm");
	sign(l, &c, fields, body, 1000);
	is_str(buf_str(&l->field), first, "the same octets again");
	buf_fini(&more);
}

/* The form of the field, to the octet, without what the key makes. */
static void
test_form(struct lab *l)
{
	static const char want[] =
	    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; "
	    "d=example.com; s=s1;\r\n"
	    "\tt=1793527200; h=From:From:Sender:Reply-To:To:To:Cc:Subject:"
	    "Subject:\r\n"
	    "\tDate:Date:Message-ID:In-Reply-To:References:MIME-Version:"
	    "Content-Type:\r\n"
	    "\tTLS-Report-Domain:TLS-Report-Domain;\r\n\tbh=";
	struct dkim_sign_config c = {
	    .domain = STR("example.com"), .selector = STR("s1"), .now = NOW};

	c.key = read_key(l, KEY_ED25519);
	sign(l, &c, fields, body, 100);
	is_str(str_head(buf_str(&l->field), sizeof(want) - 1), str_from_z(want),
	    "form of the field");
	ok(!str_contains_ci(buf_str(&l->field), STR(" x=")), "no x= unasked");
	ok(!str_contains_ci(buf_str(&l->field), STR(" l=")), "no l=");
}

static void
test_refusals(struct lab *l)
{
	static const struct {
		const char *name, *domain, *selector, *fields;
		int64_t now;
	} bad[] = {
	    {"no From", "example.com", "s1", "To: x\r\n", NOW},
	    {"two From", "example.com", "s1", "From: x\r\nFrom: y\r\n", NOW},
	    {"one label", "com", "s1", "From: x\r\n", NOW},
	    {"final dot", "example.com.", "s1", "From: x\r\n", NOW},
	    {"tag in the domain", "example.com; l=0", "s1", "From: x\r\n", NOW},
	    {"line in the domain", "a\r\nb.com", "s1", "From: x\r\n", NOW},
	    {"no selector", "example.com", "", "From: x\r\n", NOW},
	    {"tag in the selector", "example.com", "s1;x", "From: x\r\n", NOW},
	    {"empty label", "example..com", "s1", "From: x\r\n", NOW},
	    {"time before the epoch", "example.com", "s1", "From: x\r\n", -1},
	};
	struct dkim_private *key = read_key(l, KEY_ED25519);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dkim_sign_config c = {.key = key,
		    .domain = str_from_z(bad[i].domain),
		    .selector = str_from_z(bad[i].selector),
		    .now = bad[i].now};

		is_int(sign(l, &c, str_from_z(bad[i].fields), body, 100),
		    AVER_SYNTAX, bad[i].name);
		is_int(l->field.n, 0, "nothing is written");
	}
}

static void
test_keys(struct lab *l)
{
	static const struct {
		const char *name, *pem;
		int err;
		const char *says;
	} keys[] = {
	    {"RSA 2048", KEY_RSA_2048, 0, ""},
	    {"text around it", "Note\n" KEY_ED25519 "end\n", 0, ""},
	    {"RSA 1024, PKCS#1", KEY_RSA_1024_PKCS1, 0,
		"an RSA key of 1024 bits: should be 2048 or more"},
	    {"Ed25519", KEY_ED25519, 0, ""},
	    {"RSA 1023", KEY_RSA_1023, AVER_CRYPTO,
		"an RSA key of 1023 bits: must be 1024 to 16384"},
	    {"EC", KEY_EC, AVER_CRYPTO, "the key is neither RSA nor Ed25519"},
	    {"passphrase", KEY_PASSPHRASE, AVER_SYNTAX,
		"the key is encrypted with a passphrase"},
	    {"passphrase, PKCS#1", KEY_PASSPHRASE_PKCS1, AVER_SYNTAX,
		"the key is encrypted with a passphrase"},
	    {"public key", KEY_PUBLIC, AVER_SYNTAX, "no private key in PEM"},
	    {"nothing", "", AVER_SYNTAX, "no private key in PEM"},
	    {"cut off", "-----BEGIN PRIVATE KEY-----\nMC4C", AVER_SYNTAX,
		"no private key in PEM"},
	    {"not base64",
		"-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----",
		AVER_SYNTAX, "damaged base64 in the key"},
	    {"no DER",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
		AVER_SYNTAX, "no private key in there"},
	    {"empty", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
		AVER_SYNTAX, "no private key in there"},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct dkim_private *k = NULL;
		struct diag d = {.text = "?"};

		is_int(dkim_private_read(&l->arena, l->engine,
			   str_from_z(keys[i].pem), &k, &d),
		    keys[i].err, keys[i].name);
		is_str(
		    str_from_z(d.text), str_from_z(keys[i].says), keys[i].name);
		ok((k != NULL) == (keys[i].err == 0), "%s", keys[i].name);
	}
}

static void
test_records(struct lab *l)
{
	static const struct {
		const char *name, *record;
		enum dkim_reason want;
	} records[] = {
	    {"another key",
		"v=DKIM1; k=ed25519; "
		"p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
		DKIM_WHY_SIGNATURE},
	    {"revoked", "v=DKIM1; k=ed25519; p=", DKIM_WHY_REVOKED},
	    {"other type",
		"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDk"
		"HlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
		"J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1"
		"Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip"
		"3G+2kryOTIKT+l/K4w3QIDAQAB",
		DKIM_WHY_KEY_TYPE},
	    {"no record", "v=spf1 -all", DKIM_WHY_KEY_SYNTAX},
	    {"not DKIM1", "v=DKIM2; p=", DKIM_WHY_KEY_SYNTAX},
	    {"not for mail",
		"v=DKIM1; k=ed25519; s=tlsrpt; "
		"p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
		DKIM_WHY_KEY_TYPE},
	};
	static const char *const pems[] = {
	    KEY_RSA_2048, KEY_RSA_1024_PKCS1, KEY_ED25519};
	struct dkim_private *k = read_key(l, KEY_ED25519);
	struct diag d;
	struct buf b;

	buf_init(&b, NULL, 10000);
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
		is_int(dkim_private_matches(&l->arena, l->engine, k,
			   str_from_z(records[i].record), &d),
		    records[i].want, records[i].name);
	for (size_t i = 0; i < sizeof(pems) / sizeof(*pems); i++) {
		buf_clear(&b);
		k = read_key(l, pems[i]);
		is_int(dkim_private_record(k, &b), 0, "record");
		is_int(dkim_private_matches(
			   &l->arena, l->engine, k, buf_str(&b), &d),
		    DKIM_WHY_NONE, "its own record");
	}
	is_int(dkim_private_algorithm(k), DKIM_ED25519_SHA256, "algorithm");
	is_int(dkim_private_bits(k), 256, "bits");
	buf_fini(&b);
}

/* Each call runs out of memory in turn; none crashes or signs half. */
static void
test_memory(struct lab *l)
{
	struct dkim_sign_config c = {
	    .domain = STR("example.com"), .selector = STR("s1"), .now = NOW};
	struct hdr_list list;
	struct str none;
	struct buf b;
	int good = 0, bad = 0;

	buf_init(&b, NULL, 1 << 16);
	c.key = read_key(l, KEY_ED25519);
	hdr_split_message(&l->arena, fields, &list, &none);
	for (size_t cap = 100; cap < 200000; cap += cap / 7) {
		struct dkim_signing *s;
		struct arena a;
		int err = AVER_NOMEM;

		buf_clear(&b);
		arena_init(&a, cap);
		s = dkim_signing_new(&a, l->engine, &c);
		if (s) {
			dkim_signing_body(s, body);
			err = dkim_signing_finish(s, &list, &b);
		}
		good += err == 0 && b.n > 0;
		bad += err != 0 && b.n == 0;
		arena_fini(&a);
	}
	ok(good > 2 && bad > 2, "little memory: %d good, %d refused", good,
	    bad);
	buf_fini(&b);
	buf_init(&b, NULL, 50);
	sign(l, &c, fields, body, 10);
	{
		struct dkim_signing *s =
		    dkim_signing_new(&l->arena, l->engine, &c);

		is_int(dkim_signing_finish(s, &list, &b), AVER_LIMIT,
		    "a full buffer");
	}
	buf_fini(&b);
}

int
main(void)
{
	struct lab l;

	lab_init(&l);
	test_sign(&l, KEY_RSA_2048, "RSA 2048");
	test_sign(&l, KEY_RSA_1024_PKCS1, "RSA 1024");
	test_sign(&l, KEY_ED25519, "Ed25519");
	test_form(&l);
	test_refusals(&l);
	test_keys(&l);
	test_records(&l);
	test_memory(&l);
	lab_fini(&l);
	return tap_done();
}
