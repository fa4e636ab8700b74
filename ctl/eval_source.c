/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/eval_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/dns/dns_unbound.h"
#include "lib/dns/dns_zone.h"

#define ZONE_MAX ((size_t)64 * 1024 * 1024)
#define CACHE_ENTRIES 2000
/* a batch waits for every silent server of its cases */
#define BATCH_TIMEOUT_MS 1500

static int
open_zone(const char *path, struct dns_source **out, struct diag *d)
{
	FILE *f = fopen(path, "rb");
	struct buf b;
	char chunk[65536];
	size_t n;
	int err;

	if (!f)
		return diag_set(d, AVER_IO, 0, "%s: %s", path, strerror(errno));
	buf_init(&b, NULL, ZONE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, (struct str){chunk, n});
	if (ferror(f))
		err = diag_set(d, AVER_IO, 0, "%s: cannot be read", path);
	else if (!buf_ok(&b))
		err = diag_set(d, AVER_LIMIT, 0, "%s: too large", path);
	else
		err = dns_zone_parse(buf_str(&b), out, d);
	fclose(f);
	buf_fini(&b);
	return err;
}

static enum dns_dnssec
mode_of(const struct conf *c, const struct eval_source_options *o)
{
	if (o->resolver)
		return o->dnssec ? DNS_DNSSEC_VALIDATE : DNS_DNSSEC_OFF;
	switch (c->dnssec) {
	case CONF_DNSSEC_AUTO:
		return DNS_DNSSEC_AUTO;
	case CONF_DNSSEC_VALIDATE:
		return DNS_DNSSEC_VALIDATE;
	case CONF_DNSSEC_OFF:
		break;
	}
	return DNS_DNSSEC_OFF;
}

int
eval_source_open(const struct conf *c, const struct eval_source_options *o,
    bool batch, struct dns_source **out, struct diag *d)
{
	struct dns_unbound_config cfg = {
	    .servers = c->dns_servers.v,
	    .n_servers = c->dns_servers.n,
	    .dnssec = mode_of(c, o),
	    .trust_anchor = c->dns_trust_anchor,
	    .timeout_ms = (int)c->dns_timeout,
	    .cache_entries = batch ? 0 : CACHE_ENTRIES,
	    .max_ttl = (uint32_t)c->dns_max_ttl,
	    .max_negative_ttl = (uint32_t)c->dns_max_negative_ttl,
	};

	if (o->zone)
		return open_zone(o->zone, out, d);
	if (o->resolver) {
		cfg.servers = &o->resolver;
		cfg.n_servers = 1;
	}
	if (batch && cfg.timeout_ms > BATCH_TIMEOUT_MS)
		cfg.timeout_ms = BATCH_TIMEOUT_MS;
	return dns_unbound_open(&cfg, out, d);
}
