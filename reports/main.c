/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* aver-report: one table of subcommands, each of which runs to its end. */

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/compat/compat.h"
#include "reports/commands.h"
#include "reports/reporter.h"

struct command {
	const char *name;
	int (*run)(const struct conf *c, int argc, char **argv);
	/* a person reads what it says, not the log */
	bool for_people;
	/* its failures are told by EXIT_LATER: an MTA called it */
	bool for_mta;
	const char *synopsis, *help;
};

static const struct command commands[] = {
    {"dmarc", command_dmarc, false, false,
	" [--now TIME] [--domain D] [--dry-run] [--max N] [--no-wait]\n"
	"\t[--zone FILE]",
	"makes and sends DMARC aggregate reports; for cron or a timer"},
    {"failure", command_failure, false, false,
	" [--now TIME] [--domain D] [--dry-run] [--max N]\n"
	"\t[--zone FILE]",
	"makes and sends DMARC failure reports; for cron or a timer"},
    {"tls", command_tls, false, false,
	" [--now TIME] [--domain D] [--dry-run] [--max N] [--no-wait]\n"
	"\t[--zone FILE]",
	"makes and sends SMTP TLS reports; for cron or a timer"},
    {"bounce", command_bounce, false, true, " [RECIPIENT]",
	"reads a bounce of a report on standard input; for the MTA"},
    {"check", command_check, true, false, " [--ip ADDRESS] [--zone FILE]",
	"tells whether reports can be sent, and what to fix"},
    {NULL, NULL, false, false, NULL, NULL},
};

struct program {
	const char *conf_path;
	bool to_stderr, test_only, stop;
};

static int
usage(FILE *f)
{
	fprintf(f, "usage: aver-report [-fhtV] [-c FILE] command "
		   "[argument ...]\n\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(f, "  aver-report %s%s\n\t%s\n", c->name, c->synopsis,
		    c->help);
	return EXIT_USAGE;
}

static int
parse_options(int argc, char **argv, struct program *p)
{
	static const struct option longer[] = {
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	/* the options of a subcommand are its own */
	while ((c = getopt_long(argc, argv, "+c:fhtV", longer, NULL)) != -1) {
		switch (c) {
		case 'c':
			p->conf_path = optarg;
			break;
		case 'f':
			p->to_stderr = true;
			break;
		case 't':
			p->test_only = true;
			break;
		case 'V':
			printf("aver-report %s\n", AVER_VERSION);
			p->stop = true;
			return 0;
		case 'h':
			usage(stdout);
			p->stop = true;
			return 0;
		default:
			return usage(stderr);
		}
	}
	return 0;
}

static const struct command *
find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(name, c->name) == 0)
			return c;
	return NULL;
}

/* Whether "-h" or "--help" is all that the command was given. */
static bool
wants_help(int argc, char **argv)
{
	return argc == 2 &&
	       (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
}

static void
open_log(const struct conf *c, const struct program *p,
    const struct command *command)
{
	bool to_stderr = p->to_stderr || command->for_people ||
			 c->log_destination == CONF_LOG_STDERR;

	log_open("aver-report", to_stderr ? LOG_TO_STDERR : LOG_TO_SYSLOG,
	    c->log_facility);
	log_set_level(
	    command->for_people ? LOG_LVL_WARN : (enum log_level)c->log_level);
}

static int
run(const struct program *p, const struct command *command, int argc,
    char **argv)
{
	int failed = command->for_mta ? EXIT_LATER : EXIT_FAILED, status;
	struct diag d = {{0}, 0};
	struct conf *c;

	if (conf_load(p->conf_path, &c, &d)) {
		fprintf(stderr, "aver-report: %s\n", d.text);
		return failed;
	}
	open_log(c, p, command);
	reporter_catch_signals();
	/* the files it makes are the daemons' too */
	umask(027);
	if (compat_drop_privileges(c->user, &d)) {
		fprintf(stderr, "aver-report: %s\n", d.text);
		conf_unref(c);
		return failed;
	}
	status = command->run(c, argc, argv);
	conf_unref(c);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(
		    stderr, "aver-report: standard output cannot be written\n");
		return status ? status : failed;
	}
	return status;
}

static int
test_configuration(const char *path)
{
	struct reporter_options none = {0};
	struct reporter r = {0};
	struct diag d = {{0}, 0};
	struct conf *c;
	int err = conf_load(path, &c, &d);

	if (!err) {
		err = reporter_init(&r, c, &none, &d);
		if (!err)
			err = reporter_keys(&r, &d);
		reporter_close(&r);
		conf_unref(c);
	}
	if (err)
		fprintf(stderr, "aver-report: %s\n", d.text);
	return err ? EXIT_FAILED : EXIT_OK;
}

int
main(int argc, char **argv)
{
	struct program p = {0};
	const struct command *command;
	int status;

	compat_hold_standard_files();
	status = parse_options(argc, argv, &p);
	if (status || p.stop)
		return status;
	if (p.test_only)
		return test_configuration(p.conf_path);
	if (optind == argc)
		return usage(stderr);
	command = find(argv[optind]);
	if (!command) {
		fprintf(stderr, "aver-report: there is no command %s\n",
		    argv[optind]);
		return usage(stderr);
	}
	argc -= optind;
	argv += optind;
	if (wants_help(argc, argv)) {
		usage(stdout);
		return EXIT_OK;
	}
	return run(&p, command, argc, argv);
}
