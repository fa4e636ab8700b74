/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A sealer for the tests of lib/arc, by the letter of RFC 8617 section 5.1. It
 * shares no code with the verifier: the fields it writes have one line, one
 * space after the colon and none elsewhere that relaxed would change, so that
 * canonicalizing is lower case for the name.
 */
#ifndef T_UNIT_ARC_SEAL_H
#define T_UNIT_ARC_SEAL_H

#include "t/tap.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/b64.h"
#include "lib/base/buf.h"

#define SETS 52
#define FIELDS 200

struct set_text {
	const char *aar, *ams, *seal;
};

/* Fields from the top; everything lives in the arena. */
struct message {
	struct arena *arena;
	const char *field[FIELDS];
	size_t n;
	const char *body;
	struct set_text set[SETS]; /* by instance */
	unsigned sets;
};

/* One sealer; NULL and 0 stand for what a good one does. */
struct sealer {
	const char *d, *s; /* d1.example, s1 */
	EVP_PKEY *key;
	const char *a; /* fits the key */
	const char *cv; /* none, then pass */
	const char *c; /* "c=relaxed/relaxed; " */
	const char *h; /* from:to:subject:date */
	const char *bh;
	const char *ams, *seal; /* more tags, each with its "; " */
	const char *aar;
	unsigned instance;
	bool simple; /* the headers are hashed as they stand */
	bool alone; /* the seal covers its own set only (section 5.1.2) */
};

/* ---- text --------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static const char *
text_of(struct arena *a, const char *fmt, ...)
{
	char line[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return arena_z(a, str_from_z(line));
}

static const char *
base64_of(struct arena *a, const unsigned char *p, size_t n)
{
	struct buf b;

	buf_init(&b, a, 4096);
	b64_encode(&b, (struct str){(const char *)p, n});
	return buf_z(&b);
}

static void
add_on_top(struct message *m, const char *field)
{
	memmove(m->field + 1, m->field, m->n * sizeof(*m->field));
	m->field[0] = field;
	m->n++;
}

static struct message
new_message(struct arena *a)
{
	struct message m = {.arena = a, .body = "Hello.\r\n"};

	add_on_top(&m, "Date: Tue, 14 Nov 2023 22:13:20 +0000");
	add_on_top(&m, "Subject: hello");
	add_on_top(&m, "To: list@lists.example");
	add_on_top(&m, "From: Alice <alice@author.example>");
	return m;
}

/* ---- signing ------------------------------------------------------------ */

static EVP_PKEY *
new_ed25519(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
	EVP_PKEY *key = NULL;

	if (EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_keygen(ctx, &key) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool
is_rsa(const EVP_PKEY *key)
{
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
}

/* The text of the key record. */
static const char *
record_of(struct arena *a, EVP_PKEY *key)
{
	unsigned char raw[32], *der = NULL;
	size_t n = sizeof(raw);
	const char *text;
	int len;

	if (!is_rsa(key)) {
		if (EVP_PKEY_get_raw_public_key(key, raw, &n) != 1)
			abort();
		return text_of(
		    a, "v=DKIM1; k=ed25519; p=%s", base64_of(a, raw, n));
	}
	len = i2d_PUBKEY(key, &der);
	text = text_of(a, "v=DKIM1; p=%s", base64_of(a, der, (size_t)len));
	OPENSSL_free(der);
	return text;
}

static void
sha256_of(struct str in, unsigned char *out)
{
	if (EVP_Digest(in.p, in.n, out, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

/* RSA of the text, Ed25519 of its SHA-256 (RFC 8463 section 3). */
static const char *
sign(struct arena *a, EVP_PKEY *key, struct str in)
{
	unsigned char sig[512], hash[32];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = EVP_DigestSignInit(
	    ctx, NULL, is_rsa(key) ? EVP_sha256() : NULL, NULL, key);

	sha256_of(in, hash);
	if (is_rsa(key))
		ok &= EVP_DigestSign(
		    ctx, sig, &n, (const unsigned char *)in.p, in.n);
	else
		ok &= EVP_DigestSign(ctx, sig, &n, hash, sizeof(hash));
	EVP_MD_CTX_free(ctx);
	if (ok != 1)
		abort();
	return base64_of(a, sig, n);
}

/* ---- sealing ------------------------------------------------------------ */

static void
add_canonical(struct buf *b, const char *field, bool simple)
{
	struct str value, name = str_cut(str_from_z(field), ':', &value);

	if (simple) {
		buf_add_z(b, field);
		return;
	}
	buf_add(b, arena_lower(b->arena, name));
	buf_add_c(b, ':');
	buf_add(b, str_trim(value, " "));
}

static const char *
lowest(const struct message *m, struct str name)
{
	for (size_t i = m->n; i-- > 0;)
		if (str_eq_ci(
			str_cut(str_from_z(m->field[i]), ':', &(struct str){0}),
			name))
			return m->field[i];
	return NULL;
}

static const char *
message_signature(const struct message *m, const struct sealer *s, unsigned i)
{
	struct str names = str_from_z(s->h);
	unsigned char hash[32];
	const char *field, *bh = s->bh;
	struct buf in;

	sha256_of(str_from_z(m->body), hash);
	if (!bh)
		bh = base64_of(m->arena, hash, sizeof(hash));
	buf_init(&in, m->arena, 65536);
	while (names.p) {
		field = lowest(m, str_cut(names, ':', &names));
		if (!field)
			continue;
		add_canonical(&in, field, s->simple);
		buf_add_z(&in, "\r\n");
	}
	field = text_of(m->arena,
	    "ARC-Message-Signature: i=%u; a=%s; %sd=%s; s=%s; t=1700000000; "
	    "%sh=%s; bh=%s; b=",
	    i, s->a, s->c, s->d, s->s, s->ams, s->h, bh);
	add_canonical(&in, field, s->simple);
	return text_of(
	    m->arena, "%s%s", field, sign(m->arena, s->key, buf_str(&in)));
}

static const char *
seal_of(const struct message *m, const struct sealer *s, unsigned i)
{
	const char *field = text_of(m->arena,
	    "ARC-Seal: i=%u; a=%s; t=1700000000; cv=%s; d=%s; s=%s; %sb=", i,
	    s->a, s->cv, s->d, s->s, s->seal);
	struct buf in;

	buf_init(&in, m->arena, 1 << 20);
	for (unsigned k = s->alone ? i : 1; k <= i; k++) {
		add_canonical(&in, m->set[k].aar, false);
		buf_add_z(&in, "\r\n");
		add_canonical(&in, m->set[k].ams, false);
		buf_add_z(&in, "\r\n");
		add_canonical(&in, k == i ? field : m->set[k].seal, false);
		if (k < i)
			buf_add_z(&in, "\r\n");
	}
	return text_of(
	    m->arena, "%s%s", field, sign(m->arena, s->key, buf_str(&in)));
}

#define OR(value, fallback) ((value) ? (value) : (fallback))

/* Adds a set as that sealer does. */
static void
seal(struct message *m, struct sealer s)
{
	unsigned i = OR(s.instance, m->sets + 1);
	struct set_text *set = &m->set[i];

	s.d = OR(s.d, "d1.example");
	s.s = OR(s.s, "s1");
	s.a = OR(s.a, is_rsa(s.key) ? "rsa-sha256" : "ed25519-sha256");
	s.cv = OR(s.cv, i == 1 ? "none" : "pass");
	s.c = OR(s.c, "c=relaxed/relaxed; ");
	s.h = OR(s.h, "from:to:subject:date");
	s.ams = OR(s.ams, "");
	s.seal = OR(s.seal, "");
	set->aar = text_of(m->arena, "ARC-Authentication-Results: i=%u;%s", i,
	    OR(s.aar, " mx.example; spf=pass smtp.mailfrom=author.example"));
	set->ams = message_signature(m, &s, i);
	set->seal = seal_of(m, &s, i);
	add_on_top(m, set->aar);
	add_on_top(m, set->ams);
	add_on_top(m, set->seal);
	m->sets = i;
}

#endif
