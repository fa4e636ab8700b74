/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/store/suppress.h"
#include "reports/part.h"
#include "reports/walk.h"
#include "reports/window.h"

#define YEAR ((int64_t)366 * 86400)

/* --- arguments */

static bool
usage(const char *name, bool waits)
{
	fprintf(stderr,
	    "usage: aver-report %s [--now TIME] [--domain DOMAIN] [--dry-run]\n"
	    "\t[--max N]%s [--zone FILE]\n"
	    "TIME: seconds since 1970, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ\n",
	    name, waits ? " [--no-wait]" : "");
	return false;
}

/* An option with a value; false when it is none or the value is wrong. */
static bool
set_value(struct run *k, const char *name, const char *value)
{
	if (strcmp(name, "--now") == 0) {
		k->options.has_now = true;
		return time_parse(str_from_z(value), &k->options.now);
	}
	if (strcmp(name, "--domain") == 0) {
		k->domain = value;
		return *value;
	}
	if (strcmp(name, "--zone") == 0) {
		k->options.zone = value;
		return *value;
	}
	return strcmp(name, "--max") == 0 &&
	       str_to_u64(str_from_z(value), UINT32_MAX, &k->most);
}

static bool
parse(struct run *k, const struct conf *c, int argc, char **argv)
{
	bool waits = k->kind->waits;

	k->most = (uint64_t)c->report_max_per_run;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--dry-run") == 0)
			k->dry = true;
		else if (waits && strcmp(argv[i], "--no-wait") == 0)
			k->options.no_wait = true;
		else if (i + 1 == argc || !set_value(k, argv[i], argv[i + 1]))
			return usage(argv[0], waits);
		else
			i++;
	}
	return true;
}

/* --- steps */

int
run_later(struct run *k, const struct store_due *due, int err)
{
	if (err != AVER_TEMP)
		return err;
	if (due)
		log_msg(LOG_LVL_WARN, "domain %.*s: %s, later",
		    STRF(due->policy_domain), k->d.text);
	k->busy = true;
	return 0;
}

int
run_drop(struct run *k, const struct store_due *due, int64_t before)
{
	int err =
	    part_drop(&k->r, k->kind->submit.kind, due, before, k->now, &k->d);

	if (!err)
		k->dropped += due->messages;
	else if (err == AVER_NOTFOUND)
		err = 0;
	return run_later(k, NULL, err);
}

void
run_log_skipped(struct run *k, const struct store_due *due, struct str uri,
    const char *why, struct str detail)
{
	struct buf line;

	buf_init(&line, &k->arena, 4096);
	buf_add_z(&line, "destination:");
	kv_str(&line, "domain", due->policy_domain);
	kv_str(&line, "uri", uri);
	kv_z(&line, "action", "skip");
	kv_z(&line, "reason", why);
	if (detail.n)
		kv_str(&line, "detail", detail);
	log_line(LOG_LVL_INFO, &line);
}

static int
handle_domain(void *arg, const struct store_due *due)
{
	struct run *k = arg;

	arena_reset(&k->arena);
	return walk_on(due, k->kind->plan(k, due), &k->busy, &k->d);
}

int
run_walk(struct run *k, int64_t before)
{
	enum ledger_kind kind = k->kind->submit.kind;

	if (k->domain)
		return walk_one(&k->r, kind, before, str_from_z(k->domain),
		    handle_domain, k, &k->d);
	return walk_due(&k->r, kind, before, handle_domain, k, &k->d);
}

int
run_clean_up(struct run *k, int64_t before,
    int (*expire)(void *arg, const struct store_due *due))
{
	int err =
	    walk_due(&k->r, k->kind->submit.kind, before, expire, k, &k->d);

	if (!err)
		err = store_forget_reports(k->r.store,
		    k->now - k->r.conf->report_retention, NULL, &k->d);
	if (!err)
		err =
		    store_forget_suppressions(k->r.store, k->now - YEAR, &k->d);
	return err;
}

/* --- the run */

static int
open_all(struct run *k, const struct conf *c)
{
	struct reporter *r = &k->r;
	int err = reporter_init(r, c, &k->options, &k->d);

	if (!err)
		err = reporter_keys(r, &k->d);
	if (!err)
		err =
		    reporter_store(r, k->dry ? STORE_READ : STORE_WRITE, &k->d);
	if (!err)
		err = reporter_dns(r, &k->d);
	if (!err && !k->dry)
		err = reporter_transport(r, &r->transport, &k->d);
	k->now = reporter_now(r);
	if (!err && k->kind->open)
		err = k->kind->open(k);
	return err;
}

static void
log_run(const struct run *k, const struct submit_result *s)
{
	struct buf line;

	buf_init(&line, NULL, 1024);
	buf_add_z(&line, "run:");
	kv_i64(&line, "reports", (int64_t)k->reports);
	k->kind->count(k, &line);
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
send_reports(struct run *k, struct submit_result *sent)
{
	bool waits = k->kind->patience && !k->options.no_wait;

	return submit_due(&k->r, &k->kind->submit, k->most,
	    waits ? k->kind->patience(k) : 0, sent, &k->d);
}

static int
run_all(struct run *k)
{
	const struct run_kind *kind = k->kind;
	struct submit_result sent = {0};
	bool on = kind->is_on(k->r.conf);
	int err = 0;

	if (!on)
		log_msg(LOG_LVL_INFO, "%s: none are made", kind->off);
	if (kind->prepare && !k->dry)
		err = kind->prepare(k, on);
	if (!err && on)
		err = kind->make(k);
	if (!err && kind->clean_up && !k->dry && !k->domain)
		err = kind->clean_up(k);
	if (!err && on && !k->dry)
		err = send_reports(k, &sent);
	if (!k->dry)
		log_run(k, &sent);
	k->busy = k->busy || sent.down;
	return err;
}

/*
 * Trouble that the next run will meet again goes to standard error too, which
 * cron mails.
 */
static int
exit_code(const struct run *k, const struct conf *c, int err)
{
	if (err && err != AVER_TEMP) {
		log_msg(LOG_LVL_ERROR, "%s", k->d.text);
		if (c->log_destination != CONF_LOG_STDERR)
			fprintf(stderr, "aver-report: %s\n", k->d.text);
		return EXIT_FAILED;
	}
	if (err)
		log_msg(LOG_LVL_WARN, "%s", k->d.text);
	return err || k->busy ? EXIT_LATER : EXIT_OK;
}

int
run_reports(
    const struct run_kind *kind, const struct conf *c, int argc, char **argv)
{
	struct run *k = calloc(1, kind->size);
	int err, status;

	if (!k)
		return EXIT_LATER;
	k->kind = kind;
	if (!parse(k, c, argc, argv)) {
		free(k);
		return EXIT_USAGE;
	}
	arena_init(&k->arena, kind->memory);
	err = open_all(k, c);
	if (!err)
		err = run_all(k);
	status = exit_code(k, c, err);
	if (kind->close)
		kind->close(k);
	arena_fini(&k->arena);
	reporter_close(&k->r);
	free(k);
	return status;
}
