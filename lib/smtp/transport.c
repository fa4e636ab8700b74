/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/transport.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/base/name.h"
#include "lib/smtp/smtp_text.h"
#include "lib/smtp/transport_ops.h"

#define ARENA_MAX ((size_t)64 * 1024)
#define ADDRESS_ARENA_MAX ((size_t)16 * 1024)
#define DEFAULT_TIMEOUT_MS (5 * 60 * 1000)

static const char *const outcome_names[TRANSPORT_OUTCOME_COUNT] = {
    [TRANSPORT_SENT] = "sent",
    [TRANSPORT_TEMP] = "temp",
    [TRANSPORT_PERM] = "perm",
};

const char *
transport_outcome_name(enum transport_outcome o)
{
	return name_of(outcome_names, TRANSPORT_OUTCOME_COUNT, (int)o);
}

void
transport_answer(struct transport_reply *out, enum transport_outcome o,
    const char *status, int code, const char *fmt, ...)
{
	va_list ap;

	out->outcome = o;
	out->code = code;
	snprintf(out->status, sizeof(out->status), "%s", status);
	va_start(ap, fmt);
	vsnprintf(out->text, sizeof(out->text), fmt, ap);
	va_end(ap);
	for (char *p = out->text; *p; p++)
		if (!chars_is(*p, CH_PRINT))
			*p = '?';
}

static const struct transport_ops *
ops_of(enum transport_kind kind)
{
	switch (kind) {
	case TRANSPORT_SENDMAIL:
		return &transport_sendmail;
	case TRANSPORT_DIRECTORY:
		return &transport_directory;
	case TRANSPORT_SMTP:
	case TRANSPORT_SUBMISSION:
	case TRANSPORT_SUBMISSIONS:
		return &transport_smtp;
	case TRANSPORT_KIND_COUNT:
		break;
	}
	return NULL;
}

static const char *
name_of_url(struct transport *t)
{
	const struct transport_url *u = &t->url;
	bool v6 = u->literal && str_chr(u->host, ':') < u->host.n;
	struct buf b;

	buf_init(&b, &t->arena, 2048);
	buf_addf(&b, "%s:", transport_kind_name(u->kind));
	if (u->path.n)
		buf_add(&b, u->path);
	else
		buf_addf(&b, "//%s%.*s%s:%u", v6 ? "[" : "", STRF(u->host),
		    v6 ? "]" : "", u->port);
	return buf_ok(&b) ? buf_z(&b) : NULL;
}

static int
set_up(
    struct transport *t, const struct transport_config *config, struct diag *d)
{
	struct str url = arena_dup(&t->arena, str_from_z(config->url));

	if (url.n == 0)
		url = STR("sendmail:");
	if (!transport_url_parse(url, &t->url))
		return diag_set(d, AVER_CONF, 0, "no such transport");
	t->timeout_ms =
	    config->timeout_ms > 0 ? config->timeout_ms : DEFAULT_TIMEOUT_MS;
	t->name = name_of_url(t);
	t->path = arena_z(&t->arena, t->url.path);
	if (!t->name || !t->path)
		return AVER_NOMEM;
	t->ops = ops_of(t->url.kind);
	return t->ops->open(t, config, d);
}

int
transport_open(const struct transport_config *config, struct transport **out,
    struct diag *d)
{
	struct transport *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return AVER_NOMEM;
	arena_init(&t->arena, ARENA_MAX);
	err = set_up(t, config, d);
	if (err) {
		transport_close(t);
		return err;
	}
	*out = t;
	return 0;
}

void
transport_close(struct transport *t)
{
	if (!t)
		return;
	if (t->ops && t->state)
		t->ops->close(t);
	arena_fini(&t->arena);
	free(t);
}

const char *
transport_name(const struct transport *t)
{
	return t->name;
}

static void
send_checked(struct transport *t, const struct transport_message *m,
    struct arena *a, struct transport_stage *stage, struct transport_reply *out)
{
	struct transport_message clean = *m;
	bool utf8;

	if (smtp_mailbox(a, m->envelope_from, &clean.envelope_from, &utf8))
		transport_answer(out, TRANSPORT_PERM, "5.1.7", 0,
		    "the sender's address is none");
	else if (m->rcpt.n == 0 || smtp_mailbox(a, m->rcpt, &clean.rcpt, &utf8))
		transport_answer(out, TRANSPORT_PERM, "5.1.3", 0,
		    "the recipient's address is none");
	else if (stage && t->ops->stage)
		t->ops->stage(t, &clean, stage, out);
	else
		t->ops->send(t, &clean, out);
}

static enum transport_outcome
send_or_stage(struct transport *t, const struct transport_message *m,
    struct transport_stage *stage, struct transport_reply *out)
{
	struct arena a;

	memset(out, 0, sizeof(*out));
	arena_init(&a, ADDRESS_ARENA_MAX);
	send_checked(t, m, &a, stage, out);
	arena_fini(&a);
	return out->outcome;
}

enum transport_outcome
transport_send(struct transport *t, const struct transport_message *m,
    struct transport_reply *out)
{
	return send_or_stage(t, m, NULL, out);
}

bool
transport_can_stage(const struct transport *t)
{
	return t->ops->stage;
}

enum transport_outcome
transport_stage(struct transport *t, const struct transport_message *m,
    struct transport_stage *stage, struct transport_reply *out)
{
	stage->name[0] = '\0';
	return send_or_stage(t, m, stage, out);
}

enum transport_outcome
transport_sync(struct transport *t, struct transport_reply *out)
{
	memset(out, 0, sizeof(*out));
	if (t->ops->sync)
		t->ops->sync(t, out);
	return out->outcome;
}

enum transport_outcome
transport_deliver(struct transport *t, struct transport_stage *stage,
    struct transport_reply *out)
{
	memset(out, 0, sizeof(*out));
	if (*stage->name && t->ops->deliver)
		t->ops->deliver(t, stage->name, out);
	else
		transport_answer(
		    out, TRANSPORT_TEMP, "4.3.0", 0, "nothing is staged");
	stage->name[0] = '\0';
	return out->outcome;
}

void
transport_drop(struct transport *t, struct transport_stage *stage)
{
	if (*stage->name && t->ops->drop)
		t->ops->drop(t, stage->name);
	stage->name[0] = '\0';
}

void
transport_tidy(struct transport *t)
{
	if (t->ops->tidy)
		t->ops->tidy(t);
}
