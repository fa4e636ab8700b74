/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/mail/date.h"
#include "lib/store/suppress.h"
#include "reports/dmarc_build.h"
#include "reports/dmarc_plan.h"
#include "reports/dmarc_show.h"
#include "reports/reporter.h"
#include "reports/run_args.h"
#include "reports/submit.h"
#include "reports/walk.h"

#define YEAR ((int64_t)366 * 86400)

struct dmarc_run {
	struct reporter r;
	struct run_args args;
	int64_t now;
	struct builder *builder;
	struct arena arena;
	/* what was done */
	uint64_t reports, messages, dropped, kept, unreadable;
	bool busy; /* somebody else works on the store */
	struct diag d;
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

static void
log_skipped(struct dmarc_run *k, const struct store_due *due,
    const struct plan_target *t)
{
	struct buf line;

	buf_init(&line, &k->arena, 4096);
	buf_add_z(&line, "destination:");
	kv_str(&line, "domain", due->policy_domain);
	kv_str(&line, "uri", t->uri);
	kv_z(&line, "action", "skip");
	kv_z(&line, "reason", t->skip);
	if (t->skip_detail.n)
		kv_str(&line, "detail", t->skip_detail);
	log_line(LOG_LVL_INFO, &line);
}

static int
make_report(struct dmarc_run *k, const struct store_due *due,
    const struct dmarc_plan *plan)
{
	struct built built;
	int err = builder_report(
	    k->builder, plan, due->policy_domain, k->now, &built, &k->d);

	if (err == AVER_NOTFOUND)
		return 0;
	if (err == AVER_TEMP) {
		log_msg(LOG_LVL_WARN, "domain %.*s: %s, later",
		    STRF(due->policy_domain), k->d.text);
		k->busy = true;
		return 0;
	}
	if (err)
		return err;
	k->reports += built.reports;
	k->messages += built.messages;
	k->unreadable += built.unreadable;
	if (built.unreadable)
		log_msg(LOG_LVL_WARN,
		    "domain %.*s: %" PRIu64 " messages in rows that cannot "
		    "be read were dropped",
		    STRF(due->policy_domain), built.unreadable);
	return 0;
}

static int
drop(struct dmarc_run *k, const struct store_due *due, int64_t before)
{
	int err =
	    builder_drop(k->builder, due->policy_domain, before, k->now, &k->d);

	if (err == AVER_TEMP) {
		k->busy = true;
		return 0;
	}
	if (!err)
		k->dropped += due->messages;
	return err;
}

static int
carry_out(struct dmarc_run *k, const struct store_due *due,
    const struct dmarc_plan *plan)
{
	log_plan(due, plan);
	for (size_t i = 0; i < plan->n_targets; i++)
		if (plan->targets[i].skip)
			log_skipped(k, due, &plan->targets[i]);
	switch (plan->action) {
	case PLAN_REPORT:
		return make_report(k, due, plan);
	case PLAN_DROP:
		return drop(k, due, plan->window.end);
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
plan_domain(struct dmarc_run *k, const struct store_due *due)
{
	struct dmarc_plan plan;
	int err;

	arena_reset(&k->arena);
	err = dmarc_plan_make(&k->r, due, k->now, &k->arena, &plan, &k->d);
	if (err == AVER_TEMP) {
		k->busy = true;
		return 0;
	}
	if (err)
		return err;
	if (!k->args.dry)
		return carry_out(k, due, &plan);
	dmarc_show(due, &plan, stdout);
	return 0;
}

static int
handle_domain(void *arg, const struct store_due *due)
{
	struct dmarc_run *k = arg;

	return walk_on(due, plan_domain(k, due), &k->busy, &k->d);
}

/* --- all domains */

static int
expire_domain(void *arg, const struct store_due *due)
{
	struct dmarc_run *k = arg;

	log_msg(LOG_LVL_INFO,
	    "domain %.*s: %" PRIu64 " messages are too old to be reported",
	    STRF(due->policy_domain), due->messages);
	return drop(k, due, k->now - k->r.conf->report_max_age);
}

/* Nothing is kept for ever. */
static int
clean_up(struct dmarc_run *k)
{
	const struct conf *c = k->r.conf;
	int err = walk_due(&k->r, LEDGER_DMARC, k->now - c->report_max_age,
	    expire_domain, k, &k->d);

	if (!err)
		err = store_forget_reports(
		    k->r.store, k->now - c->report_retention, NULL, &k->d);
	if (!err)
		err =
		    store_forget_suppressions(k->r.store, k->now - YEAR, &k->d);
	return err;
}

/* --- the run */

static int
make_reports(struct dmarc_run *k)
{
	int64_t before = window_floor(k->now, k->r.conf->report_interval);

	if (k->args.domain)
		return walk_one(&k->r, LEDGER_DMARC, before,
		    str_from_z(k->args.domain), handle_domain, k, &k->d);
	return walk_due(&k->r, LEDGER_DMARC, before, handle_domain, k, &k->d);
}

static int
send_reports(struct dmarc_run *k, struct submit_result *sent)
{
	static const struct submit_kind kind = {
	    LEDGER_DMARC, REPORT_KIND_DMARC, NULL, NULL};
	int64_t patience =
	    k->args.options.no_wait ? 0 : k->r.conf->report_spread;

	return submit_due(&k->r, &kind, k->args.most, patience, sent, &k->d);
}

static void
log_run(const struct dmarc_run *k, const struct submit_result *s)
{
	struct buf line;

	buf_init(&line, NULL, 1024);
	buf_add_z(&line, "run:");
	kv_i64(&line, "reports", (int64_t)k->reports);
	kv_i64(&line, "messages", (int64_t)k->messages);
	kv_i64(&line, "dropped", (int64_t)k->dropped);
	kv_i64(&line, "kept", (int64_t)k->kept);
	kv_i64(&line, "sent", (int64_t)s->sent);
	kv_i64(&line, "retry", (int64_t)s->retried);
	kv_i64(&line, "failed", (int64_t)s->failed);
	kv_i64(&line, "suppressed", (int64_t)s->suppressed);
	if (s->capped)
		kv_z(&line, "capped", "yes");
	log_line(LOG_LVL_INFO, &line);
	buf_fini(&line);
}

static int
open_all(struct dmarc_run *k, const struct conf *c)
{
	struct reporter *r = &k->r;
	int err = reporter_init(r, c, &k->args.options, &k->d);

	if (!err)
		err = reporter_keys(r, &k->d);
	if (!err)
		err = reporter_store(
		    r, k->args.dry ? STORE_READ : STORE_WRITE, &k->d);
	if (!err)
		err = reporter_dns(r, &k->d);
	if (!err && !k->args.dry)
		err = reporter_transport(r, &r->transport, &k->d);
	if (!err && !k->args.dry) {
		k->builder = builder_new(r);
		if (!k->builder)
			err = diag_set(&k->d, AVER_NOMEM, 0, "out of memory");
	}
	k->now = reporter_now(r);
	return err;
}

static int
run_all(struct dmarc_run *k)
{
	struct submit_result sent = {0};
	bool on = k->r.conf->aggregate_reports;
	int err = 0;

	if (!on)
		log_msg(LOG_LVL_INFO, "aggregate_reports = no: none are made");
	if (on)
		err = make_reports(k);
	/* what is left now could not be reported */
	if (!err && !k->args.dry && !k->args.domain)
		err = clean_up(k);
	if (!err && on && !k->args.dry)
		err = send_reports(k, &sent);
	if (!k->args.dry)
		log_run(k, &sent);
	k->busy = k->busy || sent.down;
	return err;
}

int
command_dmarc(const struct conf *c, int argc, char **argv)
{
	struct dmarc_run *k = calloc(1, sizeof(*k));
	int err, status;

	if (!k)
		return EXIT_LATER;
	if (!run_args_parse(&k->args, c, true, argc, argv)) {
		free(k);
		return EXIT_USAGE;
	}
	arena_init(&k->arena, PLAN_MEMORY);
	err = open_all(k, c);
	if (!err)
		err = run_all(k);
	status = run_exit_code(c, err, &k->d, k->busy);
	builder_free(k->builder);
	arena_fini(&k->arena);
	reporter_close(&k->r);
	free(k);
	return status;
}
