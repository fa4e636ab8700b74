/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/eval_source.h"

#include <getopt.h>

#include "lib/dns/dns_conf.h"
#include "lib/dns/dns_zone_file.h"

#define CACHE_ENTRIES 2000
/* a batch waits for every silent server of its cases */
#define BATCH_TIMEOUT_MS 1500

bool
eval_source_set(struct eval_source_options *o, int id)
{
	switch (id) {
	case EVAL_SOURCE_RESOLVER:
		o->resolver = optarg;
		return true;
	case EVAL_SOURCE_ZONE:
		o->zone = optarg;
		return true;
	case EVAL_SOURCE_DNSSEC:
		o->dnssec = true;
		return true;
	default:
		return false;
	}
}

const char *
eval_source_wrong(const struct eval_source_options *o)
{
	return o->zone && o->resolver
		   ? "--zone and --resolver exclude each other"
		   : NULL;
}

int
eval_source_open(const struct conf *c, const struct eval_source_options *o,
    bool batch, struct dns_source **out, struct diag *d)
{
	struct dns_unbound_config cfg = dns_conf_unbound(c);

	if (o->zone)
		return dns_zone_file_open(o->zone, out, d);
	if (o->resolver) {
		cfg.servers = &o->resolver;
		cfg.n_servers = 1;
		cfg.dnssec = o->dnssec ? DNS_DNSSEC_VALIDATE : DNS_DNSSEC_OFF;
	}
	cfg.cache_entries = batch ? 0 : CACHE_ENTRIES;
	if (batch && cfg.timeout_ms > BATCH_TIMEOUT_MS)
		cfg.timeout_ms = BATCH_TIMEOUT_MS;
	return dns_unbound_open(&cfg, out, d);
}
