/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Fetches policies over HTTPS (RFC 8461 section 3.3), many at a time on a few
 * threads of lib/http; tests put another fetcher in its place.
 *
 * The caller resolves the name. A connection goes to one of the addresses
 * given and nowhere else: no proxy, no redirect, no other protocol.
 */
#ifndef TLSPOLICY_STS_FETCH_H
#define TLSPOLICY_STS_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/http/http.h"
#include "lib/tlsrpt/tlsrpt_result.h"

#define STS_FETCH_ADDRS HTTP_ADDRS

struct sts_fetch_result {
	/*
	 * TLSRPT_SUCCESS: status 200, text/plain, within the size. Or
	 * TLSRPT_STS_POLICY_FETCH_ERROR, TLSRPT_STS_WEBPKI_INVALID, or
	 * TLSRPT_STS_POLICY_INVALID (what came cannot be a policy).
	 */
	enum tlsrpt_result result;
	bool is_ours; /* nothing was tried: load, memory, the end */
	struct str body; /* valid for the call */
	char reason[HTTP_REASON]; /* why not; printable ASCII */
};

/* One fetch; left alone by the caller until done() is called. */
struct sts_fetch_job {
	struct str domain; /* the policy domain, without "mta-sts." */
	struct ip addrs[STS_FETCH_ADDRS]; /* of mta-sts.DOMAIN, allowed ones */
	size_t n_addrs;
	/*
	 * Called exactly once, from any thread, with no lock held, possibly
	 * before start() returns. It must not block.
	 */
	void (*done)(
	    struct sts_fetch_job *job, const struct sts_fetch_result *result);
	/* of the fetcher */
	struct http_job http;
	atomic_uint *jobs;
	char host[HTTP_HOST_MAX + 1];
};

struct sts_fetcher;

struct sts_fetcher_ops {
	void (*start)(struct sts_fetcher *, struct sts_fetch_job *job);
	/* Ends; what is in flight gets its done() before this returns. */
	void (*close)(struct sts_fetcher *);
};

struct sts_fetcher {
	const struct sts_fetcher_ops *ops;
};

struct sts_fetch_config {
	const char *ca_file; /* of trusted roots; NULL or "": the system's */
	int port; /* 0: 443 */
	int64_t timeout_ms; /* for all of one fetch */
	size_t max_size; /* octets of a policy */
	unsigned at_once; /* most connections at the same time */
	unsigned queue; /* most jobs that wait for one; more fail at once */
};

/*
 * Starts the threads. The CA file is read again when it has changed. Returns 0,
 * AVER_CONF (the CA file) or AVER_NOMEM with d filled.
 */
int sts_fetch_open(const struct sts_fetch_config *cfg, struct sts_fetcher **out,
    struct diag *d);

#endif
