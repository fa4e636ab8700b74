/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_key.h"

#include "lib/base/b64.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/dkim/dkim_rsa.h"
#include "t/tap.h"

/* 1024 bits, SubjectPublicKeyInfo */
#define RSA                                                            \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3" \
	"idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"  \
	"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYL" \
	"zBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define ED "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static const struct {
	const char *name, *text;
	int err;
	enum dkim_reason why;
} cases[] = {
    {"all tags", "v=DKIM1; h=sha1:sha256; k=rsa; n=notes; s=*; t=y:s; p=" RSA,
	0, DKIM_WHY_NONE},
    {"only p", "p=" RSA, 0, DKIM_WHY_NONE},
    {"final semicolon", "k=rsa; p=" RSA ";", 0, DKIM_WHY_NONE},
    {"ed25519", "k=ed25519; p=" ED, 0, DKIM_WHY_NONE},
    {"white space in p",
	"k=ed25519; p= 11qYAYKxCrfVS/7TyWQH\tOg7h cvPap"
	"iMlrwIaaPcHURo= ",
	0, DKIM_WHY_NONE},
    {"UTF-8 notes", "n=\303\251; p=" RSA, 0, DKIM_WHY_NONE},
    {"obsolete g=", "g=; p=" RSA, 0, DKIM_WHY_NONE},
    {"revoked", "v=DKIM1; p=", 0, DKIM_WHY_REVOKED},
    {"revoked, white space", "p= ;", 0, DKIM_WHY_REVOKED},
    {"unknown k", "k=dsa; p=QUJD", 0, DKIM_WHY_KEY_TYPE},
    {"k has case", "k=RSA; p=" RSA, 0, DKIM_WHY_KEY_TYPE},
    {"k is empty", "k=; p=" RSA, 0, DKIM_WHY_KEY_TYPE},
    {"empty", "", AVER_SYNTAX, 0},
    {"no p", "v=DKIM1; k=rsa", AVER_SYNTAX, 0},
    {"P is not p", "P=" RSA, AVER_SYNTAX, 0},
    {"another record", "v=spf1 -all", AVER_SYNTAX, 0},
    {"text", "hello world", AVER_SYNTAX, 0},
    {"v not first", "p=" RSA "; v=DKIM1", AVER_SYNTAX, 0},
    {"v in lower case", "v=dkim1; p=" RSA, AVER_SYNTAX, 0},
    {"v=DKIM10", "v=DKIM10; p=" RSA, AVER_SYNTAX, 0},
    {"p twice", "p=" RSA "; p=" RSA, AVER_SYNTAX, 0},
    {"empty tag", "v=DKIM1;; p=" RSA, AVER_SYNTAX, 0},
    {"p is no base64", "p=!!!!", AVER_SYNTAX, 0},
    {"p is no key", "p=QUJD", AVER_SYNTAX, 0},
    {"p is cut off", "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQ",
	AVER_SYNTAX, 0},
    {"p has more after it", "p=" RSA "AAAA", AVER_SYNTAX, 0},
    {"an RSA key for ed25519", "k=ed25519; p=" RSA, AVER_SYNTAX, 0},
    {"an ed25519 key for RSA", "k=rsa; p=" ED, AVER_SYNTAX, 0},
    {"ed25519 in SubjectPublicKeyInfo",
	"k=ed25519; p=MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlr"
	"wIaaPcHURo=",
	AVER_SYNTAX, 0},
    {"ed25519 of 31 octets",
	"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHUQ==",
	AVER_SYNTAX, 0},
    {"RSA of 512 bits",
	"p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMrY3AQLyZJYlpdU/XOtTgREuBZq"
	"I+OHEIWrwQWEph3sMwlqhuGjpaeiOZiyIzA4P8K5x1rGOdguumHVMw9bz3ECAwEAAQ==",
	0, DKIM_WHY_KEY_SMALL},
};

static void
test_records(struct dkim_engine *e)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dkim_key k = {.bits = 77};
		struct diag d = {.text = ""};

		is_int(dkim_key_parse(&a, e, str_from_z(cases[i].text), &k, &d),
		    cases[i].err, cases[i].name);
		if (cases[i].err) {
			ok(k.bits == 77 && d.text[0], "and says why: %s",
			    d.text);
			continue;
		}
		is_int(k.why, cases[i].why, cases[i].name);
		ok((k.why == DKIM_WHY_NONE) == (k.pkey != NULL),
		    "a key only when it is good");
	}
	arena_fini(&a);
}

static void
test_attributes(struct dkim_engine *e)
{
	struct dkim_key k;
	struct arena a;

	arena_init(&a, 1 << 20);
	is_int(dkim_key_parse(&a, e, STR("p=" RSA), &k, NULL), 0, "defaults");
	is_str(k.k, STR("rsa"), "k");
	ok(!k.testing && !k.strict, "no flags");
	ok(k.sha256 && k.email, "any hash, any service");
	is_int(k.bits, 1024, "size");
	is_int(k.type, DKIM_KEY_RSA, "type");
	is_int(dkim_key_parse(&a, e,
		   STR("v = DKIM1 ; h= sha1 : x; s=a : tlsrpt; t= zz :\ty;"
		       " k=ed25519; p=" ED),
		   &k, NULL),
	    0, "all set");
	ok(k.testing && !k.strict, "t=y");
	ok(!k.sha256 && !k.email, "h and s exclude us");
	is_str(k.flags, STR("zz :\ty"), "flags as they stand");
	is_int(k.bits, 256, "size");
	is_int(k.type, DKIM_KEY_ED25519, "type");
	is_int(dkim_key_parse(
		   &a, e, STR("h=sha256; s=x:email; t=y:s; p=" RSA), &k, NULL),
	    0, "set again");
	ok(k.testing && k.strict && k.sha256 && k.email, "all good");
	is_int(dkim_key_parse(&a, e, STR("h=; s=; t=; p=" RSA), &k, NULL), 0,
	    "lists are empty");
	ok(!k.testing && !k.strict && !k.sha256 && !k.email,
	    "and have nothing");
	arena_fini(&a);
}

#define N8 "\xc1\x02\x03\x04\x05\x06\x07\x09"

static const struct {
	const char *name;
	struct str der;
	unsigned bits; /* 0: refused */
} ders[] = {
    {"PKCS#1", STR_INIT("\x30\x0e\x02\x09\0" N8 "\x02\x01\x03"), 64},
    {"without sign octet", STR_INIT("\x30\x06\x02\x01\x41\x02\x01\x03"), 7},
    {"SubjectPublicKeyInfo",
	STR_INIT("\x30\x23\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
		 "\x01\x01\x05\x00\x03\x12\0\x30\x0f\x02\x09\0" N8
		 "\x02\x02\x01\x01"),
	64},
    {"without parameters",
	STR_INIT("\x30\x21\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
		 "\x01\x01\x03\x12\0\x30\x0f\x02\x09\0" N8 "\x02\x02\x01\x01"),
	64},
    {"other algorithm",
	STR_INIT("\x30\x21\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
		 "\x01\x0a\x03\x12\0\x30\x0f\x02\x09\0" N8 "\x02\x02\x01\x01"),
	0},
    {"unused bits",
	STR_INIT(
	    "\x30\x21\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
	    "\x01\x01\x03\x12\x01\x30\x0f\x02\x09\0" N8 "\x02\x02\x01\x01"),
	0},
    {"empty bit string",
	STR_INIT("\x30\x0f\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01"
		 "\x01\x01\x03\x00"),
	0},
    {"nothing", STR_INIT(""), 0},
    {"empty sequence", STR_INIT("\x30\x00"), 0},
    {"octets after it", STR_INIT("\x30\x06\x02\x01\x41\x02\x01\x03\0"), 0},
    {"octets in it", STR_INIT("\x30\x07\x02\x01\x41\x02\x01\x03\0"), 0},
    {"length past the end", STR_INIT("\x30\x07\x02\x01\x41\x02\x01\x03"), 0},
    {"inner length past the end", STR_INIT("\x30\x06\x02\x01\x41\x02\x02\x03"),
	0},
    {"long form of a short length",
	STR_INIT("\x30\x81\x06\x02\x01\x41\x02\x01\x03"), 0},
    {"two octets for a length of one",
	STR_INIT("\x30\x82\0\x06\x02\x01\x41\x02\x01\x03"), 0},
    {"indefinite length", STR_INIT("\x30\x80\x02\x01\x41\x02\x01\x03\0\0"), 0},
    {"length of four octets",
	STR_INIT("\x30\x84\0\0\0\x06\x02\x01\x41\x02\x01\x03"), 0},
    {"only a tag", STR_INIT("\x30"), 0},
    {"length cut off", STR_INIT("\x30\x82\x01"), 0},
    {"negative modulus", STR_INIT("\x30\x06\x02\x01\x81\x02\x01\x03"), 0},
    {"padded modulus", STR_INIT("\x30\x07\x02\x02\0\x41\x02\x01\x03"), 0},
    {"modulus zero", STR_INIT("\x30\x06\x02\x01\0\x02\x01\x03"), 0},
    {"empty modulus", STR_INIT("\x30\x05\x02\0\x02\x01\x03"), 0},
    {"even modulus", STR_INIT("\x30\x06\x02\x01\x42\x02\x01\x03"), 0},
    {"exponent one", STR_INIT("\x30\x06\x02\x01\x41\x02\x01\x01"), 0},
    {"even exponent", STR_INIT("\x30\x06\x02\x01\x41\x02\x01\x04"), 0},
    {"no exponent", STR_INIT("\x30\x03\x02\x01\x41"), 0},
    {"exponent of 64 bits",
	STR_INIT("\x30\x0e\x02\x01\x41\x02\x09\0\xff\xff\xff\xff\xff\xff"
		 "\xff\xff"),
	7},
    {"exponent of 65 bits",
	STR_INIT("\x30\x0e\x02\x01\x41\x02\x09\x01\xff\xff\xff\xff\xff"
		 "\xff\xff\xff"),
	0},
};

static void
test_der(void)
{
	for (size_t i = 0; i < sizeof(ders) / sizeof(*ders); i++) {
		struct dkim_rsa k = {.bits = 0};

		is_int(dkim_rsa_read(ders[i].der, &k), ders[i].bits > 0,
		    ders[i].name);
		is_int(k.bits, ders[i].bits, "its size");
	}
}

/* ---- answers ------------------------------------------------------------ */

/* Text as TXT rdata, in strings of 255. */
static struct str
txt(struct buf *b, struct str text)
{
	buf_clear(b);
	do {
		struct str part = str_head(text, 255);

		buf_add_c(b, (char)part.n);
		buf_add(b, part);
		text = str_from(text, part.n);
	} while (text.n);
	return buf_str(b);
}

static void
test_keyset(struct dkim_engine *e)
{
	struct buf b[2];
	struct str rdata[7];
	struct dns_rrset *rr;
	const struct dkim_keyset *set;

	buf_init(&b[0], NULL, 100000);
	buf_init(&b[1], NULL, 100000);
	for (size_t i = 0; i < 7; i++)
		rdata[i] = txt(&b[0], STR("v=DKIM1; p=" RSA));
	rdata[1] = STR("\x03"
		       "abc");
	rdata[2] = STR("\x09"
		       "cut off");
	rr = dns_rrset_new(DNS_OK, false, 300, 7, rdata, NULL);
	set = dkim_keyset_of(rr, e);
	ok(set && set->n == DKIM_KEYS_MAX, "five of seven records");
	ok(set && set->key[0].why == DKIM_WHY_NONE &&
		set->key[4].why == DKIM_WHY_NONE,
	    "good ones");
	ok(set && set->key[1].why == DKIM_WHY_KEY_SYNTAX &&
		set->key[2].why == DKIM_WHY_KEY_SYNTAX,
	    "and bad ones");
	ok(dkim_keyset_of(rr, e) == set, "parsed once");
	dns_rrset_unref(rr);

	buf_clear(&b[1]);
	buf_add_z(&b[1], "p=");
	while (b[1].n < 60000)
		buf_add_z(&b[1], "MIIBCgKCAQEA");
	rdata[0] = txt(&b[0], buf_str(&b[1]));
	rr = dns_rrset_new(DNS_OK, false, 300, 1, rdata, NULL);
	set = dkim_keyset_of(rr, e);
	ok(set && set->n == 1 && set->key[0].why == DKIM_WHY_KEY_SYNTAX,
	    "60 kB of key");
	dns_rrset_unref(rr);
	buf_fini(&b[0]);
	buf_fini(&b[1]);
}

/* SEQUENCE { INTEGER n of that many octets, INTEGER 3 }, base64 in a record */
static void
key_of_octets(struct buf *out, size_t n)
{
	size_t body = n + 5 + 3;
	struct buf der;

	buf_init(&der, NULL, 10000);
	buf_add_z(&der, "\x30\x82");
	buf_add_c(&der, (char)(body >> 8));
	buf_add_c(&der, (char)body);
	buf_add_z(&der, "\x02\x82");
	buf_add_c(&der, (char)((n + 1) >> 8));
	buf_add_c(&der, (char)(n + 1));
	buf_add_c(&der, '\0');
	for (size_t i = 0; i < n; i++)
		buf_add_c(&der, '\xff');
	buf_add_z(&der, "\x02\x01\x03");
	buf_clear(out);
	buf_add_z(out, "p=");
	b64_encode(out, buf_str(&der));
	buf_fini(&der);
}

static void
test_sizes(struct dkim_engine *e)
{
	struct dkim_key k;
	struct arena a;
	struct buf b;

	arena_init(&a, 1 << 20);
	buf_init(&b, NULL, 10000);
	key_of_octets(&b, 2048);
	is_int(dkim_key_parse(&a, e, buf_str(&b), &k, NULL), 0, "16384 bits");
	is_int(k.bits, 16384, "its size");
	is_int(k.why, DKIM_WHY_NONE, "is a key");
	key_of_octets(&b, 2049);
	is_int(dkim_key_parse(&a, e, buf_str(&b), &k, NULL), 0, "16392 bits");
	is_int(k.why, DKIM_WHY_KEY_LARGE, "is too much");
	key_of_octets(&b, 127 + 256);
	is_int(dkim_key_parse(&a, e, buf_str(&b), &k, NULL), 0, "3064 bits");
	ok(!dkim_key_verify(&k,
	       (const unsigned char *)"0123456789abcdef0123456789abcdef",
	       STR("short")),
	    "a signature of the wrong size");
	ok(!dkim_key_verify(&k,
	       (const unsigned char *)"0123456789abcdef0123456789abcdef",
	       STR_NONE),
	    "a signature of no size");
	buf_fini(&b);
	arena_fini(&a);
}

int
main(void)
{
	struct arena a;
	struct dkim_engine *e;

	arena_init(&a, 1 << 16);
	e = dkim_engine_new(&a);
	ok(e, "engine");
	if (!e)
		return tap_done();
	test_records(e);
	test_attributes(e);
	test_der();
	test_keyset(e);
	test_sizes(e);
	is_str(str_from_z(dkim_key_type_name(DKIM_KEY_ED25519)), STR("ed25519"),
	    "name of a type");
	arena_fini(&a);
	return tap_done();
}
