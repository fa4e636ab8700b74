/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the operator configured, as the pipeline wants it. */
#ifndef INBOUND_INBOUND_CONF_H
#define INBOUND_INBOUND_CONF_H

#include "lib/conf/conf.h"
#include "lib/inbound/inbound.h"

/* authserv_id, engine, psl and show_dnssec are the caller's. */
void inbound_options_from_conf(struct inbound_options *o, const struct conf *c);

#endif
