/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/tls_verify.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <limits.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/name.h"

#define NAME_MAX_OCTETS 253

static const char *const dane_names[TLS_DANE_COUNT] = {
    [TLS_DANE_MATCH] = "match",
    [TLS_DANE_NOMATCH] = "nomatch",
    [TLS_DANE_UNUSABLE] = "unusable",
};

const char *
tls_dane_name(enum tls_dane r)
{
	return name_of(dane_names, TLS_DANE_COUNT, (int)r);
}

bool
tls_tlsa_usable(const struct tls_tlsa *r)
{
	/* RFC 7672 section 3.1.3: PKIX-TA(0) and PKIX-EE(1) are not for SMTP */
	if ((r->usage != 2 && r->usage != 3) || r->selector > 1)
		return false;
	switch (r->matching) {
	case 0:
		return r->data.n > 0;
	case 1:
		return r->data.n == 32;
	case 2:
		return r->data.n == 64;
	default:
		return false;
	}
}

struct verify {
	SSL_CTX *ctx;
	SSL *ssl;
	X509_STORE *store;
	X509_STORE_CTX *sc;
	X509 *leaf;
	STACK_OF(X509) * others;
};

static void
fini(struct verify *v)
{
	X509_STORE_CTX_free(v->sc);
	X509_STORE_free(v->store);
	sk_X509_pop_free(v->others, X509_free);
	X509_free(v->leaf);
	SSL_free(v->ssl);
	SSL_CTX_free(v->ctx);
	ERR_clear_error();
}

static bool
init(struct verify *v)
{
	ERR_clear_error();
	v->ctx = SSL_CTX_new(TLS_client_method());
	if (!v->ctx || SSL_CTX_dane_enable(v->ctx) != 1)
		return false;
	SSL_CTX_dane_set_flags(v->ctx, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	v->ssl = SSL_new(v->ctx);
	v->store = X509_STORE_new();
	v->sc = X509_STORE_CTX_new();
	v->others = sk_X509_new_null();
	return v->ssl && v->store && v->sc && v->others &&
	       SSL_dane_enable(v->ssl, NULL) == 1;
}

static X509 *
decode(struct str der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *x = der.n <= LONG_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;

	/* nothing may follow */
	if (x && p != (const unsigned char *)der.p + der.n) {
		X509_free(x);
		x = NULL;
	}
	return x;
}

/* False: out of memory. The leaf stays NULL when it does not decode. */
static bool
load_chain(struct verify *v, const struct str *chain, size_t n)
{
	v->leaf = n ? decode(chain[0]) : NULL;
	for (size_t i = 1; i < n; i++) {
		X509 *x = decode(chain[i]);

		if (x && sk_X509_push(v->others, x) == 0) {
			X509_free(x);
			return false;
		}
	}
	return true;
}

/*
 * How many there are: OpenSSL takes any certificate when it has no name, and
 * what begins with a dot for all names that end so.
 */
static size_t
add_names(struct verify *v, const struct str *names, size_t n)
{
	char z[NAME_MAX_OCTETS + 1];
	size_t added = 0;

	SSL_set_hostflags(v->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	for (size_t i = 0; i < n; i++) {
		if (names[i].n == 0 || names[i].n > NAME_MAX_OCTETS ||
		    names[i].p[0] == '.' ||
		    memchr(names[i].p, '\0', names[i].n))
			continue;
		memcpy(z, names[i].p, names[i].n);
		z[names[i].n] = '\0';
		added += SSL_add1_host(v->ssl, z) == 1;
	}
	return added;
}

/*
 * RFC 7671 section 9 (digest agility) is OpenSSL's: of each usage and selector
 * the strongest digest counts. Without names nothing can be a trust anchor's.
 */
static size_t
add_tlsa(struct verify *v, const struct tls_tlsa *tlsa, size_t n, bool named)
{
	size_t usable = 0;

	for (size_t i = 0; i < n && usable < TLS_TLSA_MAX; i++) {
		const struct tls_tlsa *r = &tlsa[i];

		if (!tls_tlsa_usable(r))
			continue;
		if (r->usage == 2 && !named) {
			usable++;
			continue;
		}
		if (SSL_dane_tlsa_add(v->ssl, r->usage, r->selector,
			r->matching, (const unsigned char *)r->data.p,
			r->data.n) > 0)
			usable++;
	}
	return usable;
}

static int
run(struct verify *v, int64_t now, bool *match, struct diag *d)
{
	X509_VERIFY_PARAM *param;

	if (X509_STORE_CTX_init(v->sc, v->store, v->leaf, v->others) != 1 ||
	    X509_STORE_CTX_set_default(v->sc, "ssl_server") != 1)
		return AVER_CRYPTO;
	X509_STORE_CTX_set0_dane(v->sc, SSL_get0_dane(v->ssl));
	param = X509_STORE_CTX_get0_param(v->sc);
	if (X509_VERIFY_PARAM_set1(param, SSL_get0_param(v->ssl)) != 1)
		return AVER_CRYPTO;
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	*match = X509_verify_cert(v->sc) == 1;
	if (!*match)
		diag_set(d, 0, 0, "%s",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(v->sc)));
	return 0;
}

int
tls_verify_dane(const struct str *chain, size_t n_chain,
    const struct tls_tlsa *tlsa, size_t n_tlsa, const struct str *names,
    size_t n_names, int64_t now, enum tls_dane *out, struct diag *d)
{
	struct verify v = {0};
	enum tls_dane r = TLS_DANE_NOMATCH;
	bool match = false, named;
	int err = 0;

	if (n_chain > TLS_CHAIN_MAX)
		n_chain = TLS_CHAIN_MAX;
	if (!init(&v) || !load_chain(&v, chain, n_chain)) {
		fini(&v);
		return AVER_CRYPTO;
	}
	named = add_names(&v, names, n_names) > 0;
	if (add_tlsa(&v, tlsa, n_tlsa, named) == 0) {
		r = TLS_DANE_UNUSABLE;
		diag_set(d, 0, 0, "no usable TLSA record");
	} else if (!v.leaf) {
		diag_set(d, 0, 0, "no certificate");
	} else {
		err = run(&v, now, &match, d);
		if (match)
			r = TLS_DANE_MATCH;
	}
	fini(&v);
	if (err == 0)
		*out = r;
	return err;
}
