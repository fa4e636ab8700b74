/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/tls_setup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/dns/dns_unbound.h"
#include "tlspolicy/tls_conf.h"

#define POSTCONF_MS 3000

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

/* As the daemon does; where there is no Postfix, that is no error. */
static void
ask_postfix(const struct conf *c, struct postfix_facts *out)
{
	struct diag d = {{0}, 0};

	*out = (struct postfix_facts){.mail_version = ""};
	if (!*c->postconf_command ||
	    postfix_ask(c->postconf_command, POSTCONF_MS, out, &d) == 0)
		return;
	if (tls_conf_is_auto(c))
		fprintf(stderr,
		    "aver: Postfix cannot be asked for its version: %s\n",
		    d.text);
}

/* version: of --postfix, whose main.cf demands nothing; NULL: this host's. */
static int
set_render(struct tls_setup *s, const char *version, struct diag *d)
{
	struct postfix_facts f = {.mail_version = ""};
	const char *level = "";
	int err;

	if (!version) {
		ask_postfix(s->conf, &f);
		level = tls_conf_level(s->conf,
		    f.mail_version[0] ? f.smtp_tls_security_level : NULL);
	}
	err = tls_conf_render(s->conf, f.mail_version, level, &s->render, d);
	if (!err && version)
		err = render_profile_postfix(
		    str_from_z(version), &s->render.profile, d);
	snprintf(s->postfix, sizeof(s->postfix), "%s",
	    version ? version : tls_conf_version(s->conf, f.mail_version));
	s->knows_level = level != NULL;
	snprintf(s->level, sizeof(s->level), "%s", level ? level : "");
	return err;
}

/* What the daemon looks at, too, before it asks for TLSA records. */
static bool
is_validating(const struct tls_setup *s, const struct tls_options *o)
{
	struct dns_unbound_state st;

	if (o->source.zone)
		return true;
	dns_unbound_get_state(s->dns, &st);
	return st.validating;
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
	cfg.no_dnssec = !is_validating(s, o);
	cfg.read_only = !o->writes;
	cfg.fetches = 4;
	err = engine_open(&cfg, s->table, &s->engine, &why);
	if (err)
		return diag_set(d, err, 0, "%s", why.text);
	if (*why.text)
		fprintf(stderr,
		    "aver: this is found out without the store: %s\n",
		    why.text);
	return 0;
}

int
tls_setup_open(const struct conf *c, const struct tls_options *o,
    struct tls_setup *s, struct diag *d)
{
	int err = 0;

	*s = (struct tls_setup){.conf = c};
	if (o->answers)
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
