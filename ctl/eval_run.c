/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/eval_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/mail/addr.h"

#define ARENA_MAX ((size_t)512 * 1024 * 1024)
#define READ_STEP ((size_t)256 * 1024)

void
eval_state_init(struct eval_state *st)
{
	memset(st, 0, sizeof(*st));
	arena_init(&st->arena, ARENA_MAX);
}

void
eval_state_fini(struct eval_state *st)
{
	arena_fini(&st->arena);
	free(st->text);
	st->text = NULL;
}

static int
read_all(FILE *f, const char *path, char **text, size_t *n, struct diag *d)
{
	size_t cap = 0, got;

	*n = 0;
	do {
		if (cap - *n < READ_STEP) {
			char *p = realloc(*text, cap * 2 + READ_STEP);

			if (!p)
				return AVER_NOMEM;
			*text = p;
			cap = cap * 2 + READ_STEP;
		}
		got = fread(*text + *n, 1, READ_STEP, f);
		*n += got;
		if (*n > EVAL_MESSAGE_MAX)
			return diag_set(d, AVER_LIMIT, 0,
			    "%s: message above %zu octets", path,
			    EVAL_MESSAGE_MAX);
	} while (got > 0);
	if (ferror(f))
		return diag_set(d, AVER_IO, 0, "%s: %s", path, strerror(errno));
	return 0;
}

static int
read_message(
    struct eval_state *st, const char *path, struct str *out, struct diag *d)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(path, "rb");
	size_t n = 0;
	int err;

	if (!f)
		return diag_set(d, AVER_IO, 0, "%s: %s", path, strerror(errno));
	err = read_all(f, path, &st->text, &n, d);
	if (!is_stdin)
		fclose(f);
	*out = (struct str){st->text, n};
	return err;
}

static int
feed(struct eval_state *st, const char *path, struct diag *d)
{
	struct hdr_list headers = {0};
	struct str text, body;
	int err = read_message(st, path, &text, d);

	if (err)
		return err;
	if (hdr_split_message(&st->arena, text, &headers, &body))
		return diag_set(d, AVER_NOMEM, 0, "%s: out of memory", path);
	for (size_t i = 0; i < headers.n; i++)
		inbound_field(&st->inbound, headers.v[i].raw);
	inbound_eoh(&st->inbound);
	inbound_body(&st->inbound, body);
	return 0;
}

static void
add_rcpt(struct eval_state *st, struct str rcpt, struct inbound_facts *f)
{
	struct str *one = ARENA_ARRAY(&st->arena, struct str, 1), local;

	if (rcpt.n == 0 || !one)
		return;
	addr_split(addr_strip(rcpt), &local, &f->rcpt_domain);
	if (policy_rcpt_of(&st->arena, rcpt, one))
		return;
	f->rcpts = one;
	f->n_rcpts = 1;
}

int
eval_run(struct eval_state *st, const struct eval_setup *setup,
    const struct eval_request *rq, struct diag *d)
{
	struct inbound_facts facts;
	int err = 0;

	eval_state_fini(st);
	if (!setup->source) {
		*d = setup->no_dns;
		return AVER_CONF;
	}
	st->options = setup->options;
	st->options.methods = rq->methods;
	st->options.discovery = rq->discovery;
	if (rq->authserv_id.n)
		st->options.authserv_id = rq->authserv_id;
	dns_init(&st->dns, setup->source, &st->arena,
	    clock_mono_ms() + setup->deadline, setup->max_questions);
	st->dns.keep_log = setup->explain;
	facts = rq->facts;
	add_rcpt(st, rq->rcpt, &facts);
	inbound_begin(&st->inbound, &st->options, &st->arena, &st->dns, &facts);
	if (rq->path)
		err = feed(st, rq->path, d);
	if (err)
		return err;
	inbound_finish(&st->inbound);
	return 0;
}
