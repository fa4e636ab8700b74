/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What mail hosts were seen to offer: for each recipient domain and MX host
 * when STARTTLS and REQUIRETLS were last there and last not. Names are A-labels
 * in lower case, 1 to 255 octets. Times are seconds since the epoch, 0: never.
 * Errors, handles, threads and callbacks as in ledger.h.
 */
#ifndef STORE_DESTINATION_H
#define STORE_DESTINATION_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

enum store_offer { STORE_OFFER_UNKNOWN, STORE_OFFERED, STORE_NOT_OFFERED };

/* One look at a host. */
struct store_sighting {
	struct str domain, mx;
	int64_t time;
	enum store_offer starttls, requiretls;
};

struct store_destination {
	struct str domain, mx;
	int64_t starttls, no_starttls;
	int64_t requiretls, no_requiretls;
	int64_t seen;
};

/*
 * Takes note of them; a time never goes back, so the same again changes
 * nothing and the order does not matter. For daemons: see also recorder.h.
 */
int store_see_destinations(struct store *s, const struct store_sighting *seen,
    size_t n, struct diag *d);

/*
 * Ordered by domain and MX host; domain empty: all, from the domain after that
 * name on (may be empty too).
 */
int store_each_destination(struct store *s, struct str domain, struct str after,
    int (*fn)(void *arg, const struct store_destination *x), void *arg,
    struct diag *d);

/* AVER_NOTFOUND: nothing is known of the domain. */
int
store_remove_destination(struct store *s, struct str domain, struct diag *d);

/*
 * Forgets what was last seen before, then all but the most seen last. As
 * aver-policyd does every hour.
 */
int store_forget_destinations(
    struct store *s, int64_t before, uint64_t most, struct diag *d);

#endif
