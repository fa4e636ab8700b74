/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* What the commands about TLS policy share: an engine and its options. */
#ifndef CTL_TLS_SETUP_H
#define CTL_TLS_SETUP_H

#include <stdbool.h>

#include "ctl/eval_source.h"
#include "lib/base/diag.h"
#include "lib/conf/conf.h"
#include "lib/mta/postfix.h"
#include "tlspolicy/engine.h"
#include "tlspolicy/render.h"
#include "tlspolicy/tls_table_file.h"

#define TLS_ARENA ((size_t)8 << 20) /* for one destination, with its log */

struct tls_options {
	struct eval_source_options source;
	bool answers; /* are rendered: Postfix is asked what it takes */
	const char *postfix; /* a version, with answers; NULL: this host's */
	bool writes; /* what is fetched is kept in the store */
	bool no_engine; /* the store alone is looked at */
};

/*
 * Reads the options, after which optind is at the first argument; those of json
 * and postfix are known unless json is NULL. NULL, or what is wrong: "" when
 * getopt_long() has said so.
 */
const char *
tls_options_parse(struct tls_options *o, bool *json, int argc, char **argv);

struct tls_setup {
	const struct conf *conf;
	struct dns_source *dns;
	struct tls_file *table; /* NULL: none */
	struct engine *engine;
	struct render_config render;
	/* with answers: what they are for */
	char postfix[POSTFIX_VALUE_MAX]; /* the version */
	bool knows_level;
	char level[POSTFIX_VALUE_MAX]; /* smtp_tls_security_level */
};

/* Returns 0 or an aver_err with d filled; *s has to be closed in any case. */
int tls_setup_open(const struct conf *c, const struct tls_options *o,
    struct tls_setup *s, struct diag *d);
void tls_setup_close(struct tls_setup *s);
/* Till when one destination may take. */
int64_t tls_setup_deadline(const struct tls_setup *s);

#endif
