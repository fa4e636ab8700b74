/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the operator configured about TLS, as far as it shows only in use. */
#ifndef TLSPOLICY_TLS_CONF_H
#define TLSPOLICY_TLS_CONF_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "tlspolicy/render.h"

/*
 * The two tables and the version of Postfix. Appends a line for each error.
 * Returns 0 or AVER_CONF (AVER_NOMEM).
 */
int tls_conf_check(const struct conf *c, struct buf *errors);

/* The version of Postfix is to be found out. */
bool tls_conf_is_auto(const struct conf *c);

/*
 * The version that answers are for. said: by Postfix, for tls_conf_is_auto();
 * where that is none, or empty, the oldest counts.
 */
const char *tls_conf_version(const struct conf *c, const char *said);

/*
 * The level of main.cf. said: by Postfix, for postfix_tls_security_level =
 * auto; NULL when nobody could be asked.
 */
const char *tls_conf_level(const struct conf *c, const char *said);

/*
 * How answers are to be rendered. said, level: as above. Returns 0 or AVER_CONF
 * with d filled.
 */
int tls_conf_render(const struct conf *c, const char *said, const char *level,
    struct render_config *out, struct diag *d);

#endif
