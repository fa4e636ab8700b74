/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * What a zone file of dns_zone.h says, and the answers to be had from it. Built
 * by one thread, then a source for any number of them.
 */
#ifndef DNS_ZONEDB_H
#define DNS_ZONEDB_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"

#define ZONEDB_TTL 300 /* seconds, where nothing else is said */

/* The pseudo types; see dns_zone.h. */
enum zonedb_mark {
	ZONEDB_SERVFAIL,
	ZONEDB_TIMEOUT,
	ZONEDB_NXDOMAIN,
	ZONEDB_NODATA,
	ZONEDB_SECURE,
	ZONEDB_INSECURE,
	ZONEDB_BOGUS,
	ZONEDB_MARK_COUNT
};

struct zonedb;

/* NULL: no memory. */
struct zonedb *zonedb_new(void);
/* type: 0 for all. Returns 0 or AVER_NOMEM. */
int zonedb_add_mark(struct zonedb *z, const struct dname *name,
    enum zonedb_mark kind, uint16_t type);
/* The answer to questions for type has that canonical name. 0 or AVER_NOMEM. */
int zonedb_add_alias(struct zonedb *z, const struct dname *name, uint16_t type,
    const struct dname *canonical);
/* rdata in wire form, copied. Returns 0 or AVER_NOMEM. */
int zonedb_add_record(struct zonedb *z, const struct dname *name, uint16_t type,
    uint32_t ttl, struct str rdata);
/* z as a source; dns_source_close() frees it. */
struct dns_source *zonedb_source(struct zonedb *z);
/* For what the one who fills it needs; lives as long as z. */
struct arena *zonedb_arena(struct zonedb *z);

#endif
