/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/cmd_conf.h"

#include <stdbool.h>

#include "ctl/usage.h"
#include "lib/base/err.h"
#include "lib/conf/conf.h"
#include "lib/inbound/inbound_conf.h"
#include "lib/smtp/sasl.h"
#include "lib/store/redis_spec.h"
#include "tlspolicy/tls_conf.h"

#define OUTPUT_MAX ((size_t)16 << 20)

struct options {
	enum conf_print what;
	bool changed, defaults, test, verbose;
	const char *path;
	int first_name; /* index into argv */
};

static bool
set_letter(struct options *o, char c)
{
	switch (c) {
	case 'd':
		o->defaults = true;
		o->what = CONF_PRINT_DEFAULTS;
		return true;
	case 'n':
		o->changed = true;
		o->what = CONF_PRINT_CHANGED;
		return true;
	case 't':
		o->test = true;
		return true;
	case 'v':
		o->verbose = true;
		return true;
	default:
		return false;
	}
}

/* "-nv", "-c FILE" or "-tc FILE"; *i is moved to the last word used. */
static bool
parse_word(int argc, char **argv, int *i, struct options *o)
{
	const char *p = argv[*i] + 1;

	for (; *p && *p != 'c'; p++)
		if (!set_letter(o, *p))
			return false;
	if (!*p)
		return true;
	if (p[1] || *i + 1 == argc)
		return false;
	o->path = argv[++*i];
	return true;
}

static bool
parse_options(int argc, char **argv, struct options *o)
{
	bool has_names;
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++)
		if (!parse_word(argc, argv, &i, o))
			return false;
	o->first_name = i;
	has_names = i < argc;
	if (o->test)
		return !o->changed && !o->defaults && !o->verbose && !has_names;
	if (o->changed && (o->defaults || has_names))
		return false;
	return !o->verbose || !has_names;
}

static bool
check_place(const struct conf *c, struct buf *b)
{
	struct str place = str_from_z(c->store);
	struct redis_spec spec;
	struct diag d;

	if (!redis_spec_is(place) || redis_spec_parse(place, &spec, &d) == 0)
		return false;
	buf_addf(b, "%s\n", d.text);
	return true;
}

/* What only the SMTP client knows of its parameters. */
static int
check_sasl(const struct conf *c, struct buf *b)
{
	if (*c->report_credentials && !sasl_available())
		buf_add_z(b, "report_credentials: this build has no SASL\n");
	else if (*c->report_sasl_mechanism &&
		 !sasl_known(str_from_z(c->report_sasl_mechanism)))
		buf_addf(b, "report_sasl_mechanism: unknown: %s\n",
		    c->report_sasl_mechanism);
	else if (*c->report_sasl_mechanism && !*c->report_credentials)
		buf_add_z(
		    b, "report_sasl_mechanism: report_credentials is empty\n");
	else
		return 0;
	return AVER_CONF;
}

static int
test_file(const char *path, struct buf *b, FILE *err)
{
	int failed = conf_check(path, b);
	struct diag d = {{0}, 0};
	struct conf *c;

	if (!failed && conf_load(path, &c, &d) == 0) {
		failed = inbound_conf_check(c, b);
		failed |= check_sasl(c, b);
		failed |= check_place(c, b);
		failed |= tls_conf_check(c, b);
		conf_unref(c);
	}
	fputs(buf_z(b), err);
	return failed ? 1 : 0;
}

static int
print_names(const struct conf *c, char **names, struct buf *b, FILE *err)
{
	int status = 0;

	for (; *names; names++) {
		if (conf_print_one(b, c, str_from_z(*names)) != AVER_NOTFOUND)
			continue;
		fprintf(err,
		    "aver conf: there is no parameter of the name %s\n",
		    *names);
		status = 1;
	}
	return status;
}

/* The file's configuration; of the defaults, which need no file. */
static int
load(const struct options *o, struct conf **c, FILE *err)
{
	struct diag d = {{0}, 0};
	int failed = o->defaults ? conf_parse("", STR_NONE, c, &d)
				 : conf_load(o->path, c, &d);

	if (failed)
		fprintf(err, "aver conf: %s\n", d.text);
	return failed ? 1 : 0;
}

static int
print(const struct options *o, char **names, struct buf *b, FILE *err)
{
	struct conf *c = NULL;
	int status = load(o, &c, err);

	if (status)
		return status;
	if (*names)
		status = print_names(c, names, b, err);
	else if (o->verbose)
		conf_print_help(b, c, o->what);
	else
		conf_print(b, c, o->what);
	conf_unref(c);
	return status;
}

int
cmd_conf(const char *path, int argc, char **argv, FILE *out, FILE *err)
{
	struct options o = {.what = CONF_PRINT_ALL, .path = path};
	struct buf b;
	int status;

	if (!parse_options(argc, argv, &o))
		return usage_fail(err, "conf", NULL);
	buf_init(&b, NULL, OUTPUT_MAX);
	if (o.test)
		status = test_file(o.path, &b, err);
	else
		status = print(&o, argv + o.first_name, &b, err);
	if (!buf_ok(&b)) {
		fprintf(err, "aver conf: %s\n", aver_err_name(b.err));
		status = 1;
	} else if (!o.test) {
		fputs(buf_z(&b), out);
	}
	buf_fini(&b);
	return status;
}
