/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_private.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/b64.h"
#include "lib/base/err.h"
#include "lib/dkim/dkim_body.h"
#include "lib/dkim/dkim_check.h"

/* RFC 8301 section 3.2 */
#define RSA_BITS_MIN 1024
#define RSA_BITS_GOOD 2048
#define RSA_BITS_MAX OPENSSL_RSA_MAX_MODULUS_BITS
#define ED25519_OCTETS 32
/* SubjectPublicKeyInfo of the largest key takes 2.1 kB. */
#define PUBLIC_MAX 4096

static void
free_pkey(void *p)
{
	EVP_PKEY_free(p);
}

/* ---- reading ------------------------------------------------------------ */

struct pem {
	const char *begin, *end;
};

static const struct pem forms[] = {
    {"-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"},
    {"-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"},
};

/* The index in text where z begins, text.n when it is not there. */
static size_t
find(struct str text, const char *z)
{
	struct str s = str_from_z(z);

	for (size_t i = 0; i + s.n <= text.n; i++)
		if (str_starts(str_from(text, i), s))
			return i;
	return text.n;
}

/* The base64 of the first key in pem; false when there is none. */
static bool
find_key(struct str pem, struct str *out)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		size_t at = find(pem, forms[i].begin);
		struct str rest;

		if (at == pem.n)
			continue;
		rest = str_from(pem, at + str_from_z(forms[i].begin).n);
		at = find(rest, forms[i].end);
		if (at == rest.n)
			continue;
		*out = str_head(rest, at);
		return true;
	}
	return false;
}

static int
read_der(struct str der, struct dkim_private *k, struct diag *d)
{
	const unsigned char *p = (const unsigned char *)der.p;
	EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)der.n);

	ERR_clear_error();
	if (!pkey)
		return diag_set(d, AVER_SYNTAX, 0, "no private key in there");
	k->pkey = pkey;
	k->bits = (unsigned)EVP_PKEY_get_bits(pkey);
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		k->algorithm = DKIM_ED25519_SHA256;
		k->bits = 8 * ED25519_OCTETS;
		return 0;
	}
	if (!EVP_PKEY_is_a(pkey, "RSA"))
		return diag_set(
		    d, AVER_CRYPTO, 0, "the key is neither RSA nor Ed25519");
	k->algorithm = DKIM_RSA_SHA256;
	/* RFC 8301 section 3.2: signers MUST use at least 1024 bits, SHOULD
	 * use 2048 */
	if (k->bits < RSA_BITS_MIN || k->bits > RSA_BITS_MAX)
		return diag_set(d, AVER_CRYPTO, 0,
		    "an RSA key of %u bits: must be %u to %u", k->bits,
		    RSA_BITS_MIN, RSA_BITS_MAX);
	if (k->bits < RSA_BITS_GOOD)
		diag_set(d, 0, 0, "an RSA key of %u bits: should be %u or more",
		    k->bits, RSA_BITS_GOOD);
	return 0;
}

static int
read_pem(
    struct arena *a, struct str pem, struct dkim_private *k, struct diag *d)
{
	struct str text, der;
	int err;

	if (find(pem, "ENCRYPTED") < pem.n)
		return diag_set(d, AVER_SYNTAX, 0,
		    "the key is encrypted with a passphrase");
	if (!find_key(pem, &text))
		return diag_set(d, AVER_SYNTAX, 0, "no private key in PEM");
	if ((err = b64_decode(a, text, &der)))
		return diag_set(d, err, 0, "damaged base64 in the key");
	err = read_der(der, k, d);
	if (der.n)
		OPENSSL_cleanse((char *)(uintptr_t)der.p, der.n);
	if (err) {
		EVP_PKEY_free(k->pkey);
		return err;
	}
	return arena_on_free(a, free_pkey, k->pkey) ? 0 : AVER_NOMEM;
}

int
dkim_private_read(struct arena *a, const struct dkim_engine *e, struct str pem,
    struct dkim_private **out, struct diag *d)
{
	struct dkim_private *k = ARENA_NEW(a, struct dkim_private);
	int err;

	if (!k)
		return AVER_NOMEM;
	if (d)
		d->text[0] = '\0';
	k->engine = e;
	if ((err = read_pem(a, pem, k, d)))
		return err;
	*out = k;
	return 0;
}

enum dkim_algorithm
dkim_private_algorithm(const struct dkim_private *k)
{
	return k->algorithm;
}

unsigned
dkim_private_bits(const struct dkim_private *k)
{
	return k->bits;
}

/* ---- the public half ---------------------------------------------------- */

/* RFC 6376 section 3.6.1 (as SubjectPublicKeyInfo, which all verifiers read);
 * RFC 8463 section 4.2: the octets themselves */
static int
put_public(const struct dkim_private *k, struct buf *b)
{
	unsigned char der[PUBLIC_MAX], *p = der;
	size_t n = sizeof(der);
	int len;

	if (k->algorithm == DKIM_ED25519_SHA256) {
		if (EVP_PKEY_get_raw_public_key(k->pkey, der, &n) != 1)
			return AVER_CRYPTO;
	} else {
		len = i2d_PUBKEY(k->pkey, NULL);
		if (len <= 0 || (size_t)len > sizeof(der) ||
		    i2d_PUBKEY(k->pkey, &p) != len)
			return AVER_CRYPTO;
		n = (size_t)len;
	}
	b64_encode(b, (struct str){(const char *)der, n});
	return 0;
}

int
dkim_private_record(const struct dkim_private *k, struct buf *b)
{
	int err;

	buf_addf(b, "v=DKIM1; k=%s; p=",
	    k->algorithm == DKIM_ED25519_SHA256 ? "ed25519" : "rsa");
	err = put_public(k, b);
	ERR_clear_error();
	return err ? err : b->err;
}

enum dkim_reason
dkim_private_matches(struct arena *a, const struct dkim_engine *e,
    const struct dkim_private *k, struct str record_text, struct diag *d)
{
	unsigned char hash[DKIM_HASH_SIZE] = {1, 2, 3};
	struct dkim_key key;
	enum dkim_reason why;
	struct str sig;
	int err = dkim_key_parse(a, e, record_text, &key, d);

	if (err == AVER_NOMEM)
		return DKIM_WHY_BUDGET;
	if (err)
		return DKIM_WHY_KEY_SYNTAX;
	why = dkim_key_fits(&key, k->algorithm, RSA_BITS_MIN, RSA_BITS_MAX);
	if (why)
		return why;
	/* the proof of the pudding: what we sign has to verify */
	if ((err = dkim_private_sign(k, a, hash, &sig)))
		return DKIM_WHY_BUDGET;
	return dkim_key_verify(&key, hash, sig) ? DKIM_WHY_NONE
						: DKIM_WHY_SIGNATURE;
}

/* ---- signing ------------------------------------------------------------ */

/* RFC 6376 section 3.3.2: PKCS#1 v1.5 */
static bool
sign_rsa(const struct dkim_private *k, const unsigned char *sha256,
    unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	bool good =
	    ctx && EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, k->engine->sha256) == 1 &&
	    EVP_PKEY_sign(ctx, out, n, sha256, DKIM_HASH_SIZE) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

/* RFC 8463 section 3: PureEdDSA of the hash */
static bool
sign_ed25519(const struct dkim_private *k, const unsigned char *sha256,
    unsigned char *out, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx &&
		    EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
		    EVP_DigestSign(ctx, out, n, sha256, DKIM_HASH_SIZE) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

int
dkim_private_sign(const struct dkim_private *k, struct arena *a,
    const unsigned char *sha256, struct str *out)
{
	size_t n = (size_t)EVP_PKEY_get_size(k->pkey);
	unsigned char *p = arena_alloc(a, n);
	bool good;

	if (!p)
		return AVER_NOMEM;
	good = k->algorithm == DKIM_ED25519_SHA256
		   ? sign_ed25519(k, sha256, p, &n)
		   : sign_rsa(k, sha256, p, &n);
	ERR_clear_error();
	if (!good)
		return AVER_CRYPTO;
	*out = (struct str){(const char *)p, n};
	return 0;
}
