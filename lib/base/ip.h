/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* IP addresses and prefixes as values. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

enum ip_family { IP_NONE, IP_V4, IP_V6 };

/* An address; octets past the family's length are zero. */
struct ip {
	uint8_t family; /* enum ip_family */
	uint8_t a[16]; /* network order, 4 or 16 octets used */
};

struct ip_net {
	struct ip ip;
	uint8_t bits; /* 0-32 or 0-128 */
};

/*
 * Dotted quad with four decimal octets without leading zeros (RFC 7208
 * section 12), or any text form of RFC 4291 section 2.2 without zone. An
 * IPv4-mapped IPv6 address stays IPv6: see ip_unmap().
 */
bool ip_parse(struct str s, struct ip *out);
/* ADDRESS or ADDRESS/BITS; host bits may be set and are cleared. */
bool ip_net_parse(struct str s, struct ip_net *out);
/* ::ffff:a.b.c.d becomes a.b.c.d (RFC 7208 section 5); others unchanged. */
struct ip ip_unmap(struct ip ip);
bool ip_eq(const struct ip *a, const struct ip *b);
/* Same family and the first bits octet bits equal; false across families. */
bool ip_in(const struct ip *ip, const struct ip *net, unsigned bits);
/* Dotted quad or the short form of RFC 5952 section 4. */
void ip_print(struct buf *b, const struct ip *ip);
/* From a struct in_addr's or in6_addr's octets (4 or 16). */
struct ip ip_from_bytes(enum ip_family family, const void *octets);

#endif
