/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* A decision about a destination as text for people and as JSON. */
#ifndef CTL_QUERY_PRINT_H
#define CTL_QUERY_PRINT_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "tlspolicy/engine.h"
#include "tlspolicy/render.h"

struct query_result {
	struct str key; /* as asked */
	const struct tls_decision *decision;
	const struct tls_decision *for_sts; /* the one behind the map "sts" */
	const struct engine_detail *detail;
	const struct render_config *render;
	const char *postfix; /* the version of render */
	const char *level; /* smtp_tls_security_level; NULL: not known */
	int64_t now; /* seconds */
	struct arena *arena; /* for the answers */
};

void query_print(const struct query_result *r, FILE *out);
/* A new object; NULL when memory is out. */
json_t *query_json(const struct query_result *r);

#endif
