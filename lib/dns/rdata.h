/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Decoders of rdata in wire form. Pure; every length is checked. */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/dns/dname.h"

/*
 * All character-strings of one TXT record, concatenated with nothing between
 * (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2). A view of the rdata when
 * there is one string, else a copy in the arena. False when a length runs past
 * the end or memory is out.
 */
bool rdata_txt(struct arena *a, struct str rdata, struct str *out);
/* 4 octets (DNS_A) or 16 (DNS_AAAA). */
bool rdata_addr(struct str rdata, struct ip *out);
bool rdata_mx(struct str rdata, uint16_t *preference, struct dname *out);
/* RFC 6698 section 2.1; the values are not judged, data may be empty. */
struct rdata_tlsa {
	uint8_t usage, selector, matching;
	struct str data; /* a view of the rdata */
};
/* False when there are fewer than 3 octets. */
bool rdata_tlsa(struct str rdata, struct rdata_tlsa *out);
/* PTR, CNAME, NS. */
bool rdata_name(struct str rdata, struct dname *out);

/*
 * Appends the presentation form (RFC 1035 section 5.1) of the types of enum
 * dns_type; what is of another type or malformed as "\# LENGTH HEX" of RFC
 * 3597 section 5. Printable ASCII only; dns_zone_parse() reads it back.
 */
void rdata_print(struct buf *b, uint16_t type, struct str rdata);

#endif
