/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/failure.h"
#include "reports/dmarc_show.h"
#include "reports/failure_build.h"
#include "reports/reporter.h"
#include "reports/run_args.h"
#include "reports/submit.h"
#include "reports/walk.h"

#define HEADERS_MAX 16 /* as many as the parameter takes */

struct failure_run {
	struct reporter r;
	struct run_args args;
	int64_t now;
	uint8_t key[STORE_SECRET]; /* of redaction */
	struct str headers[HEADERS_MAX];
	struct arf_options arf;
	struct arena arena;
	/* what was done */
	uint64_t reports, incidents, dropped, kept;
	bool busy; /* somebody else works on the store */
	struct diag d;
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
drop(struct failure_run *k, struct str domain, int64_t before)
{
	uint64_t n = 0;
	int err = store_remove_incidents(k->r.store, domain, before, &n, &k->d);

	k->dropped += n;
	if (err != AVER_TEMP)
		return err;
	k->busy = true;
	return 0;
}

static int
make_reports(struct failure_run *k, const struct store_due *due,
    const struct dmarc_plan *plan)
{
	struct failure_built built;
	int err = failure_report(&k->r, plan, due->policy_domain, k->now,
	    &k->arf, (unsigned)k->r.conf->failure_rate, &built, &k->d);

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
	k->incidents += built.incidents;
	k->dropped += built.dropped;
	return 0;
}

static int
plan_domain(struct failure_run *k, const struct store_due *due)
{
	struct dmarc_plan plan;
	int err;

	arena_reset(&k->arena);
	err = dmarc_plan_failure(&k->r, due, k->now, &k->arena, &plan, &k->d);
	if (err == AVER_TEMP) {
		k->busy = true;
		return 0;
	}
	if (err)
		return err;
	if (k->args.dry) {
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

static int
handle_domain(void *arg, const struct store_due *due)
{
	struct failure_run *k = arg;

	return walk_on(due, plan_domain(k, due), &k->busy, &k->d);
}

/* ---- all domains -------------------------------------------------------- */

static int
make_all(struct failure_run *k)
{
	if (k->args.domain)
		return walk_one(&k->r, LEDGER_FAILURE, k->now,
		    str_from_z(k->args.domain), handle_domain, k, &k->d);
	return walk_due(&k->r, LEDGER_FAILURE, k->now, handle_domain, k, &k->d);
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

static int
send_reports(struct failure_run *k, struct submit_result *sent)
{
	static const struct submit_kind kind = {
	    LEDGER_FAILURE, REPORT_KIND_FAILURE, fill, NULL};

	return submit_due(&k->r, &kind, k->args.most, 0, sent, &k->d);
}

static void
log_run(const struct failure_run *k, const struct submit_result *s)
{
	struct buf line;

	buf_init(&line, NULL, 1024);
	buf_add_z(&line, "run:");
	kv_i64(&line, "reports", (int64_t)k->reports);
	kv_i64(&line, "incidents", (int64_t)k->incidents);
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
set_options(struct failure_run *k)
{
	const struct conf_strings *l = &k->r.conf->failure_headers;

	for (size_t i = 0; i < l->n && i < HEADERS_MAX; i++)
		k->headers[k->arf.n_headers++] = str_from_z(l->v[i]);
	k->arf.headers = k->headers;
	k->arf.user_agent = STR("aver/" AVER_VERSION);
	k->arf.reporting_mta = k->r.host;
	k->arf.key = (struct str){(const char *)k->key, sizeof(k->key)};
	if (k->args.dry)
		return 0;
	return store_secret(
	    k->r.store, STR("failure report redaction"), k->key, &k->d);
}

static int
open_all(struct failure_run *k, const struct conf *c)
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
	if (!err)
		err = set_options(k);
	k->now = reporter_now(r);
	return err;
}

static int
run_all(struct failure_run *k)
{
	struct submit_result sent = {0};
	bool on = k->r.conf->failure_reports;
	int64_t oldest = k->now - k->r.conf->report_max_age;
	int err = 0;

	if (!on)
		log_msg(LOG_LVL_INFO, "failure_reports = no: none are made");
	/* what is not going to be reported is not kept */
	if (!k->args.dry)
		err = drop(k, STR_NONE, on ? oldest : k->now);
	if (!err && on)
		err = make_all(k);
	if (!err && on && !k->args.dry)
		err = send_reports(k, &sent);
	if (!k->args.dry)
		log_run(k, &sent);
	k->busy = k->busy || sent.down;
	return err;
}

int
command_failure(const struct conf *c, int argc, char **argv)
{
	struct failure_run *k = calloc(1, sizeof(*k));
	int err, status;

	if (!k)
		return EXIT_LATER;
	if (!run_args_parse(&k->args, c, false, argc, argv)) {
		free(k);
		return EXIT_USAGE;
	}
	arena_init(&k->arena, PLAN_MEMORY);
	err = open_all(k, c);
	if (!err)
		err = run_all(k);
	status = run_exit_code(c, err, &k->d, k->busy);
	arena_fini(&k->arena);
	reporter_close(&k->r);
	free(k);
	return status;
}
