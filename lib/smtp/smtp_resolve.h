/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The addresses of a relay, as this host's resolver (hosts file, DNS) says. */
#ifndef SMTP_SMTP_RESOLVE_H
#define SMTP_SMTP_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/diag.h"
#include "lib/base/ip.h"

/*
 * Up to max addresses of host (a name, or an address as text), in the order
 * that the system prefers. Waits until deadline (clock_mono_ms()) at most: the
 * question runs in a thread of its own, which ends by itself later. Returns 0
 * with *n > 0, AVER_NOTFOUND (no such host), AVER_TEMP, AVER_NOMEM; with d.
 */
int smtp_resolve(const char *host, int64_t deadline, struct ip *out, size_t max,
    size_t *n, struct diag *d);

#endif
