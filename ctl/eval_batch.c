/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "ctl/eval_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/eval_json.h"
#include "ctl/eval_record.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/mail/addr.h"

#define LINE_MAX_OCTETS ((size_t)16 * 1024 * 1024)

static struct str
text_of(const json_t *rq, const char *key)
{
	const json_t *j = json_object_get(rq, key);

	return json_is_string(j)
		   ? (struct str){json_string_value(j), json_string_length(j)}
		   : STR_NONE;
}

static bool
kind_of(struct str kind, unsigned *methods)
{
	if (str_eq(kind, STR("spf")))
		*methods = INBOUND_SPF;
	else if (str_eq(kind, STR("dkim")))
		*methods = INBOUND_DKIM;
	else if (str_eq(kind, STR("arc")))
		*methods = INBOUND_ARC;
	else if (str_eq(kind, STR("dmarc")) || kind.n == 0)
		*methods = INBOUND_ALL;
	else
		return false;
	return true;
}

static int
fill_request(const json_t *j, struct eval_request *rq, struct diag *d)
{
	const json_t *now = json_object_get(j, "time");
	struct str ip = text_of(j, "ip");

	if (!kind_of(text_of(j, "kind"), &rq->methods))
		return diag_set(d, AVER_SYNTAX, 0, "unknown kind");
	if (ip.n && !ip_parse(ip, &rq->facts.ip))
		return diag_set(d, AVER_SYNTAX, 0, "ip: no IP address");
	rq->facts.helo = text_of(j, "helo");
	rq->facts.mail_from = addr_strip(text_of(j, "mailfrom"));
	rq->facts.smtputf8 = json_is_true(json_object_get(j, "smtputf8"));
	rq->facts.now =
	    json_is_integer(now) ? json_integer_value(now) : clock_now();
	rq->rcpt = text_of(j, "rcpt");
	rq->authserv_id = text_of(j, "receiver");
	rq->discovery = json_integer_value(json_object_get(j, "rfc")) == 7489
			    ? DMARC_PSL
			    : DMARC_TREEWALK;
	if (rq->methods != INBOUND_SPF)
		rq->path =
		    json_string_value(json_object_get(j, "message_file"));
	return 0;
}

static json_t *
answer(struct eval_state *st, const struct eval_setup *setup, const json_t *j,
    struct diag *d)
{
	struct eval_request rq = {0};

	if (str_eq(text_of(j, "kind"), STR("record")))
		return eval_record(j, d);
	if (fill_request(j, &rq, d) || eval_run(st, setup, &rq, d))
		return NULL;
	return eval_json(st);
}

static bool
one_line(struct eval_state *st, const struct eval_setup *setup,
    const char *line, size_t n, FILE *out)
{
	struct diag d = {{0}, 0};
	json_error_t e;
	json_t *j = NULL, *o = NULL, *id;

	if (n > LINE_MAX_OCTETS)
		diag_set(&d, AVER_LIMIT, 0, "line too long");
	else if (!(j = json_loadb(line, n, JSON_ALLOW_NUL, &e)))
		diag_set(&d, AVER_SYNTAX, 0, "not JSON: %s", e.text);
	else
		o = answer(st, setup, j, &d);
	if (!o) {
		o = json_object();
		json_object_set_new(o, "error", json_string(d.text));
	}
	id = json_object_get(j, "id");
	if (id)
		json_object_set(o, "id", id);
	json_dumpf(o, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(o);
	json_decref(j);
	return fflush(out) == 0;
}

int
eval_batch(const struct eval_setup *setup, FILE *in, FILE *out)
{
	struct eval_state st;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int status = 0;

	eval_state_init(&st);
	while (status == 0 && (n = getline(&line, &cap, in)) > 0)
		if (!one_line(&st, setup, line, (size_t)n, out))
			status = 1;
	if (ferror(in)) {
		fprintf(
		    stderr, "aver eval: standard input: %s\n", strerror(errno));
		status = 1;
	}
	free(line);
	eval_state_fini(&st);
	return status;
}
