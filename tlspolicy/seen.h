/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What the mail hosts of a domain were seen to offer: from the store, or, while
 * that is away, or slow for some calls in a row, as it was when it was asked
 * for last. Thread-safe.
 */
#ifndef TLSPOLICY_SEEN_H
#define TLSPOLICY_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "tlspolicy/decision.h"

struct seen;
struct store;

/*
 * store: as for store_open(), NULL: nothing is ever known; copied. must: it has
 * to be there now, else it is opened when it is there. Returns 0, AVER_NOMEM,
 * AVER_IO (no random seed), or what store_open() says, with d filled.
 */
int seen_open(const char *store, bool must, struct seen **out, struct diag *d);
void seen_close(struct seen *s); /* NULL allowed */

/* is_up: false while the store is known to be away. */
void
seen_get(struct seen *s, struct str domain, bool is_up, struct tls_known *out);

/*
 * Forgets in that store what was seen more than half a year before now, and all
 * but the million that were seen last. Returns 0 or what the store says.
 */
int seen_forget(struct store *store, int64_t now);

#endif
