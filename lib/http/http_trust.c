/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/http/http_trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

#define CHECK_MS 60000

struct http_trust {
	char *file; /* NULL: OpenSSL's places */
	SSL_CTX *ctx;
	struct timespec changed;
	int64_t checked; /* clock_mono_ms() */
};

/* Where systems keep all authorities in one file. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
};

static const char *
default_file(void)
{
	struct stat st;

	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
		if (stat(bundles[i], &st) == 0)
			return bundles[i];
	return NULL;
}

static bool
time_of(const struct http_trust *t, struct timespec *out)
{
	struct stat st;

	if (!t->file || stat(t->file, &st))
		return false;
	*out = st.st_mtim;
	return true;
}

static SSL_CTX *
new_ctx(const char *file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* fewer calls of read(2) */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	/* RFC 8461 section 3.3 */
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    (file ? SSL_CTX_load_verify_file(ctx, file)
		  : SSL_CTX_set_default_verify_paths(ctx)) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

int
http_trust_open(const char *ca_file, struct http_trust **out, struct diag *d)
{
	const char *file = ca_file && *ca_file ? ca_file : default_file();
	struct http_trust *t = calloc(1, sizeof(*t));

	if (t && file)
		t->file = strdup(file);
	if (!t || (file && !t->file)) {
		free(t);
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	}
	t->checked = clock_mono_ms();
	time_of(t, &t->changed);
	ERR_clear_error();
	t->ctx = new_ctx(t->file);
	if (t->ctx) {
		*out = t;
		return 0;
	}
	ERR_clear_error();
	http_trust_close(t);
	return diag_set(d, AVER_CONF, 0,
	    "%s: no certificates of authorities can be read",
	    file ? file : "the system's store");
}

void
http_trust_close(struct http_trust *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t->file);
	free(t);
}

void
http_trust_refresh(struct http_trust *t, int64_t now)
{
	struct timespec changed;
	SSL_CTX *ctx;

	if (now - t->checked < CHECK_MS)
		return;
	t->checked = now;
	if (!time_of(t, &changed) || (changed.tv_sec == t->changed.tv_sec &&
					 changed.tv_nsec == t->changed.tv_nsec))
		return;
	ctx = new_ctx(t->file);
	ERR_clear_error();
	if (!ctx)
		return;
	/* connections under way keep the old one */
	SSL_CTX_free(t->ctx);
	t->ctx = ctx;
	t->changed = changed;
}

struct ssl_st *
http_trust_connect(struct http_trust *t, const char *host, bool any_certificate)
{
	SSL *ssl = SSL_new(t->ctx);

	if (!ssl)
		return NULL;
	if (any_certificate)
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	/*
	 * RFC 8461 section 3.3: a DNS-ID of the host has to be in the
	 * certificate, the Common Name does not count, a wildcard is all of the
	 * leftmost label.
	 */
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
				   X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set1_host(ssl, host) == 1 &&
	    SSL_set_tlsext_host_name(ssl, host) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}
