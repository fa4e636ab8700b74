/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/query.h"

#include <getopt.h>

#include "ctl/query_print.h"
#include "ctl/tls_setup.h"
#include "lib/base/clock.h"

struct options {
	struct tls_options tls;
	bool json;
	const char *key;
};

enum option_id {
	OPT_JSON = 1,
	OPT_RESOLVER,
	OPT_ZONE,
	OPT_DNSSEC,
	OPT_POSTFIX
};

static int
usage(const char *what)
{
	fprintf(stderr,
	    "aver query: %s\n"
	    "usage: aver query [--json] [--resolver ADDR[@PORT] | --zone FILE] "
	    "[--dnssec]\n"
	    "                  [--postfix VERSION] DESTINATION\n",
	    what);
	return 2;
}

static bool
set_option(struct options *o, int id)
{
	switch (id) {
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_RESOLVER:
		o->tls.source.resolver = optarg;
		return true;
	case OPT_ZONE:
		o->tls.source.zone = optarg;
		return true;
	case OPT_DNSSEC:
		o->tls.source.dnssec = true;
		return true;
	case OPT_POSTFIX:
		o->tls.postfix = optarg;
		return true;
	default:
		return false;
	}
}

static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
	    {"json", no_argument, NULL, OPT_JSON},
	    {"resolver", required_argument, NULL, OPT_RESOLVER},
	    {"zone", required_argument, NULL, OPT_ZONE},
	    {"dnssec", no_argument, NULL, OPT_DNSSEC},
	    {"postfix", required_argument, NULL, OPT_POSTFIX},
	    {NULL, 0, NULL, 0},
	};
	int id;

	*o = (struct options){.json = false};
	optind = 0; /* the main program has parsed its own options */
	while ((id = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!set_option(o, id))
			return usage("unknown option");
	if (o->tls.source.zone && o->tls.source.resolver)
		return usage("--zone and --resolver exclude each other");
	if (optind + 1 != argc)
		return usage("one destination is needed");
	o->key = argv[optind];
	return 0;
}

static int
show(const struct tls_setup *s, const struct options *o,
    const struct nexthop *hop, struct arena *arena, FILE *out)
{
	struct tls_decision decision;
	struct engine_detail detail;
	struct query_result r = {.key = str_from_z(o->key),
	    .decision = &decision,
	    .detail = &detail,
	    .render = &s->render,
	    .postfix = s->postfix,
	    .now = clock_now(),
	    .arena = arena};
	json_t *j;

	engine_explain(
	    s->engine, hop, tls_setup_deadline(s), arena, &decision, &detail);
	engine_known(s->engine, &decision);
	if (o->json) {
		j = query_json(&r);
		json_dumpf(j, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		fputc('\n', out);
		json_decref(j);
	} else {
		query_print(&r, out);
	}
	return decision.kind == TLS_TEMP || decision.kind == TLS_UNVERIFIABLE;
}

int
cmd_query(const struct conf *c, int argc, char **argv, FILE *out)
{
	struct options o;
	struct tls_setup s;
	struct nexthop hop;
	struct arena arena;
	struct diag d = {{0}, 0};
	int status = parse_options(argc, argv, &o);

	if (status)
		return status;
	arena_init(&arena, TLS_ARENA);
	if (tls_setup_open(c, &o.tls, &s, &d) ||
	    nexthop_parse(&arena, str_from_z(o.key), &hop, &d)) {
		fprintf(stderr, "aver query: %s\n", d.text);
		status = 1;
	} else {
		status = show(&s, &o, &hop, &arena, out);
	}
	tls_setup_close(&s);
	arena_fini(&arena);
	return status;
}
