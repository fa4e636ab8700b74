/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the operator configured about TLS, as far as it shows only in use. */
#ifndef TLSPOLICY_TLS_CONF_H
#define TLSPOLICY_TLS_CONF_H

#include "lib/base/buf.h"
#include "lib/conf/conf.h"

/*
 * The two tables and the version of Postfix. Appends a line for each error.
 * Returns 0 or AVER_CONF (AVER_NOMEM).
 */
int tls_conf_check(const struct conf *c, struct buf *errors);

#endif
