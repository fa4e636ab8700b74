/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/tls_conf.h"

#include <string.h>

#include "tlspolicy/tls_table_file.h"

#define OLDEST "3.4"

bool
tls_conf_is_auto(const struct conf *c)
{
	return strcmp(c->postfix_version, "auto") == 0;
}

static int
check_version(const struct conf *c, struct buf *errors)
{
	struct str version = str_from_z(c->postfix_version);
	struct render_profile p;
	struct diag d = {"", 0};
	int err;

	if (tls_conf_is_auto(c))
		return 0;
	err = render_profile_postfix(version, &p, &d);
	if (err)
		buf_addf(errors, "parameter postfix_version: %s\n", d.text);
	return err;
}

static int
check_file(enum tls_file_kind kind, const char *path, struct buf *errors)
{
	return *path ? tls_file_check(kind, path, errors) : 0;
}

int
tls_conf_check(const struct conf *c, struct buf *errors)
{
	int version = check_version(c, errors);
	int policy = check_file(TLS_FILE_POLICY, c->tls_policy_table, errors);
	int require =
	    check_file(TLS_FILE_REQUIRE, c->require_tls_table, errors);

	if (version)
		return version;
	return policy ? policy : require;
}

static enum requiretls_default
requiretls_of(enum conf_requiretls v)
{
	switch (v) {
	case CONF_REQUIRETLS_ENFORCE:
		break;
	case CONF_REQUIRETLS_STARTTLS:
		return REQUIRETLS_OPPORTUNISTIC_STARTTLS;
	case CONF_REQUIRETLS_OPPORTUNISTIC:
		return REQUIRETLS_OPPORTUNISTIC;
	case CONF_REQUIRETLS_DISABLE:
		return REQUIRETLS_DISABLE;
	}
	return REQUIRETLS_ENFORCE;
}

const char *
tls_conf_version(const struct conf *c, const char *said)
{
	struct render_profile p;

	if (!tls_conf_is_auto(c))
		return c->postfix_version;
	return render_profile_postfix(str_from_z(said), &p, NULL) ? OLDEST
								  : said;
}

const char *
tls_conf_level(const struct conf *c, const char *said)
{
	if (strcmp(c->postfix_tls_security_level, "auto") == 0)
		return said;
	return c->postfix_tls_security_level;
}

int
tls_conf_render(const struct conf *c, const char *said, const char *level,
    struct render_config *out, struct diag *d)
{
	struct render_profile *p = &out->profile;
	struct diag why = {"", 0};
	int err = render_profile_postfix(
	    str_from_z(tls_conf_version(c, said)), p, &why);

	if (err)
		return diag_set(
		    d, err, 0, "parameter postfix_version: %s", why.text);
	level = tls_conf_level(c, level);
	p->base =
	    level ? render_base_of(str_from_z(level)) : RENDER_BASE_UNKNOWN;
	out->requiretls_policy = requiretls_of(c->requiretls_policy);
	return 0;
}
