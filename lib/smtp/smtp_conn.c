/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/smtp/smtp_conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/chars.h"
#include "lib/base/clock.h"
#include "lib/base/name.h"

static const char *const stage_names[SMTP_STAGE_COUNT] = {
    [SMTP_AT_CONNECT] = "connect",
    [SMTP_AT_GREETING] = "greeting",
    [SMTP_AT_EHLO] = "EHLO",
    [SMTP_AT_STARTTLS] = "STARTTLS",
    [SMTP_AT_HANDSHAKE] = "TLS handshake",
    [SMTP_AT_AUTH] = "AUTH",
    [SMTP_AT_MAIL] = "MAIL",
    [SMTP_AT_RCPT] = "RCPT",
    [SMTP_AT_DATA] = "DATA",
    [SMTP_AT_BODY] = "message",
    [SMTP_AT_END] = "end of message",
};

const char *
smtp_stage_name(enum smtp_stage s)
{
	return name_of(stage_names, SMTP_STAGE_COUNT, (int)s);
}

static int64_t
reply_deadline(const struct smtp *c, int times)
{
	int64_t until = clock_mono_ms() + times * c->s->command_ms;

	return until < c->deadline ? until : c->deadline;
}

bool
smtp_conn_write(struct smtp *c, struct str octets)
{
	return smtp_io_write(&c->io, octets, reply_deadline(c, 1));
}

bool
smtp_conn_reply(struct smtp *c, int times)
{
	int64_t until = reply_deadline(c, times);
	enum smtp_feed f = SMTP_FEED_MORE;

	smtp_reply_init(&c->reply);
	while (f == SMTP_FEED_MORE) {
		struct str in = smtp_io_pending(&c->io), rest = in;

		if (in.n == 0 && !smtp_io_fill(&c->io, until))
			return false;
		f = smtp_reply_feed(&c->reply, &rest);
		smtp_io_consume(&c->io, in.n - rest.n);
	}
	if (f == SMTP_FEED_BAD) {
		snprintf(c->io.why, sizeof(c->io.why), "no SMTP reply: %s",
		    c->reply.wrong);
		c->io.dead = true;
		return false;
	}
	/* RFC 5321 section 3.8: 421 may come at any time */
	if (c->reply.code == 421)
		c->goodbye = true;
	return true;
}

bool
smtp_conn_command(struct smtp *c, struct str line)
{
	struct buf b;
	bool ok;

	buf_init(&b, NULL, 16384);
	buf_add(&b, line);
	buf_add_z(&b, "\r\n");
	ok = buf_ok(&b) && smtp_conn_write(c, buf_str(&b));
	buf_fini(&b);
	return ok && smtp_conn_reply(c, 1);
}

static bool
reusable(const struct smtp *c)
{
	return !c->io.dead && !c->goodbye;
}

void
smtp_conn_end_reply(
    const struct smtp *c, enum smtp_stage stage, struct smtp_end *end)
{
	int class = c->reply.code / 100;

	memset(end, 0, sizeof(*end));
	end->outcome = class == 5   ? SMTP_PERM
		       : class == 2 ? SMTP_OK
				    : SMTP_TEMP;
	end->stage = stage;
	end->code = c->reply.code;
	end->status = smtp_reply_status(&c->reply);
	if (end->status.class == 0)
		end->status.class =
		    class == 5 || class == 2 ? (uint8_t) class : 4;
	smtp_reply_print(&c->reply, end->text, sizeof(end->text));
	end->reusable = reusable(c);
}

static void
set_text(struct smtp_end *end, const char *fmt, va_list ap)
{
	vsnprintf(end->text, sizeof(end->text), fmt, ap);
	for (char *p = end->text; *p; p++)
		if (!chars_is(*p, CH_PRINT))
			*p = '?';
}

void
smtp_conn_end(struct smtp_end *end, enum smtp_outcome outcome,
    enum smtp_stage stage, const char *status, const char *fmt, ...)
{
	size_t length;
	va_list ap;

	memset(end, 0, sizeof(*end));
	end->outcome = outcome;
	end->stage = stage;
	smtp_status_parse(str_from_z(status), &end->status, &length);
	va_start(ap, fmt);
	set_text(end, fmt, ap);
	va_end(ap);
}

void
smtp_conn_end_lost(
    const struct smtp *c, enum smtp_stage stage, struct smtp_end *end)
{
	/* RFC 3463 section 3.5: no answer from host, bad connection */
	smtp_conn_end(end, SMTP_TEMP, stage,
	    stage == SMTP_AT_CONNECT ? "4.4.1" : "4.4.2", "%s: %s",
	    smtp_stage_name(stage),
	    c->io.why[0] ? c->io.why : "connection lost");
	end->in_doubt = stage == SMTP_AT_END;
}
