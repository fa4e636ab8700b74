/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A program that does nothing but serve metrics, for t/integ/metrics.t:
 *
 *     metricsd ADDRESS:PORT
 *
 * Prints "ready" when it listens, then reads commands, one a line, and ends
 * at the end of its input: "sick" and "well" change /healthz.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/metrics/metrics.h"
#include "lib/metrics/metrics_http.h"

enum { PRINTS, ACTIONS, FAMILY_COUNT };

static const struct metric_series actions[] = {{{"accept"}}, {{"reject"}}};

static const struct metric_family families[FAMILY_COUNT] = {
    [PRINTS] = {.name = "t_prints_total",
	.type = METRIC_COUNTER,
	.help = "How often this was printed."},
    [ACTIONS] = {.name = "t_actions_total",
	.type = METRIC_COUNTER,
	.help = "Nothing happens here.",
	.label = {"action"},
	.series = actions,
	.n_series = 2},
};

static void
count_print(struct metrics *m, void *arg)
{
	(void)arg;
	metrics_add(m, PRINTS, 0, 1);
}

static const char *
ailment(void *arg)
{
	return atomic_load((atomic_bool *)arg) ? "told to be sick" : NULL;
}

static void
read_commands(atomic_bool *sick)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		atomic_store(sick, strcmp(line, "sick\n") == 0);
		printf("done\n");
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	struct metrics_http_config cfg = {.ailment = ailment};
	struct metrics *m = NULL;
	struct metrics_http *h = NULL;
	struct diag d = {{0}, 0};
	atomic_bool sick = false;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: metricsd ADDRESS:PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	cfg.listen = argv[1];
	cfg.arg = &sick;
	err = metrics_new(families, FAMILY_COUNT, &m, &d);
	if (!err)
		err = metrics_on_print(m, count_print, NULL);
	cfg.metrics = m;
	if (!err)
		err = metrics_http_open(&cfg, &h, &d);
	if (err) {
		printf("error: %s: %s\n", aver_err_name(err), d.text);
		metrics_free(m);
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	read_commands(&sick);
	metrics_http_close(h);
	metrics_free(m);
	return 0;
}
