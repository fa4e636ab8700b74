/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Makes results of TLS sessions of Postfix's log, for versions that do not
 * tell of them by themselves. One thread: it reads lines, gathers the rows of
 * a batch, writes down where the batch ends, and commits it to the store under
 * a number of its own. A killed process goes on at the end of the last batch
 * that is in the store: nothing is lost and nothing is counted twice.
 */
#ifndef POLICYD_TLS_LOG_H
#define POLICYD_TLS_LOG_H

#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "policyd/collector.h"
#include "policyd/log_source.h"
#include "tlspolicy/engine.h"

struct tls_log;

struct tls_log_config {
	const struct conf *conf; /* not kept */
	struct collector *collector; /* these two outlive it */
	struct engine *engine;
	/* Postfix's own reports are received too, so they are left out here */
	bool has_datagrams;
};

struct tls_log_stats {
	uint64_t lines, used, odd, lost; /* see postfix_log_stats */
	uint64_t reported; /* sessions left out: Postfix reported them */
	uint64_t own; /* sessions that delivered reports of ours */
	uint64_t commits, commit_failures;
	uint64_t lag; /* octets not yet read */
};

/* tlsrpt_log = none: *out is NULL. Returns 0 or an aver_err with d filled. */
int tls_log_start(
    const struct tls_log_config *cfg, struct tls_log **out, struct diag *d);
/* Commits what was read. NULL allowed. */
void tls_log_stop(struct tls_log *l);

/* Any thread. */
void tls_log_get_stats(struct tls_log *l, struct tls_log_stats *out);

#endif
