/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "reports/run_args.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "reports/window.h"

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
set_value(struct run_args *a, const char *name, const char *value)
{
	if (strcmp(name, "--now") == 0) {
		a->options.has_now = true;
		return time_parse(str_from_z(value), &a->options.now);
	}
	if (strcmp(name, "--domain") == 0) {
		a->domain = value;
		return *value;
	}
	if (strcmp(name, "--zone") == 0) {
		a->options.zone = value;
		return *value;
	}
	return strcmp(name, "--max") == 0 &&
	       str_to_u64(str_from_z(value), UINT32_MAX, &a->most);
}

bool
run_args_parse(
    struct run_args *a, const struct conf *c, bool waits, int argc, char **argv)
{
	*a = (struct run_args){.most = (uint64_t)c->report_max_per_run};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--dry-run") == 0)
			a->dry = true;
		else if (waits && strcmp(argv[i], "--no-wait") == 0)
			a->options.no_wait = true;
		else if (i + 1 == argc || !set_value(a, argv[i], argv[i + 1]))
			return usage(argv[0], waits);
		else
			i++;
	}
	return true;
}

int
run_exit_code(const struct conf *c, int err, const struct diag *d, bool busy)
{
	if (err && err != AVER_TEMP) {
		log_msg(LOG_LVL_ERROR, "%s", d->text);
		if (c->log_destination != CONF_LOG_STDERR)
			fprintf(stderr, "aver-report: %s\n", d->text);
		return EXIT_FAILED;
	}
	if (err)
		log_msg(LOG_LVL_WARN, "%s", d->text);
	return err || busy ? EXIT_LATER : EXIT_OK;
}
