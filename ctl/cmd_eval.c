/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/cmd_eval.h"

#include <getopt.h>
#include <string.h>

#include "ctl/eval_batch.h"
#include "ctl/eval_json.h"
#include "ctl/eval_source.h"
#include "ctl/usage.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/compat/compat.h"
#include "lib/inbound/inbound_conf.h"
#include "lib/dns/dns_trace.h"
#include "lib/mail/addr.h"

#define ENGINE_MEMORY ((size_t)64 * 1024)

struct options {
	bool json, batch, smtputf8;
	const char *trace;
	struct eval_source_options source;
	const char *ip, *helo, *mail_from, *rcpt;
	int64_t now;
	const char *path;
	bool explain;
};

enum option_id {
	OPT_JSON = 1,
	OPT_BATCH,
	OPT_EXPLAIN,
	OPT_TRACE,
	OPT_IP,
	OPT_HELO,
	OPT_MAIL_FROM,
	OPT_RCPT,
	OPT_TIME,
	OPT_SMTPUTF8,
};

static bool
set_option(struct options *o, int id)
{
	uint64_t n;

	switch (id) {
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_BATCH:
		o->batch = true;
		return true;
	case OPT_EXPLAIN:
		o->explain = true;
		return true;
	case OPT_TRACE:
		o->trace = optarg;
		return true;
	case OPT_IP:
		o->ip = optarg;
		return true;
	case OPT_HELO:
		o->helo = optarg;
		return true;
	case OPT_MAIL_FROM:
		o->mail_from = optarg;
		return true;
	case OPT_RCPT:
		o->rcpt = optarg;
		return true;
	case OPT_SMTPUTF8:
		o->smtputf8 = true;
		return true;
	case OPT_TIME:
		if (!str_to_u64(str_from_z(optarg), INT64_MAX, &n))
			return false;
		o->now = (int64_t)n;
		return true;
	default:
		return eval_source_set(&o->source, id);
	}
}

static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
	    {"json", no_argument, NULL, OPT_JSON},
	    {"batch", no_argument, NULL, OPT_BATCH},
	    {"explain", no_argument, NULL, OPT_EXPLAIN},
	    {"trace", required_argument, NULL, OPT_TRACE},
	    EVAL_SOURCE_LONGS,
	    {"ip", required_argument, NULL, OPT_IP},
	    {"helo", required_argument, NULL, OPT_HELO},
	    {"mail-from", required_argument, NULL, OPT_MAIL_FROM},
	    {"rcpt", required_argument, NULL, OPT_RCPT},
	    {"time", required_argument, NULL, OPT_TIME},
	    {"smtputf8", no_argument, NULL, OPT_SMTPUTF8},
	    {NULL, 0, NULL, 0},
	};
	int id;

	*o = (struct options){.now = -1};
	optind = 0; /* the main program has parsed its own options */
	while ((id = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!set_option(o, id))
			return usage_fail(stderr, "eval",
			    id == '?' ? "" : "--time: expected seconds");
	if (eval_source_wrong(&o->source))
		return usage_fail(
		    stderr, "eval", eval_source_wrong(&o->source));
	if (optind < argc)
		o->path = argv[optind++];
	if (optind < argc)
		return usage_fail(
		    stderr, "eval", "one message at a time; see --batch");
	if (o->batch &&
	    (o->path || o->ip || o->helo || o->mail_from || o->rcpt ||
		o->trace || o->json || o->smtputf8 || o->now >= 0))
		return usage_fail(stderr, "eval",
		    "--batch reads what is to be evaluated from standard "
		    "input");
	if (!o->batch && (!o->ip || !o->helo || !o->mail_from))
		return usage_fail(
		    stderr, "eval", "--ip, --helo and --mail-from are needed");
	return 0;
}

static void
fill_facts(const struct options *o, struct inbound_facts *f)
{
	f->helo = str_from_z(o->helo);
	f->mail_from = addr_strip(str_from_z(o->mail_from));
	f->smtputf8 = o->smtputf8;
	f->now = o->now >= 0 ? o->now : clock_now();
}

static int
write_trace(struct eval_state *st, const char *path)
{
	FILE *f = fopen(path, "w");
	struct buf b;
	bool ok = f != NULL;

	buf_init(&b, NULL, (size_t)16 << 20);
	dns_trace_print(&b, &st->dns);
	ok = ok && buf_ok(&b) && fwrite(buf_z(&b), 1, b.n, f) == b.n;
	if (f && fclose(f) != 0)
		ok = false;
	buf_fini(&b);
	if (!ok)
		fprintf(stderr, "aver eval: cannot write %s\n", path);
	return ok ? 0 : 1;
}

static int
eval_one(const struct eval_setup *setup, const struct options *o, FILE *out)
{
	struct eval_request rq = {.methods = setup->options.methods,
	    .discovery = setup->options.discovery};
	struct eval_state st;
	struct diag d = {{0}, 0};
	int status = 0;

	if (!ip_parse(str_from_z(o->ip), &rq.facts.ip))
		return usage_fail(
		    stderr, "eval", "--ip: expected an IPv4 or IPv6 address");
	fill_facts(o, &rq.facts);
	rq.rcpt = str_from_z(o->rcpt);
	rq.path = o->path ? o->path : "-";
	eval_state_init(&st);
	if (eval_run(&st, setup, &rq, &d)) {
		fprintf(stderr, "aver eval: %s\n", d.text);
		status = 1;
	} else if (o->json) {
		json_t *j = eval_json(&st);

		json_dumpf(j, out, JSON_COMPACT);
		fputc('\n', out);
		json_decref(j);
	} else {
		eval_print(&st, out);
	}
	if (status == 0 && o->trace)
		status = write_trace(&st, o->trace);
	eval_state_fini(&st);
	return status;
}

static int
prepare(const struct conf *c, const struct options *o, struct eval_setup *s)
{
	struct diag d = {{0}, 0};

	memset(s, 0, sizeof(*s));
	arena_init(&s->arena, ENGINE_MEMORY);
	if (inbound_options_from_conf(&s->options, c, &s->arena, &d) ||
	    (*c->policy_table &&
		policy_file_load(c->policy_table, &s->table, &d))) {
		fprintf(stderr, "aver eval: %s\n", d.text);
		return AVER_CONF;
	}
	s->options.table = policy_file_table(s->table);
	compat_hostname(s->authserv_id, sizeof(s->authserv_id));
	s->options.authserv_id = *c->authserv_id ? str_from_z(c->authserv_id)
						 : str_from_z(s->authserv_id);
	s->options.want_explanation = true;
	s->options.show_dnssec = o->source.dnssec;
	s->deadline = c->message_deadline * 1000;
	s->max_questions = (unsigned)c->dns_max_questions;
	s->explain = o->explain || o->trace;
	s->options.engine = dkim_engine_new(&s->arena);
	s->options.psl = orgdom_open(c->public_suffix_list);
	if (!s->options.engine) {
		fprintf(stderr, "aver eval: OpenSSL is not usable\n");
		return AVER_CRYPTO;
	}
	if (o->batch) {
		/* what the protocols say, without this site's policy on
		 * unsigned octets; records need no DNS at all */
		s->options.dkim.accept_partial = true;
		eval_source_open(c, &o->source, true, &s->source, &s->no_dns);
		return 0;
	}
	if (eval_source_open(c, &o->source, false, &s->source, &d)) {
		fprintf(stderr, "aver eval: %s\n", d.text);
		return AVER_CONF;
	}
	return 0;
}

int
cmd_eval(const struct conf *c, int argc, char **argv, FILE *in, FILE *out)
{
	struct eval_setup setup;
	struct options o;
	int status = parse_options(argc, argv, &o);

	if (status)
		return status;
	status = prepare(c, &o, &setup) ? 1 : 0;
	if (status == 0)
		status = o.batch ? eval_batch(&setup, in, out)
				 : eval_one(&setup, &o, out);
	dns_source_close(setup.source);
	orgdom_close((struct orgdom *)setup.options.psl);
	policy_file_free(setup.table);
	arena_fini(&setup.arena);
	return status;
}
