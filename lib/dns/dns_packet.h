/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Reads messages of the DNS (RFC 1035 section 4). Pure. */
#ifndef DNS_DNS_PACKET_H
#define DNS_DNS_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"
#include "lib/dns/dns.h"

/*
 * The answer to a question, with CNAMEs followed inside of the message; secure:
 * it was validated. Never NULL: what cannot be read is DNS_TEMP, as is an RCODE
 * other than NOERROR and NXDOMAIN. *kept: a resolver may know it a moment
 * longer than its TTL says, as an alias (until the second is over), a failure,
 * or a negative answer without SOA.
 */
struct dns_rrset *dns_packet_read(struct str packet, const struct dname *name,
    uint16_t type, bool secure, bool *kept);
/* DNS_TEMP with the name of the RCODE. NULL when memory is out. */
struct dns_rrset *dns_packet_failure(int rcode);

#endif
