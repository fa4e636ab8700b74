/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Phase one of a TLS report: what is recorded of a policy domain and a UTC day
 * becomes a document in the ledger, in one transaction.
 *
 * The results of a mail host (policy tlsa) are there under the recipient
 * domain and under the host, as both may ask for reports. Where the recipient
 * domain's report of the day went to the URIs that the host's record names
 * too, the host's report leaves these results out.
 */
#ifndef REPORTS_TLS_BUILD_H
#define REPORTS_TLS_BUILD_H

#include <stdio.h>

#include "reports/tls_plan.h"

struct tls_builder;

/* Serves any number of domains. NULL when memory is out. */
struct tls_builder *tls_builder_new(struct reporter *r);
void tls_builder_free(struct tls_builder *b); /* NULL too */

struct tls_built {
	unsigned reports, submissions;
	uint64_t success, failure; /* sessions in them */
	uint64_t told; /* sessions left out: the recipient domain's has them */
	uint64_t unreadable; /* sessions that nobody can decode: dropped */
	const char *dropped; /* why there is no report; NULL: there is one */
};

/*
 * Carries out a plan with PLAN_REPORT for one day. Logs a line for each
 * report. Returns 0 (with dropped: what there was is gone), AVER_NOTFOUND when
 * there is nothing, AVER_TEMP, AVER_IO, AVER_NOMEM with d: then nothing has
 * happened.
 */
int tls_builder_day(struct tls_builder *b, const struct tls_plan *plan,
    struct str domain, int64_t day, int64_t now, struct tls_built *out,
    struct diag *d);

/* *out: the domain has results of other recipient domains: it is a mail host.
 */
int tls_is_host(struct reporter *r, struct str domain, int64_t before,
    bool *out, struct diag *d);

/* What a run would do, for --dry-run. */
void
tls_show(const struct store_due *due, const struct tls_plan *plan, FILE *out);

#endif
