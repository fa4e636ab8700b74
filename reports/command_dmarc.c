/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "reports/dmarc_build.h"
#include "reports/dmarc_plan.h"
#include "reports/dmarc_show.h"
#include "reports/run.h"
#include "reports/window.h"

struct dmarc_run {
	struct run run; /* first */
	struct builder *builder;
	uint64_t messages; /* in reports */
};

/* --- one domain */

static void
log_plan(const struct store_due *due, const struct dmarc_plan *p)
{
	bool usual = p->action == PLAN_WAIT || due->optional >= due->messages;
	struct buf line;

	if (p->action == PLAN_REPORT)
		return;
	/* no memory may be left in the domain's arena */
	buf_init(&line, NULL, 4096);
	buf_add_z(&line, "evaluations:");
	kv_str(&line, "domain", due->policy_domain);
	kv_z(&line, "action", plan_action_name(p->action));
	kv_i64(&line, "messages", (int64_t)due->messages);
	kv_z(&line, "reason", p->why);
	if (p->detail.n)
		kv_str(&line, "detail", p->detail);
	log_line(usual ? LOG_LVL_DEBUG : LOG_LVL_INFO, &line);
	buf_fini(&line);
}

static int
make_report(
    struct run *k, const struct store_due *due, const struct dmarc_plan *plan)
{
	struct dmarc_run *run = (struct dmarc_run *)k;
	struct built built;
	int err = builder_report(
	    run->builder, plan, due->policy_domain, k->now, &built, &k->d);

	if (err == AVER_NOTFOUND)
		return 0;
	if (err)
		return run_later(k, due, err);
	k->reports += built.reports;
	run->messages += built.messages;
	if (built.unreadable)
		log_msg(LOG_LVL_WARN,
		    "domain %.*s: %" PRIu64 " messages in rows that cannot "
		    "be read were dropped",
		    STRF(due->policy_domain), built.unreadable);
	return 0;
}

static int
carry_out(
    struct run *k, const struct store_due *due, const struct dmarc_plan *plan)
{
	log_plan(due, plan);
	for (size_t i = 0; i < plan->n_targets; i++)
		if (plan->targets[i].skip)
			run_log_skipped(k, due, plan->targets[i].uri,
			    plan->targets[i].skip,
			    plan->targets[i].skip_detail);
	switch (plan->action) {
	case PLAN_REPORT:
		return make_report(k, due, plan);
	case PLAN_DROP:
		return run_drop(k, due, plan->window.end);
	case PLAN_KEEP:
		k->kept += due->messages;
		return 0;
	case PLAN_WAIT:
	case PLAN_ACTION_COUNT:
		break;
	}
	return 0;
}

static int
plan_domain(struct run *k, const struct store_due *due)
{
	struct dmarc_plan plan;
	int err = dmarc_plan_make(&k->r, due, k->now, &k->arena, &plan, &k->d);

	if (err)
		return run_later(k, NULL, err);
	if (!k->dry)
		return carry_out(k, due, &plan);
	dmarc_show(due, &plan, stdout);
	return 0;
}

/* --- all domains */

static int
make_reports(struct run *k)
{
	return run_walk(k, window_floor(k->now, k->r.conf->report_interval));
}

static int
expire_domain(void *arg, const struct store_due *due)
{
	struct run *k = arg;

	log_msg(LOG_LVL_INFO,
	    "domain %.*s: %" PRIu64 " messages are too old to be reported",
	    STRF(due->policy_domain), due->messages);
	return run_drop(k, due, k->now - k->r.conf->report_max_age);
}

static int
clean_up(struct run *k)
{
	return run_clean_up(
	    k, k->now - k->r.conf->report_max_age, expire_domain);
}

/* --- the run */

static bool
is_on(const struct conf *c)
{
	return c->aggregate_reports;
}

static int64_t
patience(const struct run *k)
{
	return k->r.conf->report_spread;
}

static int
open_builder(struct run *k)
{
	struct dmarc_run *run = (struct dmarc_run *)k;

	run->builder = k->dry ? NULL : builder_new(&k->r);
	return k->dry || run->builder
		   ? 0
		   : diag_set(&k->d, AVER_NOMEM, 0, "out of memory");
}

static void
close_builder(struct run *k)
{
	builder_free(((struct dmarc_run *)k)->builder);
}

static void
log_messages(const struct run *k, struct buf *line)
{
	kv_i64(
	    line, "messages", (int64_t)((const struct dmarc_run *)k)->messages);
}

int
command_dmarc(const struct conf *c, int argc, char **argv)
{
	static const struct run_kind kind = {
	    .size = sizeof(struct dmarc_run),
	    .memory = PLAN_MEMORY,
	    .waits = true,
	    .off = "aggregate_reports = no",
	    .is_on = is_on,
	    .submit = {LEDGER_DMARC, REPORT_KIND_DMARC, NULL, NULL},
	    .patience = patience,
	    .open = open_builder,
	    .make = make_reports,
	    .plan = plan_domain,
	    .clean_up = clean_up,
	    .count = log_messages,
	    .close = close_builder,
	};

	return run_reports(&kind, c, argc, argv);
}
