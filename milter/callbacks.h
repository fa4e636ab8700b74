/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The only door to libmilter: callbacks.c turns its calls into calls of
 * session.h and the verdict into milter replies.
 */
#ifndef MILTER_CALLBACKS_H
#define MILTER_CALLBACKS_H

#include "lib/base/diag.h"
#include "milter/service.h"

/*
 * Registers the filter and opens its socket (still with the caller's
 * privileges). listen: "unix:/path" or "inet:host:port" in Postfix's order.
 * Returns 0, AVER_CONF or AVER_IO with d filled.
 */
int callbacks_listen(struct service *s, const char *listen, struct diag *d);

/* Serves until callbacks_stop() or a failure; 0 or AVER_IO. */
int callbacks_run(void);
/* Makes callbacks_run() return; from another thread. */
void callbacks_stop(void);

#endif
