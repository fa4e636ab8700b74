/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/policies.h"

#include <getopt.h>
#include <string.h>

#include <jansson.h>

#include "ctl/cell.h"
#include "ctl/tls_setup.h"
#include "ctl/usage.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/compat/compat.h"
#include "lib/store/redis_spec.h"
#include "lib/store/sts.h"
#include "tlspolicy/sts_copy.h"
#include "tlspolicy/sts_fleet.h"

#define LINE_MAX_OCTETS ((size_t)256 * 1024)

struct command {
	struct tls_options tls;
	bool json;
	const char *verb, *domain;
	struct nexthop hop;
	struct arena arena;
	struct tls_setup setup;
	int64_t now;
	FILE *out;
	size_t n; /* lines written */
};

struct verb {
	const char *verb;
	int (*run)(struct command *);
	bool takes_domain, takes_json;
};

static int
fail(const struct diag *d)
{
	fprintf(stderr, "aver policy: %s\n", d->text);
	return 1;
}

static int
parse_options(int argc, char **argv, struct command *k)
{
	const char *wrong = tls_options_parse(&k->tls, &k->json, argc, argv);

	if (wrong)
		return usage_fail(stderr, "policy", wrong);
	k->verb = optind < argc ? argv[optind++] : "list";
	if (optind < argc)
		k->domain = argv[optind++];
	if (optind < argc)
		return usage_fail(stderr, "policy", "too many arguments");
	return 0;
}

/* What the verb does not take is no reason to do something else. */
static int
check_options(const struct command *k, const struct verb *v)
{
	if (k->domain && !v->takes_domain)
		return usage_fail(stderr, "policy", "no domain is needed");
	if (k->json && !v->takes_json)
		return usage_fail(stderr, "policy", "only list prints JSON");
	return 0;
}

/* The policy domain that is asked for. */
static int
take_domain(struct command *k)
{
	struct diag d = {"this is no domain", 0};

	if (!k->domain)
		return usage_fail(stderr, "policy", "a domain is needed");
	if (nexthop_parse(&k->arena, str_from_z(k->domain), &k->hop, &d) ||
	    k->hop.kind != NEXTHOP_DOMAIN)
		return fail(&d);
	return 0;
}

/* ---- list --------------------------------------------------------------- */

/* "enforce", "expired", "-" when there is none, "?" when it cannot be read */
static const char *
mode_of(const struct command *k, const struct store_sts *s)
{
	struct sts_policy p;
	struct arena a;
	const char *name = "?";

	if (s->policy.n == 0)
		return "-";
	if (s->expires <= k->now)
		return "expired";
	arena_init(&a, STS_POLICY_MEMORY);
	if (sts_policy_parse(&a, s->policy, &p, NULL) == 0)
		name = sts_mode_name(p.mode);
	arena_fini(&a);
	return name;
}

static const char *
failure_of(const struct store_sts *s)
{
	if (s->failed == 0 || s->failure <= 0 ||
	    s->failure >= TLSRPT_RESULT_COUNT)
		return "";
	return tlsrpt_result_name((enum tlsrpt_result)s->failure);
}

static void
set_text(json_t *o, const char *key, struct str s)
{
	struct buf b;

	buf_init(&b, NULL, LINE_MAX_OCTETS);
	cell_escape(&b, s);
	json_object_set_new(o, key, json_string(buf_z(&b)));
	buf_fini(&b);
}

static int
list_json(struct command *k, const struct store_sts *s)
{
	json_t *o = json_object();

	set_text(o, "domain", s->domain);
	json_object_set_new(o, "state", json_string(mode_of(k, s)));
	set_text(o, "id", s->id);
	json_object_set_new(o, "fetched", json_integer(s->fetched));
	json_object_set_new(o, "expires", json_integer(s->expires));
	json_object_set_new(o, "last_used", json_integer(s->last_used));
	json_object_set_new(o, "failed", json_integer(s->failed));
	json_object_set_new(o, "failure", json_string(failure_of(s)));
	set_text(o, "failure_reason", s->failure_detail);
	set_text(o, "policy", s->policy);
	fputs(k->n++ ? ",\n" : "[\n", k->out);
	json_dumpf(o, k->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(o);
	return ferror(k->out) ? AVER_IO : 0;
}

static int
list_one(void *arg, const struct store_sts *s)
{
	struct command *k = arg;
	struct buf b;

	if (k->json)
		return list_json(k, s);
	buf_init(&b, NULL, LINE_MAX_OCTETS);
	cell_add(&b, s->domain);
	cell_column(&b, 32);
	buf_add_z(&b, mode_of(k, s));
	cell_column(&b, 42);
	cell_add(&b, s->id);
	cell_column(&b, 60);
	if (s->policy.n)
		cell_time(&b, s->expires);
	else
		buf_add_c(&b, '-');
	cell_column(&b, 82);
	if (*failure_of(s)) {
		buf_addf(&b, "%s: ", failure_of(s));
		cell_escape(&b, s->failure_detail);
	}
	fprintf(k->out, "%s\n", buf_z(&b));
	buf_fini(&b);
	k->n++;
	return ferror(k->out) ? AVER_IO : 0;
}

/* ---- export ------------------------------------------------------------- */

/*
 * What the daemon would answer where there is no DANE. The table stands in for
 * it for hours, so nothing that ends before is in it.
 */
static int
export_one(void *arg, const struct store_sts *s)
{
	struct command *k = arg;
	struct sts_policy p;
	struct nexthop hop;
	struct tls_facts f = {.nexthop = &hop,
	    .mx = DANE_MX_UNASKED,
	    .sts = {.policy = &p,
		.id = s->id,
		.fetched = s->fetched,
		.expires = s->expires,
		.failure = TLSRPT_SUCCESS}};
	struct tls_decision d;
	struct render_answer a;
	struct arena arena;

	arena_init(&arena, TLS_ARENA);
	if (nexthop_parse(&arena, s->domain, &hop, NULL) == 0)
		f.rule = tls_table_find(tls_file_policy(k->setup.table), &hop);
	if (hop.kind == NEXTHOP_DOMAIN && s->policy.n &&
	    s->expires > k->now + 3600 &&
	    sts_policy_parse(&arena, s->policy, &p, NULL) == 0 &&
	    p.mode == STS_ENFORCE) {
		tls_decide(&f, &d);
		render(
		    &arena, &k->setup.render, RENDER_TLS_PLAIN, &d, &a, NULL);
		if (a.status == RENDER_OK) {
			fprintf(k->out, "%.*s\t%.*s\n", STRF(s->domain),
			    STRF(a.text));
			k->n++;
		}
	}
	arena_fini(&arena);
	return ferror(k->out) ? AVER_IO : 0;
}

/* ---- verbs -------------------------------------------------------------- */

/* The store, or while a shared one is away, what this host has of it. */
static int
open_policies(struct command *k, struct store **s, struct diag *d)
{
	const struct conf *c = k->setup.conf;
	int err = store_open(c->store, STORE_READ, s, d);
	const char *spec;

	if (!sts_store_is_away(err) || !redis_spec_is(str_from_z(c->store)) ||
	    store_check_spec(c->store, NULL))
		return err;
	spec = sts_copy_spec(&k->arena, c->state_directory);
	if (!spec || store_open(spec, STORE_READ, s, NULL))
		return err;
	fprintf(stderr, "aver policy: %s; what follows is this host's copy\n",
	    d->text);
	return 0;
}

static int
walk(struct command *k, int (*fn)(void *, const struct store_sts *))
{
	struct store *s = NULL;
	struct diag d = {{0}, 0};
	int err;

	k->tls.no_engine = true;
	if (tls_setup_open(k->setup.conf, &k->tls, &k->setup, &d))
		return fail(&d);
	err = open_policies(k, &s, &d);
	if (!err)
		err = store_each_sts(s, STR_NONE, fn, k, &d);
	store_close(s);
	return err ? fail(&d) : 0;
}

static int
run_list(struct command *k)
{
	int status = walk(k, list_one);

	if (k->json && !status)
		fputs(k->n ? "\n]\n" : "[]\n", k->out);
	return status;
}

static int
run_export(struct command *k)
{
	k->tls.answers = true;
	return walk(k, export_one);
}

/*
 * Whoever runs on the store follows it by itself. That nobody does is worth a
 * word, for then nothing has changed for Postfix.
 */
static void
note_daemon(void)
{
	struct diag d = {{0}, 0};
	pid_t pid;

	if (compat_pidfile_owner(AVER_RUNDIR "/aver-policyd.pid", &pid, &d) !=
	    AVER_NOTFOUND)
		return;
	fprintf(stderr,
	    "aver policy: no aver-policyd is seen to run on this host (%s); "
	    "one that uses this store follows within a second\n",
	    d.text);
}

static int
run_remove(struct command *k)
{
	struct store *s = NULL;
	struct diag d = {{0}, 0};
	int err = take_domain(k);

	if (err)
		return err;
	err = store_open(k->setup.conf->store, STORE_CHANGE, &s, &d);
	if (!err)
		err = store_remove_sts(s, k->hop.domain, &d);
	store_close(s);
	if (err == AVER_NOTFOUND)
		diag_set(&d, 0, 0, "there is no policy of %.*s",
		    STRF(k->hop.domain));
	if (err)
		return fail(&d);
	note_daemon();
	return 0;
}

static void
print_fetched(struct command *k, const struct tls_sts *s)
{
	struct buf b;

	buf_init(&b, NULL, LINE_MAX_OCTETS);
	cell_add(&b, k->hop.domain);
	if (s->failure != TLSRPT_SUCCESS) {
		buf_addf(&b, ": %s: ", tlsrpt_result_name(s->failure));
		cell_escape(&b, s->failure_detail);
	}
	if (s->policy) {
		buf_addf(&b, ": %s, id ", sts_mode_name(s->policy->mode));
		cell_add(&b, s->id);
		buf_add_z(&b, ", fetched ");
		cell_time(&b, s->fetched);
		buf_add_z(&b, ", expires ");
		cell_time(&b, s->expires);
	}
	fprintf(k->out, "%s\n", buf_z(&b));
	buf_fini(&b);
}

static int
run_refresh(struct command *k)
{
	struct diag d = {"the fetch took too long", 0};
	struct tls_sts sts = {.failure = TLSRPT_SUCCESS};
	int err = take_domain(k);

	if (err)
		return err;
	k->tls.writes = true;
	if (tls_setup_open(k->setup.conf, &k->tls, &k->setup, &d) ||
	    engine_refresh(k->setup.engine, &k->hop,
		tls_setup_deadline(&k->setup), &k->arena, &sts))
		return fail(&d);
	print_fetched(k, &sts);
	note_daemon();
	return sts.failure != TLSRPT_SUCCESS;
}

static const struct verb verbs[] = {
    {"list", run_list, false, true},
    {"refresh", run_refresh, true, false},
    {"remove", run_remove, true, false},
    {"export", run_export, false, false},
};

int
cmd_policy(const struct conf *c, int argc, char **argv, FILE *out)
{
	struct command k = {.setup.conf = c, .out = out, .now = clock_now()};
	int status = parse_options(argc, argv, &k);

	if (status)
		return status;
	status = -1;
	arena_init(&k.arena, TLS_ARENA);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(k.verb, verbs[i].verb) == 0) {
			status = check_options(&k, &verbs[i]);
			if (status == 0)
				status = verbs[i].run(&k);
		}
	tls_setup_close(&k.setup);
	arena_fini(&k.arena);
	return status < 0 ? usage_fail(stderr, "policy", "unknown verb")
			  : status;
}
