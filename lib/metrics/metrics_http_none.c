/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* Instead of metrics_http.c when built --without-metrics. */

#include "lib/metrics/metrics_http.h"

#include "lib/base/err.h"

int
metrics_http_open(const struct metrics_http_config *c,
    struct metrics_http **out, struct diag *d)
{
	*out = NULL;
	if (!*c->listen)
		return 0;
	return diag_set(d, AVER_CONF, 0,
	    "cannot serve metrics on %s: built without libmicrohttpd",
	    c->listen);
}

void
metrics_http_close(struct metrics_http *h)
{
	(void)h;
}

bool
metrics_http_built(void)
{
	return false;
}
