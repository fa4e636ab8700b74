/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A struct dns_source that answers from a zone file: for tests, and to replay
 * a trace of dns_trace.h. It knows no network and no clock.
 *
 * Entries are those of RFC 1035 section 5.1 with the types A AAAA MX TXT PTR
 * CNAME NS SOA TLSA and TYPEnnn \# LENGTH HEX (RFC 3597 section 5); $ORIGIN and
 * $TTL; "@", parentheses, comments, \X and \DDD. Names are relative to
 * $ORIGIN, at first the root. A character-string above 255 octets becomes
 * several. Besides there are pseudo types. TYPE limits one to questions of that
 * type:
 *
 *   NAME SERVFAIL [TYPE]   DNS_TEMP
 *   NAME TIMEOUT [TYPE]    DNS_TEMP, at once; without TYPE only for types that
 *                          have no record, and not if there is a CNAME
 *   NAME NXDOMAIN [TYPE]   even if there are records at or below the name
 *   NAME NODATA [TYPE]     the name exists; with TYPE no data even if there is
 *   NAME ALIAS TYPE NAME2  without CNAME: NAME2 is the canonical name that
 *                          the answer tells of
 *   NAME SECURE            the answers for NAME and all names below are
 *   NAME INSECURE          validated, without DNSSEC, or bogus; the longest
 *   NAME BOGUS             NAME decides. With TYPE: only NAME itself.
 *
 * A name exists if it or a name below has a record; "*" labels are wildcards
 * as in RFC 4592. CNAMEs are followed over 16 links; more, or a loop, is
 * DNS_TEMP. An answer is secure if all its links are. What no line says is
 * insecure, with a TTL of 300 seconds.
 */
#ifndef DNS_ZONE_H
#define DNS_ZONE_H

#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"

/*
 * Makes the source; text is not needed after. Returns 0, AVER_SYNTAX with "line
 * N: ..." in d, or AVER_NOMEM.
 */
int dns_zone_parse(struct str text, struct dns_source **out, struct diag *d);

#endif
