/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * One TLSA record and one certificate: usage, selector, matching type, octets
 * of data, the data, then the certificate.
 */
#include <assert.h>
#include <openssl/evp.h>

#include "lib/smtp/tls_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1780272000

/* What RFC 6698 section 2.1 says of a whole certificate and its digests. */
static bool
is_of(const struct tls_tlsa *r, struct str der)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (r->matching == 0)
		return str_eq(r->data, der);
	EVP_Digest(der.p, der.n, digest, &n,
	    r->matching == 1 ? EVP_sha256() : EVP_sha512(), NULL);
	return str_eq(r->data, (struct str){(const char *)digest, n});
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str name = STR("mx.example.com"), der;
	enum tls_dane out = TLS_DANE_COUNT;
	struct diag d = {.text = ""};
	struct tls_tlsa r;

	if (size < 4 || size - 4 < data[3])
		return 0;
	r = (struct tls_tlsa){
	    data[0], data[1], data[2], {(const char *)data + 4, data[3]}};
	der =
	    (struct str){(const char *)data + 4 + data[3], size - 4 - data[3]};
	if (tls_verify_dane(&der, 1, &r, 1, &name, 1, NOW, &out, &d))
		return 0;
	assert(out < TLS_DANE_COUNT);
	assert(tls_tlsa_usable(&r) || out == TLS_DANE_UNUSABLE);
	/* nothing but a match of the octets is a match */
	if (out == TLS_DANE_MATCH && r.usage == 3 && r.selector == 0)
		assert(is_of(&r, der));
	assert(out == TLS_DANE_MATCH || d.text[0]);
	return 0;
}
