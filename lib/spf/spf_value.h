/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Values of macro letters (RFC 7208 section 7.2) and the validated names of
 * the client, which both %{p} and ptr need (section 5.5).
 */
#ifndef SPF_SPF_VALUE_H
#define SPF_SPF_VALUE_H

#include "lib/spf/spf_ctx.h"

/*
 * For struct spf_macro_source; arg is the struct spf_ctx. The value is valid
 * until the next call.
 */
struct str spf_value(void *arg, char letter);

/* Is a validated name of the client target or below it? */
enum spf_match spf_match_ptr(struct spf_ctx *c, const struct dname *target);

#endif
