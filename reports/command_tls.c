/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/suppress.h"
#include "lib/tlsrpt/tlsrpt_report.h"
#include "lib/zip/gz.h"
#include "reports/reporter.h"
#include "reports/run_args.h"
#include "reports/submit.h"
#include "reports/tls_build.h"
#include "reports/tls_plan.h"
#include "reports/walk.h"
#include "reports/window.h"

#define PLAN_ARENA ((size_t)4 << 20)
/* a run that a timer starts every hour does not meet the next one */
#define PATIENCE_MAX 3000
#define YEAR ((int64_t)366 * 86400)

/*
 * Recipient domains first, then mail hosts, as a host's report depends on
 * what its recipient domains were told.
 */
enum pass { PASS_DOMAINS, PASS_HOSTS, PASS_ALL };

struct tls_run {
	struct reporter r;
	struct run_args args;
	int64_t now, before;
	enum pass pass;
	struct tls_builder *builder;
	struct arena arena;
	/* what was done */
	uint64_t reports, success, failure, told, dropped, kept;
	bool busy; /* somebody else works on the store */
	struct diag d;
};

/* ---- one domain --------------------------------------------------------- */

static void
log_fate(struct tls_run *k, const struct store_due *due, const char *action,
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
log_skipped(
    struct tls_run *k, const struct store_due *due, const struct tls_target *t)
{
	struct buf line;

	buf_init(&line, &k->arena, 4096);
	buf_add_z(&line, "destination:");
	kv_str(&line, "domain", due->policy_domain);
	kv_str(&line, "uri", t->uri);
	kv_z(&line, "action", "skip");
	kv_z(&line, "reason", t->skip);
	log_line(LOG_LVL_INFO, &line);
}

static void
count_day(struct tls_run *k, const struct store_due *due,
    const struct tls_built *built)
{
	k->reports += built->reports;
	k->success += built->success;
	k->failure += built->failure;
	k->told += built->told;
	if (built->unreadable)
		log_msg(LOG_LVL_WARN,
		    "domain %.*s: %" PRIu64 " sessions in rows that cannot "
		    "be read were dropped",
		    STRF(due->policy_domain), built->unreadable);
	if (built->dropped)
		log_fate(k, due, "drop", built->dropped, STR_NONE);
}

/* What was left over keeps its own day. */
static int
report_domain(
    struct tls_run *k, const struct store_due *due, const struct tls_plan *plan)
{
	struct store_due left = *due;
	struct tls_built built;
	int err = 0;

	while (!err) {
		err = tls_builder_day(k->builder, plan, due->policy_domain,
		    left.first, k->now, &built, &k->d);
		if (!err)
			count_day(k, due, &built);
		if (!err || err == AVER_NOTFOUND)
			err = store_get_due(k->r.store, LEDGER_TLS,
			    due->policy_domain, k->before, &k->arena, &left,
			    &k->d);
	}
	if (err == AVER_TEMP) {
		log_msg(LOG_LVL_WARN, "domain %.*s: %s, later",
		    STRF(due->policy_domain), k->d.text);
		k->busy = true;
	}
	return err == AVER_NOTFOUND || err == AVER_TEMP ? 0 : err;
}

static int
drop(struct tls_run *k, const struct store_due *due, int64_t before)
{
	int err = tls_drop(&k->r, due->policy_domain, before, k->now, &k->d);

	if (err == AVER_TEMP) {
		k->busy = true;
		return 0;
	}
	if (!err)
		k->dropped += due->messages;
	return err;
}

static int
carry_out(
    struct tls_run *k, const struct store_due *due, const struct tls_plan *plan)
{
	for (size_t i = 0; i < plan->n_targets; i++)
		if (plan->targets[i].skip)
			log_skipped(k, due, &plan->targets[i]);
	if (plan->action == PLAN_REPORT)
		return report_domain(k, due, plan);
	log_fate(
	    k, due, plan_action_name(plan->action), plan->why, plan->detail);
	if (plan->action == PLAN_DROP)
		return drop(k, due, k->before);
	k->kept += due->messages;
	return 0;
}

static int
plan_domain(struct tls_run *k, const struct store_due *due)
{
	struct tls_plan plan;
	bool is_host;
	int err;

	arena_reset(&k->arena);
	err =
	    tls_is_host(&k->r, due->policy_domain, k->before, &is_host, &k->d);
	if (!err && k->pass != PASS_ALL && is_host != (k->pass == PASS_HOSTS))
		return 0;
	if (!err)
		err =
		    tls_plan_make(&k->r, due, k->now, &k->arena, &plan, &k->d);
	if (err == AVER_TEMP) {
		k->busy = true;
		return 0;
	}
	if (err)
		return err;
	if (!k->args.dry)
		return carry_out(k, due, &plan);
	tls_show(due, &plan, stdout);
	return 0;
}

static int
handle_domain(void *arg, const struct store_due *due)
{
	struct tls_run *k = arg;

	return walk_on(due, plan_domain(k, due), &k->busy, &k->d);
}

/* ---- all domains -------------------------------------------------------- */

static int
make_reports(struct tls_run *k)
{
	struct str domain = str_from_z(k->args.domain);
	int err;

	k->pass = PASS_ALL;
	if (k->args.domain)
		return walk_one(&k->r, LEDGER_TLS, k->before, domain,
		    handle_domain, k, &k->d);
	k->pass = PASS_DOMAINS;
	err = walk_due(&k->r, LEDGER_TLS, k->before, handle_domain, k, &k->d);
	k->pass = PASS_HOSTS;
	if (!err)
		err = walk_due(
		    &k->r, LEDGER_TLS, k->before, handle_domain, k, &k->d);
	return err;
}

static int
expire_domain(void *arg, const struct store_due *due)
{
	struct tls_run *k = arg;

	log_msg(LOG_LVL_INFO,
	    "domain %.*s: %" PRIu64 " sessions are too old to be reported",
	    STRF(due->policy_domain), due->messages);
	return drop(
	    k, due, window_floor(k->now - k->r.conf->report_max_age, TLS_DAY));
}

/* Nothing is kept for ever. */
static int
clean_up(struct tls_run *k)
{
	const struct conf *c = k->r.conf;
	int err = walk_due(&k->r, LEDGER_TLS,
	    window_floor(k->now - c->report_max_age, TLS_DAY), expire_domain, k,
	    &k->d);

	if (!err)
		err = store_forget_reports(
		    k->r.store, k->now - c->report_retention, NULL, &k->d);
	if (!err)
		err =
		    store_forget_suppressions(k->r.store, k->now - YEAR, &k->d);
	return err;
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

static int
send_reports(struct tls_run *k, struct submit_result *sent)
{
	static const struct submit_kind kind = {
	    LEDGER_TLS, REPORT_KIND_TLS, fill, "application/tlsrpt+gzip"};
	int64_t patience = k->r.conf->tls_report_spread;

	if (patience > PATIENCE_MAX && !k->args.options.has_now)
		patience = PATIENCE_MAX;
	return submit_due(&k->r, &kind, k->args.most,
	    k->args.options.no_wait ? 0 : patience, sent, &k->d);
}

static void
log_run(const struct tls_run *k, const struct submit_result *s)
{
	struct buf line;

	buf_init(&line, NULL, 1024);
	buf_add_z(&line, "run:");
	kv_i64(&line, "reports", (int64_t)k->reports);
	kv_i64(&line, "success", (int64_t)k->success);
	kv_i64(&line, "failure", (int64_t)k->failure);
	kv_i64(&line, "told", (int64_t)k->told);
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

/* ---- the run ------------------------------------------------------------ */

static int
open_all(struct tls_run *k, const struct conf *c)
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
		k->builder = tls_builder_new(r);
		if (!k->builder)
			err = diag_set(&k->d, AVER_NOMEM, 0, "out of memory");
	}
	k->now = reporter_now(r);
	k->before = tls_due_before(k->now);
	return err;
}

static int
run_all(struct tls_run *k)
{
	struct submit_result sent = {0};
	bool on = k->r.conf->tls_reports;
	int err = 0;

	if (!on)
		log_msg(LOG_LVL_INFO, "tls_reports = no: none are made");
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
command_tls(const struct conf *c, int argc, char **argv)
{
	struct tls_run *k = calloc(1, sizeof(*k));
	int err, status;

	if (!k)
		return EXIT_LATER;
	if (!run_args_parse(&k->args, c, true, argc, argv)) {
		free(k);
		return EXIT_USAGE;
	}
	arena_init(&k->arena, PLAN_ARENA);
	err = open_all(k, c);
	if (!err)
		err = run_all(k);
	status = run_exit_code(c, err, &k->d, k->busy);
	tls_builder_free(k->builder);
	arena_fini(&k->arena);
	reporter_close(&k->r);
	free(k);
	return status;
}
