/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* A source of dns_zone.h out of a file, as the option --zone names one. */
#ifndef DNS_DNS_ZONE_FILE_H
#define DNS_DNS_ZONE_FILE_H

#include "lib/base/diag.h"
#include "lib/dns/dns.h"

/*
 * Returns 0 or, with d filled, AVER_LIMIT (more than 64 MiB) or what
 * file_read() and dns_zone_parse() return.
 */
int
dns_zone_file_open(const char *path, struct dns_source **out, struct diag *d);

#endif
