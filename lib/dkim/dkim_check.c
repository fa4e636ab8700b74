/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/dkim/dkim_check.h"

#include "lib/base/err.h"

/* RFC 8301 section 3.2 */
#define RSA_BITS_FLOOR 1024u

bool
dkim_key_name(const struct dkim_sig *sig, struct dname *out)
{
	struct dname domain, parent;

	return dname_from_text(sig->domain, &domain) &&
	       dname_prepend(STR("_domainkey"), &domain, &parent) &&
	       dname_prepend(sig->selector, &parent, out);
}

enum dkim_reason
dkim_key_fits(const struct dkim_key *k, enum dkim_algorithm algorithm,
    unsigned min, unsigned max)
{
	enum dkim_key_type want =
	    algorithm == DKIM_ED25519_SHA256 ? DKIM_KEY_ED25519 : DKIM_KEY_RSA;

	if (k->why)
		return k->why;
	/* RFC 6376 section 6.1.2: k= and h=; section 3.6.1: s= */
	if (k->type != want || !k->sha256 || !k->email)
		return DKIM_WHY_KEY_TYPE;
	if (k->type != DKIM_KEY_RSA)
		return DKIM_WHY_NONE;
	if (k->bits < RSA_BITS_FLOOR || k->bits < min)
		return DKIM_WHY_KEY_SMALL;
	return k->bits > max ? DKIM_WHY_KEY_LARGE : DKIM_WHY_NONE;
}

enum dkim_reason
dkim_body_fits(const struct dkim_sig *sig, const struct dkim_body_hash *body)
{
	/* RFC 6376 section 3.5: l= MUST NOT exceed the canonical body */
	if (sig->body_length != DKIM_NO_LENGTH && body->left)
		return DKIM_WHY_BODY_LENGTH;
	/* RFC 6376 section 6.1.3 */
	return str_eq(body->digest, sig->body_hash) ? DKIM_WHY_NONE
						    : DKIM_WHY_BODY_HASH;
}

static void
write_to_md(void *to, const char *p, size_t n)
{
	struct dkim_hasher *x = to;

	if (!x->failed && EVP_DigestUpdate(x->md, p, n) != 1)
		x->failed = true;
}

int
dkim_hasher_init(struct dkim_hasher *x, struct arena *a,
    const struct dkim_engine *engine, const struct hdr_list *headers,
    uint64_t max_octets)
{
	x->engine = engine;
	x->octets_left = max_octets;
	x->failed = false;
	x->md = dkim_engine_md_ctx(a);
	dkim_sink_init(&x->sink, write_to_md, x);
	if (!x->md)
		return AVER_NOMEM;
	return dkim_index_init(&x->index, a, headers, engine->seed);
}

bool
dkim_hasher_begin(struct dkim_hasher *x)
{
	dkim_sink_init(&x->sink, write_to_md, x);
	x->failed = EVP_DigestInit_ex2(x->md, x->engine->sha256, NULL) != 1;
	return !x->failed;
}

bool
dkim_hasher_end(struct dkim_hasher *x, unsigned char *sha256)
{
	dkim_sink_flush(&x->sink);
	return !x->failed && EVP_DigestFinal_ex(x->md, sha256, NULL) == 1;
}

bool
dkim_hasher_spend(struct dkim_hasher *x, size_t n)
{
	if (n > x->octets_left)
		return false;
	x->octets_left -= n;
	return true;
}

int
dkim_hasher_message(struct dkim_hasher *x, const struct dkim_sig *sig,
    const struct hdr *own, unsigned char *sha256)
{
	enum dkim_canon c = sig->header_canon;
	struct str rest = sig->names, name;
	const struct hdr *h;

	if (!dkim_hasher_spend(x, own->raw.n))
		return AVER_LIMIT;
	if (!dkim_hasher_begin(x))
		return AVER_CRYPTO;
	dkim_index_rewind(&x->index);
	while (dkim_list_next(&rest, &name)) {
		/* an empty name, which only ARC lets pass, names no field */
		h = name.n ? dkim_index_take(&x->index, name) : NULL;
		/* RFC 6376 section 3.5: never the field to be verified */
		if (h && h->raw.p == own->raw.p)
			h = dkim_index_take(&x->index, name);
		/* section 5.4.2: a field that is not there is nothing */
		if (!h)
			continue;
		if (!dkim_hasher_spend(x, h->raw.n + 2))
			return AVER_LIMIT;
		dkim_canon_header(&x->sink, c, h);
	}
	dkim_canon_signature(&x->sink, c, own, sig->b_raw);
	return dkim_hasher_end(x, sha256) ? 0 : AVER_CRYPTO;
}
