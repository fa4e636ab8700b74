/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/query.h"

#include <getopt.h>

#include "ctl/query_print.h"
#include "ctl/tls_setup.h"
#include "ctl/usage.h"
#include "lib/base/clock.h"

struct options {
	struct tls_options tls;
	bool json;
	const char *key;
};

static int
parse_options(int argc, char **argv, struct options *o)
{
	const char *wrong;

	*o = (struct options){.tls.answers = true};
	wrong = tls_options_parse(&o->tls, &o->json, argc, argv);
	if (wrong)
		return usage_fail(stderr, "query", wrong);
	if (optind + 1 != argc)
		return usage_fail(stderr, "query", "one destination is needed");
	o->key = argv[optind];
	return 0;
}

static int
show(const struct tls_setup *s, const struct options *o,
    const struct nexthop *hop, struct arena *arena, FILE *out)
{
	struct nexthop anyway = *hop;
	struct tls_decision decision, for_sts;
	struct engine_detail detail;
	struct query_result r = {.key = str_from_z(o->key),
	    .decision = &decision,
	    .for_sts = &decision,
	    .detail = &detail,
	    .render = &s->render,
	    .postfix = s->postfix,
	    .level = s->knows_level ? s->level : NULL,
	    .now = clock_now(),
	    .arena = arena};
	json_t *j;

	engine_explain(
	    s->engine, hop, tls_setup_deadline(s), arena, &decision, &detail);
	engine_known(s->engine, &decision);
	anyway.sts_anyway = true;
	if (decision.dane.outcome == DANE_OUT_ONLY) {
		engine_decide(
		    s->engine, &anyway, tls_setup_deadline(s), arena, &for_sts);
		r.for_sts = &for_sts;
	}
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
