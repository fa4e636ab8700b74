/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "lib/base/b64.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/dkim/dkim_body.h"
#include "lib/dkim/dkim_rsa.h"
#include "lib/dkim/dkim_sig.h"
#include "lib/dns/rdata.h"
#include "lib/tag/tag.h"

#define ED25519_OCTETS 32
#define RSA_BITS_MIN 1024
/* OpenSSL refuses larger ones when it verifies. */
#define RSA_BITS_MAX OPENSSL_RSA_MAX_MODULUS_BITS
/* Five records of DKIM_KEY_TEXT_MAX with copies and tags need half of it. */
#define MEMO_CAP ((size_t)512 << 10)

static const char *const type_names[DKIM_KEY_TYPE_COUNT] = {
    [DKIM_KEY_OTHER] = "other",
    [DKIM_KEY_RSA] = "rsa",
    [DKIM_KEY_ED25519] = "ed25519",
};

const char *
dkim_key_type_name(enum dkim_key_type t)
{
	return name_of(type_names, DKIM_KEY_TYPE_COUNT, (int)t);
}

/* ---- OpenSSL objects ---------------------------------------------------- */

static void
free_pkey(void *p)
{
	EVP_PKEY_free(p);
}

static void
free_pkey_ctx(void *p)
{
	EVP_PKEY_CTX_free(p);
}

static EVP_PKEY *
pkey_of_params(OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/*
 * Not d2i_PUBKEY(): finding a decoder for the octets costs ten times as much
 * as making the key from its numbers.
 */
static EVP_PKEY *
make_rsa(const struct dkim_rsa *k)
{
	BIGNUM *n = BN_bin2bn((const unsigned char *)k->n.p, (int)k->n.n, NULL);
	BIGNUM *e = BN_bin2bn((const unsigned char *)k->e.p, (int)k->e.n, NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (n && e && bld &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params)
		pkey = pkey_of_params(params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(e);
	BN_free(n);
	return pkey;
}

/*
 * A context made ready once and copied for each verification: making one anew
 * costs half as much as verifying.
 */
static EVP_PKEY_CTX *
make_rsa_ctx(const struct dkim_engine *e, EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	if (ctx && EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, e->sha256) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static int
load_rsa(struct arena *a, const struct dkim_engine *e, struct str octets,
    struct dkim_key *out)
{
	struct dkim_rsa rsa;

	if (!dkim_rsa_read(octets, &rsa))
		return AVER_SYNTAX;
	out->bits = rsa.bits;
	/* RFC 8301 section 3.2: never to be considered valid */
	if (rsa.bits < RSA_BITS_MIN)
		out->why = DKIM_WHY_KEY_SMALL;
	if (rsa.bits > RSA_BITS_MAX)
		out->why = DKIM_WHY_KEY_LARGE;
	if (out->why)
		return 0;
	out->pkey = make_rsa(&rsa);
	if (!out->pkey)
		return AVER_CRYPTO;
	if (!arena_on_free(a, free_pkey, out->pkey))
		return AVER_NOMEM;
	out->ctx = make_rsa_ctx(e, out->pkey);
	if (!out->ctx)
		return AVER_CRYPTO;
	return arena_on_free(a, free_pkey_ctx, out->ctx) ? 0 : AVER_NOMEM;
}

/* RFC 8463 section 4.2: the octets themselves. */
static int
load_ed25519(struct arena *a, struct str octets, struct dkim_key *out)
{
	if (octets.n != ED25519_OCTETS)
		return AVER_SYNTAX;
	out->bits = 8 * ED25519_OCTETS;
	out->pkey = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, (const unsigned char *)octets.p, octets.n);
	if (!out->pkey)
		return AVER_CRYPTO;
	return arena_on_free(a, free_pkey, out->pkey) ? 0 : AVER_NOMEM;
}

static int
load(struct arena *a, const struct dkim_engine *e, struct str p,
    struct dkim_key *out)
{
	struct str octets;
	int err = b64_decode(a, p, &octets);

	if (err)
		return err;
	/* RFC 6376 section 3.6.1: an empty p= says the key is revoked */
	if (octets.n == 0) {
		out->why = DKIM_WHY_REVOKED;
		return 0;
	}
	switch (out->type) {
	case DKIM_KEY_RSA:
		return load_rsa(a, e, octets, out);
	case DKIM_KEY_ED25519:
		return load_ed25519(a, octets, out);
	case DKIM_KEY_OTHER:
	case DKIM_KEY_TYPE_COUNT:
		break;
	}
	/* RFC 6376 section 3.6.1: unrecognized key types are ignored */
	out->why = DKIM_WHY_KEY_TYPE;
	return 0;
}

/* ---- record ------------------------------------------------------------- */

static enum dkim_key_type
type_of(struct str k)
{
	if (str_eq(k, STR("rsa")))
		return DKIM_KEY_RSA;
	return str_eq(k, STR("ed25519")) ? DKIM_KEY_ED25519 : DKIM_KEY_OTHER;
}

static struct str
value_of(const struct tag_list *tags, struct str name, struct str fallback)
{
	const struct tag *t = tag_find(tags, name);

	return t ? t->value : fallback;
}

static void
read_attributes(const struct tag_list *tags, struct dkim_key *k)
{
	struct str hashes = value_of(tags, STR("h"), STR("sha256"));
	struct str services = value_of(tags, STR("s"), STR("*"));

	k->k = value_of(tags, STR("k"), STR("rsa"));
	k->type = type_of(k->k);
	k->flags = value_of(tags, STR("t"), STR_NONE);
	k->testing = dkim_list_has(k->flags, STR("y"));
	k->strict = dkim_list_has(k->flags, STR("s"));
	k->sha256 = dkim_list_has(hashes, STR("sha256"));
	k->email = dkim_list_has(services, STR("*")) ||
		   dkim_list_has(services, STR("email"));
}

int
dkim_key_parse(struct arena *a, const struct dkim_engine *e, struct str text,
    struct dkim_key *out, struct diag *d)
{
	struct dkim_key k = {.why = DKIM_WHY_NONE};
	const struct tag *p, *v;
	struct tag_list tags;
	int err;

	if (text.n > DKIM_KEY_TEXT_MAX)
		return diag_set(d, AVER_SYNTAX, 0, "record too long");
	/* notes may be in any language */
	if ((err = tag_list_parse(a, text, TAG_HIGH, &tags, d)))
		return err == AVER_NOMEM ? err : AVER_SYNTAX;
	/* RFC 6376 section 3.6.1: first, and exactly that, or discard */
	v = tag_find(&tags, STR("v"));
	if (v && (v != tags.v || !str_eq(v->value, STR("DKIM1"))))
		return diag_set(d, AVER_SYNTAX, 0, "v= is not DKIM1, first");
	p = tag_find(&tags, STR("p"));
	if (!p)
		return diag_set(d, AVER_SYNTAX, 0, "p= is missing");
	read_attributes(&tags, &k);
	err = load(a, e, p->value, &k);
	ERR_clear_error();
	if (err)
		return diag_set(d, err, 0, "p= is no such key");
	*out = k;
	return 0;
}

/* ---- answers ------------------------------------------------------------ */

static int
read_record(struct arena *a, const struct dkim_engine *e, struct str rdata,
    struct dkim_key *out)
{
	struct str text;
	int err = AVER_SYNTAX;

	/* 255 octets of text come with one of length */
	if (rdata.n <= DKIM_KEY_TEXT_MAX + DKIM_KEY_TEXT_MAX / 255 + 1 &&
	    rdata_txt(a, rdata, &text))
		err = dkim_key_parse(a, e, text, out, NULL);
	if (err == AVER_SYNTAX) {
		*out = (struct dkim_key){.why = DKIM_WHY_KEY_SYNTAX};
		return arena_failed(a) ? AVER_NOMEM : 0;
	}
	return err;
}

static int
read_records(struct arena *a, const struct dns_rrset *rr,
    const struct dkim_engine *e, struct dkim_keyset *set)
{
	while (set->n < rr->n && set->n < DKIM_KEYS_MAX) {
		int err =
		    read_record(a, e, rr->rdata[set->n], &set->key[set->n]);

		if (err)
			return err;
		set->n++;
	}
	return 0;
}

const struct dkim_keyset *
dkim_keyset_of(const struct dns_rrset *rr, const struct dkim_engine *e)
{
	static const char kind[] = "DKIM keys";
	struct dkim_keyset *set = dns_memo_get(rr, kind);
	struct dns_memo *m;

	if (set)
		return set;
	m = dns_memo_new(kind, MEMO_CAP);
	if (!m)
		return NULL;
	set = ARENA_NEW(&m->arena, struct dkim_keyset);
	if (!set || read_records(&m->arena, rr, e, set)) {
		dns_memo_free(m);
		return NULL;
	}
	m->value = set;
	return dns_memo_add(rr, m);
}

/* ---- verifying ---------------------------------------------------------- */

static bool
verify_rsa(
    const struct dkim_key *key, const unsigned char *sha256, struct str sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->ctx);
	bool good = ctx && EVP_PKEY_verify(ctx, (const unsigned char *)sig.p,
			       sig.n, sha256, DKIM_HASH_SIZE) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static bool
verify_ed25519(
    const struct dkim_key *key, const unsigned char *sha256, struct str sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good =
	    ctx &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
	    EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n, sha256,
		DKIM_HASH_SIZE) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

bool
dkim_key_verify(
    const struct dkim_key *key, const unsigned char *sha256, struct str sig)
{
	bool good = false;

	switch (key->type) {
	case DKIM_KEY_RSA:
		good = verify_rsa(key, sha256, sig);
		break;
	case DKIM_KEY_ED25519:
		good = verify_ed25519(key, sha256, sig);
		break;
	case DKIM_KEY_OTHER:
	case DKIM_KEY_TYPE_COUNT:
		break;
	}
	/* what OpenSSL has to say of a bad signature is of no interest */
	if (!good)
		ERR_clear_error();
	return good;
}
