/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/arc/arc_key.h"

#include "lib/dkim/dkim_check.h"

void
arc_keys_init(struct arc_keys *k, struct arena *a,
    const struct dkim_engine *engine, const struct arc_limits *limits)
{
	*k = (struct arc_keys){.arena = a, .engine = engine, .limits = limits};
}

enum dkim_reason
arc_keys_want(struct arc_keys *k, struct dns *dns, const struct dkim_sig *sig,
    struct arc_key **out)
{
	struct dname name;
	struct arc_key *key = k->list;

	if (!dkim_key_name(sig, &name))
		return DKIM_WHY_DOMAIN;
	while (key && !dname_eq(&key->name, &name))
		key = key->next;
	if (!key) {
		if (k->n == k->limits->max_keys)
			return DKIM_WHY_BUDGET;
		key = ARENA_NEW(k->arena, struct arc_key);
		if (!key)
			return DKIM_WHY_BUDGET;
		key->name = name;
		key->next = k->list;
		k->list = key;
		k->n++;
		if (dns)
			dns_prefetch(dns, &name, DNS_TXT);
	}
	*out = key;
	return DKIM_WHY_NONE;
}

static void
ask(struct arc_keys *k, struct dns *dns, struct arc_key *key)
{
	unsigned asked = dns->questions;
	const struct dns_rrset *rr = dns_lookup(dns, &key->name, DNS_TXT);

	key->asked = true;
	key->secure = rr->secure;
	switch (rr->status) {
	case DNS_OK:
		key->set = dkim_keyset_of(rr, k->engine);
		key->why = key->set ? DKIM_WHY_NONE : DKIM_WHY_BUDGET;
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		key->why = DKIM_WHY_NO_KEY;
		break;
	case DNS_BOGUS:
		key->why = DKIM_WHY_BOGUS;
		break;
	case DNS_TEMP:
	case DNS_STATUS_COUNT:
		/* a refused question is not counted */
		key->why =
		    dns->questions == asked ? DKIM_WHY_BUDGET : DKIM_WHY_DNS;
		break;
	}
}

static enum dkim_reason
try_key(struct arc_keys *k, const struct dkim_key *key,
    const struct dkim_sig *sig, const unsigned char *sha256)
{
	/* RFC 8301 and RFC 8463 by analogy: RFC 8617 names no algorithms */
	enum dkim_reason why = dkim_key_fits(key, sig->algorithm,
	    k->limits->min_rsa_bits, k->limits->max_rsa_bits);

	if (why)
		return why;
	if (k->checks == k->limits->max_checks)
		return DKIM_WHY_BUDGET;
	k->checks++;
	return dkim_key_verify(key, sha256, sig->signature)
		   ? DKIM_WHY_NONE
		   : DKIM_WHY_SIGNATURE;
}

/*
 * RFC 6376 section 6.1.2 step 4: several records are tried in turn. The
 * reasons are numbered in the order of the checks.
 */
enum dkim_reason
arc_keys_check(struct arc_keys *k, struct dns *dns, struct arc_key *key,
    const struct dkim_sig *sig, const unsigned char *sha256)
{
	enum dkim_reason best = DKIM_WHY_NO_KEY;

	if (!key->asked)
		ask(k, dns, key);
	if (key->why)
		return key->why;
	for (size_t i = 0; i < key->set->n; i++) {
		enum dkim_reason why =
		    try_key(k, &key->set->key[i], sig, sha256);

		if (!why)
			return why;
		if (why > best)
			best = why;
	}
	return best;
}
