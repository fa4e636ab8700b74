/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * In the place of the service and the engine: one snapshot, and decisions by
 * the first label of the domain.
 */
#ifndef UNIT_POLICYD_FAKE_H
#define UNIT_POLICYD_FAKE_H

#include <stdatomic.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "policyd/policyd_metrics.h"
#include "policyd/service.h"
#include "tlspolicy/engine.h"

#define KEPT_MS 60000

static struct snapshot fake_snapshot;
static struct conf fake_conf;
static struct service fake_service;
static bool fake_sts_anyway; /* of the last decision */
static unsigned fake_decisions, fake_complaints, fake_versions;
static unsigned fake_outcomes[DELEGATION_OUTCOME_COUNT];
static bool fake_never_kept;
static uint16_t fake_number; /* of the slot of all domains */
static unsigned fake_asked_known;

struct snapshot *
service_snapshot(struct service *s)
{
	(void)s;
	atomic_fetch_add(&fake_snapshot.refs, 1);
	return &fake_snapshot;
}

struct snapshot *
service_refresh(struct service *s, struct snapshot *snap)
{
	return snap ? snap : service_snapshot(s);
}

void
snapshot_unref(struct snapshot *snap)
{
	if (snap)
		atomic_fetch_sub(&snap->refs, 1);
}

void
service_note_version(struct service *s, struct seen_version *seen,
    struct str version, int64_t now)
{
	(void)s;
	(void)seen;
	(void)now;
	fake_versions += version.n > 0;
}

void
service_complain(struct service *s, const char *what, const char *why)
{
	(void)s;
	fake_complaints += *what && *why;
}

void
policyd_metrics_decision(struct metrics_daemon *m, int64_t us)
{
	(void)m;
	(void)us;
}

void
policyd_metrics_delegation(struct metrics_daemon *m, enum delegation_outcome o)
{
	(void)m;
	fake_outcomes[o]++;
}

unsigned
engine_slot(const struct engine *e, struct str domain)
{
	(void)e;
	return domain.n ? ENGINE_SLOTS - 1 : 0;
}

uint16_t
engine_slot_number(const struct engine *e, unsigned slot)
{
	(void)e;
	return slot == ENGINE_SLOTS - 1 ? fake_number : 0;
}

/* verified.*, encrypt.*: fixed answers; trouble.*: not known; else none. */
int64_t
engine_decide(struct engine *e, const struct nexthop *hop, int64_t deadline,
    struct arena *arena, struct tls_decision *out)
{
	struct tls_rule *rule = ARENA_NEW(arena, struct tls_rule);
	struct tls_facts f = {.nexthop = hop};

	(void)e;
	fake_decisions++;
	fake_sts_anyway = hop->sts_anyway;
	rule->line = 1;
	if (str_starts(hop->domain, STR("verified.")))
		rule->fixed = STR("secure match=mail.verified.example");
	else if (str_starts(hop->domain, STR("encrypt.")))
		rule->fixed = STR("encrypt");
	else if (str_starts(hop->domain, STR("trouble.")))
		f.trouble = STR("the test wants it so");
	if (rule->fixed.n)
		f.rule = rule;
	tls_decide(&f, out);
	if (fake_never_kept || deadline < clock_mono_ms())
		return 0;
	return clock_mono_ms() + KEPT_MS;
}

/* Nothing that is remembered does REQUIRETLS. */
void
engine_known(struct engine *e, struct tls_decision *d)
{
	(void)e;
	fake_asked_known++;
	d->facts.known.requiretls = TLS_SEEN_NO;
}

__attribute__((unused)) static void
fake_start(void)
{
	fake_conf.policyd_deadline = 30;
	fake_conf.require_tls_transport = "";
	fake_snapshot.conf = &fake_conf;
	fake_snapshot.generation = 1;
	atomic_init(&fake_snapshot.refs, 1);
	atomic_store(&fake_service.generation, 1);
	render_profile_postfix(
	    STR("3.7.11"), &fake_snapshot.render.profile, NULL);
}

#endif
