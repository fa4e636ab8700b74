/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* aver(1), the operator's command: one table of subcommands. */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/check.h"
#include "ctl/cmd_conf.h"
#include "ctl/cmd_eval.h"
#include "ctl/cmd_reload.h"
#include "ctl/destinations.h"
#include "ctl/evaluations.h"
#include "ctl/policies.h"
#include "ctl/query.h"
#include "ctl/report_show.h"
#include "ctl/reports.h"
#include "ctl/results.h"
#include "ctl/store.h"
#include "ctl/suppress.h"
#include "ctl/usage.h"
#include "lib/base/log.h"
#include "lib/compat/compat.h"
#include "lib/conf/conf.h"

#define FAILED 1

/* path: of the configuration file, NULL for the default one. */
struct command {
	const char *name;
	int (*run)(const char *path, int argc, char **argv);
	bool alone; /* takes no arguments */
	const char *synopsis, *help;
};

static int run_help(const char *path, int argc, char **argv);

/* Says what is wrong; NULL then. */
static struct conf *
load(const char *path)
{
	struct conf *c = NULL;
	struct diag d = {{0}, 0};

	if (conf_load(path, &c, &d))
		fprintf(stderr, "aver: %s\n", d.text);
	return c;
}

static int
run_conf(const char *path, int argc, char **argv)
{
	return cmd_conf(path, argc, argv, stdout, stderr);
}

static int
run_eval(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_eval(c, argc, argv, stdin, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_evaluations(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_evaluations(c, argc, argv, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_reports(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_reports(c, argc, argv, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_results(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_results(c, argc, argv, stdin, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_store(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_store(c, argc, argv, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_suppress(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_suppress(c, argc, argv, stdin, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_query(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_query(c, argc, argv, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_policy(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_policy(c, argc, argv, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_check(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_check(c, argc, argv, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_destinations(const char *path, int argc, char **argv)
{
	struct conf *c = load(path);
	int status = c ? cmd_destinations(c, argc, argv, stdout) : FAILED;

	conf_unref(c);
	return status;
}

static int
run_reload(const char *path, int argc, char **argv)
{
	(void)argc, (void)argv;
	return cmd_reload(path, reload_daemons, stderr);
}

/* Needs no configuration: it shows what others have sent. */
static int
run_report(const char *path, int argc, char **argv)
{
	(void)path;
	return cmd_report(argc, argv, stdin, stdout, stderr);
}

static int
run_version(const char *path, int argc, char **argv)
{
	(void)path, (void)argc, (void)argv;
	printf("aver %s\n", AVER_VERSION);
	return 0;
}

static const struct command commands[] = {
    {"conf", run_conf, false, " [-dntv] [-c FILE] [NAME ...]",
	"prints the configuration, or checks it (-t)"},
    {"eval", run_eval, false, " --ip IP --helo NAME --mail-from ADDR [FILE]",
	"evaluates a message as the milter would"},
    {"evaluations", run_evaluations, false,
	" [list | known | show DOMAIN | remove DOMAIN]",
	"shows what has been recorded for reports"},
    {"reports", run_reports, false, " [list | show ID | resend ID | cancel ID]",
	"shows the reports that were made, and what became of them"},
    {"results", run_results, false,
	" [list | show DOMAIN | remove DOMAIN | bad | import FILE]",
	"shows the results of TLS sessions that have been recorded"},
    {"store", run_store, false,
	" [status | check | export [FILE] | import FILE | migrate FROM TO]",
	"tells what the store holds, checks, copies, or moves it"},
    {"suppress", run_suppress, false,
	" [list | add VALUE | remove VALUE | import | export]",
	"says where no reports go"},
    {"query", run_query, false, " [--json] DESTINATION",
	"tells what the MTA is told about TLS to a destination, and why"},
    {"policy", run_policy, false,
	" [list | refresh DOMAIN | remove DOMAIN | export]",
	"shows and changes the MTA-STS policies that are kept"},
    {"check", run_check, false, " DESTINATION",
	"tries whether the mail hosts do what their policy demands"},
    {"destinations", run_destinations, false,
	" [list | show DOMAIN | forget DOMAIN]",
	"shows what mail hosts were seen to offer"},
    {"reload", run_reload, true, "",
	"has the daemons read their configuration again"},
    {"report", run_report, false, " show [--json] FILE ...",
	"shows DMARC and TLS reports that others sent"},
    {"version", run_version, true, "", "prints the version"},
    {"help", run_help, false, " [COMMAND]",
	"prints this, or what a command takes"},
    {NULL, NULL, false, NULL, NULL},
};

static const struct command *
find(const char *name)
{
	const struct command *c = commands;

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	while (c->name && strcmp(name, c->name) != 0)
		c++;
	return c->name ? c : NULL;
}

static int
usage(const char *what, const char *word)
{
	fprintf(stderr,
	    "aver: %s%s\n"
	    "usage: aver [-c FILE] COMMAND [ARGUMENT ...]; see aver help\n",
	    what, word);
	return USAGE_STATUS;
}

static int
help_on(const struct command *c)
{
	fputs(usage_text(c->name), stdout);
	printf("It %s. See aver(1).\n", c->help);
	return 0;
}

static int
run_help(const char *path, int argc, char **argv)
{
	const struct command *c;

	(void)path;
	if (argc > 2)
		return usage_fail(stderr, "help", NULL);
	if (argc == 2) {
		c = find(argv[1]);
		return c ? help_on(c) : usage("there is no command ", argv[1]);
	}
	printf("usage: aver [-c FILE] COMMAND [ARGUMENT ...]\n\n");
	for (c = commands; c->name; c++)
		printf("  aver %s%s\n\t%s\n", c->name, c->synopsis, c->help);
	printf("\nThe configuration file is %s. See aver(1).\n",
	    conf_default_path());
	return 0;
}

/* Whether "--help" is among the arguments, wherever. */
static bool
wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return argc == 2 && strcmp(argv[1], "-h") == 0;
}

/* Takes "-c FILE" out of the arguments, also after the command. */
static bool
take_path(int *argc, char **argv, const char **path)
{
	int n = 0;

	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "-c") != 0)
			argv[n++] = argv[i];
		else if (++i < *argc)
			*path = argv[i];
		else
			return false;
	}
	argv[n] = NULL;
	*argc = n;
	return true;
}

static int
run(const struct command *c, const char *path, int argc, char **argv)
{
	char name[32];

	if (wants_help(argc, argv))
		return help_on(c);
	if (c->alone && argc > 1)
		return usage("this command takes no arguments: ", c->name);
	/* as getopt_long(3) shall call it */
	snprintf(name, sizeof(name), "aver %s", c->name);
	argv[0] = name;
	return c->run(path, argc, argv);
}

int
main(int argc, char **argv)
{
	const struct command *c;
	const char *path = NULL;
	int status;

	compat_hold_standard_files();
	log_open("aver", LOG_TO_STDERR, 0);
	log_set_level(LOG_LVL_WARN);
	if (!take_path(&argc, argv, &path))
		return usage("-c wants the name of a file", "");
	if (argc < 2)
		return usage("there is no command", "");
	c = find(argv[1]);
	if (!c)
		return usage("there is no command ", argv[1]);
	status = run(c, path, argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "aver: standard output cannot be written\n");
		return FAILED;
	}
	return status;
}
