/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/smtp/tls_verify.h"

#define NAME_MAX_OCTETS 253
#define CHAIN_DEPTH_MAX 16

struct tls_client {
	SSL_CTX *ctx;
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	enum tls_verify verify;
	bool shook; /* a handshake came to an end, good or bad */
	char reason[96];
};

/* ---- the context --------------------------------------------------- */

static const char *
openssl_reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	return text ? text : "no reason given";
}

static int
load_cas(SSL_CTX *ctx, const char *ca_file, struct diag *d)
{
	ERR_clear_error();
	if (!ca_file || !*ca_file) {
		if (SSL_CTX_set_default_verify_paths(ctx) == 1)
			return 0;
		return diag_set(d, AVER_CONF, 0,
		    "the system's CA certificates: %s", openssl_reason());
	}
	if (SSL_CTX_load_verify_file(ctx, ca_file) == 1)
		return 0;
	diag_set(d, AVER_CONF, 0, "%s: %s", ca_file, openssl_reason());
	ERR_clear_error();
	return AVER_CONF;
}

int
tls_client_open(const char *ca_file, struct tls_client **out, struct diag *d)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return AVER_NOMEM;
	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ctx ||
	    /* RFC 8997 takes TLS 1.0 and 1.1 away */
	    SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_dane_enable(c->ctx) != 1) {
		tls_client_close(c);
		return diag_set(
		    d, AVER_CRYPTO, 0, "OpenSSL: %s", openssl_reason());
	}
	SSL_CTX_dane_set_flags(c->ctx, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	SSL_CTX_set_options(
	    c->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify_depth(c->ctx, CHAIN_DEPTH_MAX);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	err = load_cas(c->ctx, ca_file, d);
	if (err) {
		tls_client_close(c);
		return err;
	}
	*out = c;
	return 0;
}

void
tls_client_close(struct tls_client *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

/* ---- the peer ------------------------------------------------------ */

/* A name as OpenSSL takes it. */
static bool
to_z(struct str name, char out[NAME_MAX_OCTETS + 1])
{
	/* OpenSSL would take ".example.org" for every name that ends so */
	if (name.n == 0 || name.n > NAME_MAX_OCTETS || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!chars_is(name.p[i], CH_PRINT) || name.p[i] == ' ')
			return false;
	memcpy(out, name.p, name.n);
	out[name.n] = '\0';
	return true;
}

static int
add_name(SSL *ssl, struct str name, struct diag *d)
{
	char z[NAME_MAX_OCTETS + 1];
	struct ip ip;

	if (!to_z(name, z))
		return diag_set(d, AVER_SYNTAX, 0, "no name of a host");
	if (ip_parse(name, &ip)) {
		if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), z) == 1)
			return 0;
	} else if (SSL_add1_host(ssl, z) == 1) {
		return 0;
	}
	return diag_set(d, AVER_CRYPTO, 0, "OpenSSL: %s", openssl_reason());
}

static int
add_names(SSL *ssl, const struct tls_peer *peer, struct diag *d)
{
	int err = 0;

	if (peer->n_names == 0)
		return diag_set(d, AVER_SYNTAX, 0, "no name to verify");
	SSL_set_hostflags(ssl,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		/* RFC 7672 section 3.2.3 lets the common name count, RFC 8461
		 * section 4.2 and RFC 9525 section 2 do not */
		(peer->verify == TLS_VERIFY_PKIX
			? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
			: 0));
	for (size_t i = 0; i < peer->n_names && err == 0; i++)
		err = add_name(ssl, peer->names[i], d);
	return err;
}

static int
set_sni(SSL *ssl, struct str sni, struct diag *d)
{
	char z[NAME_MAX_OCTETS + 1];
	struct ip ip;

	/* RFC 6066 section 3: no address */
	if (sni.n == 0 || ip_parse(sni, &ip))
		return 0;
	if (!to_z(sni, z))
		return diag_set(d, AVER_SYNTAX, 0, "no name of a host");
	if (SSL_set_tlsext_host_name(ssl, z) != 1)
		return diag_set(
		    d, AVER_CRYPTO, 0, "OpenSSL: %s", openssl_reason());
	return 0;
}

static int
add_tlsa(SSL *ssl, const struct tls_peer *peer, struct diag *d)
{
	size_t usable = 0;

	/* NULL: names and SNI are set by us */
	if (SSL_dane_enable(ssl, NULL) != 1)
		return diag_set(
		    d, AVER_CRYPTO, 0, "OpenSSL: %s", openssl_reason());
	for (size_t i = 0; i < peer->n_tlsa && usable < TLS_TLSA_MAX; i++) {
		const struct tls_tlsa *r = &peer->tlsa[i];

		if (!tls_tlsa_usable(r))
			continue;
		/* 0: OpenSSL holds it unusable (a certificate or key that does
		 * not decode); below: out of memory */
		if (SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching,
			(const unsigned char *)r->data.p, r->data.n) > 0)
			usable++;
	}
	ERR_clear_error();
	if (usable == 0)
		return diag_set(d, AVER_NOTFOUND, 0, "no usable TLSA record");
	return 0;
}

static int
set_peer(struct tls *t, const struct tls_peer *peer, struct diag *d)
{
	int err = set_sni(t->ssl, peer->sni, d);

	if (err)
		return err;
	t->verify = peer->verify;
	SSL_set_verify(t->ssl,
	    peer->verify == TLS_VERIFY_NONE || peer->tell_only
		? SSL_VERIFY_NONE
		: SSL_VERIFY_PEER,
	    NULL);
	switch (peer->verify) {
	case TLS_VERIFY_NONE:
		return 0;
	case TLS_VERIFY_PKIX:
		return add_names(t->ssl, peer, d);
	case TLS_VERIFY_DANE:
		err = add_tlsa(t->ssl, peer, d);
		return err ? err : add_names(t->ssl, peer, d);
	case TLS_VERIFY_COUNT:
		break;
	}
	return AVER_BUG;
}

int
tls_new(struct tls_client *c, const struct tls_peer *peer, struct tls **out,
    struct diag *d)
{
	struct tls *t = calloc(1, sizeof(*t));
	int err = AVER_NOMEM;

	if (!t)
		return AVER_NOMEM;
	ERR_clear_error();
	t->ssl = SSL_new(c->ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		BIO_free(t->in);
		BIO_free(t->out);
		goto fail;
	}
	BIO_set_mem_eof_return(t->in, -1);
	BIO_set_mem_eof_return(t->out, -1);
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_connect_state(t->ssl);
	err = set_peer(t, peer, d);
	if (err)
		goto fail;
	*out = t;
	return 0;
fail:
	tls_free(t);
	return err;
}

void
tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

/* ---- octets -------------------------------------------------------- */

/* "some text of OpenSSL" as a code: "some-text-of-openssl" */
static void
as_code(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		out[n++] = chars_is(*text, CH_ALNUM) || *text == '.'
			       ? chars_lower(*text)
			       : '-';
	out[n] = '\0';
}

static enum tls_step
step(struct tls *t, int ret)
{
	int e = SSL_get_error(t->ssl, ret);

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return TLS_MORE;
	if (e == SSL_ERROR_ZERO_RETURN)
		return TLS_CLOSED;
	if (t->reason[0] == '\0')
		as_code(t->reason, sizeof(t->reason), openssl_reason());
	ERR_clear_error();
	return TLS_FAILED;
}

enum tls_step
tls_handshake(struct tls *t)
{
	enum tls_step s;
	int ret;

	ERR_clear_error();
	ret = SSL_do_handshake(t->ssl);
	if (ret == 1) {
		t->shook = true;
		return TLS_DONE;
	}
	s = step(t, ret);
	return s == TLS_CLOSED ? TLS_FAILED : s;
}

enum tls_step
tls_write(struct tls *t, struct str octets, size_t *n)
{
	size_t done = 0;
	int ret;

	ERR_clear_error();
	ret = SSL_write_ex(t->ssl, octets.p, octets.n, &done);
	if (ret != 1)
		return step(t, ret);
	*n = done;
	return TLS_DONE;
}

enum tls_step
tls_read(struct tls *t, char *to, size_t *n)
{
	size_t done = 0;
	int ret;

	ERR_clear_error();
	ret = SSL_read_ex(t->ssl, to, *n, &done);
	if (ret != 1)
		return step(t, ret);
	*n = done;
	return TLS_DONE;
}

void
tls_shutdown(struct tls *t)
{
	ERR_clear_error();
	if (t->shook)
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

int
tls_feed(struct tls *t, struct str octets)
{
	size_t done = 0;

	if (BIO_write_ex(t->in, octets.p, octets.n, &done) != 1 ||
	    done != octets.n)
		return AVER_NOMEM;
	return 0;
}

size_t
tls_take(struct tls *t, char *to, size_t size)
{
	size_t done = 0;

	if (BIO_read_ex(t->out, to, size, &done) != 1)
		return 0;
	return done;
}

/* ---- what came of it ------------------------------------------------ */

/* Which result type of RFC 8460 section 4.3 a verification error is. */
static enum tls_type
type_of(long verify_result)
{
	switch (verify_result) {
	case X509_V_OK:
		return TLS_SUCCESS;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_CERTIFICATE_HOST_MISMATCH;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return TLS_CERTIFICATE_EXPIRED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
	case X509_V_ERR_CERT_REVOKED:
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_INVALID_PURPOSE:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_DANE_NO_MATCH:
		return TLS_CERTIFICATE_NOT_TRUSTED;
	default:
		return TLS_VALIDATION_FAILURE;
	}
}

/* An error string of OpenSSL ends with details in parentheses. */
static void
verify_reason(char *out, size_t size, long verify_result)
{
	as_code(out, size, X509_verify_cert_error_string(verify_result));
}

void
tls_result(const struct tls *t, struct tls_result *out)
{
	long v = SSL_get_verify_result(t->ssl);

	out->tried = true;
	out->authenticated = false;
	out->reason[0] = '\0';
	if (t->verify != TLS_VERIFY_NONE && v != X509_V_OK) {
		out->type = type_of(v);
		verify_reason(out->reason, sizeof(out->reason), v);
	} else if (!t->shook) {
		out->type = TLS_VALIDATION_FAILURE;
		snprintf(out->reason, sizeof(out->reason), "%s",
		    t->reason[0] ? t->reason : "connection-lost");
	} else {
		out->type = TLS_SUCCESS;
		out->authenticated = t->verify != TLS_VERIFY_NONE;
	}
	out->protocol[0] = out->cipher[0] = '\0';
	if (!t->shook)
		return;
	snprintf(out->protocol, sizeof(out->protocol), "%s",
	    SSL_get_version(t->ssl));
	snprintf(out->cipher, sizeof(out->cipher), "%s",
	    SSL_get_cipher_name(t->ssl));
}

size_t
tls_channel_binding(const struct tls *t, char out[64], bool *exporter)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	size_t n;

	if (!t->shook)
		return 0;
	*exporter = SSL_version(t->ssl) >= TLS1_3_VERSION;
	if (*exporter) {
		/* RFC 9266 section 4.1 */
		n = 32;
		return SSL_export_keying_material(t->ssl, (unsigned char *)out,
			   n, label, sizeof(label) - 1,
			   (const unsigned char *)"", 0, 1) == 1
			   ? n
			   : 0;
	}
	/* RFC 5929 section 3.1: the first Finished; ours, as nothing is
	 * resumed. Without extended master secret it binds nothing. */
	if (SSL_get_extms_support(t->ssl) != 1)
		return 0;
	n = SSL_get_finished(t->ssl, out, 64);
	return n <= 64 ? n : 0;
}
