/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the parameters say of the resolver. */
#ifndef DNS_DNS_CONF_H
#define DNS_DNS_CONF_H

#include <stdbool.h>

#include "lib/conf/conf.h"
#include "lib/dns/dns_unbound.h"

/* What dns_unbound_open() is to open; it points into c. */
struct dns_unbound_config dns_conf_unbound(const struct conf *c);

/* True when both describe the same resolver. */
bool dns_conf_same(const struct conf *a, const struct conf *b);

#endif
