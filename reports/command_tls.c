/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/tlsrpt/tlsrpt_report.h"
#include "lib/zip/gz.h"
#include "reports/run.h"
#include "reports/tls_build.h"
#include "reports/tls_plan.h"
#include "reports/window.h"

#define PLAN_ARENA ((size_t)4 << 20)
/* a run that a timer starts every hour does not meet the next one */
#define PATIENCE_MAX 3000

/*
 * Recipient domains first, then mail hosts, as a host's report depends on
 * what its recipient domains were told.
 */
enum pass { PASS_DOMAINS, PASS_HOSTS, PASS_ALL };

struct tls_run {
	struct run run; /* first */
	int64_t before;
	enum pass pass;
	struct tls_builder *builder;
	uint64_t success, failure, told; /* sessions in reports */
};

/* ---- one domain --------------------------------------------------------- */

static void
log_fate(struct run *k, const struct store_due *due, const char *action,
    const char *why, struct str detail)
{
	bool usual = due->optional >= due->messages;
	struct buf line;

	buf_init(&line, &k->arena, 4096);
	buf_add_z(&line, "results:");
	kv_str(&line, "domain", due->policy_domain);
	kv_z(&line, "action", action);
	kv_i64(&line, "sessions", (int64_t)due->messages);
	kv_z(&line, "reason", why);
	if (detail.n)
		kv_str(&line, "detail", detail);
	log_line(usual ? LOG_LVL_DEBUG : LOG_LVL_INFO, &line);
}

static void
count_day(struct tls_run *k, const struct store_due *due,
    const struct tls_built *built)
{
	k->run.reports += built->reports;
	k->success += built->success;
	k->failure += built->failure;
	k->told += built->told;
	if (built->unreadable)
		log_msg(LOG_LVL_WARN,
		    "domain %.*s: %" PRIu64 " sessions in rows that cannot "
		    "be read were dropped",
		    STRF(due->policy_domain), built->unreadable);
	if (built->dropped)
		log_fate(&k->run, due, "drop", built->dropped, STR_NONE);
}

/* What was left over keeps its own day. */
static int
report_domain(
    struct run *k, const struct store_due *due, const struct tls_plan *plan)
{
	struct tls_run *run = (struct tls_run *)k;
	struct store_due left = *due;
	struct tls_built built;
	int err = 0;

	while (!err) {
		err = tls_builder_day(run->builder, plan, due->policy_domain,
		    left.first, k->now, &built, &k->d);
		if (!err)
			count_day(run, due, &built);
		if (!err || err == AVER_NOTFOUND)
			err = store_get_due(k->r.store, LEDGER_TLS,
			    due->policy_domain, run->before, &k->arena, &left,
			    &k->d);
	}
	return err == AVER_NOTFOUND ? 0 : run_later(k, due, err);
}

static int
carry_out(
    struct run *k, const struct store_due *due, const struct tls_plan *plan)
{
	for (size_t i = 0; i < plan->n_targets; i++)
		if (plan->targets[i].skip)
			run_log_skipped(k, due, plan->targets[i].uri,
			    plan->targets[i].skip, STR_NONE);
	if (plan->action == PLAN_REPORT)
		return report_domain(k, due, plan);
	log_fate(
	    k, due, plan_action_name(plan->action), plan->why, plan->detail);
	if (plan->action == PLAN_DROP)
		return run_drop(k, due, ((struct tls_run *)k)->before);
	k->kept += due->messages;
	return 0;
}

static int
plan_domain(struct run *k, const struct store_due *due)
{
	const struct tls_run *run = (struct tls_run *)k;
	struct tls_plan plan;
	bool is_host;
	int err = tls_is_host(
	    &k->r, due->policy_domain, run->before, &is_host, &k->d);

	if (!err && run->pass != PASS_ALL &&
	    is_host != (run->pass == PASS_HOSTS))
		return 0;
	if (!err)
		err =
		    tls_plan_make(&k->r, due, k->now, &k->arena, &plan, &k->d);
	if (err)
		return run_later(k, NULL, err);
	if (!k->dry)
		return carry_out(k, due, &plan);
	tls_show(due, &plan, stdout);
	return 0;
}

/* ---- all domains -------------------------------------------------------- */

static int
make_reports(struct run *k)
{
	struct tls_run *run = (struct tls_run *)k;
	int err;

	run->pass = k->domain ? PASS_ALL : PASS_DOMAINS;
	err = run_walk(k, run->before);
	if (err || k->domain)
		return err;
	run->pass = PASS_HOSTS;
	return run_walk(k, run->before);
}

static int64_t
oldest(const struct run *k)
{
	return window_floor(k->now - k->r.conf->report_max_age, TLS_DAY);
}

static int
expire_domain(void *arg, const struct store_due *due)
{
	struct run *k = arg;

	log_msg(LOG_LVL_INFO,
	    "domain %.*s: %" PRIu64 " sessions are too old to be reported",
	    STRF(due->policy_domain), due->messages);
	return run_drop(k, due, oldest(k));
}

static int
clean_up(struct run *k)
{
	return run_clean_up(k, oldest(k), expire_domain);
}

/* ---- sending ------------------------------------------------------------ */

static int
add_octets(void *arg, struct str octets)
{
	struct buf *b = arg;

	buf_add(b, octets);
	return buf_ok(b) ? 0 : b->err;
}

/* The numbers for the text part; a report too large to be read has none. */
static int
fill(const struct ledger_report *r, struct arena *a, struct report_message *m,
    struct diag *d)
{
	struct tlsrpt_report rep;
	struct buf json;
	int err;

	m->successes = r->messages;
	buf_init(&json, NULL, TLSRPT_REPORT_MAX);
	err = gz_inflate(r->body, TLSRPT_REPORT_MAX, add_octets, &json, d);
	if (!err)
		err = tlsrpt_report_parse(a, buf_str(&json), &rep, d);
	for (size_t i = 0; !err && i < rep.n_policies; i++)
		m->failures += rep.policies[i].failed;
	buf_fini(&json);
	m->successes -= m->failures < m->successes ? m->failures : m->successes;
	return err == AVER_LIMIT ? 0 : err;
}

static int64_t
patience(const struct run *k)
{
	int64_t spread = k->r.conf->tls_report_spread;

	return spread > PATIENCE_MAX && !k->options.has_now ? PATIENCE_MAX
							    : spread;
}

/* ---- the run ------------------------------------------------------------ */

static bool
is_on(const struct conf *c)
{
	return c->tls_reports;
}

static int
open_builder(struct run *k)
{
	struct tls_run *run = (struct tls_run *)k;

	run->before = tls_due_before(k->now);
	run->builder = k->dry ? NULL : tls_builder_new(&k->r);
	return k->dry || run->builder
		   ? 0
		   : diag_set(&k->d, AVER_NOMEM, 0, "out of memory");
}

static void
close_builder(struct run *k)
{
	tls_builder_free(((struct tls_run *)k)->builder);
}

static void
log_sessions(const struct run *k, struct buf *line)
{
	const struct tls_run *run = (const struct tls_run *)k;

	kv_i64(line, "success", (int64_t)run->success);
	kv_i64(line, "failure", (int64_t)run->failure);
	kv_i64(line, "told", (int64_t)run->told);
}

int
command_tls(const struct conf *c, int argc, char **argv)
{
	static const struct run_kind kind = {
	    .size = sizeof(struct tls_run),
	    .memory = PLAN_ARENA,
	    .waits = true,
	    .off = "tls_reports = no",
	    .is_on = is_on,
	    .submit = {LEDGER_TLS, REPORT_KIND_TLS, fill,
		"application/tlsrpt+gzip"},
	    .patience = patience,
	    .open = open_builder,
	    .make = make_reports,
	    .plan = plan_domain,
	    .clean_up = clean_up,
	    .count = log_sessions,
	    .close = close_builder,
	};

	return run_reports(&kind, c, argc, argv);
}
