/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "milter/service.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/dkim/dkim_engine.h"
#include "lib/compat/compat.h"
#include "lib/inbound/inbound_conf.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/daemon_dns.h"
#include "lib/dns/dns_conf.h"
#include "lib/metrics/metrics_daemon.h"
#include "milter/milter_metrics.h"

#define ENGINE_MEMORY ((size_t)64 * 1024)

static void
resolver_unref(struct resolver *r)
{
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	dns_source_close(r->source);
	free(r);
}

static int
resolver_open(const struct conf *c, struct resolver **out, struct diag *d)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return AVER_NOMEM;
	atomic_init(&r->refs, 1);
	err = daemon_dns_open(c, &r->source, &r->validating, d);
	if (err) {
		free(r);
		return err;
	}
	*out = r;
	return 0;
}

static void
snapshot_free(struct snapshot *snap)
{
	resolver_unref(snap->resolver);
	orgdom_close(snap->psl);
	policy_file_free(snap->table);
	arena_fini(&snap->arena);
	conf_unref(snap->conf);
	free(snap);
}

void
snapshot_unref(struct snapshot *snap)
{
	if (snap && atomic_fetch_sub(&snap->refs, 1) == 1)
		snapshot_free(snap);
}

static int
fill_resolver(struct snapshot *snap, struct snapshot *old, struct diag *d)
{
	if (!old || !dns_conf_same(snap->conf, old->conf))
		return resolver_open(snap->conf, &snap->resolver, d);
	snap->resolver = old->resolver;
	atomic_fetch_add(&snap->resolver->refs, 1);
	return 0;
}

static int
fill_options(struct snapshot *snap, struct dkim_engine *engine, struct diag *d)
{
	const struct conf *c = snap->conf;
	struct inbound_options *o = &snap->options;
	int err;

	err = inbound_options_from_conf(o, c, &snap->arena, d);
	if (!err && *c->policy_table)
		err = policy_file_load(c->policy_table, &snap->table, d);
	if (err)
		return err;
	o->table = policy_file_table(snap->table);
	compat_hostname(snap->authserv_id, sizeof(snap->authserv_id));
	o->authserv_id = *c->authserv_id ? str_from_z(c->authserv_id)
					 : str_from_z(snap->authserv_id);
	o->engine = engine;
	o->show_dnssec = snap->resolver->validating;
	if (o->discovery != DMARC_PSL)
		return 0;
	o->psl = snap->psl = orgdom_open(c->public_suffix_list);
	if (!snap->psl)
		return diag_set(d, AVER_CONF, 0,
		    "dmarc_discovery = psl: no public suffix list (install "
		    "publicsuffix or set public_suffix_list)");
	return 0;
}

/* Takes the reference of c. old: what runs now, to share its resolver. */
static int
snapshot_new(struct conf *c, struct dkim_engine *engine, struct snapshot *old,
    struct snapshot **out, struct diag *d)
{
	struct snapshot *snap = calloc(1, sizeof(*snap));
	int err;

	if (!snap) {
		conf_unref(c);
		return AVER_NOMEM;
	}
	atomic_init(&snap->refs, 1);
	snap->conf = c;
	arena_init(&snap->arena, ENGINE_MEMORY);
	err = fill_resolver(snap, old, d);
	if (!err)
		err = fill_options(snap, engine, d);
	if (err) {
		snapshot_free(snap);
		return err;
	}
	*out = snap;
	return 0;
}

struct snapshot *
service_snapshot(struct service *s)
{
	struct snapshot *snap;

	pthread_mutex_lock(&s->lock);
	snap = s->current;
	atomic_fetch_add(&snap->refs, 1);
	pthread_mutex_unlock(&s->lock);
	return snap;
}

static int
open_recorder(struct service *s, const struct conf *c, struct diag *d)
{
	struct recorder_config rc = {
	    .store = c->store,
	    .directory = c->state_directory,
	    .ring_size = (size_t)c->store_ring_size,
	    .batch_ms = (unsigned)c->store_batch_time,
	    .spool_max = (size_t)c->store_spool_max,
	    .known_days = (unsigned)((c->known_domain_time + 86399) / 86400),
	};

	if (!c->record_evaluations)
		return 0;
	return recorder_open(&rc, &s->recorder, d);
}

int
service_open(struct service *s, struct conf *c, struct diag *d)
{
	int err;

	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->failure_lock, NULL);
	arena_init(&s->arena, ENGINE_MEMORY);
	s->engine = dkim_engine_new(&s->arena);
	if (!s->engine) {
		conf_unref(c);
		return diag_set(
		    d, AVER_CRYPTO, 0, "OpenSSL offers no SHA-256 or RSA");
	}
	arf_rate_init(&s->failure_rate, s->engine->seed);
	err = snapshot_new(c, s->engine, NULL, &s->current, d);
	if (!err)
		err = open_recorder(s, s->current->conf, d);
	if (!err)
		err = milter_metrics_open(
		    s, s->current->conf->metrics_listen, &s->metrics, d);
	return err;
}

int
service_reload(struct service *s, struct conf *c, struct diag *d)
{
	struct snapshot *old = service_snapshot(s), *fresh;
	int err = snapshot_new(c, s->engine, old, &fresh, d);

	if (!err) {
		daemon_warn_fixed(old->conf, fresh->conf);
		log_set_level((enum log_level)fresh->conf->log_level);
		pthread_mutex_lock(&s->lock);
		s->current = fresh;
		pthread_mutex_unlock(&s->lock);
		snapshot_unref(old); /* the reference `current` had */
	}
	snapshot_unref(old);
	return err;
}

void
service_finish(struct service *s)
{
	/* its thread reads what goes away afterwards */
	metrics_daemon_close(s->metrics);
	s->metrics = NULL;
	recorder_finish(s->recorder);
}

void
service_close(struct service *s)
{
	service_finish(s);
	recorder_close(s->recorder);
	s->recorder = NULL;
	snapshot_unref(s->current);
	s->current = NULL;
	arena_fini(&s->arena);
	s->engine = NULL;
	pthread_mutex_destroy(&s->failure_lock);
	pthread_mutex_destroy(&s->lock);
}
