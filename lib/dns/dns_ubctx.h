/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A context of libunbound on an event loop of ours: what the resolver needs of
 * that library. Only dns_ubctx.c includes its headers. All is done in the
 * thread that runs the loop, or before it runs.
 */
#ifndef DNS_UBCTX_H
#define DNS_UBCTX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/dns/dns.h"
#include "lib/dns/dns_loop.h"
#include "lib/dns/dns_settings.h"

struct dns_ubctx;

/* A question; embed it in a struct of yours. It stays yours. */
struct dns_ubquery {
	/*
	 * Takes over answer, which is never NULL. kept: libunbound may have
	 * kept something of it even if no TTL allows that.
	 * Called by dns_ubctx_ask() or dns_loop_run().
	 */
	void (*done)(struct dns_ubquery *, struct dns_rrset *answer, bool kept);
	/* private */
	struct dns_ubctx *ctx;
	const struct dname *name;
	uint16_t type;
};

/*
 * The loop is the caller's and lives longer. Returns 0, AVER_CONF (a setting or
 * the trust anchor file is refused), AVER_NOMEM or AVER_TEMP.
 */
int dns_ubctx_new(const struct dns_settings *s, struct dns_loop *loop,
    struct dns_ubctx **out, struct diag *d);
/*
 * Asks; name lives until there is an answer. After 0 q->done() is called once,
 * unless the context is deleted before: there is no other way to take a
 * question back. libunbound has ub_cancel(), but that only suppresses the
 * callback while the library works on, so that nobody could tell how much is
 * in flight. Returns 0, AVER_NOMEM or AVER_TEMP.
 */
int dns_ubctx_ask(struct dns_ubctx *c, const struct dname *name, uint16_t type,
    struct dns_ubquery *q);
/* Questions in flight end without done(). NULL allowed. */
void dns_ubctx_delete(struct dns_ubctx *c);

#endif
