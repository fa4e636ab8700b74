/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The resolver of a daemon. */
#ifndef DAEMON_DAEMON_DNS_H
#define DAEMON_DAEMON_DNS_H

#include <stdbool.h>

#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "lib/dns/dns.h"

/*
 * Opens the one that the parameters describe, and logs what it found out about
 * DNSSEC, which an operator should know at each start. As dns_unbound_open();
 * to be closed with dns_source_close().
 */
int daemon_dns_open(const struct conf *c, struct dns_source **out,
    bool *validating, struct diag *d);

#endif
