/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* SASL where the build has none. */
#include "lib/base/err.h"
#include "lib/smtp/sasl.h"

bool
sasl_available(void)
{
	return false;
}

bool
sasl_known(struct str name)
{
	(void)name;
	return false;
}

int
sasl_open(const struct sasl_want *want, struct sasl **out, const char **name,
    struct diag *d)
{
	(void)want;
	(void)out;
	(void)name;
	return diag_set(d, AVER_CONF, 0, "this build has no SASL");
}

int
sasl_step(
    struct sasl *s, const char *challenge, struct buf *out, struct diag *d)
{
	(void)s;
	(void)challenge;
	(void)out;
	return diag_set(d, AVER_BUG, 0, "this build has no SASL");
}

bool
sasl_done(const struct sasl *s)
{
	(void)s;
	return false;
}

void
sasl_close(struct sasl *s)
{
	(void)s;
}
