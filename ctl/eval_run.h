/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* One evaluation for `aver eval`, from facts and a file. */
#ifndef CTL_EVAL_RUN_H
#define CTL_EVAL_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/diag.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"
#include "lib/inbound/inbound.h"
#include "lib/policy/policy_file.h"

/* Fixed for the run of the program. */
struct eval_setup {
	struct arena arena; /* of the engine */
	struct policy_file *table; /* NULL: none */
	struct inbound_options options;
	struct dns_source *source; /* NULL: no_dns says why */
	struct diag no_dns;
	int64_t deadline; /* milliseconds for one message */
	unsigned max_questions;
	bool explain; /* keep the log of questions */
	char authserv_id[256];
};

struct eval_request {
	unsigned methods; /* enum inbound_method */
	struct inbound_facts facts;
	struct str rcpt; /* of the message; empty: not given */
	struct str authserv_id; /* empty: of the setup */
	enum dmarc_discovery discovery;
	const char *path; /* of the message; NULL: there is none */
};

/* Everything of one evaluation; reset and used again for the next. */
struct eval_state {
	struct arena arena;
	struct inbound_options options;
	struct dns dns;
	struct inbound inbound;
	char *text; /* of the message, malloc */
};

#define EVAL_MESSAGE_MAX ((size_t)256 * 1024 * 1024)

void eval_state_init(struct eval_state *st);
void eval_state_fini(struct eval_state *st);

/*
 * Evaluates; the results stand in st->inbound until the next call. Returns 0,
 * or AVER_IO (message unreadable), AVER_LIMIT, AVER_NOMEM with d filled.
 */
int eval_run(struct eval_state *st, const struct eval_setup *setup,
    const struct eval_request *rq, struct diag *d);

#endif
