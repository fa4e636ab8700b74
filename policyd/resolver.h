/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The resolver that the configuration describes. */
#ifndef POLICYD_RESOLVER_H
#define POLICYD_RESOLVER_H

#include <stdbool.h>

#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "lib/dns/dns.h"

/*
 * Opens it and logs what it found out about DNSSEC. As dns_unbound_open(); to
 * be closed with dns_source_close().
 */
int resolver_open(const struct conf *c, struct dns_source **out,
    bool *validating, struct diag *d);
/* True when both describe the same one. */
bool resolver_is_same(const struct conf *a, const struct conf *b);

#endif
