/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* From parameters to what the engine is told. */
#include "lib/conf/conf.h"
#include "tlspolicy/engine.h"

void
engine_config_init(struct engine_config *cfg, const struct conf *c)
{
	*cfg = (struct engine_config){
	    .store = c->store,
	    .directory = c->state_directory,
	    .cache_entries = (size_t)c->sts_cache_entries,
	    .cache_octets = (size_t)c->sts_cache_size,
	    .ca_file = c->sts_ca_file,
	    .port = (int)c->sts_port,
	    .fetch_timeout_ms = c->sts_timeout,
	    .max_policy = (size_t)c->sts_max_size,
	    .fetches = (unsigned)c->sts_max_fetches,
	    .refresh_time = c->sts_refresh_time,
	    .unused_time = c->sts_unused_time,
	    .allow = {c->sts_allow_networks.v, c->sts_allow_networks.n},
	    .sts = c->mta_sts,
	    .dane = c->dane,
	    .insecure_mx = c->dane_insecure_mx,
	    .defer_unknown = c->tls_unknown_action == CONF_TEMPFAIL,
	    .min_valid = c->tls_min_validity,
	    .max_valid = c->tls_max_validity,
	    .max_hosts = (unsigned)c->dane_max_hosts,
	    .max_questions = (unsigned)c->tls_max_questions,
	};
}
