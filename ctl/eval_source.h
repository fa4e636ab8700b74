/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Where a command asks DNS questions. */
#ifndef CTL_EVAL_SOURCE_H
#define CTL_EVAL_SOURCE_H

#include <stdbool.h>

#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "lib/dns/dns.h"

struct eval_source_options {
	const char *resolver; /* ADDR[@PORT]; NULL: the configuration's */
	const char *zone; /* a zone file instead */
	bool dnssec; /* validate although a resolver is named */
};

/* Their lines in the table of getopt_long(). */
/* clang-format off */
enum { EVAL_SOURCE_RESOLVER = 1000, EVAL_SOURCE_ZONE, EVAL_SOURCE_DNSSEC };
#define EVAL_SOURCE_LONGS \
	{"resolver", required_argument, NULL, EVAL_SOURCE_RESOLVER}, \
	{"zone", required_argument, NULL, EVAL_SOURCE_ZONE}, \
	{"dnssec", no_argument, NULL, EVAL_SOURCE_DNSSEC}
/* clang-format on */

/* Takes the option that getopt_long() found; false: it is none of these. */
bool eval_source_set(struct eval_source_options *o, int id);
/* After all options: what is wrong with them, or NULL. */
const char *eval_source_wrong(const struct eval_source_options *o);

/*
 * batch: nothing may be cached between two messages. With a resolver named,
 * answers are taken as they are unless dnssec is set: it may serve zones of
 * the operator's own. Returns 0 or an aver_err with d filled.
 */
int eval_source_open(const struct conf *c, const struct eval_source_options *o,
    bool batch, struct dns_source **out, struct diag *d);

#endif
