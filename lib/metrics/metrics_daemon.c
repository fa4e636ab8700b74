/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/metrics/metrics_daemon.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/metrics/metrics_http.h"

static int
open_parts(struct metrics_daemon *m, const struct metrics_daemon_config *c,
    struct diag *d)
{
	struct metrics_http_config http = {
	    .listen = c->listen,
	    .ailment = c->ailment,
	    .arg = c->arg,
	};
	int err = metrics_new(c->families, c->n_families, &m->metrics, d);

	if (!err && c->arg)
		err = metrics_on_print(m->metrics, c->collect, c->arg);
	if (err)
		return err;
	metrics_set(m->metrics, c->build_info, 0, 1);
	http.metrics = m->metrics;
	return metrics_http_open(&http, &m->http, d);
}

int
metrics_daemon_open(const struct metrics_daemon_config *c,
    struct metrics_daemon **out, struct diag *d)
{
	struct metrics_daemon *m = calloc(1, sizeof(*m));
	int err;

	*out = NULL;
	if (!m)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	err = open_parts(m, c, d);
	if (err) {
		metrics_daemon_close(m);
		return err;
	}
	*out = m;
	return 0;
}

void
metrics_daemon_close(struct metrics_daemon *m)
{
	if (!m)
		return;
	metrics_http_close(m->http);
	metrics_free(m->metrics);
	free(m);
}
