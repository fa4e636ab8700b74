/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* TLS without a network: client and server hand each other their octets. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/smtp/smtp_io.h"
#include "lib/smtp/tls_client.h"
#include "lib/smtp/tls_verify.h"
#include "t/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW clock_now()
#define DAY 86400

struct pair {
	EVP_PKEY *key;
	X509 *cert;
	unsigned char der[2048], spki[32], full[32];
	size_t n;
};

static struct pair root, leaf, stale, other;

static void
add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* from, to: days from now */
static void
make(struct pair *p, const struct pair *by, const char *cn, const char *names,
    int from, int to)
{
	static long serial;
	unsigned char *at = p->der, *spki = NULL;
	X509 *x = X509_new();
	int n;

	p->key = EVP_EC_gen("P-256");
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_time_adj_ex(X509_getm_notBefore(x), from, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(x), to, 0, NULL);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(by ? by->cert : x));
	X509_set_pubkey(x, p->key);
	add_ext(x, by ? by->cert : x, NID_basic_constraints,
	    by ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names)
		add_ext(x, by->cert, NID_subject_alt_name, names);
	X509_sign(x, by ? by->key : p->key, EVP_sha256());
	p->cert = x;
	p->n = (size_t)i2d_X509(x, &at);
	EVP_Digest(p->der, p->n, p->full, NULL, EVP_sha256(), NULL);
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	EVP_Digest(spki, (size_t)n, p->spki, NULL, EVP_sha256(), NULL);
	OPENSSL_free(spki);
}

static void
drop(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

static struct str
octets(const unsigned char *p, size_t n)
{
	return (struct str){(const char *)p, n};
}

/* ---- records -------------------------------------------------------- */

static void
test_usable(void)
{
	static char data[65];

	for (int u = 0; u < 6; u++)
		for (int s = 0; s < 3; s++)
			for (int m = 0; m < 4; m++)
				for (size_t n = 0; n <= 65; n++) {
					struct tls_tlsa r = {(uint8_t)u,
					    (uint8_t)s, (uint8_t)m, {data, n}};
					bool want = (u == 2 || u == 3) &&
						    s < 2 &&
						    ((m == 0 && n) ||
							(m == 1 && n == 32) ||
							(m == 2 && n == 64));

					if (tls_tlsa_usable(&r) != want)
						ok(false, "%d %d %d %zu", u, s,
						    m, n);
				}
	ok(true, "which records are usable");
}

static enum tls_dane
verify(const struct pair *end, const struct tls_tlsa *r, size_t n,
    const char *name, int64_t now)
{
	struct str chain[2] = {
	    octets(end->der, end->n), octets(root.der, root.n)};
	struct str names[1] = {str_from_z(name)};
	enum tls_dane out = TLS_DANE_COUNT;
	struct diag d;

	if (tls_verify_dane(chain, 2, r, n, names, name ? 1 : 0, now, &out, &d))
		return TLS_DANE_COUNT;
	return out;
}

static void
test_dane(void)
{
	struct tls_tlsa ee = {3, 1, 1, octets(leaf.spki, 32)};
	struct tls_tlsa ee0 = {3, 0, 1, octets(leaf.full, 32)};
	struct tls_tlsa old = {3, 1, 1, octets(stale.spki, 32)};
	struct tls_tlsa ta = {2, 1, 1, octets(root.spki, 32)};
	struct tls_tlsa pkix = {1, 1, 1, octets(leaf.spki, 32)};
	struct tls_tlsa two[2] = {old, ta};
	const struct {
		const char *what;
		const struct pair *end;
		const struct tls_tlsa *r;
		size_t n;
		const char *name;
		int64_t now;
		enum tls_dane want;
	} cases[] = {
	    {"3 1 1", &leaf, &ee, 1, "mx.example", NOW, TLS_DANE_MATCH},
	    {"3 0 1", &leaf, &ee0, 1, "mx.example", NOW, TLS_DANE_MATCH},
	    {"3 1 1, another name", &leaf, &ee, 1, "x.example", NOW,
		TLS_DANE_MATCH},
	    {"3 1 1, no name", &leaf, &ee, 1, NULL, NOW, TLS_DANE_MATCH},
	    {"3 1 1, expired", &stale, &old, 1, "mx.example", NOW,
		TLS_DANE_MATCH},
	    {"3 1 1, another key", &leaf, &old, 1, "mx.example", NOW,
		TLS_DANE_NOMATCH},
	    {"2 1 1", &leaf, &ta, 1, "mx.example", NOW, TLS_DANE_MATCH},
	    {"2 1 1, wildcard", &leaf, &ta, 1, "a.wild.example", NOW,
		TLS_DANE_MATCH},
	    {"2 1 1, two labels", &leaf, &ta, 1, "a.b.wild.example", NOW,
		TLS_DANE_NOMATCH},
	    {"2 1 1, another name", &leaf, &ta, 1, "x.example", NOW,
		TLS_DANE_NOMATCH},
	    {"2 1 1, no name", &leaf, &ta, 1, NULL, NOW, TLS_DANE_NOMATCH},
	    {"2 1 1, expired", &stale, &ta, 1, "mx.example", NOW,
		TLS_DANE_NOMATCH},
	    {"2 1 1, later", &leaf, &ta, 1, "mx.example", NOW + 900 * DAY,
		TLS_DANE_NOMATCH},
	    /* RFC 7672 section 3.2.3: the common name where no DNS-ID is */
	    {"2 1 1, common name", &other, &ta, 1, "cn.example", NOW,
		TLS_DANE_MATCH},
	    {"2 1 1, common name beside DNS-IDs", &leaf, &ta, 1, "cn.example",
		NOW, TLS_DANE_NOMATCH},
	    {"the second of two", &leaf, two, 2, "mx.example", NOW,
		TLS_DANE_MATCH},
	    {"1 1 1", &leaf, &pkix, 1, "mx.example", NOW, TLS_DANE_UNUSABLE},
	    {"none", &leaf, NULL, 0, "mx.example", NOW, TLS_DANE_UNUSABLE},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		is_int(verify(cases[i].end, cases[i].r, cases[i].n,
			   cases[i].name, cases[i].now),
		    cases[i].want, cases[i].what);
}

static void
test_chains(void)
{
	struct tls_tlsa ee = {3, 1, 1, octets(leaf.spki, 32)};
	struct tls_tlsa ta = {2, 1, 1, octets(root.spki, 32)};
	struct str good = octets(leaf.der, leaf.n), name = STR("mx.example");
	struct str bad[] = {STR_NONE, STR("\x30"), STR("\x30\x00"),
	    STR("no certificate"), str_head(good, good.n - 1)};
	static struct str many[TLS_CHAIN_MAX + 1];
	enum tls_dane out = TLS_DANE_COUNT;
	struct diag d;

	for (size_t i = 0; i < COUNT(bad); i++) {
		ok(tls_verify_dane(
		       &bad[i], 1, &ee, 1, NULL, 0, NOW, &out, &d) == 0 &&
			out == TLS_DANE_NOMATCH,
		    "a leaf that is none: %zu", i);
		many[0] = good;
		many[1] = bad[i];
		ok(tls_verify_dane(many, 2, &ee, 1, NULL, 0, NOW, &out, &d) ==
			    0 &&
			out == TLS_DANE_MATCH,
		    "an issuer that is none: %zu", i);
	}
	for (size_t i = 0; i <= TLS_CHAIN_MAX; i++)
		many[i] = good;
	is_int(tls_verify_dane(
		   many, TLS_CHAIN_MAX, &ee, 1, NULL, 0, NOW, &out, &d),
	    0, "the longest chain");
	ok(tls_verify_dane(
	       many, TLS_CHAIN_MAX + 1, &ee, 1, NULL, 0, NOW, &out, &d) == 0 &&
		out == TLS_DANE_MATCH,
	    "of a longer one the first certificates count");
	for (size_t i = 1; i < TLS_CHAIN_MAX; i++)
		many[i] = octets(other.der, other.n);
	many[TLS_CHAIN_MAX] = octets(root.der, root.n);
	ok(tls_verify_dane(
	       many, TLS_CHAIN_MAX + 1, &ta, 1, &name, 1, NOW, &out, &d) == 0 &&
		out == TLS_DANE_NOMATCH,
	    "and no others");
	many[TLS_CHAIN_MAX - 1] = many[TLS_CHAIN_MAX];
	ok(tls_verify_dane(
	       many, TLS_CHAIN_MAX, &ta, 1, &name, 1, NOW, &out, &d) == 0 &&
		out == TLS_DANE_MATCH,
	    "the last of these");
}

/* What is no name of a host must not stand for all of them. */
static void
test_names(void)
{
	struct tls_tlsa ta = {2, 1, 1, octets(root.spki, 32)};
	struct tls_tlsa ee = {3, 1, 1, octets(leaf.spki, 32)};
	struct str chain[2] = {
	    octets(leaf.der, leaf.n), octets(root.der, root.n)};
	static char longer[300];
	struct str names[] = {STR_NONE, STR(""), STR("."), STR(".example"),
	    STR("mx.example\0.org"), STR("mx.example."), {longer, 300},
	    STR("mx.example")};
	enum tls_dane out = TLS_DANE_COUNT;
	struct diag d;

	memset(longer, 'x', sizeof(longer));
	for (size_t i = 0; i < COUNT(names); i++) {
		enum tls_dane want =
		    i + 1 < COUNT(names) ? TLS_DANE_NOMATCH : TLS_DANE_MATCH;

		ok(tls_verify_dane(
		       chain, 2, &ta, 1, &names[i], 1, NOW, &out, &d) == 0 &&
			out == want,
		    "2 1 1 with name %zu", i);
		ok(tls_verify_dane(
		       chain, 2, &ee, 1, &names[i], 1, NOW, &out, &d) == 0 &&
			out == TLS_DANE_MATCH,
		    "3 1 1 with it");
	}
	ok(tls_verify_dane(
	       chain, 2, &ta, 1, names, COUNT(names), NOW, &out, &d) == 0 &&
		out == TLS_DANE_MATCH,
	    "2 1 1 with all of them");
}

static void
test_many_records(void)
{
	static char wrong[TLS_TLSA_MAX][32];
	static struct tls_tlsa r[2 * TLS_TLSA_MAX + 1];
	struct tls_tlsa ee = {3, 1, 1, octets(leaf.spki, 32)};
	size_t n = 0;

	for (size_t i = 0; i < TLS_TLSA_MAX; i++)
		r[n++] = (struct tls_tlsa){1, 1, 1, octets(leaf.spki, 32)};
	for (size_t i = 0; i < TLS_TLSA_MAX; i++) {
		wrong[i][0] = (char)i;
		r[n++] = (struct tls_tlsa){3, 1, 1, {wrong[i], 32}};
	}
	r[n] = ee;
	is_int(verify(&leaf, r, n + 1, "mx.example", NOW), TLS_DANE_NOMATCH,
	    "a record after all that count");
	r[n - 1] = ee;
	is_int(verify(&leaf, r, n, "mx.example", NOW), TLS_DANE_MATCH,
	    "the last that counts, unusable ones apart");
}

/* ---- handshakes ----------------------------------------------------- */

struct wire {
	struct tls *t;
	SSL *s;
	BIO *in, *out;
	char sni[256];
};

static int
on_sni(SSL *s, int *alert, void *arg)
{
	const char *name = SSL_get_servername(s, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	snprintf(arg, 256, "%s", name ? name : "");
	return SSL_TLSEXT_ERR_OK;
}

/* Everything that either has for the other, in pieces of step octets. */
static void
carry(struct wire *w, size_t step)
{
	char raw[512];
	size_t n;
	int got;

	while ((n = tls_take(w->t, raw, step)) > 0)
		BIO_write(w->in, raw, (int)n);
	while ((got = BIO_read(w->out, raw, (int)step)) > 0)
		tls_feed(w->t, (struct str){raw, (size_t)got});
}

/* The client's last step. */
static enum tls_step
shake(struct wire *w, size_t step)
{
	enum tls_step c = TLS_MORE;

	for (int i = 0; i < 2000 && c == TLS_MORE; i++) {
		c = tls_handshake(w->t);
		carry(w, step);
		SSL_do_handshake(w->s);
		carry(w, step);
	}
	return c;
}

static SSL_CTX *
server(const struct pair *p, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_use_certificate(ctx, p->cert);
	SSL_CTX_add1_chain_cert(ctx, root.cert);
	SSL_CTX_use_PrivateKey(ctx, p->key);
	return ctx;
}

static void
plug(struct wire *w, SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_servername_callback(ctx, on_sni);
	SSL_CTX_set_tlsext_servername_arg(ctx, w->sni);
	w->s = SSL_new(ctx);
	w->in = BIO_new(BIO_s_mem());
	w->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(w->in, -1);
	BIO_set_mem_eof_return(w->out, -1);
	SSL_set_bio(w->s, w->in, w->out);
	SSL_set_accept_state(w->s);
}

static void
talk(struct wire *w)
{
	char to[64];
	size_t n = 0;
	int got;

	ok(tls_write(w->t, STR("ping"), &n) == TLS_DONE && n == 4, "write");
	carry(w, 64);
	got = SSL_read(w->s, to, sizeof(to));
	ok(got == 4 && memcmp(to, "ping", 4) == 0, "it arrives");
	n = sizeof(to);
	ok(tls_read(w->t, to, &n) == TLS_MORE, "nothing to read yet");
	SSL_write(w->s, "pong!", 5);
	carry(w, 64);
	n = sizeof(to);
	ok(tls_read(w->t, to, &n) == TLS_DONE && n == 5 &&
		memcmp(to, "pong!", 5) == 0,
	    "and back");
	SSL_shutdown(w->s);
	carry(w, 64);
	n = sizeof(to);
	ok(tls_read(w->t, to, &n) == TLS_CLOSED, "the end is told");
}

static void
check_binding(struct wire *w, int version)
{
	unsigned char mine[64];
	char binding[64];
	bool exporter = version != TLS1_3_VERSION;
	size_t n = tls_channel_binding(w->t, binding, &exporter), m = 32;

	ok(exporter == (version == TLS1_3_VERSION), "which channel binding");
	if (exporter)
		SSL_export_keying_material(
		    w->s, mine, 32, "EXPORTER-Channel-Binding", 24, NULL, 0, 1);
	else
		m = SSL_get_peer_finished(w->s, mine, sizeof(mine));
	ok(n == m && memcmp(binding, mine, n) == 0,
	    "both ends have the same: %zu octets", n);
}

static void
test_versions(struct tls_client *c)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_tlsa ee = {3, 1, 1, octets(leaf.spki, 32)};
	struct str name = STR("mx.example");
	struct tls_peer peer = {.verify = TLS_VERIFY_DANE,
	    .sni = name,
	    .names = &name,
	    .n_names = 1,
	    .tlsa = &ee,
	    .n_tlsa = 1};

	for (size_t i = 0; i < 4; i++) {
		int version = versions[i / 2];
		SSL_CTX *ctx = server(&leaf, version);
		struct tls_result r = {.host = "kept"};
		struct wire w = {0};
		struct diag d;

		peer.sni = i % 2 ? name : STR("192.0.2.1");
		ok(tls_new(c, &peer, &w.t, &d) == 0, "a connection");
		plug(&w, ctx);
		ok(shake(&w, i % 2 ? 512 : 1) == TLS_DONE, "shakes hands");
		/* RFC 6066 section 3: no address */
		is_str(str_from_z(w.sni), i % 2 ? name : STR(""), "SNI");
		tls_result(w.t, &r);
		ok(r.type == TLS_SUCCESS && r.authenticated && r.tried,
		    "is authenticated");
		is_str(str_from_z(r.protocol),
		    i < 2 ? STR("TLSv1.2") : STR("TLSv1.3"), "protocol");
		ok(r.cipher[0] && !strcmp(r.host, "kept"), "cipher");
		check_binding(&w, version);
		talk(&w);
		tls_free(w.t);
		SSL_free(w.s);
		SSL_CTX_free(ctx);
	}
}

static void
test_failures(struct tls_client *c)
{
	SSL_CTX *ctx = server(&leaf, TLS1_3_VERSION);
	struct tls_tlsa old = {3, 1, 1, octets(stale.spki, 32)};
	struct str name = STR("mx.example");
	struct tls_peer peer = {.verify = TLS_VERIFY_DANE,
	    .names = &name,
	    .n_names = 1,
	    .tlsa = &old,
	    .n_tlsa = 1};

	for (int tell = 0; tell < 2; tell++) {
		struct tls_result r = {.tried = false};
		struct wire w = {0};
		struct diag d;

		peer.tell_only = tell;
		ok(tls_new(c, &peer, &w.t, &d) == 0, "a connection");
		plug(&w, ctx);
		ok(shake(&w, 512) == (tell ? TLS_DONE : TLS_FAILED),
		    tell ? "goes on" : "fails");
		tls_result(w.t, &r);
		ok(r.type == TLS_CERTIFICATE_NOT_TRUSTED && !r.authenticated &&
			r.reason[0],
		    "why: %s", r.reason);
		tls_free(w.t);
		SSL_free(w.s);
	}
	SSL_CTX_free(ctx);
}

static void
test_garbage(struct tls_client *c)
{
	struct tls_peer peer = {.verify = TLS_VERIFY_NONE};
	struct tls_result r = {.tried = false};
	struct diag d;
	struct tls *t;

	ok(tls_new(c, &peer, &t, &d) == 0, "a connection");
	ok(tls_handshake(t) == TLS_MORE, "waits for the server");
	tls_feed(t, STR("220 mx.example ESMTP\r\n"));
	ok(tls_handshake(t) == TLS_FAILED, "which does not speak TLS");
	tls_result(t, &r);
	ok(r.type == TLS_VALIDATION_FAILURE && r.reason[0] && r.tried,
	    "why: %s", r.reason);
	tls_free(t);
}

/* What a server says after tickets; false: not before the deadline. */
static bool
hear_after_tickets(struct tls_client *c, SSL_CTX *ctx, int64_t deadline)
{
	static struct smtp_io io;
	struct tls_peer peer = {.verify = TLS_VERIFY_NONE};
	struct wire w = {.sni = ""};
	struct diag d;
	char raw[512];
	int got, fd[2];
	ssize_t sent = 0;
	bool heard;

	plug(&w, ctx);
	ok(tls_new(c, &peer, &w.t, &d) == 0 && shake(&w, 512) == TLS_DONE &&
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0,
	    "a connection");
	for (int i = 0; i < 64; i++)
		if (SSL_new_session_ticket(w.s) != 1 ||
		    SSL_do_handshake(w.s) != 1)
			ok(false, "a ticket");
	SSL_write(w.s, "250 ok", 6);
	while ((got = BIO_read(w.out, raw, sizeof(raw))) > 0)
		sent += write(fd[1], raw, (size_t)got);
	ok(sent > 8192, "many tickets: %zd octets", sent);
	smtp_io_init(&io);
	io.fd = fd[0];
	io.tls = w.t;
	heard = smtp_io_fill(&io, deadline);
	ok(heard ? str_eq(smtp_io_pending(&io), STR("250 ok")) : io.timed_out,
	    "what came of it");
	smtp_io_close(&io);
	close(fd[1]);
	SSL_free(w.s);
	return heard;
}

/* RFC 8446 section 4.6.1: a server may send tickets whenever it likes. */
static void
test_tickets(struct tls_client *c)
{
	SSL_CTX *ctx = server(&leaf, TLS1_3_VERSION);

	ok(hear_after_tickets(c, ctx, clock_mono_ms() + 60000),
	    "tickets are passed over");
	ok(!hear_after_tickets(c, ctx, clock_mono_ms() - 1),
	    "and keep nobody beyond his deadline");
	SSL_CTX_free(ctx);
}

static void
test_refused(struct tls_client *c)
{
	struct str name = STR("mx.example"), odd = STR("mx\r\nx"),
		   nul = STR("mx\0x"), dotted = STR(".example");
	struct tls_tlsa short_one = {3, 1, 1, STR_INIT("short")};
	const struct {
		struct tls_peer peer;
		int want;
	} cases[] = {
	    {{.verify = TLS_VERIFY_PKIX}, AVER_SYNTAX},
	    {{.verify = TLS_VERIFY_PKIX, .names = &odd, .n_names = 1},
		AVER_SYNTAX},
	    {{.verify = TLS_VERIFY_PKIX, .names = &dotted, .n_names = 1},
		AVER_SYNTAX},
	    {{.verify = TLS_VERIFY_PKIX, .names = &nul, .n_names = 1},
		AVER_SYNTAX},
	    {{.verify = TLS_VERIFY_NONE, .sni = odd}, AVER_SYNTAX},
	    {{.verify = TLS_VERIFY_DANE, .names = &name, .n_names = 1},
		AVER_NOTFOUND},
	    {{.verify = TLS_VERIFY_DANE,
		 .names = &name,
		 .n_names = 1,
		 .tlsa = &short_one,
		 .n_tlsa = 1},
		AVER_NOTFOUND},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct diag d = {.text = ""};
		struct tls *t = NULL;

		is_int(tls_new(c, &cases[i].peer, &t, &d), cases[i].want,
		    "no connection");
		ok(t == NULL && d.text[0], "why: %s", d.text);
	}
}

int
main(void)
{
	struct tls_client *c;
	struct diag d;

	make(&root, NULL, "root", NULL, -3000, 3000);
	make(&leaf, &root, "cn.example", "DNS:mx.example,DNS:*.wild.example",
	    -2000, 500);
	make(&stale, &root, "x", "DNS:mx.example", -2900, -2800);
	make(&other, &root, "cn.example", NULL, -2000, 500);
	test_usable();
	test_dane();
	test_chains();
	test_names();
	test_many_records();
	ok(tls_client_open("", &c, &d) == 0, "a client");
	test_versions(c);
	test_failures(c);
	test_garbage(c);
	test_tickets(c);
	test_refused(c);
	tls_client_close(c);
	drop(&root);
	drop(&leaf);
	drop(&stale);
	drop(&other);
	return tap_done();
}
