/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "tlspolicy/tls_conf.h"

#include "tlspolicy/render.h"
#include "tlspolicy/tls_table_file.h"

static int
check_version(const struct conf *c, struct buf *errors)
{
	struct str version = str_from_z(c->postfix_version);
	struct render_profile p;
	struct diag d = {"", 0};
	int err;

	if (str_eq(version, STR("auto")))
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
