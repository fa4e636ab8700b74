/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The address of the metrics server: ADDRESS:PORT or [IPV6]:PORT. */
#ifndef METRICS_METRICS_LISTEN_H
#define METRICS_METRICS_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"

/* port: 1 to 65535. No host names, and nothing for "all addresses" but
 * 0.0.0.0 and [::]. */
bool metrics_listen_parse(struct str s, struct ip *ip, uint16_t *port);

/*
 * A socket that listens there: not blocking, closed on exec. Returns the
 * descriptor; AVER_CONF (no such address) or AVER_IO, with d filled.
 */
int metrics_listen(const char *where, struct diag *d);

#endif
