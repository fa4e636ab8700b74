/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt. What was parsed
 * holds nothing but what the grammar allows: the patterns are A-labels of
 * letters, digits and "-", with or without "*." in front.
 */
#ifndef TLSPOLICY_STS_POLICY_H
#define TLSPOLICY_STS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"

#define STS_POLICY_OCTETS_MAX ((size_t)65536)
#define STS_POLICY_MX_MAX ((size_t)10000)
#define STS_MAX_AGE ((uint32_t)31557600) /* one year */
/* Arena octets that are enough for any policy within these bounds. */
#define STS_POLICY_MEMORY ((size_t)1 << 20)

/* Values are kept in the store: only ever append. */
enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE, STS_MODE_COUNT };

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age; /* seconds; at most STS_MAX_AGE, more is cut to it */
	const struct str *mx; /* lower case, each once, in order */
	size_t n_mx; /* 0 only with STS_NONE */
	struct str text; /* what was parsed, as fetched */
};

/* "none", "testing", "enforce" */
const char *sts_mode_name(enum sts_mode mode);

/*
 * All of out but out->text, the view given, lives in the arena. Returns 0,
 * AVER_SYNTAX with "line N: ..." in d, AVER_LIMIT (too long or too many
 * patterns), AVER_NOMEM.
 */
int sts_policy_parse(
    struct arena *a, struct str text, struct sts_policy *out, struct diag *d);

/*
 * Cuts the next line off *rest, without its end and the white space before it;
 * false when nothing is left. For the policy strings of reports.
 */
bool sts_policy_line(struct str *rest, struct str *line);

/* The value of a Content-Type field names text/plain, whatever parameters. */
bool sts_policy_content_type(struct str value);

#endif
