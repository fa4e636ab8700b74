/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A context of libunbound with its background thread: what the resolver needs
 * of that library. Only dns_ubctx.c includes <unbound.h>.
 */
#ifndef DNS_UBCTX_H
#define DNS_UBCTX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/dns/dns.h"
#include "lib/dns/dns_settings.h"

struct dns_ubctx; /* a struct ub_ctx, by a name that needs no header */

/* A question; embed it in a struct of yours. It stays yours. */
struct dns_ubquery {
	/*
	 * Takes over answer, which is never NULL. kept: libunbound may have
	 * kept something of it even if no TTL allows that.
	 * Called by dns_ubctx_process() only.
	 */
	void (*done)(struct dns_ubquery *, struct dns_rrset *answer, bool kept);
};

/*
 * Returns 0, AVER_CONF (a setting or the trust anchor file is refused) or
 * AVER_TEMP.
 */
int dns_ubctx_new(
    const struct dns_settings *s, struct dns_ubctx **out, struct diag *d);
/*
 * Asks, from any thread. After 0 q->done() is called once, unless the context
 * is deleted before: there is no other way to take a question back. libunbound
 * has ub_cancel(), but with a background thread that only suppresses the
 * callback while the library works on, so that nobody could tell how much is
 * in flight. Returns 0, AVER_NOMEM or AVER_TEMP.
 */
int dns_ubctx_ask(struct dns_ubctx *c, const struct dname *name, uint16_t type,
    struct dns_ubquery *q);
/* Readable when dns_ubctx_process() has something to do. */
int dns_ubctx_fd(struct dns_ubctx *c);
/* Delivers the answers that are there. An error: the context is broken. */
int dns_ubctx_process(struct dns_ubctx *c);
/*
 * Nobody may be inside another function with it. Questions in flight end
 * without done(). NULL allowed.
 */
void dns_ubctx_delete(struct dns_ubctx *c);

#endif
