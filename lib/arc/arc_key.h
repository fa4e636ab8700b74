/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The key records of one chain, each asked for once. A set takes two (RFC 8617
 * section 9.2), mostly the same one.
 */
#ifndef ARC_ARC_KEY_H
#define ARC_ARC_KEY_H

#include <stdbool.h>

#include "lib/arc/arc.h"
#include "lib/base/arena.h"
#include "lib/dkim/dkim_key.h"
#include "lib/dkim/dkim_sig.h"
#include "lib/dns/dns.h"

struct arc_key {
	struct arc_key *next;
	struct dname name;
	bool asked;
	bool secure; /* the answer was validated by DNSSEC */
	enum dkim_reason why; /* why there is no set */
	const struct dkim_keyset *set;
};

struct arc_keys {
	struct arena *arena;
	const struct dkim_engine *engine;
	const struct arc_limits *limits;
	struct arc_key *list;
	unsigned n, checks;
};

/* limits must outlive k. */
void arc_keys_init(struct arc_keys *k, struct arena *a,
    const struct dkim_engine *engine, const struct arc_limits *limits);
/*
 * The key of a signature, prefetched (dns may be NULL) when it is the first
 * of that name. Returns DKIM_WHY_NONE, _DOMAIN or _BUDGET.
 */
enum dkim_reason arc_keys_want(struct arc_keys *k, struct dns *dns,
    const struct dkim_sig *sig, struct arc_key **out);
/*
 * Looks the key up and tries its records on a signature whose hash input has
 * that digest. Returns DKIM_WHY_NONE when one verifies, else the reason of the
 * record that came furthest.
 */
enum dkim_reason
arc_keys_check(struct arc_keys *k, struct dns *dns, struct arc_key *key,
    const struct dkim_sig *sig, const unsigned char *sha256);

#endif
