/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/commands.h"

#include <stdio.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/failure.h"
#include "reports/dmarc_show.h"
#include "reports/failure_build.h"
#include "reports/run.h"

#define HEADERS_MAX 16 /* as many as the parameter takes */

struct failure_run {
	struct run run; /* first */
	uint8_t key[STORE_SECRET]; /* of redaction */
	struct str headers[HEADERS_MAX];
	struct arf_options arf;
	uint64_t incidents; /* in reports */
};

/* ---- one domain --------------------------------------------------------- */

static void
log_plan(const struct store_due *due, const struct dmarc_plan *p)
{
	struct buf line;

	if (p->action == PLAN_REPORT)
		return;
	/* no memory may be left in the domain's arena */
	buf_init(&line, NULL, 4096);
	buf_add_z(&line, "incidents:");
	kv_str(&line, "domain", due->policy_domain);
	kv_z(&line, "action", plan_action_name(p->action));
	kv_i64(&line, "incidents", (int64_t)due->messages);
	kv_z(&line, "reason", p->why);
	if (p->detail.n)
		kv_str(&line, "detail", p->detail);
	log_line(LOG_LVL_INFO, &line);
	buf_fini(&line);
}

static int
drop(struct run *k, struct str domain, int64_t before)
{
	uint64_t n = 0;
	int err = store_remove_incidents(k->r.store, domain, before, &n, &k->d);

	k->dropped += n;
	return run_later(k, NULL, err);
}

static int
make_reports(
    struct run *k, const struct store_due *due, const struct dmarc_plan *plan)
{
	struct failure_run *run = (struct failure_run *)k;
	struct failure_built built;
	int err = failure_report(&k->r, plan, due->policy_domain, k->now,
	    &run->arf, (unsigned)k->r.conf->failure_rate, &built, &k->d);

	if (err == AVER_NOTFOUND)
		return 0;
	if (err)
		return run_later(k, due, err);
	k->reports += built.reports;
	run->incidents += built.incidents;
	k->dropped += built.dropped;
	return 0;
}

static int
plan_domain(struct run *k, const struct store_due *due)
{
	struct dmarc_plan plan;
	int err =
	    dmarc_plan_failure(&k->r, due, k->now, &k->arena, &plan, &k->d);

	if (err)
		return run_later(k, NULL, err);
	if (k->dry) {
		dmarc_show(due, &plan, stdout);
		return 0;
	}
	log_plan(due, &plan);
	switch (plan.action) {
	case PLAN_REPORT:
		return make_reports(k, due, &plan);
	case PLAN_DROP:
		return drop(k, due->policy_domain, k->now);
	case PLAN_KEEP:
		k->kept += due->messages;
		return 0;
	case PLAN_WAIT:
	case PLAN_ACTION_COUNT:
		break;
	}
	return 0;
}

/* ---- all domains -------------------------------------------------------- */

static int
make_all(struct run *k)
{
	return run_walk(k, k->now);
}

/* What is not going to be reported is not kept. */
static int
drop_old(struct run *k, bool on)
{
	return drop(
	    k, STR_NONE, on ? k->now - k->r.conf->report_max_age : k->now);
}

/* ---- sending ------------------------------------------------------------ */

/* The ledger keeps both parts in one text. */
static int
fill(const struct ledger_report *r, struct arena *a, struct report_message *m,
    struct diag *d)
{
	int err =
	    arf_body_split(a, r->body, &m->feedback, &m->headers, &m->subject);

	m->document = STR_NONE;
	if (err == AVER_SYNTAX)
		diag_set(d, err, 0, "what the ledger has is no failure report");
	return err;
}

/* ---- the run ------------------------------------------------------------ */

static bool
is_on(const struct conf *c)
{
	return c->failure_reports;
}

static int
set_options(struct run *base)
{
	struct failure_run *k = (struct failure_run *)base;
	const struct conf_strings *l = &base->r.conf->failure_headers;

	for (size_t i = 0; i < l->n && i < HEADERS_MAX; i++)
		k->headers[k->arf.n_headers++] = str_from_z(l->v[i]);
	k->arf.headers = k->headers;
	k->arf.user_agent = STR("aver/" AVER_VERSION);
	k->arf.reporting_mta = base->r.host;
	k->arf.key = (struct str){(const char *)k->key, sizeof(k->key)};
	if (base->dry)
		return 0;
	return store_secret(
	    base->r.store, STR("failure report redaction"), k->key, &base->d);
}

static void
log_incidents(const struct run *k, struct buf *line)
{
	kv_i64(line, "incidents",
	    (int64_t)((const struct failure_run *)k)->incidents);
}

int
command_failure(const struct conf *c, int argc, char **argv)
{
	static const struct run_kind kind = {
	    .size = sizeof(struct failure_run),
	    .memory = PLAN_MEMORY,
	    .off = "failure_reports = no",
	    .is_on = is_on,
	    .submit = {LEDGER_FAILURE, REPORT_KIND_FAILURE, fill, NULL},
	    .open = set_options,
	    .prepare = drop_old,
	    .make = make_all,
	    .plan = plan_domain,
	    .count = log_incidents,
	};

	return run_reports(&kind, c, argc, argv);
}
