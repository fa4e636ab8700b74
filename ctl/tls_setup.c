/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/tls_setup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

/* The version that answers are for when nobody knows the site's. */
#define OLDEST "3.4"

enum option_id { OPT_POSTFIX = 1, OPT_JSON };

static bool
set_option(struct tls_options *o, bool *json, int id)
{
	switch (id) {
	case OPT_POSTFIX:
		o->postfix = optarg;
		return json;
	case OPT_JSON:
		if (json)
			*json = true;
		return json;
	default:
		return eval_source_set(&o->source, id);
	}
}

const char *
tls_options_parse(struct tls_options *o, bool *json, int argc, char **argv)
{
	static const struct option longs[] = {
	    EVAL_SOURCE_LONGS,
	    {"postfix", required_argument, NULL, OPT_POSTFIX},
	    {"json", no_argument, NULL, OPT_JSON},
	    {NULL, 0, NULL, 0},
	};
	int id;

	optind = 0; /* the main program has parsed its own options */
	while ((id = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!set_option(o, json, id))
			return id == '?' ? "" : "option of another command";
	return eval_source_wrong(&o->source);
}

static enum requiretls_default
requiretls_of(const struct conf *c)
{
	switch (c->requiretls_policy) {
	case CONF_REQUIRETLS_ENFORCE:
		return REQUIRETLS_ENFORCE;
	case CONF_REQUIRETLS_STARTTLS:
		return REQUIRETLS_OPPORTUNISTIC_STARTTLS;
	case CONF_REQUIRETLS_OPPORTUNISTIC:
		return REQUIRETLS_OPPORTUNISTIC;
	case CONF_REQUIRETLS_DISABLE:
		break;
	}
	return REQUIRETLS_DISABLE;
}

/* "auto" is the daemon's to find out: a command tells what is safe for all. */
static int
set_render(struct tls_setup *s, const char *version, struct diag *d)
{
	if (!version)
		version = s->conf->postfix_version;
	if (strcmp(version, "auto") == 0)
		version = OLDEST;
	s->postfix = version;
	s->render.requiretls_policy = requiretls_of(s->conf);
	return render_profile_postfix(
	    str_from_z(version), &s->render.profile, d);
}

static int
open_engine(struct tls_setup *s, const struct tls_options *o, struct diag *d)
{
	struct engine_config cfg;
	struct diag why = {{0}, 0};
	int err = eval_source_open(s->conf, &o->source, false, &s->dns, d);

	if (err)
		return err;
	engine_config_init(&cfg, s->conf);
	cfg.dns = s->dns;
	cfg.read_only = !o->writes;
	cfg.fetches = 4;
	err = engine_open(&cfg, s->table, &s->engine, &why);
	if (err)
		return diag_set(d, err, 0, "%s", why.text);
	if (*why.text)
		fprintf(stderr,
		    "aver: what is kept cannot be read, and does not count: "
		    "%s\n",
		    why.text);
	return 0;
}

int
tls_setup_open(const struct conf *c, const struct tls_options *o,
    struct tls_setup *s, struct diag *d)
{
	int err;

	*s = (struct tls_setup){.conf = c};
	err = set_render(s, o->postfix, d);
	if (!err && *c->tls_policy_table)
		err = tls_file_load(
		    TLS_FILE_POLICY, c->tls_policy_table, &s->table, d);
	if (!err && !o->no_engine)
		err = open_engine(s, o, d);
	return err;
}

void
tls_setup_close(struct tls_setup *s)
{
	engine_close(s->engine);
	tls_file_unref(s->table);
	dns_source_close(s->dns);
}

int64_t
tls_setup_deadline(const struct tls_setup *s)
{
	return clock_mono_ms() + s->conf->sts_timeout + 20000;
}
