/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the operator configured, as the pipeline wants it. */
#ifndef INBOUND_INBOUND_CONF_H
#define INBOUND_INBOUND_CONF_H

#include "lib/conf/conf.h"
#include "lib/inbound/inbound.h"

/*
 * Strings of *o are views of c; lists live in the arena. authserv_id, engine,
 * psl, table and show_dnssec are the caller's. Returns 0, AVER_CONF with d
 * naming the parameter (a reply template), or AVER_NOMEM.
 */
int inbound_options_from_conf(struct inbound_options *o, const struct conf *c,
    struct arena *a, struct diag *d);

/*
 * What of c only shows when it is put to use: reply templates, the policy
 * table. Appends a line for each error. Returns 0 or AVER_CONF.
 */
int inbound_conf_check(const struct conf *c, struct buf *errors);

#endif
